"""Listings: loops, pages, read-ahead, verdicts and cursors, over a service in the same process."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import random

import pytest
from moving_list import MovingList, Record
from moving_service import MovingService

from walead_async.errors import (
    AuthenticationError,
    InvalidInputError,
    PaginationError,
    RateLimitedError,
    ServerError,
    UnexpectedResponseError,
)
from walead_async.events import PageRead
from walead_async.models import Completeness
from walead_async.paging.listing import Listing

TOO_MANY = RateLimitedError("slow down", status=429, method="GET", path="/leads")
BUSY = ServerError("busy", status=503, method="GET", path="/leads")


async def take(listing: Listing[Record], got: list[Record]) -> None:
    """Loop over the listing, and keep what it yields before it fails."""
    async for record in listing:
        got += [record]


def others() -> set[asyncio.Task[object]]:
    current = asyncio.current_task()
    return {task for task in asyncio.all_tasks() if task is not current}


async def test_a_loop_yields_every_record_in_order() -> None:
    service = MovingService(MovingList(range(95)))
    listing = Listing(service)
    assert [record async for record in listing] == service.list.records
    assert (listing.verdict, listing.why) == (Completeness.COMPLETE, None)
    assert listing.requests == len(service.offsets)


async def test_collect_pages_and_loops_agree() -> None:
    service = MovingService(MovingList(range(95)))
    listing = Listing(service)
    whole = await listing.collect()
    paged = [record async for page in listing.pages() for record in page.records]
    assert whole == paged == [record async for record in listing] == service.list.records


async def test_pages_hold_only_what_is_new_and_where_it_was_asked_for() -> None:
    listing = Listing(MovingService(MovingList(range(25))))
    pages = [page async for page in listing.pages()]
    assert [(page.offset, len(page.records)) for page in pages] == [(0, 10), (8, 8), (16, 7)]
    assert listing.verdict is Completeness.COMPLETE


@pytest.mark.parametrize("kind", ["ASC", "DESC", "NAMED"])
async def test_an_empty_list_is_complete_after_it_was_asked_for_twice(kind: str) -> None:
    listing = Listing(MovingService(MovingList(), kind=kind))
    assert await listing.collect() == []
    assert (listing.verdict, listing.requests, listing.cursor) == (Completeness.COMPLETE, 2, None)


async def test_the_first_record_costs_one_request_and_no_task() -> None:
    service = MovingService(MovingList(range(95)))
    listing = Listing(service)
    assert await listing.first() == service.list.records[0]
    assert service.offsets == [0]
    assert not others()
    assert (listing.verdict, listing.why) == (Completeness.INCOMPLETE, "the list was not read to its end")


async def test_the_first_record_of_an_empty_list_is_none() -> None:
    listing = Listing(MovingService(MovingList()))
    assert await listing.first() is None
    assert listing.verdict is Completeness.COMPLETE


async def test_a_list_that_was_not_read_is_incomplete() -> None:
    listing = Listing(MovingService(MovingList(range(3))))
    assert (listing.verdict, listing.requests, listing.cursor) == (Completeness.INCOMPLETE, 0, None)
    assert listing.why == "the list was not read yet"


@pytest.mark.parametrize("window", [1, 2, 8, 32])
async def test_no_more_requests_are_under_way_than_the_window_allows(window: int) -> None:
    service = MovingService(MovingList(range(1_000)), turns=3)
    await Listing(service, window=window).collect()
    assert max(service.together) == window


async def test_reading_begins_with_one_request_and_the_next_read_knows_the_page_size() -> None:
    service = MovingService(MovingList(range(1_000)), turns=3)
    await Listing(service).collect()
    assert service.page_size == 10
    begun = len(service.offsets)
    async for _ in Listing(service):
        break
    assert service.offsets[begun : begun + 8] == [0, 8, 16, 24, 32, 40, 48, 56]


async def test_requests_of_one_read_share_a_flow_and_all_but_the_first_have_their_deadline_from_their_turn_on() -> None:
    service = MovingService(MovingList(range(200)))
    await Listing(service).collect()
    assert len(service.flows) == 1
    assert service.deadlines == ["call"] + ["turn"] * (len(service.offsets) - 1)


async def test_hooks_hear_of_each_page_and_whether_it_was_accepted() -> None:
    records = MovingList(range(30))

    def remove(number: int, offset: int) -> None:
        if number == 1:
            for _ in range(4):
                records.remove(0)

    service = MovingService(records, before=remove)
    await Listing(service, window=1).collect()
    heard = [event for event in service.events if isinstance(event, PageRead)]
    assert heard[:2] == [PageRead("/leads", 0, 10, True), PageRead("/leads", 8, 0, False)]
    assert sum(event.records for event in heard) == 30


async def test_a_caller_who_unblocks_what_it_reads_misses_nobody() -> None:
    records = MovingList(range(500))
    listing = Listing(MovingService(records, turns=2))
    got: list[Record] = []
    async for record in listing:
        got.append(record)
        records.records.remove(record)
    assert len(set(got)) == len(got) == 500
    assert listing.verdict is Completeness.CHANGED
    assert listing.why is not None


async def test_break_leaves_no_task_and_no_request() -> None:
    service = MovingService(MovingList(range(1_000)), turns=50)
    listing = Listing(service)
    async for record in listing:
        if record.id == "r15":
            break
    await asyncio.sleep(0)
    assert not others()
    assert service.under_way == 0
    assert listing.verdict is Completeness.INCOMPLETE


async def test_an_exception_in_the_loop_leaves_no_task() -> None:
    service = MovingService(MovingList(range(1_000)), turns=50)

    async def loop() -> None:
        async for record in Listing(service):
            if record.id == "r15":
                raise KeyError

    with pytest.raises(KeyError):
        await loop()
    await asyncio.sleep(0)
    assert not others()
    assert service.under_way == 0


@pytest.mark.parametrize("turns", range(1, 30))
async def test_a_loop_that_is_cancelled_at_any_await_leaves_no_task(turns: int) -> None:
    service = MovingService(MovingList(range(200)), turns=3)

    async def loop() -> None:
        async for _ in Listing(service, window=4):
            await asyncio.sleep(0)

    task = asyncio.create_task(loop())
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0)
    assert not others()
    assert service.under_way == 0


async def test_closing_a_loop_ends_what_it_has_under_way() -> None:
    service = MovingService(MovingList(range(1_000)), turns=50)
    loop = aiter(Listing(service))
    for _ in range(12):
        await anext(loop)
    assert others()
    await loop.aclose()
    assert not others()
    assert [record.id async for record in loop] == []


def test_a_loop_that_outlives_its_event_loop_is_dropped_quietly() -> None:
    async def begin() -> object:
        loop = aiter(Listing(MovingService(MovingList(range(1_000)), turns=50)))
        for _ in range(12):
            await anext(loop)
        return loop

    left = asyncio.run(begin())
    del left
    gc.collect()


async def test_loops_over_one_listing_at_once_are_reads_of_their_own() -> None:
    service = MovingService(MovingList(range(100)), turns=2)
    listing = Listing(service)

    async def read() -> list[Record]:
        return [record async for record in listing]

    first, second = await asyncio.gather(read(), read())
    assert first == second == service.list.records
    assert len(service.flows) == 2


async def test_what_a_listing_tells_is_of_the_loop_started_last() -> None:
    listing = Listing(MovingService(MovingList(range(100))))
    await listing.collect()
    assert listing.verdict is Completeness.COMPLETE
    async for _ in listing:
        break
    assert listing.verdict is Completeness.INCOMPLETE


async def test_throttling_halves_the_window_once_for_all_requests_under_way() -> None:
    service = MovingService(MovingList(range(2_000)), turns=6, throttled=lambda number: 48 <= number < 64)
    assert len(await Listing(service, window=16).collect()) == 2_000
    assert max(service.together[:64]) == 16
    assert max(service.together[64:73]) <= 8
    assert max(service.together[73:]) == 16


@pytest.mark.parametrize("error", [TOO_MANY, BUSY])
async def test_a_page_refused_for_too_many_requests_is_asked_for_again_with_fewer(error: Exception) -> None:
    def fail(number: int, offset: int) -> None:
        if service.under_way > 3:
            raise error

    service = MovingService(MovingList(range(300)), turns=4, before=fail)
    listing = Listing(service, window=8)
    assert await listing.collect() == service.list.records
    assert listing.verdict is Completeness.COMPLETE


@pytest.mark.parametrize("error", [TOO_MANY, BUSY])
async def test_a_service_that_always_refuses_is_asked_a_bounded_number_of_times(error: Exception) -> None:
    def fail(number: int, offset: int) -> None:
        if number >= 3:
            raise error

    service = MovingService(MovingList(range(300)), before=fail)
    listing = Listing(service)
    with pytest.raises(type(error)):
        await listing.collect()
    assert len(service.offsets) < 30
    assert not others()


@pytest.mark.parametrize(
    "error",
    [
        AuthenticationError("", status=401, method="GET", path="/leads"),
        ServerError("", status=500, method="GET", path="/leads"),
        UnexpectedResponseError("record 3 has no id"),
    ],
)
async def test_a_failure_ends_the_loop_after_the_records_before_it(error: Exception) -> None:
    def fail(number: int, offset: int) -> None:
        if offset >= 40:
            raise error

    service = MovingService(MovingList(range(300)), turns=2, before=fail)
    listing = Listing(service)
    got: list[Record] = []
    with pytest.raises(type(error)):
        await take(listing, got)
    assert got == service.list.records[:42]
    assert listing.verdict is Completeness.INCOMPLETE
    assert str(listing.why).startswith("the read failed: ")
    assert not others()


async def test_a_failed_read_goes_on_from_its_cursor() -> None:
    def fail(number: int, offset: int) -> None:
        if offset >= 40:
            raise BUSY

    service = MovingService(MovingList(range(100)), before=fail)
    listing = Listing(service, window=1)
    got: list[Record] = []
    with pytest.raises(ServerError):
        await take(listing, got)
    service.before = None
    got += await Listing(service, resume=listing.cursor).collect()
    assert got == service.list.records


async def test_failures_of_pages_beyond_the_end_are_nobodys_business() -> None:
    def fail(number: int, offset: int) -> None:
        if offset > 100:
            raise ServerError("no such page", status=500, method="GET", path="/leads")

    service = MovingService(MovingList(range(100)), turns=2, before=fail)
    listing = Listing(service)
    assert len(await listing.collect()) == 100
    assert listing.verdict is Completeness.COMPLETE


async def test_an_unreadable_list_raises_and_stops() -> None:
    service = MovingService(MovingList(range(300)))
    service.list.records.reverse()
    with pytest.raises(PaginationError, match="did not sort"):
        await Listing(service).collect()
    assert len(service.offsets) == 1
    assert not others()


@pytest.mark.parametrize("window", [0, -1, True, 1.5, "8", None])
def test_a_wrong_window_is_refused_before_anything_is_sent(window: object) -> None:
    service = MovingService(MovingList(range(3)))
    with pytest.raises(InvalidInputError, match="window"):
        Listing(service, window=window)  # type: ignore[arg-type]
    assert service.offsets == []


@pytest.mark.parametrize("kind", ["ASC", "DESC", "NAMED"])
@pytest.mark.parametrize("stop", [1, 9, 10, 11, 18, 57, 100])
async def test_a_read_is_resumed_after_any_record_though_the_list_changed(kind: str, stop: int) -> None:
    records = MovingList(number // 3 for number in range(100))
    listing = Listing(MovingService(records, kind=kind))
    got: list[Record] = []
    async for record in listing:
        got.append(record)
        if len(got) == stop:
            break
    cursor = listing.cursor
    for index in (0, 20, 70):
        records.remove(index)
    got += await Listing(MovingService(records, kind=kind), resume=cursor).collect()
    assert len(set(got)) == len(got)
    assert records.faithful.keys() <= set(got)


async def test_a_loop_that_was_closed_yields_nothing_more_and_its_cursor_knows_what_it_had_yielded() -> None:
    service = MovingService(MovingList(range(50)))
    listing = Listing(service)
    loop = aiter(listing)
    assert (await anext(loop)).id == "r0"
    await loop.aclose()
    with pytest.raises(StopAsyncIteration):
        await anext(loop)
    assert listing.verdict is Completeness.INCOMPLETE
    assert await Listing(service, resume=listing.cursor).collect() == service.list.records[1:]


async def test_a_cursor_at_the_end_brings_what_was_added_since() -> None:
    records = MovingList(range(25))
    listing = Listing(MovingService(records))
    await listing.collect()
    records.add()
    assert await Listing(MovingService(records), resume=listing.cursor).collect() == records.records[-1:]


async def test_a_resumed_listing_that_was_not_read_yet_stands_where_it_goes_on() -> None:
    service = MovingService(MovingList(range(50)))
    listing = Listing(service)
    await listing.first()
    resumed = Listing(service, resume=listing.cursor)
    assert resumed.cursor == listing.cursor
    aiter(resumed)
    assert resumed.cursor == listing.cursor


async def test_each_loop_of_a_resumed_listing_goes_on_at_the_same_place() -> None:
    service = MovingService(MovingList(range(50)))
    listing = Listing(service)
    async for record in listing:
        if record.id == "r30":
            break
    resumed = Listing(service, resume=listing.cursor)
    assert await resumed.collect() == await resumed.collect() == service.list.records[31:]
    assert resumed.verdict is Completeness.COMPLETE


async def test_a_cursor_of_another_list_is_refused_before_anything_is_sent() -> None:
    listing = Listing(MovingService(MovingList(range(50))))
    await listing.first()
    other = MovingService(MovingList(range(50)), kind="DESC")
    with pytest.raises(InvalidInputError, match="another list"):
        Listing(other, resume=listing.cursor)
    assert other.offsets == []


async def test_a_list_that_comes_in_one_answer_takes_one_request() -> None:
    service = MovingService(MovingList(range(50)), size=1_000)
    service.paged = False
    listing = Listing(service)
    assert await listing.collect() == service.list.records
    assert (listing.verdict, listing.requests, listing.cursor) == (Completeness.COMPLETE, 1, None)


@pytest.mark.parametrize("uneven", [False, True])
@pytest.mark.parametrize("lag", [1, 5, 1_000])
@pytest.mark.parametrize("kind", ["ASC", "DESC", "NAMED"])
async def test_who_is_there_throughout_is_yielded_once_although_pages_show_changes_late(
    kind: str, lag: int, uneven: bool
) -> None:
    for seed in range(20):
        dice = random.Random(seed)
        records = MovingList(range(200))

        def change(number: int, offset: int, records: MovingList = records, dice: random.Random = dice) -> None:
            if number < 100:
                records.remove(dice.randrange(len(records.records)))
            if dice.random() < 0.3:
                records.add()

        service = MovingService(records, kind=kind, turns=2, before=change, lag=lag, lag_dice=dice if uneven else None)
        listing = Listing(service)
        got: list[Record] = []
        with contextlib.suppress(PaginationError):
            await take(listing, got)
        assert len(set(got)) == len(got)
        if listing.verdict in {Completeness.COMPLETE, Completeness.CHANGED}:
            assert records.faithful.keys() <= set(got)
