"""What every test gets: a bare environment, a look for leaks, and aioresponses mended for the present aiohttp."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import threading
from functools import partialmethod
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import aiohttp
import pytest
from aioresponses import aioresponses
from hypothesis import settings
from pytest_asyncio import is_async_test

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from postgres_server import PostgresServer

OPEN = Path("/proc/self/fd")

settings.register_profile("dev", deadline=None, print_blob=True)
settings.register_profile("ci", deadline=None, print_blob=True, derandomize=True, max_examples=50)
settings.register_profile("soak", deadline=None, print_blob=True, max_examples=5_000)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


def pytest_collection_finish() -> None:
    """Put what the imports made aside, so that looking for leaks after each test is quick."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key, uid or base URL of the person who runs the tests."""
    for name in list(os.environ):
        if name.startswith(("WALEAD_", "PHONELY_")):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _no_leak(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """After a test no file, socket or thread is left, whoever holds it, and no failure that nobody saw.

    What nobody holds and nobody closed warns when it is collected, and a warning is an error.
    """
    before = _descriptors()
    threads = set(threading.enumerate())
    yield
    gc.collect()
    left = [what for number, what in _descriptors().items() if before.get(number) != what]
    assert not left, f"files or sockets are left open: {left}"
    for thread in set(threading.enumerate()) - threads:
        # asyncio's, which wait for a child process, end a moment after it.
        thread.join(timeout=3.0)
        assert not thread.is_alive(), f"a thread is left: {thread}"
    logged = [record for when in ("setup", "call", "teardown") for record in caplog.get_records(when)]
    unseen = [record.getMessage() for record in logged if record.name == "asyncio"]
    assert not [message for message in unseen if "never retrieved" in message]


def _descriptors() -> dict[str, str]:
    """What is open, by its number; nothing where the system does not tell."""
    opened = {}
    for number in OPEN.iterdir() if OPEN.is_dir() else ():
        with contextlib.suppress(OSError):
            opened[number.name] = str(number.readlink())
    return opened


@pytest.fixture(autouse=True)
def _no_task(_no_leak: None, request: pytest.FixtureRequest) -> None:
    """After an asyncio test no task is left."""
    if is_async_test(request.node):
        request.getfixturevalue("_only_task")


@pytest.fixture
async def _only_task() -> AsyncIterator[None]:
    yield
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left, f"tasks are left: {left}"


class _Response(aiohttp.ClientResponse):
    """aioresponses 0.7.9 gives its responses no stream writer, which aiohttp 3.14 asks for."""

    __init__ = partialmethod(aiohttp.ClientResponse.__init__, stream_writer=SimpleNamespace(output_size=0))


class _Mocked(aioresponses):
    add = partialmethod(aioresponses.add, response_class=_Response)


@pytest.fixture
def mocked() -> Iterator[aioresponses]:
    """Answers in place of the network: `mocked.get(url, payload=...)`, then `mocked.requests`.

    It fires no middleware and no time-out, so it is for what a resource sends; transport is tested on real servers.
    """
    with _Mocked() as answers:
        yield answers


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server, started for the first test that asks for it."""
    from postgres_server import running_server

    with running_server() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The address of a database that is empty."""
    name = postgres_server.make_database()
    yield postgres_server.url(name)
    postgres_server.drop_database(name)


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a journal or an outbox is to be: in a file, and once more in a database."""
    if request.param == "PostgreSQL":
        url: str = request.getfixturevalue("postgres_url")
        return url
    return str(tmp_path / "J")
