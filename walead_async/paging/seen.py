"""What a read remembers of the records it yielded, and which records of a page are new."""

from __future__ import annotations

from hashlib import blake2b
from itertools import islice
from operator import attrgetter, gt, lt
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from walead_async.errors import PaginationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

__all__ = ["Compared", "Dated", "Named"]

T = TypeVar("T")

_date: Callable[[object], datetime] = attrgetter("created_at")
_id: Callable[[object], str] = attrgetter("id")

MIXED = (
    "a record turned up between records of the same createdAt that had been read: it was blocked meanwhile, or the"
    " service does not keep such records in order"
)
TWICE = "the service names somebody twice in one page of a list without ids"


class Compared(NamedTuple, Generic[T]):
    """A page, compared with what was yielded.

    `new` are the records that were not, each with its key in `keys`; the page `joins` if it begins with one that was.
    It begins `inside` a group if its first record has the date of the last one yielded: others of that date may stand
    before it. `moved` says by how many positions the records yielded stand lower than they did, `stands` that they
    stand as they did. `ordered` is False if records of one date came in another order than before; `doubt` says in
    words what cannot be told from such a page.
    """

    new: Sequence[T]
    keys: Sequence[str]
    joins: bool
    inside: bool
    moved: int
    stands: bool
    ordered: bool = True
    doubt: str | None = None


class Dated(Generic[T]):
    """For a list in the order of `created_at`: the date of the last record yielded, and the ids that share it.

    Records have a `created_at` and an `id`. `date` and `ids` are those of a read that is resumed.
    """

    has_order = True

    def __init__(self, *, descending: bool = False, date: datetime | None = None, ids: Iterable[str] = ()) -> None:
        self.descending = descending
        self._before = gt if descending else lt
        self._date = date
        self._ranks = {tied: rank for rank, tied in enumerate(ids)}
        #: Date, ids and how many of them there were, before the last page that added records.
        self._earlier = (self._date, self._ranks, len(self._ranks))

    @property
    def group(self) -> int:
        """How many records that were yielded share the last date."""
        return len(self._ranks)

    def knows(self, record: T) -> bool:
        """Whether this record was yielded: its date is before the last one, or it is one of those that share it."""
        if self._date is None:
            return False
        date = _date(record)
        return self._before(date, self._date) or (date == self._date and _id(record) in self._ranks)

    def is_last_date(self, record: T) -> bool:
        """Whether this record has the date of the last one yielded."""
        return _date(record) == self._date

    def is_last(self, record: T) -> bool:
        """Whether this record is the last one yielded."""
        return _id(record) == next(reversed(self._ranks), None)

    def compare(self, records: Sequence[T], offset: int, expected: int) -> Compared[T]:
        """Compare a page that should begin with `expected` known records. Raises `PaginationError` if it is faulty."""
        dates, ids = list(map(_date, records)), list(map(_id, records))
        if len(set(ids)) < len(ids):
            raise _doubled(offset)
        if dates != sorted(dates, reverse=self.descending):
            raise _unsorted(offset, descending=self.descending)
        below = upto = 0
        if self._date is not None:
            while upto < len(dates) and self._before(dates[upto], self._date):
                upto += 1
            below = upto
            while upto < len(dates) and dates[upto] == self._date:
                upto += 1
        ranks = self._ranks
        fresh = [index for index in range(below, upto) if ids[index] not in ranks]
        known = [ranks[tied] for tied in ids[below:upto] if tied in ranks]
        inside = upto > below == 0
        moved = expected - below - len(known)
        return Compared(
            new=[*(records[index] for index in fresh), *records[upto:]],
            keys=(),
            joins=below > 0 or (inside and ids[0] in ranks),
            inside=inside,
            moved=moved,
            stands=not moved,
            ordered=known == sorted(known),
            doubt=MIXED if inside and offset and fresh and fresh[0] < len(known) else None,
        )

    def add(self, page: Compared[T]) -> None:
        """Remember the new records of a page."""
        date, tied = _last_group(page.new)
        self._earlier = (self._date, self._ranks, len(self._ranks))
        if date != self._date:
            self._date, self._ranks = date, {}
        for each in tied:
            self._ranks[each] = len(self._ranks)

    def held(self, kept: Sequence[T], left: Sequence[T]) -> tuple[datetime | None, list[str]]:
        """Date and ids for a cursor if, of the last page that added records, `kept` were yielded and `left` not."""
        if not left:
            return self._date, list(self._ranks)
        earlier, ranks, number = self._earlier
        ids = list(islice(ranks, number))
        if not kept:
            return earlier, ids
        date, tied = _last_group(kept)
        return date, ids + tied if date == earlier else tied

    def beyond(self, records: Sequence[T]) -> Sequence[T] | None:
        """Of a page in the opposite order the records that were not yielded, but only those of the farthest date.

        None if it is in another order.
        """
        dates = list(map(_date, records))
        if dates != sorted(dates, reverse=not self.descending):
            return None
        new = [record for record in records if not self.knows(record)]
        return [record for record in new if _date(record) == _date(new[0])]


class Named(Generic[T]):
    """For a list without ids and without a stated order: a digest of every name.

    `name` gives what identifies a record. It is kept as a digest of 128 bits, so that a cursor names nobody. `ids` are
    the digests of a read that is resumed, in the order in which they were yielded.
    """

    has_order = False
    group = 1
    descending = False

    def __init__(self, name: Callable[[T], str], *, ids: Iterable[str] = ()) -> None:
        self._name = name
        self._known = dict.fromkeys(ids)

    def knows(self, record: T) -> bool:
        """Whether somebody of this name was yielded."""
        return digest(self._name(record)) in self._known

    def is_last_date(self, record: T) -> bool:
        """False: such a list has no order of dates."""
        return False

    def is_last(self, record: T) -> bool:
        """Whether somebody of this name was yielded last."""
        return digest(self._name(record)) == next(reversed(self._known), None)

    def compare(self, records: Sequence[T], offset: int, expected: int) -> Compared[T]:
        """Compare a page, which should begin with the `expected` records yielded last."""
        keys = [digest(self._name(record)) for record in records]
        new = {key: record for key, record in zip(keys, records, strict=True) if key not in self._known}
        last = list(islice(reversed(self._known), max(0, expected)))[::-1]
        return Compared(
            new=list(new.values()),
            keys=list(new),
            joins=keys[0] in self._known,
            inside=False,
            moved=expected - len(keys) + len(new),
            stands=expected >= 0 and keys[:expected] == last,
            doubt=TWICE if len(set(keys)) < len(keys) else None,
        )

    def add(self, page: Compared[T]) -> None:
        """Remember the new records of a page."""
        self._known.update(dict.fromkeys(page.keys))

    def held(self, kept: Sequence[T], left: Sequence[T]) -> tuple[datetime | None, list[str]]:
        """No date, and the digests of all who were yielded, without those `left`."""
        back = {digest(self._name(record)) for record in left}
        return None, [key for key in self._known if key not in back]

    def beyond(self, records: Sequence[T]) -> Sequence[T] | None:
        """None: a list without an order has no other side."""
        return None


def digest(name: str) -> str:
    """128 bits that stand for a name."""
    return blake2b(name.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _last_group(records: Sequence[T]) -> tuple[datetime, list[str]]:
    """The date of the last record, and the ids of those before it that share it, its own included."""
    date, start = _date(records[-1]), len(records) - 1
    while start and _date(records[start - 1]) == date:
        start -= 1
    return date, list(map(_id, records[start:]))


def _doubled(offset: int) -> PaginationError:
    return PaginationError(
        f"the service names a record twice in one page, at offset {offset}: positions in such a list cannot be trusted."
        " Read it again; if it stays so, tell the service's support"
    )


def _unsorted(offset: int, *, descending: bool) -> PaginationError:
    wanted = "newest first" if descending else "oldest first"
    return PaginationError(
        f"the service did not sort its page at offset {offset} by createdAt, {wanted}, as it was asked to: the list"
        " cannot be read without losing records. Read it again; if it stays so, try the other `sort`"
    )
