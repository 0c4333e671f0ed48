"""What the vendors document: each example request as we send it, each answer as we read it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson
from yarl import URL

from walead_async import (
    AgentInfo,
    AsyncSession,
    BlockedLead,
    CampaignInfo,
    Completeness,
    LeadToBlock,
    Status,
    VoiceAgentSession,
)

if TYPE_CHECKING:
    from aioresponses import aioresponses

WALEAD = "https://app-api.walead.ai/api"
PHONELY = "https://app.phonely.ai/api"
KEY = "YOUR_API_KEY_HERE"


def only_request(mocked: aioresponses, method: str, url: str) -> dict[str, Any]:
    """What was sent in the one request to this URL with its query; no other request went out."""
    (((sent_method, sent_url), (call,)),) = mocked.requests.items()
    assert (sent_method, sent_url.with_query(None)) == (method, URL(url).with_query(None))
    assert dict(sent_url.query) == dict(URL(url).query)
    return call.kwargs


async def test_get_workspace_blocked_leads(mocked: aioresponses) -> None:
    """walead-get-workspace-blocked-leads: GET /v1/blocked-leads; sort, offset and search are optional."""
    record = {
        "id": "<string>",
        "publicIdentifier": "<string>",
        "reason": "<string>",
        "createdAt": "2023-11-07T05:31:56Z",
        "workspaceId": "<string>",
    }
    for offset in range(3):
        url = f"{WALEAD}/v1/blocked-leads?sort=ASC&offset={offset}&search=doe"
        mocked.get(url, payload=[record][offset:], repeat=True)
    async with AsyncSession(KEY) as session:
        listing = session.blocked_leads.list(search="doe")
        leads = await listing.collect()
    moment = datetime(2023, 11, 7, 5, 31, 56, tzinfo=UTC)
    assert leads == [BlockedLead("<string>", "<string>", "<string>", moment, "<string>")]
    assert listing.verdict is Completeness.COMPLETE
    for (method, sent), calls in mocked.requests.items():
        assert (method, sent.with_query(None)) == ("GET", URL(f"{WALEAD}/v1/blocked-leads"))
        assert set(sent.query) == {"sort", "offset", "search"}
        assert (sent.query["sort"], sent.query["search"]) == ("ASC", "doe")
        assert {call.kwargs["headers"]["x-api-key"] for call in calls} == {KEY}
        assert {call.kwargs["data"] for call in calls} == {None}


async def test_post_workspace_blocked_leads(mocked: aioresponses) -> None:
    """walead-post-workspace-blocked-leads: POST /v1/blocked-leads with an array `leads`; `reason` is optional."""
    url = f"{WALEAD}/v1/blocked-leads"
    mocked.post(url, payload={"success": True, "message": "<string>", "blocked": 2})
    async with AsyncSession(KEY) as session:
        report = await session.blocked_leads.block(
            ["https://linkedin.com/in/john-doe", LeadToBlock("jane-smith", "Requested not to be contacted")]
        )
    sent = only_request(mocked, "POST", url)
    assert orjson.loads(sent["data"]) == {
        "leads": [
            {"publicIdentifier": "john-doe"},
            {"publicIdentifier": "jane-smith", "reason": "Requested not to be contacted"},
        ]
    }
    assert sent["headers"]["x-api-key"] == KEY
    assert [(outcome.key, outcome.status) for outcome in report.outcomes] == [
        ("john-doe", Status.DONE),
        ("jane-smith", Status.DONE),
    ]


async def test_delete_workspace_blocked_leads(mocked: aioresponses) -> None:
    """walead-delete-workspace-blocked-leads: DELETE /v1/blocked-leads, whose body is a bare array of record ids."""
    url = f"{WALEAD}/v1/blocked-leads"
    ids = ["blocked-lead-id-1", "blocked-lead-id-2", "blocked-lead-id-3"]
    mocked.delete(url, payload={"success": True, "message": "<string>", "unblocked": 3})
    async with AsyncSession(KEY) as session:
        report = await session.blocked_leads.unblock(ids)
    sent = only_request(mocked, "DELETE", url)
    assert orjson.loads(sent["data"]) == ids
    assert sent["headers"]["x-api-key"] == KEY
    assert report.counts[Status.DONE] == 3
    assert report.ok


async def test_post_campaign_blocked_leads(mocked: aioresponses) -> None:
    """walead-post-campaign-blocked-leads: POST /v1/campaigns/{campaignId}/blocked-leads with `publicIdentifiers`."""
    url = f"{WALEAD}/v1/campaigns/CAMPAIGN_ID/blocked-leads"
    mocked.post(url, payload={"success": True, "message": "<string>", "blocked": 2})
    async with AsyncSession(KEY) as session:
        report = await session.campaign("CAMPAIGN_ID").blocked_leads.block(["john-doe", "jane-smith"])
    sent = only_request(mocked, "POST", url)
    assert orjson.loads(sent["data"]) == {"publicIdentifiers": ["john-doe", "jane-smith"]}
    assert sent["headers"]["x-api-key"] == KEY
    assert report.counts[Status.DONE] == 2


async def test_get_campaign(mocked: aioresponses) -> None:
    """GET /v1/campaigns/{id}, with neither query nor body."""
    url = f"{WALEAD}/v1/campaigns/CAMPAIGN_ID"
    answer = {"id": "CAMPAIGN_ID", "name": "<string>", "status": "<string>", "createdAt": "2026-01-02T03:04:05Z"}
    mocked.get(url, payload=answer)
    async with AsyncSession(KEY) as session:
        info = await session.campaign("CAMPAIGN_ID").get()
    assert info == CampaignInfo("CAMPAIGN_ID", "<string>", "<string>", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    sent = only_request(mocked, "GET", url)
    assert sent["headers"]["x-api-key"] == KEY
    assert sent["data"] is None


async def test_get_agent_block_list(mocked: aioresponses) -> None:
    """voice-agent-block-list: GET /agent-block-list with uid and agentId in the query, and X-Authorization."""
    url = f"{PHONELY}/agent-block-list?uid=USER_ID&agentId=AGENT_ID"
    mocked.get(url, payload={"blockList": ["+1234567890"]})
    async with VoiceAgentSession(KEY, uid="USER_ID") as phones:
        listing = phones.agent("AGENT_ID").block_list.list()
        assert await listing.collect() == ["+1234567890"]
    assert listing.verdict is Completeness.COMPLETE
    sent = only_request(mocked, "GET", url)
    assert sent["headers"]["X-Authorization"] == KEY


async def test_post_agent_block_list(mocked: aioresponses) -> None:
    """voice-agent-block-list: POST /agent-block-list with uid, agentId and numbers; the answer names each number."""
    url = f"{PHONELY}/agent-block-list"
    answer = {
        "message": "<string>",
        "added": ["+1234567890"],
        "failed": [
            {"number": "+1234567891", "reason": "Number already in block list"},
            {"number": "12", "reason": "Invalid phone number format"},
        ],
    }
    mocked.post(url, payload=answer)
    async with VoiceAgentSession(KEY, uid="USER_ID") as phones:
        report = await phones.agent("AGENT_ID").block_list.block(["+1234567890", "+1234567891", "12"], check=False)
    sent = only_request(mocked, "POST", url)
    assert orjson.loads(sent["data"]) == {
        "uid": "USER_ID",
        "agentId": "AGENT_ID",
        "numbers": ["+1234567890", "+1234567891", "12"],
    }
    assert sent["headers"]["X-Authorization"] == KEY
    assert sent["headers"].get("Content-Type", "application/json") == "application/json"
    assert [outcome.status for outcome in report.outcomes] == [Status.DONE, Status.ALREADY, Status.REFUSED]
    assert "Invalid phone number format" in (report.outcomes[2].detail or "")


async def test_delete_agent_block_list(mocked: aioresponses) -> None:
    """voice-agent-block-list: DELETE /agent-block-list with the same body; a missing number was free already."""
    url = f"{PHONELY}/agent-block-list"
    answer = {
        "message": "<string>",
        "removed": ["+1234567890"],
        "failed": [{"number": "+1234567891", "reason": "Number not found in block list"}],
    }
    mocked.delete(url, payload=answer)
    async with VoiceAgentSession(KEY, uid="USER_ID") as phones:
        report = await phones.agent("AGENT_ID").block_list.unblock(["+1234567890", "+1234567891"])
    sent = only_request(mocked, "DELETE", url)
    assert orjson.loads(sent["data"]) == {
        "uid": "USER_ID",
        "agentId": "AGENT_ID",
        "numbers": ["+1234567890", "+1234567891"],
    }
    assert [outcome.status for outcome in report.outcomes] == [Status.DONE, Status.ALREADY]


async def test_get_agents(mocked: aioresponses) -> None:
    """POST /get-agents with the uid as JSON; the answer names each agent."""
    url = f"{PHONELY}/get-agents"
    agent = {
        "uid": "USER_ID",
        "agentId": "AGENT_ID",
        "name": "Front desk",
        "country": "US",
        "businessPhoneNumber": "+1234567890",
    }
    mocked.post(url, payload=[agent])
    async with VoiceAgentSession(KEY, uid="USER_ID") as phones:
        agents = await phones.agents()
    assert agents == [AgentInfo("AGENT_ID", "Front desk", "+1234567890", "US")]
    sent = only_request(mocked, "POST", url)
    assert orjson.loads(sent["data"]) == {"uid": "USER_ID"}
    assert sent["headers"]["X-Authorization"] == KEY
