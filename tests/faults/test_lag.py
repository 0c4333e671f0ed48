"""Lists that show a write late, as replicas do: no end of a call and no verdict is said that needs the opposite."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import product
from typing import Any

import attrs
import pytest
from fault_calls import BLOCKS, NUMBERS, PEOPLE, UNBLOCKS, Column, Truth, requests_of, unproven
from fault_cells import KEY

from walead_async import AsyncSession, BulkReport, Completeness, Outcome, RetryPolicy, Status, VoiceAgentSession
from walead_async.bulk.api import BulkStream
from walead_async.testing import Emulator, Settings

AGENT, CAMPAIGN = "a-1", "c-1"
VERIFY = ("unclear", "always", "never")
#: What becomes of the requests that change something.
FAULTS = (
    None,
    "{method}#1:apply-then-close",
    "{method}:apply-then-close",
    "{method}#1:close",
    "{method}#1:apply-part",
    "{method}#1:apply-then-success-false",
)
#: How the service answers for what is so already: it does not count it, counts it, or refuses the batch.
HABITS: tuple[dict[str, Any], ...] = (
    {},
    {"reblock_counts": True},
    {"reblock": "conflicts", "unknown_id": "fails"},
)
QUICK = RetryPolicy(attempts=2, wait_initial=0.0)


@attrs.frozen
class Lagging:
    """A session, and an emulator whose lists lag. `items` are those of the call."""

    emulator: Emulator
    session: AsyncSession
    phones: VoiceAgentSession
    column: Column
    items: list[str]

    async def change(self, **options: Any) -> BulkReport:
        """Make the bulk call."""
        leads, numbers = self.session.blocked_leads, self.phones.agent(AGENT).block_list
        calls: dict[Column, Callable[..., Awaitable[BulkReport]]] = {
            Column.BLOCK: leads.block,
            Column.CAMPAIGN_BLOCK: self.session.campaign(CAMPAIGN).blocked_leads.block,
            Column.AGENT_BLOCK: numbers.block,
            Column.UNBLOCK: leads.unblock,
            Column.UNBLOCK_PEOPLE: leads.unblock_identifiers,
            Column.AGENT_UNBLOCK: numbers.unblock,
        }
        return await calls[self.column](self.items, check=False, **options)

    async def outcomes(self, verify: str, *, in_stream: bool) -> list[Outcome]:
        """The ends of the items: of a report, or of a stream where there is one."""
        leads, numbers = self.session.blocked_leads, self.phones.agent(AGENT).block_list
        streams: dict[Column, Callable[..., BulkStream]] = {
            Column.BLOCK: leads.block_stream,
            Column.CAMPAIGN_BLOCK: self.session.campaign(CAMPAIGN).blocked_leads.block_stream,
            Column.AGENT_BLOCK: numbers.block_stream,
            Column.UNBLOCK: leads.unblock_stream,
            Column.AGENT_UNBLOCK: numbers.unblock_stream,
        }
        if in_stream and self.column in streams:
            return [outcome async for outcome in streams[self.column](self.items, verify=verify, batch_size=4)]
        return list((await self.change(verify=verify)).outcomes)

    def listed(self) -> set[str]:
        """Which of the items the service holds, whatever its lists show."""
        truth = Truth(self.emulator, self.column)
        return {item for item in self.items if truth.is_listed(item)}

    def catch_up(self) -> None:
        """The lists show everything, and nothing fails any more."""
        self.emulator.settings = attrs.evolve(self.emulator.settings, stale=0.0)
        self.emulator.faults.clear()


@contextlib.asynccontextmanager
async def lagging(column: Column, stale: float, **settings: Any) -> AsyncIterator[Lagging]:
    """Three people, or numbers, are blocked already where six are to be, and all six where they are to be unblocked."""
    prompt = Settings(page_size=5, **settings)
    url = {"api_key": KEY, "retry": QUICK}
    async with (
        Emulator(settings=prompt, leads=7, api_key=KEY) as emulator,
        AsyncSession(base_url=emulator.walead_url, **url) as session,  # type: ignore[arg-type]
        VoiceAgentSession(base_url=emulator.phonely_url, uid="u-1", **url) as phones,  # type: ignore[arg-type]
    ):
        there = 3 if column in BLOCKS else 6
        ids = emulator.add_leads(PEOPLE[:there])
        emulator.add_leads(PEOPLE[:there], campaign=CAMPAIGN)
        emulator.agents[AGENT] = dict.fromkeys(NUMBERS[:there])
        items = ids if column is Column.UNBLOCK else NUMBERS if column.of_agents else PEOPLE
        emulator.settings = attrs.evolve(prompt, stale=stale)
        yield Lagging(emulator, session, phones, column, items)


def untruth(outcome: Outcome, before: set[str], now: set[str], *, blocks: bool) -> str | None:
    """What an end says that is not so."""
    as_wanted = (outcome.item in now) is blocks
    if outcome.status in {Status.DONE, Status.ALREADY} and not as_wanted:
        return "is not as wanted"
    if outcome.status is Status.ALREADY and (outcome.item in before) is not blocks:
        return "was not so before"
    if outcome.status in {Status.REFUSED, Status.NOT_SENT} and (outcome.item in before) is not (outcome.item in now):
        return "was carried out"
    return None


@pytest.mark.parametrize("verify", VERIFY)
@pytest.mark.parametrize("column", [*BLOCKS, *UNBLOCKS])
async def test_every_end_of_a_change_is_true_while_lists_lag_and_a_second_call_settles_what_is_unknown(
    column: Column, verify: str
) -> None:
    for number, (fault, habits) in enumerate(product(FAULTS, HABITS)):
        async with lagging(column, 1.0 + number % 3, **habits) as on:
            if fault:
                on.emulator.faults.add(fault.format(method=column.method))
            before = on.listed()
            outcomes = await on.outcomes(verify, in_stream=number % 4 > 1)
            assert [outcome.item for outcome in outcomes] == on.items
            for outcome in outcomes:
                wrong = untruth(outcome, before, on.listed(), blocks=column in BLOCKS)
                assert wrong is None, f"{outcome} {wrong}, with {fault} and {habits}"
            assert unproven(requests_of(on.emulator), late=True) == []
            on.catch_up()
            again = await on.change()
            assert again.ok, (again.describe(), fault, habits)
            assert on.listed() == (set(on.items) if column in BLOCKS else set())


@pytest.mark.parametrize("column", [*BLOCKS, *UNBLOCKS])
async def test_what_is_confirmed_is_done_at_once_however_late_the_list_shows_it(column: Column) -> None:
    async with lagging(column, 3600.0, reblock_counts=True) as on:
        report = await on.change()
        assert report.ok
        assert {request.method for request in on.emulator.requests} == {column.method} | (
            {"GET"} if column is Column.UNBLOCK_PEOPLE else set()
        )


async def test_where_repeats_are_not_counted_the_new_ones_of_a_batch_are_unknown_until_they_are_shown() -> None:
    async with lagging(Column.BLOCK, 3600.0) as on:
        report = await on.change()
        assert [outcome.status for outcome in report.outcomes] == [Status.DONE] * 3 + [Status.UNKNOWN] * 3
        assert on.listed() == set(PEOPLE)
        on.catch_up()
        report = await on.change()
        assert {outcome.status for outcome in report.outcomes} == {Status.ALREADY}


@pytest.mark.parametrize("column", UNBLOCKS)
async def test_a_confirmed_unblock_is_sent_once_although_the_list_still_shows_it(column: Column) -> None:
    async with lagging(column, 3600.0) as on:
        report = await on.change(verify="always")
        assert {outcome.status for outcome in report.outcomes} == {Status.UNKNOWN}
        assert on.listed() == set()
        assert [request.method for request in on.emulator.requests].count("DELETE") == 1


async def test_somebody_blocked_a_moment_ago_is_none_to_find_until_the_list_shows_them() -> None:
    """What the docstrings of `find` and `find_many` tell: the report of `block` says who is blocked, not the list."""
    async with lagging(Column.BLOCK, 3600.0, reblock_counts=True) as on:
        leads = on.session.blocked_leads
        assert (await on.change()).ok
        assert await leads.find(PEOPLE[5]) is None
        assert set((await leads.find_many(PEOPLE[3:])).values()) == {None}
        assert await leads.list(search=PEOPLE[5]).collect() == []
        on.catch_up()
        assert await leads.find(PEOPLE[5]) is not None
        assert None not in (await leads.find_many(PEOPLE[3:])).values()


async def test_somebody_blocked_a_moment_ago_stays_blocked_and_is_already_to_unblock_identifiers() -> None:
    """It tells what the list shows, and removes nobody whom it does not show: in doubt a person stays blocked."""
    async with lagging(Column.BLOCK, 3600.0, reblock_counts=True) as on:
        assert (await on.change()).ok
        report = await on.session.blocked_leads.unblock_identifiers(PEOPLE[3:])
        assert {outcome.status for outcome in report.outcomes} == {Status.ALREADY}
        assert on.listed() == set(PEOPLE)
        on.catch_up()
        report = await on.session.blocked_leads.unblock_identifiers(PEOPLE[3:])
        assert {outcome.status for outcome in report.outcomes} == {Status.DONE}


async def test_a_lost_block_of_somebody_unblocked_a_moment_ago_may_be_taken_as_done() -> None:
    """The list still shows the old block. The docs say so; where the service answers, nobody is fooled."""
    async with lagging(Column.BLOCK, 3600.0, reblock_counts=True) as on:
        leads = on.session.blocked_leads
        await leads.unblock_identifiers(PEOPLE[:1])
        on.emulator.faults.add("POST:close")
        report = await leads.block(PEOPLE[:1])
        assert report.outcomes[0].status is Status.DONE
        assert PEOPLE[0] not in on.listed()
        # verify="never" believes no list
        report = await leads.block(PEOPLE[:1], verify="never", check=False)
        assert report.outcomes[0].status is Status.UNKNOWN
        on.emulator.faults.clear()
        report = await leads.block(PEOPLE[:1])
        assert report.outcomes[0].status is Status.DONE
        assert PEOPLE[0] in on.listed()


@pytest.mark.parametrize("stale", [1.0, 2.0, 3.0])
@pytest.mark.parametrize("sort", ["ASC", "DESC"])
@pytest.mark.parametrize("drift", [None, "remove-random", "insert-newest", "reblock", "unblock-what-was-read"])
async def test_a_listing_yields_once_who_is_there_throughout_and_its_verdict_is_of_what_is_shown(
    stale: float, sort: Any, drift: str | None
) -> None:
    async with lagging(Column.LIST, stale) as on:
        on.emulator.add_leads(40)
        if drift:
            on.emulator.drifts.add(drift)
        before = {lead.public_identifier: lead.created_at for lead in on.emulator.blocked_leads}
        listing = on.session.blocked_leads.list(sort=sort)
        read = [(lead.public_identifier, lead.created_at) for lead in await listing.collect()]
        now = {lead.public_identifier: lead.created_at for lead in on.emulator.blocked_leads}
        assert len(set(read)) == len(read)
        if listing.verdict in {Completeness.COMPLETE, Completeness.CHANGED}:
            assert before.items() & now.items() <= set(read)


async def test_complete_is_said_of_the_list_as_it_is_shown_which_lacks_the_latest_blocks() -> None:
    async with lagging(Column.BLOCK, 3600.0, reblock_counts=True) as on:
        assert (await on.change()).ok
        for lists in (on.session.blocked_leads, on.session.campaign(CAMPAIGN).blocked_leads):
            listing = lists.list()
            shown = {lead.public_identifier for lead in await listing.collect()}
            assert listing.verdict is Completeness.COMPLETE
            assert not shown & set(PEOPLE[3:])
