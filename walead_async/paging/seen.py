"""Which records of a page are new, and the memory needed to tell."""

from __future__ import annotations

from hashlib import blake2b
from itertools import islice
from operator import attrgetter, gt, lt
from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar

from walead_async.paging.reader import doubled, unsorted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

__all__ = ["Dated", "Memory", "Named", "Taken"]

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


class Created(Protocol):
    """A record with a date that the list is in the order of, and an id."""

    @property
    def created_at(self) -> datetime: ...

    @property
    def id(self) -> str: ...


D = TypeVar("D", bound=Created)

_date: Callable[[Created], datetime] = attrgetter("created_at")
_id: Callable[[Created], str] = attrgetter("id")

#: So many overlaps that show parts of a large tie group in the order remembered are taken for a stable order.
AGREEMENTS = 3


class Dated(Generic[D]):
    """Memory for a list in the order of its dates: the date of the last record yielded, and the ids that share it.

    `date` and `ids` are those of a read that is resumed.
    """

    ordered = True

    def __init__(self, *, descending: bool = False, date: datetime | None = None, ids: Iterable[str] = ()) -> None:
        self._descending = descending
        self._before = gt if descending else lt
        self._date = date
        self._ranks = {tie: rank for rank, tie in enumerate(ids)}
        self._next_rank = len(self._ranks)
        #: Date and tie group before the last page that added records, if it moved on from them.
        self._passed: tuple[datetime | None, dict[str, int]] | None = None
        self._agreements = 0
        self._unstable = False
        self.doubt: str | None = None

    @property
    def appends(self) -> bool:
        """True in ascending order."""
        return not self._descending

    @property
    def stable(self) -> bool | None:
        """False once a tie group came in another order; True once large ones came in the same order often enough."""
        if self._unstable:
            return False
        return True if self._agreements >= AGREEMENTS else None

    @property
    def ties(self) -> int:
        """How many records yielded share the watermark's date."""
        return len(self._ranks)

    def take(self, records: Sequence[D], offset: int, *, whole: bool = False) -> Taken[D] | None:
        """Remember a page. Its first record must be known, unless it is the first of the list."""
        dates, ids = list(map(_date, records)), tuple(map(_id, records))
        self._check(dates, ids, offset)
        below, upto = self._place(dates)
        ranks = self._ranks
        # such a page does not show where the tie group begins
        inside = offset > 0 and not below
        if inside and (self._unstable or not upto or ids[0] not in ranks):
            return None
        known = [ranks[tie] for tie in ids[below:upto] if tie in ranks]
        fresh = [index for index in range(below, upto) if ids[index] not in ranks]
        ordered = known == sorted(known)
        mixed = bool(fresh) and fresh[0] < below + len(known)
        self._unstable = self._unstable or not ordered
        if inside and (not ordered or (whole and (fresh or upto < len(dates)))):
            return None
        intact = self._overlapped(known, mixed=mixed) if inside else len(known) == len(ranks)
        trail = 1
        if upto < len(dates):
            trail = _trail(dates)
            self._move_on(dates[-1], ids[len(ids) - trail :])
        elif below < upto:
            trail = upto - below
            self._join(ids[below:upto], len(fresh), known, inside=inside, ordered=ordered and not mixed)
        new = [records[index] for index in fresh]
        new += records[upto:]
        return Taken(new, below + len(known), intact, intact or not inside, trail, ids, not inside)

    def knows(self, record: D) -> bool:
        """Whether a record stands below the watermark, or in its tie group."""
        date, mark = record.created_at, self._date
        return mark is not None and (self._before(date, mark) or record.id in self._ranks)

    def held(self, kept: Sequence[D], left: Sequence[D]) -> tuple[datetime | None, list[str]]:
        """The watermark's date and its tie group, in order."""
        if not left:
            return self._date, list(self._ranks)
        taken_back = {record.id for record in left}
        if self._passed is None:
            return self._date, [tie for tie in self._ranks if tie not in taken_back]
        date, ranks = self._passed
        if kept:
            last = kept[-1].created_at
            ties = [record.id for record in kept if record.created_at == last]
            return last, [*ranks, *ties] if last == date else ties
        return date, list(ranks)

    def _check(self, dates: list[datetime], ids: Sequence[str], offset: int) -> None:
        if len(set(ids)) < len(ids):
            raise doubled(offset)
        if dates != sorted(dates, reverse=self._descending):
            raise unsorted(offset, descending=self._descending)

    def _place(self, dates: Sequence[datetime]) -> tuple[int, int]:
        """How many records stand below the watermark's date, and how many at or below it."""
        mark, before = self._date, self._before
        if mark is None:
            return 0, 0
        size = len(dates)
        below = 0
        while below < size and before(dates[below], mark):
            below += 1
        upto = below
        while upto < size and dates[upto] == mark:
            upto += 1
        return below, upto

    def _overlapped(self, known: list[int], *, mixed: bool) -> bool:
        """Judge an overlap that shows only a part of the tie group: whether it is the end of what was remembered."""
        if len(known) > 1:
            self._agreements += 1
        if mixed:
            self.doubt = (
                "a record turned up between records of the same createdAt that had been read: it was blocked"
                " meanwhile, or the service does not keep such records in order"
            )
        contiguous = known[-1] - known[0] + 1 == len(known)
        return contiguous and not mixed and known[-1] == self._next_rank - 1

    def _move_on(self, date: datetime, ids: Sequence[str]) -> None:
        self._passed = (self._date, self._ranks)
        self._date = date
        self._ranks = {tie: rank for rank, tie in enumerate(ids)}
        self._next_rank = len(ids)

    def _join(self, ids: Sequence[str], fresh: int, known: Sequence[int], *, inside: bool, ordered: bool) -> None:
        """Add to the tie group. What a page shows of it is the latest word on its order."""
        if fresh:
            self._passed = None
        if ordered and known and known[-1] == self._next_rank - 1:
            ids = ids[len(ids) - fresh :]
        elif fresh or not ordered:
            # a page that is not inside the group shows its beginning
            first = known[0] if inside else 0
            shown = set(ids)
            rest = [(rank, tie) for tie, rank in self._ranks.items() if tie not in shown]
            ids = [*(tie for rank, tie in rest if rank < first), *ids, *(tie for rank, tie in rest if rank >= first)]
            self._ranks = {}
            self._next_rank = 0
        else:
            return
        for tie in ids:
            self._ranks[tie] = self._next_rank
            self._next_rank += 1


class Named(Generic[T]):
    """Memory for a list without ids and without a stated order: the identity of every record yielded.

    `name` gives what identifies a record. It is kept as a digest of 128 bits, so that a cursor names nobody. `ids` are
    the digests of a read that is resumed, in the order they were yielded.
    """

    appends = False
    ordered = False
    stable = None
    ties = 1

    def __init__(self, name: Callable[[T], str], *, ids: Iterable[str] = ()) -> None:
        self._name = name
        self._known = dict.fromkeys(ids)
        self.doubt: str | None = None

    def take(self, records: Sequence[T], offset: int, *, whole: bool = False) -> Taken[T] | None:
        """Remember a page. Its first record must be known, unless it is the first of the list."""
        ids = tuple(digest(self._name(record)) for record in records)
        newest = next(reversed(self._known), None)
        fresh: dict[str, int] = {}
        for index, named in enumerate(ids):
            if named not in self._known:
                fresh.setdefault(named, index)
        if offset and (ids[0] not in self._known or (whole and fresh and ids[0] == newest)):
            return None
        if len(set(ids)) < len(ids):
            self.doubt = "the service names somebody twice in one page of a list without ids"
        first = min(fresh.values(), default=len(ids))
        known = ids.index(newest) + 1 if newest in ids else first
        intact = known <= first and self._last_two(ids[max(0, known - 2) : known])
        self._known.update(dict.fromkeys(fresh))
        return Taken([records[index] for index in fresh.values()], known, intact, intact, 1, ids)

    def knows(self, record: T) -> bool:
        """Whether a record of this identity was yielded."""
        return digest(self._name(record)) in self._known

    def held(self, kept: Sequence[T], left: Sequence[T]) -> tuple[datetime | None, list[str]]:
        """The digests of all records yielded."""
        taken_back = {digest(self._name(record)) for record in left}
        return None, [named for named in self._known if named not in taken_back]

    def _last_two(self, ids: tuple[str, ...]) -> bool:
        """Whether these are the records yielded last, in order: two, or one if no more is shown."""
        last = tuple(islice(reversed(self._known), len(ids)))[::-1]
        return ids == last and (bool(ids) or not self._known)


def digest(name: str) -> str:
    """128 bits that stand for a name."""
    return blake2b(name.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _trail(dates: Sequence[datetime]) -> int:
    """How many records at the end of a page share one date."""
    last = dates[-1]
    trail = 1
    while trail < len(dates) and dates[-1 - trail] == last:
        trail += 1
    return trail
