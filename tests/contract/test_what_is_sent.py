"""Whatever people type: it arrives as typed, or is refused before anything is sent.

Under `nox -s contract` every request that is made here is held against the OpenAPI file as well.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from hypothesis import example, given
from hypothesis import strategies as st

from walead_async import AsyncSession, InvalidInputError, Outcome, Status, VoiceAgentSession
from walead_async.testing import Emulator, Settings

#: The emulator takes every identifier and every number, so that nothing that was sent is refused.
TAKES_ALL = Settings(bad_identifier="(?!)", number="(?s).*")

#: Anything a person or a program may hand over, and much that looks like an identifier, a path or a query.
TEXT = st.text(max_size=30) | st.text("ab-.%/?&#=+ é", max_size=8)
PLAIN_IDS = st.text("aZ09._~:@=-", min_size=1, max_size=8)
IDS = PLAIN_IDS | TEXT | st.sampled_from(["..", ".", "a/b", "%2e%2e", "a%2fb", "a?b", "a b"])
NUMBERS = st.from_regex(r"\+?[0-9 ()./-]{3,18}", fullmatch=True)
UID = "u.1_~:@=-"


def with_emulator(work: Callable[[Emulator, AsyncSession, VoiceAgentSession], Awaitable[None]]) -> None:
    async def run() -> None:
        async with (
            Emulator(settings=TAKES_ALL, uid=UID) as emulator,
            AsyncSession(emulator.api_key, base_url=emulator.walead_url) as session,
            VoiceAgentSession(emulator.api_key, uid=UID, base_url=emulator.phonely_url) as phones,
        ):
            await work(emulator, session, phones)

    asyncio.run(run())


def sent(outcomes: tuple[Outcome, ...] | list[Outcome]) -> list[str]:
    """The keys of what was sent: all that is neither invalid nor a duplicate."""
    assert {outcome.status for outcome in outcomes} <= {Status.DONE, Status.ALREADY, Status.INVALID, Status.DUPLICATE}
    return [outcome.key for outcome in outcomes if outcome.status in {Status.DONE, Status.ALREADY}]


@given(st.lists(TEXT, min_size=1, max_size=5), st.none() | TEXT)
@example(["john-doe", "jürgen-müller"], "asked\n\x00 \"'\\ 😀")
def test_leads_arrive_as_typed(names: list[str], reason: str | None) -> None:
    async def work(emulator: Emulator, session: AsyncSession, _: VoiceAgentSession) -> None:
        try:
            report = await session.blocked_leads.block(names, reason=reason, check=False)
        except InvalidInputError:
            assert emulator.requests == []
            return
        keys = sent(list(report.outcomes))
        assert emulator.blocked_leads.identifiers() == keys
        if not keys:
            return
        assert {lead.reason for lead in emulator.blocked_leads} == {reason}
        undone = await session.blocked_leads.unblock(emulator.blocked_leads.ids(), check=False)
        assert len(sent(list(undone.outcomes))) == len(keys)
        assert emulator.blocked_leads.identifiers() == []

    with_emulator(work)


@given(TEXT)
def test_a_search_arrives_as_typed(search: str) -> None:
    async def work(emulator: Emulator, session: AsyncSession, _: VoiceAgentSession) -> None:
        try:
            await session.blocked_leads.list(search=search).collect()
        except InvalidInputError:
            assert emulator.requests == []
        else:
            assert {request.query.get("search", "") for request in emulator.requests} == {search}

    with_emulator(work)


@given(IDS, st.lists(TEXT, min_size=1, max_size=3))
def test_a_campaign_is_the_one_that_was_named(campaign_id: str, names: list[str]) -> None:
    async def work(emulator: Emulator, session: AsyncSession, _: VoiceAgentSession) -> None:
        try:
            campaign = session.campaign(campaign_id)
        except InvalidInputError:
            return
        keys = sent(list((await campaign.blocked_leads.block(names, check=False)).outcomes))
        assert [lead.public_identifier async for lead in campaign.blocked_leads.list()] == keys
        assert {request.path for request in emulator.requests} == {f"/v1/campaigns/{campaign_id}/blocked-leads"}
        assert not keys or emulator.campaigns[campaign_id].identifiers() == keys
        assert (await campaign.get()).id == campaign_id
        assert emulator.requests[-1].path == f"/v1/campaigns/{campaign_id}"

    with_emulator(work)


@given(PLAIN_IDS | st.just(".."), st.lists(NUMBERS | TEXT, min_size=1, max_size=4))
def test_numbers_arrive_as_typed_at_the_agent_that_was_named(agent_id: str, numbers: list[str]) -> None:
    async def work(emulator: Emulator, _: AsyncSession, phones: VoiceAgentSession) -> None:
        try:
            block_list = phones.agent(agent_id).block_list
        except InvalidInputError:
            return
        keys = sent(list((await block_list.block(numbers, check=False)).outcomes))
        assert await block_list.list().collect() == keys
        assert list(emulator.agents.get(agent_id, {})) == keys
        assert len(sent(list((await block_list.unblock(numbers, check=False)).outcomes))) == len(keys)
        assert await block_list.list().collect() == []

    with_emulator(work)
