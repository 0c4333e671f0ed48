"""Applies that are killed with `kill -9`: the next one goes on, and the remote state is that of one not killed."""

from __future__ import annotations

import asyncio
import os
import random
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from job_files import Files, changes, people

from walead_async import AsyncSession
from walead_async.jobs import Journal, Plan, PlanState, apply, open_journal, plan, run, status
from walead_async.testing import Emulator, Settings

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "tests" / "support" / "job_process.py"
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT)}

LATE = Settings(latency=0.02, batch_limit=60)
VARIANTS = {
    "late answers": LATE,
    "late lists": Settings(latency=0.005, batch_limit=60, stale=0.4),
    "re-blocks that add": Settings(latency=0.005, batch_limit=60, reblock="adds"),  # type: ignore[arg-type]
    "re-blocks that replace": Settings(latency=0.005, batch_limit=60, reblock="replaces"),  # type: ignore[arg-type]
    "ids that are refused": Settings(latency=0.005, batch_limit=60, unknown_id="fails"),  # type: ignore[arg-type]
}


async def killed(journal: str, emulator: Emulator, made: Plan, settle: float, requests: int) -> None:
    """Apply in a process of its own, and kill it once so many requests have come."""
    command = [str(PROGRAM), journal, emulator.walead_url, emulator.api_key, made.id, str(settle)]
    since = len(emulator.requests)
    process = await asyncio.create_subprocess_exec(sys.executable, *command, env=ENVIRONMENT)
    ended = asyncio.create_task(process.wait())
    await arrived(lambda: ended.done() or len(emulator.requests) >= since + requests)
    if not ended.done():
        process.kill()
    await ended


async def arrived(enough: Callable[[], bool]) -> None:
    """Return when enough requests have come."""
    while not enough():  # noqa: ASYNC110  # what is waited for is another process
        await asyncio.sleep(0.001)


def deleted_twice_unseen(emulator: Emulator) -> list[str]:
    """Ids that stood in a second DELETE without a listing between the two."""
    asked: set[object] = set()
    found = []
    for request in emulator.requests:
        if request.method == "GET":
            asked.clear()
        elif request.method == "DELETE" and isinstance(request.body, list) and request.status != 413:
            found += [str(each) for each in request.body if each in asked]
            asked.update(request.body)
    return found


class Job:
    """A plan that blocks and, as a mirror, removes half of what an earlier one blocked, on an emulator of its own."""

    def __init__(self, folder: Path, where: str, mode: str, settings: Settings, rows: int, settle: float) -> None:
        folder.mkdir()
        self.where = where
        self.folder, self.mode, self.rows, self.settle = folder, mode, rows, settle
        self.settings = settings.changed({"log_size": 1_000_000})
        self.emulator = Emulator(seed=3, settings=Settings(log_size=1_000_000))
        self.states: list[PlanState] = []
        #: How many requests the last apply took.
        self.requests = 0

    async def carry_out(self, kills: Sequence[int]) -> None:
        """Apply, killed after each of these numbers of requests, and at last to the end."""
        files, emulator = Files(self.folder), self.emulator
        async with (
            emulator,
            AsyncSession(emulator.api_key, base_url=emulator.walead_url) as session,
            open_journal(self.where) as journal,
        ):
            before = files.csv(people(self.rows // 2), "before.csv", "before")
            _, report = await run(journal, session, before, settle=0.0)
            assert report.ok
            emulator.add_leads(["by-hand"])
            source = files.csv(people(self.rows, self.rows // 4), reason="asked")
            options = {"mode": "mirror", "max_removals": self.rows} if self.mode == "mirror" else {}
            made = await plan(journal, session, source, **options)  # type: ignore[arg-type]
            emulator.settings = self.settings
            for requests in kills:
                await killed(self.where, emulator, made, self.settle, requests)
                self.states.append((await status(journal, made.id))[0].state)
            since = len(emulator.requests)
            report = await apply(journal, session, made.id, settle=self.settle, patience=60.0)
            assert report.ok
            self.requests = len(emulator.requests) - since

    def remote(self) -> set[tuple[str, str | None]]:
        return {(lead.public_identifier, lead.reason) for lead in self.emulator.blocked_leads}


async def check_killed(
    folder: Path, where: str, mode: str, settings: Settings, rows: int, kills: int, settle: float
) -> None:
    """What is killed, here and there in its listing, its changes and its closing list, ends as what is not."""
    whole = Job(folder / "whole", str(folder / "whole" / "J"), mode, settings, rows, settle)
    await whole.carry_out([])
    chance = random.Random(f"{mode}/{settings}")
    stretch = whole.requests / kills
    instants = [1 + int(stretch * (number + chance.random())) for number in range(kills)]
    job = Job(folder / "killed", where, mode, settings, rows, settle)
    await job.carry_out(instants)
    assert job.remote() == whole.remote()
    assert deleted_twice_unseen(job.emulator) == []
    assert PlanState.STOPPED in job.states


@pytest.mark.parametrize("mode", ["add", "mirror"])
async def test_killed_at_any_instant_it_ends_as_one_not_killed(tmp_path: Path, where: str, mode: str) -> None:
    await check_killed(tmp_path, where, mode, LATE, rows=2_000, kills=3, settle=0.0)


@pytest.mark.parametrize("variant", ["late lists", "re-blocks that replace"])
async def test_the_same_with_services_of_every_kind(tmp_path: Path, where: str, variant: str) -> None:
    settle = 1.0 if variant == "late lists" else 0.0
    await check_killed(tmp_path, where, "mirror", VARIANTS[variant], rows=600, kills=3, settle=settle)


@pytest.mark.soak
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("mode", ["add", "mirror"])
async def test_a_hundred_thousand_rows_killed_fifty_times(tmp_path: Path, where: str, mode: str) -> None:
    settings = Settings(latency=0.002, batch_limit=500)
    await check_killed(tmp_path, where, mode, settings, rows=100_000, kills=50, settle=0.0)


@pytest.mark.soak
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("variant", VARIANTS)
async def test_ten_thousand_rows_with_services_of_every_kind(tmp_path: Path, where: str, variant: str) -> None:
    settle = 1.0 if variant == "late lists" else 0.0
    await check_killed(tmp_path, where, "mirror", VARIANTS[variant], rows=10_000, kills=20, settle=settle)


async def test_who_applies_is_told_while_it_runs(
    emulator: Emulator, session: AsyncSession, where: str, journal: Journal, files: Files
) -> None:
    made = await plan(journal, session, files.csv(people(200)))
    emulator.faults.add("POST:hang")
    command = [str(PROGRAM), where, emulator.walead_url, emulator.api_key, made.id, "0"]
    process = await asyncio.create_subprocess_exec(sys.executable, *command, env=ENVIRONMENT)
    try:
        await arrived(lambda: "POST" in changes(emulator))
        assert (await status(journal))[0].state is PlanState.APPLYING
    finally:
        process.kill()
        await process.wait()
    assert (await status(journal))[0].state is PlanState.STOPPED
