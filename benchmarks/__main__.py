"""`python -m benchmarks`: measures the rows, prints one table, and exits 1 if a gate is missed."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from benchmarks.measure import Figure, measure
from benchmarks.picture import drawn
from benchmarks.rows import ROWS


def main() -> int:
    """Measure the rows, print the table, and say which gates are missed."""
    parser = argparse.ArgumentParser(description="This package and its peers, side by side.")
    parser.add_argument("--quick", action="store_true", help="a minute, a tenth of the work, and no gate on time")
    parser.add_argument("--only", default="", help="only rows whose title holds these words")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--picture", type=Path, help="draw the figures into this SVG file")
    given = parser.parse_args()
    figures = []
    print(f"{'work':64} {'figure':>9} {'gate':>12}   spread", flush=True)
    for row in ROWS:
        if given.only in row.title:
            figure = measure(row, quick=given.quick)
            figures.append(figure)
            print(line(figure, row.faster), flush=True)
    if given.json:
        given.json.write_text(json.dumps([figure._asdict() for figure in figures], indent=1) + "\n", encoding="utf-8")
    if given.picture:
        given.picture.write_text(drawn(figures), encoding="utf-8")
    missed = [figure.title for figure in figures if not figure.met]
    if missed and not given.quick:
        print("missed:", *missed, sep="\n  ")
        return 1
    return 0


def line(figure: Figure, faster: bool) -> str:
    """One row of the table."""
    bound = "at least" if faster else "at most"
    spread = f"{min(figure.values):.2f} to {max(figure.values):.2f}"
    mark = " " if figure.met else "!"
    return f"{figure.title:64} {figure.value:8.2f}{mark} {bound:>8} {figure.gate:<5.4g} {spread}  ({figure.measure})"


if __name__ == "__main__":
    sys.exit(main())
