"""Any other call of the two APIs: what is sent, what comes back, how often it is tried, and which paths are refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted import QUICK, ScriptedServer, answer, answers
from yarl import URL

from walead_async import (
    AsyncSession,
    AuthenticationError,
    DeadlineExceededError,
    InvalidInputError,
    NotFoundError,
    RetryPolicy,
    ServerError,
    Timeouts,
    UnexpectedResponseError,
    VoiceAgentSession,
    WaleadError,
)
from walead_async.resources.other_calls import other_call
from walead_async.testing import Emulator

KEY = "wk_secret_123"


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator() as running:
        yield running


@pytest.fixture
async def session(emulator: Emulator) -> AsyncIterator[AsyncSession]:
    async with AsyncSession(emulator.api_key, base_url=emulator.walead_url) as opened:
        yield opened


async def test_a_campaign_is_paused_and_its_status_read(emulator: Emulator, session: AsyncSession) -> None:
    paused = await session.request("PUT", "/v1/campaigns/c-1/pause")
    assert paused.status == 200
    assert paused.json() == (await session.request("get", "/v1/campaigns/c-1")).json()
    assert (await session.campaign("c-1").get()).status == "paused"
    assert all(request.authorized and not request.raw_body for request in emulator.requests)


async def test_conversations_are_read_page_by_page(emulator: Emulator, session: AsyncSession) -> None:
    emulator.conversations.extend({"urn": f"u-{number}"} for number in range(20))
    found: list[object] = []
    for page in range(1, 10):
        some = (await session.request("GET", "/v1/conversations", params={"page": page, "sort": None})).json()
        assert isinstance(some, list)
        found += some
        if len(some) < 15:
            break
    assert found == emulator.conversations
    assert [dict(request.query) for request in emulator.requests] == [{"page": "1"}, {"page": "2"}]


async def test_json_is_sent_as_it_was_given(emulator: Emulator, session: AsyncSession) -> None:
    hook = {"url": "https://app.example/hooks?a=1&b=ü", "type": "message_received"}
    await session.request("POST", "/v1/zapier/hooks/subscribe", json=hook)
    assert emulator.hooks == [hook]
    assert emulator.requests[0].headers["content-type"] == "application/json"
    await session.request("DELETE", "/v1/zapier/hooks/unsubscribe", json=hook)
    assert emulator.hooks == []


async def test_the_other_service_is_asked_with_its_own_key(emulator: Emulator) -> None:
    emulator.agents["a-1"] = {}
    async with VoiceAgentSession(emulator.api_key, uid=emulator.uid, base_url=emulator.phonely_url) as phones:
        agents: Any = (await phones.request("POST", "/get-agents", json={"uid": emulator.uid}, repeatable=True)).json()
    assert [agent["agentId"] for agent in agents] == ["a-1"]


async def test_parameters_stay_one_value_each(emulator: Emulator, session: AsyncSession) -> None:
    given = {"page": 1, "q": "a&page=2#x ü+/?%", "on": True, "off": False, "share": 0.5, "none": None}
    await session.request("GET", "/v1/conversations", params=given)
    assert dict(emulator.requests[0].query) == {
        "page": "1",
        "q": "a&page=2#x ü+/?%",
        "on": "true",
        "off": "false",
        "share": "0.5",
    }


async def test_an_error_of_the_service_is_one_of_ours(emulator: Emulator, session: AsyncSession) -> None:
    with pytest.raises(NotFoundError, match="GET /v1/no/such/call was answered with 404"):
        await session.request("GET", "/v1/no/such/call", params={"q": "john-doe"})
    async with AsyncSession("another", base_url=emulator.walead_url) as stranger:
        with pytest.raises(AuthenticationError):
            await stranger.request("GET", "/v1/hooks/list")


@pytest.mark.parametrize(
    ("method", "repeatable", "attempts"),
    [("GET", False, 2), ("POST", False, 1), ("PUT", False, 1), ("DELETE", False, 1), ("PATCH", False, 1)]
    + [(method, True, 2) for method in ("POST", "PUT", "DELETE", "PATCH")],
)
@pytest.mark.parametrize("status", ["500 Internal Server Error", "503 Not Now"])
async def test_only_a_get_is_tried_again_unless_it_is_said_to_be_repeatable(
    method: str, repeatable: bool, attempts: int, status: str
) -> None:
    async with (
        ScriptedServer(answers(answer(b"", status=status), answer(b'{"fine": true}'))) as server,
        AsyncSession(KEY, base_url=server.url, retry=QUICK) as session,
    ):
        call = session.request(method, "/v1/calls", repeatable=repeatable)
        if attempts == 1:
            with pytest.raises(ServerError) as caught:
                await call
            assert caught.value.maybe_applied
        else:
            assert (await call).json() == {"fine": True}
    assert [seen.method for seen in server.seen] == [method] * attempts


async def test_a_change_that_breaks_off_is_not_sent_again(emulator: Emulator, session: AsyncSession) -> None:
    emulator.faults.add("PUT#1:apply-then-close")
    with pytest.raises(WaleadError) as caught:
        await session.request("PUT", "/v1/campaigns/c-1/pause")
    assert caught.value.maybe_applied
    assert len(emulator.requests) == 1
    assert (await session.campaign("c-1").get()).status == "paused"


async def test_it_has_the_deadline_of_its_session(emulator: Emulator) -> None:
    emulator.faults.add("GET:hang")
    patience = {"retry": RetryPolicy(deadline=0.05), "timeouts": Timeouts(read=0.04)}
    async with AsyncSession(emulator.api_key, base_url=emulator.walead_url) as session:
        with pytest.raises(DeadlineExceededError):
            await session.with_options(**patience).request("GET", "/v1/hooks/list")  # type: ignore[arg-type]


@pytest.mark.parametrize("body", [b"", b"<html>", b"{"])
async def test_an_answer_that_is_no_json_is_told_when_it_is_looked_at(body: bytes) -> None:
    async with (
        ScriptedServer(answers(answer(body, status="204 No Content" if not body else "200 OK"))) as server,
        AsyncSession(KEY, base_url=server.url) as session,
    ):
        response = await session.request("PUT", "/v1/campaigns/c/pause")
        assert response.status == (200 if body else 204)
        with pytest.raises(UnexpectedResponseError, match="not JSON"):
            response.json()


async def test_the_key_stays_out_of_what_is_told(emulator: Emulator) -> None:
    async with (
        ScriptedServer(answers(answer(b'{"error": "%b is wrong"}' % KEY.encode(), status="400 Bad"))) as server,
        AsyncSession(KEY, base_url=server.url) as session,
    ):
        with pytest.raises(WaleadError) as caught:
            await session.request("POST", "/v1/calls", json={})
        assert KEY not in f"{caught.value} {caught.value!r}"


OUTSIDE = [
    "",
    "/",
    "v1/hooks/list",
    "//evil.example/v1",
    "///evil.example",
    "/v1//hooks",
    "https://evil.example/v1/hooks/list",
    "HTTPS:evil.example",
    "@evil.example/",
    ".evil.example/",
    ":8080/",
    "/\\evil.example",
    "\\\\evil.example\\v1",
    "/v1/../../admin",
    "/..",
    "/.",
    "/v1/./hooks",
    "/v1/campaigns/..",
    "/v1/campaigns/../",
    "/v1/%2e%2e/admin",
    "/v1/%2E./admin",
    "/v1/.%2e/admin",
    "/v1/%252e%252e/admin",
    "/v1/%25252e%25252e/admin",
    "/v1/..;/admin",
    "/v1/..;x=1/admin",
    "/v1/%2e%2e%3b/admin",
    "/v1/..%20/admin",
    "/v1/%20../admin",
    "/v1/..%2fadmin",
    "/v1/a%2f..%2fadmin",
    "/v1/a%2Fb",
    "/v1/a%252fb",
    "/v1/a%5cb",
    "/v1/a\\b",
    "/v1/%c0%ae%c0%ae/admin",
    "/v1/%c0%2e",
    "/v1/%EF%BC%8E%EF%BC%8E/admin",
    "/v1/%E2%80%A5/admin",
    "/v1/a%EF%BC%8Fb",
    "/v1/%EF%BC%852e%EF%BC%852e/admin",
    "/v1/hooks?list=1",
    "/v1/hooks#list",
    "/v1/hooks%3flist=1",
    "/v1/hooks%3Flist",
    "/v1/hooks%253flist",
    "/v1/hooks%23list",
    "/v1/hooks%00",
    "/v1/hooks%0d%0aX-Evil:1",
    "/v1/hooks\r\nX-Evil: 1",
    "/v1/hooks list",
    "/v1/hooks\t",
    "/v1/ü",
    "/v1/\ufeffhooks",
    "/v1/%zz",
    "/v1/%2",
    "/v1/%",
    "/v1/%" + "25" * 9 + "2e",
]


@pytest.mark.parametrize("path", OUTSIDE)
async def test_a_path_that_could_lead_elsewhere_sends_nothing(path: str) -> None:
    async with ScriptedServer(answers(answer())) as server, AsyncSession(KEY, base_url=server.url) as session:
        with pytest.raises(InvalidInputError, match=r"no path below|would lead elsewhere|percent-encoded more"):
            await session.request("GET", path)
    assert server.seen == []


@pytest.mark.parametrize("path", [None, 7, b"/v1/hooks/list", URL("/v1/hooks/list"), ["/v1"]])
async def test_a_path_is_text(session: AsyncSession, emulator: Emulator, path: Any) -> None:
    with pytest.raises(InvalidInputError, match="not text"):
        await session.request("GET", path)
    assert emulator.requests == []


@pytest.mark.parametrize(
    "path",
    [
        "/v1/conversations/urn:li:msg_conversation:(urn:li:fsd_profile:ACoAAB1,2-YWJj==)/messages",
        "/v1/a%20b/J%C3%BCrgen",
        "/v1/100%25",
        "/v1/.../..a/a..b/~a",
        "/v1/hooks/",
        "/x",
    ],
)
async def test_a_path_of_odd_parts_arrives_as_it_is(path: str) -> None:
    async with ScriptedServer(answers(answer())) as server, AsyncSession(KEY, base_url=server.url) as session:
        await session.request("GET", path, params={"a": "b c"})
    assert server.seen[0].target == f"{path}?a=b%20c"


@given(
    st.lists(
        st.sampled_from(["/", "..", ".", "%2e", "%252e", "%2f", "%5c", "\\", "?", "#", "@", ":", "//", "%", "25", "2e"])
        | st.text(max_size=3),
        max_size=8,
    )
)
def test_whatever_is_given_stays_below_the_base_url(parts: list[str]) -> None:
    try:
        request = other_call("GET", "/v1/" + "".join(parts), None, None, repeatable=False)
    except InvalidInputError:
        return
    url = URL.build(scheme="https", authority="walead.example", path="/api" + request.path, encoded=True)
    for _ in range(8):
        assert url.host == "walead.example"
        assert (url.raw_query_string, url.raw_fragment) == ("", "")
        assert URL.build(scheme="https", host="walead.example", path=url.path).path.startswith("/api/v1/")
        url = URL.build(scheme="https", host="walead.example", path=url.path)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"method": "GET\r\nX: 1"}, "the method is one of GET, POST"),
        ({"method": "CONNECT"}, "the method is one of"),
        ({"method": ""}, "the method is one of"),
        ({"method": None}, "the method is one of"),
        ({"params": "page=1"}, "params is a mapping"),
        ({"params": [("page", 1)]}, "params is a mapping"),
        ({"params": {1: "page"}}, "name is text"),
        ({"params": {"": "page"}}, "name is text"),
        ({"params": {"page": [1, 2]}}, "the parameter 'page' is"),
        ({"params": {"page": b"1"}}, "the parameter 'page' is"),
        ({"params": {"page": "\ud800"}}, "not proper Unicode"),
        ({"json": object()}, "cannot be written as JSON"),
        ({"json": {"a": {1, 2}}}, "cannot be written as JSON"),
        ({"json": "\ud800"}, "cannot be written as JSON"),
        ({"json": 10**30}, "cannot be written as JSON"),
        ({"repeatable": "yes"}, "repeatable is True or False"),
    ],
)
async def test_what_cannot_be_sent_is_told_before_anything_is(
    session: AsyncSession, emulator: Emulator, arguments: dict[str, Any], words: str
) -> None:
    given = {"method": "POST", "path": "/v1/calls", **arguments}
    with pytest.raises(InvalidInputError, match=words):
        await session.request(given.pop("method"), given.pop("path"), **given)
    assert emulator.requests == []
