"""One bulk run without its network: what to do next, and what each answer changes. `driver.py` carries it out."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from walead_async.bulk import readback
from walead_async.bulk.answers import Answers
from walead_async.bulk.batches import BatchLimits
from walead_async.bulk.duplicates import FirstPositions
from walead_async.bulk.intake import Intake
from walead_async.bulk.pieces import Piece
from walead_async.bulk.standing import Standing
from walead_async.errors import WaleadError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from walead_async.bulk.operation import Operation, Verify
    from walead_async.bulk.outcomes import Batch
    from walead_async.bulk.unclear import ReadBack
    from walead_async.transport.messages import Request

__all__ = ["Pull", "Run"]


class Pull(NamedTuple):
    """Take so many items from the source."""

    wanted: int


class Run:
    """Decides, step by step, what a run does next.

    `window` is how many items may be held that have not been handed out yet, None for a report, which holds them all.
    A run that `prepares` takes all but its first batch while it waits for answers (`to_prepare`).
    `answers` takes in what came of a request, and `readback`, for `standing`, what a read-back told.
    """

    def __init__(
        self,
        operation: Operation,
        *,
        batch_size: int,
        verify: Verify,
        concurrency: int,
        window: int | None,
        take_retry: Callable[[], bool],
        prepares: bool = False,
    ) -> None:
        self.standing = Standing(operation, verify, BatchLimits.starting_at(batch_size), take_retry)
        self.answers = Answers(self.standing)
        self._operation = operation
        self._concurrency = concurrency
        self._window = window
        self._prepares = prepares
        self._firsts = FirstPositions()
        self._intake = Intake(operation, self._firsts)
        # The batches that are not handed out yet, in order, and how many items were pulled and not handed out.
        self._order: deque[Batch] = deque()
        self._held = 0
        self._batches = 0
        self._pulling = False
        self._source_done = False
        #: What the source raised, if it did.
        self.source_error: Exception | None = None

    @property
    def one_batch(self) -> bool:
        """Whether the whole input is one batch."""
        return self._source_done and self._batches == 1

    @property
    def finished(self) -> bool:
        """Whether every item that was pulled has its end and was handed out, and no more will be pulled."""
        return not self._order and not self._pulling and (self._source_done or self.leaves_the_rest)

    @property
    def leaves_the_rest(self) -> bool:
        """Whether the source is not read to its end: a stream's run has ended. A report names every item."""
        return self.standing.ended_by is not None and self._window is not None

    def take_settled(self) -> list[Batch]:
        """The next batches of the input whose items all have their end."""
        if self.standing.ended_by is not None:
            self._flush(everything=True)
        settled = []
        while self._order and not self._order[0].open:
            settled.append(batch := self._order.popleft())
            self._held -= len(batch.items)
        return settled

    def next_step(self) -> Piece | ReadBack | Pull | None:
        """What to do now; None if there is nothing to do until something that is under way comes back."""
        standing = self.standing
        if len(self._intake) and not self._intake.missing(standing.limits):
            # The limits are lower than they were when these items were taken.
            self._flush(everything=False)
        if self._has_to_read_now():
            return readback.begin(standing)
        if standing.under_way < self._concurrency:
            if standing.ended_by is None and (piece := self._next_piece()) is not None:
                standing.under_way += 1
                return piece
            if (count := self._wanted(another=standing.endings.try_another_batch)) > 0:
                self._pulling = True
                return Pull(count)
        if standing.under_way or standing.reading:
            return None
        if standing.unclear and (self._window is not None or not self._pulling):
            return readback.begin(standing)
        if not self._pulling and standing.give_up_waiting():
            return self.next_step()
        return None

    def _has_to_read_now(self) -> bool:
        standing = self.standing
        if standing.reading or not standing.unclear:
            return False
        if standing.endings.cautious and not standing.under_way:
            return True
        half_full = self._window is not None and self._held * 2 >= self._window
        return half_full or standing.unclear.rare

    def _next_piece(self) -> Piece | None:
        standing = self.standing
        if standing.endings.cautious and standing.under_way:
            return None
        if standing.endings.try_another_batch:
            if (lone := standing.waiting.lone_item_elsewhere(standing.endings)) is not None:
                return lone
            if self._wanted(another=True) > 0:
                return None
        return standing.waiting.next(standing.limits)

    def _wanted(self, *, another: bool = False) -> int:
        """How many items to pull now: no more than can be sent at once, and none while others can be handed out.

        With `another`, the items that wait are from batches that were tried, and another one is looked for.
        """
        if self._source_done or self._pulling or self.leaves_the_rest:
            return 0
        if self.standing.waiting.first_attempts and not another:
            return 0
        if self._order and not self._order[0].open:
            return 0
        standing = self.standing
        if self._prepares and standing.under_way:
            return 0
        if standing.under_way and (standing.endings.cautious or standing.ended_by is not None):
            return 0
        count = self._intake.missing(standing.limits)
        if self._window is not None and self._order and self._held + count > self._window:
            return 0
        return count

    def to_prepare(self) -> int:
        """How many items to pull while answers are awaited: until as many batches are ready as can be under way."""
        standing = self.standing
        if not self._prepares or self._source_done or standing.ended_by is not None:
            return 0
        if standing.endings.cautious or standing.waiting.first_attempts >= self._concurrency:
            return 0
        return self._intake.missing(standing.limits)

    def sent_alone(self, batch: Batch, size: int) -> Piece:
        """The whole input is this batch, and was sent already, in a request of `size` bytes."""
        self._source_done = True
        self._batches = 1
        self._held = len(batch.items)
        self._order.append(batch)
        self.standing.under_way = 1
        piece = Piece(((batch, range(len(batch.items))),))
        piece.size = size
        return piece

    def feed(self, items: Sequence[object], *, done: bool, source_error: Exception | None = None) -> None:
        """Items were pulled; `done` if the source has no more, `source_error` if it failed after them."""
        self._pulling = False
        self._source_done = self._source_done or done
        self.source_error = source_error
        self._held += len(items)
        if items:
            try:
                self._intake.add(items)
            except WaleadError as error:
                self.end(error)
        everything = self._source_done or self.standing.ended_by is not None
        if everything or not self._intake.missing(self.standing.limits):
            self._flush(everything=everything)

    def _flush(self, *, everything: bool) -> None:
        for batch, piece in self._intake.take(self.standing.limits, everything=everything):
            self._batches += 1
            self._order.append(batch)
            if piece is not None:
                self.standing.first_attempt(piece)

    def end(self, error: WaleadError) -> None:
        """End the run because of this error: what waits is not sent any more."""
        self.standing.end(error)
        self._flush(everything=True)

    def request(self, piece: Piece) -> Request:
        """The request for a piece that is sent now."""
        wires = piece.wires or self._operation.entries(piece.items).wires
        request = self._operation.request(wires)
        # The bytes of the items are not held while the answer is waited for.
        piece.wires, piece.size = None, len(request.body or b"")
        return request

    def close(self) -> None:
        """Forget the keys, and remove their file."""
        self._firsts.close()
