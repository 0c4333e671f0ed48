"""`python -m benchmarks`: measures, prints, and exits 1 if a gate or the limit of growth is missed."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from benchmarks import growth, growth_picture, picture, profile, tables
from benchmarks.figures import Figure
from benchmarks.machine import Machine, this_machine
from benchmarks.measure import measure
from benchmarks.rows import ROWS, Row

DOCS = Path("docs")
PAGE = DOCS / "explanation" / "performance.md"
PICTURES = DOCS / "_static"


def main() -> int:
    """Measure what was asked for, print it, and say what was missed."""
    given = _arguments()
    machine = this_machine()
    told: dict[str, Any] = {"machine": machine._asdict(), "quick": given.quick}
    missed: list[str] = []
    print(machine)
    if given.table:
        missed += _table(given, machine, told)
    if given.profile:
        _profile(given, machine, told)
    if given.growth:
        missed += _growth(given, machine, told)
    if given.json:
        given.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    if missed:
        print("\nmissed:", *missed, sep="\n  ")
        return 1
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="This package and its peers, side by side. Without a part, all three.")
    parser.add_argument("--table", action="store_true", help="the part that compares, and has gates")
    parser.add_argument("--profile", action="store_true", help="the part that says where the time goes")
    parser.add_argument("--growth", action="store_true", help="the part that shows how time and memory grow")
    parser.add_argument("--quick", action="store_true", help="a minute, little work, and nothing can be missed")
    parser.add_argument("--only", default="", metavar="WORDS", help="only rows of the table that hold these words")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--picture", type=Path, help="draw the table into this SVG file")
    parser.add_argument("--growth-picture", type=Path, help="draw the growth into this SVG file")
    parser.add_argument("--docs", action="store_true", help=f"put tables and pictures into {PAGE} and {PICTURES}")
    given = parser.parse_args()
    if given.only:
        given.table = True
    if not (given.table or given.profile or given.growth):
        given.table = given.profile = given.growth = True
    if given.docs and given.only:
        parser.error("--docs takes the whole table, without --only")
    return given


def _table(given: argparse.Namespace, machine: Machine, told: dict[str, Any]) -> list[str]:
    """Measure the rows; returns the names of those that missed their gate."""
    print("\n" + tables.HEADING, flush=True)
    measured: list[tuple[Row, Figure]] = []
    for row in ROWS:
        if given.only in f"{row.title}, {row.against}":
            figure = measure(row, quick=given.quick)
            measured.append((row, figure))
            print(tables.line(row, figure), flush=True)
    told["rows"] = [_facts(row) | figure._asdict() for row, figure in measured]
    drawing = picture.drawn(measured, _caption(machine, given.quick))
    if given.picture:
        given.picture.write_text(drawing, encoding="utf-8")
    if given.docs:
        (PICTURES / "performance.svg").write_text(drawing, encoding="utf-8")
        where = f"Measured on {machine}.\n\n"
        tables.rewrite(PAGE, "table", _when(machine, given.quick) + tables.rows_in_markdown(measured) + "\n" + where)
    return [
        f"{row.title}, {row.against}: {tables.figure_text(row, figure.value)}, must be {tables.gate_text(row)}"
        for row, figure in measured
        if figure.met is False
    ]


def _profile(given: argparse.Namespace, machine: Machine, told: dict[str, Any]) -> None:
    found = list(profile.profiles(quick=given.quick))
    told["profiles"] = [one._asdict() for one in found]
    print("\n" + profile.in_words(found), flush=True)
    if given.docs:
        tables.rewrite(PAGE, "profile", _when(machine, given.quick) + profile.in_markdown(found))


def _growth(given: argparse.Namespace, machine: Machine, told: dict[str, Any]) -> list[str]:
    """Measure the growth; returns the names of the works that grow worse than linearly."""
    curves = []
    print(flush=True)
    for curve in growth.curves(quick=given.quick):
        curves.append(curve)
        print(growth.in_words(curve), flush=True)
    told["growth"] = [curve._asdict() for curve in curves]
    drawing = growth_picture.drawn(curves, _caption(machine, given.quick))
    if given.growth_picture:
        given.growth_picture.write_text(drawing, encoding="utf-8")
    if given.docs:
        (PICTURES / "growth.svg").write_text(drawing, encoding="utf-8")
        tables.rewrite(PAGE, "growth", _when(machine, given.quick) + growth.in_markdown(curves))
    return [found for curve in curves for found in curve.worse or ()]


def _facts(row: Row) -> dict[str, Any]:
    """What the JSON says of a row, beside its figure."""
    return {
        "group": row.group,
        "title": row.title,
        "against": row.against,
        "measure": row.measure,
        "gate": row.gate,
    }


def _caption(machine: Machine, quick: bool) -> str:
    """The line below a picture."""
    form = "quick form, little work and one run: not to be relied on" if quick else "medians of alternated runs"
    peers = ", ".join(f"{name} {machine.libraries[name]}" for name in ("aiohttp", "httpx", "pydantic", "cattrs"))
    return (
        f"{machine.date[:10]}, {machine.cpus} CPUs, load {machine.load:.1f}, Python {machine.python}, {peers}; {form}"
    )


def _when(machine: Machine, quick: bool) -> str:
    """What stands above a table in the page."""
    form = ", in the quick form: little work and one run each, not to be relied on" if quick else ""
    return f"Measured on {machine.date[:10]}{form}.\n\n"


if __name__ == "__main__":
    sys.exit(main())
