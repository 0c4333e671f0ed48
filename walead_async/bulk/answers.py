"""What an answer or an error changes: its items are settled, are tried in parts, or stay open for a read-back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from walead_async.bulk.decisions import Meaning, meaning_of
from walead_async.bulk.outcomes import DONE, End
from walead_async.bulk.pieces import gathered
from walead_async.bulk.standing import NO_SUCH_RECORD, REFUSED_IN_BATCH
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
    from collections.abc import Mapping

    from walead_async.bulk.operation import Answer
    from walead_async.bulk.outcomes import Batch
    from walead_async.bulk.pieces import Piece
    from walead_async.bulk.standing import Standing
    from walead_async.transport.messages import Response

__all__ = ["Answers"]


class Answers:
    """Takes in what came of each piece that was sent."""

    def __init__(self, standing: Standing) -> None:
        self._standing = standing
        self._bisected_after_5xx = False

    def succeeded(self, piece: Piece, response: Response) -> None:
        """The service answered a piece with success."""
        standing = self._standing
        standing.under_way -= 1
        standing.endings.went_through()
        piece.tried = piece.tried or response.maybe_repeated
        try:
            answer = standing.operation.answer(response, piece.keys)
        except WaleadError as error:
            standing.leave_open(piece, error)
            return
        standing.limits = standing.limits.after_success(len(piece), piece.size)
        if piece.part_of is not None and piece.part_of.part_went_through():
            standing.limits = standing.limits.after_too_large(piece.part_of.items, piece.part_of.size)
        if answer.ends is not None:
            self._itemised(piece, answer.ends, response)
        elif answer.count == len(piece):
            self._confirmed(piece, DONE)
        else:
            found = standing.already if answer.count == 0 and not piece.tried else standing.perhaps_already
            standing.leave_open(piece, OutcomeUnknownError(_odd_count(answer, len(piece))), found)

    def _confirmed(self, piece: Piece, end: End) -> None:
        if self._standing.verify == "always":
            self._standing.leave_open(piece, OutcomeUnknownError("the service confirmed it"), end)
        else:
            self._standing.unclear.clear_answer()
            piece.settle(end)

    def _itemised(self, piece: Piece, ends: Mapping[str, tuple[Status, str | None]], response: Response) -> None:
        """Sort the items of an answer that names an end for each."""
        sorted_by: dict[tuple[Status, str | None] | None, list[tuple[Batch, int]]] = {}
        for batch, index in piece:
            sorted_by.setdefault(ends.get(batch.keys[index]), []).append((batch, index))
        for said, members in sorted_by.items():
            part = gathered(members)
            part.knows_of(piece)
            if said is None:
                self._standing.leave_open(part, OutcomeUnknownError("the service's answer does not name it"))
                continue
            status, words = said
            if status in {Status.REFUSED, Status.UNKNOWN}:
                perhaps = End(Status.ALREADY, words) if status is Status.UNKNOWN else None
                self._refused_by_name(part, words or "", response, perhaps)
            elif status is Status.ALREADY and not part.tried:
                self._confirmed(part, End(Status.ALREADY, words or self._standing.already.detail))
            else:
                self._confirmed(part, DONE)

    def _refused_by_name(self, piece: Piece, words: str, response: Response, perhaps: End | None) -> None:
        operation = self._standing.operation
        method = "POST" if operation.blocks else "DELETE"
        error = APIError(words, status=response.status, method=method, path=operation.path)
        for lone in piece.cut(slice(at, at + 1) for at in range(len(piece))):
            self._refused_alone(lone, error, perhaps)

    def failed(self, piece: Piece, error: WaleadError) -> None:
        """A piece failed, after all the attempts that the session makes."""
        standing = self._standing
        standing.under_way -= 1
        piece.error = error
        if error.maybe_applied:
            piece.tried, piece.absent = True, False
        standing.count_answer(error)
        match meaning_of(error, missing_means=standing.operation.missing_means):
            case Meaning.RUN:
                standing.leave(piece, "the service turned its whole batch away", error)
                standing.end(error)
            case Meaning.REFUSED:
                self._refused(piece, error)
            case Meaning.TURNED_AWAY:
                standing.leave(piece, "it was not sent, or the service did not take it", error)
            case Meaning.OPEN:
                self._no_clear_answer(piece, error)
        if standing.endings.hopeless:
            standing.end(error)

    def _refused(self, piece: Piece, error: WaleadError) -> None:
        standing = self._standing
        if isinstance(error, PayloadTooLargeError):
            standing.limits = standing.limits.after_too_large(len(piece), piece.size)
        if len(piece) == 1:
            self._refused_alone(piece, error)
            return
        standing.endings.batch_refused()
        if standing.ended_by is not None:
            standing.leave(piece, REFUSED_IN_BATCH, standing.ended_by)
        elif error.maybe_applied and not standing.operation.blocks:
            # An earlier attempt may have been carried out, so that sending it again would be a guess.
            standing.leave_open(piece, error)
        else:
            standing.waiting.refused(piece)

    def _refused_alone(self, piece: Piece, error: WaleadError, perhaps: End | None = None) -> None:
        """A single item was refused: by its own fault, or because it is as wanted already, which `perhaps` it is."""
        standing = self._standing
        blocks = standing.operation.blocks
        if isinstance(error, NotFoundError) and not blocks:
            standing.endings.went_through()
            piece.settle(DONE if piece.tried else NO_SUCH_RECORD)
            return
        piece.error, piece.refused = error, True
        if perhaps is None and isinstance(error, ConflictError) and blocks:
            perhaps = standing.already
        piece.found = DONE if piece.tried else perhaps or standing.already
        if piece.tried or (perhaps is not None and standing.verify != "never"):
            standing.read_back_or_give_up(piece)
        else:
            standing.settle_refused(piece)

    def _no_clear_answer(self, piece: Piece, error: WaleadError) -> None:
        """A batch with a 5xx is bisected, once in a run, an unblock after a read-back; all else is just read back."""
        standing = self._standing
        bisect = isinstance(error, ServerError) and (piece.suspect or not self._bisected_after_5xx)
        if len(piece) == 1 or not bisect or standing.ended_by is not None:
            standing.leave_open(piece, error)
            return
        self._bisected_after_5xx = piece.suspect = True
        if standing.operation.blocks:
            standing.bisect_suspect(piece)
        else:
            standing.leave_open(piece, error)


def _odd_count(answer: Answer, asked: int) -> str:
    counted = "no count" if answer.count is None else f"a count of {answer.count}"
    said = f" ({answer.message})" if answer.message else ""
    return f"the service answered with {counted} for {asked} item{'s' if asked != 1 else ''}{said}"
