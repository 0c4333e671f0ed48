"""The faults of the connection, seen by a raw socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import pytest
from asking import Start

from walead_async.testing import Emulator

HEAD_END = b"\r\n\r\n"


@attrs.frozen
class Heard:
    """All bytes that came, and how it ended: "closed", "reset" or "silent"."""

    sent: bytes
    end: str

    @property
    def body(self) -> bytes:
        return self.sent.partition(HEAD_END)[2]

    @property
    def length(self) -> int:
        lines = self.sent.partition(HEAD_END)[0].lower().split(b"\r\n")
        (length,) = [line for line in lines if line.startswith(b"content-length:")]
        return int(length.partition(b":")[2])


@asynccontextmanager
async def connected(emulator: Emulator) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", emulator.port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()
        await asyncio.sleep(0)


def request(emulator: Emulator, method: str = "GET", body: bytes = b"") -> bytes:
    return (
        f"{method} /walead/v1/blocked-leads HTTP/1.1\r\nHost: 127.0.0.1\r\nx-api-key: {emulator.api_key}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


async def listen(reader: asyncio.StreamReader, *, patience: float = 5.0) -> Heard:
    """Read until the other side ends, or has been silent for so long."""
    sent = b""
    while True:
        try:
            async with asyncio.timeout(patience):
                more = await reader.read(65_536)
        except TimeoutError:
            return Heard(sent, "silent")
        except ConnectionResetError:
            return Heard(sent, "reset")
        if not more:
            return Heard(sent, "closed")
        sent += more


async def heard(emulator: Emulator, method: str = "GET", body: bytes = b"", *, patience: float = 5.0) -> Heard:
    async with connected(emulator) as (reader, writer):
        writer.write(request(emulator, method, body))
        return await listen(reader, patience=patience)


def open_files() -> int:
    return len(list(Path("/dev/fd").iterdir()))


async def until(true: Callable[[], bool]) -> None:
    """Wait until something is true; it never is: the test fails."""
    for _ in range(1000):
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not become true")


@pytest.mark.parametrize(
    ("fault", "end"),
    [("close", "closed"), ("apply-then-close", "closed"), ("reset", "reset"), ("apply-then-reset", "reset")],
)
async def test_a_connection_ends_without_a_byte(start: Start, fault: str, end: str):
    ask = await start(leads=2, faults=[fault])

    assert await heard(ask.emulator) == Heard(b"", end)


@pytest.mark.parametrize("fault", ["hang", "apply-then-hang"])
async def test_a_hanging_request_gets_no_byte_and_stays_open(start: Start, fault: str):
    ask = await start(faults=[fault])

    assert await heard(ask.emulator, patience=0.2) == Heard(b"", "silent")


@pytest.mark.parametrize(
    ("fault", "names"),
    [
        ("close", []),
        ("reset", []),
        ("hang", []),
        ("apply-then-close", ["a"]),
        ("apply-then-reset", ["a"]),
        ("apply-then-hang", ["a"]),
    ],
)
async def test_what_is_not_answered_is_carried_out_or_not(start: Start, fault: str, names: list[str]):
    ask = await start(faults=[fault])
    await heard(ask.emulator, "POST", b'{"leads":[{"publicIdentifier":"a"}]}', patience=0.2)

    assert ask.emulator.blocked_leads.identifiers() == names
    assert [entry.status for entry in ask.emulator.requests] == [None]


async def test_a_reset_in_the_headers_leaves_half_of_them(start: Start):
    ask = await start(leads=2, faults=["reset-in-head"])
    seen = await heard(ask.emulator)

    assert seen.end == "reset"
    assert seen.sent.startswith(b"HTTP/1.1 200 OK\r\n")
    assert HEAD_END not in seen.sent


@pytest.mark.parametrize(
    ("fault", "end", "share"),
    [
        ("reset-before-body", "reset", 0),
        ("reset-in-body", "reset", 0.5),
        ("reset-after-body", "reset", 1),
        ("cut-body", "closed", 0.5),
        ("close-after", "closed", 1),
    ],
)
async def test_a_body_breaks_off_where_it_should(start: Start, fault: str, end: str, share: float):
    ask = await start(leads=2, faults=[fault])
    seen = await heard(ask.emulator)

    assert seen.end == end
    assert len(seen.body) == int(seen.length * share)
    assert b"connection: close" not in seen.sent.lower()


async def test_an_answer_that_nobody_asked_for_follows_on_the_idle_connection(start: Start):
    ask = await start(leads=1, faults=["GET#1:extra-answer"])
    async with connected(ask.emulator) as (reader, writer):
        writer.write(request(ask.emulator))
        seen = await listen(reader, patience=0.3)
        writer.write(request(ask.emulator))
        more = await listen(reader, patience=0.3)

    assert seen.sent.count(b"HTTP/1.1 200 OK") == 2
    assert more.sent.count(b"HTTP/1.1 200 OK") == 1
    assert len(ask.emulator.requests) == 2


async def test_a_service_that_stops_reading_takes_no_more_than_the_buffers_hold(start: Start):
    ask = await start(faults=["POST#1:stop-reading"])
    async with connected(ask.emulator) as (_, writer):
        writer.write(request(ask.emulator, "POST", b"x" * 15_000_000))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await writer.drain()
        assert writer.transport.get_write_buffer_size() > 1_000_000

    assert [(entry.status, entry.raw_body) for entry in ask.emulator.requests] == [(None, b"")]
    assert len(ask.emulator.blocked_leads) == 0


async def test_what_was_done_may_be_answered_with_101(start: Start):
    ask = await start(faults=["POST:apply-then-status=101"])
    seen = await heard(ask.emulator, "POST", b'{"leads":[{"publicIdentifier":"a"}]}', patience=0.2)

    assert seen.sent.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
    assert ask.emulator.blocked_leads.identifiers() == ["a"]


async def test_a_slow_body_comes_byte_by_byte_and_whole(start: Start):
    ask = await start(leads=1, faults=["GET#1:slow-body=0.001"])
    async with connected(ask.emulator) as (reader, writer):
        writer.write(request(ask.emulator) * 2)
        pieces = []
        while sum(map(len, pieces)) < 400:
            pieces.append(await reader.read(65_536))

    first, second = b"".join(pieces).split(b"HTTP/1.1")[1:]
    assert first.partition(HEAD_END)[2] == second.partition(HEAD_END)[2]
    assert len(pieces) > 20


async def test_a_huge_body_is_as_long_as_it_says(start: Start):
    ask = await start(leads=1, faults=["huge-body=3M"])
    answer = await ask.walead("GET")

    assert len(answer.body) > 3_000_000
    assert answer.names == ["lead-0000001"]


async def test_an_emulator_ends_with_requests_that_hang_or_read_nothing(start: Start):
    ask = await start(leads=1, faults=["POST:hang", "GET:huge-body=100M"])
    emulator = ask.emulator
    before = open_files()
    async with connected(emulator) as (hanging, one), connected(emulator) as (_, other):
        other.transport.pause_reading()
        one.write(request(emulator, "POST"))
        other.write(request(emulator))
        await until(lambda: len(emulator.requests) == 2)
        await emulator.aclose()

        # Of the four ends of two connections, the two of the callers; and the listening socket is gone.
        assert open_files() == before + 2 - 1
        assert (await listen(hanging)).sent == b""
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", emulator.port)


async def test_a_caller_that_leaves_ends_its_hanging_request(start: Start):
    ask = await start(faults=["hang"])
    async with connected(ask.emulator) as (_, writer):
        writer.write(request(ask.emulator))
        await until(lambda: bool(ask.emulator.requests))

    await until(lambda: len(asyncio.all_tasks()) == 1)
