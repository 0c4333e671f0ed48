"""The table as a picture: a bar for each row, as long as its figure is of its gate."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.measure import Figure

__all__ = ["drawn"]

LINE, LEFT, BAR, RIGHT = 30, 460, 260, 210


def drawn(figures: list[Figure]) -> str:
    """An SVG. The upright line is the gate; a bar that stays inside it, or passes it where more is better, meets it."""
    height = LINE * len(figures) + 50
    width = LEFT + BAR + RIGHT
    gate = LEFT + BAR / 2
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        'font-size="13">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<line x1="{gate}" y1="10" x2="{gate}" y2="{height - 30}" stroke="#888" stroke-dasharray="4 3"/>',
        f'<text x="{gate}" y="{height - 12}" text-anchor="middle" fill="#666">gate</text>',
    ]
    for position, figure in enumerate(figures):
        middle = 10 + LINE * position + LINE / 2
        length = min(BAR, BAR / 2 * figure.value / figure.gate)
        colour = "#2a7f62" if figure.met else "#b3402f"
        more = "more is better" if figure.measure.startswith("times") else "less is better"
        parts += [
            f'<text x="{LEFT - 10}" y="{middle + 4}" text-anchor="end">{escape(figure.title)}</text>',
            f'<rect x="{LEFT}" y="{middle - 8}" width="{length:.1f}" height="16" fill="{colour}" rx="2"/>',
            f'<text x="{LEFT + length + 6:.1f}" y="{middle + 4}">{figure.value:.2f} {figure.measure}, {more}</text>',
        ]
    return "\n".join([*parts, "</svg>"]) + "\n"
