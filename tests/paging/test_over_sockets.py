"""Listings end to end: a session, real sockets, and an emulator whose list drifts."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Literal

import pytest

from walead_async import (
    AsyncSession,
    BlockedLead,
    Completeness,
    InvalidInputError,
    PaginationError,
    UnexpectedResponseError,
)
from walead_async.testing import Emulator, Settings


def session_on(emulator: Emulator) -> AsyncSession:
    return AsyncSession(emulator.api_key, base_url=emulator.walead_url)


@pytest.mark.parametrize("sort", ["ASC", "DESC"])
async def test_a_quiet_list_is_complete(sort: str) -> None:
    async with Emulator(leads=1_000) as emulator, session_on(emulator) as session:
        listing = session.blocked_leads.list(sort=sort)  # type: ignore[arg-type]
        leads = await listing.collect()
    assert len({lead.id for lead in leads}) == len(leads) == 1_000
    assert listing.verdict is Completeness.COMPLETE


@pytest.mark.parametrize("drift", ["remove-random", "remove-random=10", "remove-oldest=3", "reblock", "replace"])
@pytest.mark.parametrize("sort", ["ASC", "DESC"])
async def test_a_drifting_list_yields_nothing_twice_and_says_that_it_changed(sort: str, drift: str) -> None:
    async with Emulator(leads=3_000, drifts=[drift]) as emulator, session_on(emulator) as session:
        listing = session.blocked_leads.list(sort=sort)  # type: ignore[arg-type]
        leads = await listing.collect()
    versions = [(lead.id, lead.created_at) for lead in leads]
    assert len(set(versions)) == len(versions)
    assert listing.verdict in {Completeness.CHANGED, Completeness.COMPLETE}


async def test_a_caller_who_unblocks_what_it_reads_misses_nobody() -> None:
    got: list[BlockedLead] = []
    async with Emulator(leads=300) as emulator, session_on(emulator) as session:
        listing = session.blocked_leads.list()
        async for lead in listing:
            got.append(lead)
            await session.blocked_leads.unblock([lead])
        left = await session.blocked_leads.list().collect()
    assert (len(got), left) == (300, [])
    assert listing.verdict is Completeness.CHANGED


async def test_break_leaves_no_task() -> None:
    async with Emulator(leads=2_000) as emulator, session_on(emulator) as session:
        before = asyncio.all_tasks()
        async for lead in session.blocked_leads.list():
            if lead:
                break
        for _ in range(3):
            await asyncio.sleep(0)
        mine = {task for task in asyncio.all_tasks() - before if "Reading" in repr(task.get_coro())}
        assert not mine


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("repeat-page", PaginationError),
        ("double-record", PaginationError),
        ("disorder", PaginationError),
        ("null", UnexpectedResponseError),
        ("wrong-shape", UnexpectedResponseError),
        ("missing-field", UnexpectedResponseError),
        ("bad-date", UnexpectedResponseError),
    ],
)
async def test_an_unreadable_list_raises(fault: str, error: type[Exception]) -> None:
    async with Emulator(leads=500, faults=[fault]) as emulator, session_on(emulator) as session:
        listing = session.blocked_leads.list()
        with pytest.raises(error):
            await listing.collect()
    assert listing.requests < 150


@pytest.mark.parametrize(("window", "concurrency"), [(50, 8), (8, 1), (8, 8), (1, 8), (3, 2)])
async def test_a_listing_counts_the_requests_that_arrived(window: int, concurrency: int) -> None:
    counted = 0
    async with (
        Emulator(settings=Settings(page_sizes=(10,))) as emulator,
        AsyncSession(emulator.api_key, base_url=emulator.walead_url, concurrency=concurrency) as session,
    ):
        for added in range(0, 130, 13):
            emulator.add_leads([f"lead-{added}-{number}" for number in range(13)])
            # so that all connections are open: a request that is ended before its connection is does not arrive
            await asyncio.gather(*(session.blocked_leads.find(f"lead-{added}-0") for _ in range(concurrency)))
            for _ in range(2):
                listing = session.blocked_leads.list(window=window)
                assert len(await listing.collect()) == added + 13
                counted += listing.requests
        # the last one may have been ended on its way
        arrived = sum("search" not in request.query for request in emulator.requests)
        assert counted - 1 <= arrived <= counted


@pytest.mark.parametrize("found", [0, 1, 2, 7, 10])
async def test_a_search_that_finds_few_asks_for_one_page_and_then_for_the_end(found: int) -> None:
    async with Emulator(leads=1_000) as emulator, session_on(emulator) as session:
        await session.blocked_leads.list().collect()
        emulator.add_leads([f"john-{number}" for number in range(found)])
        before = len(emulator.requests)
        listing = session.blocked_leads.list(search="john", window=32)
        assert len(await listing.collect()) == found
        assert listing.verdict is Completeness.COMPLETE
        # of none or a single record the rule wants to see the same page again
        assert len(emulator.requests) - before == (2 if not found else 4 if found == 1 else 3)


async def test_a_search_that_finds_many_is_read_ahead_of() -> None:
    async with Emulator(leads=3_000) as emulator, session_on(emulator) as session:
        whole = session.blocked_leads.list()
        await whole.collect()
        listing = session.blocked_leads.list(search="lead-000")
        assert len(await listing.collect()) == 3_000
        assert listing.requests <= whole.requests


async def test_what_was_blocked_since_a_moment_is_read_newest_first_and_no_further() -> None:
    async with Emulator(leads=1_000) as emulator, session_on(emulator) as session:
        oldest_first = await session.blocked_leads.list().collect()
        wanted = oldest_first[-250:][::-1]
        listing = session.blocked_leads.list(since=wanted[-1].created_at, window=2)
        assert await listing.collect() == wanted
        assert listing.verdict is Completeness.COMPLETE
        assert listing.requests <= 6
        assert await session.blocked_leads.list(since=wanted[0].created_at + timedelta(seconds=1)).collect() == []
        assert await session.blocked_leads.list(since=oldest_first[0].created_at).collect() == oldest_first[::-1]


@pytest.mark.parametrize("taken", range(1, 8))
async def test_a_cursor_of_what_was_blocked_since_a_moment_goes_on_after_the_last_record_taken(taken: int) -> None:
    async with Emulator(leads=200) as emulator, session_on(emulator) as session:
        newest_first = await session.blocked_leads.list(sort="DESC").collect()
        since = newest_first[6].created_at
        listing = session.blocked_leads.list(since=since)
        loop = aiter(listing)
        got = [await anext(loop) for _ in range(taken)]
        rest = session.blocked_leads.list(since=since, resume=listing.cursor)
        assert got + await rest.collect() == newest_first[:7]
        # with the same cursor the whole list is read on, from there
        whole = session.blocked_leads.list(sort="DESC", resume=listing.cursor)
        assert got + await whole.collect() == newest_first
        assert whole.verdict is Completeness.COMPLETE


@pytest.mark.parametrize("sort", ["ASC", "DESC"])
@pytest.mark.parametrize("ties", [2, 9, 10, 11, 30, 120])
async def test_a_list_whose_ties_stand_in_one_order_from_both_sides_is_complete_and_if_it_is_cut_unverified(
    sort: Literal["ASC", "DESC"], ties: int
) -> None:
    for cut in (None, 95):
        settings = Settings(page_size=10, ties=ties, tie_order="fixed", offset_limit=cut)
        async with Emulator(leads=119, settings=settings) as emulator, session_on(emulator) as session:
            listing = session.blocked_leads.list(sort=sort)
            assert len(await listing.collect()) == (cut or 119)
        # where all are of one date, nothing shows that it goes on
        whole = cut is None or ties > 119
        assert listing.verdict is (Completeness.COMPLETE if whole else Completeness.UNVERIFIED)


async def test_a_capped_list_that_ends_before_an_older_record_is_unverified() -> None:
    async with Emulator(leads=250, settings=Settings(offset_limit=100)) as emulator, session_on(emulator) as session:
        listing = session.blocked_leads.list(since=datetime(2000, 1, 1, tzinfo=UTC))
        assert len(await listing.collect()) == 100
        assert listing.verdict is Completeness.UNVERIFIED


class NoZone(tzinfo):
    """A time zone that does not say where it lies."""

    def utcoffset(self, moment: datetime | None) -> None:
        return None

    def dst(self, moment: datetime | None) -> None:
        return None


# the naive ones are the point
@pytest.mark.parametrize("since", [datetime(2024, 1, 1), datetime(2024, 1, 1, tzinfo=NoZone()), "2024-01-01", 0])
async def test_a_moment_without_a_zone_is_refused_before_anything_is_sent(since: object) -> None:
    async with Emulator() as emulator, session_on(emulator) as session:
        with pytest.raises(InvalidInputError, match="time zone"):
            session.blocked_leads.list(since=since)  # type: ignore[arg-type]
        assert not emulator.requests


async def test_sort_takes_any_case() -> None:
    async with Emulator(leads=20) as emulator, session_on(emulator) as session:
        leads = await session.blocked_leads.list(sort="desc").collect()  # type: ignore[arg-type]
        assert leads == (await session.blocked_leads.list().collect())[::-1]
