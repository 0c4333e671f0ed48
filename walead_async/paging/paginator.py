"""One read of a list: keeps requests under way, and has the reading rule judge their answers strictly in order."""

from __future__ import annotations

import asyncio
from collections import deque
from itertools import takewhile
from operator import length_hint
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from walead_async.errors import APIError, InvalidInputError, WaleadError
from walead_async.models import Completeness, Page
from walead_async.paging.reader import Ask, Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
    from datetime import datetime

    from walead_async.paging.cursor import Mark
    from walead_async.paging.reader import SecondLook
    from walead_async.paging.seen import Dated, Named
    from walead_async.transport.messages import Caller, DeadlineFrom, Response

__all__ = ["PageSource", "Paginator"]

T = TypeVar("T")


class PageSource(Protocol[T]):
    """A list that is read by offset: what a resource gives a `Listing`.

    `caller` sends its requests, `path` names it in events, `identity` (path, sort and search) binds a cursor to it.
    `paged` is False if one answer always holds the whole list, `filtered` True of what a search leaves of one.
    The read ends before the first record of which `beyond` is true, if that is given.
    """

    caller: Caller
    path: str
    paged: bool
    filtered: bool
    second_look: SecondLook
    beyond: Callable[[T], bool] | None

    @property
    def page_size(self) -> int | None:
        """What the session remembers of the page size, a guess; None if it remembers none."""
        ...

    @page_size.setter
    def page_size(self, size: int | None) -> None: ...

    @property
    def identity(self) -> str:
        """Path, sort and search."""
        ...

    def seen(self, date: datetime | None = None, ids: Iterable[str] = ()) -> Dated[T] | Named[T]:
        """What a read remembers of the records it yielded: of a new read, or of one that goes on from a cursor."""
        ...

    def fetch(self, ask: Ask, *, flow: object, deadline_from: DeadlineFrom) -> Coroutine[object, object, Response]:
        """Ask for one page, once this is awaited. Raises the errors of our tree."""
        ...

    def records(self, body: bytes) -> Sequence[T]:
        """The records of an answer, in the order they came. Raises `UnexpectedResponseError`."""
        ...


class _PageRequest:
    """One page that was asked for: under way until it has a response or an error.

    `holds_up`: its answer is short, an error, or a call for patience, so that no more is asked for before it is judged.
    It is not `wanted` once it was dropped.
    """

    __slots__ = ("ask", "error", "holds_up", "number", "response", "task", "wanted")

    def __init__(self, ask: Ask) -> None:
        self.ask = ask
        self.number = -1
        self.holds_up = False
        self.wanted = True
        self.task: asyncio.Task[None] | None = None
        self.response: Response | None = None
        self.error: Exception | None = None


class Paginator(Generic[T]):
    """One read of a list, from its start or from a mark, with at most `window` requests under way.

    It never has more under way than the session sends at once. `rest` goes over the records of the last page that were
    not handed out yet, where that is done one by one. The loop that the read is for calls `abandon` or `aclose` when
    it is over; no task refers to that loop, so that dropping it is enough.
    """

    def __init__(
        self, source: PageSource[T], *, window: int, start: Mark, second_look: SecondLook | None = None
    ) -> None:
        self._source = source
        self._reader = Reader(
            source.seen(start.date, start.ids),
            page_size=source.page_size,
            start=start,
            second_look=second_look or source.second_look,
        )
        #: What is to be asked for next, before anything is asked for ahead.
        self._planned = deque(self._reader.first)
        #: What is under way, or answered and not judged yet, in the order in which it is judged.
        self._queue: deque[_PageRequest] = deque()
        self._under_way = self._holding_up = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._widest = min(window, source.caller.concurrency)
        self._window = self._widest
        self._narrowed_at = 0
        self._longest = 0
        self._busy = self._waiting = self._closed = False
        self._withheld = self._older = 0
        self.requests: int = 0
        self.rest: Iterator[T] = iter(())
        self.error: BaseException | None = None

    @property
    def verdict(self) -> Completeness:
        """What the read proves so far: INCOMPLETE until every record was handed out and the end was seen."""
        return Completeness.INCOMPLETE if self._left else self._reader.verdict

    @property
    def why(self) -> str | None:
        """In words, why the verdict is not COMPLETE."""
        if self.verdict is Completeness.INCOMPLETE:
            return f"the read failed: {self.error}" if self.error else "the list was not read to its end"
        return self._reader.why

    def mark(self) -> Mark | None:
        """Where the read stands after the records handed out; None before the first."""
        return self._reader.mark(self._left + self._older) if self._source.paged else None

    @property
    def _left(self) -> int:
        """How many records of the last page were not handed out."""
        return length_hint(self.rest) + self._withheld

    def one_by_one(self, page: Page[T]) -> T:
        """Hand a page out record by record: its first one now, the others from `rest`."""
        self.rest = iter(page.records)
        return next(self.rest)

    def withhold(self) -> None:
        """Hand out no more of the last page."""
        self._withheld += length_hint(self.rest)
        self.rest = iter(())

    async def next(self, *, ahead: bool = True) -> Page[T] | None:
        """The next page that adds records; None at the end.

        With `ahead` the requests for the pages after it are under way when it returns. Raises `InvalidInputError` if
        another task waits in here already.
        """
        if self._closed:
            return None
        if self._busy:
            raise InvalidInputError("one loop feeds one task: loop over the listing anew in each task")
        self._busy = True
        try:
            while not self._reader.ended:
                page = await self._next_page(ahead=ahead)
                if page.records:
                    return page
        except BaseException as error:
            self.error = error
            await self.aclose()
            raise
        finally:
            self._busy = False
        await self.aclose()
        return None

    def abandon(self) -> None:
        """End everything under way, at once, from any thread and without waiting for it."""
        self._closed = True
        self._queue, self._planned = deque(), deque()
        for task in list(self._tasks):
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
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _next_page(self, *, ahead: bool) -> Page[T]:
        """Wait for the first request of the queue, and take what is new in its answer."""
        request = await self._first_answered(ahead=ahead)
        if request.error is not None:
            self._ask_again(request)
            return Page((), request.ask.offset)
        response = request.response
        assert response is not None, "a request without an error has a response"
        if not self._source.paged:
            self._reader.ended = True
            return Page(tuple(self._source.records(response.body)), 0)
        if response.throttled:
            self._narrow(request.number)
        decision = self._reader.process_page(request.ask, self._source.records(response.body))
        if self._window < self._widest and not response.throttled:
            # at the end of a list two pages are asked for at once
            self._window = min(self._widest, max(2, self._window + 1))
        if decision.keep is None or not self._queue or self._queue[0].ask.offset > decision.keep:
            self._drop()
            self._planned.extend(decision.ask)
        new = decision.records
        if (beyond := self._source.beyond) is not None and any(map(beyond, new)):
            new = list(takewhile(lambda record: not beyond(record), new))
            self._older = len(decision.records) - len(new)
            self._reader.ended = True
            self._drop()
        if ahead:
            self._fill()
        self._remember_page_size()
        if self._source.caller.observed:
            from walead_async.events import PageRead  # loaded where somebody listens

            event = PageRead(self._source.path, request.ask.offset, len(new), decision.accepted)
            self._source.caller.emit(event)
        return Page(tuple(new), request.ask.offset)

    async def _first_answered(self, *, ahead: bool) -> _PageRequest:
        """The first request of the queue, answered, and taken out of it."""
        if ahead:
            self._fill()
        if not self._queue:
            # one page and no more needs no task
            self._queue.append(request := _PageRequest(self._planned.popleft()))
            self._under_way += 1
            await self._fetch(request)
        elif (task := self._queue[0].task) is not None:
            await self._arrival(task)
        request = self._queue.popleft()
        self._holding_up -= request.holds_up
        return request

    async def _arrival(self, task: asyncio.Task[None]) -> None:
        if not task.done():
            self._waiting = True
            try:
                await task
                # what was asked for as answers came goes out before any of them is decoded
                await asyncio.sleep(0)
            except asyncio.CancelledError:
                if (current := asyncio.current_task()) is not None and current.cancelling():
                    raise
            finally:
                self._waiting = False
        if self._closed:
            raise WaleadError("the read was ended from outside while a page was waited for: loop over the list anew")

    async def _fetch(self, request: _PageRequest) -> None:
        request.number = self.requests
        self.requests += 1
        began: DeadlineFrom = "turn" if request.number else "call"
        try:
            request.response = response = await self._source.fetch(request.ask, flow=self, deadline_from=began)
        except Exception as error:
            request.error = error
            self._answered(request, holds_up=True)
            return
        length = len(response.body)
        self._answered(request, holds_up=response.throttled or 2 * length <= self._longest)
        self._longest = max(self._longest, length)

    def _answered(self, request: _PageRequest, *, holds_up: bool) -> None:
        """A request is not under way any more; if somebody waits, the next one goes out before this is decoded."""
        if not request.wanted:
            return
        self._under_way -= 1
        self._holding_up += holds_up
        request.holds_up = holds_up
        if self._waiting:
            self._fill()

    def _fill(self) -> None:
        """Have as many requests under way as is wise."""
        queue, room = self._queue, min(self._window, self._reader.width)
        # who waits takes what arrives at once, so that it needs no room
        held = 2 * room if self._waiting else room
        while self._under_way < room and not self._holding_up and not self._closed:
            if self._planned:
                self._start(self._planned.popleft())
            elif queue and len(queue) < held and (stride := self._stride):
                self._start(Ask(queue[-1].ask.offset + stride))
            else:
                return

    @property
    def _stride(self) -> int:
        """How far from the last page asked for the next one is, 0 if none is asked for ahead."""
        # what a search leaves is likely to be short, so that its first page is asked for alone
        alone = self._source.filtered and not self._longest
        return 0 if alone else self._reader.stride

    def _start(self, ask: Ask) -> None:
        self._queue.append(request := _PageRequest(ask))
        self._under_way += 1
        task = request.task = asyncio.create_task(self._fetch(request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _drop(self) -> None:
        """End the requests under way, and forget the planned ones: their answers are of no use."""
        for request in self._queue:
            request.wanted = False
            if request.task is not None:
                request.task.cancel()
        self._queue.clear()
        self._planned.clear()
        self._under_way = self._holding_up = 0

    def _ask_again(self, request: _PageRequest) -> None:
        """After too many requests at once ask once more, with fewer; any other error is raised.

        If there was only this one, it was not too many.
        """
        assert request.error is not None, "only a request that failed is asked again"
        if not (isinstance(request.error, APIError) and request.error.status in {429, 503} and self._queue):
            raise request.error
        self._narrow(request.number)
        self._drop()
        self._planned.append(request.ask)

    def _narrow(self, number: int) -> None:
        """Halve the window, once for all requests that were under way together."""
        if number >= self._narrowed_at:
            self._window = max(1, self._window // 2)
            self._narrowed_at = self.requests

    def _remember_page_size(self) -> None:
        size = self._reader.page_size
        if size and size != self._source.page_size:
            self._source.page_size = size


def _running(loop: asyncio.AbstractEventLoop) -> bool:
    """True if the caller runs in this loop."""
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False
