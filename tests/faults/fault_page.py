"""The fault matrix as a page of the documentation, and as lines for a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from fault_calls import READS, Column
from fault_rows import ROWS
from fault_table import Mode, Row
from must_survive import HELD_BY, MUST_SURVIVE, NOT_COVERED_YET

from walead_async.testing.faults import KINDS

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "faults.md"

HEAD = """\
# Faults that are survived

What goes wrong between a program and the two services, and how each call ends then. Every cell is a test over real
sockets against the emulator (`nox -s matrix` runs them and writes this page). `fine` is as if nothing had happened. An
error is what a read raises, or what ended a bulk call; a status is that of the items of a bulk call
([what they mean](../how-to/handle-errors.md)); `changed` and `unverified` are what a listing says of itself
([what that promises](../explanation/paging.md)). After each cell no record was yielded twice, and none was lost without
an error or `unverified`; every item had exactly one status, which agreed with what the service held (but for a service
that answers 404 to every unblock of an id it has: that is believed); no unblock had been sent twice without proof
that the first did nothing; no task, socket or file was left; and the key was in no log, error, pickle or event.

A fault meets the first request that matters ("once"), each that matters ("every time": all reads of a read, all blocks
of a block), or whatever is asked ("all requests": the read-backs of a bulk call fail too).
"""


NOT_COVERED = """\
Not covered yet, since the client keeps no journal, nor anything else, on disk between two runs of a program:
"""

NAMES = """\
## The faults of the emulator, by name

What a test or `walead emulator --fault` may ask for; [how, and when they are played](../how-to/test-your-program.md).
"""


def page() -> str:
    """The whole page."""
    return "\n".join([HEAD, *(line for group in MUST_SURVIVE for line in _group(group)), NAMES, *_names(), ""])


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
        of_mode = [row for row in rows if any(end_of(row, column, mode) for column in Column)]
        if of_mode:
            yield from _table(of_mode, mode)
    names = [name for name in MUST_SURVIVE[group] if not any(row.name == name for row in rows)]
    held = [name for name in names if name not in NOT_COVERED_YET]
    for name in held:
        yield f"- {name}: `{HELD_BY[name].partition('::')[0]}`"
    if held:
        yield ""
    missing = [name for name in names if name in NOT_COVERED_YET]
    if missing:
        yield NOT_COVERED
        yield from (f"- {name}" for name in missing)
        yield ""


def _table(rows: list[Row], mode: Mode) -> Iterator[str]:
    columns = [column for column in Column if any(end_of(row, column, mode) for row in rows)]
    yield f"| {mode.value} | " + " | ".join(column.value for column in columns) + " |"
    yield "|---" * (len(columns) + 1) + "|"
    for row in rows:
        yield f"| {row} | " + " | ".join(end_of(row, column, mode) for column in columns) + " |"
    yield ""


def end_of(row: Row, column: Column, mode: Mode) -> str:
    """The promised end of a cell; nothing if there is no such cell."""
    if mode not in row.modes or column not in row.columns:
        return ""
    if mode is Mode.DOWN and column in READS and Mode.ALWAYS in row.modes:
        return ""
    return row.ends.by_mode[mode][column]
