"""Several processes on one outbox, killed with kill -9: every opt-out that was answered with 202 is blocked."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest
from outbox_processes import KEY, QuickOutbox, Worker, delivered, sent
from stores import stored

from walead_async import AsyncSession
from walead_async.testing import Emulator

WORKERS = 3


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator(api_key=KEY) as emulator:
        yield emulator


@pytest.mark.parametrize("kills", [6, pytest.param(50, marks=pytest.mark.soak)])
@pytest.mark.timeout(900)
async def test_whoever_was_answered_with_202_is_blocked(kills: int, where: str, emulator: Emulator) -> None:
    chance = random.Random(kills)
    emulator.faults.add("status=503")
    started = [await Worker.start(where, emulator, f"w{number}") for number in range(WORKERS)]
    working = list(started)
    for worker in working:
        await worker.says("202")
    confirmed: list[tuple[set[object], int]] = []
    for turn in range(kills):
        if turn == kills // 3:
            emulator.faults.clear()
        # the one that delivers, one of the others, and once all of them
        victims = list(working) if turn == kills // 2 else [chance.choice(working)]
        if turn % 2 and (holder := _holder(where)) in {worker.process.pid for worker in working}:
            victims = [worker for worker in working if worker.process.pid == holder]
        await asyncio.sleep(chance.random() * 0.3)
        for victim in victims:
            await victim.kill()
            working.remove(victim)
        confirmed.append((delivered(where), len(emulator.requests)))
        for number in range(len(victims)):
            working.append(await Worker.start(where, emulator, f"k{turn}-{number}"))
            started.append(working[-1])
    for worker in working:
        await worker.says("202")
        await worker.kill()
    taken = set().union(*(worker.taken() for worker in started))
    assert len(taken) > 50
    async with AsyncSession(KEY, base_url=emulator.walead_url) as session, QuickOutbox.open(where, session) as outbox:
        while (await outbox.status()).depth:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert taken <= set(emulator.blocked_leads.identifiers())
    for before, requests in confirmed:
        assert not before & sent(emulator, requests), "what was confirmed before a kill was sent again"


def _holder(where: str) -> object:
    """The process that delivers to WaLead, or did last."""
    if where.startswith("postgresql://"):
        told = stored(where, "select holder_json from walead_lock where name = 'walead.deliver'")
        return orjson.loads(str(told[0][0]))["pid"] if told else None
    with contextlib.suppress(OSError, ValueError):
        return orjson.loads(Path(f"{where}.walead.deliver").read_bytes())["pid"]
    return None


async def test_a_process_that_is_killed_while_it_delivers_is_replaced(where: str, emulator: Emulator) -> None:
    first = await Worker.start(where, emulator, "first")
    try:
        await first.says("202")
        async with (
            AsyncSession(KEY, base_url=emulator.walead_url) as session,
            QuickOutbox.open(where, session) as outbox,
        ):
            assert _holder(where) == first.process.pid
            receipt = await outbox.block("john-doe")
            await receipt.settled()  # delivered by the other one
            await first.kill()
            await (await outbox.block("jane-doe")).settled()
            assert _holder(where) == os.getpid()
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


async def test_a_forked_child_takes_nothing_and_holds_up_nobody(where: str, emulator: Emulator) -> None:
    emulator.faults.add("status=503")
    worker = await Worker.start(where, emulator, "w", "forks")
    try:
        _, child = await worker.says("child")
        refused = await worker.says("503")
        assert "was opened before a fork: open it in the child" in " ".join(refused)
        worker.process.kill()
        emulator.faults.clear()
        async with AsyncSession(KEY, base_url=emulator.walead_url) as session, QuickOutbox.open(where, session):
            while "w-before" not in emulator.blocked_leads:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert "w-child" not in emulator.blocked_leads
    finally:
        os.kill(int(child), signal.SIGKILL)
        await worker.kill()
