from __future__ import annotations

from benchmarks.growth import Curve, Point, steeper, worse_than_linear


def test_growth_in_proportion_is_not_steeper() -> None:
    assert steeper([(1_000, 1.0), (10_000, 10.0), (100_000, 100.0)]) == []


def test_a_fixed_cost_is_not_growth() -> None:
    assert steeper([(1, 5.0), (10, 5.9), (100, 15.0)]) == []


def test_what_lies_within_a_quarter_is_not_steeper() -> None:
    assert steeper([(10, 10.0), (100, 125.0)]) == []


def test_growth_with_the_square_is_steeper_at_every_size_but_the_first() -> None:
    assert steeper([(1, 1.0), (10, 100.0), (100, 10_000.0)]) == [(10, 10.0), (100, 100.0)]


def test_small_steps_up_add_up() -> None:
    assert steeper([(1, 1.0), (10, 12.0), (100, 144.0)]) == [(100, 1.44)]


def test_memory_counts_from_a_megabyte_on() -> None:
    little = Curve("list", "records", [Point(1_000, 1.0, 0.0), Point(10_000, 10.0, 900_000.0)])
    much = Curve("list", "records", [Point(1_000, 1.0, 0.0), Point(10_000, 10.0, 20_000_000.0)])
    assert worse_than_linear(little) == []
    assert worse_than_linear(much) == ["list: memory for each of 10,000 records is 2.00 times that of fewer"]
