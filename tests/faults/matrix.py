"""Runs the fault matrix, prints it as a table, and writes its page once every cell is as promised.

`python tests/faults/matrix.py`, or some rows of it: `python tests/faults/matrix.py --row 401 --row "a zip bomb"`. Exits
with 1 if a cell is not as promised.
"""

from __future__ import annotations

import argparse
import gc
import re
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path.append(str(TESTS / "support"))

from fault_calls import Column  # noqa: E402 - once the path is set
from fault_cells import Cell, run  # noqa: E402 - once the path is set
from fault_rows import HELD_BY, NOT_COVERED_YET, ROWS, Mode, Row  # noqa: E402 - once the path is set

from walead_async.testing.faults import KINDS  # noqa: E402 - once the path is set

PAGE = TESTS.parent / "docs" / "reference" / "faults.md"
WIDTH = max(len(str(row)) for rows in ROWS.values() for row in rows)

HEAD = """\
# Faults that are survived

What goes wrong between a program and the two services, and how each call ends then. Every cell is a test over real
sockets against the emulator (`nox -s matrix` runs them and writes this page). `fine` is as if nothing had happened. An
error is what a read raises, or what ended a bulk call; a status is that of the items of a bulk call
([what they mean](../how-to/handle-errors.md)); `changed` and `unverified` are what a listing says of itself
([what that promises](../explanation/paging.md)). After each cell no record was yielded twice, and none was lost without
an error or `unverified`; nobody who is blocked was said not to be; every item had exactly one status, which agreed with
what the service held (but for one that answers 404 to every unblock of an id it has, or that a number failed which it
changed: that is believed); no unblock had been sent twice without proof that the first did nothing (a list that still
shows the record is such a proof, also one that lags behind), and nothing was unblocked but what was asked for; no task,
socket or file was left; and the key was in no log, error, pickle or event, nor was half of it.

A fault meets the first request that matters ("once"), each that matters ("every time": all reads of a read, all blocks
of a block), or whatever is asked ("all requests": the read-backs of a bulk call fail too). `find nobody` looks for
two people who are not blocked, and whose names are parts of others; `find one of many alike` looks for the first of
them, and then for somebody who is blocked and stands last in what a search for the name finds.
"""

NOT_COVERED = """\
Not covered yet, since the client keeps no journal, nor anything else, on disk between two runs of a program:
"""

NAMES = """\
## The faults of the emulator, by name

What a test or `walead emulator --fault` may ask for; [how, and when they are played](../how-to/test-your-program.md).
"""


def run_row(row: Row, columns: Sequence[str] = ()) -> tuple[dict[tuple[Column, Mode], Cell], list[str]]:
    """Run the cells of a row, or of some of its columns; returns them, and in words what is not as promised."""
    promised = {cell: end for cell, end in row.cells().items() if not columns or cell[0] in columns}
    cells = dict(zip(promised, run(row, list(promised)), strict=True))
    wrong = []
    for (column, mode), cell in cells.items():
        end = promised[column, mode]
        problems = [f"ended as {cell.words!r}, not as {end!r}"] * (cell.words != end) + cell.problems
        wrong += [f"{row}, {mode}, {column}: {problem}" for problem in problems]
    return cells, wrong


def lines(row: Row, cells: dict[tuple[Column, Mode], Cell]) -> Iterator[str]:
    """The cells of a row for a terminal, a line for each mode."""
    for mode in Mode:
        ends = {column: cell.words for (column, of), cell in cells.items() if of is mode}
        if ends:
            told = "; ".join(f"{column}: {end}" for column, end in ends.items())
            yield f"  {row!s:{WIDTH}} {mode:12} {told if len(set(ends.values())) > 1 else ends.popitem()[1]}"


def page() -> str:
    """The page of the documentation."""
    groups = dict.fromkeys([*ROWS, *NOT_COVERED_YET, *HELD_BY])
    return "\n".join([HEAD, *(line for group in groups for line in _group(group)), NAMES, *_names(), ""])


def _names() -> Iterator[str]:
    yield "| fault | what it does |"
    yield "|---|---|"
    for name, kind in KINDS.items():
        optional = re.fullmatch(r"\[(\w+)\]", kind.takes)
        takes = f"[={optional[1]}]" if optional else kind.takes and f"={kind.takes}"
        yield f"| `{name.value}{takes}` | {kind.means} |"


def _group(group: str) -> Iterator[str]:
    yield f"## {group.capitalize()}"
    yield ""
    rows = ROWS.get(group, [])
    for mode in Mode:
        yield from _table(rows, mode)
    if held := [f"- {name}: `{test.partition('::')[0]}`" for name, test in HELD_BY.get(group, {}).items()]:
        yield from (*held, "")
    if missing := [f"- {name}" for name in NOT_COVERED_YET.get(group, ())]:
        yield from (NOT_COVERED, *missing, "")


def _table(rows: list[Row], mode: Mode) -> Iterator[str]:
    ends = [(row, {column: end for (column, of), end in row.cells().items() if of is mode}) for row in rows]
    columns = [column for column in Column if any(column in of_row for _, of_row in ends)]
    if not columns:
        return
    yield f"| {mode.value} | " + " | ".join(column.value for column in columns) + " |"
    yield "|---" * (len(columns) + 1) + "|"
    for row, of_row in ends:
        if of_row:
            yield f"| {row} | " + " | ".join(of_row.get(column, "") for column in columns) + " |"
    yield ""


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
    count = 0
    for group, rows in ROWS.items():
        picked = [row for row in rows if not chosen.row or row.name in chosen.row]
        if picked:
            print(group)
        for row in picked:
            cells, problems = run_row(row, chosen.column)
            count += len(cells)
            wrong += problems
            print(*lines(row, cells), *["  (WRONG)"] * bool(problems), sep="\n", flush=True)
    print(f"{count} cells in {time.perf_counter() - began:.0f} s")
    if wrong:
        print("\n".join(["not as promised:", *wrong]))
        sys.exit(1)
    if not (chosen.row or chosen.column or chosen.dry):
        PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
