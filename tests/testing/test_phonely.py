from __future__ import annotations

import pytest
from asking import Answer, Asker, Start

from walead_async.testing import Settings


async def change(ask: Asker, method: str, *numbers: str, **other: object) -> Answer:
    body = {"uid": ask.emulator.uid, "agentId": "A", "numbers": list(numbers), **other}
    return await ask.phonely(method, json=body)


async def listed(ask: Asker, **query: object) -> Answer:
    return await ask.phonely("GET", **{"uid": ask.emulator.uid, "agentId": "A", **query})


async def test_numbers_are_added_listed_and_removed_with_a_reason_for_each_failure(start: Start):
    ask = await start()
    added = await change(ask, "POST", "+14155550123", "not a number", "+14155550123")
    seen = await listed(ask)
    removed = await change(ask, "DELETE", "+14155550123", "+1999")

    assert added.json == {
        "message": "1 numbers added",
        "added": ["+14155550123"],
        "failed": [
            {"number": "not a number", "reason": "Invalid phone number format"},
            {"number": "+14155550123", "reason": "Number already in block list"},
        ],
    }
    assert seen.json == {"blockList": ["+14155550123"]}
    assert removed.json == {
        "message": "1 numbers removed",
        "removed": ["+14155550123"],
        "failed": [{"number": "+1999", "reason": "Number not found in block list"}],
    }
    assert (await listed(ask)).json == {"blockList": []}


async def test_the_vendors_own_example_is_a_number(start: Start):
    ask = await start()

    assert (await change(ask, "POST", "+1234567890")).json["added"] == ["+1234567890"]


async def test_each_agent_has_a_list_of_its_own(start: Start):
    ask = await start()
    await change(ask, "POST", "+14155550123", agentId="B")

    assert (await listed(ask)).json == {"blockList": []}
    assert {agent: list(numbers) for agent, numbers in ask.emulator.agents.items()} == {"B": ["+14155550123"]}


async def test_the_list_may_be_a_bare_array(start: Start):
    ask = await start(settings=Settings().changed({"agent_list": "array"}))
    await change(ask, "POST", "+14155550123")

    assert (await listed(ask)).json == ["+14155550123"]


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_a_wrong_key_and_a_foreign_uid_are_both_401(start: Start, method: str):
    ask = await start(settings=Settings(users=("emulator-user",)))
    body = {"uid": ask.emulator.uid, "agentId": "A", "numbers": ["+14155550123"]}
    query = {"uid": ask.emulator.uid, "agentId": "A"}

    assert (await ask.phonely(method, key="wrong", json=body, **query)).status == 401
    assert (await ask.phonely(method, json={**body, "uid": "other"}, **{**query, "uid": "other"})).status == 401


@pytest.mark.parametrize("query", [{"uid": ""}, {"agentId": ""}])
async def test_a_list_without_uid_or_agent_is_a_400(start: Start, query: dict[str, str]):
    ask = await start()

    assert (await listed(ask, **query)).status == 400


@pytest.mark.parametrize(
    "body",
    [{"uid": 1}, {"uid": ""}, {"agentId": ""}, {"agentId": None}, {"numbers": []}, {"numbers": "+1"}, {"numbers": [1]}],
)
async def test_a_wrong_body_is_a_400(start: Start, body: dict[str, object]):
    ask = await start()

    assert (await change(ask, "POST", "+14155550123", **body)).status == 400


async def test_an_unknown_agent_is_a_404_where_the_agents_are_named(start: Start):
    ask = await start(settings=Settings(agents=("B",)))

    assert [(await listed(ask, agentId=agent)).status for agent in "AB"] == [404, 200]


async def test_other_methods_are_a_405(start: Start):
    ask = await start()

    assert (await change(ask, "PUT", "+14155550123")).status == 405
