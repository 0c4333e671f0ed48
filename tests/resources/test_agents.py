"""What the words of a voice agent's block list mean for a number, where the vendor's page has not just these."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from walead_async import Status, VoiceAgentSession

if TYPE_CHECKING:
    from aioresponses import aioresponses

URL = "https://app.phonely.ai/api/agent-block-list"
LIST = f"{URL}?uid=u&agentId=a"
NUMBER = "+14155550123"


def refused(reason: str) -> dict[str, object]:
    return {"message": "no", "added": [], "removed": [], "failed": [{"number": NUMBER, "reason": reason}]}


@pytest.mark.parametrize(
    ("method", "reason", "listed", "status"),
    [
        ("POST", "Block list limit already reached", False, Status.REFUSED),
        ("POST", "The number is blocked already", True, Status.ALREADY),
        ("DELETE", "Agent not found", True, Status.REFUSED),
        ("DELETE", "It was not found among the numbers", False, Status.ALREADY),
    ],
)
async def test_a_refusal_in_doubtful_words_is_looked_up(
    mocked: aioresponses, method: str, reason: str, listed: bool, status: Status
) -> None:
    mocked.add(URL, method, payload=refused(reason))
    mocked.get(LIST, payload={"blockList": [NUMBER] if listed else []})
    async with VoiceAgentSession("k", uid="u") as phones:
        block_list = phones.agent("a").block_list
        change = block_list.block if method == "POST" else block_list.unblock
        report = await change([NUMBER], check=False)
    assert report.outcomes[0].status is status
    assert reason in (report.outcomes[0].detail or "")
    assert [sent for sent, _ in mocked.requests] == [method, "GET"]


async def test_doubtful_words_are_a_refusal_where_nothing_is_looked_up(mocked: aioresponses) -> None:
    mocked.post(URL, payload=refused("Block list limit already reached"))
    async with VoiceAgentSession("k", uid="u") as phones:
        report = await phones.agent("a").block_list.block([NUMBER], verify="never", check=False)
    assert report.outcomes[0].status is Status.REFUSED


@pytest.mark.parametrize("reason", ["number already in block list.", " Number already in block list"])
async def test_the_vendors_words_are_taken_in_any_case(mocked: aioresponses, reason: str) -> None:
    mocked.post(URL, payload=refused(reason))
    async with VoiceAgentSession("k", uid="u") as phones:
        report = await phones.agent("a").block_list.block([NUMBER])
    assert report.outcomes[0].status is Status.ALREADY


async def test_a_number_that_the_service_names_twice_is_listed_once(mocked: aioresponses) -> None:
    mocked.get(LIST, payload={"blockList": [NUMBER, "12", NUMBER]})
    async with VoiceAgentSession("k", uid="u") as phones:
        assert await phones.agent("a").block_list.list().collect() == [NUMBER, "12"]
