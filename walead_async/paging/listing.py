"""Listings: what a user loops over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from walead_async.errors import InvalidInputError
from walead_async.models import Completeness, Page
from walead_async.paging.cursor import START, read_cursor, write_cursor
from walead_async.paging.paginator import Paginator

if TYPE_CHECKING:
    from typing import Self

    from walead_async.paging.paginator import PageSource

__all__ = ["Listing", "PageLoop", "RecordLoop"]

T = TypeVar("T")


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
        self._last: Paginator[T] | None = None

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
        paginator = self._start()
        records: list[T] = []
        while (page := await paginator.next()) is not None:
            records += page.records
        return records

    async def first(self) -> T | None:
        """The first record, None if there is none. It costs one request, two if there is none."""
        paginator = self._start()
        page = await paginator.next(ahead=False)
        return paginator.one_by_one(page) if page else None

    def _start(self) -> Paginator[T]:
        self._last = Paginator(self._source, window=self._window, start=self._resumed or START)
        return self._last


class _Loop(Generic[T]):
    """A loop over a read. However it is left, what it has under way is ended."""

    def __init__(self, paginator: Paginator[T]) -> None:
        self._paginator = paginator

    def __aiter__(self) -> Self:
        return self

    def __del__(self) -> None:
        # `break` drops the iterator, and with it this
        self._paginator.abandon()

    async def aclose(self) -> None:
        """End the read before its end, and everything it has under way. The loop yields nothing more."""
        self._paginator.withhold()
        await self._paginator.aclose()


class RecordLoop(_Loop[T]):
    """A loop over records."""

    async def __anext__(self) -> T:
        for record in self._paginator.rest:
            return record
        page = await self._paginator.next()
        if page is None:
            raise StopAsyncIteration
        return self._paginator.one_by_one(page)


class PageLoop(_Loop[T]):
    """A loop over pages."""

    async def __anext__(self) -> Page[T]:
        page = await self._paginator.next()
        if page is None:
            raise StopAsyncIteration
        return page
