"""The table: what is done, against what, in which measure, and the gate that must hold."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import NamedTuple

__all__ = ["ROWS", "Row", "Subject"]


class Subject(NamedTuple):
    """A function of `subjects.py` with its options, such as "window=8"."""

    name: str
    options: tuple[str, ...] = ()


class Row(NamedTuple):
    """One comparison.

    `measure` is what is compared: "wall" and "CPU" are ours divided by the peer's, "times faster" and "times less CPU"
    the peer's divided by ours, "MB" is our own growth. `work` is how much is done, `quick` how much in the quick form,
    and `done` what a subject must return for it.
    """

    title: str
    ours: Subject
    peer: Subject | None
    measure: str
    gate: float
    work: int
    quick: int
    records: int = 0
    latency: float = 0.0
    done: Callable[[int], int] = operator.pos
    runs: int = 5

    @property
    def faster(self) -> bool:
        """Whether the figure says how many times less we need, so that more is better."""
        return self.measure.startswith("times")


WINDOW_8, WINDOW_32 = ("window=8",), ("window=32",)

ROWS = [
    Row(
        "list 20,000 records, 20 ms, window 8",
        Subject("ours_list", WINDOW_8),
        Subject("aiohttp_list"),
        "times faster",
        6.8,
        20_000,
        2_000,
        records=20_000,
        latency=0.02,
    ),
    Row(
        "list 20,000 records, 20 ms, window 32",
        Subject("ours_list", WINDOW_32),
        Subject("aiohttp_list"),
        "times faster",
        19.0,
        20_000,
        4_000,
        records=20_000,
        latency=0.02,
    ),
    Row(
        "the same, window 8, to raw aiohttp that knows every offset",
        Subject("ours_list", WINDOW_8),
        Subject("aiohttp_known", WINDOW_8),
        "wall",
        1.05,
        20_000,
        2_000,
        records=20_000,
        latency=0.02,
    ),
    Row(
        "the same, window 32, to raw aiohttp that knows every offset",
        Subject("ours_list", WINDOW_32),
        Subject("aiohttp_known", WINDOW_32),
        "wall",
        1.08,
        20_000,
        4_000,
        records=20_000,
        latency=0.02,
    ),
    Row(
        "decode a page of 100, to cattrs as shipped",
        Subject("ours_decode"),
        Subject("cattrs_decode"),
        "CPU",
        0.70,
        3_000,
        100,
        done=lambda work: work * 100,
    ),
    Row(
        "decode a page of 100, to pydantic",
        Subject("ours_decode"),
        Subject("pydantic_decode"),
        "CPU",
        1.00,
        3_000,
        100,
        done=lambda work: work * 100,
    ),
    Row(
        "find, 50 at once, to raw aiohttp",
        Subject("ours_find"),
        Subject("aiohttp_find"),
        "CPU",
        1.00,
        10_000,
        300,
        records=10_000,
    ),
    Row(
        "find, 50 at once, to tenacity around every call",
        Subject("ours_find"),
        Subject("tenacity_find"),
        "CPU",
        0.70,
        10_000,
        300,
        records=10_000,
    ),
    Row(
        "block one lead, 50 at once, to raw aiohttp",
        Subject("ours_block_one"),
        Subject("aiohttp_block_one"),
        "CPU",
        1.10,
        10_000,
        300,
    ),
    Row(
        "list 1,000,000 records, to httpx with dicts",
        Subject("ours_list", WINDOW_8),
        Subject("httpx_list"),
        "times less CPU",
        3.4,
        1_000_000,
        10_000,
        records=1_000_000,
        runs=3,
    ),
    Row(
        "list 100,000 records, to the plain loop with dicts",
        Subject("ours_list", WINDOW_8),
        Subject("aiohttp_list"),
        "CPU",
        1.15,
        100_000,
        5_000,
        records=100_000,
    ),
    Row(
        "block 50,000 leads, 20 ms, concurrency 8, to the plain loop",
        Subject("ours_block"),
        Subject("aiohttp_block"),
        "times faster",
        7.0,
        50_000,
        8_000,
        latency=0.02,
    ),
    Row(
        "the same, to one request at a time on httpx",
        Subject("ours_block"),
        Subject("httpx_block"),
        "CPU",
        0.35,
        50_000,
        8_000,
        latency=0.02,
    ),
    Row(
        "memory growth while listing 1,000,000 records",
        Subject("ours_list", WINDOW_8),
        None,
        "MB",
        2.0,
        1_000_000,
        20_000,
        records=1_000_000,
        runs=1,
    ),
    Row(
        "memory growth while blocking 1,000,000 leads",
        Subject("ours_block_stream"),
        None,
        "MB",
        20.0,
        1_000_000,
        20_000,
        runs=1,
    ),
]
