"""Attempts against servers that misbehave on a real socket: which error comes out, and may the request have arrived?"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import socket
import ssl
import time
import traceback
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import aiohttp
import pytest
import trustme
from loopback import LoopbackServer
from scripted import Connect, Script, Serve, answer, answers

from walead_async.config import RetryPolicy, Timeouts
from walead_async.errors import (
    APIError,
    ConfigurationError,
    ConnectionFailedError,
    DeadlineExceededError,
    SessionClosedError,
    UnexpectedResponseError,
    WaleadError,
)
from walead_async.transport.http import Http
from walead_async.transport.messages import Request

KEY = "wk_secret_123"
ECHO = b'{"message": "bad key wk_secret_123"}'
GET = Request("GET", "/v1/blocked-leads", "sort=ASC&offset=0&search=doe")
DELETE = Request("DELETE", "/v1/blocked-leads", body=b'["r1"]', repeatable=False)
ONCE = RetryPolicy.never()


async def reset(writer: asyncio.StreamWriter) -> None:
    """End the connection with a reset instead of a close."""
    linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


def writes_then_resets(data: bytes) -> Script:
    async def script(writer: asyncio.StreamWriter, number: int) -> None:
        writer.write(data)
        await writer.drain()
        await reset(writer)

    return script


async def never_answers(writer: asyncio.StreamWriter, number: int) -> None:
    await asyncio.Event().wait()


async def a_byte_at_a_time(writer: asyncio.StreamWriter, number: int) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.02)


async def test_a_request_goes_out_with_its_path_query_body_and_headers(serve: Serve, connect: Connect) -> None:
    server = await serve(answers(answer(b"{}")))
    await connect(server.url + "/api").send(
        Request("POST", "/v1/blocked-leads", "a=%20", b'{"leads":[]}'), flow=object()
    )
    (seen,) = server.seen
    assert (seen.method, seen.target, seen.body) == ("POST", "/api/v1/blocked-leads?a=%20", b'{"leads":[]}')
    assert seen.headers["x-api-key"] == KEY
    assert seen.headers["accept-encoding"] == "identity"
    assert seen.headers["content-type"] == "application/json"
    assert seen.headers["user-agent"].startswith("walead_async/")


async def test_a_request_without_a_body_names_no_kind_of_body(serve: Serve, connect: Connect) -> None:
    server = await serve(answers(answer(b"[]")))
    await connect(server.url).send(GET, flow=object())
    assert "content-type" not in server.seen[0].headers
    assert server.seen[0].headers["x-api-key"] == KEY


async def test_a_refused_connection_sends_nothing(connect: Connect) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(ConnectionFailedError, match=r"no connection to 127\.0\.0\.1") as caught:
        await connect(url, retry=ONCE).send(GET, flow=object())
    assert caught.value.maybe_applied is False


async def test_a_name_that_does_not_resolve_sends_nothing(connect: Connect) -> None:
    class Nowhere(aiohttp.abc.AbstractResolver):
        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
        ) -> list[aiohttp.abc.ResolveResult]:
            raise OSError(None, "no such host")

        async def close(self) -> None: ...

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(resolver=Nowhere())) as http:
        with pytest.raises(ConnectionFailedError, match=r"api\.walead\.example cannot be resolved") as caught:
            await connect("https://api.walead.example", retry=ONCE, http=http).send(GET, flow=object())
    assert caught.value.maybe_applied is False


@pytest.mark.parametrize(
    "written",
    [
        b"",
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n[",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n[1,2",
    ],
    ids=["before the answer", "in the status line", "in the body", "in a chunk"],
)
async def test_a_reset_leaves_it_open_whether_the_request_was_carried_out(
    serve: Serve, connect: Connect, written: bytes
) -> None:
    server = await serve(writes_then_resets(written))
    with pytest.raises(ConnectionFailedError) as caught:
        await connect(server.url, retry=ONCE).send(DELETE, flow=object())
    assert caught.value.maybe_applied is True
    assert len(server.seen) == 1


async def test_a_dropped_keep_alive_connection_is_not_used_for_a_second_delete(serve: Serve, connect: Connect) -> None:
    async def answers_once_then_hangs_up(writer: asyncio.StreamWriter, number: int) -> None:
        if number == 0:
            writer.write(answer())
            await writer.drain()
        else:
            await reset(writer)

    server = await serve(answers_once_then_hangs_up)
    client = connect(server.url)
    await client.send(GET, flow=object())
    with pytest.raises(ConnectionFailedError) as caught:
        await client.send(DELETE, flow=object())
    assert caught.value.maybe_applied is True
    assert [seen.method for seen in server.seen] == ["GET", "DELETE"]


async def test_a_server_that_never_answers_runs_into_the_read_time_out(serve: Serve, connect: Connect) -> None:
    server = await serve(never_answers)
    with pytest.raises(DeadlineExceededError, match=r"within 0\.05 s of silence") as caught:
        await connect(server.url, retry=ONCE, timeouts=Timeouts(read=0.05)).send(DELETE, flow=object())
    assert caught.value.maybe_applied is True


async def test_a_slow_body_runs_into_the_total_time_out(serve: Serve, connect: Connect) -> None:
    server = await serve(a_byte_at_a_time)
    with pytest.raises(DeadlineExceededError):
        await connect(server.url, retry=ONCE, timeouts=Timeouts(read=5, total=0.1)).send(GET, flow=object())


async def test_a_short_deadline_cuts_a_longer_time_out(serve: Serve, connect: Connect) -> None:
    server = await serve(never_answers)
    with pytest.raises(DeadlineExceededError):
        await connect(server.url, retry=RetryPolicy(deadline=0.05), timeouts=Timeouts()).send(GET, flow=object())
    assert len(server.seen) == 1


async def test_each_part_of_a_slow_body_gives_more_time(serve: Serve, connect: Connect) -> None:
    async def drips(writer: asyncio.StreamWriter, number: int) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n")
        for _ in range(8):
            await asyncio.sleep(0.04)
            writer.write(b" ")
            await writer.drain()

    server = await serve(drips)
    response = await connect(server.url, retry=ONCE, timeouts=Timeouts(read=0.2)).send(GET, flow=object())
    assert response.body == b" " * 8


async def test_a_cancellation_or_a_time_out_of_the_caller_is_its_own(serve: Serve, connect: Connect) -> None:
    server = await serve(never_answers)
    client = connect(server.url, timeouts=Timeouts(read=5))
    call = asyncio.create_task(client.send(GET, flow=object()))
    await server.arrived.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    with pytest.raises(TimeoutError) as caught:
        async with asyncio.timeout(0.05):
            await client.send(GET, flow=object())
    assert not isinstance(caught.value, WaleadError)
    task = asyncio.current_task()
    assert task is not None
    with pytest.raises(DeadlineExceededError):
        await connect(server.url, retry=ONCE, timeouts=Timeouts(read=0.05)).send(GET, flow=object())
    assert task.cancelling() == 0


async def test_a_cancellation_at_the_very_moment_of_the_time_out_wins(serve: Serve, connect: Connect) -> None:
    server = await serve(never_answers)
    client = connect(server.url, retry=ONCE, timeouts=Timeouts(read=0.1))

    async def call() -> None:
        task = asyncio.current_task()
        assert task is not None
        loop = asyncio.get_running_loop()
        # Just before the attempt begins, so that both are due in one round of the loop, which is kept busy meanwhile.
        loop.call_at(loop.time() + 0.1, task.cancel)
        loop.call_later(0.05, time.sleep, 0.1)
        await client.send(GET, flow=object())

    with pytest.raises(asyncio.CancelledError):
        await asyncio.create_task(call())


async def within_a_second(holds: Callable[[], bool]) -> bool:
    """Whether this comes to hold within a second."""
    for _ in range(100):
        if holds():
            return True
        await asyncio.sleep(0.01)
    return False


def sockets() -> set[str]:
    found = set()
    for number in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            found.add(str(number.readlink()))
    return {name for name in found if name.startswith("socket:")}


@pytest.mark.filterwarnings("ignore:Sending a large body")
@pytest.mark.parametrize("end", ["a time-out", "a cancellation", "aclose"])
async def test_a_peer_that_does_not_read_keeps_no_socket_open(connect: Connect, end: str) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        before = sockets()
        client = connect(url, retry=ONCE, timeouts=Timeouts(read=0.3 if end == "a time-out" else 30))
        call = asyncio.create_task(client.send(Request("POST", "/x", body=bytes(30_000_000)), flow=object()))
        assert await within_a_second(lambda: bool(sockets() - before))
        await asyncio.sleep(0.1)
        if end == "a cancellation":
            call.cancel()
        elif end == "aclose":
            await client.close()
        (ended,) = await asyncio.gather(call, return_exceptions=True)
        assert isinstance(ended, (DeadlineExceededError, asyncio.CancelledError, SessionClosedError))
        assert await within_a_second(lambda: not sockets() - before)


class RefusesUnread(LoopbackServer):
    """Answers after the head of a request, and never reads the rest."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer(b"{}", status="413 Too Large"))
        await asyncio.Event().wait()


@pytest.mark.filterwarnings("ignore:Sending a large body")
async def test_an_early_answer_to_a_body_that_is_not_read_keeps_no_socket_open(connect: Connect) -> None:
    async with RefusesUnread() as server:
        client = connect(server.url, retry=ONCE)
        before = sockets()
        with pytest.raises(APIError) as caught:
            await client.send(Request("POST", "/x", body=bytes(30_000_000)), flow=object())
        assert caught.value.status == 413
        # the server's end of the connection is still there
        assert await within_a_second(lambda: len(sockets() - before) == 1)


async def test_an_answer_that_nobody_asked_for_is_not_taken_for_the_next(serve: Serve, connect: Connect) -> None:
    async def answers_twice_at_first(writer: asyncio.StreamWriter, number: int) -> None:
        writer.write(answer(b'["asked"]'))
        if number == 0:
            await writer.drain()
            await asyncio.sleep(0.05)
            writer.write(answer(b'["not asked"]'))
            unasked.set()
        await writer.drain()

    unasked = asyncio.Event()
    server = await serve(answers_twice_at_first)
    client = connect(server.url, retry=ONCE)
    await client.send(GET, flow=object())
    await unasked.wait()
    await asyncio.sleep(0.05)
    for _ in range(3):
        assert (await client.send(GET, flow=object())).body == b'["asked"]'
    assert [seen.connection for seen in server.seen] == [1, 2, 2, 2]


async def test_a_resolver_that_fails_in_any_way_is_a_failed_connection(connect: Connect) -> None:
    class Broken(aiohttp.abc.AbstractResolver):
        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
        ) -> list[aiohttp.abc.ResolveResult]:
            raise TypeError("resolve() takes 2 positional arguments")

        async def close(self) -> None: ...

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(resolver=Broken())) as http:
        client = connect("https://api.walead.example", retry=ONCE, http=http)
        with pytest.raises(ConnectionFailedError, match="TypeError"):
            await client.send(DELETE, flow=object())


async def test_closing_from_another_thread_ends_the_calls_under_way(serve: Serve, connect: Connect) -> None:
    server = await serve(never_answers)
    client = connect(server.url, timeouts=Timeouts())
    calls = [asyncio.create_task(client.send(GET, flow=object())) for _ in range(20)]
    await server.arrived.wait()
    await asyncio.to_thread(lambda: asyncio.run(client.close()))
    async with asyncio.timeout(1.0):
        ends = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(end) for end in ends} == {SessionClosedError}


async def test_a_certificate_of_an_unknown_authority_is_not_accepted_and_not_tried_again(
    serve: Serve, connect: Connect
) -> None:
    server = await serve(answers(answer()), trust=server_context(trustme.CA()))
    with pytest.raises(ConnectionFailedError, match=r"certificate of 127\.0\.0\.1 was not accepted") as caught:
        await connect(server.url).send(GET, flow=object())
    assert caught.value.maybe_applied is False
    assert server.seen == []
    assert server.connections <= 1


async def test_a_private_authority_is_accepted_where_it_is_named(serve: Serve, connect: Connect) -> None:
    authority = trustme.CA()
    server = await serve(answers(answer()), trust=server_context(authority))
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    response = await connect(server.url, ssl=trusting).send(GET, flow=object())
    assert response.body == b"[]"


async def test_an_address_that_speaks_no_tls_is_a_failed_connection_and_tried_again(connect: Connect) -> None:
    async def speaks_http(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(speaks_http, "127.0.0.1", 0) as server:
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(ConnectionFailedError, match=r"no TLS connection to 127\.0\.0\.1") as caught:
            await connect(url, retry=RetryPolicy(attempts=3, wait_initial=0)).send(GET, flow=object())
    assert (caught.value.attempts, caught.value.maybe_applied) == (3, False)


def server_context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See", "307 Temporary", "308 Permanent"])
async def test_a_redirect_is_an_error_and_no_key_follows_it(serve: Serve, connect: Connect, status: str) -> None:
    elsewhere = await serve(answers(answer()))
    server = await serve(answers(answer(b"", f"Location: {elsewhere.url}/", status=status)))
    with pytest.raises(APIError) as caught:
        await connect(server.url).send(Request("POST", "/x", body=b"{}"), flow=object())
    assert caught.value.status == int(status[:3])
    assert (len(server.seen), len(elsewhere.seen)) == (1, 0)


@pytest.mark.parametrize("status", ["101 Switching", "302 Found", "304 Not Modified", "300 Choices"])
async def test_an_answer_that_is_neither_success_nor_refusal_proves_nothing(
    serve: Serve, connect: Connect, status: str
) -> None:
    server = await serve(answers(answer(b"", status=status)))
    with pytest.raises(APIError) as caught:
        await connect(server.url, retry=ONCE).send(DELETE, flow=object())
    assert (caught.value.status, caught.value.maybe_applied) == (int(status[:3]), True)


@pytest.mark.parametrize(
    ("body", "own"),
    [(b'{"message": "no such record"}', True), (b"<html>nginx</html>", False), (b"", False), (b'"no"', False)],
)
async def test_an_error_tells_whether_the_service_itself_spoke(
    serve: Serve, connect: Connect, body: bytes, own: bool
) -> None:
    server = await serve(answers(answer(body, status="404 Not Found")))
    with pytest.raises(APIError) as caught:
        await connect(server.url).send(GET, flow=object())
    assert caught.value.is_json is own


@pytest.mark.parametrize("encoding", ["utf-8", "none", "identity", "UTF-8", ""])
async def test_a_content_encoding_that_names_no_packing_is_none(serve: Serve, connect: Connect, encoding: str) -> None:
    server = await serve(answers(answer(b"[1]", f"Content-Encoding: {encoding}")))
    assert (await connect(server.url).send(GET, flow=object())).body == b"[1]"


async def test_a_byte_order_mark_and_long_headers_are_read_over(serve: Serve, connect: Connect) -> None:
    server = await serve(answers(answer(b"\xef\xbb\xbf[1]", "Content-Security-Policy: " + "x" * 65_000)))
    assert (await connect(server.url).send(GET, flow=object())).body == b"[1]"


async def test_a_gzip_body_of_several_members_is_read_to_its_end(serve: Serve, connect: Connect) -> None:
    packed = gzip.compress(b"[1,") + gzip.compress(b"2]")
    server = await serve(
        answers(
            answer(packed, "Content-Encoding: gzip"),
            answer(packed[:-9], "Content-Encoding: gzip"),
            answer(packed + b"rubbish", "Content-Encoding: gzip"),
            answer(gzip.compress(b"") * 1000, "Content-Encoding: gzip"),
        )
    )
    client = connect(server.url, retry=ONCE)
    assert (await client.send(GET, flow=object())).body == b"[1,2]"
    with pytest.raises(ConnectionFailedError, match="has no end"):
        await client.send(GET, flow=object())
    for _ in range(2):
        with pytest.raises(UnexpectedResponseError, match="cannot be unpacked"):
            await client.send(GET, flow=object())


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_body_that_was_packed_unasked_is_unpacked(serve: Serve, connect: Connect, encoding: str) -> None:
    packed = gzip.compress(b"[1]") if encoding == "gzip" else zlib.compress(b"[1]")
    server = await serve(answers(answer(packed, f"Content-Encoding: {encoding}")))
    assert (await connect(server.url).send(GET, flow=object())).body == b"[1]"


async def test_a_truncated_gzip_body_is_not_read_as_whole(serve: Serve, connect: Connect) -> None:
    packed = gzip.compress(b"[" + b"1," * 5000 + b"1]")
    server = await serve(
        answers(answer(packed[:-12], "Content-Encoding: gzip"), answer(packed, "Content-Encoding: gzip"))
    )
    with pytest.raises(ConnectionFailedError, match="broke off"):
        await connect(server.url, retry=ONCE).send(GET, flow=object())
    assert len((await connect(server.url).send(GET, flow=object())).body) == 10_003


async def test_a_zip_bomb_is_not_unpacked(serve: Serve, connect: Connect) -> None:
    packer = zlib.compressobj(wbits=31)
    bomb = b"".join([*(packer.compress(bytes(1024 * 1024)) for _ in range(80)), packer.flush()])
    server = await serve(answers(answer(bomb, "Content-Encoding: gzip")))
    with pytest.raises(UnexpectedResponseError, match="larger than 64 MiB"):
        await connect(server.url).send(GET, flow=object())


@pytest.mark.parametrize("framing", ["Content-Length: 104857600", "Transfer-Encoding: chunked"])
async def test_a_body_of_100_megabytes_is_not_read(serve: Serve, connect: Connect, framing: str) -> None:
    async def floods(writer: asyncio.StreamWriter, number: int) -> None:
        writer.write(f"HTTP/1.1 200 OK\r\n{framing}\r\n\r\n".encode())
        block = bytes(1024 * 1024)
        for _ in range(100):
            writer.write(b"100000\r\n" + block + b"\r\n" if "chunked" in framing else block)
            await writer.drain()

    server = await serve(floods)
    with pytest.raises(UnexpectedResponseError, match="larger than 64 MiB"):
        await connect(server.url, timeouts=Timeouts()).send(GET, flow=object())


async def test_an_answer_that_is_not_http_is_named_as_such(serve: Serve, connect: Connect) -> None:
    server = await serve(answers(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"))
    with pytest.raises(UnexpectedResponseError, match="not HTTP") as caught:
        await connect(server.url).send(DELETE, flow=object())
    assert caught.value.maybe_applied is True


async def test_no_error_holds_the_key_or_the_query(serve: Serve, connect: Connect) -> None:
    scripts = [
        writes_then_resets(b""),
        answers(b"nonsense\r\n\r\n"),
        answers(answer(ECHO, status="401 No")),
        never_answers,
    ]
    for script in scripts:
        server = await serve(script)
        with pytest.raises(WaleadError) as caught:
            await connect(server.url, retry=ONCE, timeouts=Timeouts(read=0.05)).send(GET, flow=object())
        shown = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
        told = shown + repr(caught.value) + str(caught.value) + repr(caught.value.args) + repr(vars(caught.value))
        assert KEY not in told
        assert caught.value.__context__ is None


async def test_a_borrowed_session_lends_its_connections_and_nothing_else(serve: Serve, connect: Connect) -> None:
    server = await serve(answers(answer(b"[]", "Set-Cookie: their=1"), answer(b"{}", status="404 Not Found")))
    async with aiohttp.ClientSession(
        base_url="https://elsewhere.example/",
        headers={"Authorization": "Bearer theirs", "Accept-Encoding": "br"},
        cookies={"mine": "1"},
        timeout=aiohttp.ClientTimeout(total=0.000001),
        raise_for_status=True,
    ) as http:
        client = connect(server.url, http=http)
        await client.send(GET, flow=object())
        with pytest.raises(APIError):
            await client.send(GET, flow=object())
        await client.close()
        assert http.closed is False
        assert [cookie.key for cookie in http.cookie_jar] == ["mine"]
    assert not {"authorization", "cookie"} & set(server.seen[0].headers)
    assert server.seen[0].headers["accept-encoding"] == "identity"
    assert server.seen[0].connection == server.seen[1].connection


async def test_a_borrowed_session_that_is_closed_is_named(serve: Serve, connect: Connect) -> None:
    server = await serve(answers(answer()))
    async with aiohttp.ClientSession() as http:
        client = connect(server.url, http=http)
        await client.send(GET, flow=object())
    with pytest.raises(SessionClosedError, match="lend an open one"):
        await client.send(GET, flow=object())


@pytest.mark.parametrize("proxy", ["nonsense", "ftp://proxy.example", "http://", 7])
def test_a_proxy_that_is_none_is_refused(proxy: object) -> None:
    with pytest.raises(ConfigurationError, match="URL of an HTTP proxy"):
        Http("https://api.walead.example", key_header="x-api-key", proxy=proxy)  # type: ignore[arg-type]


def test_a_proxy_is_refused_where_it_would_see_the_key() -> None:
    with pytest.raises(ConfigurationError, match="would see the API key"):
        Http("http://127.0.0.1:8080", key_header="x-api-key", proxy="http://user:secret@127.0.0.1:3128")


async def test_a_proxy_that_refuses_sends_nothing_and_its_password_is_not_shown(serve: Serve, connect: Connect) -> None:
    proxy = await serve(answers(answer(b"", status="407 Proxy Authentication Required")))
    client = connect("https://api.walead.example", retry=ONCE, proxy=proxy.url.replace("//", "//user:hush@"))
    with pytest.raises(ConnectionFailedError, match="the proxy wants a user name and a password") as caught:
        await client.send(GET, flow=object())
    assert caught.value.maybe_applied is False
    assert "hush" not in str(caught.value)
    assert proxy.seen[0].method == "CONNECT"
    assert "x-api-key" not in proxy.seen[0].headers


@pytest.mark.parametrize("ssl_option", [False, 5, "no-such-file.pem"])
def test_ssl_takes_a_context_or_a_file(ssl_option: object) -> None:
    with pytest.raises(ConfigurationError):
        Http("https://api.walead.example", key_header="x-api-key", ssl=ssl_option)  # type: ignore[arg-type]


async def test_a_proxy_that_wants_a_password_is_not_asked_again(serve: Serve, connect: Connect) -> None:
    proxy = await serve(answers(answer(b"", status="407 Proxy Authentication Required")))
    with pytest.raises(ConnectionFailedError, match="407"):
        await connect("https://api.walead.example", proxy=proxy.url).send(GET, flow=object())
    assert len(proxy.seen) == 1


async def test_the_environments_proxy_is_used_for_https(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = await serve(answers(answer(b"", status="502 Bad Gateway")))
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    with pytest.raises(ConnectionFailedError, match="the proxy refused"):
        await connect("https://api.walead.example", retry=ONCE).send(GET, flow=object())
    assert [seen.target for seen in proxy.seen] == ["api.walead.example:443"]


@pytest.mark.parametrize(
    ("url", "proxy", "exempt"),
    [
        ("https://localhost:9", None, "localhost"),
        ("https://localhost:9", None, "*"),
        ("https://localhost:9", False, ""),
        ("http://127.0.0.1:9", None, ""),
    ],
)
async def test_the_environments_proxy_is_not_used_where_it_shall_not_be(
    serve: Serve,
    connect: Connect,
    monkeypatch: pytest.MonkeyPatch,
    url: str,
    proxy: Literal[False] | None,
    exempt: str,
) -> None:
    server = await serve(answers(answer(b"", status="502 Bad Gateway")))
    monkeypatch.setenv("HTTPS_PROXY", server.url)
    monkeypatch.setenv("NO_PROXY", exempt)
    with pytest.raises(ConnectionFailedError):
        await connect(url, retry=ONCE, proxy=proxy).send(GET, flow=object())
    assert server.seen == []


def test_a_proxy_of_the_environment_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "socks5://user:secret@127.0.0.1:1080")
    with pytest.raises(ConfigurationError, match="HTTPS_PROXY must be the URL of an HTTP proxy") as caught:
        Http("https://api.walead.example", key_header="x-api-key")
    assert "secret" not in str(caught.value)
