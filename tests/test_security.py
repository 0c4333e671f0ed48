"""The promises of SECURITY.md, each seen from outside: on sessions, servers and files as a user has them."""

from __future__ import annotations

import asyncio
import csv
import gzip
import logging
import pickle
import stat
import traceback
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from scripted import QUICK, Script, ScriptedServer, answer, answers

import walead_async
from walead_async import (
    AsyncSession,
    BlockedLead,
    ConfigurationError,
    InvalidInputError,
    PaginationError,
    RetryPolicy,
    Status,
    UnexpectedResponseError,
    VoiceAgentSession,
    WaleadError,
)
from walead_async.files.export import SUFFIXES, export_leads
from walead_async.testing import Emulator
from walead_async.transport.responses import MAX_BODY

KEY = "wk_a_key_that_nobody_may_see"
ONCE = RetryPolicy.never()
PACKAGE = str(Path(walead_async.__file__).parent)
ECHO = b'{"success": false, "message": "wrong key: wk_a_key_that_nobody_may_see"}'


async def breaks_off(writer: asyncio.StreamWriter, number: int) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n[")
    await writer.drain()
    writer.close()


#: Ways in which a request can fail that carry something of the request back.
FAILING: dict[str, Script] = {
    "an echo of the key": answers(answer(ECHO, f"X-Request-Id: r-{KEY}", status="401 No")),
    "an echo of the key in a page": answers(answer(b"<html>" + KEY.encode(), status="502 Bad")),
    "no HTTP": answers(KEY.encode() + b"\r\n\r\n"),
    "a redirect": answers(answer(b"", "Location: http://elsewhere.example/", status="302 Found")),
    "nothing that can be read": answers(answer(b"[17]")),
    "a cut answer": breaks_off,
    "an encoding that echoes the key": answers(answer(b"[]", f"Content-Encoding: {KEY}")),
    "a success that echoes the key": answers(answer(b'{"error": "wrong key: %b"}' % KEY.encode())),
    "a record with the key for a date": answers(answer(b'[{"id": "%b", "createdAt": "%b"}]' % ((KEY.encode(),) * 2))),
    "a key that is cut in two": answers(answer(b"x" * 490 + KEY.encode(), status="500 Bad")),
    "a key in JSON's escapes": answers(answer(b'{"error": "' + KEY.replace("_", "\\u005f").encode() + b'"}')),
    "a key in plain words of a proxy": answers(answer(b"x" * 1_995 + KEY.encode() + b"\xff", status="502 Bad")),
}


Call = Callable[[AsyncSession], Awaitable[object]]
CALLS: dict[str, Call] = {
    "list": lambda session: session.blocked_leads.list().collect(),
    "block": lambda session: session.blocked_leads.block(["john-doe"], reason="asked"),
    "unblock": lambda session: session.blocked_leads.unblock(["r-1"]),
    "campaign": lambda session: session.campaign("c-1").get(),
    "index": lambda session: session.blocked_leads.index(),
}


def told_of(error: BaseException) -> str:
    """All that an error shows: its texts, and the locals of our frames, as a reporter of errors captures them."""
    told = [repr(error), str(error), repr(error.args), repr(vars(error))]
    while error is not None:
        frames = traceback.TracebackException.from_exception(error, capture_locals=True).stack
        told += [str(frame.locals) for frame in frames if frame.filename.startswith(PACKAGE)]
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    return "".join(told)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("script", FAILING.values(), ids=FAILING)
async def test_the_key_is_in_no_error_traceback_pickle_log_or_event(
    script: Script, call: Call, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    events: list[object] = []
    async with (
        ScriptedServer(script) as server,
        AsyncSession(KEY, base_url=server.url, retry=ONCE, hooks=[events.append]) as session,
    ):
        with pytest.raises(WaleadError) as caught:
            await call(session)
        told = told_of(caught.value) + repr(session) + repr(vars(session)) + repr(events)
    # not even a part of it that is worth guessing the rest of
    assert KEY[:8] not in told
    assert KEY.encode() not in pickle.dumps(caught.value)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    assert KEY not in caplog.text
    assert KEY not in "".join(capfd.readouterr())
    assert all(seen.headers["x-api-key"] == KEY and KEY not in seen.target for seen in server.seen)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
async def test_an_earlier_key_is_hidden_too(call: Call) -> None:
    keys = ["wk_the_first_key_of_all", "wk_the_second_key"]
    script = answers(answer(keys[0].encode(), status="503 Bad"), answer(keys[0].encode(), status="400 Bad"))
    async with (
        ScriptedServer(script) as server,
        AsyncSession(lambda: keys[len(server.seen) > 0], base_url=server.url, retry=QUICK) as session,
    ):
        with pytest.raises(WaleadError) as caught:
            await call(session)
    assert {seen.headers["x-api-key"] for seen in server.seen} <= set(keys)
    assert keys[0] not in told_of(caught.value)


@pytest.mark.parametrize("keys", [("wk_a_key", "wk_a_key_and_more"), ("wk_a_key_and_more", "wk_a_key")])
async def test_a_key_that_is_a_part_of_another_hides_all_of_both(keys: tuple[str, str]) -> None:
    said = " ".join(keys).encode()
    async with (
        ScriptedServer(answers(answer(status="503 Bad"), answer(said, status="400 Bad"))) as server,
        AsyncSession(lambda: keys[len(server.seen) > 0], base_url=server.url, retry=QUICK) as session,
    ):
        with pytest.raises(WaleadError) as caught:
            await session.blocked_leads.find("john-doe")
    assert "_and_more" not in told_of(caught.value)


@pytest.mark.parametrize("given", [KEY.encode(), bytearray(KEY.encode()), [KEY], (KEY,), {"api_key": KEY}])
async def test_what_holds_a_key_and_is_no_text_is_refused_and_not_shown(given: object) -> None:
    kind = type(given).__name__
    with pytest.raises(ConfigurationError, match=f"must be text, not {kind}") as caught:
        AsyncSession(given, base_url="http://127.0.0.1:1")  # type: ignore[arg-type]
    assert KEY[:8] not in told_of(caught.value)
    with pytest.raises(ConfigurationError, match=f"must be text, not {kind}") as caught:
        VoiceAgentSession(given, uid="u", base_url="http://127.0.0.1:1")  # type: ignore[arg-type]
    assert KEY[:8] not in told_of(caught.value)
    session = AsyncSession(lambda: given, base_url="http://127.0.0.1:1")  # type: ignore[arg-type,return-value]
    with pytest.raises(ConfigurationError, match=f"must be text, not {kind}") as caught:
        await session.blocked_leads.find("john-doe")
    assert KEY[:8] not in told_of(caught.value)


async def test_a_key_function_that_raises_whatever_it_may_ends_the_call_with_an_error_of_ours() -> None:
    def cancelled() -> str:
        raise asyncio.CancelledError

    session = AsyncSession(cancelled, base_url="http://127.0.0.1:1")
    with pytest.raises(ConfigurationError, match="raised CancelledError"):
        await session.blocked_leads.find("john-doe")
    report = await session.blocked_leads.block(["john-doe"], check=False)
    assert report.counts[Status.NOT_SENT] == 1


async def test_the_key_is_in_no_repr_of_what_a_user_holds() -> None:
    walead, phones = AsyncSession(KEY), VoiceAgentSession(KEY, uid="u-1")
    campaign, agent = walead.campaign("c-1"), phones.agent("a-1")
    held = [walead, phones, walead.blocked_leads, walead.blocked_leads.list(), campaign, agent, agent.block_list]
    for one in held:
        assert KEY not in repr(one) + str(one) + f"{one}"


async def test_logs_and_events_name_no_person(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="walead_async")
    events: list[object] = []
    async with (
        Emulator() as emulator,
        AsyncSession(emulator.api_key, base_url=emulator.walead_url, hooks=[events.append]) as session,
    ):
        await session.blocked_leads.block(["john-doe"], reason="asked-to-stop", verify="always")
        assert await session.blocked_leads.find("john-doe")
        await session.blocked_leads.unblock_identifiers(["john-doe"])
    ours = "".join(record.getMessage() for record in caplog.records if record.name.startswith("walead_async"))
    assert ours
    for person in ("john-doe", "JOHN-DOE", "asked-to-stop"):
        assert person not in ours + repr(events)


@pytest.mark.parametrize("url", ["http://walead.example/api", "http://127.0.0.1.example", "ftp://walead.example"])
def test_no_key_goes_out_in_the_clear(url: str) -> None:
    for make in (lambda: AsyncSession(KEY, base_url=url), lambda: VoiceAgentSession(KEY, uid="u", base_url=url)):
        with pytest.raises(ConfigurationError):
            make()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
async def test_the_key_follows_no_redirect_to_another_host(call: Call, status: int) -> None:
    async with ScriptedServer(answers(answer())) as elsewhere:
        away = answer(b"", f"Location: {elsewhere.url}/v1/blocked-leads", status=f"{status} Elsewhere")
        async with ScriptedServer(answers(away)) as server, AsyncSession(KEY, base_url=server.url) as session:
            with pytest.raises(WaleadError):
                await call(session)
    assert server.seen
    assert elsewhere.seen == []


async def test_a_session_that_was_lent_gives_nothing_and_takes_no_key() -> None:
    async with (
        ScriptedServer(answers(answer(b"[]", "Set-Cookie: tracked=1"))) as server,
        aiohttp.ClientSession() as http,
    ):
        async with AsyncSession(KEY, base_url=server.url, http=http) as session:
            await session.blocked_leads.list().collect()
        async with http.get(server.url) as plain:
            await plain.read()
        assert len(http.cookie_jar) == 0
    assert "x-api-key" not in server.seen[-1].headers


@pytest.mark.parametrize("unsafe", ["..", "../v1/blocked-leads", "a/b", "", "a?b", "a#b", "%2e%2e", "a\r\nX-Evil: 1"])
async def test_an_unsafe_id_never_becomes_part_of_a_path(unsafe: str) -> None:
    async with ScriptedServer(answers(answer())) as server:
        async with AsyncSession(KEY, base_url=server.url) as session:
            with pytest.raises(InvalidInputError):
                session.campaign(unsafe)
        assert server.seen == []


@pytest.mark.parametrize("odd", ["..", "../v1/blocked-leads", "a/b", "a?b", "a#b", "a&uid=b", "%2e%2e", "a+b", "ü"])
async def test_an_agent_and_a_user_stay_parameters_of_their_own(odd: str) -> None:
    async with Emulator() as emulator:
        async with VoiceAgentSession(emulator.api_key, uid=odd, base_url=emulator.phonely_url) as phones:
            await phones.agent(odd).block_list.list().collect()
        assert [(request.path, dict(request.query)) for request in emulator.requests] == [
            ("/agent-block-list", {"uid": odd, "agentId": odd})
        ]


@pytest.mark.parametrize("unsafe", ["", " a", "a\r\nX-Evil: 1", "a\x00"])
def test_an_id_that_no_query_holds_is_refused(unsafe: str) -> None:
    with pytest.raises(InvalidInputError):
        VoiceAgentSession(KEY, uid="u-1").agent(unsafe)
    with pytest.raises(InvalidInputError):
        VoiceAgentSession(KEY, uid=unsafe)


@pytest.mark.parametrize("person", ["a&offset=7", "a#b", "a?b=c", "%26offset%3d7", "a;b", "a+b"])
async def test_what_is_searched_for_stays_one_parameter(person: str) -> None:
    async with (
        Emulator() as emulator,
        AsyncSession(emulator.api_key, base_url=emulator.walead_url) as session,
    ):
        await session.blocked_leads.list(search=person).collect()
        assert {request.path for request in emulator.requests} == {"/v1/blocked-leads"}
        assert dict(emulator.requests[0].query) == {"sort": "ASC", "offset": "0", "search": person}


@pytest.mark.parametrize(
    "person",
    ['x"}],"all":true,"leads":[{"publicIdentifier":"y', "x\\", '"'],
    ids=["a second object", "an escape", "a quote"],
)
async def test_what_is_blocked_stays_one_text_of_the_body(person: str) -> None:
    async with (
        Emulator() as emulator,
        AsyncSession(emulator.api_key, base_url=emulator.walead_url) as session,
    ):
        report = await session.blocked_leads.block([person], reason=person, check=False)
        sent = [request.body for request in emulator.requests if request.method == "POST"]
        key = report.outcomes[0].key
        assert sent in ([], [{"leads": [{"publicIdentifier": key, "reason": person}]}])


async def is_refused_in_bounded_memory(script: Script) -> None:
    tracemalloc.start()
    try:
        async with ScriptedServer(script) as server, AsyncSession(KEY, base_url=server.url, retry=ONCE) as session:
            with pytest.raises(UnexpectedResponseError, match="larger than 64 MiB") as caught:
                await session.blocked_leads.list().collect()
        kept, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert caught.value is not None
    assert kept < MAX_BODY / 4
    assert most < MAX_BODY * 3


async def test_a_bomb_is_not_unpacked_and_no_error_keeps_it() -> None:
    bomb = gzip.compress(bytes(MAX_BODY + 1_000), compresslevel=1)
    script = answers(answer(bomb, "Content-Encoding: gzip"))
    await is_refused_in_bounded_memory(script)


async def test_a_flood_is_not_read_and_no_error_keeps_it() -> None:
    async def floods(writer: asyncio.StreamWriter, number: int) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        block = b"100000\r\n" + bytes(1024 * 1024) + b"\r\n"
        while True:
            writer.write(block)
            await writer.drain()

    await is_refused_in_bounded_memory(floods)


async def test_a_list_that_repeats_for_ever_is_an_error() -> None:
    async with (
        Emulator(leads=300, faults=["GET#2-:repeat-page"]) as emulator,
        AsyncSession(emulator.api_key, base_url=emulator.walead_url) as session,
    ):
        with pytest.raises(PaginationError):
            await session.blocked_leads.list().collect()
        assert len(emulator.requests) < 200


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "'"])
async def test_no_cell_of_an_export_is_a_formula(tmp_path: Path, start: str) -> None:
    cell = f"{start}cmd|' /C calc'!A0"

    async def records() -> AsyncIterator[BlockedLead]:
        yield BlockedLead(cell, cell, cell, datetime(2024, 1, 1, tzinfo=UTC), cell)

    await export_leads(tmp_path / "blocked.csv", records())
    with (tmp_path / "blocked.csv").open(newline="", encoding="utf-8-sig") as file:
        _, row = csv.reader(file)
    assert [text[:2] for text in row if text.endswith("A0")] == [f"'{start}"] * 4


@pytest.mark.parametrize("suffix", SUFFIXES)
async def test_an_export_is_for_its_owner_only(tmp_path: Path, suffix: str) -> None:
    async def records() -> AsyncIterator[BlockedLead]:
        yield BlockedLead("r-1", "john-doe", None, datetime(2024, 1, 1, tzinfo=UTC), "w-1")

    path = tmp_path / f"blocked{suffix}"
    await export_leads(path, records())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_the_key_is_in_no_file(tmp_path: Path) -> None:
    async with (
        Emulator(api_key=KEY, state=tmp_path / "state.json") as emulator,
        AsyncSession(KEY, base_url=emulator.walead_url) as session,
    ):
        await session.blocked_leads.block(["john-doe"], reason="asked")
        for suffix in SUFFIXES:
            await export_leads(tmp_path / f"blocked{suffix}", session.blocked_leads.list())
    written = ["state.json", *(f"blocked{suffix}" for suffix in SUFFIXES)]
    assert [name for name in written if KEY.encode() in (tmp_path / name).read_bytes()] == []


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o666])
def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path, mode: int, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "key"
    path.write_text(KEY, encoding="utf-8")
    path.chmod(mode)
    monkeypatch.setenv("WALEAD_API_KEY_FILE", str(path))
    with pytest.raises(ConfigurationError, match="others can read") as caught:
        AsyncSession()
    assert KEY not in told_of(caught.value)


@pytest.mark.parametrize("tail", ["\n", " x", "ü"])
def test_a_key_of_the_environment_that_cannot_be_one_is_in_no_frame(tail: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WALEAD_API_KEY", KEY + tail)
    with pytest.raises(ConfigurationError, match="not shown here") as caught:
        AsyncSession()
    assert KEY not in told_of(caught.value)


@pytest.mark.parametrize("content", [KEY.encode() + b"\xff", KEY.encode() * 1000, KEY.encode() + b"\nmore"])
def test_a_key_file_that_holds_no_key_is_in_no_frame(
    tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    path.chmod(0o600)
    monkeypatch.setenv("WALEAD_API_KEY_FILE", str(path))
    with pytest.raises(ConfigurationError) as caught:
        AsyncSession()
    assert KEY not in told_of(caught.value)


def test_a_session_is_never_pickled_with_its_key() -> None:
    with pytest.raises(TypeError, match="never pickled"):
        pickle.dumps(AsyncSession(KEY))


@pytest.mark.parametrize("leads", ["john-doe", b"john-doe", {"john-doe": 1}])
async def test_a_single_name_in_place_of_a_list_blocks_nobody(leads: Any) -> None:
    async with (
        Emulator() as emulator,
        AsyncSession(emulator.api_key, base_url=emulator.walead_url) as session,
    ):
        with pytest.raises(InvalidInputError):
            await session.blocked_leads.block(leads)
        assert emulator.requests == []


async def test_a_request_id_that_echoes_the_key_is_hidden() -> None:
    seen: list[object] = []
    server = ScriptedServer(answers(answer(b"{}", f"x-request-id: {KEY}", status="401 No")))
    async with server, AsyncSession(KEY, base_url=server.url, hooks=[seen.append]) as session:
        with pytest.raises(WaleadError) as raised:
            await session.blocked_leads.find("john-doe")
    assert KEY not in str(raised.value)
    assert seen
    assert KEY not in str(seen)


@pytest.mark.parametrize("written", [KEY, KEY.replace("_", "\\u005f"), KEY.replace("k", "\\u006b")])
async def test_an_answer_to_a_change_that_echoes_the_key_is_hidden_however_json_writes_it(written: str) -> None:
    body = f'{{"success": false, "message": "bad key {written}"}}'.encode()
    async with ScriptedServer(answers(answer(body))) as server, AsyncSession(KEY, base_url=server.url) as session:
        report = await session.blocked_leads.block(["john-doe"], verify="never", check=False)
    assert KEY not in report.describe()
    assert "bad key ***" in report.describe()
