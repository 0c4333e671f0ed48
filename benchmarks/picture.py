"""The table as a picture: each of our bars beside its peer's, which is the same length in every row."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import groupby

from benchmarks.figures import Figure
from benchmarks.rows import Row
from benchmarks.tables import figure_text, gate_text

__all__ = ["SOFT", "drawn", "framed"]

WIDTH, LEFT, PEER, RIGHT = 980, 372, 260, 738
LINE, HEAD, TOP = 44, 40, 96
#: The longest bar, as a multiple of the peer's.
LONGEST = 1.36

PEER_COLOUR, INK, SOFT = "#d5dbe1", "#24292f", "#57606a"
#: A gate that is met, missed, or not judged.
COLOURS = {True: "#1a7f5a", False: "#c0392b", None: "#4a6fa5"}


def drawn(measured: Sequence[tuple[Row, Figure]], caption: str) -> str:
    """An SVG of the rows that have a gate, on a light ground of its own, so that it can be read on a dark page."""
    gated = [(row, figure) for row, figure in measured if row.gate is not None]
    parts: list[str] = []
    top = TOP
    for group, rows in groupby(gated, key=lambda pair: pair[0].group):
        parts.append(
            f'<text x="24" y="{top + 26}" font-size="14" font-weight="bold">{escape(group)}</text>'
            f'<line x1="24" y1="{top + 34}" x2="{WIDTH - 24}" y2="{top + 34}" stroke="#d0d7de"/>'
        )
        top += HEAD
        for row, figure in rows:
            parts += _bar(row, figure, top)
            top += LINE
    title = "walead_async beside what one would write otherwise"
    return framed(WIDTH, top + 46, title, [*_key([figure.met for _, figure in gated]), *parts], caption)


def framed(width: int, height: int, title: str, parts: Sequence[str], caption: str) -> str:
    """A whole SVG of these parts, below its title and above its caption."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
    lines = [
        f'{head}font-size="13" fill="{INK}" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{width}" height="{height}" rx="10" fill="#fff" stroke="#d0d7de"/>',
        f'<text x="24" y="38" font-size="19" font-weight="bold">{escape(title)}</text>',
        *parts,
        f'<text x="24" y="{height - 18}" font-size="11" fill="{SOFT}">{escape(caption)}</text>',
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _key(met: Sequence[bool | None]) -> list[str]:
    """How to read it, in a line below the title."""
    y = 66
    verdict = None if None in met else all(met)
    words = "gates not judged" if verdict is None else f"{sum(map(bool, met))} of {len(met)} gates met"
    ours = COLOURS[None if verdict is None else True]
    return [
        f'<rect x="24" y="{y - 10}" width="26" height="11" rx="2" fill="{ours}"/>',
        f'<text x="56" y="{y}">walead_async</text>',
        f'<rect x="160" y="{y - 10}" width="26" height="11" rx="2" fill="{PEER_COLOUR}"/>',
        f'<text x="192" y="{y}">what it is measured against</text>',
        _mark(392, y - 4),
        f'<text x="402" y="{y}">the gate: our bar must not pass it. Shorter is better.</text>',
        f'<text x="{WIDTH - 24}" y="{y}" text-anchor="end" font-weight="bold" fill="{COLOURS[verdict]}">{words}</text>',
    ]


def _bar(row: Row, figure: Figure, top: int) -> list[str]:
    """A row: its words, the peer's bar, ours below with its gate and its spread, and the figure."""
    assert row.gate is not None
    value, gate = _part(row, figure.value), _part(row, row.gate)
    spread = [_part(row, one) for one in figure.values]
    colour = COLOURS[figure.met]
    peer = [f'<rect x="{LEFT}" y="{top + 7}" width="{PEER}" height="9" rx="2" fill="{PEER_COLOUR}"/>'] * bool(row.peer)
    y = top + 19
    return [
        f'<text x="24" y="{top + 17}">{escape(row.title)}</text>',
        f'<text x="24" y="{top + 33}" font-size="12" fill="{SOFT}">against {escape(row.against)}</text>',
        *peer,
        f'<rect x="{LEFT}" y="{y}" width="{_length(value):.1f}" height="14" rx="2" fill="{colour}"/>',
        f'<line x1="{LEFT + _length(min(spread)):.1f}" y1="{y + 7}" x2="{LEFT + _length(max(spread)):.1f}" '
        f'y2="{y + 7}" stroke="{INK}" stroke-width="1.5"/>',
        _mark(LEFT + _length(gate), y + 7),
        f'<text x="{RIGHT + 22}" y="{top + 18}" font-weight="bold" fill="{colour}">'
        f"{escape(figure_text(row, figure.value))}</text>",
        f'<text x="{RIGHT + 22}" y="{top + 34}" font-size="12" fill="{SOFT}">gate: {gate_text(row)}</text>',
        *([] if figure.met is None else [_verdict(figure.met, RIGHT + 6, top + 20)]),
    ]


def _part(row: Row, value: float) -> float:
    """A figure as a part of the peer's; of a row without a peer, as a part of its limit."""
    if row.peer is None:
        assert row.gate is not None
        return value / row.gate
    return 1 / value if row.faster else value


def _length(part: float) -> float:
    return PEER * min(part, LONGEST)


def _mark(x: float, y: float) -> str:
    """The mark of a gate."""
    return f'<line x1="{x:.1f}" y1="{y - 10}" x2="{x:.1f}" y2="{y + 10}" stroke="{INK}" stroke-width="2"/>'


def _verdict(met: bool, x: int, y: int) -> str:
    """A tick, or a cross."""
    shape = f"M{x - 5} {y} l4 4 l7 -8" if met else f"M{x - 4} {y - 4} l8 8 m0 -8 l-8 8"
    return f'<path d="{shape}" fill="none" stroke="{COLOURS[met]}" stroke-width="2.5"/>'
