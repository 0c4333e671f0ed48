"""Who is blocked, over real sockets: absence is never a guess, whatever the service's search does."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest
from simulated_lookups import SEARCHES, SHOWN, SPELLINGS, run_many

from walead_async import AsyncSession, RetryPolicy, ServerError, Status
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
] + [{"search_after_cut": True}]


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


async def test_absence_costs_a_look_at_how_search_works_and_then_a_request_each() -> None:
    async with workspace(1_000) as (emulator, session):
        emulator.add_leads(["Jane-Doe"])
        assert await session.blocked_leads.find("jane-doe") is not None
        assert await session.blocked_leads.find("nobody") is None
        assert searches(emulator)[1:] == ["nobody", *["ANE-dO"] * 4]
        assert await session.blocked_leads.find("nobody-else") is None
        assert searches(emulator)[6:] == ["nobody-else"]


async def test_the_first_absent_person_may_cost_the_list_the_second_five_requests_and_the_next_ones_one() -> None:
    async with workspace(150) as (emulator, session):
        costs = []
        for absent in ("nobody", "nobody-else", "nobody-at-all"):
            before = len(emulator.requests)
            assert await session.blocked_leads.find(absent) is None
            costs.append(searches(emulator)[before:])
    assert costs[0].count("") >= 2
    assert [len(cost) for cost in costs[1:]] == [5, 1]
    assert "" not in costs[1]


#: Of docs/explanation/outcomes.md: requests of `find` for the first, second and third person who is not there, in a
#: list of 10,000 in pages of 100, whose search finds parts of names in any case, or cannot prove an absence.
ABSENCE = {
    "known to prove": ("substring", [1, 1, 1]),
    "a name with a capital was met": ("substring", [5, 1, 1]),
    "nothing is known yet": ("substring", [114, 5, 1]),
    "useless, whole": ("whole", [114, 115, 114]),
    "useless, prefix": ("prefix", [114, 115, 114]),
}


@pytest.mark.parametrize("case", ABSENCE)
async def test_so_many_requests_tell_that_somebody_is_not_in_a_list_of_10000(case: str) -> None:
    search, promised = ABSENCE[case]
    async with workspace(9_999, page_size=100, search=search) as (emulator, session):
        find = session.blocked_leads.find
        emulator.add_leads(["Jane-Doe" if search == "substring" else "jane-doe"])
        if case in {"known to prove", "a name with a capital was met"}:
            assert await find("jane-doe") is not None
        if case == "known to prove":
            assert await find("somebody") is None
        costs = []
        for absent in ("nobody", "nobody-else", "nobody-at-all"):
            before = len(emulator.requests)
            assert await find(absent) is None
            costs.append(len(emulator.requests) - before)
        assert costs == promised


async def test_a_name_without_capitals_shows_nothing_of_a_search_that_lowers_only_what_is_searched_for() -> None:
    """Where no capital was seen in the whole list, it does; and where one was, a record with it must be found."""
    async with workspace(150, search_minds_case=True) as (emulator, session):
        emulator.add_leads(["John-Doe"])
        assert await session.blocked_leads.find("nobody") is None
        assert await session.blocked_leads.find("nobody-else") is None
        lead = await session.blocked_leads.find("john-doe")
        assert lead is not None
        assert lead.public_identifier == "John-Doe"
        assert searches(emulator).count("OHN-dO") == 1


@pytest.mark.parametrize("at", [0, 1, 7, 30, 120, 240, 249])
@pytest.mark.parametrize("leads", [45, 60, 250])
async def test_a_search_that_filters_a_page_after_it_was_cut_proves_nothing(leads: int, at: int) -> None:
    async with workspace(min(at, leads - 1), page_size=50, search_after_cut=True) as (emulator, session):
        # the name that shows how the search works may stand anywhere, also in what two pages share
        emulator.add_leads(["Jane-Doe", *(f"last-{number}" for number in range(leads))])
        assert await session.blocked_leads.find("nobody") is None
        for blocked in ("last-2", f"last-{leads - 1}"):
            assert await session.blocked_leads.find(blocked) is not None
        emulator.add_leads(["at-last"])
        assert await session.blocked_leads.find("at-last") is not None
        assert all((await session.blocked_leads.find_many(["at-last", "last-3"])).values())
        report = await session.blocked_leads.unblock_identifiers(["at-last"])
    assert [outcome.status for outcome in report.outcomes] == [Status.DONE]


async def test_names_that_may_be_stored_percent_encoded_need_the_list() -> None:
    async with workspace(150) as (emulator, session):
        emulator.add_leads(["Jane-Doe", "j%C3%BCrgen"])
        assert await session.blocked_leads.find("nobody") is None
        assert await session.blocked_leads.find("nobody-else") is None
        before = len(emulator.requests)
        assert await session.blocked_leads.find("zoë") is None
        assert "" in searches(emulator)[before:]
        lead = await session.blocked_leads.find("jürgen")
        assert lead is not None
        assert lead.public_identifier == "j%C3%BCrgen"


async def test_names_stored_as_links_or_with_spaces_around_are_found() -> None:
    async with workspace(150) as (emulator, session):
        emulator.add_leads(["https://www.linkedin.com/in/Jane-Doe/", " john-doe "])
        for name in ("jane-doe", "john-doe"):
            assert await session.blocked_leads.find(name) is not None
        found = await session.blocked_leads.find_many(["jane-doe", "john-doe", "nobody"])
        assert [lead is not None for lead in found.values()] == [True, True, False]


async def test_linkedins_own_ids_are_no_exception() -> None:
    async with workspace(250, search="whole") as (emulator, session):
        emulator.add_leads([f"https://www.linkedin.com/in/{OWN_ID}"])
        lead = await session.blocked_leads.find(OWN_ID)
        assert lead is not None


async def test_a_known_person_who_is_gone_shows_nothing_about_the_search() -> None:
    async with workspace() as (emulator, session):
        emulator.add_leads(["Some-Body"])
        await session.blocked_leads.find("some-body")
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


@pytest.mark.parametrize("settings", CASES)
@pytest.mark.parametrize("leads", [0, 45, 300])
async def test_many_are_found_or_proven_absent_whatever_the_search_does(leads: int, settings: dict[str, Any]) -> None:
    spelled = {f"some-{number}": f"Some-{number}" if number % 2 else f"some-{number}" for number in range(30)}
    decoys = [f"else-{number}-{decoy}" for number in range(3) for decoy in range(15)]
    async with workspace(leads, page_size=10, **settings) as (emulator, session):
        emulator.add_leads([*spelled.values(), *decoys])
        for people in (1, 2, 12, 30):
            present = list(spelled)[:people]
            absent = [f"else-{number}" for number in range(people)]
            found = await session.blocked_leads.find_many([*present, *absent])
            assert {name: lead.public_identifier for name, lead in found.items() if lead} == {
                name: spelled[name] for name in present
            }


async def test_many_are_looked_up_by_searches_where_the_list_is_longer_than_they_are() -> None:
    wanted = [f"lead-{450 * number:07d}" for number in range(1, 11)]
    async with workspace(5_000) as (emulator, session):
        assert all((await session.blocked_leads.find_many(wanted)).values())
        assert sorted(searches(emulator)) == ["", "", *wanted]
        assert [request.query["offset"] for request in emulator.requests[:2]] == ["0", "1000"]


async def test_many_are_looked_up_in_the_list_where_that_is_shorter() -> None:
    wanted = [f"lead-{9 * number:07d}" for number in range(1, 101)]
    async with workspace(1_000) as (emulator, session):
        listing = session.blocked_leads.list()
        await listing.collect()
        before = len(emulator.requests)
        assert all((await session.blocked_leads.find_many(wanted)).values())
        assert set(searches(emulator)[before:]) == {""}
        assert len(emulator.requests) - before <= 1 + listing.requests


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
        emulator.faults.add("GET #8-:status=500")
        with pytest.raises(ServerError):
            await session.blocked_leads.find_many([f"lead-{450 * number:07d}" for number in range(1, 12)])
        assert 8 <= len(emulator.requests) <= 7 + 8


def test_simulated_sessions_are_told_the_truth_by_services_that_search_in_every_way() -> None:
    ends = run_many(400, seed=0)
    assert {kind for kind, _ in ends} == {*SEARCHES, *SPELLINGS, *SHOWN}
