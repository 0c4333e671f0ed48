"""What a page adds to a read, and what must be remembered to tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

__all__ = ["Memory", "Taken"]

T = TypeVar("T")


class Taken(NamedTuple, Generic[T]):
    """An accepted page, taken apart.

    `new` are the records to yield. `known` counts the page's records up to the last known one; `intact` says that they
    are the ones remembered, none missing and none between, `firm` that where they stand can be relied upon. `trail`
    counts the records at the page's end that share the watermark's date, 1 if there are none, `ids` name all records
    of the page, and `whole` says that it shows where the group of the watermark's date begins.
    """

    new: list[T]
    known: int
    intact: bool
    firm: bool
    trail: int
    ids: tuple[str, ...]
    whole: bool = True


class Memory(Protocol[T]):
    """What a read remembers of the records it yielded."""

    @property
    def appends(self) -> bool:
        """True if records that are added while the list is read are known to stand at its end."""
        ...

    @property
    def ordered(self) -> bool:
        """True if the list has a stated order."""
        ...

    @property
    def stable(self) -> bool | None:
        """Whether records of one date keep their order from answer to answer; None while that is not known."""
        ...

    @property
    def ties(self) -> int:
        """How many records yielded share the watermark's date."""
        ...

    @property
    def doubt(self) -> str | None:
        """What the pages so far left undecidable, in words."""
        ...

    def take(self, records: Sequence[T], offset: int, *, whole: bool = False) -> Taken[T] | None:
        """Remember a page and take it apart; None if it begins with an unknown record, and is refused.

        With `whole` it is also refused if it adds records and begins inside the tie group. Raises `PaginationError` if
        the page contradicts what was asked for.
        """
        ...

    def knows(self, record: T) -> bool:
        """Whether a record was certainly yielded."""
        ...

    def held(self, kept: Sequence[T], left: Sequence[T]) -> tuple[datetime | None, list[str]]:
        """What a cursor must hold if, of the last page that added records, `kept` were yielded and `left` not yet."""
        ...
