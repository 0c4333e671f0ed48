"""The voice agents of a user, as an emulator lists them and as services may that do otherwise."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from scripted import QUICK, ScriptedServer, answer, answers

from walead_async import (
    AgentInfo,
    AuthenticationError,
    InvalidInputError,
    PermissionDeniedError,
    UnexpectedResponseError,
    VoiceAgentSession,
)
from walead_async.testing import Emulator, Settings

KEY = "pk_secret_123"
NUMBER = "+14155550123"


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator(settings=Settings(agents=("desk", "night"))) as running:
        yield running


def opened(emulator: Emulator, uid: str | None = None) -> VoiceAgentSession:
    return VoiceAgentSession(emulator.api_key, uid=uid or emulator.uid, base_url=emulator.phonely_url)


async def test_the_agents_of_a_user_are_listed_in_the_order_of_the_service(emulator: Emulator) -> None:
    async with opened(emulator) as phones:
        assert await phones.agents() == [
            AgentInfo("desk", "Agent desk", "+14155550001", "US"),
            AgentInfo("night", "Agent night", "+14155550002", "US"),
        ]
    (request,) = emulator.requests
    assert (request.method, request.path, request.body) == ("POST", "/get-agents", {"uid": emulator.uid})


async def test_a_user_may_have_no_agent() -> None:
    async with Emulator() as emulator, opened(emulator) as phones:
        assert await phones.agents() == []


async def test_agents_are_read_by_the_schema_of_the_vendors_file_too() -> None:
    settings = Settings(agents=("desk",), agents_as_orgs=True)
    async with Emulator(settings=settings) as emulator, opened(emulator) as phones:
        (agent,) = await phones.agents()
        assert agent == AgentInfo("desk", "Agent desk", None, None)
        await phones.agent(agent.id).block_list.block([NUMBER])
        assert list(emulator.agents["desk"]) == [NUMBER]


async def test_an_agent_that_is_created_meanwhile_is_listed_by_the_next_call(emulator: Emulator) -> None:
    emulator.drifts.add("#1:create-agent")
    async with opened(emulator) as phones:
        first, second = await phones.agents(), await phones.agents()
    assert [agent.id for agent in first] == ["desk", "night"]
    assert second[:2] == first
    assert len(second) == 3


@pytest.mark.parametrize(("status", "error"), [(401, AuthenticationError), (403, PermissionDeniedError)])
async def test_an_agent_is_listed_whose_block_list_may_not_be_read(status: int, error: type[Exception]) -> None:
    settings = Settings(agents=("desk", "night"), agents_without_access=("night",), no_access_status=status)
    async with Emulator(settings=settings) as emulator, opened(emulator) as phones:
        desk, night = [phones.agent(agent.id).block_list for agent in await phones.agents()]
        await desk.block([NUMBER])
        with pytest.raises(error):
            await night.list().collect()
        with pytest.raises(error):
            await night.block([NUMBER])
        assert await desk.list().collect() == [NUMBER]


async def test_the_list_of_one_agent_is_not_that_of_another(emulator: Emulator) -> None:
    async with opened(emulator) as phones:
        desk, night = [phones.agent(agent.id).block_list for agent in await phones.agents()]
        await desk.block([NUMBER, "+14155550124"])
        await night.block([NUMBER])
        await desk.unblock([NUMBER])
        assert await desk.list().collect() == ["+14155550124"]
        assert await night.list().collect() == [NUMBER]


async def test_another_users_agents_and_a_wrong_key_are_told(emulator: Emulator) -> None:
    emulator.settings = Settings(users=(emulator.uid,))
    async with opened(emulator, uid="somebody-else") as phones:
        with pytest.raises(AuthenticationError):
            await phones.agents()
    async with VoiceAgentSession("another", uid=emulator.uid, base_url=emulator.phonely_url) as phones:
        with pytest.raises(AuthenticationError):
            await phones.agents()


async def test_a_failure_of_the_service_is_tried_again_although_the_question_is_a_post() -> None:
    script = answers(answer(b"", status="503 Not Now"), answer(b'[{"agentId": "a", "name": null}]'))
    async with (
        ScriptedServer(script) as server,
        VoiceAgentSession(KEY, uid="u", base_url=server.url, retry=QUICK) as phones,
    ):
        assert await phones.agents() == [AgentInfo("a", None, None, None)]
    assert [(seen.method, seen.target, seen.body) for seen in server.seen] == [
        ("POST", "/get-agents", b'{"uid":"u"}')
    ] * 2


@pytest.mark.parametrize("body", [b"", b"{}", b"<html>", b"[[]]", b'[{"name": "Desk"}]', b"null"])
async def test_an_answer_that_is_no_list_of_agents_is_never_an_empty_list(body: bytes) -> None:
    async with (
        ScriptedServer(answers(answer(body))) as server,
        VoiceAgentSession(KEY, uid="u", base_url=server.url, retry=QUICK) as phones,
    ):
        with pytest.raises(UnexpectedResponseError):
            await phones.agents()
    assert len(server.seen) == 1


@pytest.mark.parametrize("name", ["all", "ALL", "All"])
async def test_all_is_no_agent(emulator: Emulator, name: str) -> None:
    async with opened(emulator) as phones:
        with pytest.raises(InvalidInputError, match="'all' is no agent: give the id of one, which agents\\(\\) lists"):
            phones.agent(name)
    assert emulator.requests == []
