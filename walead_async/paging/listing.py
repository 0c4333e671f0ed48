"""Listings, what a user loops over, and the page source that a resource gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from walead_async.errors import InvalidInputError
from walead_async.models import Completeness, Page
from walead_async.paging.cursor import read_cursor, write_cursor
from walead_async.paging.paginator import Reading
from walead_async.paging.reader import START

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Sequence
    from datetime import datetime
    from typing import Self

    from walead_async.events import Event
    from walead_async.paging.seen import Memory
    from walead_async.transport.messages import Response

__all__ = ["Listing", "PageLoop", "PageSource", "RecordLoop"]

T = TypeVar("T")


class PageSource(Protocol[T]):
    """A list that is read by offset."""

    @property
    def path(self) -> str:
        """The path, for events."""
        ...

    @property
    def identity(self) -> str:
        """What a cursor is bound to: path, sort and search."""
        ...

    @property
    def paged(self) -> bool:
        """False if one answer always holds the whole list."""
        ...

    @property
    def filtered(self) -> bool:
        """True of what a search leaves of a list: likely to be short, so that its first page is asked for alone."""
        ...

    @property
    def concurrency(self) -> int:
        """How many requests the session may have under way at once."""
        ...

    @property
    def page_size(self) -> int | None:
        """What the session remembers of the page size, a guess."""
        ...

    @page_size.setter
    def page_size(self, size: int) -> None: ...

    def memory(self, date: datetime | None = None, ids: Iterable[str] = ()) -> Memory[T]:
        """A new memory for one read, or that of a read that is resumed."""
        ...

    def fetch(self, offset: int, *, lane: object, patient: bool) -> Coroutine[object, object, Response]:
        """Ask for the page at an offset, once this is awaited. Raises the errors of our tree."""
        ...

    def records(self, body: bytes) -> Sequence[T]:
        """The records of an answer, in the order they came. Raises `UnexpectedResponseError`."""
        ...

    @property
    def observed(self) -> bool:
        """Whether anybody listens to events, so that none is made in vain."""
        ...

    def emit(self, event: Event) -> None:
        """Tell the session's hooks."""
        ...


class Listing(Generic[T]):
    """A list that is read anew by each loop over it: `async for record in listing`.

    Every record that is there, unchanged, throughout a read is yielded exactly once, or the read raises; `verdict` says
    whether the list was complete. Several loops at once are separate reads, and `verdict`, `why`, `requests` and
    `cursor` are those of the loop started last.

    Resources make listings; a program of its own kind can give any `PageSource`. At most `window` requests are under
    way at once, and no more than the session allows. `resume` is the cursor of an earlier read of the same list: each
    loop goes on after the record that was yielded last when it was taken. Raises `InvalidInputError` if either is
    wrong.
    """

    def __init__(self, source: PageSource[T], *, window: int = 8, resume: str | None = None) -> None:
        if isinstance(window, bool) or not isinstance(window, int) or window < 1:
            raise InvalidInputError(f"window is how many requests are under way at once, from 1, not {window!r}")
        self._source = source
        self._window = window
        self._resumed = None if resume is None else read_cursor(resume, source.identity)
        self._last: Reading[T] | None = None

    @property
    def verdict(self) -> Completeness:
        """Whether the loop started last had every record; INCOMPLETE until it has ended, and if it failed."""
        return self._last.verdict if self._last else Completeness.INCOMPLETE

    @property
    def why(self) -> str | None:
        """In words, why the verdict is not COMPLETE: what changed, or which check could not be made."""
        return self._last.why if self._last else "the list was not read yet"

    @property
    def requests(self) -> int:
        """How many requests the loop started last has made."""
        return self._last.requests if self._last else 0

    @property
    def cursor(self) -> str | None:
        """Where the loop started last stands, for `resume` of a later listing; None before its first record.

        Of a resumed listing that was not read yet it is where that goes on. It counts a record as read once it was
        handed to the loop. It also stands after the end, for what is added there later. The list may change in between.
        """
        mark = self._last.mark() if self._last else self._resumed
        return write_cursor(mark, self._source.identity) if mark else None

    def __aiter__(self) -> RecordLoop[T]:
        return RecordLoop(self._start())

    def pages(self) -> PageLoop[T]:
        """The same, a page at a time: only pages that add records, and of each only what is new."""
        return PageLoop(self._start())

    async def collect(self) -> list[T]:
        """All records. Raises what a loop raises."""
        reading = self._start()
        records: list[T] = []
        while (page := await reading.next()) is not None:
            records += page.records
        return records

    async def first(self) -> T | None:
        """The first record, None if there is none. It costs one request."""
        reading = self._start()
        page = await reading.next(ahead=False)
        return reading.one_by_one(page) if page else None

    def _start(self) -> Reading[T]:
        self._last = Reading(self._source, window=self._window, start=self._resumed or START)
        return self._last


class _Loop(Generic[T]):
    """A loop over a read. However it is left, what it has under way is ended."""

    def __init__(self, reading: Reading[T]) -> None:
        self._reading = reading

    def __aiter__(self) -> Self:
        return self

    def __del__(self) -> None:
        # `break` drops the iterator, and with it this
        self._reading.abandon()

    async def aclose(self) -> None:
        """End the read before its end, and everything it has under way. The loop yields nothing more."""
        self._reading.withhold()
        await self._reading.aclose()


class RecordLoop(_Loop[T]):
    """A loop over records."""

    async def __anext__(self) -> T:
        for record in self._reading.rest:
            return record
        page = await self._reading.next()
        if page is None:
            raise StopAsyncIteration
        return self._reading.one_by_one(page)


class PageLoop(_Loop[T]):
    """A loop over pages."""

    async def __anext__(self) -> Page[T]:
        page = await self._reading.next()
        if page is None:
            raise StopAsyncIteration
        return page
