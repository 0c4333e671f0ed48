from __future__ import annotations

from xml.etree import ElementTree

import pytest

from benchmarks.figures import Figure
from benchmarks.growth import Curve, Point
from benchmarks.growth_picture import Scale
from benchmarks.growth_picture import drawn as drawn_growth
from benchmarks.picture import drawn
from benchmarks.rows import ROWS

GATED = [row for row in ROWS if row.gate is not None]


def figure(met: bool | None) -> Figure:
    return Figure(1.5, [1.0, 1.5, 2.0], met, 1.0, 1.5, 10, 10, 0.1, False)


def words(svg: str) -> list[str | None]:
    return [text.text for text in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


@pytest.mark.parametrize(
    ("met", "said"),
    [
        (True, f"{len(GATED)} of {len(GATED)} gates met"),
        (False, f"0 of {len(GATED)} gates met"),
        (None, "gates not judged"),
    ],
)
def test_the_picture_says_how_many_gates_are_met(met: bool | None, said: str) -> None:
    assert said in words(drawn([(row, figure(met)) for row in ROWS], "where & when"))


def test_the_picture_leaves_out_rows_without_a_gate() -> None:
    told = words(drawn([(row, figure(True)) for row in ROWS], "where & when"))
    assert [row.title for row in ROWS if row.gate is None and row.title in told] == []
    assert "where & when" in told


def test_each_power_of_ten_is_as_far_from_the_last() -> None:
    scale = Scale(least=1_000, most=1_000_000, begin=100, end=400)
    assert [round(scale(value)) for value in scale.tens()] == [100, 200, 300, 400]


def test_the_growth_is_drawn_with_the_peer_that_was_measured() -> None:
    points = [Point(1, 0.001, 0.0), Point(2_000, 2.0, 4e7)]
    assert "raw aiohttp" in words(drawn_growth([Curve("find", "callers", points, points)], "when"))
    assert "raw aiohttp" not in words(drawn_growth([Curve("find", "callers", points, [])], "when"))
