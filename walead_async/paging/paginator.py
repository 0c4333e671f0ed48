"""One read of a list: keeps requests under way and has their answers judged in order."""

from __future__ import annotations

import asyncio
from collections import deque
from functools import partial
from operator import length_hint
from typing import TYPE_CHECKING, Generic, TypeVar

from walead_async.errors import InvalidInputError, RateLimitedError, ServerError, WaleadError
from walead_async.models import Completeness, Page
from walead_async.paging.reader import UNLIMITED, Order

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Sequence

    from walead_async.paging.listing import PageSource
    from walead_async.paging.reader import Mark
    from walead_async.transport.messages import Response

__all__ = ["Asked", "Readers", "Reading"]


class Asked:
    """A request of the read, with its number and offset: under way until it has an answer or an error.

    `last` says that the answer looks as if the list ended there.
    """

    __slots__ = ("answer", "error", "last", "number", "offset")

    def __init__(self, number: int, offset: int) -> None:
        self.number = number
        self.offset = offset
        self.last = False
        self.answer: Response | None = None
        self.error: BaseException | None = None


class Readers:
    """Tasks that have requests answered by `fetch`.

    A reader whose answer is there asks for what `ahead` gives at once, before anything is decoded, if somebody waits
    for a page and nothing says that the list may end. `failed`: a request failed, so that no more is asked for until
    its turn comes. `over`: everything was ended.
    """

    def __init__(
        self, fetch: Callable[[Asked], Coroutine[object, object, Response]], ahead: Callable[[], Asked | None]
    ) -> None:
        self._fetch = fetch
        self._ahead = ahead
        self.under_way: set[Asked] = set()
        self.failed = self.over = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._expected: Asked | None = None
        self._arrived: asyncio.Future[None] | None = None
        #: How many answers that may be the last were not judged yet, and the length of the longest answer.
        self._lasts = 0
        self._longest = 0

    @property
    def expecting(self) -> bool:
        """Whether somebody waits for a page, and takes what arrives at once."""
        return self._expected is not None

    def expect(self, asked: Asked) -> None:
        """This page is what is judged next."""
        self._expected = asked

    async def arrival(self) -> None:
        """Wait for the page that is expected. Raises `WaleadError` if another task ends the read meanwhile."""
        asked = self._expected
        assert asked is not None
        if asked in self.under_way:
            self._arrived = asyncio.get_running_loop().create_future()
            try:
                await self._arrived
            finally:
                self._arrived = None
        self._expected = None
        self._lasts -= asked.last
        if isinstance(asked.error, asyncio.CancelledError):
            raise WaleadError("the read was ended from outside while a page was waited for: loop over the list anew")

    def start(self, asked: Asked) -> None:
        """Have a request answered in a task."""
        self.under_way.add(asked)
        if self.over:
            # another task has ended the read meanwhile
            self._ended(asked, asyncio.CancelledError())
            return
        task = asyncio.create_task(self._read(asked))
        self._tasks.add(task)
        task.add_done_callback(partial(self._gone, asked))

    async def here(self, asked: Asked) -> None:
        """Have a request answered without a task."""
        self.under_way.add(asked)
        try:
            asked.answer = await self._fetch(asked)
        except BaseException as error:
            self._ended(asked, error)
            if not isinstance(error, Exception):
                raise
        else:
            self._ended(asked, None)

    def drop(self) -> None:
        """End the requests under way: their answers are of no use."""
        for task in self._tasks:
            task.cancel()
        self.under_way.clear()
        self.failed = False
        self._lasts = 0

    def abandon(self) -> None:
        """End everything, at once, from any thread and without waiting for it."""
        self.over = True
        for task in list(self._tasks):
            loop = task.get_loop()
            if loop.is_closed():
                continue
            if _running(loop):
                task.cancel()
            else:
                loop.call_soon_threadsafe(task.cancel)

    async def aclose(self) -> None:
        """End everything, and wait until it has ended."""
        self.abandon()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _read(self, first: Asked) -> None:
        """What a reader does: have a page fetched, and another one as long as that is wise."""
        asked: Asked | None = first
        while asked is not None:
            await self.here(asked)
            self._look_at(asked)
            asked = self._ahead() if self._expected is not None and not self._lasts else None

    def _look_at(self, asked: Asked) -> None:
        """See whether an answer that nobody has decoded yet looks like a page amid others.

        If not, nobody asks for more on their own until it is judged: the list may end there, or the service may want
        patience.
        """
        length = len(asked.answer.body) if asked.answer is not None else 0
        self._longest = max(self._longest, length)
        if asked.answer is None or asked.answer.throttled or 2 * length <= self._longest:
            asked.last = True
            self._lasts += 1

    def _gone(self, first: Asked, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if first in self.under_way:
            # the task was cancelled before its first step
            self._ended(first, asyncio.CancelledError())

    def _ended(self, asked: Asked, error: BaseException | None) -> None:
        """A request is no longer under way: tell who waits for it."""
        asked.error = error
        if asked in self.under_way:
            self.under_way.discard(asked)
            self.failed = self.failed or error is not None
        if asked is self._expected and self._arrived is not None and not self._arrived.done():
            self._arrived.set_result(None)


def _running(loop: asyncio.AbstractEventLoop) -> bool:
    """True if the caller runs in this loop."""
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False


T = TypeVar("T")


class Reading(Generic[T]):
    """One read of a list, from its start or from a mark, with at most `window` requests under way.

    Nor are there more than the session lets through at once: they would wait at its gate, and if they were dropped
    there, `requests` would count what was never sent. Readers fetch pages; whoever calls `next` judges them, strictly
    in order.

    `rest` goes over the records of the last page that were not handed out yet, where that is done one by one. The loop
    that the read is for must call `abandon` or `aclose` when it is over; nothing under way refers to that loop, so that
    dropping it is enough.
    """

    def __init__(self, source: PageSource[T], *, window: int, start: Mark) -> None:
        self._source = source
        memory = source.memory(start.date, start.ids)
        self._order = Order(memory, page_size=source.page_size, start=start)
        self._most = min(window, source.concurrency)
        # of what a search leaves nothing is asked for ahead of the first page
        self._window = 0 if source.filtered else self._most
        #: Requests whose answers are still of use, in the order in which they are judged.
        self._chain: deque[Asked] = deque()
        self._readers = Readers(self._fetch, self._ahead)
        self._busy = False
        self._narrowed_at = 0
        self._asked, self._limit = 0, UNLIMITED
        self.requests = 0
        self.rest: Iterator[T] = iter(())
        self._withheld = 0
        self.error: BaseException | None = None

    @property
    def ended(self) -> bool:
        """True once the end of the list was seen."""
        return self._order.ended

    @property
    def verdict(self) -> Completeness:
        """What the read proves so far: INCOMPLETE until every record was handed out and the end was seen."""
        if self._left:
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
        return self._order.mark(self._left) if self._source.paged else None

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

    def begin_with(self, answer: Response) -> None:
        """Begin with an answer to the first request that is here already."""
        offset = self._order.ahead()
        assert offset is not None, "a read knows where it begins"
        first = self._ask(offset)
        first.answer = answer
        self._chain.append(first)
        self.requests += 1

    async def next(self, *, ahead: bool = True, most: int = UNLIMITED) -> Page[T] | None:
        """The next page that adds records, None at the end, or once `most` requests were made and judged.

        With `ahead` the requests for the pages after it are under way when it returns. Raises `InvalidInputError` if
        another task waits in here already.
        """
        if self._readers.over:
            return None
        if self._busy:
            raise InvalidInputError("one loop feeds one task: loop over the listing anew in each task")
        self._busy = True
        self._limit = most
        try:
            while not self._order.ended:
                if self._asked >= most and not self._chain:
                    return None
                page = await self._judged(ahead=ahead)
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
        self._chain = deque()
        self._readers.abandon()

    async def aclose(self) -> None:
        """End everything under way, and wait until it has ended."""
        self._chain = deque()
        await self._readers.aclose()

    async def _judged(self, *, ahead: bool) -> Page[T]:
        """Wait for the next answer of the chain, and take what is new in it."""
        asked = await self._answered(ahead=ahead)
        if asked.answer is None:
            self._order.again()
            return Page((), asked.offset)
        if not self._source.paged:
            return self._whole(self._source.records(asked.answer.body))
        if asked.answer.throttled:
            self._narrow(asked.number)
        if ahead:
            self._fill()
        step = self._order.judge(self._source.records(asked.answer.body))
        if self._window < self._most and not asked.answer.throttled:
            # both pages of the end can be asked for at once
            self._window = min(self._most, max(2, self._window + 1))
        if step.dropped:
            self._drop()
        if step.first is not None:
            first = self._ask(step.first)
            self._chain.appendleft(first)
            self._readers.start(first)
        if ahead:
            self._fill()
        size = self._order.page_size
        if size and size != self._source.page_size:
            self._source.page_size = size
        if self._source.observed:
            from walead_async.events import PageRead  # loaded where somebody listens

            self._source.emit(PageRead(self._source.path, asked.offset, len(step.records), step.accepted))
        return Page(tuple(step.records), asked.offset)

    async def _answered(self, *, ahead: bool) -> Asked:
        """The request that is judged next, with its answer; without one if it was throttled and shall be repeated."""
        readers = self._readers
        if self._chain:
            readers.expect(asked := self._chain.popleft())
        else:
            offset = self._order.ahead()
            assert offset is not None, "a read that has not ended always knows where to go on"
            readers.expect(asked := self._ask(offset))
            if ahead:
                readers.start(asked)
                self._fill()
            else:
                # one page and no more needs no task
                await readers.here(asked)
        await readers.arrival()
        if asked.error is not None and not self._may_ask_again(asked):
            raise asked.error
        return asked

    def _ask(self, offset: int) -> Asked:
        self._asked += 1
        return Asked(self._asked - 1, offset)

    def _fill(self) -> None:
        """Have as many requests under way as is wise."""
        while (asked := self._ahead()) is not None:
            self._readers.start(asked)

    def _ahead(self) -> Asked | None:
        """What to ask for next, if it is wise to ask for more than is under way."""
        readers = self._readers
        room = min(self._window, self._order.width)
        # who waits takes what arrives at once, so that it needs no room
        kept = 2 * room if readers.expecting else room
        if len(readers.under_way) >= room or len(self._chain) >= kept or readers.failed or readers.over:
            return None
        if self._asked >= self._limit:
            return None
        offset = self._order.ahead()
        if offset is None:
            return None
        asked = self._ask(offset)
        self._chain.append(asked)
        return asked

    async def _fetch(self, asked: Asked) -> Response:
        # a request that is ended before its turn was never made
        self.requests += 1
        return await self._source.fetch(asked.offset, lane=self, patient=asked.number > 0)

    def _drop(self) -> None:
        """End the requests under way whose answers are of no use."""
        self._readers.drop()
        self._chain.clear()

    def _may_ask_again(self, asked: Asked) -> bool:
        """Whether to ask once more after too many requests at once; not if there was only this one."""
        error = asked.error
        if not isinstance(error, (RateLimitedError, ServerError)) or error.status not in {429, 503} or not self._chain:
            return False
        self._narrow(asked.number)
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
