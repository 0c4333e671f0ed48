"""How time and memory grow: from 1,000 to 1,000,000 records, and from 1 caller at once to 2,000."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from benchmarks.measure import run, server
from benchmarks.rows import Subject
from benchmarks.tables import markdown

__all__ = ["Curve", "Point", "curves", "in_markdown", "in_words", "steeper", "worse_than_linear"]

#: No size may cost more for each record or caller than any smaller size does, times this.
TOLERANCE = 1.25

#: Memory below this is the allocator's, in bytes, and says nothing of growth.
LITTLE = 1_000_000

RECORDS = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
CALLERS = (1, 5, 20, 100, 500, 2_000)

#: How many calls the callers share, however many they are.
CALLS = 4_000


class Work(NamedTuple):
    """What grows: a subject given ever more records, or ever more callers who share the same calls."""

    title: str
    unit: str
    subject: Subject
    kept: bool = False


class Point(NamedTuple):
    """One size: seconds of CPU for that many records, or for one call of each caller; and bytes of memory growth."""

    size: int
    cpu: float
    memory: float


class Curve(NamedTuple):
    """How one work grows."""

    title: str
    unit: str
    points: list[Point]


WORKS = (
    Work("list", "records", Subject("ours_list", ("window=8",)), kept=True),
    Work("block_stream", "records", Subject("ours_block_stream")),
    Work("find", "callers", Subject("ours_find"), kept=True),
    Work("find, concurrency 8", "callers", Subject("ours_find", ("concurrency=8",)), kept=True),
    Work("block", "callers", Subject("ours_block_one")),
)


def curves(*, quick: bool) -> Iterator[Curve]:
    """Measure each work at each of its sizes, without latency; of several runs the median counts."""
    for work in WORKS:
        sizes = RECORDS if work.unit == "records" else CALLERS
        if quick:
            points = [_point(work, size, calls=400, runs=1) for size in sizes[:3]]
        else:
            points = [_point(work, size, calls=CALLS, runs=3) for size in sizes]
        yield Curve(work.title, work.unit, points)


def _point(work: Work, size: int, calls: int, runs: int) -> Point:
    if work.unit == "records":
        subject, done, share = work.subject, size, 1.0
    else:
        subject = work.subject._replace(options=(*work.subject.options, f"callers={size}"))
        done, share = calls, size / calls
    with server(max(size, done) if work.kept else 0) as url:
        used = [run(subject, url, done) for _ in range(runs)]
    if short := [one.done for one in used if one.done != done]:
        raise RuntimeError(f"{work.title} did {short[0]} of {done}")
    return Point(
        size, share * statistics.median(one.cpu for one in used), statistics.median(one.growth for one in used)
    )


def worse_than_linear(curve: Curve) -> list[str]:
    """The sizes at which time or memory has grown by more than the size has, in words."""
    costs = {
        "time": [(point.size, point.cpu) for point in curve.points],
        "memory": [(point.size, max(point.memory, LITTLE)) for point in curve.points],
    }
    return [
        f"{curve.title}: {what} for each of {size:,} {curve.unit} is {more:.2f} times that of fewer"
        for what, points in costs.items()
        for size, more in steeper(points)
    ]


def steeper(points: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """Each size whose cost for one is over the tolerance, and how many times the least of all smaller sizes it is."""
    found = []
    least = float("inf")
    for size, cost in points:
        each = cost / size
        if each > least * TOLERANCE:
            found.append((size, each / least))
        least = min(least, each)
    return found


def in_words(curve: Curve) -> str:
    """The curve's points for the terminal."""
    lines = [curve.title]
    for point in curve.points:
        cost = f"{point.cpu / point.size * 1e6:9.2f} microseconds of CPU for each"
        lines.append(f"    {point.size:9,} {curve.unit} {cost}, memory growth {point.memory / 1e6:7.2f} MB")
    return "\n".join([*lines, *(f"    WORSE THAN LINEAR: {found}" for found in worse_than_linear(curve))])


def in_markdown(measured: Sequence[Curve]) -> str:
    """The first and the last point of each curve, as a table for the page."""
    rows = []
    for curve in measured:
        first, last = curve.points[0], curve.points[-1]
        rows.append(
            (
                f"`{curve.title}`",
                f"{first.size:,} to {last.size:,} {curve.unit}",
                *(f"{point.cpu / point.size * 1e6:.2f}" for point in (first, last)),
                *(f"{point.memory / 1e6:.1f} MB" for point in (first, last)),
            )
        )
    heads = ("work", "from and to", "microseconds for each, at first", "at last", "memory growth, at first", "at last")
    worse = [found for curve in measured for found in worse_than_linear(curve)]
    said = (
        "Worse than linear:\n\n" + "".join(f"- {found}\n" for found in worse)
        if worse
        else "Nothing is worse than linear."
    )
    return f"{markdown(heads, rows)}\n{said}"
