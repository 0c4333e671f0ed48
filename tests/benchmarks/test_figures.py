from __future__ import annotations

import pytest

from benchmarks.figures import Served, Used, figure_of, shortfall
from benchmarks.rows import ROWS, Row, Subject

SERVED = Served(requests=10, sent=1_000, changed=0, cpu=0.1)


def row(measure: str = "CPU", gate: float | None = 1.0, *, alone: bool = False, seen: str = "reads") -> Row:
    peer = None if alone else Subject("theirs")
    return ROWS[0]._replace(
        ours=Subject("ours"), peer=peer, measure=measure, gate=gate, at_server=seen, warm_up=0, work=1_000
    )


def used(seconds: float = 1.0, cpu: float = 1.0, growth: int = 0, done: int = 1_000, served: Served = SERVED) -> Used:
    return Used(done, seconds, cpu, growth, served)


def test_a_figure_is_the_median_of_the_ratios_of_pairs_and_not_the_ratio_of_medians() -> None:
    ours, peers = [used(cpu=cpu) for cpu in (1.0, 2.0, 9.0)], [used(cpu=cpu) for cpu in (4.0, 2.0, 3.0)]
    figure = figure_of(row(), ours, peers)
    assert (figure.value, figure.values) == (1.0, [0.25, 1.0, 3.0])
    assert (figure.ours, figure.peer) == (2.0, 3.0)


def test_times_faster_is_the_peers_wall_time_over_ours() -> None:
    assert figure_of(row("times faster"), [used(seconds=0.5)], [used(seconds=4.0, cpu=99)]).value == 8.0


def test_times_less_cpu_is_the_peers_cpu_over_ours() -> None:
    assert figure_of(row("times less CPU"), [used(cpu=0.5)], [used(cpu=2.0, seconds=99)]).value == 4.0


def test_memory_has_no_peer_and_is_in_megabytes() -> None:
    figure = figure_of(row("MB", 2.0, alone=True), [used(growth=1_500_000)], [])
    assert (figure.value, figure.peer, figure.peer_requests, figure.met) == (1.5, None, None, True)


@pytest.mark.parametrize(
    ("measure", "gate", "ours", "peer", "met"),
    [
        ("CPU", 1.10, 1.1, 1.0, True),
        ("CPU", 1.10, 1.2, 1.0, False),
        ("wall", 1.05, 1.0, 1.0, True),
        ("wall", 1.05, 2.0, 1.0, False),
        ("times faster", 7.0, 1.0, 7.0, True),
        ("times faster", 7.0, 1.0, 6.9, False),
        ("CPU", None, 99.0, 1.0, None),
    ],
)
def test_a_gate_is_met_at_its_own_value(
    measure: str, gate: float | None, ours: float, peer: float, met: bool | None
) -> None:
    assert figure_of(row(measure, gate), [used(ours, ours)], [used(peer, peer)]).met is met


def test_no_gate_is_judged_in_the_quick_form() -> None:
    assert figure_of(row(gate=0.1), [used()], [used()], judged=False).met is None


@pytest.mark.parametrize(("measure", "busy"), [("wall", True), ("times faster", True), ("CPU", False)])
def test_a_server_that_works_most_of_the_time_is_told_where_wall_time_is_compared(measure: str, busy: bool) -> None:
    idle, loaded = SERVED._replace(cpu=0.2), SERVED._replace(cpu=0.9)
    figure = figure_of(row(measure), [used(served=idle)], [used(served=loaded)])
    assert (figure.server_load, figure.server_busy) == (0.9, busy)


def test_what_the_server_saw_before_a_subject_is_not_the_subjects() -> None:
    before, after = Served(10, 1_000, 50, 0.5), Served(25, 1_200, 450, 0.75)
    assert after.since(before) == Served(15, 200, 400, 0.25)


def test_work_that_was_done_is_not_missed() -> None:
    assert shortfall(row(), used(), 1_000) is None


def test_a_subject_that_counts_too_little_is_found_out() -> None:
    assert shortfall(row(), used(done=999), 1_000) == "did 999 of 1000"


def test_records_that_the_server_never_sent_are_found_out() -> None:
    assert shortfall(row(), used(served=SERVED._replace(sent=900)), 1_000) == "was sent 900 of 1000 records"


@pytest.mark.parametrize("changed", [999, 1_001])
def test_leads_that_the_server_did_not_block_once_are_found_out(changed: int) -> None:
    found = shortfall(row(seen="changes"), used(served=SERVED._replace(changed=changed)), 1_000)
    assert found == f"had {changed} leads blocked, not 1000"


def test_calls_that_warm_the_connections_count_at_the_server() -> None:
    small = row(seen="changes")._replace(warm_up=50)
    assert shortfall(small, used(served=SERVED._replace(changed=1_050)), 1_000) is None
