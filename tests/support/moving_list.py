"""A list that other people change while it is read, and a reader that needs no event loop."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections import deque
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import TYPE_CHECKING, Literal, NamedTuple

from walead_async.paging.cursor import START, Mark
from walead_async.paging.reader import Ask, Decision, Reader
from walead_async.paging.seen import Dated, Named

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

DAY = datetime(2024, 1, 1, tzinfo=UTC)


class Record(NamedTuple):
    """What the list shows of one record."""

    created_at: datetime
    id: str


def at(date: int) -> datetime:
    return DAY + timedelta(seconds=date)


class MovingList:
    """Records in the order of their dates, oldest first; records of one date in the order in which they came."""

    def __init__(self, dates: Iterable[int] = ()) -> None:
        self.records = [Record(at(date), f"r{number}") for number, date in enumerate(sorted(dates))]
        self.made = len(self.records)
        #: Records that were there from the beginning and were neither removed nor renewed.
        self.faithful = dict.fromkeys(self.records)

    def remove(self, index: int) -> Record | None:
        if not -len(self.records) <= index < len(self.records):
            return None
        gone = self.records.pop(index)
        self.faithful.pop(gone, None)
        return gone

    def add(self, date: datetime | None = None, *, name: str | None = None) -> None:
        """Block somebody: at the end of the list, or at a date of the past."""
        if date is None:
            date = (self.records[-1].created_at if self.records else DAY) + timedelta(seconds=1)
        self.made += 1
        record = Record(date, name or f"r{self.made}")
        self.records.insert(bisect_right(self.records, date, key=lambda other: other.created_at), record)

    def renew(self, index: int) -> None:
        """Block somebody again: the record keeps its id and moves to the end."""
        gone = self.remove(index)
        if gone:
            self.add(name=gone.id)

    def answer(self, ask: Ask, size: int, kind: str = "ASC") -> list[Record]:
        """What a service answers that gives `size` records a page."""
        return self.page(ask.offset, size, descending=(kind == "DESC") != ask.other_side)

    def page(
        self, offset: int, size: int, *, descending: bool = False, shuffle: random.Random | None = None
    ) -> list[Record]:
        return page_of(self.records, offset, size, descending=descending, shuffle=shuffle)


def page_of(
    records: Sequence[Record],
    offset: int,
    size: int,
    *,
    descending: bool,
    shuffle: random.Random | None = None,
    fixed: bool = False,
) -> list[Record]:
    """A page of these records, which are oldest first.

    With `shuffle` those of one date are in any order; if they are `fixed`, they are not turned round with the list.
    """
    if shuffle:
        records = sorted(records, key=lambda record: (record.created_at, shuffle.random()))
    if descending and fixed:
        records = sorted(records, key=attrgetter("created_at"), reverse=True)
    elif descending:
        start = len(records) - offset
        return list(records[max(0, start - size) : max(0, start)])[::-1]
    return list(records[offset : offset + size])


def reader_for(
    kind: str = "ASC",
    *,
    page_size: int | None = None,
    start: Mark = START,
    second_look: Literal["no", "long", "always"] = "long",
) -> Reader[Record]:
    """A read of the kind ASC, DESC, or NAMED, which is a list without ids, stated order or second look."""
    if kind == "NAMED":
        return Reader(Named(lambda record: record.id, ids=start.ids), page_size=page_size, start=start)
    seen = Dated[Record](descending=kind == "DESC", date=start.date, ids=start.ids)
    return Reader(seen, page_size=page_size, start=start, second_look=second_look)


class Read:
    """One read, as `Listing` makes it: keeps requests under way, and has their answers judged in order.

    `fetch` answers a request. It is called when the request is made, or with `late` not before its answer is judged.
    """

    def __init__(
        self,
        reader: Reader[Record],
        fetch: Callable[[Ask], list[Record]],
        *,
        window: int = 1,
        late: Callable[[], bool] = lambda: False,
        limit: int = 100_000,
    ) -> None:
        self.reader = reader
        self.fetch = fetch
        self.window = window
        self.late = late
        self.limit = limit
        self.got: list[Record] = []
        #: What was asked for, in the order in which it was answered, and how many answers were of no use.
        self.asked: list[Ask] = []
        self.dropped = 0
        self._last = 0
        self._to_ask = deque(reader.first)
        self._under_way: deque[tuple[Ask, list[Record] | None]] = deque()

    @property
    def requests(self) -> int:
        return len(self.asked)

    def step(self) -> Decision[Record]:
        """Have one page judged."""
        self._fill()
        ask, page = self._under_way.popleft()
        page = self._answer(ask) if page is None else page
        self._fill()
        decision = self.reader.process_page(ask, page)
        first = self._under_way[0][0] if self._under_way else None
        if first is None or decision.keep is None or first.offset > decision.keep:
            self.dropped += len(self._under_way)
            self._under_way.clear()
            self._to_ask = deque(decision.ask)
        self._fill()
        self.got += decision.records
        return decision

    def run(self) -> list[Record]:
        while not self.reader.ended:
            self.step()
            assert self.requests < self.limit, "the read never ends"
        return self.got

    def _fill(self) -> None:
        while len(self._under_way) < min(self.window, self.reader.width):
            if self._to_ask:
                ask = self._to_ask.popleft()
            elif self.reader.stride:
                ask = Ask(self._last + self.reader.stride)
            else:
                return
            self._last = ask.offset
            self._under_way.append((ask, None if self.late() else self._answer(ask)))

    def _answer(self, ask: Ask) -> list[Record]:
        self.asked.append(ask)
        return self.fetch(ask)
