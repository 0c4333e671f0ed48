"""Services that behave as no page says, and as some real one might."""

from __future__ import annotations

import asyncio

import pytest
from asking import Asker, Start

from walead_async.testing import IdentifierSpelling, NumberSpelling, Settings

NUMBER = "+14155550123"


async def numbers(ask: Asker, agent: str = "A") -> list[str]:
    listed = (await ask.phonely("GET", uid="u", agentId=agent)).json["blockList"]
    assert isinstance(listed, list)
    return listed


async def block_number(ask: Asker, agent: str = "A") -> int:
    body = {"uid": "u", "agentId": agent, "numbers": [NUMBER]}
    return (await ask.phonely("POST", json=body)).status


async def test_a_search_may_find_nothing_ever(start: Start):
    ask = await start(leads=3, settings=Settings().changed({"search": "nothing"}))

    assert (await ask.walead("GET", search="lead-0000001")).names == []
    assert len((await ask.walead("GET")).names) == 3


async def test_a_search_may_lower_its_term_alone(start: Start):
    ask = await start(settings=Settings(search_lowers_term=True))
    ask.emulator.add_leads(["ann", "Ann-Lee"])

    assert (await ask.walead("GET", search="ANN")).names == ["ann"]
    assert (await ask.walead("GET", search="Ann-Lee")).names == []
    assert (await ask.walead("GET", search="nn-")).names == ["Ann-Lee"]


async def test_a_search_may_be_cut_whatever_its_pages(start: Start):
    ask = await start(leads=30, settings=Settings(search_limit=10, page_size=4))
    pages = [(await ask.walead("GET", sort="ASC", search="lead", offset=offset)).names for offset in (0, 4, 8, 10, 12)]

    assert [len(page) for page in pages] == [4, 4, 2, 0, 0]
    assert pages[2] == ["lead-0000009", "lead-0000010"]
    assert (await ask.walead("GET", search="lead")).names[0] == "lead-0000030"
    assert len((await ask.walead("GET", offset=20)).names) == 4


async def test_a_list_may_show_nothing_beyond_an_offset(start: Start):
    ask = await start(leads=30, settings=Settings(offset_limit=10, page_size=4))
    pages = [(await ask.walead("GET", sort="ASC", offset=offset)).names for offset in (8, 10, 20)]
    newest = (await ask.walead("GET", offset=8)).names

    assert pages == [["lead-0000009", "lead-0000010"], [], []]
    assert newest == ["lead-0000022", "lead-0000021"]


async def test_a_page_may_hide_people_whom_offsets_count(start: Start):
    ask = await start(leads=12, settings=Settings(hidden_identifier="000000[4-9]", page_size=3))
    pages = [(await ask.walead("GET", sort="ASC", offset=offset)).names for offset in (0, 3, 6, 9)]

    assert [len(page) for page in pages] == [3, 0, 0, 3]
    assert "lead-0000005" in ask.emulator.blocked_leads


async def test_an_id_may_be_given_to_somebody_else(start: Start):
    ask = await start(settings=Settings(reuse_ids=True), faults=["DELETE#1:apply-then-status=504"])
    ids = ask.emulator.add_leads(["a", "b"])
    first = await ask.walead("DELETE", json=ids[:1])
    await ask.block("c")
    again = await ask.walead("DELETE", json=ids[:1])

    assert (first.status, again.json["unblocked"]) == (504, 1)
    assert ask.emulator.blocked_leads.identifiers() == ["b"]


async def test_an_id_is_used_once_where_the_settings_do_not_say_so(start: Start):
    ask = await start()
    (gone,) = ask.emulator.add_leads(["a"])
    await ask.walead("DELETE", json=[gone])
    await ask.block("b")

    assert gone not in ask.emulator.blocked_leads.ids()


@pytest.mark.parametrize(
    ("spelling", "stored"),
    [
        (IdentifierSpelling.AS_SENT, "ann"),
        (IdentifierSpelling.PERCENT_ENCODED, "%61%6E%6E"),
        (IdentifierSpelling.LINK, "https://www.linkedin.com/in/ann/"),
        (IdentifierSpelling.SPACES, " ann "),
    ],
)
async def test_a_name_may_be_stored_in_another_spelling(start: Start, spelling: IdentifierSpelling, stored: str):
    ask = await start(settings=Settings(identifier_spelling=spelling))
    first, second = await ask.block("ann"), await ask.block("ann")

    assert (await ask.walead("GET")).names == [stored]
    assert (first.json["blocked"], second.json["blocked"]) == (1, 0)


async def test_a_list_and_its_search_may_lag(start: Start):
    ask = await start(leads=1, settings=Settings(stale=0.3))
    campaign = "/v1/campaigns/c/blocked-leads"
    await ask.block("new")
    await ask.walead("POST", campaign, json={"publicIdentifiers": ["a"]})

    assert (await ask.walead("GET")).names == ["lead-0000001"]
    assert (await ask.walead("GET", search="new")).names == []
    assert (await ask.walead("GET", campaign)).names == []
    assert "new" in ask.emulator.blocked_leads
    await asyncio.sleep(0.35)
    assert (await ask.walead("GET")).names == ["new", "lead-0000001"]
    assert (await ask.walead("GET", search="new")).names == ["new"]
    assert (await ask.walead("GET", campaign)).names == ["a"]


async def test_a_removal_is_shown_late_too(start: Start):
    ask = await start(leads=2, settings=Settings(stale=0.3))
    await ask.walead("DELETE", json=ask.emulator.blocked_leads.ids())
    before = (await ask.walead("GET")).names
    await asyncio.sleep(0.35)

    assert (len(before), (await ask.walead("GET")).names) == (2, [])


async def test_an_agents_list_lags_too(start: Start):
    ask = await start(settings=Settings(stale=0.3))
    await block_number(ask)
    before = await numbers(ask)
    await asyncio.sleep(0.35)

    assert (before, await numbers(ask)) == ([], [NUMBER])


@pytest.mark.parametrize(
    ("spelling", "listed"),
    [
        (NumberSpelling.AS_SENT, NUMBER),
        (NumberSpelling.NO_PLUS, "14155550123"),
        (NumberSpelling.BRACKETS, "+1 (415) 5550123"),
    ],
)
async def test_numbers_may_be_listed_in_another_spelling(start: Start, spelling: NumberSpelling, listed: str):
    ask = await start(settings=Settings(number_spelling=spelling))
    await block_number(ask)

    assert await numbers(ask) == [listed]


async def test_the_agents_of_a_user_are_listed(start: Start):
    ask = await start(settings=Settings(agents=("A", "B")))
    agents = (await ask.phonely("POST", "/get-agents", json={"uid": "u"})).json

    assert [(agent["uid"], agent["agentId"]) for agent in agents] == [("u", "A"), ("u", "B")]
    assert set(agents[0]) == {"uid", "agentId", "name", "country", "businessPhoneNumber"}


async def test_agents_may_be_listed_as_the_vendors_file_lists_organisations(start: Start):
    ask = await start(settings=Settings(agents=("A",), agents_as_orgs=True))

    assert (await ask.phonely("POST", "/get-agents", json={"uid": "u"})).json == [{"orgId": "A", "name": "Agent A"}]


@pytest.mark.parametrize(
    ("body", "key", "status"),
    [({"uid": "other"}, None, 401), ({"uid": "u"}, "wrong", 401), ({"uid": ""}, None, 400), ([], None, 400)],
)
async def test_agents_are_listed_for_a_user_of_the_key_alone(start: Start, body: object, key: str | None, status: int):
    ask = await start(settings=Settings(users=("u",)))

    assert (await ask.phonely("POST", "/get-agents", json=body, key=key)).status == status


async def test_an_agent_may_be_created_after_the_agents_were_listed(start: Start):
    ask = await start(settings=Settings(agents=("A",)), drifts=["#1:create-agent", "remove-oldest"], leads=1)
    first, second = [(await ask.phonely("POST", "/get-agents", json={"uid": "u"})).json for _ in range(2)]
    await block_number(ask)
    old, new = [agent["agentId"] for agent in second]

    assert [agent["agentId"] for agent in first] == [old] == ["A"]
    assert (await numbers(ask, old), await numbers(ask, new)) == ([NUMBER], [])
    assert len(ask.emulator.blocked_leads) == 1


@pytest.mark.parametrize("status", [401, 403])
async def test_an_agent_without_access_is_listed_and_refused(start: Start, status: int):
    ask = await start(settings=Settings(agents=("A", "B"), agents_without_access=("B",), no_access_status=status))
    agents = (await ask.phonely("POST", "/get-agents", json={"uid": "u"})).json

    assert [agent["agentId"] for agent in agents] == ["A", "B"]
    assert [await block_number(ask, agent) for agent in "AB"] == [200, status]


async def test_a_number_may_be_added_and_failed(start: Start):
    ask = await start(faults=["added-and-failed"])
    body = {"uid": "u", "agentId": "A", "numbers": [NUMBER, "+14155550124"]}
    added = (await ask.phonely("POST", json=body)).json

    assert added["added"] == [NUMBER, "+14155550124"]
    assert [one["number"] for one in added["failed"]] == [NUMBER]


@pytest.mark.parametrize("status", [302, 304])
async def test_what_was_done_may_be_answered_with_a_status_that_says_nothing(start: Start, status: int):
    ask = await start(faults=[f"apply-then-status={status}"])

    assert (await ask.block("a")).status == status
    assert ask.emulator.blocked_leads.identifiers() == ["a"]


async def test_a_gateway_may_turn_an_unblock_away_and_say_later_that_there_is_no_such_record(start: Start):
    ask = await start(faults=["DELETE#1:status=502", "DELETE#2:status=404"])
    ids = ask.emulator.add_leads(["a"])

    assert [(await ask.walead("DELETE", json=ids)).status for _ in range(2)] == [502, 404]
    assert ask.emulator.blocked_leads.identifiers() == ["a"]
