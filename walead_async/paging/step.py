"""What the reading rule hands out: one step of a read, and the mark where it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

__all__ = ["START", "Mark", "Step"]

T = TypeVar("T")


class Step(NamedTuple, Generic[T]):
    """What a page led to: the records to yield, and whether it was accepted.

    With `dropped` the answers to all other requests under way are of no use. `first` is an offset to ask for and to
    judge before them.
    """

    records: Sequence[T]
    accepted: bool
    dropped: bool = False
    first: int | None = None


class Mark(NamedTuple):
    """Where a read stands: what a cursor holds, and what a resumed read begins with.

    `date` and `ids` are the memory's; `offset` is where the next page begins, `position` where the last record stood,
    `risen` by how many positions records were seen to move up; `yielded` records were, and the longest page had
    `longest`. `changed` and `doubt` say what is known so far against COMPLETE.
    """

    date: datetime | None
    ids: list[str]
    offset: int
    position: int
    risen: int
    yielded: int
    longest: int
    changed: str | None = None
    doubt: str | None = None


#: A read that has not begun.
START = Mark(date=None, ids=[], offset=0, position=-1, risen=0, yielded=0, longest=0)
