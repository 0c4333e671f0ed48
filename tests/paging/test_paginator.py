"""Whatever order answers come in, a read loses nothing, keeps its bounds, and leaves nothing under way."""

from __future__ import annotations

import asyncio
import contextlib
import random
from typing import TYPE_CHECKING

import pytest
from moving_list import MovingList, Record
from moving_service import MovingService

from walead_async.errors import InvalidInputError, PaginationError, RateLimitedError, ServerError, WaleadError
from walead_async.models import Completeness
from walead_async.paging.listing import Listing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from walead_async.paging.listing import RecordLoop
    from walead_async.paging.reader import Ask
    from walead_async.transport.messages import Response
from walead_async.transport.messages import DeadlineFrom

PROVEN = (Completeness.COMPLETE, Completeness.CHANGED)
#: After so many requests a list changes no more, so that every read ends.
RESTLESS = 150


class Uneven(MovingService):
    """A service whose answers overtake each other. `held` counts those that are here and were not judged yet."""

    def __init__(self, records: MovingList, rng: random.Random, *, kind: str = "ASC", faults: float = 0.0) -> None:
        super().__init__(records, kind=kind, throttled=lambda number: rng.random() < faults / 2)
        self._random = rng
        self._slowest = rng.choice([1, 2, 5, 20])
        self._faults = faults
        self.held = 0

    async def fetch(self, ask: Ask, *, flow: object, deadline_from: DeadlineFrom) -> Response:
        self.turns = self._random.randrange(self._slowest)
        if self._random.random() < self._faults:
            status = self._random.choice([429, 429, 503, 500])
            kind = RateLimitedError if status == 429 else ServerError
            raise kind("no", status=status, method="GET", path=self.path)
        response = await super().fetch(ask, flow=flow, deadline_from=deadline_from)
        self.held = max(self.held, len(self.answers))
        return response


async def some_turns(rng: random.Random) -> None:
    for _ in range(rng.randrange(10)):
        await asyncio.sleep(0)


def others() -> set[asyncio.Task[object]]:
    current = asyncio.current_task()
    return {task for task in asyncio.all_tasks() if task is not current}


@pytest.mark.parametrize("kind", ["ASC", "DESC", "NAMED"])
@pytest.mark.parametrize("window", [1, 2, 8, 16])
async def test_a_quiet_list_is_read_whole_at_any_speed_with_the_window_under_way_and_two_in_hand(
    kind: str, window: int
) -> None:
    for seed in range(20):
        rng = random.Random(seed)
        records = MovingList(range(rng.choice([0, 1, 9, 10, 11, 100, 333])))
        service = Uneven(records, rng, kind=kind)
        service.page_size = rng.choice([None, 10])
        pause = rng.choice([0.0, 0.05])
        listing = Listing(service, window=window)
        got: list[Record] = []
        async for record in listing:
            got.append(record)
            if rng.random() < pause:
                await some_turns(rng)
        assert got == (records.records[::-1] if kind == "DESC" else records.records)
        assert listing.verdict is Completeness.COMPLETE
        assert max(service.together) <= window
        assert service.held <= 2 * window + 1
        assert not others()


@pytest.mark.parametrize("seed", range(0, 400, 50))
async def test_whatever_a_read_meets_it_says_nothing_but_the_truth_and_leaves_nothing(seed: int) -> None:
    for number in range(seed, seed + 50):
        await read_once(random.Random(number))


async def read_once(rng: random.Random) -> None:
    """Read a list that changes, from a service that fails, for a caller who may be interrupted; and check it."""
    records = MovingList(range(rng.choice([0, 5, 10, 50, 101, 333])))
    service = Uneven(records, rng, kind=rng.choice(["ASC", "DESC", "NAMED"]), faults=rng.choice([0.0, 0.0, 0.02, 0.1]))
    service.page_size = rng.choice([None, None, 10, 4, 20])
    drift = rng.choice([None, "remove", "add", "renew"])

    def change(number: int, offset: int) -> None:
        if drift and number < RESTLESS and records.records and rng.random() < 0.3:
            somewhere = rng.randrange(len(records.records))
            records.add() if drift == "add" else getattr(records, drift)(somewhere)

    service.before = change
    window = rng.choice([1, 1, 2, 3, 8, 16])
    listing = Listing(service, window=window)
    got: list[Record] = []

    async def read() -> None:
        nonlocal got
        with contextlib.suppress(PaginationError, RateLimitedError, ServerError):
            async for record in listing:
                got += [record]

    reading = asyncio.create_task(read())
    if rng.random() < 0.3:
        await some_turns(rng)
        reading.cancel()
    async with asyncio.timeout(30):
        await asyncio.wait({reading})
    check(records.faithful, got, listing)
    assert max(service.together, default=0) <= window
    assert service.under_way == 0
    assert not others()


def check(faithful: dict[Record, None], got: Sequence[Record], listing: Listing[Record]) -> None:
    assert len(set(got)) == len(got), "a record was yielded twice"
    if listing.verdict in PROVEN:
        assert faithful.keys() <= set(got), "a record was lost"


async def finished(*tasks: asyncio.Task[None]) -> None:
    """Wait for the tasks, and fail if one waits for ever."""
    _, left = await asyncio.wait(tasks, timeout=5.0)
    for task in left:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert not left, "somebody waits for ever"


@pytest.mark.parametrize("turns", [1, 2, 3])
async def test_a_loop_that_another_task_closes_ends(turns: int) -> None:
    for after in range(60):
        service = MovingService(MovingList(range(300)), turns=turns)
        loop = aiter(Listing(service, window=4))

        async def read(loop: RecordLoop[Record] = loop) -> None:
            with contextlib.suppress(WaleadError):
                async for _ in loop:
                    pass

        async def close(loop: RecordLoop[Record] = loop, after: int = after) -> None:
            for _ in range(after):
                await asyncio.sleep(0)
            await loop.aclose()

        await finished(asyncio.create_task(read()), asyncio.create_task(close()))
        assert service.under_way == 0


async def test_one_loop_feeds_one_task() -> None:
    service = MovingService(MovingList(range(300)), turns=2)
    loop = aiter(Listing(service, window=4))
    refused: list[InvalidInputError] = []
    got: list[Record] = []

    async def read() -> None:
        try:
            async for record in loop:
                got.append(record)  # noqa: PERF401  # as they come
        except InvalidInputError as error:
            refused.append(error)

    await finished(*(asyncio.create_task(read()) for _ in range(3)))
    assert len(refused) == 2
    assert got == service.list.records


class Slow(MovingService):
    """Pages between `begin` and `end` are slow."""

    begin = end = 0

    async def fetch(self, ask: Ask, *, flow: object, deadline_from: DeadlineFrom) -> Response:
        self.turns = 20 if self.begin < ask.offset < self.end else 1
        return await super().fetch(ask, flow=flow, deadline_from=deadline_from)


@pytest.mark.parametrize("window", [8, 16, 32])
@pytest.mark.parametrize("slow", [(9_900, 10_589), (9_300, 9_500), (9_018, 9_390), (9_700, 10_300)])
async def test_a_quiet_list_costs_no_more_requests_where_some_pages_are_slow(
    window: int, slow: tuple[int, int]
) -> None:
    service = Slow(MovingList(range(10_000)), size=100)
    service.page_size, service.begin, service.end = 100, *slow
    listing = Listing(service, window=window)
    count = 0
    async for _ in listing:
        count += 1
        if count % 100 == 50:
            await asyncio.sleep(0)
    assert listing.verdict is Completeness.COMPLETE
    assert listing.requests <= 1.02 * 101 + window + 3
