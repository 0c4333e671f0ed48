from __future__ import annotations

import pytest
from blocklist import Fault
from bulk_runs import KIND, check, run_many


@pytest.mark.parametrize("seed", range(0, 1_000, 100))
async def test_after_each_of_a_hundred_seeded_runs_every_status_is_true(seed: int) -> None:
    for number in range(seed, seed + 100):
        await check(number)


@pytest.mark.soak
def test_so_it_is_after_a_hundred_thousand() -> None:
    assert run_many(100_000, seed=1_000_000)["items"] > 1_000_000


def test_the_simulation_counts_its_runs_by_kind() -> None:
    found = run_many(300, seed=0)
    lists = {kind: count for kind, count in found.items() if kind.startswith(f"{KIND}lists that show writes")}
    assert len(lists) == 5
    assert sum(lists.values()) == 300
    assert {f"{KIND}the fault: {fault.value}" for fault in Fault} < found.keys()
