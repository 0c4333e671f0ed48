"""What a read-back changes: its items are as wanted, or are sent again, or their attempts are spent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from walead_async.bulk.outcomes import End
from walead_async.bulk.pieces import gathered
from walead_async.bulk.standing import BUDGET_SPENT
from walead_async.errors import OutcomeUnknownError, ServerError
from walead_async.models import Status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from walead_async.bulk.outcomes import Batch
    from walead_async.bulk.pieces import Piece
    from walead_async.bulk.standing import Standing
    from walead_async.bulk.unclear import ReadBack
    from walead_async.errors import WaleadError

__all__ = ["begin", "failed", "told"]

#: How often an item is sent in all, while read-backs show each time that it was not carried out.
MOST_SENDS = 3
#: How often a read-back is tried for the same items.
MOST_READS = 2


def begin(standing: Standing) -> ReadBack:
    """Start a read-back of everything that is open."""
    standing.reading = True
    return standing.unclear.take()


def told(standing: Standing, pieces: Sequence[Piece], present: Mapping[str, bool]) -> None:
    """A read-back told which keys stand in the list."""
    standing.reading = False
    standing.endings.answered()
    again: dict[int, list[tuple[Batch, int]]] = {}
    for piece in pieces:
        wanted: list[tuple[Batch, int]] = []
        others: list[tuple[Batch, int]] = []
        for batch, index in piece:
            as_wanted = present[batch.keys[index]] is standing.operation.blocks
            (wanted if as_wanted else others).append((batch, index))
        if wanted:
            standing.endings.went_through()
            gathered(wanted).settle(piece.found)
        if others and not _settled(standing, piece, others):
            again.setdefault(piece.sends, []).extend(others)
    for sends, members in again.items():
        _send_again(standing, members, sends)
    if standing.endings.hopeless and pieces[-1].error is not None:
        standing.end(pieces[-1].error)


def _settled(standing: Standing, piece: Piece, members: Sequence[tuple[Batch, int]]) -> bool:
    """Decide on the items of a piece that are not as wanted. False if they are to be sent again as they are."""
    rest = gathered(members)
    rest.knows_of(piece)
    rest.absent = True
    suspect = piece.suspect and isinstance(piece.error, ServerError)
    if piece.refused and len(piece) > 1:
        standing.leave(rest, BUDGET_SPENT, piece.error)
    elif piece.refused:
        standing.settle_refused(rest)
    elif standing.ended_by is not None:
        rest.settle(End(Status.UNKNOWN, "not done when last read, and the run ended", standing.ended_by))
    elif suspect and len(piece) > 1:
        standing.bisect_suspect(rest)
    elif suspect or piece.sends >= MOST_SENDS:
        detail = f"not done when last read, and all attempts are spent; the last said: {piece.error}"
        rest.settle(End(Status.UNKNOWN, detail, piece.error))
    else:
        return False
    return True


def _send_again(standing: Standing, members: Sequence[tuple[Batch, int]], sends: int) -> None:
    """Items of many batches that were not carried out share as few requests as they can."""
    whole = gathered(members)
    whole.wires = standing.operation.entries(whole.items).wires
    whole.sends, whole.tried, whole.absent = sends, True, True
    whole.error = OutcomeUnknownError("not done when last read")
    standing.waiting.again(reversed(whole.cut(standing.limits.cut(whole.wires))))


def failed(standing: Standing, pieces: Sequence[Piece], error: WaleadError) -> None:
    """A read-back came to nothing: once more, if the budget allows it, or else the items stay unknown."""
    standing.reading = False
    standing.count_answer(error)
    if standing.endings.hopeless:
        standing.end(error)
    for piece in pieces:
        piece.reads += 1
    once_more = standing.may_read and any(piece.reads < MOST_READS for piece in pieces) and standing.take_retry()
    for piece in pieces:
        if once_more and piece.reads < MOST_READS:
            standing.unclear.add(piece)
        else:
            standing.stays_open(piece, f"the read-back failed: {error}", error)
