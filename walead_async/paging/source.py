"""What a resource gives a listing: how to ask for a page, and how its records are told apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from walead_async.paging.memory import Memory
    from walead_async.transport.events import Event

__all__ = ["PageSource", "RawPage"]

T = TypeVar("T")


class RawPage(NamedTuple, Generic[T]):
    """The records of one answer, in the order they came. `throttled`: the service asked for patience meanwhile."""

    records: Sequence[T]
    throttled: bool


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
    def page_size(self) -> int | None:
        """What the session remembers of the page size, a guess."""
        ...

    @page_size.setter
    def page_size(self, size: int) -> None: ...

    def memory(self, date: datetime | None = None, ids: Iterable[str] = ()) -> Memory[T]:
        """A new memory for one read, or that of a read that is resumed."""
        ...

    async def read(self, offset: int, *, lane: object, patient: bool) -> RawPage[T]:
        """Ask for the page at an offset. Raises the errors of our tree."""
        ...

    def emit(self, event: Event) -> None:
        """Tell the session's hooks."""
        ...
