"""A web server with four workers, killed at random instants while it takes opt-outs: none is lost, none sent twice."""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from itertools import count
from pathlib import Path

import aiohttp
import pytest

from walead_async.testing import Emulator

EXAMPLE = Path(__file__).parents[2] / "examples" / "opt_out_server"
WORKERS = 4
CALLERS = 8


async def until(condition: Callable[[], bool]) -> None:
    """Wait until this is so, which another process brings about."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110  # nothing tells this process of it
            await asyncio.sleep(0.02)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


class Server:
    """The FastAPI example under uvicorn, as a process group that can be killed."""

    def __init__(self, emulator: Emulator, folder: Path) -> None:
        self.outbox = folder / "opt-outs.db"
        self.log = folder / "log"
        self.url = f"http://127.0.0.1:{free_port()}"
        self._environment = os.environ | {
            "WALEAD_API_KEY": emulator.api_key,
            "WALEAD_BASE_URL": emulator.walead_url,
            "PHONELY_API_KEY": emulator.api_key,
            "PHONELY_BASE_URL": emulator.phonely_url,
            "PHONELY_UID": emulator.uid,
            "VOICE_AGENT": "agent-1",
            "OUTBOX": str(self.outbox),
            "WEBHOOK_SECRET": "a-long-random-text",
            "SIGNING_SECRET": "whsec_" + "c2VjcmV0" * 4,
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        port = self.url.rpartition(":")[2]
        program = [sys.executable, "-m", "uvicorn", "fastapi_app:app", "--workers", str(WORKERS), "--port", port]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                program, cwd=EXAMPLE, env=self._environment, stdout=log, stderr=log, start_new_session=True
            )

    def kill_all(self) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def workers(self) -> list[int]:
        """The worker processes that run now."""
        if self._process is None:
            return []
        found = []
        for entry in Path("/proc").iterdir():
            with suppress(OSError, ValueError):
                words = (entry / "stat").read_text().rpartition(")")[2].split()
                is_child = int(words[1]) == self._process.pid and words[0] != "Z"
                if is_child and b"spawn_main" in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
        return found

    def deliverer(self) -> int | None:
        """The process that delivers to WaLead, as its lock says."""
        with suppress(OSError, AttributeError):
            text = self.outbox.with_name(self.outbox.name + ".walead.deliver").read_text()
            return int(re.search(r'"pid": ?(\d+)', text)[1])  # type: ignore[index]
        return None

    def delivered(self) -> set[str]:
        """Who is on the disk as delivered."""
        with suppress(sqlite3.Error), closing(sqlite3.connect(f"file:{self.outbox}?mode=ro", uri=True)) as file:
            return {key for (key,) in file.execute("select key from optout where state = 'delivered'")}
        return set()


@contextmanager
def serving(emulator: Emulator, folder: Path) -> Iterator[Server]:
    server = Server(emulator, folder)
    server.start()
    try:
        yield server
    finally:
        server.kill_all()


class Load:
    """People who opt out without end, and what the server answered."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.accepted: list[str] = []
        self.other: list[int] = []
        self._numbers = count()

    async def _opt_out(self, client: aiohttp.ClientSession) -> None:
        while True:
            person = f"person-{next(self._numbers)}"
            try:
                async with client.post(f"{self.url}/opt-out", data={"profile": person}) as answer:
                    if answer.status == 202:
                        self.accepted.append(person)
                    else:
                        self.other.append(answer.status)
            except aiohttp.ClientError:
                await asyncio.sleep(0.02)

    @asynccontextmanager
    async def on(self) -> AsyncIterator[None]:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as client:
            callers = [asyncio.create_task(self._opt_out(client)) for _ in range(CALLERS)]
            try:
                yield
            finally:
                for caller in callers:
                    caller.cancel()
                await asyncio.gather(*callers, return_exceptions=True)

    async def more(self, accepted: int) -> None:
        """Wait until so many more are accepted."""
        wanted = len(self.accepted) + accepted
        await until(lambda: len(self.accepted) >= wanted)


def sent(emulator: Emulator, first: int) -> list[str]:
    """Everybody in the requests from this one on."""
    return [
        lead["publicIdentifier"]
        for request in emulator.requests[first:]
        if request.method == "POST" and isinstance(request.body, dict)
        for lead in request.body["leads"]
    ]


async def run(emulator: Emulator, folder: Path, kills: int, seed: int) -> None:
    """Kill workers, the one that delivers, and all, with the service away and there in turn."""
    random_instant = random.Random(seed)
    with serving(emulator, folder) as server:
        load = Load(server.url)
        async with load.on():
            await load.more(1)
            for kill in range(kills):
                if kill % 3 == 0:
                    emulator.faults.add("status=503")
                elif kill % 3 == 1:
                    emulator.faults.clear()
                await load.more(random_instant.randrange(1, 60))
                confirmed, already_sent = server.delivered(), len(emulator.requests)
                if kill % 5 == 4:
                    server.kill_all()
                    server.start()
                else:
                    victims = server.workers()
                    deliverer = server.deliverer()
                    victim = deliverer if kill % 2 and deliverer in victims else random_instant.choice(victims or [0])
                    if victim:
                        os.kill(victim, signal.SIGKILL)
                await load.more(20)
                assert confirmed.isdisjoint(sent(emulator, already_sent))
        emulator.faults.clear()
        await until(lambda: set(load.accepted) <= set(emulator.blocked_leads.identifiers()))
    assert set(load.other) <= {503}


@pytest.mark.timeout(150)
async def test_every_opt_out_that_was_accepted_is_blocked_whoever_is_killed(tmp_path: Path) -> None:
    async with Emulator() as emulator:
        await run(emulator, tmp_path, kills=6, seed=1)


@pytest.mark.soak
@pytest.mark.timeout(1800)
async def test_every_opt_out_that_was_accepted_is_blocked_after_fifty_kills(tmp_path: Path) -> None:
    async with Emulator() as emulator:
        await run(emulator, tmp_path, kills=50, seed=2)
