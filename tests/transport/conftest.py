"""A scripted server, and a client that talks to it."""

from __future__ import annotations

import contextlib
import ssl as tls
from collections.abc import AsyncIterator, Callable
from typing import Literal

import aiohttp
import pytest
from scripted import QUICK, Connect, Script, ScriptedServer, Serve

from walead_async.config import RateLimiter, RetryPolicy, Timeouts
from walead_async.events import Event
from walead_async.transport.client import Client
from walead_async.transport.http import Http
from walead_async.transport.limiter import Limiter
from walead_async.transport.secrets import KeySource

KEY = "wk_secret_123"


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Start a scripted server: `server = await serve(script)`."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(script: Script, trust: tls.SSLContext | None = None) -> ScriptedServer:
            return await stack.enter_async_context(ScriptedServer(script, trust=trust))

        yield start


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Open a client: `client = connect(server.url)`."""
    opened: list[Client] = []

    def open_one(
        url: str,
        *,
        key: str | Callable[[], str] = KEY,
        retry: RetryPolicy = QUICK,
        timeouts: Timeouts = Timeouts(connect=2.0, read=2.0, total=5.0),
        concurrency: int = 8,
        limiter: RateLimiter | None = None,
        hooks: tuple[Callable[[Event], object], ...] = (),
        http: aiohttp.ClientSession | None = None,
        proxy: str | Literal[False] | None = None,
        ssl: tls.SSLContext | None = None,
    ) -> Client:
        client = Client(
            Http(url, key_header="x-api-key", borrowed=http, proxy=proxy, ssl=ssl),
            KeySource(key, service="WaLead"),
            Limiter(concurrency, limiter),
            policy=retry,
            timeouts=timeouts,
            hooks=hooks,
        )
        opened.append(client)
        return client

    yield open_one
    for client in opened:
        await client.close()
