"""Carries a bulk run out: the one file of this room that awaits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

from walead_async.bulk import readback
from walead_async.bulk.arguments import check_call
from walead_async.bulk.one_batch import one_batch, settles
from walead_async.bulk.outcomes import Outcomes, count_statuses, settled_event
from walead_async.bulk.run import Pull, Run
from walead_async.bulk.unclear import ReadBack
from walead_async.errors import InvalidInputError, OutcomeUnknownError, WaleadError
from walead_async.models import BulkReport, Outcome

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Iterator

    from walead_async.bulk.operation import Operation, Verify
    from walead_async.bulk.outcomes import Batch
    from walead_async.bulk.pieces import Piece
    from walead_async.transport.messages import Caller, Request, Response

__all__ = ["BulkStream", "Driver", "bulk_report", "bulk_stream", "run_to_its_end"]

#: What came of something that was awaited: it tells the run.
News: TypeAlias = Callable[[Run], None]

#: How many items a stream holds at most that it has not yielded yet.
WINDOW = 32_768
#: How long tasks that were cancelled may take to end, in seconds.
FAREWELL = 1.0


def bulk_stream(
    caller: Caller,
    operation: Operation,
    items: Iterable[object] | AsyncIterable[object],
    *,
    batch_size: int = 500,
    verify: Verify = "unclear",
) -> BulkStream:
    """Change items of an input of any length, and yield the outcome of each in order, in bounded memory.

    Raises `InvalidInputError` at once if the call cannot be made like this.
    """
    check_call(items, batch_size, verify)
    window = max(WINDOW, 2 * caller.concurrency * batch_size)
    return BulkStream(Driver(caller, operation, items, batch_size, verify, window=window))


async def bulk_report(
    caller: Caller,
    operation: Operation,
    items: Iterable[object] | AsyncIterable[object],
    *,
    batch_size: int = 500,
    verify: Verify = "unclear",
    check: bool = True,
) -> BulkReport:
    """Change all items, and return what became of each.

    With `check`, raises `BulkFailedError` if an item is not as wanted, or the error that ended the run; both have the
    report. A run that ends early still reads its input, so that the report names every item. What the source raises is
    raised in any case, after everything pulled from it is settled.
    """
    report, ended_by = await run_to_its_end(caller, operation, items, batch_size=batch_size, verify=verify)
    if check and ended_by is not None:
        raise ended_by
    if check:
        report.raise_for_failures()
    return report


async def run_to_its_end(
    caller: Caller,
    operation: Operation,
    items: Iterable[object] | AsyncIterable[object],
    *,
    batch_size: int,
    verify: Verify,
) -> tuple[BulkReport, WaleadError | None]:
    """Change all items, and return the report with the error that ended the run, None if it came to its end."""
    check_call(items, batch_size, verify)
    if (clean := one_batch(operation, items, batch_size)) is None:
        driver = Driver(caller, operation, items, batch_size, verify, window=None)
    else:
        batch, request = clean
        try:
            came: Response | WaleadError = await caller.send(request, lane=batch)
        except WaleadError as error:
            came = error
        if verify != "always" and settles(operation, batch, came):
            caller.emit(settled_event(operation.path, batch))
            return BulkReport(Outcomes([batch]), count_statuses([batch])), None
        driver = Driver(caller, operation, (), batch_size, verify, window=None)
        driver.go_on(batch, request, came)
    batches: list[Batch] = []
    try:
        while settled := await driver.next_batches():
            batches += settled
            if driver.ended_by is not None:
                # The rest of the input needs no request, and may be long.
                await asyncio.sleep(0)
    finally:
        driver.forget()
    report = BulkReport(Outcomes(batches), count_statuses(batches))
    for raised in (driver.source_error, driver.ended_by):
        if isinstance(raised, WaleadError):
            raised.report = report
    if driver.source_error is not None and driver.ended_by is None:
        raise driver.source_error
    return report, driver.ended_by


class BulkStream(AsyncIterator[Outcome]):
    """The outcomes of a run, in the order of the input; `async for` carries the run on.

    Nothing is sent before the first outcome is asked for. A loop that is left early leaves requests under way: they
    are ended when the stream is let go, or by `await stream.aclose()`, and nothing new is sent.
    """

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._outcomes: Iterator[Outcome] = iter(())
        self._advancing = False
        self._interrupted = False
        self._over = False

    def __aiter__(self) -> BulkStream:
        return self

    async def __anext__(self) -> Outcome:
        for outcome in self._outcomes:
            return outcome
        if self._over:
            raise StopAsyncIteration
        if self._advancing:
            raise InvalidInputError("one stream feeds one loop: start another stream for another loop")
        if self._interrupted:
            raise OutcomeUnknownError("this stream was interrupted: call again for the items it did not yield")
        self._advancing = self._interrupted = True
        try:
            settled = await self._driver.next_batches()
            self._interrupted = False
        finally:
            self._advancing = False
        if settled:
            self._outcomes = (outcome for batch in settled for outcome in batch.outcomes())
            return next(self._outcomes)
        self._over = True
        self._driver.forget()
        error = self._driver.source_error or self._driver.ended_by
        if error is not None:
            raise error
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """End the requests that are under way. The stream yields nothing more."""
        self._over = True
        self._outcomes = iter(())
        await self._driver.aclose()

    def __del__(self) -> None:
        self._driver.forget()


class Driver:
    """Does what a run decides: pulls items, sends pieces, reads back. `window` is as in `Run`.

    The tasks it starts know neither it nor the run, so that a stream that is let go in the middle is gone at once, and
    ends them.
    """

    def __init__(
        self,
        caller: Caller,
        operation: Operation,
        items: Iterable[object] | AsyncIterable[object],
        batch_size: int,
        verify: Verify,
        *,
        window: int | None,
    ) -> None:
        self._caller = caller
        self._operation = operation
        self._run = Run(
            operation,
            batch_size=batch_size,
            verify=verify,
            concurrency=caller.concurrency,
            window=window,
            take_retry=caller.take_retry,
        )
        self._source = aiter(items) if isinstance(items, AsyncIterable) else iter(items)
        self._lane = object()
        self._tasks: set[asyncio.Task[News]] = set()
        # The task that pulls from an async source, and what it pulled so far.
        self._pulling: asyncio.Task[News] | None = None
        self._pulled: list[object] = []

    @property
    def source_error(self) -> Exception | None:
        """What the source raised, if it did."""
        return self._run.source_error

    @property
    def ended_by(self) -> WaleadError | None:
        """The error that ended the run, if one did."""
        return self._run.standing.ended_by

    def go_on(self, batch: Batch, request: Request, came: Response | WaleadError) -> None:
        """Take over an input of one batch, whose request went out already and brought this."""
        piece = self._run.sent_alone(batch, len(request.body or b""))
        if isinstance(came, WaleadError):
            self._run.answers.failed(piece, came)
        else:
            self._run.answers.succeeded(piece, came)

    async def next_batches(self) -> list[Batch]:
        """Go on until the next batches of the input are settled; an empty list at the end of the run."""
        try:
            while True:
                settled = self._run.take_settled()
                for batch in settled:
                    self._caller.emit(settled_event(self._operation.path, batch))
                if self._run.finished:
                    await self.aclose()
                    return settled
                lone = self._start()
                if settled:
                    # No await before they are out: a cancellation would lose outcomes that are known.
                    if lone is not None:
                        self._launch(self._send(lone))
                    return settled
                if lone is not None:
                    (await self._send(lone))(self._run)
                elif self._tasks:
                    await self._next_news()
                else:
                    # What was pulled needs no request.
                    await asyncio.sleep(0)
        except BaseException:
            await self.aclose()
            raise

    def _start(self) -> Piece | None:
        """Start what can be under way now. A request with nothing beside it is returned: it needs no task."""
        lone: Piece | None = None
        while (step := self._run.next_step()) is not None:
            if isinstance(step, Pull):
                self._pull(step.wanted)
            elif isinstance(step, ReadBack):
                self._launch(_read_back(self._operation, step))
            elif lone is None and not self._tasks:
                lone = step
            else:
                if lone is not None:
                    self._launch(self._send(lone))
                    lone = None
                self._launch(self._send(step))
        if lone is not None and self._tasks:
            self._launch(self._send(lone))
            return None
        return lone

    def _send(self, piece: Piece) -> Coroutine[object, object, News]:
        return _send(self._caller, self._run.request(piece), piece, self._lane, patient=not self._run.one_batch)

    def _launch(self, work: Coroutine[object, object, News]) -> asyncio.Task[News]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        return task

    def _pull(self, count: int) -> None:
        taken: list[object] = []
        if isinstance(self._source, AsyncIterator):
            self._pulled = taken
            self._pulling = self._launch(_pull(self._source, count, taken))
            return
        try:
            # What was taken before a source fails stays in the list.
            taken.extend(islice(self._source, count))
        except Exception as error:
            self._run.feed(taken, done=True, source_error=error)
        else:
            self._run.feed(taken, done=len(taken) < count)

    async def _next_news(self) -> None:
        """Wait until something that is under way ends, and tell the run what came of it."""
        done, self._tasks = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            if task is self._pulling:
                self._pulling = None
            task.result()(self._run)
        if self._pulling is not None and self._run.leaves_the_rest:
            # The source may take for ever; what was pulled already still gets its end.
            self._tasks.discard(self._pulling)
            await _end({self._pulling})
            self._pulling = None
            self._run.feed(self._pulled, done=True)

    async def aclose(self) -> None:
        """End what is under way, and wait until it has ended."""
        tasks, self._tasks = self._tasks, set()
        self._run.close()
        if tasks:
            await _end(tasks)

    def forget(self) -> None:
        """End what is under way, without waiting."""
        self._run.close()
        for task in self._tasks:
            if not task.get_loop().is_closed():
                task.cancel()


async def _end(tasks: set[asyncio.Task[News]]) -> None:
    """Cancel tasks and wait for their end, but not for one that does not let itself be cancelled."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks, timeout=FAREWELL)


async def _send(caller: Caller, request: Request, piece: Piece, lane: object, *, patient: bool) -> News:
    try:
        response = await caller.send(request, lane=lane, patient=patient)
    except WaleadError as error:
        failure = error
        return lambda run: run.answers.failed(piece, failure)
    return lambda run: run.answers.succeeded(piece, response)


async def _read_back(operation: Operation, step: ReadBack) -> News:
    try:
        present = await operation.present(step.keys)
    except WaleadError as error:
        failure = error
        return lambda run: readback.failed(run.standing, step.pieces, failure)
    return lambda run: readback.told(run.standing, step.pieces, present)


async def _pull(source: AsyncIterator[object], count: int, taken: list[object]) -> News:
    try:
        while len(taken) < count:
            taken.append(await anext(source))
    except StopAsyncIteration:
        return lambda run: run.feed(taken, done=True)
    except Exception as error:
        failure = error
        return lambda run: run.feed(taken, done=True, source_error=failure)
    return lambda run: run.feed(taken, done=False)
