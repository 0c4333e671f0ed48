"""Listings: what a user loops over. One page at a time; `order.py` decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from walead_async.errors import InvalidInputError
from walead_async.models import Completeness, Page
from walead_async.paging.order import Order
from walead_async.transport.events import PageRead

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from walead_async.paging.source import PageSource

__all__ = ["Listing"]

T = TypeVar("T")


class Listing(Generic[T]):
    """A list that is read anew by each loop over it."""

    def __init__(self, source: PageSource[T], *, window: int = 8, resume: str | None = None) -> None:
        if isinstance(window, bool) or not isinstance(window, int) or window < 1:
            raise InvalidInputError(f"window must be a whole number of at least 1, not {window!r}")
        self._source = source
        self._order: Order[T] | None = None
        self._whole = False
        self._requests = 0

    @property
    def verdict(self) -> Completeness:
        """Whether the loop started last had every record."""
        if self._whole:
            return Completeness.COMPLETE
        return self._order.verdict if self._order else Completeness.INCOMPLETE

    @property
    def requests(self) -> int:
        """How many requests the loop started last has sent."""
        return self._requests

    @property
    def why(self) -> str | None:
        """Why the verdict is not COMPLETE, in words."""
        return (self._order.doubt or self._order.changed) if self._order else None

    def __aiter__(self) -> AsyncGenerator[T, None]:
        return self._records()

    async def _records(self) -> AsyncGenerator[T, None]:
        async for page in self.pages():
            for record in page.records:
                yield record

    async def pages(self) -> AsyncGenerator[Page[T], None]:
        """The pages that add records, in order."""
        source = self._source
        self._requests, self._whole = 0, False
        self._order = order = Order(source.memory(), page_size=None)
        while not order.ended:
            offset = order.ahead()
            assert offset is not None
            raw = await source.read(offset, lane=self, patient=self._requests > 0)
            self._requests += 1
            if not source.paged:
                self._whole = True
                yield Page(tuple(raw.records), 0)
                return
            step = order.judge(raw.records)
            source.emit(PageRead(source.path, offset, len(step.records), step.accepted))
            if step.records:
                yield Page(tuple(step.records), offset)

    async def collect(self) -> list[T]:
        """All records."""
        return [record async for record in self]

    async def first(self) -> T | None:
        """The first record, None if there is none."""
        raw = await self._source.read(0, lane=self, patient=False)
        return raw.records[0] if raw.records else None
