"""Very many callers, and very many items, on one session."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from fault_calls import SOUGHT

from walead_async import AsyncSession, RetryPolicy
from walead_async.errors import WaleadError
from walead_async.models import Status
from walead_async.testing import Emulator

CALLERS = 2_000
QUICK = RetryPolicy(wait_initial=0.0, deadline=50.0)


async def test_2000_callers_all_end_and_each_end_is_true() -> None:
    async with (
        Emulator(leads=23) as emulator,
        AsyncSession(emulator.api_key, base_url=emulator.walead_url, retry=QUICK) as session,
    ):
        emulator.faults.add("~0.03:status=500", "~0.03:reset", "~0.02:apply-then-close", "~0.02:apply-then-status=503")

        async def block(number: int) -> tuple[str, Status]:
            name = f"caller-{number}"
            report = await session.blocked_leads.block([name], check=False)
            (outcome,) = report.outcomes
            return name, outcome.status

        async def find() -> str | None:
            try:
                lead = await session.blocked_leads.find(SOUGHT)
            except WaleadError:
                return "an error"
            return lead.public_identifier if lead else None

        async with asyncio.TaskGroup() as callers:
            blocks = [callers.create_task(block(number)) for number in range(CALLERS // 2)]
            finds = [callers.create_task(find()) for _ in range(CALLERS // 2)]
        blocked = set(emulator.blocked_leads.identifiers())
    ends = [task.result() for task in blocks]
    assert len(dict(ends)) == CALLERS // 2
    for name, status in ends:
        if status in {Status.DONE, Status.ALREADY}:
            assert name in blocked
        elif status is not Status.UNKNOWN:
            assert name not in blocked
    assert Counter(status for _, status in ends)[Status.DONE] > CALLERS // 2 * 0.9
    assert {task.result() for task in finds} <= {SOUGHT, "an error"}
    assert sum(task.result() == SOUGHT for task in finds) > CALLERS // 2 * 0.9


@pytest.mark.soak
async def test_a_million_items_all_end() -> None:
    async with (
        Emulator() as emulator,
        AsyncSession(emulator.api_key, base_url=emulator.walead_url, retry=QUICK) as session,
    ):
        settled = 0
        people = (f"person-{number}" for number in range(1_000_000))
        async for outcome in session.blocked_leads.block_stream(people):
            assert outcome.status is Status.DONE
            settled += 1
        assert settled == len(emulator.blocked_leads) == 1_000_000
