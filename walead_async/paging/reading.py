"""One read of a list: keeps requests under way and has their answers judged in order."""

from __future__ import annotations

import asyncio
from collections import deque
from operator import length_hint
from typing import TYPE_CHECKING, Generic, TypeVar

from walead_async.errors import RateLimitedError, ServerError
from walead_async.models import Completeness, Page
from walead_async.paging.order import Order

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from walead_async.paging.source import PageSource
    from walead_async.paging.step import Mark
    from walead_async.transport.messages import Response

__all__ = ["Reading"]

T = TypeVar("T")


class _Asked:
    """A request of the read, with its number and offset: under way until it has an answer or an error."""

    __slots__ = ("answer", "error", "number", "offset")

    def __init__(self, number: int, offset: int) -> None:
        self.number = number
        self.offset = offset
        self.answer: Response | None = None
        self.error: BaseException | None = None


class Reading(Generic[T]):
    """One read of a list, from its start or from a mark, with at most `window` requests under way.

    Tasks, the readers, ask for one page after the other; whoever calls `next` judges the answers. A reader whose answer
    is there asks for its next page at once, before anything is decoded, if somebody waits in `next` for a page.

    `rest` goes over the records of the last page that were not handed out yet. The loop that the read is for must call
    `abandon` or `aclose` when it is over; nothing under way refers to that loop, so that dropping it is enough.
    """

    def __init__(self, source: PageSource[T], *, window: int, start: Mark) -> None:
        self._source = source
        memory = source.memory(start.date, start.ids)
        self._order = Order(memory, page_size=source.page_size, start=start)
        self._most = self._window = window
        #: Requests whose answers are still of use, in the order in which they are judged.
        self._chain: deque[_Asked] = deque()
        self._under_way: set[_Asked] = set()
        self._readers: set[asyncio.Task[None]] = set()
        #: What `next` waits for, and how it is told.
        self._awaited: _Asked | None = None
        self._arrived: asyncio.Future[None] | None = None
        self._failed = False
        self._longest = 0
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
        for reader in self._readers:
            loop = reader.get_loop()
            if loop.is_closed():
                continue
            if _running(loop):
                reader.cancel()
            else:
                loop.call_soon_threadsafe(reader.cancel)

    async def aclose(self) -> None:
        """End everything under way, and wait until it has ended."""
        self.abandon()
        if self._readers:
            await asyncio.wait(self._readers)

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
        elif self._window < self._most:
            self._window += 1
        if ahead:
            self._fill()
        step = self._order.judge(self._source.records(asked.answer.body))
        if step.dropped:
            self._drop()
        if step.first is not None:
            first = self._ask(step.first)
            self._chain.appendleft(first)
            self._start(first)
        if ahead:
            self._fill()
        size = self._order.page_size
        if size and size != self._source.page_size:
            self._source.page_size = size
        if self._source.observed:
            from walead_async.transport.events import PageRead  # loaded where somebody listens

            self._source.emit(PageRead(self._source.path, asked.offset, len(step.records), step.accepted))
        return Page(tuple(step.records), asked.offset)

    async def _answered(self, *, ahead: bool) -> _Asked:
        """The request that is judged next, with its answer; without one if it was throttled and shall be repeated."""
        if self._chain:
            asked = self._awaited = self._chain.popleft()
            if asked in self._under_way:
                await self._arrival()
        else:
            offset = self._order.ahead()
            assert offset is not None, "a read that has not ended always knows where to go on"
            asked = self._awaited = self._ask(offset)
            if ahead:
                self._fill()
            # without a task of its own: it is waited for here in any case
            await self._fetch(asked)
        self._awaited = None
        if asked.error is not None and not self._may_ask_again(asked):
            raise asked.error
        return asked

    async def _arrival(self) -> None:
        """Wait until what is awaited has arrived."""
        self._arrived = asyncio.get_running_loop().create_future()
        try:
            await self._arrived
        finally:
            self._arrived = None

    def _ask(self, offset: int) -> _Asked:
        asked = _Asked(self._asked, offset)
        self._asked += 1
        self._under_way.add(asked)
        return asked

    def _fill(self) -> None:
        """Have as many requests under way as is wise."""
        while (asked := self._ahead()) is not None:
            self._start(asked)

    def _ahead(self) -> _Asked | None:
        """What to ask for next, if it is wise to ask for more than is under way."""
        room = min(self._window, self._order.width)
        # who waits takes what arrives at once, so that it needs no room
        kept = 2 * room if self._awaited is not None else room
        if len(self._under_way) >= room or len(self._chain) >= kept or self._failed or self._over:
            return None
        offset = self._order.ahead()
        if offset is None:
            return None
        asked = self._ask(offset)
        self._chain.append(asked)
        return asked

    def _start(self, asked: _Asked) -> None:
        reader = asyncio.create_task(self._read(asked))
        self._readers.add(reader)
        reader.add_done_callback(self._readers.discard)

    async def _read(self, first: _Asked) -> None:
        """What a reader does: ask for a page, and for another one as long as that is wise."""
        asked: _Asked | None = first
        while asked is not None:
            await self._fetch(asked)
            asked = self._ahead() if self._awaited is not None and self._invites(asked.answer) else None

    async def _fetch(self, asked: _Asked) -> None:
        """Have a request answered. A failure is raised when its turn comes; until then nothing more is asked for."""
        # a request that is ended before its turn was never made
        self.requests += 1
        try:
            asked.answer = await self._source.fetch(asked.offset, lane=self, patient=asked.number > 0)
        except BaseException as error:
            asked.error = error
            if asked in self._under_way:
                self._failed = True
            if not isinstance(error, Exception):
                raise
        finally:
            self._under_way.discard(asked)
            if asked is self._awaited and self._arrived is not None and not self._arrived.done():
                self._arrived.set_result(None)

    def _invites(self, answer: Response | None) -> bool:
        """Whether an answer that nobody has decoded yet looks like a page amid others, so that the list goes on."""
        if answer is None or answer.throttled:
            return False
        self._longest = max(self._longest, len(answer.body))
        return 2 * len(answer.body) > self._longest

    def _drop(self) -> None:
        """End the requests under way whose answers are of no use."""
        for reader in self._readers:
            reader.cancel()
        self._under_way.clear()
        self._chain.clear()
        self._failed = False

    def _may_ask_again(self, asked: _Asked) -> bool:
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


def _running(loop: asyncio.AbstractEventLoop) -> bool:
    """True if the caller runs in this loop."""
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False
