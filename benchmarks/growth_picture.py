"""The growth as a picture: time and memory over records and over callers, on scales that multiply by ten."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape
from typing import NamedTuple

from benchmarks.growth import Curve, Point
from benchmarks.picture import SOFT, framed

__all__ = ["drawn"]

COLOURS = ("#1f6feb", "#c2410c", "#0f766e")
PEER, PEER_WORDS = "#c3ccd4", "#7b8794"
WIDTH, HEIGHT = 900, 640
#: Where each panel's plot begins and how large it is.
LEFTS, TOPS, ACROSS, DOWN = (84, 524), (104, 374), 320, 200


class Panel(NamedTuple):
    """One plot: its place, its words, and what it shows of a point. `floor` is the least that is drawn."""

    column: int
    row: int
    title: str
    below: str
    value: Callable[[Point], float]
    unit: Callable[[float], str]
    floor: float
    curves: Sequence[Curve]


class Scale(NamedTuple):
    """From a value to a place, by its logarithm."""

    least: float
    most: float
    begin: float
    end: float

    def __call__(self, value: float) -> float:
        """The place of the value."""
        part = math.log10(value / self.least) / math.log10(self.most / self.least)
        return self.begin + part * (self.end - self.begin)

    def tens(self) -> list[float]:
        """The powers of ten on the scale."""
        first, last = math.ceil(math.log10(self.least) - 1e-9), math.floor(math.log10(self.most) + 1e-9)
        return [10.0**power for power in range(first, last + 1)]


def drawn(curves: Sequence[Curve], caption: str) -> str:
    """An SVG on a light ground of its own, so that it can be read on a dark page."""
    records = [curve for curve in curves if curve.unit == "records"]
    callers = [curve for curve in curves if curve.unit == "callers"]
    panels = (
        Panel(0, 0, "CPU time, by records", "records", lambda point: point.cpu, _seconds, 0.001, records),
        Panel(1, 0, "Memory growth, by records", "records", lambda point: point.memory, _bytes, 1e5, records),
        Panel(0, 1, "CPU time of one call each, by callers at once", "callers", lambda point: point.cpu, _seconds, 1e-5,
              callers),
        Panel(1, 1, "Memory growth, by callers at once", "callers", lambda point: point.memory, _bytes, 1e5, callers),
    )  # fmt: skip
    read_so = (
        f'<text x="24" y="57" fill="{SOFT}">Both scales multiply by ten. The dashed lines are growth in proportion: '
        "a curve as steep is linear, a flatter one is better.</text>"
    )
    parts = [part for panel in panels if panel.curves for part in _panel(panel)]
    title = "How time and memory grow with the work"
    return framed(WIDTH, HEIGHT, title, ['<g font-size="12">', read_so, *parts, "</g>"], caption)


def _panel(panel: Panel) -> list[str]:
    left, top = LEFTS[panel.column], TOPS[panel.row]
    sizes = [point.size for curve in panel.curves for point in curve.points]
    shown = [point for curve in panel.curves for point in (*curve.points, *curve.peer)]
    values = [max(panel.floor, panel.value(point)) for point in shown]
    across = Scale(min(sizes), max(sizes), left, left + ACROSS)
    least, most = 10.0 ** math.floor(math.log10(min(values))), 10.0 ** math.ceil(math.log10(max(values)))
    down = Scale(least, max(most, least * 10), top + DOWN, top)
    parts = [f'<text x="{left}" y="{top - 14}" font-weight="bold">{escape(panel.title)}</text>']
    parts += _grid(panel, across, down)
    parts += _proportion(across, down)
    parts += _legend(panel)
    for curve in panel.curves:
        places = [(across(point.size), down(max(panel.floor, panel.value(point)))) for point in curve.peer]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{PEER}" stroke-width="6"/>')
    for colour, curve in zip(COLOURS, panel.curves, strict=False):
        places = [(across(point.size), down(max(panel.floor, panel.value(point)))) for point in curve.points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2.5"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in places]
    return parts


def _grid(panel: Panel, across: Scale, down: Scale) -> list[str]:
    left, right, bottom, top = across.begin, across.end, down.begin, down.end
    parts = []
    for value in down.tens():
        y = down(value)
        parts += [
            f'<line x1="{left}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}" stroke="#e4e8ec"/>',
            f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end" fill="{SOFT}">{panel.unit(value)}</text>',
        ]
    for value in across.tens():
        x = across(value)
        parts += [
            f'<line x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{bottom}" stroke="#e4e8ec"/>',
            f'<text x="{x:.1f}" y="{bottom + 17}" text-anchor="middle" fill="{SOFT}">{value:,.0f}</text>',
        ]
    return parts


def _proportion(across: Scale, down: Scale) -> list[str]:
    """Dashed lines along which the value grows as the size does, one for each power of ten that they start from."""
    parts = []
    start = down.least / (across.most / across.least)
    while start < down.most:
        # Each line is cut to where both of its ends are on the plot.
        first = max(across.least, across.least * down.least / start)
        last = min(across.most, across.least * down.most / start)
        if last > first * 1.5:
            ends = [(across(size), down(start * size / across.least)) for size in (first, last)]
            (x1, y1), (x2, y2) = ends
            parts.append(
                f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#b6bec7" '
                'stroke-dasharray="4 4"/>'
            )
        start *= 10
    return parts


def _legend(panel: Panel) -> list[str]:
    shown = [(curve.title, colour) for colour, curve in zip(COLOURS, panel.curves, strict=False)]
    if any(curve.peer for curve in panel.curves):
        shown.append(("raw aiohttp", PEER_WORDS))
    x, top = LEFTS[panel.column] + 8, TOPS[panel.row] + 5
    width = 28 + 7 * max(len(title) for title, _ in shown)
    parts = [f'<rect x="{x}" y="{top}" width="{width}" height="{17 * len(shown) + 6}" rx="4" fill="#fff"/>']
    for position, (title, colour) in enumerate(shown):
        y = top + 17 * (position + 1) - 1
        parts += [
            f'<rect x="{x + 6}" y="{y - 6}" width="12" height="4" fill="{colour}"/>',
            f'<text x="{x + 23}" y="{y}" fill="{colour}" font-weight="bold">{escape(title)}</text>',
        ]
    return parts


def _seconds(value: float) -> str:
    if value < 0.00099:
        return f"{value * 1e6:.0f} µs"
    return f"{value * 1e3:.0f} ms" if value < 0.99 else f"{value:.0f} s"


def _bytes(value: float) -> str:
    return f"{value / 1e6:,.1f} MB" if value < 0.99e6 else f"{value / 1e6:,.0f} MB"
