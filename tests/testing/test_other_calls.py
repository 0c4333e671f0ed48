"""The calls of the WaLead service that are about no block list: campaigns at work, conversations, hooks."""

from __future__ import annotations

import pytest
from asking import Start

from walead_async.testing import Settings

HOOKS = "/v1/zapier/hooks"
HOOK = {"url": "https://app.example/hooks", "type": "message_received"}


async def test_a_campaign_is_paused_and_activated(start: Start):
    ask = await start(settings=Settings(campaigns=("c1",)))
    ask.emulator.named_campaigns["c1"] = ("Spring", "draft")

    for act, status in (("pause", "paused"), ("activate", "active")):
        answer = await ask.walead("PUT", f"/v1/campaigns/c1/{act}")
        assert (answer.status, answer.json["name"], answer.json["status"]) == (200, "Spring", status)
        assert (await ask.walead("GET", "/v1/campaigns/c1")).json == answer.json
        assert (await ask.walead("PUT", f"/v1/campaigns/c2/{act}")).status == 404
        assert (await ask.walead("PUT", f"/v1/campaigns/c1/{act}", key="wrong")).status == 401


async def test_conversations_come_by_15_a_page_from_page_1(start: Start):
    ask = await start()
    ask.emulator.conversations.extend({"urn": f"u-{number}"} for number in range(1, 32))
    pages = [(await ask.walead("GET", "/v1/conversations", page=page)).json for page in (1, 2, 3, 4)]

    assert [len(page) for page in pages] == [15, 15, 1, 0]
    assert [one for page in pages for one in page] == ask.emulator.conversations
    assert (await ask.walead("GET", "/v1/conversations")).json == pages[0]


@pytest.mark.parametrize("page", ["0", "-1", "one", ""])
async def test_a_page_that_is_none_is_a_400(start: Start, page: str):
    ask = await start()

    assert (await ask.walead("GET", "/v1/conversations", page=page)).status == 400


async def test_a_hook_is_subscribed_once_listed_and_unsubscribed(start: Start):
    ask = await start(settings=Settings(block_status=201))
    other = {**HOOK, "type": "message_sent"}

    assert [(await ask.walead("POST", f"{HOOKS}/subscribe", json=hook)).status for hook in (HOOK, other, HOOK)] == [
        201
    ] * 3
    assert (await ask.walead("GET", "/v1/hooks/list")).json == [HOOK, other] == ask.emulator.hooks
    assert [(await ask.walead("DELETE", f"{HOOKS}/unsubscribe", json=HOOK)).status for _ in range(2)] == [200, 404]
    assert ask.emulator.hooks == [other]
    ask.emulator.clear()
    assert ask.emulator.hooks == []


@pytest.mark.parametrize(
    "body", [None, [], {}, {"url": "https://app.example"}, {**HOOK, "type": 1}, {**HOOK, "url": ""}]
)
async def test_a_hook_needs_a_url_and_a_type(start: Start, body: object):
    ask = await start()

    assert (await ask.walead("POST", f"{HOOKS}/subscribe", json=body)).status == 400
    assert (await ask.walead("DELETE", f"{HOOKS}/unsubscribe", json=body)).status == 400
