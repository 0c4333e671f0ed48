"""Several processes on one outbox, killed with kill -9: every opt-out that was answered with 202 is blocked."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from walead_async import AsyncSession, Outbox
from walead_async.jobs.delivery import Pace
from walead_async.testing import Emulator

ROOT = Path(__file__).parents[2]
WORKER = ROOT / "tests" / "support" / "outbox_worker.py"
KEY = "wk_secret_123"
WORKERS = 3


class QuickOutbox(Outbox):
    """An outbox that does not wait for long."""

    pace = Pace(gather=0.01, look=0.05, take_over=0.1, first=0.02, most=0.1, refused_key=0.1)


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator(api_key=KEY) as emulator:
        yield emulator


class Worker:
    """One process, and what it said."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[list[str]] = []
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, path: Path, emulator: Emulator, name: str, how: str = "for-ever") -> Worker:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, WORKER, path, emulator.walead_url, KEY, name, how),
            stdout=asyncio.subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        return cls(process)

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            if line.endswith(b"\n"):  # the last one may be cut in two
                self.lines.append(line.decode().split())

    async def says(self, word: str) -> list[str]:
        """Wait for a line that begins with this word."""
        while not (found := [line for line in self.lines if line[0] == word]):
            assert self.process.returncode is None or not self._reading.done(), self.lines[-3:]
            await asyncio.sleep(0.01)
        return found[0]

    def taken(self) -> set[str]:
        """Who was answered with 202."""
        return {line[1] for line in self.lines if line[0] == "202"}

    async def kill(self) -> None:
        """kill -9, if it still runs."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.ended()

    async def ended(self) -> int:
        """Its exit code."""
        await self._reading
        return await self.process.wait()


def delivered(path: Path) -> set[str]:
    with contextlib.closing(sqlite3.connect(path, timeout=20)) as connection:
        return {key for (key,) in connection.execute("select key from optout where state = 'delivered'")}


def sent(emulator: Emulator, since: int = 0) -> set[str]:
    """Who stood in requests from this one on."""
    blocks = [request for request in emulator.requests[since:] if request.method == "POST"]
    return {
        lead["publicIdentifier"] for request in blocks for lead in orjson.loads(orjson.dumps(request.body))["leads"]
    }


@pytest.mark.parametrize("kills", [6, pytest.param(50, marks=pytest.mark.soak)])
@pytest.mark.timeout(900)
async def test_whoever_was_answered_with_202_is_blocked(kills: int, tmp_path: Path, emulator: Emulator) -> None:
    chance = random.Random(kills)
    path = tmp_path / "outbox.db"
    emulator.faults.add("status=503")
    started = [await Worker.start(path, emulator, f"w{number}") for number in range(WORKERS)]
    working = list(started)
    for worker in working:
        await worker.says("202")
    confirmed: list[tuple[set[str], int]] = []
    for turn in range(kills):
        if turn == kills // 3:
            emulator.faults.clear()
        # the one that delivers, one of the others, and once all of them
        victims = list(working) if turn == kills // 2 else [chance.choice(working)]
        if turn % 2 and (holder := _holder(path)) in {worker.process.pid for worker in working}:
            victims = [worker for worker in working if worker.process.pid == holder]
        await asyncio.sleep(chance.random() * 0.3)
        for victim in victims:
            await victim.kill()
            working.remove(victim)
        confirmed.append((delivered(path), len(emulator.requests)))
        for number in range(len(victims)):
            working.append(await Worker.start(path, emulator, f"k{turn}-{number}"))
            started.append(working[-1])
    for worker in working:
        await worker.says("202")
        await worker.kill()
    taken = set().union(*(worker.taken() for worker in started))
    assert len(taken) > 50
    async with AsyncSession(KEY, base_url=emulator.walead_url) as session, QuickOutbox.open(path, session) as outbox:
        while (await outbox.status()).depth:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert taken <= set(emulator.blocked_leads.identifiers())
    for before, requests in confirmed:
        assert not before & sent(emulator, requests), "what was confirmed before a kill was sent again"


def _holder(path: Path) -> object:
    with contextlib.suppress(OSError, ValueError):
        return orjson.loads(path.with_name(f"{path.name}.walead.deliver").read_bytes())["pid"]
    return None


async def test_a_process_that_is_killed_while_it_delivers_is_replaced(tmp_path: Path, emulator: Emulator) -> None:
    path = tmp_path / "outbox.db"
    first = await Worker.start(path, emulator, "first")
    try:
        await first.says("202")
        async with (
            AsyncSession(KEY, base_url=emulator.walead_url) as session,
            QuickOutbox.open(path, session) as outbox,
        ):
            assert _holder(path) == first.process.pid
            receipt = await outbox.block("john-doe")
            await receipt.settled()  # delivered by the other one
            await first.kill()
            await (await outbox.block("jane-doe")).settled()
            assert _holder(path) == os.getpid()
    finally:
        await first.kill()
    assert {"john-doe", "jane-doe"} <= set(emulator.blocked_leads.identifiers())


async def test_a_disk_that_fills_up_is_202_or_503_and_nothing_else(tmp_path: Path, emulator: Emulator) -> None:
    path = tmp_path / "outbox.db"
    emulator.faults.add("status=503")
    worker = await Worker.start(path, emulator, "w", "full")
    try:
        assert await worker.ended() == 0
    finally:
        await worker.kill()
    assert {line[0] for line in worker.lines} == {"ready", "202", "503"}
    taken = worker.taken()
    assert any(person.startswith("w-0-") for person in taken)
    assert any(person.startswith("w-1-1999-") for person in taken)
    refused = next(line for line in worker.lines if line[0] == "503")
    assert "disk is full" in " ".join(refused)
    emulator.faults.clear()
    async with AsyncSession(KEY, base_url=emulator.walead_url) as session, QuickOutbox.open(path, session) as outbox:
        while (await outbox.status()).depth:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert taken <= set(emulator.blocked_leads.identifiers())


async def test_a_forked_child_takes_nothing_and_holds_up_nobody(tmp_path: Path, emulator: Emulator) -> None:
    path = tmp_path / "outbox.db"
    emulator.faults.add("status=503")
    worker = await Worker.start(path, emulator, "w", "forks")
    try:
        _, child = await worker.says("child")
        refused = await worker.says("503")
        assert "was opened before a fork: open it in the child" in " ".join(refused)
        worker.process.kill()
        emulator.faults.clear()
        async with AsyncSession(KEY, base_url=emulator.walead_url) as session, QuickOutbox.open(path, session):
            while "w-before" not in emulator.blocked_leads:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert "w-child" not in emulator.blocked_leads
    finally:
        os.kill(int(child), signal.SIGKILL)
        await worker.kill()
