"""Runs the fault matrix, prints it as a table, and writes its page once every cell is as promised.

`python tests/faults/matrix.py`, or some rows of it: `python tests/faults/matrix.py --row 401 --row "a zip bomb"`. Exits
with 1 if a cell is not as promised.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]

from fault_calls import Column  # noqa: E402 - once the path is set
from fault_cells import cells_of, run_cell  # noqa: E402 - once the path is set
from fault_page import PAGE, end_of, page  # noqa: E402 - once the path is set
from fault_rows import ROWS  # noqa: E402 - once the path is set
from fault_table import Row  # noqa: E402 - once the path is set

WIDTH = max(len(str(row)) for rows in ROWS.values() for row in rows)


def run_row(row: Row, columns: list[str]) -> list[str]:
    """Run the cells of a row, print a line for each mode, and return what is not as promised."""
    wrong: list[str] = []
    for mode in row.modes:
        line = []
        for column in row.columns:
            if (column, mode) not in cells_of(row) or (columns and column.value not in columns):
                continue
            cell = run_cell(row, column, mode)
            promised = end_of(row, column, mode)
            problems = cell.problems if cell.words == promised else [f"not {promised}", *cell.problems]
            wrong += [f"{row}, {mode}, {column}: {cell.words}: {problem}" for problem in problems]
            line.append(f"{column}: {cell.words}" + (" (WRONG)" if problems else ""))
        ends = sorted({part.partition(": ")[2] for part in line})
        if line:
            print(f"  {row!s:{WIDTH}} {mode:12} " + (ends[0] if len(ends) == 1 else "; ".join(line)), flush=True)
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description="The fault matrix, run and printed.")
    parser.add_argument("--row", action="append", default=[], help="only rows of this name")
    parser.add_argument("--column", action="append", default=[], choices=list(Column), help="only these calls")
    parser.add_argument("--dry", action="store_true", help="do not write the page")
    chosen = parser.parse_args()
    names = {row.name for rows in ROWS.values() for row in rows}
    if unknown := set(chosen.row) - names:
        parser.error(f"there is no row {sorted(unknown)[0]!r}, but {', '.join(sorted(names))}")
    began = time.perf_counter()
    gc.collect()
    gc.freeze()
    wrong: list[str] = []
    cells = 0
    for group, rows in ROWS.items():
        picked = [row for row in rows if not chosen.row or row.name in chosen.row]
        if picked:
            print(group)
        for row in picked:
            wrong += run_row(row, chosen.column)
            cells += len(cells_of(row))
    if not chosen.row and not chosen.column:
        print(f"{cells} cells in {time.perf_counter() - began:.0f} s")
    if wrong:
        print("\n".join(["not as promised:", *wrong]))
        sys.exit(1)
    if not (chosen.row or chosen.column or chosen.dry):
        PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
