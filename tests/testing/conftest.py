"""Emulators with a client, and stores without a socket."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
from asking import Asker, Start

from walead_async.testing import Emulator, Settings
from walead_async.testing.store import Store


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Start an emulator with a client: `asker = await start(leads=3)`."""
    async with contextlib.AsyncExitStack() as stack:

        async def start_one(**options: Any) -> Asker:
            emulator = await stack.enter_async_context(Emulator(**options))
            connector = aiohttp.TCPConnector(force_close=True)
            http = await stack.enter_async_context(aiohttp.ClientSession(connector=connector, auto_decompress=False))
            return Asker(emulator, http)

        yield start_one


@pytest.fixture
def store() -> Callable[..., Store]:
    """Make a store: `made = store(page_size=2)`."""

    def make(**settings: object) -> Store:
        return Store(Settings().changed(settings), seed=7, api_key="key", uid="user")

    return make
