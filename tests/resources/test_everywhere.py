"""Blocking in every agent of a user: what is said of each number, whatever the agents do meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from scripted import QUICK

from walead_async import (
    AuthenticationError,
    BulkFailedError,
    InvalidInputError,
    PermissionDeniedError,
    ResponseReceived,
    RetryPolicy,
    ServerError,
    SourceError,
    Status,
    UnexpectedResponseError,
    VoiceAgentSession,
    WaleadError,
)
from walead_async.models import Row
from walead_async.testing import Emulator, NumberSpelling, Settings

TEN = tuple(f"agent-{number}" for number in range(10))
NUMBERS = ["+14155550101", "+14155550102", "+14155550103"]


def opened(emulator: Emulator, retry: RetryPolicy = QUICK, **options: Any) -> VoiceAgentSession:
    return VoiceAgentSession(emulator.api_key, uid=emulator.uid, base_url=emulator.phonely_url, retry=retry, **options)


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator(settings=Settings(agents=TEN)) as running:
        yield running


@pytest.fixture
async def phones(emulator: Emulator) -> AsyncIterator[VoiceAgentSession]:
    async with opened(emulator) as session:
        yield session


def held(emulator: Emulator) -> dict[str, list[str]]:
    return {agent: list(numbers) for agent, numbers in emulator.agents.items()}


def asked(emulator: Emulator) -> list[str]:
    return [f"{request.method} {request.path}" for request in emulator.requests]


async def test_every_agent_holds_every_number(emulator: Emulator, phones: VoiceAgentSession) -> None:
    report = await phones.everywhere.block(NUMBERS)
    assert [outcome.status for outcome in report.outcomes] == [Status.DONE] * 3
    assert [(outcome.item, outcome.key) for outcome in report.outcomes] == list(zip(NUMBERS, NUMBERS, strict=True))
    assert held(emulator) == dict.fromkeys(TEN, NUMBERS)
    posts = asked(emulator)
    assert (posts[0], posts[-1]) == ("POST /get-agents", "POST /get-agents")
    assert posts[1:-1] == ["POST /agent-block-list"] * 10


async def test_a_number_is_already_there_only_if_every_agent_held_it(
    emulator: Emulator, phones: VoiceAgentSession
) -> None:
    for agent in TEN:
        emulator.agents[agent] = dict.fromkeys(NUMBERS[:2])
    del emulator.agents[TEN[3]][NUMBERS[1]]
    report = await phones.everywhere.block(NUMBERS)
    assert [outcome.status for outcome in report.outcomes] == [Status.ALREADY, Status.DONE, Status.DONE]
    assert report.outcomes[0].detail == "was blocked in every agent before"
    assert {frozenset(numbers) for numbers in held(emulator).values()} == {frozenset(NUMBERS)}


async def test_ten_agents_one_created_in_the_middle_and_one_without_access() -> None:
    settings = Settings(agents=TEN, agents_without_access=(TEN[4],))
    async with Emulator(settings=settings, drifts=["#1:create-agent"]) as emulator, opened(emulator) as phones:
        report = await phones.everywhere.block([*NUMBERS, NUMBERS[0], "call me"], check=False)
        agents = [agent.id for agent in await phones.agents()]
        created = next(agent for agent in agents if agent not in TEN)
    statuses = [outcome.status for outcome in report.outcomes]
    assert statuses == [*[Status.REFUSED] * 3, Status.DUPLICATE, Status.INVALID]
    for outcome in report.outcomes[:3]:
        assert outcome.detail is not None
        assert outcome.detail.startswith("1 of 11 agents do not hold it: agent-4 (Agent agent-4): ")
        assert "Insufficient permissions" in outcome.detail
        assert isinstance(outcome.error, AuthenticationError)
        assert [agent for agent in agents if agent in outcome.detail.split()] == [TEN[4]]
    assert held(emulator) == dict.fromkeys([agent for agent in agents if agent != TEN[4]], NUMBERS)
    assert created in held(emulator)


async def test_an_agent_without_access_is_told_with_403_too() -> None:
    settings = Settings(agents=TEN[:2], agents_without_access=(TEN[1],), no_access_status=403)
    async with Emulator(settings=settings) as emulator, opened(emulator) as phones:
        with pytest.raises(BulkFailedError, match="1 of 2 agents do not hold it: agent-1") as caught:
            await phones.everywhere.block(NUMBERS[:1])
    assert isinstance(caught.value.report.outcomes[0].error, PermissionDeniedError)
    assert held(emulator) == {TEN[0]: NUMBERS[:1]}


async def test_agents_that_are_created_for_ever_are_named_in_the_end(emulator: Emulator) -> None:
    emulator.drifts.add("create-agent")
    async with opened(emulator) as phones:
        report = await phones.everywhere.block(NUMBERS, check=False)
    last = list(emulator.agents)[-2]
    for outcome in report.outcomes:
        assert outcome.status is Status.NOT_SENT
        assert f"{last} (Agent {last}): the agent was created while" in (outcome.detail or "")
    assert len(emulator.requests) < 30
    holding = [agent for agent, numbers in held(emulator).items() if numbers == NUMBERS]
    assert set(holding) >= set(TEN)
    assert len(holding) == len(emulator.agents) - 2


async def test_an_agent_that_is_deleted_meanwhile_is_not_missed(emulator: Emulator) -> None:
    def delete_the_first(event: object) -> None:
        if isinstance(event, ResponseReceived) and event.path == "/get-agents":
            emulator.settings = Settings(agents=TEN[1:])

    async with opened(emulator, hooks=[delete_the_first]) as phones:
        report = await phones.everywhere.block(NUMBERS)
    assert report.counts[Status.DONE] == 3
    assert held(emulator) == dict.fromkeys(TEN[1:], NUMBERS)
    assert [request.status for request in emulator.requests].count(404) == 1


async def test_without_an_agent_numbers_are_refused() -> None:
    async with Emulator() as emulator, opened(emulator) as phones:
        report = await phones.everywhere.block([*NUMBERS, "call me"], check=False)
        assert [outcome.status for outcome in report.outcomes] == [*[Status.REFUSED] * 3, Status.INVALID]
        assert "the user has no voice agent" in (report.outcomes[0].detail or "")
        with pytest.raises(BulkFailedError, match="no voice agent"):
            await phones.everywhere.block(NUMBERS)
    assert held(emulator) == {}


@pytest.mark.parametrize("check", [True, False])
async def test_agents_that_cannot_be_listed_are_the_error_and_nothing_is_sent(emulator: Emulator, check: bool) -> None:
    emulator.faults.add("POST /get-agents:status=500")
    async with opened(emulator) as phones:
        with pytest.raises(ServerError) as caught:
            await phones.everywhere.block([*NUMBERS, "call me"], check=check)
    assert caught.value.report is not None
    statuses = [outcome.status for outcome in caught.value.report.outcomes]
    assert statuses == [*[Status.NOT_SENT] * 3, Status.INVALID]
    assert set(asked(emulator)) == {"POST /get-agents"}


async def test_a_last_listing_that_fails_leaves_it_open_whether_all_hold_it(emulator: Emulator) -> None:
    emulator.faults.add("POST /get-agents#2-:status=500")
    async with opened(emulator) as phones:
        with pytest.raises(ServerError) as caught:
            await phones.everywhere.block(NUMBERS)
        report = caught.value.report
        assert report is not None
        assert [outcome.status for outcome in report.outcomes] == [Status.UNKNOWN] * 3
        assert "whether there are others by now is unknown" in (report.outcomes[0].detail or "")
        assert report.outcomes[0].error is caught.value
    assert held(emulator) == dict.fromkeys(TEN, NUMBERS)


async def test_unchecked_the_report_comes_back_although_the_last_listing_failed(emulator: Emulator) -> None:
    emulator.faults.add("POST /get-agents#2-:status=500")
    async with opened(emulator) as phones:
        report = await phones.everywhere.block(NUMBERS, check=False)
    assert [outcome.status for outcome in report.outcomes] == [Status.UNKNOWN] * 3


async def test_a_number_that_the_service_refuses_is_refused_and_the_others_are_done(
    emulator: Emulator, phones: VoiceAgentSession
) -> None:
    report = await phones.everywhere.block([NUMBERS[0], "112", NUMBERS[1]], check=False)
    assert [outcome.status for outcome in report.outcomes] == [Status.DONE, Status.REFUSED, Status.DONE]
    assert "10 of 10 agents do not hold it" in (report.outcomes[1].detail or "")
    assert (report.outcomes[1].detail or "").count("not in international form") == 1
    assert "Invalid phone number format" in (report.outcomes[1].detail or "")


async def test_what_one_agent_leaves_open_is_unknown(emulator: Emulator) -> None:
    emulator.faults.add("POST /agent-block-list#3:apply-then-close")
    async with opened(emulator, RetryPolicy.never()) as phones:
        report = await phones.everywhere.block(NUMBERS[:1], check=False, verify="never")
    (outcome,) = report.outcomes
    assert outcome.status is Status.UNKNOWN
    assert "1 of 10 agents may lack it: agent-" in (outcome.detail or "")
    async with opened(emulator) as phones:
        assert (await phones.everywhere.block(NUMBERS[:1])).ok


async def test_many_numbers_go_side_by_side_under_the_limit_of_the_session(emulator: Emulator) -> None:
    numbers = [f"+1415{number:07d}" for number in range(400)]
    under_way, most = 0, 0

    def count(event: object) -> None:
        nonlocal under_way, most
        under_way += {"RequestSent": 1, "ResponseReceived": -1}.get(type(event).__name__, 0)
        most = max(most, under_way)

    emulator.settings = Settings(agents=TEN, latency=0.01)
    async with opened(emulator, concurrency=3, hooks=[count]) as phones:
        report = await phones.everywhere.block(numbers, batch_size=100)
    assert report.counts[Status.DONE] == 400
    assert held(emulator) == dict.fromkeys(TEN, numbers)
    assert most == 3


async def test_rows_of_a_file_name_their_lines(phones: VoiceAgentSession) -> None:
    async def rows() -> AsyncIterator[Row]:
        yield Row(2, NUMBERS[0])
        yield Row(3, "x")
        yield Row(4, "a;b", None, "two cells")

    report = await phones.everywhere.block(rows(), check=False)
    assert [(outcome.row, outcome.status) for outcome in report.outcomes] == [
        (2, Status.DONE),
        (3, Status.INVALID),
        (4, Status.INVALID),
    ]


async def test_what_a_source_gave_before_it_broke_is_blocked_and_its_error_raised(
    emulator: Emulator, phones: VoiceAgentSession
) -> None:
    def broken() -> Iterator[str]:
        yield from NUMBERS
        raise SourceError("line 4: an open quote")

    with pytest.raises(SourceError, match="open quote") as caught:
        await phones.everywhere.block(broken(), check=False)
    assert caught.value.report is not None
    assert caught.value.report.counts[Status.DONE] == 3
    assert held(emulator) == dict.fromkeys(TEN, NUMBERS)


async def test_an_empty_input_sends_nothing(emulator: Emulator, phones: VoiceAgentSession) -> None:
    assert (await phones.everywhere.block([])).ok
    report = await phones.everywhere.block(["call me"], check=False)
    assert report.counts[Status.INVALID] == 1
    assert emulator.requests == []


@pytest.mark.parametrize(
    "arguments",
    [{"numbers": NUMBERS[0]}, {"numbers": {}}, {"numbers": 5}, {"batch_size": 0}, {"verify": "perhaps"}],
)
async def test_a_call_that_cannot_be_made_sends_nothing(
    emulator: Emulator, phones: VoiceAgentSession, arguments: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInputError):
        await phones.everywhere.block(**{"numbers": NUMBERS, **arguments})
    assert emulator.requests == []


async def test_another_patience_reaches_everywhere(emulator: Emulator, phones: VoiceAgentSession) -> None:
    assert (await phones.everywhere.missing()).ok
    emulator.faults.add("POST /get-agents:status=500")
    hasty = phones.with_options(retry=RetryPolicy.never())
    before = len(emulator.requests)
    with pytest.raises(ServerError):
        await hasty.everywhere.missing()
    assert len(emulator.requests) == before + 1


async def test_what_some_agent_lacks_is_told_and_mended(emulator: Emulator, phones: VoiceAgentSession) -> None:
    for agent in TEN[:9]:
        emulator.agents[agent] = dict.fromkeys(NUMBERS)
    del emulator.agents[TEN[2]][NUMBERS[1]]
    missing = await phones.everywhere.missing()
    assert {number: [agent.id for agent in agents] for number, agents in missing.numbers.items()} == {
        NUMBERS[0]: [TEN[9]],
        NUMBERS[1]: [TEN[2], TEN[9]],
        NUMBERS[2]: [TEN[9]],
    }
    assert (missing.ok, missing.unread) == (False, {})
    assert (await phones.everywhere.block(missing.numbers.keys())).ok
    assert (await phones.everywhere.missing()).ok


async def test_numbers_that_are_listed_in_another_spelling_are_not_missing(emulator: Emulator) -> None:
    for agent in TEN:
        emulator.agents[agent] = dict.fromkeys(NUMBERS)
    emulator.agents[TEN[1]] = dict.fromkeys(["1 (415) 555-0101", "14155550102", "+1 415 555 0103"])
    emulator.agents[TEN[0]] = dict.fromkeys(["14155550101", *NUMBERS[1:], "14155550104"])
    emulator.agents[TEN[5]]["+14155550104"] = None
    async with opened(emulator) as phones:
        missing = await phones.everywhere.missing()
        assert list(missing.numbers) == ["+14155550104"]
        assert len(missing.numbers["+14155550104"]) == 8
        emulator.settings = Settings(agents=TEN, number_spelling=NumberSpelling.BRACKETS)
        assert len((await phones.everywhere.missing()).numbers) == 1


async def test_an_agent_whose_list_may_not_be_read_is_named_and_so_the_comparison_is_not_fine() -> None:
    settings = Settings(agents=TEN[:3], agents_without_access=(TEN[1],))
    async with Emulator(settings=settings) as emulator, opened(emulator) as phones:
        emulator.agents[TEN[0]] = dict.fromkeys(NUMBERS)
        emulator.agents[TEN[2]] = dict.fromkeys(NUMBERS)
        missing = await phones.everywhere.missing()
        assert (missing.ok, missing.numbers, list(missing.unread)) == (False, {}, [TEN[1]])
        assert isinstance(missing.unread[TEN[1]], AuthenticationError)


@pytest.mark.parametrize("without", [TEN, TEN[:1]])
async def test_a_comparison_that_cannot_be_made_is_an_error(without: tuple[str, ...]) -> None:
    settings = Settings(agents=TEN, agents_without_access=without)
    async with Emulator(settings=settings) as emulator, opened(emulator) as phones:
        if without != TEN:
            emulator.faults.add("GET /agent-block-list#2:cut-json")
        with pytest.raises(AuthenticationError if without == TEN else UnexpectedResponseError):
            await phones.everywhere.missing()


async def test_no_agents_are_no_difference() -> None:
    async with Emulator() as emulator, opened(emulator) as phones:
        missing = await phones.everywhere.missing()
    assert (missing.ok, missing.numbers, missing.unread) == (True, {}, {})


async def test_a_wrong_key_is_told(emulator: Emulator) -> None:
    async with VoiceAgentSession("another", uid=emulator.uid, base_url=emulator.phonely_url) as phones:
        for call in (phones.everywhere.missing(), phones.everywhere.block(NUMBERS, check=False)):
            with pytest.raises(WaleadError, match="401"):
                await call
