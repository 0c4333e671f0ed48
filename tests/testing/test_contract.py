from __future__ import annotations

from collections.abc import Iterator

import orjson
import pytest
from asking import Asker, Start

from walead_async.testing import BadSetting, openapi


def parts(value: object) -> Iterator[object]:
    """A document and everything in it."""
    yield value
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for part in inside:
        yield from parts(part)


def test_the_contract_names_every_call():
    paths = openapi()["paths"]
    assert isinstance(paths, dict)
    calls = {
        (path, method) for path, item in paths.items() for method in item if method in ("get", "post", "put", "delete")
    }

    assert calls == {
        ("/v1/blocked-leads", "get"),
        ("/v1/blocked-leads", "post"),
        ("/v1/blocked-leads", "delete"),
        ("/v1/campaigns/{campaignId}", "get"),
        ("/v1/campaigns/{campaignId}/blocked-leads", "get"),
        ("/v1/campaigns/{campaignId}/blocked-leads", "post"),
        ("/v1/campaigns/{campaignId}/activate", "put"),
        ("/v1/campaigns/{campaignId}/pause", "put"),
        ("/v1/conversations", "get"),
        ("/v1/zapier/hooks/subscribe", "post"),
        ("/v1/zapier/hooks/unsubscribe", "delete"),
        ("/v1/hooks/list", "get"),
        ("/agent-block-list", "get"),
        ("/agent-block-list", "post"),
        ("/agent-block-list", "delete"),
        ("/get-agents", "post"),
    }


@pytest.mark.parametrize(
    ("service", "paths", "server"),
    [
        (
            "walead",
            [
                "/v1/blocked-leads",
                "/v1/campaigns/{campaignId}",
                "/v1/campaigns/{campaignId}/blocked-leads",
                "/v1/campaigns/{campaignId}/activate",
                "/v1/campaigns/{campaignId}/pause",
                "/v1/conversations",
                "/v1/zapier/hooks/subscribe",
                "/v1/zapier/hooks/unsubscribe",
                "/v1/hooks/list",
            ],
            "https://app-api.walead.ai/api",
        ),
        ("phonely", ["/agent-block-list", "/get-agents"], "https://app.phonely.ai/api"),
    ],
)
def test_the_contract_of_one_service_stands_alone(service: str, paths: list[str], server: str):
    document = openapi(service)

    assert list(document["paths"]) == paths  # type: ignore[call-overload]  # an object
    assert document["servers"] == [{"url": server}]


def test_a_service_that_is_none_has_no_contract():
    with pytest.raises(BadSetting, match="there is no service 'walled'; known are walead, phonely"):
        openapi("walled")


def test_every_reference_leads_somewhere():
    document = openapi()
    for part in parts(document):
        if isinstance(part, dict) and "$ref" in part:
            found: object = document
            for name in part["$ref"].removeprefix("#/").split("/"):
                assert isinstance(found, dict)
                found = found[name]


def test_what_nobody_knows_is_marked():
    marked = [part for part in parts(openapi()) if isinstance(part, dict) and "x-unknown" in part]

    assert len(marked) > 15
    assert "whether one bad identifier fails the whole call" in orjson.dumps(openapi()).decode()


async def fields(ask: Asker, schema: str, record: dict[str, object]) -> None:
    document = openapi()
    assert isinstance(document["components"], dict)
    assert set(record) == set(document["components"]["schemas"][schema]["required"])


async def test_the_emulator_answers_with_the_fields_of_the_contract(start: Start):
    ask = await start(leads=1)
    await fields(ask, "BlockedLead", (await ask.walead("GET")).json[0])
    await fields(ask, "Blocked", (await ask.block("a")).json)
    await fields(ask, "Unblocked", (await ask.walead("DELETE", json=[])).json)
    campaign = "/v1/campaigns/c/blocked-leads"
    await fields(ask, "Blocked", (await ask.walead("POST", campaign, json={"publicIdentifiers": ["a"]})).json)
    await fields(ask, "CampaignBlockedLead", (await ask.walead("GET", campaign)).json[0])
    await fields(ask, "Campaign", (await ask.walead("GET", "/v1/campaigns/c")).json)
    await ask.phonely("POST", json={"uid": "u", "agentId": "A", "numbers": ["+14155550123"]})
    await fields(ask, "Agent", (await ask.phonely("POST", "/get-agents", json={"uid": "u"})).json[0])
