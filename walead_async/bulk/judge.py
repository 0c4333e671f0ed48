"""What an answer, an error or a read-back changes: its items are settled, wait to be sent again, or stay open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from walead_async.bulk.bisection import parts
from walead_async.bulk.decisions import Endings, Meaning, got_no_answer, meaning_of, reading_is_hopeless
from walead_async.bulk.outcomes import DONE, End
from walead_async.bulk.pieces import gathered
from walead_async.bulk.unclear import Unclear
from walead_async.bulk.waiting import Waiting
from walead_async.errors import (
    APIError,
    ConflictError,
    NotFoundError,
    OutcomeUnknownError,
    PayloadTooLargeError,
    ServerError,
    WaleadError,
)
from walead_async.models import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from walead_async.bulk.batches import BatchLimits
    from walead_async.bulk.operation import Answer, Operation
    from walead_async.bulk.outcomes import Batch
    from walead_async.bulk.pieces import Piece
    from walead_async.bulk.unclear import ReadBack
    from walead_async.transport.messages import Response

__all__ = ["Judge", "Verify"]

#: When to read back: where an answer leaves items open, after every batch, or never.
Verify = Literal["unclear", "always", "never"]

#: How often an item is sent in all, while read-backs show each time that it was not carried out.
MOST_SENDS = 3
#: How often a read-back is tried for the same items.
MOST_READS = 2

REFUSED_IN_BATCH = "refused as part of a batch, and the run ended before it was tried alone"
BUDGET_SPENT = "not tried on its own, since the session's retry budget is spent"
NO_SUCH_RECORD = End(
    Status.ALREADY, "there is no such record; a person, with all their records, is unblocked by unblock_identifiers"
)
BLOCKED_BEFORE = End(Status.ALREADY, "was blocked before")


class Judge:
    """Holds what is open in a run: what waits, what is unclear, what the answers so far say of the run itself.

    `under_way` counts the pieces that are being sent, `reading` tells whether a read-back is under way, `ended_by` is
    the error that ended the run.
    """

    def __init__(
        self, operation: Operation, verify: Verify, limits: BatchLimits, take_retry: Callable[[], bool]
    ) -> None:
        self._operation = operation
        self._verify = verify
        self._take_retry = take_retry
        self._already = BLOCKED_BEFORE if operation.blocks else NO_SUCH_RECORD
        self._bisected_after_5xx = False
        self.limits = limits
        self.waiting = Waiting(take_retry)
        self.unclear = Unclear()
        self.endings = Endings()
        self.under_way = 0
        self.reading = False
        self.ended_by: WaleadError | None = None

    def first_attempt(self, piece: Piece) -> None:
        """A piece that was never sent."""
        if self.ended_by is None:
            self.waiting.first_attempt(piece)
        else:
            self._leave(piece, "the run ended before its turn", self.ended_by)

    def answered(self, piece: Piece, response: Response) -> None:
        """The service answered a piece with success."""
        self.under_way -= 1
        self.endings.went_through()
        piece.tried = piece.tried or response.maybe_repeated
        try:
            answer = self._operation.answer(response, piece.keys)
        except WaleadError as error:
            self._leave_open(piece, error)
            return
        self.limits = self.limits.after_success(len(piece), piece.size)
        if answer.ends is not None:
            self._itemised(piece, answer.ends, response)
        elif answer.count == len(piece):
            self._confirmed(piece)
        else:
            piece.unchanged = answer.count == 0 and not piece.tried
            self._leave_open(piece, OutcomeUnknownError(_odd_count(answer, len(piece))))

    def _confirmed(self, piece: Piece) -> None:
        if self._verify == "always":
            self._leave_open(piece, OutcomeUnknownError("the service confirmed it, and no read-back did"))
        else:
            self.unclear.clear_answer()
            piece.settle(DONE)

    def _itemised(self, piece: Piece, ends: Mapping[str, tuple[Status, str | None]], response: Response) -> None:
        """Sort the items of an answer that names an end for each."""
        sorted_by: dict[tuple[Status, str | None] | None, list[tuple[Batch, int]]] = {}
        for batch, index in piece:
            sorted_by.setdefault(ends.get(batch.keys[index]), []).append((batch, index))
        for said, members in sorted_by.items():
            part = gathered(members)
            part.knows_of(piece)
            if said is None:
                self._leave_open(part, OutcomeUnknownError("the service's answer does not name it"))
            elif said[0] is Status.REFUSED:
                self._refused_by_name(part, said[1] or "", response)
            elif said[0] is Status.ALREADY and not part.tried:
                part.unchanged = True
                self._already_so(part, End(Status.ALREADY, said[1] or self._already.detail))
            else:
                self._confirmed(part)

    def _already_so(self, piece: Piece, end: End) -> None:
        if self._verify == "always":
            self._leave_open(piece, OutcomeUnknownError("the service says that it was so before"))
        else:
            piece.settle(end)

    def _refused_by_name(self, piece: Piece, words: str, response: Response) -> None:
        method = "POST" if self._operation.blocks else "DELETE"
        error = APIError(words, status=response.status, method=method, path=self._operation.path)
        for lone in piece.cut(slice(at, at + 1) for at in range(len(piece))):
            self._refused_alone(lone, error)

    def failed(self, piece: Piece, error: WaleadError) -> None:
        """A piece failed, after all the attempts that the session makes."""
        self.under_way -= 1
        piece.error = error
        if error.maybe_applied:
            piece.tried, piece.absent = True, False
        self._count_answer(error)
        match meaning_of(error, missing_means=self._operation.missing_means):
            case Meaning.RUN:
                self._leave(piece, "the service turned its whole batch away", error)
                self.end(error)
            case Meaning.REFUSED:
                self._refused(piece, error)
            case Meaning.TURNED_AWAY:
                self._leave(piece, "it was not sent, or the service did not take it", error)
            case Meaning.OPEN:
                self._no_clear_answer(piece, error)
        if self.endings.hopeless:
            self.end(error)

    def _count_answer(self, error: WaleadError) -> None:
        if got_no_answer(error):
            self.endings.was_silent(error.attempts)
        else:
            self.endings.answered()

    def _refused(self, piece: Piece, error: WaleadError) -> None:
        if isinstance(error, PayloadTooLargeError):
            self.limits = self.limits.after_too_large(len(piece), piece.size)
        if len(piece) == 1:
            self._refused_alone(piece, error)
            return
        self.endings.batch_refused()
        if self.ended_by is not None:
            self._leave(piece, REFUSED_IN_BATCH, self.ended_by)
        elif error.maybe_applied and not self._operation.blocks:
            # An earlier attempt may have been carried out, so that sending it again would be a guess.
            self._leave_open(piece, error)
        else:
            self.waiting.refused(piece)

    def _refused_alone(self, piece: Piece, error: WaleadError) -> None:
        """A single item was refused: by its own fault, or because it is as wanted already."""
        blocks = self._operation.blocks
        if isinstance(error, NotFoundError) and not blocks:
            self.endings.went_through()
            piece.settle(DONE if piece.tried else NO_SUCH_RECORD)
            return
        piece.error, piece.refused = error, True
        may_be_so = isinstance(error, ConflictError) and blocks and self._verify != "never"
        if not piece.tried and not may_be_so:
            self._settle_refused(piece)
        elif self._may_read:
            self.unclear.add(piece)
        else:
            self._stays_open(piece, "it was not read back")

    def _settle_refused(self, piece: Piece) -> None:
        self.endings.item_refused(piece.places[0][0].first)
        piece.settle(End(Status.REFUSED, str(piece.error), piece.error))

    def _no_clear_answer(self, piece: Piece, error: WaleadError) -> None:
        """A 5xx is bisected, once in a run; everything else, and an unblock in any case, is read back."""
        bisect = isinstance(error, ServerError) and (piece.suspect or not self._bisected_after_5xx)
        if len(piece) == 1 or not bisect or self.ended_by is not None:
            self._leave_open(piece, error)
            return
        self._bisected_after_5xx = piece.suspect = True
        if self._operation.blocks:
            self._bisect_suspect(piece)
        else:
            self._leave_open(piece, error)

    def _bisect_suspect(self, piece: Piece) -> None:
        pieces = piece.cut(parts(len(piece), too_large=False)) if len(piece) > 1 else [piece]
        self.waiting.again(reversed(pieces))

    @property
    def _may_read(self) -> bool:
        return self._verify != "never" and not reading_is_hopeless(self.ended_by)

    def _leave_open(self, piece: Piece, error: WaleadError) -> None:
        """Nobody knows whether this was carried out: it waits for a read-back."""
        piece.error = error
        piece.tried, piece.absent = True, False
        piece.sends += 1
        if self._may_read:
            self.unclear.add(piece)
        else:
            self._stays_open(piece, "it was not read back")

    def _stays_open(self, piece: Piece, why: str, error: WaleadError | None = None) -> None:
        """No read-back will settle this piece."""
        if piece.refused and not piece.tried and len(piece) > 1:
            self._leave(piece, BUDGET_SPENT, piece.error)
        else:
            piece.settle(End(Status.UNKNOWN, f"{piece.error}; {why}", error or piece.error))

    def read_back(self) -> ReadBack:
        """Start a read-back of everything that is open."""
        self.reading = True
        return self.unclear.take()

    def read(self, pieces: Sequence[Piece], present: Mapping[str, bool]) -> None:
        """A read-back told which keys stand in the list."""
        self.reading = False
        self.endings.answered()
        again: dict[int, list[tuple[Batch, int]]] = {}
        for piece in pieces:
            wanted: list[tuple[Batch, int]] = []
            others: list[tuple[Batch, int]] = []
            for batch, index in piece:
                as_wanted = present[batch.keys[index]] is self._operation.blocks
                (wanted if as_wanted else others).append((batch, index))
            already = piece.unchanged or (piece.refused and not piece.tried)
            if wanted:
                self.endings.went_through()
                gathered(wanted).settle(self._already if already else DONE)
            if others:
                self._not_carried_out(piece, others, again)
        for sends, members in again.items():
            self._send_again(members, sends)

    def _not_carried_out(
        self, piece: Piece, members: list[tuple[Batch, int]], again: dict[int, list[tuple[Batch, int]]]
    ) -> None:
        """A read-back showed that these items of a piece are not as wanted."""
        rest = gathered(members)
        rest.knows_of(piece)
        rest.absent = True
        if piece.refused and len(piece) > 1:
            self._leave(rest, BUDGET_SPENT, piece.error)
        elif piece.refused:
            self._settle_refused(rest)
            if self.endings.hopeless and piece.error is not None:
                self.end(piece.error)
        elif self.ended_by is not None:
            rest.settle(End(Status.UNKNOWN, "not done when last read, and the run ended", self.ended_by))
        elif isinstance(piece.error, ServerError) and piece.suspect and len(piece) > 1:
            self._bisect_suspect(rest)
        elif (isinstance(piece.error, ServerError) and piece.suspect) or piece.sends >= MOST_SENDS:
            detail = f"not done when last read, and all attempts are spent; the last said: {piece.error}"
            rest.settle(End(Status.UNKNOWN, detail, piece.error))
        else:
            again.setdefault(piece.sends, []).extend(members)

    def _send_again(self, members: list[tuple[Batch, int]], sends: int) -> None:
        """Items of many batches that were not carried out share as few requests as they can."""
        whole = gathered(members)
        whole.wires = self._operation.entries(whole.items).wires
        whole.sends, whole.tried, whole.absent = sends, True, True
        whole.error = OutcomeUnknownError("not done when last read")
        self.waiting.again(reversed(whole.cut(self.limits.cut(whole.wires))))

    def read_failed(self, pieces: Sequence[Piece], error: WaleadError) -> None:
        """A read-back came to nothing: once more, if the budget allows it, or else the items stay unknown."""
        self.reading = False
        self._count_answer(error)
        if self.endings.hopeless:
            self.end(error)
        for piece in pieces:
            piece.reads += 1
        may_repeat = self._may_read and pieces[0].reads < MOST_READS and self._take_retry()
        for piece in pieces:
            if may_repeat and piece.reads < MOST_READS:
                self.unclear.add(piece)
            else:
                self._stays_open(piece, f"the read-back failed: {error}", error)

    def give_up_waiting(self) -> bool:
        """Give up what waits for the retry budget, since nothing is under way that would fill it."""
        given_up = self.waiting.take_all()
        for piece in given_up:
            if isinstance(piece.error, ConflictError) and self._operation.blocks and self._may_read:
                # Most of them are blocked already, and one read-back tells which.
                piece.refused = True
                self.unclear.add(piece)
            else:
                self._leave(piece, BUDGET_SPENT, piece.error)
        return bool(given_up)

    def _leave(self, piece: Piece, why: str, error: WaleadError | None) -> None:
        """Send a piece no more. What may have been carried out by an earlier request is read back, or else unknown."""
        if piece.tried and not piece.absent and self._may_read:
            self.unclear.add(piece)
        else:
            piece.settle(End(Status.UNKNOWN if piece.tried else Status.NOT_SENT, why, error))

    def end(self, error: WaleadError) -> None:
        """End the run: what waits is not sent, and what is open is read back only if that can succeed."""
        if self.ended_by is not None:
            return
        self.ended_by = error
        for piece in self.waiting.take_all():
            self._leave(piece, "the run ended before its turn" if piece.error is None else REFUSED_IN_BATCH, error)
        if not self._may_read and self.unclear:
            for piece in self.unclear.take().pieces:
                self._stays_open(piece, "it was not read back")


def _odd_count(answer: Answer, asked: int) -> str:
    counted = "no count" if answer.count is None else f"a count of {answer.count}"
    said = f" ({answer.message})" if answer.message else ""
    return f"the service answered with {counted} for {asked} item{'s' if asked != 1 else ''}{said}"
