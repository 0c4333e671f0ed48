from __future__ import annotations

import pytest

from benchmarks.growth import Curve, Point, steeper, worse_than_linear


def test_growth_in_proportion_is_not_steeper() -> None:
    assert steeper([(1_000, 1.0), (10_000, 10.0), (100_000, 100.0)]) == []


def test_a_fixed_cost_is_not_growth() -> None:
    assert steeper([(1, 5.0), (10, 5.9), (100, 15.0)]) == []


def test_what_lies_within_a_half_is_not_steeper() -> None:
    assert steeper([(10, 10.0), (100, 150.0)]) == []


def test_growth_with_the_square_is_steeper_at_every_size_but_the_first() -> None:
    assert steeper([(1, 1.0), (10, 100.0), (100, 10_000.0)]) == [(10, 10.0), (100, 100.0)]


def test_small_steps_up_add_up() -> None:
    assert steeper([(1, 1.0), (10, 13.0), (100, 169.0)]) == [(100, 1.69)]


def test_memory_counts_from_a_megabyte_on() -> None:
    little = [Point(1_000, 1.0, 0.0), Point(10_000, 10.0, 900_000.0)]
    much = [Point(1_000, 1.0, 0.0), Point(10_000, 10.0, 20_000_000.0)]
    assert worse_than_linear(Curve("list", "records", little, [])) == []
    assert worse_than_linear(Curve("list", "records", much, [])) == [
        "list: memory for each of 10,000 records is 2.00 times that of fewer"
    ]


@pytest.mark.parametrize(("peer", "worse"), [(45.0, 0), (35.0, 1)])
def test_growth_that_the_peer_shares_is_not_ours(peer: float, worse: int) -> None:
    ours, theirs = [Point(1, 1.0, 0.0), Point(10, 50.0, 0.0)], [Point(1, 1.0, 0.0), Point(10, peer, 0.0)]
    assert len(worse_than_linear(Curve("find", "callers", ours, theirs))) == worse


@pytest.mark.parametrize(("last", "worse"), [(100.0, 0), (1_000.0, 1)])
def test_a_step_is_allowed_and_what_comes_after_it_is_compared_with_itself(last: float, worse: int) -> None:
    points = [Point(1, 1.0, 0.0), Point(10, 10.0, 0.0), Point(100, 500.0, 0.0), Point(1_000, last * 50, 0.0)]
    assert len(worse_than_linear(Curve("block", "records", points, [], step=50))) == worse
