"""What a resource gives a listing: how to ask for a page, and how its records are told apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Sequence
    from datetime import datetime

    from walead_async.paging.memory import Memory
    from walead_async.transport.events import Event
    from walead_async.transport.messages import Response

__all__ = ["PageSource"]

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
