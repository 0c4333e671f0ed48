"""Answers that prove nothing, and records and numbers that are not what they seem, through a real session."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from walead_async import AsyncSession, BlockedLead, RetryPolicy, Status, VoiceAgentSession

if TYPE_CHECKING:
    from aioresponses import aioresponses

LEADS = "https://app-api.walead.ai/api/v1/blocked-leads"
NUMBERS = "https://app.phonely.ai/api/agent-block-list"
ONCE = RetryPolicy.never()
ANN = BlockedLead("r1", "ann", None, datetime(2025, 1, 1, tzinfo=UTC), "w")
BOB = BlockedLead("r1", "bob", None, datetime(2025, 1, 2, tzinfo=UTC), "w")
ANN_AGAIN = BlockedLead("r1", "ann", None, datetime(2025, 1, 3, tzinfo=UTC), "w")


def record(lead: BlockedLead) -> dict[str, object]:
    return {
        "id": lead.id,
        "publicIdentifier": lead.public_identifier,
        "reason": lead.reason,
        "createdAt": lead.created_at.isoformat(),
        "workspaceId": lead.workspace_id,
    }


def listing(mocked: aioresponses, *leads: BlockedLead) -> None:
    """The list holds these, whenever it is read, from whatever offset and either side."""
    for sort, ordered in (("ASC", leads), ("DESC", leads[::-1])):
        for offset in range(4):
            rest = [record(lead) for lead in ordered[offset:]]
            mocked.get(f"{LEADS}?sort={sort}&offset={offset}", payload=rest, repeat=True)


def sent(mocked: aioresponses, method: str) -> int:
    return sum(len(calls) for (verb, _), calls in mocked.requests.items() if verb == method)


@pytest.mark.parametrize("somebody", [BOB, ANN_AGAIN])
async def test_another_record_under_the_id_is_somebody_elses_and_is_left_alone(
    mocked: aioresponses, somebody: BlockedLead
) -> None:
    mocked.delete(LEADS, status=504)
    listing(mocked, somebody)
    async with AsyncSession("k") as session:
        report = await session.blocked_leads.unblock([ANN])
    assert report.outcomes[0].status is Status.DONE
    assert sent(mocked, "DELETE") == 1


async def test_our_record_that_is_still_there_is_asked_to_be_removed_again(mocked: aioresponses) -> None:
    mocked.delete(LEADS, status=504)
    mocked.delete(LEADS, payload={"success": True, "message": "", "unblocked": 1})
    listing(mocked, ANN)
    async with AsyncSession("k") as session:
        report = await session.blocked_leads.unblock([ANN])
    assert report.outcomes[0].status is Status.DONE
    assert sent(mocked, "DELETE") == 2


@pytest.mark.parametrize("listed", [True, False])
async def test_a_404_that_is_no_json_is_a_gateways_and_the_list_is_asked(mocked: aioresponses, listed: bool) -> None:
    mocked.delete(LEADS, status=404, body="<html>no route</html>", content_type="text/html")
    listing(mocked, *([ANN] if listed else []))
    async with AsyncSession("k") as session:
        report = await session.blocked_leads.unblock(["r1"], check=False)
    assert report.outcomes[0].status is (Status.REFUSED if listed else Status.ALREADY)


async def test_a_404_of_the_service_as_the_first_answer_is_believed(mocked: aioresponses) -> None:
    mocked.delete(LEADS, status=404, payload={"message": "no such record"})
    async with AsyncSession("k") as session:
        report = await session.blocked_leads.unblock(["r1"])
    assert report.outcomes[0].status is Status.ALREADY
    assert sent(mocked, "GET") == 0


async def test_a_404_after_a_502_that_did_nothing_is_not_believed(mocked: aioresponses) -> None:
    mocked.delete(LEADS, status=502)
    mocked.delete(LEADS, status=404, payload={"message": "no such record"})
    listing(mocked, ANN)
    async with AsyncSession("k") as session:
        report = await session.blocked_leads.unblock(["r1"], check=False)
    # the 502 may have been carried out, and a list that lags would look the same
    assert report.outcomes[0].status is Status.UNKNOWN


@pytest.mark.parametrize("status", [302, 304, 307])
@pytest.mark.parametrize("done", [True, False])
async def test_a_redirect_of_a_change_proves_nothing(mocked: aioresponses, status: int, done: bool) -> None:
    mocked.delete(LEADS, status=status, headers={"Location": "https://elsewhere.example"}, repeat=True)
    listing(mocked, *([] if done else [ANN]))
    async with AsyncSession("k", retry=ONCE) as session:
        report = await session.blocked_leads.unblock(["r1"], check=False)
    assert report.outcomes[0].status is (Status.DONE if done else Status.UNKNOWN)


@pytest.mark.parametrize("written", ["+14155550123", "14155550123", "+1 (415) 555-0123"])
async def test_a_list_that_writes_numbers_in_another_way_is_read_right(mocked: aioresponses, written: str) -> None:
    mocked.post(NUMBERS, payload={"message": "done"})
    mocked.get(f"{NUMBERS}?uid=u&agentId=a", payload={"blockList": [written]})
    async with VoiceAgentSession("k", uid="u") as phones:
        report = await phones.agent("a").block_list.block(["+14155550123"])
    assert report.outcomes[0].status is Status.DONE
    assert sent(mocked, "POST") == 1


@pytest.mark.parametrize("written", ["+14155550123", "14155550123", "(1415) 555 0123"])
async def test_an_answer_that_writes_numbers_in_another_way_names_them(mocked: aioresponses, written: str) -> None:
    mocked.delete(NUMBERS, payload={"message": "done", "removed": [written], "failed": []})
    async with VoiceAgentSession("k", uid="u") as phones:
        report = await phones.agent("a").block_list.unblock(["+14155550123"])
    assert report.outcomes[0].status is Status.DONE


@pytest.mark.parametrize("spelt", ["+14155550123", "14155550123"])
async def test_a_number_that_failed_is_not_done_although_it_is_among_those_added(
    mocked: aioresponses, spelt: str
) -> None:
    failed = [{"number": "+14155550123", "reason": "Invalid phone number format"}]
    mocked.post(NUMBERS, payload={"message": "done", "added": [spelt], "failed": failed})
    async with VoiceAgentSession("k", uid="u") as phones:
        report = await phones.agent("a").block_list.block(["+14155550123"], check=False)
    assert report.outcomes[0].status is Status.REFUSED
