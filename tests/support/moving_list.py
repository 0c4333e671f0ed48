"""A list that other people change while it is read, and a reader that needs no event loop."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections import deque
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from walead_async.paging.reader import START, Order
from walead_async.paging.seen import Dated, Named

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from walead_async.paging.reader import Mark

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

    def page(
        self, offset: int, size: int, *, descending: bool = False, shuffle: random.Random | None = None
    ) -> list[Record]:
        records: Sequence[Record] = self.records
        if shuffle:
            records = sorted(records, key=lambda record: (record.created_at, shuffle.random()))
        if descending:
            start = len(records) - offset
            return list(records[max(0, start - size) : max(0, start)])[::-1]
        return list(records[offset : offset + size])


def order_for(kind: str = "ASC", *, page_size: int | None = None, start: Mark = START) -> Order[Record]:
    """A read of the kind ASC, DESC, or NAMED, which is a list without ids or stated order."""
    if kind == "NAMED":
        return Order(Named(lambda record: record.id, ids=start.ids), page_size=page_size, start=start)
    memory = Dated[Record](descending=kind == "DESC", date=start.date, ids=start.ids)
    return Order(memory, page_size=page_size, start=start)


class Read:
    """One read, as `Listing` makes it: keeps requests under way, judges them in order.

    `fetch` answers a request. It is called when the request is made, or with `late` not before its answer is judged.
    """

    def __init__(
        self,
        order: Order[Record],
        fetch: Callable[[int], list[Record]],
        *,
        window: int = 1,
        late: Callable[[], bool] = lambda: False,
        limit: int = 100_000,
    ) -> None:
        self.order = order
        self.fetch = fetch
        self.window = window
        self.late = late
        self.limit = limit
        self.requests = 0
        self.dropped = 0
        self.got: list[Record] = []
        self._chain: deque[tuple[int, list[Record] | None]] = deque()

    def step(self) -> Sequence[Record]:
        """Judge one page and return its new records."""
        self._fill()
        offset, page = self._chain.popleft()
        assert self.order.asked[0] == offset
        page = self._answer(offset) if page is None else page
        self._fill()
        step = self.order.judge(page)
        if step.dropped:
            self.dropped += len(self._chain)
            self._chain.clear()
        if step.first is not None:
            self._chain.appendleft(self._ask(step.first))
        assert [offset for offset, _ in self._chain] == list(self.order.asked)
        self._fill()
        self.got += step.records
        return step.records

    def run(self) -> list[Record]:
        while not self.order.ended:
            self.step()
            assert self.requests < self.limit, "the read never ends"
        return self.got

    def _fill(self) -> None:
        while len(self._chain) < min(self.window, self.order.width):
            offset = self.order.ahead()
            if offset is None:
                return
            self._chain.append(self._ask(offset))

    def _ask(self, offset: int) -> tuple[int, list[Record] | None]:
        return (offset, None) if self.late() else (offset, self._answer(offset))

    def _answer(self, offset: int) -> list[Record]:
        self.requests += 1
        return self.fetch(offset)
