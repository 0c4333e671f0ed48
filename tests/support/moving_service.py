"""A list that changes, as the pages of a service in the same process: what a `Listing` reads in tests."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

from moving_list import page_of

from walead_async.paging.seen import Dated, Named
from walead_async.transport.messages import DeadlineFrom, Response

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from moving_list import MovingList, Record

    from walead_async.events import Event
    from walead_async.paging.reader import Ask, SecondLook


class MovingService:
    """Pages of a list, each after some turns of the loop. `before` raises or changes things before an answer.

    An answer shows what the list held `lag` requests ago; with `lag_dice`, thrown anew for each, so many at most.
    """

    path = "/leads"
    filtered = False
    concurrency = 1_000
    second_look: SecondLook = "no"
    beyond = None

    def __init__(
        self,
        records: MovingList,
        *,
        kind: str = "ASC",
        size: int = 10,
        turns: int = 1,
        before: Callable[[int, int], object] | None = None,
        throttled: Callable[[int], bool] = lambda number: False,
        lag: int = 0,
        lag_dice: random.Random | None = None,
    ) -> None:
        self.list = records
        self.caller: Any = self
        self.observed = True
        self.kind = kind
        self.size = size
        self.turns = turns
        self.before = before
        self.throttled = throttled
        self.lag_dice = lag_dice
        self.past = deque([list(records.records)], maxlen=lag + 1)
        self.identity = f"leads {kind}"
        self.paged = True
        self.page_size: int | None = None
        self.offsets: list[int] = []
        self.deadlines: list[DeadlineFrom] = []
        self.flows: set[object] = set()
        self.events: list[Event] = []
        self.answers: dict[int, Sequence[Record]] = {}
        self.under_way = 0
        #: How many requests were under way when each began, itself included.
        self.together: list[int] = []

    def seen(self, date: datetime | None = None, ids: Iterable[str] = ()) -> Any:
        if self.kind == "NAMED":
            return Named(lambda record: record.id, ids=ids)
        return Dated(descending=self.kind == "DESC", date=date, ids=ids)

    async def fetch(self, ask: Ask, *, flow: object, deadline_from: DeadlineFrom) -> Response:
        number, offset = len(self.offsets), ask.offset
        self.offsets.append(offset)
        self.deadlines.append(deadline_from)
        self.flows.add(flow)
        self.under_way += 1
        self.together.append(self.under_way)
        try:
            for _ in range(self.turns):
                await asyncio.sleep(0)
            if self.before:
                self.before(number, offset)
            self.past.append(list(self.list.records))
            shown = self.past[self.lag_dice.randrange(len(self.past)) if self.lag_dice else 0]
            page = page_of(shown, offset, self.size, descending=(self.kind == "DESC") != ask.other_side)
            self.answers[number] = page
            # the number stands for the page; the rest makes the answer as long as a page of records would be
            body = b"%d" % number + b" " * 100 * len(page)
            return Response(200, body, throttled=self.throttled(number))
        finally:
            self.under_way -= 1

    def records(self, body: bytes) -> Sequence[Record]:
        return self.answers.pop(int(body))

    def emit(self, event: Event) -> None:
        self.events.append(event)
