"""Carries a run out: pulls items, sends pieces, reads back. What to do next, `run.py` decides."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

from walead_async.bulk import readback
from walead_async.bulk.outcomes import settled_event
from walead_async.bulk.run import Pull, Run
from walead_async.bulk.unclear import ReadBack
from walead_async.errors import WaleadError

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable

    from walead_async.bulk.operation import Operation, Verify
    from walead_async.bulk.outcomes import Batch
    from walead_async.bulk.pieces import Piece
    from walead_async.transport.messages import Caller, Request, Response

__all__ = ["Driver"]

#: What came of something that was awaited: it tells the run.
News: TypeAlias = Callable[[Run], None]

#: How long tasks that were cancelled may take to end, in seconds.
FAREWELL = 1.0


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
            # items in a list are there in any case; a source is asked for no more than can be sent
            prepares=window is None and isinstance(items, (list, tuple)),
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
                if self._caller.observed:
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
        if lone is not None and (self._tasks or self._run.to_prepare()):
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
        while count := self._run.to_prepare():
            # what can be sent goes out first, and what has come back goes before
            await asyncio.sleep(0)
            if any(task.done() for task in self._tasks):
                break
            self._pull(count)
            self._start()
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
