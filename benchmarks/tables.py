"""The figures in words: lines on a terminal, tables in Markdown, and the marked blocks of a page that hold them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.figures import Figure
    from benchmarks.rows import Row

__all__ = ["HEADING", "figure_text", "gate_text", "line", "markdown", "rewrite", "rows_in_markdown", "spread_text"]

HEADING = f"{'work':52} {'against':34} {'figure':>22} {'gate':>14}  {'spread':14} server"

UNITS = {"wall": "of the time", "CPU": "of the CPU", "ratio": "times", "MB": "MB"}


def figure_text(row: Row, value: float) -> str:
    """A figure with what it is: "7.02 times faster", "0.94 of the CPU"."""
    return f"{value:.2f} {UNITS.get(row.measure, row.measure)}"


def gate_text(row: Row) -> str:
    """What the figure must hold."""
    return "none" if row.gate is None else f"at {'least' if row.faster else 'most'} {row.gate:.2f}"


def spread_text(figure: Figure) -> str:
    """The least and the largest of the values whose median the figure is."""
    return f"{min(figure.values):.2f} to {max(figure.values):.2f}" if len(figure.values) > 1 else "one run"


def line(row: Row, figure: Figure) -> str:
    """One row for the terminal; a missed gate and a busy server are marked."""
    mark = "!" if figure.met is False else " "
    said = f"{row.title:52} {row.against:34} {figure_text(row, figure.value):>22}{mark}{gate_text(row):>14}"
    return f"{said}  {spread_text(figure):14} {_server_text(row, figure)}"


def rows_in_markdown(measured: Iterable[tuple[Row, Figure]]) -> str:
    """The rows as tables, one for each group."""
    parts = []
    for group, rows in groupby(measured, key=lambda pair: pair[0].group):
        cells = [
            (
                row.title,
                row.against,
                f"**{figure_text(row, figure.value)}**",
                spread_text(figure),
                gate_text(row) + (", **missed**" if figure.met is False else ""),
                _server_text(row, figure),
            )
            for row, figure in rows
        ]
        parts.append(f"**{group}**\n\n" + markdown(("work", "against", "figure", "spread", "gate", "server"), cells))
    return "\n".join(parts)


def markdown(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def rewrite(page: Path, name: str, block: str) -> None:
    """Put the block between the page's marks `<!-- NAME -->` and `<!-- end of NAME -->`. Raises `ValueError`."""
    text = page.read_text(encoding="utf-8")
    first, last = f"<!-- {name} -->", f"<!-- end of {name} -->"
    marked = re.compile(f"{re.escape(first)}.*{re.escape(last)}", re.DOTALL)
    if not marked.search(text):
        raise ValueError(f"{page} has no block between {first} and {last}")
    whole = f"{first}\n\n{block.strip()}\n\n{last}"
    page.write_text(marked.sub(lambda _: whole, text), encoding="utf-8")


def _server_text(row: Row, figure: Figure) -> str:
    """How much of the time the server worked, at most."""
    if row.at_server == "nothing":
        return "-"
    return f"{figure.server_load:.0%} busy" + (", TOO MUCH" if figure.server_busy else "")
