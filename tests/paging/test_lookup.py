"""Who is blocked, over real sockets: absence is never a guess, whatever the service's search does."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest

from walead_async import AsyncSession, Completeness, PaginationError, RetryPolicy, ServerError, Status
from walead_async.testing import Emulator, Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

OWN_ID = "ACoAABcDeFgHiJkLmNoPqRsTuVwXyZ0123456789"


@contextlib.asynccontextmanager
async def workspace(leads: int = 0, **settings: Any) -> AsyncIterator[tuple[Emulator, AsyncSession]]:
    async with (
        Emulator(leads=leads, settings=Settings(**settings)) as emulator,
        AsyncSession(emulator.api_key, base_url=emulator.walead_url, retry=RetryPolicy.never()) as session,
    ):
        yield emulator, session


def searches(emulator: Emulator) -> list[str]:
    """What was searched for, "" for a request to the whole list."""
    return [request.query.get("search", "") for request in emulator.requests]


CASES = [
    {"search": match, "search_minds_case": minds}
    for match in ("substring", "prefix", "whole")
    for minds in (False, True)
]


@pytest.mark.parametrize("settings", CASES)
async def test_somebody_is_found_or_proven_absent_whatever_the_search_does(settings: dict[str, Any]) -> None:
    async with workspace(250, **settings) as (emulator, session):
        emulator.add_leads(["john", "john-doe", "John-Smith", "jürgen", OWN_ID])
        find = session.blocked_leads.find
        for asked, spelled in [
            ("john", "john"),
            ("JOHN-DOE", "john-doe"),
            ("john-smith", "John-Smith"),
            ("linkedin.com/in/J%C3%9CRGEN", "jürgen"),
            (OWN_ID, OWN_ID),
        ]:
            lead = await find(asked)
            assert lead is not None
            assert lead.public_identifier == spelled
        for absent in ("joh", "john-do", "nobody", OWN_ID.swapcase().replace("acOaa", "ACoAA", 1)):
            assert await find(absent) is None


async def test_who_is_found_costs_one_request() -> None:
    async with workspace(1_000) as (emulator, session):
        assert await session.blocked_leads.find("lead-0000500") is not None
        assert searches(emulator) == ["lead-0000500"]


async def test_absence_costs_one_look_at_the_search_and_then_a_request_each() -> None:
    async with workspace(1_000) as (emulator, session):
        await session.blocked_leads.find("lead-0000500")
        assert await session.blocked_leads.find("nobody") is None
        assert searches(emulator)[1:] == ["nobody", "LEAD-0000500"]
        assert await session.blocked_leads.find("nobody-else") is None
        assert searches(emulator)[3:] == ["nobody-else"]


async def test_where_search_minds_case_absence_needs_the_whole_list() -> None:
    async with workspace(250, search_minds_case=True) as (emulator, session):
        emulator.add_leads(["John-Doe"])
        await session.blocked_leads.find("lead-0000001")
        assert await session.blocked_leads.find("nobody") is None
        assert searches(emulator)[1:4] == ["nobody", "LEAD-0000001", ""]
        assert searches(emulator).count("") >= 3
        lead = await session.blocked_leads.find("john-doe")
        assert lead is not None
        assert lead.public_identifier == "John-Doe"
        assert searches(emulator).count("LEAD-0000001") == 1


async def test_before_anything_is_known_absence_needs_the_whole_list() -> None:
    async with workspace(150) as (emulator, session):
        assert await session.blocked_leads.find("nobody") is None
        assert searches(emulator)[0] == "nobody"
        assert searches(emulator).count("") >= 2


async def test_letters_that_are_not_ascii_are_not_taken_to_be_found_in_either_case() -> None:
    async with workspace(150) as (emulator, session):
        await session.blocked_leads.find("lead-0000001")
        assert await session.blocked_leads.find("zoë") is None
        assert "" in searches(emulator)


async def test_a_known_person_who_is_gone_shows_nothing_about_the_search() -> None:
    async with workspace() as (emulator, session):
        emulator.add_leads(["somebody"])
        await session.blocked_leads.find("somebody")
        await session.blocked_leads.unblock(emulator.blocked_leads.ids())
        emulator.add_leads(["Jane-Doe"])
        emulator.settings = Settings(search_minds_case=True)
        lead = await session.blocked_leads.find("jane-doe")
        assert lead is not None


async def test_an_absence_that_cannot_be_proven_raises() -> None:
    async with workspace(150) as (emulator, session):
        emulator.faults.add("GET /v1/blocked-leads #2-:status=500")
        with pytest.raises(ServerError):
            await session.blocked_leads.find("nobody")


@pytest.mark.parametrize(
    ("leads", "people"), [(0, 2), (50, 2), (50, 40), (1_000, 3), (1_000, 12), (1_000, 100), (5_000, 20), (5_000, 100)]
)
@pytest.mark.parametrize("absent", [0, 1])
async def test_many_cost_at_most_twice_the_cheaper_way(leads: int, people: int, absent: int) -> None:
    present = min(people - absent, leads)
    wanted = [f"lead-{1 + number * leads // max(1, present):07d}" for number in range(present)]
    wanted += [f"nobody-{number}" for number in range(people - present)]
    async with workspace(leads) as (emulator, session):
        listing = session.blocked_leads.list(window=1)
        await listing.collect()
        whole = listing.requests
        before = len(emulator.requests)
        found = await session.blocked_leads.find_many(wanted)
        assert [name for name, lead in found.items() if lead is None] == wanted[present:]
        assert all(lead is None or lead.public_identifier == name for name, lead in found.items())
        # A listing more if somebody is absent, or two looks at how the service searches.
        more = whole + 2 if present < people else 0
        assert len(emulator.requests) - before <= 2 * min(whole, people) + more


async def test_many_are_keyed_as_given_and_nobody_is_asked_for_twice() -> None:
    async with workspace(10) as (_, session):
        asked = ["lead-0000001", "https://www.linkedin.com/in/LEAD-0000001/", "nobody"]
        found = await session.blocked_leads.find_many(asked)
        assert list(found) == asked
        assert found[asked[0]] == found[asked[1]] is not None
        assert found["nobody"] is None
        assert await session.blocked_leads.find_many([]) == {}


@pytest.mark.parametrize("settings", CASES)
async def test_every_record_of_a_person_is_unblocked(settings: dict[str, Any]) -> None:
    async with workspace(150, **settings) as (emulator, session):
        emulator.add_leads(["john-doe", "John-Doe", "john-doe-2"])
        report = await session.blocked_leads.unblock_identifiers(["JOHN-DOE", "nobody"])
        assert [outcome.status for outcome in report.outcomes] == [Status.DONE, Status.ALREADY]
        left = list(emulator.blocked_leads.identifiers())
        assert len(left) == 151
        assert left[-1] == "john-doe-2"


async def test_searches_that_fail_end_all_of_them() -> None:
    async with workspace(5_000) as (emulator, session):
        emulator.faults.add("GET #14-:status=500")
        with pytest.raises(ServerError):
            await session.blocked_leads.find_many([f"lead-{450 * number:07d}" for number in range(1, 12)])
        assert 14 <= len(emulator.requests) <= 13 + 8


async def test_a_list_that_cannot_be_verified_proves_nothing() -> None:
    async with workspace(300, page_sizes=(100, 40, 70)) as (_, session):
        listing = session.blocked_leads.list()
        await listing.collect()
        assert listing.verdict is Completeness.UNVERIFIED
        with pytest.raises(PaginationError, match="cannot be told"):
            await session.blocked_leads.find("nobody")
