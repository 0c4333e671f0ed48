"""The table: what is done, against what, in which measure, and the gate that must hold."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Literal, NamedTuple

from benchmarks.subjects import AT_ONCE

__all__ = ["ROWS", "Row", "Subject"]

Measure = Literal["wall", "CPU", "times faster", "times less CPU", "ratio", "MB"]


class Subject(NamedTuple):
    """A function of `subjects.py`, `durable.py` or `databases.py` with its options, such as "window=8"."""

    name: str
    options: tuple[str, ...] = ()


class Row(NamedTuple):
    """One comparison: the work, and whom we do it beside.

    `measure` is what is compared: "wall" and "CPU" are ours divided by the peer's, "times faster" and "times less CPU"
    the peer's divided by ours, "ratio" is one that the subject itself has made, "MB" is our own growth. A row without a
    gate informs. `size` is how much is done, `quick` how much in the quick form; `done` is what a subject must return
    for it, and `at_server` and `warm_up` what the server must have seen.
    """

    group: str
    title: str
    against: str
    ours: Subject
    peer: Subject | None
    measure: Measure
    gate: float | None
    work: int
    quick: int
    at_server: Literal["reads", "changes", "nothing"]
    warm_up: int = 0
    latency: float = 0.0
    done: Callable[[int], int] = operator.pos
    runs: int = 5

    @property
    def faster(self) -> bool:
        """Whether the figure says how many times less we need, so that more is better."""
        return self.measure.startswith("times")

    @property
    def over_wall_time(self) -> bool:
        """Whether the figure compares wall time, which a busy server would falsify."""
        return self.measure in ("wall", "times faster")


WAIT = "Waiting for the network, 20 ms a request"
WORK = "CPU time"
JOBS = "Nightly jobs"
MEMORY = "Memory growth"
START = "Start-up, CPU time"
DURABLE = "On the disk, the API down"
UVLOOP = "On uvloop, CPU time"

WINDOW_8, WINDOW_32 = ("window=8",), ("window=32",)
ON_UVLOOP = ("uvloop=1",)
OURS_LIST, OURS_FIND = Subject("ours_list", WINDOW_8), Subject("ours_find")


def _paged(window: int, against: str, peer: Subject, measure: Measure, gate: float) -> Row:
    """A row that lists 20,000 records, a request taking 20 ms."""
    title, ours = f"list 20,000 records, window {window}", Subject("ours_list", (f"window={window}",))
    return Row(WAIT, title, against, ours, peer, measure, gate, 20_000, max(2_000, 125 * window), "reads", latency=0.02)


def _decoded(against: str, peer: str, gate: float) -> Row:
    """A row that decodes pages of 100 records."""
    title, ours, theirs = "decode a page of 100 records", Subject("ours_decode"), Subject(peer)
    return Row(WORK, title, against, ours, theirs, "CPU", gate, 3_000, 100, "nothing", done=lambda work: work * 100)


def _called(
    title: str, against: str, ours: Subject, peer: Subject, gate: float | None, seen: Literal["reads", "changes"]
) -> Row:
    """A row of 10,000 small calls, 50 at once: so short that it takes many pairs for a steady median."""
    return Row(WORK, title, against, ours, peer, "CPU", gate, 10_000, 300, seen, warm_up=AT_ONCE, runs=9)


def _started(title: str, against: str, ours: str, peer: str, gate: float | None) -> Row:
    """A row of new processes: 15 pairs, each the sum of five starts."""
    return Row(START, title, against, Subject(ours), Subject(peer), "CPU", gate, 5, 2, "nothing", runs=15)


def _stored(
    title: str, against: str, ours: Subject, peer: Subject | None, measure: Measure, gate: float, work: int, quick: int
) -> Row:
    """A row of what is synced to the disk."""
    return Row(DURABLE, title, against, ours, peer, measure, gate, work, quick, "nothing")


FOUR = ("processes=4",)
BY_HAND, PACE = "sqlite3 by hand, the same group commit", "100 / rate and one synced commit"
OURS_OUTBOX, SQLITE_OUTBOX = Subject("ours_outbox"), Subject("sqlite_outbox")

ROWS = [
    _paged(8, "the plain aiohttp loop", Subject("aiohttp_list"), "times faster", 6.8),
    _paged(32, "the plain aiohttp loop", Subject("aiohttp_list"), "times faster", 20.0),
    _paged(8, "raw aiohttp that knows every offset", Subject("aiohttp_known", WINDOW_8), "wall", 1.05),
    _paged(32, "raw aiohttp that knows every offset", Subject("aiohttp_known", WINDOW_32), "wall", 1.08),
    Row(
        WAIT,
        "block 50,000 leads, concurrency 8",
        "the plain aiohttp loop",
        Subject("ours_block"),
        Subject("aiohttp_block"),
        "times faster",
        7.0,
        50_000,
        8_000,
        "changes",
        latency=0.02,
    ),
    _decoded("cattrs as shipped", "cattrs_decode", 0.70),
    _decoded("pydantic", "pydantic_decode", 1.00),
    _called("find, 50 at once", "raw aiohttp", OURS_FIND, Subject("aiohttp_find"), 1.00, "reads"),
    _called("find, 50 at once", "tenacity around every call", OURS_FIND, Subject("tenacity_find"), 0.70, "reads"),
    _called(
        "block one lead, 50 at once",
        "raw aiohttp",
        Subject("ours_block_one"),
        Subject("aiohttp_block_one"),
        1.10,
        "changes",
    ),
    Row(
        WORK,
        "list 1,000,000 records",
        "httpx with dicts",
        OURS_LIST,
        Subject("httpx_list"),
        "times less CPU",
        3.4,
        1_000_000,
        10_000,
        "reads",
        runs=3,
    ),
    Row(
        WORK,
        "list 100,000 records",
        "the plain aiohttp loop with dicts",
        OURS_LIST,
        Subject("aiohttp_list"),
        "CPU",
        1.15,
        100_000,
        5_000,
        "reads",
    ),
    Row(
        WORK,
        "block 50,000 leads, 20 ms a request",
        "the plain httpx loop",
        Subject("ours_block"),
        Subject("httpx_block"),
        "CPU",
        0.35,
        50_000,
        8_000,
        "changes",
        latency=0.02,
    ),
    Row(
        WORK,
        "ask an index of 1,000,000 people about as many",
        "normalising their names alone",
        Subject("ours_index_asked"),
        Subject("names_normalised"),
        "CPU",
        2.0,
        1_000_000,
        20_000,
        "reads",
        runs=3,
    ),
    Row(
        WORK,
        "filter 1,000,000 CSV rows by such an index",
        "reading and normalising the rows alone",
        Subject("ours_filter"),
        Subject("rows_normalised"),
        "CPU",
        1.5,
        1_000_000,
        20_000,
        "reads",
        runs=3,
    ),
    Row(
        JOBS,
        "compare 1,000,000 keys with 1,000,000",
        "Python sets in memory",
        Subject("ours_compare"),
        Subject("sets_compare"),
        "CPU",
        1.3,
        1_000_000,
        20_000,
        "nothing",
    ),
    Row(
        JOBS,
        "plan 1,000,000 rows against 1,000,000 records",
        "reading, normalising and listing alone",
        Subject("ours_plan"),
        Subject("plain_plan"),
        "CPU",
        1.6,
        1_000_000,
        10_000,
        "reads",
        runs=3,
    ),
    Row(
        JOBS,
        "apply 100,000 blocks, 20 ms a request",
        "two listings and a block_stream",
        Subject("ours_apply"),
        Subject("plain_apply"),
        "wall",
        1.15,
        100_000,
        5_000,
        "changes",
        latency=0.02,
        runs=3,
    ),
    Row(
        JOBS,
        "apply 100,000 blocks, CPU",
        "two listings and a block_stream",
        Subject("ours_apply"),
        Subject("plain_apply"),
        "CPU",
        2.5,
        100_000,
        5_000,
        "changes",
        latency=0.02,
        runs=3,
    ),
    Row(
        JOBS,
        "journal 100,000 settled items, synced",
        "sqlite3 by hand, a commit a group",
        Subject("ours_journal"),
        Subject("sqlite_journal"),
        "wall",
        1.3,
        100_000,
        5_000,
        "nothing",
    ),
    Row(
        JOBS,
        "journal 100,000 settled items in PostgreSQL",
        "psycopg by hand, a statement a group",
        Subject("ours_postgresql"),
        Subject("psycopg_by_hand"),
        "wall",
        2.0,
        100_000,
        5_000,
        "nothing",
    ),
    Row(
        MEMORY,
        "compare 1,000,000 keys with 1,000,000",
        "a tenth of what sets take",
        Subject("ours_compare"),
        None,
        "MB",
        24.0,
        1_000_000,
        50_000,
        "nothing",
        runs=1,
    ),
    Row(
        MEMORY,
        "plan 1,000,000 rows against 1,000,000 records",
        "the limit",
        Subject("ours_plan"),
        None,
        "MB",
        100.0,
        1_000_000,
        10_000,
        "reads",
        runs=1,
    ),
    Row(
        MEMORY,
        "an index of 1,000,000 people",
        "the limit",
        Subject("ours_index"),
        None,
        "MB",
        24.0,
        1_000_000,
        20_000,
        "reads",
        runs=1,
    ),
    Row(
        MEMORY,
        "filter 1,000,000 CSV rows, its index included",
        "the limit",
        Subject("ours_filter", ("whole=1",)),
        None,
        "MB",
        60.0,
        1_000_000,
        20_000,
        "reads",
        runs=1,
    ),
    Row(
        MEMORY,
        "list 1,000,000 records",
        "the limit",
        OURS_LIST,
        None,
        "MB",
        2.0,
        1_000_000,
        20_000,
        "reads",
        runs=1,
    ),
    Row(
        MEMORY,
        "block 1,000,000 leads from a generator",
        "the limit",
        Subject("ours_block_stream"),
        None,
        "MB",
        20.0,
        1_000_000,
        20_000,
        "changes",
        runs=1,
    ),
    # a rate of at least 0.5, 0.25 and 0.6 of the other's
    _stored("outbox.block, 100 callers", BY_HAND, OURS_OUTBOX, SQLITE_OUTBOX, "wall", 2.0, 40_000, 2_000),
    _stored("outbox.block, p99 latency", PACE, Subject("ours_outbox_p99"), None, "ratio", 4.0, 40_000, 2_000),
    _stored(
        "outbox.block, four processes with 25 callers each",
        BY_HAND,
        Subject("ours_outbox", FOUR),
        SQLITE_OUTBOX,
        "wall",
        4.0,
        40_000,
        2_000,
    ),
    _stored(
        "outbox.block, four processes, p99 latency",
        PACE,
        Subject("ours_outbox_p99", FOUR),
        None,
        "ratio",
        6.0,
        40_000,
        2_000,
    ),
    _stored(
        "outbox.block, four processes, the slowest",
        "the fastest",
        Subject("ours_outbox_fairness", FOUR),
        None,
        "ratio",
        2.0,
        40_000,
        2_000,
    ),
    _stored(
        "outbox.block with 100,000 pending",
        "with none",
        Subject("ours_outbox", ("pending=100000",)),
        OURS_OUTBOX,
        "wall",
        1 / 0.6,
        40_000,
        2_000,
    ),
    Row(
        WORK,
        "deliver 100,000 pending opt-outs",
        "a block_stream of as many leads",
        Subject("ours_outbox_delivered"),
        Subject("ours_block_stream"),
        "CPU",
        2.5,
        100_000,
        5_000,
        "changes",
    ),
    Row(
        MEMORY,
        "take 100,000 opt-outs, the API down",
        "the limit",
        Subject("ours_outbox_held"),
        None,
        "MB",
        20.0,
        100_000,
        5_000,
        "nothing",
        runs=1,
    ),
    _started("import walead_async", "importing its five dependencies", "ours_import", "dependencies_import", 1.10),
    _started(
        "from walead_async import AsyncSession",
        "importing its five dependencies",
        "ours_import_session",
        "dependencies_import",
        1.10,
    ),
    _started(
        "every public name, and what loads when a call fails",
        "importing its five dependencies",
        "ours_import_all",
        "dependencies_import",
        None,
    ),
    _started("walead --help", "an empty click program", "ours_help", "click_help", 1.3),
    _called(
        "find, 50 at once, both on uvloop",
        "raw aiohttp",
        Subject("ours_find", ON_UVLOOP),
        Subject("aiohttp_find", ON_UVLOOP),
        None,
        "reads",
    )._replace(group=UVLOOP),
    _called(
        "find, 50 at once, on uvloop",
        "the same on asyncio's own loop",
        Subject("ours_find", ON_UVLOOP),
        OURS_FIND,
        None,
        "reads",
    )._replace(group=UVLOOP),
    Row(
        UVLOOP,
        "list 100,000 records, on uvloop",
        "the same on asyncio's own loop",
        Subject("ours_list", (*WINDOW_8, *ON_UVLOOP)),
        OURS_LIST,
        "CPU",
        None,
        100_000,
        5_000,
        "reads",
    ),
]
