"""Very many callers, and very many items, on one session."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from fault_calls import requests_of, unproven

from walead_async import AsyncSession, RetryPolicy
from walead_async.errors import WaleadError
from walead_async.models import BulkReport, Status
from walead_async.testing import Emulator, Settings

CALLERS = 2_000
#: Of each kind; further callers ask for somebody meanwhile.
HALF = CALLERS // 2
READERS = 200
QUICK = RetryPolicy(wait_initial=0.0, deadline=50.0)
#: One request in ten, half of them carried out.
TENTH = ("~0.03:status=500", "~0.025:reset", "~0.025:apply-then-close", "~0.025:apply-then-status=503")


async def test_2000_callers_all_end_and_each_end_is_true() -> None:
    async with (
        Emulator(settings=Settings(page_size=2 * CALLERS)) as emulator,
        AsyncSession(emulator.api_key, base_url=emulator.walead_url, retry=QUICK) as session,
    ):
        emulator.add_leads(["sought"])
        ids = emulator.add_leads([f"blocked-{number}" for number in range(HALF)])
        emulator.faults.add(*TENTH)
        leads = session.blocked_leads

        async def find() -> str | None:
            try:
                lead = await leads.find("sought")
            except WaleadError:
                return "an error"
            return lead.public_identifier if lead else None

        async with asyncio.TaskGroup() as callers:
            blocks = [callers.create_task(leads.block([f"new-{number}"], check=False)) for number in range(HALF)]
            unblocks = [callers.create_task(leads.unblock([record_id], check=False)) for record_id in ids]
            finds = [callers.create_task(find()) for _ in range(READERS)]

        failed = sum(request.fault is not None for request in emulator.requests)
        assert 0.08 < failed / len(emulator.requests) < 0.12
        assert unproven(requests_of(emulator)) == []
        blocked, left = set(emulator.blocked_leads.identifiers()), set(emulator.blocked_leads.ids())

    assert_true(
        [task.result() for task in blocks], {f"new-{number}": f"new-{number}" in blocked for number in range(HALF)}
    )
    assert_true([task.result() for task in unblocks], {record_id: record_id not in left for record_id in ids})
    assert {task.result() for task in finds} <= {"sought", "an error"}
    assert sum(task.result() == "sought" for task in finds) > READERS * 0.9


def assert_true(reports: list[BulkReport], carried_out: dict[str, bool]) -> None:
    """Every item has one status, which agrees with what was carried out; nearly all are as wanted."""
    ends = [(outcome.item, outcome.status) for report in reports for outcome in report.outcomes]
    assert [item for item, _ in ends] == list(carried_out)
    for item, status in ends:
        if status is not Status.UNKNOWN:
            assert (status in {Status.DONE, Status.ALREADY}) is carried_out[str(item)]
    statuses = Counter(status for _, status in ends)
    assert statuses[Status.DONE] + statuses[Status.ALREADY] > HALF * 0.9


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
