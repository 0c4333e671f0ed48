from __future__ import annotations

from pathlib import Path

import pytest
from asking import Start

from walead_async.testing import Settings, openapi
from walead_async.testing.control import CALLS


async def test_health_needs_no_key(start: Start):
    ask = await start(leads=2)

    assert (await ask.control("GET", "/health")).json == {"status": "ok", "leads": 2}


async def test_settings_are_read_and_changed_by_name(start: Start):
    ask = await start(leads=5)
    changed = await ask.control("PUT", "/settings", json={"page_size": 2, "reblock": "renews"})

    assert changed.json == (await ask.control("GET", "/settings")).json
    assert (changed.json["page_size"], changed.json["reblock"], changed.json["ties"]) == (2, "renews", 1)
    assert len((await ask.walead("GET")).json) == 2


async def test_faults_are_added_counted_and_cleared(start: Start):
    ask = await start()
    await ask.control("POST", "/faults", json={"faults": ["GET#2:status=503"]})
    statuses = [(await ask.walead("GET")).status for _ in range(3)]

    assert statuses == [200, 503, 200]
    assert (await ask.control("GET", "/faults")).json == [{"fault": "GET #2:status=503", "seen": 3, "fired": 1}]
    assert (await ask.control("DELETE", "/faults")).json == []


async def test_drifts_are_added_counted_and_cleared(start: Start):
    ask = await start(leads=3)
    await ask.control("POST", "/drifts", json={"drifts": ["remove-oldest"]})
    await ask.walead("GET")

    assert (await ask.control("GET", "/drifts")).json == [{"drift": "remove-oldest", "seen": 1, "fired": 1}]
    assert (await ask.control("DELETE", "/drifts")).json == []
    assert len(ask.emulator.blocked_leads) == 2


async def test_leads_are_added_by_number_by_name_and_as_records(start: Start):
    ask = await start()
    record = {"publicIdentifier": "b", "reason": "asked", "createdAt": "2020-01-01T00:00:00+00:00"}
    await ask.control("POST", "/leads", json={"leads": 1})
    answer = await ask.control("POST", "/leads", json={"leads": ["a", record]})
    leads = list(ask.emulator.blocked_leads)

    assert [lead.public_identifier for lead in leads] == ["b", "lead-0000001", "a"]
    assert leads[0].reason == "asked"
    assert answer.json == {"ids": [leads[2].id, leads[0].id]}
    assert (await ask.control("DELETE", "/leads")).json == {"ids": []}
    assert len(ask.emulator.blocked_leads) == 0


async def test_requests_are_told_without_the_key(start: Start):
    ask = await start()
    await ask.block("a")
    (entry,) = (await ask.control("GET", "/requests")).json

    assert (entry["service"], entry["method"], entry["status"]) == ("walead", "POST", 200)
    assert entry["body"] == {"leads": [{"publicIdentifier": "a"}]}
    assert "x-api-key" not in entry["headers"]
    assert (await ask.control("DELETE", "/requests")).json == []
    assert ask.emulator.requests == []


async def test_the_whole_state_is_told(start: Start):
    ask = await start(leads=1)
    await ask.walead("POST", "/v1/campaigns/c/blocked-leads", json={"publicIdentifiers": ["a"]})
    state = (await ask.control("GET", "/state")).json

    assert state["leads"]["records"][0][1]["publicIdentifier"] == "lead-0000001"
    assert state["campaigns"]["c"]["records"][0][1]["publicIdentifier"] == "a"


async def test_everything_is_forgotten_at_once(start: Start):
    ask = await start(leads=5, settings=Settings(page_size=4), faults=["POST:hang"], drifts=["reblock"])
    await ask.control("PUT", "/settings", json={"page_size": 1})
    await ask.walead("GET")
    await ask.control("DELETE", "")
    emulator = ask.emulator

    assert len(emulator.blocked_leads) == len(emulator.faults) == len(emulator.drifts) == len(emulator.requests) == 0
    assert emulator.settings == Settings(page_size=4)


@pytest.mark.parametrize(
    ("method", "path", "body", "said"),
    [
        ("PUT", "/settings", {"pages": 1}, "there is no setting 'pages'"),
        ("PUT", "/settings", [], "an object of settings"),
        ("PUT", "/settings", None, "the body is not JSON"),
        ("POST", "/faults", {"faults": ["wobble"]}, "there is no fault 'wobble'"),
        ("POST", "/faults", {"faults": "close"}, "with a list of texts is needed"),
        ("POST", "/drifts", {"drifts": ["wobble"]}, "there is no drift 'wobble'"),
        ("POST", "/leads", {"leads": -1}, "leads takes a number"),
        ("POST", "/leads", {"leads": [{}]}, "a lead is"),
        ("POST", "/leads", {"leads": [{"publicIdentifier": "a", "createdAt": "soon"}]}, "takes an ISO 8601 time"),
        ("POST", "/leads", {"leads": [{"publicIdentifier": "a", "createdAt": "2020-01-01"}]}, "needs an offset"),
    ],
)
async def test_a_wrong_wish_is_a_400_that_says_why(start: Start, method: str, path: str, body: object, said: str):
    ask = await start()
    answer = await ask.control(method, path, json=body)

    assert answer.status == 400
    assert said in answer.json["error"]
    assert len(ask.emulator.blocked_leads) == len(ask.emulator.faults) == 0


async def test_an_unknown_address_and_a_wrong_method_say_what_there_is(start: Start):
    ask = await start()
    unknown, wrong = await ask.control("GET", "/fault"), await ask.control("PUT", "/faults")

    assert (unknown.status, wrong.status, wrong.headers["Allow"]) == (404, 405, "DELETE,GET,POST")
    assert unknown.json["error"].startswith("there is no /fault below the control address, but /health, /settings,")
    assert wrong.json["error"] == "PUT is not allowed here, but DELETE,GET,POST"


@pytest.mark.parametrize("path", ["", "/"])
async def test_the_address_itself_says_what_there_is(start: Start, path: str):
    there = (await (await start()).control("GET", path)).json

    assert there["/"] == ["GET", "DELETE"]
    assert there["/faults"] == ["GET", "POST", "DELETE"]
    assert there["/openapi.json"] == ["GET"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
async def test_a_web_page_cannot_drive_it(start: Start, headers: dict[str, str]):
    ask = await start(leads=1)

    assert (await ask.control("DELETE", "", headers=headers)).status == 403
    assert len(ask.emulator.blocked_leads) == 1


@pytest.mark.parametrize("path", sorted({path for _, path in CALLS}))
def test_the_page_tells_of_every_address_below_it(path: str):
    page = (Path(__file__).parents[2] / "docs" / "reference" / "testing.md").read_text(encoding="utf-8")
    assert f"| `{path or '/'}` |" in page


async def test_its_own_origin_may(start: Start):
    ask = await start()
    origin = f"http://127.0.0.1:{ask.emulator.port}"

    assert (await ask.control("GET", "/health", headers={"Origin": origin})).status == 200


async def test_the_contract_is_served_with_its_own_addresses(start: Start):
    ask = await start()
    served = (await ask.control("GET", "/openapi.json")).json
    shipped = openapi()

    assert served["paths"]["/v1/blocked-leads"]["servers"] == [{"url": ask.emulator.walead_url}]
    assert served["paths"]["/agent-block-list"]["servers"] == [{"url": ask.emulator.phonely_url}]
    assert served["components"] == shipped["components"]
