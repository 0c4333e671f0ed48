"""A list is made ready for sending while answers are awaited, and ends as any other source does."""

from __future__ import annotations

import asyncio
import contextlib
from random import Random
from typing import TYPE_CHECKING

import pytest
from blocklist import Bulk, FakeCaller, Fault, Service

from walead_async.models import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

PEOPLE = [f"p{number}" for number in range(200)]


def service_for(rng: Random) -> Service:
    """A service of its own mix of faults and habits."""
    dice, rate = Random(rng.random()), rng.choice([0.0, 0.02, 0.1, 0.4])
    faults = [fault for fault in Fault if fault is not Fault.CUT_LATE]
    return Service(
        blocks=rng.random() < 0.5,
        listed={person for person in PEOPLE if rng.random() < 0.5},
        bad={person: rng.choice([400, 409]) for person in PEOPLE if rng.random() < rng.choice([0.0, 0.05])},
        most_items=rng.choice([10**9, 5]),
        repeats=rng.choice(["counts", "skips", "fails"]),
        status_from=rng.choice([None, None, (rng.randrange(20), rng.choice([401, 403, 500, 413]))]),
        faults=lambda number, keys: dice.choice(faults) if dice.random() < rate else None,
    )


def items_for(rng: Random) -> Sequence[object]:
    """Some people, repeated ones and what nobody is called, as a list or a tuple."""
    items: list[object] = list(PEOPLE[: rng.choice([1, 8, 9, 16, 17, 60, 200])])
    for _ in range(rng.choice([0, 0, 3, 20])):
        items.insert(rng.randrange(len(items) + 1), rng.choice([items[0], "no word", None]))
    return rng.choice([list, tuple])(items)


@pytest.mark.parametrize("seed", range(0, 300, 50))
async def test_every_item_of_a_list_has_one_true_end_in_its_place(seed: int) -> None:
    for number in range(seed, seed + 50):
        rng = Random(number)
        service, items = service_for(rng), items_for(rng)
        bulk = Bulk(
            service, FakeCaller(service, concurrency=rng.choice([1, 2, 4]), attempts=rng.choice([1, 3]), rng=rng)
        )
        async with asyncio.timeout(30):
            report = await bulk.report(items, batch_size=8, verify=rng.choice(["unclear", "always", "never"]))
        assert [outcome.item for outcome in report.outcomes] == list(items)
        assert sum(report.counts.values()) == len(items)
        for outcome in report.outcomes:
            if outcome.status in {Status.DONE, Status.ALREADY}:
                assert service.is_as_wanted(outcome.key)
            elif outcome.status is Status.NOT_SENT:
                assert outcome.key not in service.changed
        assert bulk.caller.most_under_way <= bulk.caller.concurrency
        assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize("status", [401, 403])
async def test_what_was_made_ready_is_not_sent_once_the_run_has_ended(status: int) -> None:
    service = Service(status_from=(3, status))
    bulk = Bulk(service, FakeCaller(service, concurrency=4, rng=Random(1)))
    report = await bulk.report(PEOPLE, batch_size=8)
    assert len(bulk.caller.sent) <= 3 + bulk.caller.concurrency
    assert report.counts[Status.DONE] == 24
    assert report.counts[Status.NOT_SENT] == len(PEOPLE) - 24


async def test_a_list_that_is_given_up_at_any_step_sends_nothing_more() -> None:
    for steps in range(120):
        service = Service(bad={"p7": 400}, faults=lambda number, keys: Fault.CUT_AFTER if number == 2 else None)
        bulk = Bulk(service, FakeCaller(service, rng=Random(steps)))
        report = asyncio.ensure_future(bulk.report(PEOPLE, batch_size=8))
        for _ in range(steps):
            await asyncio.sleep(0)
        report.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await report
        assert asyncio.all_tasks() == {asyncio.current_task()}
        sent = len(bulk.caller.sent)
        for _ in range(10):
            await asyncio.sleep(0)
        assert len(bulk.caller.sent) == sent
