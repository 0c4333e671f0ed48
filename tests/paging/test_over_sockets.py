"""Listings end to end: a session, real sockets, and an emulator whose list drifts."""

from __future__ import annotations

import asyncio

import pytest

from walead_async import AsyncSession, BlockedLead, Completeness, PaginationError, UnexpectedResponseError
from walead_async.testing.emulator import Emulator


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
