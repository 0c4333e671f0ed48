"""What the watch over our client's requests would catch."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
import pytest
from contract_watch import Contract, Watch
from multidict import MultiDict

from walead_async.testing import LoggedRequest, Service

LIST = "/v1/blocked-leads"
CAMPAIGN = "/v1/campaigns/C 1/blocked-leads"


def asked(
    method: str,
    path: str = LIST,
    body: object = None,
    *,
    query: Mapping[str, str] | None = None,
    service: Service = Service.WALEAD,
    agent: str = "walead_async/1",
) -> LoggedRequest:
    headers = {"content-type": "application/json", "user-agent": agent}
    raw_body = b"" if body is None else orjson.dumps(body)
    return LoggedRequest(service, method, path, query or {}, headers, authorized=True, raw_body=raw_body)


@pytest.fixture(scope="module")
def contract() -> Contract:
    return Contract()


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("listBlockedLeads", asked("GET", query={"sort": "ASC", "offset": "0", "search": "jürgen & co"})),
        ("blockLeads", asked("POST", body={"leads": [{"publicIdentifier": "a", "reason": "asked"}]})),
        ("unblockLeads", asked("DELETE", body=["1", "2"])),
        ("getCampaign", asked("GET", "/v1/campaigns/C 1")),
        ("listCampaignBlockedLeads", asked("GET", CAMPAIGN, query={"skip": "0", "take": "100"})),
        ("blockLeadsInCampaign", asked("POST", CAMPAIGN, {"publicIdentifiers": ["a"]})),
        ("pauseCampaign", asked("PUT", "/v1/campaigns/C 1/pause")),
        ("listConversations", asked("GET", "/v1/conversations", query={"page": "1"})),
        ("unsubscribeHook", asked("DELETE", "/v1/zapier/hooks/unsubscribe", {"url": "https://a.example", "type": "x"})),
        ("listAgents", asked("POST", "/get-agents", {"uid": "U"}, service=Service.PHONELY)),
    ],
)
def test_what_the_file_names_stands_in_it(contract: Contract, operation: str, request_: LoggedRequest) -> None:
    found = contract.operation_of(request_)
    assert found is not None
    assert found["operationId"] == operation
    assert contract.problem_of(request_) is None


@pytest.mark.parametrize(
    ("words", "request_"),
    [
        ("no such operation", asked("GET", "/v1/blocked-lead")),
        ("no such operation", asked("PUT")),
        ("no such operation", asked("GET", service=Service.PHONELY)),
        ("no such operation", asked("GET", "/v1/campaigns/a/b/blocked-leads")),
        ("['ofset'] are not in the file", asked("GET", query={"ofset": "1"})),
        ("given twice", asked("GET", query=MultiDict([("offset", "1"), ("offset", "2")]))),
        ("offset", asked("GET", query={"offset": "-1"})),
        ("offset", asked("GET", query={"offset": "many"})),
        ("sort", asked("GET", query={"sort": "asc"})),
        ("take", asked("GET", CAMPAIGN, query={"take": "101"})),
        ("no such operation", asked("POST", "/v1/campaigns/C 1")),
        ("['take'] are not in the file", asked("GET", "/v1/campaigns/C 1", query={"take": "1"})),
        ("uid", asked("GET", "/agent-block-list", query={"agentId": "A"}, service=Service.PHONELY)),
        ("required property", asked("POST", "/get-agents", {}, service=Service.PHONELY)),
        ("unexpected", asked("POST", "/get-agents", {"uid": "U", "agentId": "A"}, service=Service.PHONELY)),
        ("page", asked("GET", "/v1/conversations", query={"page": "0"})),
        ("required property", asked("POST", "/v1/zapier/hooks/subscribe", {"url": "https://a.example"})),
        ("takes no body", asked("GET", body=[])),
        ("body", asked("POST")),
        ("non-empty", asked("POST", body={"leads": []})),
        ("required property", asked("POST", body={"leads": [{"reason": "asked"}]})),
        ("not of type 'string'", asked("POST", body={"leads": [{"publicIdentifier": "a", "reason": None}]})),
        ("unexpected", asked("POST", body={"leads": [{"publicIdentifier": "a", "note": "b"}]})),
        ("unexpected", asked("POST", body={"leads": [{"publicIdentifier": "a"}], "reason": "asked"})),
        ("not of type 'string'", asked("DELETE", body=[1])),
        ("not of type 'array'", asked("DELETE", body={"ids": ["1"]})),
    ],
)
def test_what_the_file_does_not_allow_is_told(contract: Contract, words: str, request_: LoggedRequest) -> None:
    assert words in (contract.problem_of(request_) or "")


def test_only_requests_of_our_client_are_looked_at() -> None:
    watch = Watch()
    watch.look_at([asked("PUT"), asked("PUT", agent="Python/3.11 aiohttp/3"), asked("GET"), asked("GET")])
    assert len(watch.problems) == 1
    assert dict(watch.seen) == {"listBlockedLeads": 1}
