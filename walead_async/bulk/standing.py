"""Where a run stands: what waits, what is open, what ended it; and the ways in which a piece leaves the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from walead_async.bulk.bisection import parts
from walead_async.bulk.decisions import Endings, got_no_answer, reading_is_hopeless
from walead_async.bulk.outcomes import DONE, End
from walead_async.bulk.unclear import Unclear
from walead_async.bulk.waiting import Waiting
from walead_async.errors import ConflictError
from walead_async.models import Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from walead_async.bulk.batches import BatchLimits
    from walead_async.bulk.operation import Operation, Verify
    from walead_async.bulk.pieces import Piece
    from walead_async.errors import WaleadError

__all__ = ["Standing"]

BEFORE_ITS_TURN = "the run ended before its turn"
REFUSED_IN_BATCH = "refused as part of a batch, and the run ended before it was tried alone"
BUDGET_SPENT = "not tried on its own, since the session's retry budget is spent"
NOT_READ = "it was not read back"
NO_SUCH_RECORD = End(
    Status.ALREADY, "there is no such record; a person, with all their records, is unblocked by unblock_identifiers"
)
PERHAPS_NO_RECORD = End(
    Status.DONE,
    "not there when last read; the service removed fewer records than asked for, so this may not have been one: a "
    "person, with all their records, is unblocked by unblock_identifiers",
)
BLOCKED_BEFORE = End(Status.ALREADY, "was blocked before")


class Standing:
    """What is open in a run.

    `under_way` counts the pieces that are being sent, `reading` tells whether a read-back is under way, `ended_by` is
    the error that ended the run. `already` is the end of an item that was as wanted before, `perhaps_already` of one
    that may have been.
    """

    def __init__(
        self, operation: Operation, verify: Verify, limits: BatchLimits, take_retry: Callable[[], bool]
    ) -> None:
        self.operation = operation
        self.verify = verify
        self.take_retry = take_retry
        self.already = BLOCKED_BEFORE if operation.blocks else NO_SUCH_RECORD
        self.perhaps_already = DONE if operation.blocks else PERHAPS_NO_RECORD
        self.limits = limits
        self.waiting = Waiting(take_retry)
        self.unclear = Unclear()
        self.endings = Endings()
        self.under_way = 0
        self.reading = False
        self.ended_by: WaleadError | None = None

    @property
    def may_read(self) -> bool:
        """Whether a read-back is allowed and can succeed."""
        return self.verify != "never" and not reading_is_hopeless(self.ended_by)

    def count_answer(self, error: WaleadError) -> None:
        """Count towards the end of the run that a request failed."""
        if got_no_answer(error):
            self.endings.was_silent(error.attempts)
        else:
            self.endings.answered()

    def first_attempt(self, piece: Piece) -> None:
        """A piece was pulled from the source."""
        if self.ended_by is None:
            self.waiting.first_attempt(piece)
        else:
            self.leave(piece, BEFORE_ITS_TURN, self.ended_by)

    def leave_open(self, piece: Piece, error: WaleadError, found: End = DONE) -> None:
        """Nobody knows whether this was carried out: it waits for a read-back, and ends as `found` if that finds it."""
        piece.error, piece.found = error, found
        piece.tried, piece.absent = True, False
        piece.sends += 1
        self.read_back_or_give_up(piece)

    def read_back_or_give_up(self, piece: Piece) -> None:
        """Let a read-back settle a piece, if one may be made."""
        if self.may_read:
            self.unclear.add(piece)
        else:
            self.stays_open(piece, NOT_READ)

    def stays_open(self, piece: Piece, why: str, error: WaleadError | None = None) -> None:
        """No read-back will settle this piece."""
        if piece.refused and not piece.tried and len(piece) > 1:
            self.leave(piece, BUDGET_SPENT, piece.error)
        else:
            piece.settle(End(Status.UNKNOWN, f"{piece.error}; {why}", error or piece.error))

    def settle_refused(self, piece: Piece) -> None:
        """A single item was refused, and is not as wanted."""
        self.endings.item_refused(piece.places[0][0].first)
        piece.settle(End(Status.REFUSED, str(piece.error), piece.error))

    def bisect_suspect(self, piece: Piece) -> None:
        """Send a piece that a 5xx stayed with in parts, each for a retry token."""
        pieces = piece.cut(parts(len(piece), too_large=False)) if len(piece) > 1 else [piece]
        self.waiting.again(reversed(pieces))

    def leave(self, piece: Piece, why: str, error: WaleadError | None) -> None:
        """Send a piece no more. What may have been carried out by an earlier request is read back, or else unknown."""
        if piece.tried and not piece.absent and self.may_read:
            self.unclear.add(piece)
        else:
            piece.settle(End(Status.UNKNOWN if piece.tried else Status.NOT_SENT, why, error))

    def give_up_waiting(self) -> bool:
        """Give up what waits for the retry budget, since nothing is under way that would fill it."""
        given_up = self.waiting.take_all()
        for piece in given_up:
            if isinstance(piece.error, ConflictError) and self.operation.blocks and self.may_read:
                # Most of them are blocked already, and one read-back tells which.
                piece.refused = True
                piece.found = DONE if piece.tried else self.already
                self.unclear.add(piece)
            else:
                self.leave(piece, BUDGET_SPENT, piece.error)
        return bool(given_up)

    def end(self, error: WaleadError) -> None:
        """End the run: what waits is not sent, and what is open is read back only if that can succeed."""
        if self.ended_by is not None:
            return
        self.ended_by = error
        for piece in self.waiting.take_all():
            self.leave(piece, BEFORE_ITS_TURN if piece.error is None else REFUSED_IN_BATCH, error)
        if not self.may_read and self.unclear:
            for piece in self.unclear.take().pieces:
                self.stays_open(piece, NOT_READ)
