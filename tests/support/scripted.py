"""A server that does exactly what a test says, byte by byte, and the shapes of the fixtures around it."""

from __future__ import annotations

import asyncio
import ssl as tls
from collections.abc import Awaitable, Callable
from typing import Literal, Protocol

import aiohttp
import attrs
from loopback import LoopbackServer

from walead_async.config import RateLimiter, RetryPolicy, Timeouts
from walead_async.events import Event
from walead_async.transport.client import Client

#: Retries at once, so that no test waits.
QUICK = RetryPolicy(wait_initial=0.0, deadline=20.0)


def answer(body: bytes = b"[]", *headers: str, status: str = "200 OK") -> bytes:
    """A whole HTTP answer."""
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def answers(*each: bytes) -> Script:
    """A script that gives these answers in turn, the last one for ever."""

    async def script(writer: asyncio.StreamWriter, number: int) -> None:
        writer.write(each[min(number, len(each) - 1)])
        await writer.drain()

    return script


@attrs.define
class Seen:
    """One request as the server saw it."""

    method: str
    target: str
    headers: dict[str, str] = attrs.field(repr=False)
    body: bytes
    connection: int


Script = Callable[[asyncio.StreamWriter, int], Awaitable[None]]


@attrs.define
class ScriptedServer(LoopbackServer):
    """Calls `script(writer, n)` for the nth request (from 0) after reading it whole."""

    script: Script
    seen: list[Seen] = attrs.Factory(list)
    #: Set once a request was read whole.
    arrived: asyncio.Event = attrs.Factory(asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = self.connections
        while not writer.is_closing():
            self.seen.append(await self._read(reader, number))
            self.arrived.set()
            await self.script(writer, len(self.seen) - 1)

    async def _read(self, reader: asyncio.StreamReader, connection: int) -> Seen:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.strip().split("\r\n")
        method, target, _ = first.split(" ")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        return Seen(method, target, headers, body, connection)


class Serve(Protocol):
    async def __call__(self, script: Script, trust: tls.SSLContext | None = None) -> ScriptedServer: ...


class Connect(Protocol):
    def __call__(
        self,
        url: str,
        *,
        key: str | Callable[[], str] = ...,
        retry: RetryPolicy = QUICK,
        timeouts: Timeouts = ...,
        concurrency: int = 8,
        limiter: RateLimiter | None = None,
        hooks: tuple[Callable[[Event], object], ...] = (),
        http: aiohttp.ClientSession | None = None,
        proxy: str | Literal[False] | None = None,
        ssl: tls.SSLContext | None = None,
    ) -> Client: ...
