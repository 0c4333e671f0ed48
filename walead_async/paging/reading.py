"""One read of a list: keeps requests under way and has their answers judged in order."""

from __future__ import annotations

import asyncio
from collections import deque
from operator import length_hint
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from walead_async.errors import RateLimitedError, ServerError
from walead_async.models import Completeness, Page
from walead_async.paging.order import Order
from walead_async.transport.events import PageRead

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator, Sequence
    from typing import Any

    from walead_async.paging.source import PageSource, RawPage
    from walead_async.paging.step import Mark

__all__ = ["Reading"]

T = TypeVar("T")


class _Asked(NamedTuple, Generic[T]):
    """A request under way: its number in the read, and the task that carries it out."""

    number: int
    task: asyncio.Task[RawPage[T]]


class Reading(Generic[T]):
    """One read of a list, from its start or from a mark, with at most `window` requests under way.

    `rest` goes over the records of the last page that were not handed out yet. The loop that the read is for must call
    `abandon` or `aclose` when it is over; nothing under way refers to that loop, so that dropping it is enough.
    """

    def __init__(self, source: PageSource[T], *, window: int, start: Mark) -> None:
        self._source = source
        memory = source.memory(start.date, start.ids)
        self._order = Order(memory, page_size=source.page_size, start=start)
        self._most = self._window = window
        #: Requests under way whose answers are still of use, in the order in which they are judged.
        self._chain: deque[_Asked[T]] = deque()
        self._unfinished: set[asyncio.Task[RawPage[T]]] = set()
        self._failed = False
        self._narrowed_at = 0
        self._over = False
        self._asked = 0
        self.requests = 0
        self.rest: Iterator[T] = iter(())
        self.error: BaseException | None = None

    @property
    def verdict(self) -> Completeness:
        """What the read proves so far: INCOMPLETE until every record was handed out and the end was seen."""
        if length_hint(self.rest):
            return Completeness.INCOMPLETE
        return self._order.verdict

    @property
    def why(self) -> str | None:
        """In words, why the verdict is not COMPLETE."""
        verdict = self.verdict
        if verdict is Completeness.COMPLETE:
            return None
        if verdict is Completeness.INCOMPLETE:
            return f"the read failed: {self.error}" if self.error else "the list was not read to its end"
        return self._order.doubt or self._order.changed

    def mark(self) -> Mark | None:
        """Where the read stands after the records handed out; None before the first."""
        return self._order.mark(length_hint(self.rest)) if self._source.paged else None

    async def next(self, *, ahead: bool = True) -> Page[T] | None:
        """The next page that adds records, None at the end.

        With `ahead` the requests for the pages after it are under way when it returns.
        """
        if self._over:
            return None
        try:
            while not self._order.ended:
                page = await self._judged(ahead=ahead)
                if page.records:
                    self.rest = iter(page.records)
                    return page
        except BaseException as error:
            self.error = error
            await self.aclose()
            raise
        await self.aclose()
        return None

    def abandon(self) -> None:
        """End everything under way, at once, from any thread and without waiting for it."""
        self._over = True
        for task in self._unfinished:
            loop = task.get_loop()
            if loop.is_closed():
                continue
            if _running(loop):
                task.cancel()
            else:
                loop.call_soon_threadsafe(task.cancel)

    async def aclose(self) -> None:
        """End everything under way, and wait until it has ended."""
        self.abandon()
        if self._unfinished:
            await asyncio.wait(self._unfinished)

    async def _judged(self, *, ahead: bool) -> Page[T]:
        """Wait for the next answer of the chain, and take what is new in it."""
        number, raw = await self._answer(ahead=ahead)
        offset = self._order.asked[0]
        if raw is None:
            self._order.again()
            return Page((), offset)
        if not self._source.paged:
            return self._whole(raw.records)
        if raw.throttled:
            self._narrow(number)
        elif self._window < self._most:
            self._window += 1
        if ahead:
            self._fill()
        step = self._order.judge(raw.records)
        if step.dropped:
            self._drop()
        if step.first is not None:
            self._chain.appendleft(self._ask(step.first))
        if ahead:
            self._fill()
        size = self._order.page_size
        if size and size != self._source.page_size:
            self._source.page_size = size
        self._source.emit(PageRead(self._source.path, offset, len(step.records), step.accepted))
        return Page(tuple(step.records), offset)

    async def _answer(self, *, ahead: bool) -> tuple[int, RawPage[T] | None]:
        """The answer to the request that is judged next; None if that was throttled, and shall be asked for again."""
        number, answer = self._chain.popleft() if self._chain else self._ask_here(ahead=ahead)
        try:
            return number, await answer
        except (RateLimitedError, ServerError) as error:
            if not self._may_ask_again(number, error):
                raise
            return number, None

    def _ask_here(self, *, ahead: bool) -> tuple[int, Coroutine[Any, Any, RawPage[T]]]:
        """Ask without a task of its own for what is judged next, and for the pages after it in tasks."""
        offset = self._order.ahead()
        assert offset is not None, "a read that has not ended always knows where to go on"
        number = self._number()
        if ahead:
            self._fill(besides=1)
        return number, self._read(offset, number)

    def _fill(self, besides: int = 0) -> None:
        """Have as many requests under way as is wise, `besides` the one that is waited for."""
        room = min(self._window, self._order.width) - besides
        while len(self._chain) < room and not self._failed:
            offset = self._order.ahead()
            if offset is None:
                return
            self._chain.append(self._ask(offset))

    def _ask(self, offset: int) -> _Asked[T]:
        number = self._number()
        task = asyncio.create_task(self._read(offset, number))
        self._unfinished.add(task)
        task.add_done_callback(self._finished)
        return _Asked(number, task)

    async def _read(self, offset: int, number: int) -> RawPage[T]:
        # a request that is ended before its turn was never made
        self.requests += 1
        return await self._source.read(offset, lane=self, patient=number > 0)

    def _number(self) -> int:
        self._asked += 1
        return self._asked - 1

    def _finished(self, task: asyncio.Task[RawPage[T]]) -> None:
        self._unfinished.discard(task)
        # a failure is raised when its turn comes; until then nothing more is asked for
        if not task.cancelled() and task.exception():
            self._failed = True

    def _drop(self) -> None:
        """End the requests under way whose answers are of no use."""
        for _, task in self._chain:
            task.cancel()
        self._chain.clear()
        self._failed = False

    def _may_ask_again(self, number: int, error: RateLimitedError | ServerError) -> bool:
        """Whether to ask once more after too many requests at once; not if there was only this one."""
        if error.status not in {429, 503} or not self._chain:
            return False
        self._narrow(number)
        self._drop()
        return True

    def _narrow(self, number: int) -> None:
        """Halve the window, once for all requests that were under way together."""
        if number >= self._narrowed_at:
            self._window = max(1, self._window // 2)
            self._narrowed_at = self._asked

    def _whole(self, records: Sequence[T]) -> Page[T]:
        """A list that comes in one answer has been read with that."""
        self._order.ended = True
        return Page(tuple(records), 0)


def _running(loop: asyncio.AbstractEventLoop) -> bool:
    """True if the caller runs in this loop."""
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False
