"""A scaled-down form of the simulation, and that it sees what it looks for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from simulated_reads import Server, check, plan_for, run_many

from walead_async.paging.reader import Ask

SIMULATION = Path(__file__).with_name("simulation.py")


def test_simulated_reads_lose_nothing_and_say_what_they_know() -> None:
    found = run_many(1_500, seed=1_000_000)
    for end in ("complete", "changed", "unverified", "error"):
        assert sum(count for (group, _, how), count in found.items() if group == "drift" and how == end) > 50
    for hidden in ("beyond", "stretch", "side"):
        assert found["hidden", hidden, "unverified"] > 10


def test_the_simulation_prints_a_summary() -> None:
    program = [sys.executable, str(SIMULATION), "--runs", "200", "--seed", "3"]
    done = subprocess.run(program, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("paging: 200 reads from seed 3 in")
    assert "drift remove" in done.stdout


def test_the_simulation_would_see_a_lost_record() -> None:
    plan = plan_for(0)._replace(fault="none", drift="none", length=20, size=10)
    server = Server(plan)
    with pytest.raises(AssertionError, match="1 records were lost"):
        check(plan, server, server.list.records[:-1], "complete")


def test_the_simulation_would_see_a_record_yielded_twice() -> None:
    plan = plan_for(0)._replace(fault="none", drift="none", length=20, size=10)
    server = Server(plan)
    with pytest.raises(AssertionError, match="yielded twice"):
        check(plan, server, [*server.list.records, server.list.records[3]], "complete")


def test_the_plain_loop_loses_records_in_the_simulated_list() -> None:
    plan = plan_for(0)._replace(kind="ASC", fault="none", drift="remove", rate=1.0, length=250, size=10)
    server = Server(plan)
    got, offset = [], 0
    while page := server.page(Ask(offset)):
        got += page
        offset += len(page)
    with pytest.raises(AssertionError, match="records were lost"):
        check(plan, server, got, "changed")


def test_the_end_of_a_group_in_no_order_is_not_believed_before_the_group_was_seen_whole() -> None:
    # removals during the first page's read-ahead, and an answer that shows a known record of the group last
    assert run_many(1, 24_853)["fault", "unstable", "changed"] == 1


def test_a_list_without_ids_that_ends_in_another_record_than_it_did_is_not_called_complete() -> None:
    # somebody who had been read was blocked anew, stands last now, and others who were not read have moved up
    assert run_many(1, 80_587)["fault", "none", "unverified"] == 1


def test_a_record_of_a_group_in_no_order_that_was_seen_from_the_other_side_does_not_speak_for_the_group() -> None:
    # it was yielded, another of its date was not, and the page of the end showed a third one alone
    assert run_many(1, 1_001_491)["fault", "unstable", "changed"] == 1


def test_a_read_that_goes_on_at_the_end_of_a_list_of_two_records_sees_no_change() -> None:
    # what is left fills the longest page that was seen, so that it does not look like an end
    assert run_many(1, 1_116_269)["fault", "none", "complete"] == 1
