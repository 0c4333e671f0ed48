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


@pytest.mark.parametrize("count", [1, 3])
async def test_of_a_number_without_its_country_code_it_is_told(mocked: aioresponses, count: int) -> None:
    sent = [f"04155550{number}" for number in range(100, 100 + count)]
    mocked.post(URL, payload={"message": "ok", "added": sent, "failed": []})
    async with VoiceAgentSession("k", uid="u") as phones:
        report = await phones.agent("a").block_list.block([*sent, NUMBER], check=False, verify="never")
    *national, international = report.outcomes
    assert {(outcome.status, outcome.detail) for outcome in national} == {(Status.DONE, "not in international form")}
    assert "international" not in (international.detail or "")


async def test_it_is_told_with_what_else_there_is_to_say_but_not_of_what_was_not_sent(mocked: aioresponses) -> None:
    failed = [
        {"number": "0415555012", "reason": "Number already in block list"},
        {"number": "112", "reason": "Invalid phone number format"},
    ]
    mocked.post(URL, payload={"message": "no", "added": [], "failed": failed})
    async with VoiceAgentSession("k", uid="u") as phones:
        given = ["0415555012", "112", "0415 555 012", "nobody"]
        report = await phones.agent("a").block_list.block(given, check=False)
    already, refused, duplicate, invalid = report.outcomes
    assert (already.status, already.detail) == (
        Status.ALREADY,
        "Number already in block list; not in international form",
    )
    assert refused.status is Status.REFUSED
    assert (refused.detail or "").endswith("Invalid phone number format; not in international form")
    assert (duplicate.status, invalid.status) == (Status.DUPLICATE, Status.INVALID)
    assert not any("international" in (outcome.detail or "") for outcome in (duplicate, invalid))


async def test_a_stream_tells_of_it_too(mocked: aioresponses) -> None:
    mocked.delete(URL, payload={"message": "ok", "removed": ["0415555012"], "failed": []})
    async with VoiceAgentSession("k", uid="u") as phones:
        outcomes = [outcome async for outcome in phones.agent("a").block_list.unblock_stream(["0415555012"])]
    assert [outcome.detail for outcome in outcomes] == ["not in international form"]
