"""How time and memory grow: from 1,000 to 1,000,000 records, and from 1 caller at once to 2,000."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from benchmarks.figures import Used
from benchmarks.measure import run, server
from benchmarks.rows import Subject
from benchmarks.tables import markdown

__all__ = ["Curve", "Point", "curves", "in_markdown", "in_words", "steeper", "worse_than_linear"]

#: No size may cost more for each record or caller than any smaller size does, times this ...
TOLERANCE = 1.5

#: ... unless the peer grows as we do, and we cost no more than this times what it costs at that size.
BESIDE_PEER = 1.25

#: Memory below this is the allocator's, in bytes, and says nothing of growth.
LITTLE = 1_000_000

RECORDS = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
CALLERS = (1, 5, 20, 100, 500, 2_000)

#: How many calls the callers share, however many they are.
CALLS = 8_000

#: From here on the duplicates of a bulk call are looked for in a file, which costs more for each lead and no memory: a
#: step. Sizes on its two sides are not compared.
STEP = 65_536


class Work(NamedTuple):
    """What grows: a subject given ever more records, or ever more callers who share the same calls.

    `kept` says whether the server has records to give.
    """

    title: str
    unit: str
    subject: Subject
    kept: bool = False
    peer: Subject | None = None
    step: int | None = None


class Point(NamedTuple):
    """One size: seconds of CPU for that many records, or for one call of each caller; and bytes of memory growth."""

    size: int
    cpu: float
    memory: float


class Curve(NamedTuple):
    """How one work grows, and how its peer does; `worse` says where worse than linearly, None if it is not judged."""

    title: str
    unit: str
    points: list[Point]
    peer: list[Point]
    step: int | None = None
    worse: list[str] | None = None


WORKS = (
    Work("list", "records", Subject("ours_list", ("window=8",)), kept=True),
    Work("block_stream", "records", Subject("ours_block_stream"), step=STEP),
    Work("find", "callers", Subject("ours_find"), kept=True, peer=Subject("aiohttp_find")),
    Work("find, concurrency 8", "callers", Subject("ours_find", ("concurrency=8",)), kept=True),
    Work("block", "callers", Subject("ours_block_one"), peer=Subject("aiohttp_block_one")),
)


def curves(*, quick: bool) -> Iterator[Curve]:
    """Measure each work at each of its sizes, without latency; of several runs the median counts."""
    for work in WORKS:
        sizes = RECORDS if work.unit == "records" else CALLERS
        calls, runs = (400, 1) if quick else (CALLS, 3)
        measured = [_points(work, size, calls, runs) for size in (sizes[:3] if quick else sizes)]
        ours, *peer = map(list, zip(*measured, strict=True))
        curve = Curve(work.title, work.unit, ours, peer[0] if peer else [], work.step)
        yield curve if quick else curve._replace(worse=worse_than_linear(curve))


def _points(work: Work, size: int, calls: int, runs: int) -> list[Point]:
    """One size of a work and then, if it has one, of its peer, in alternated runs on the same server."""
    by_callers = work.unit == "callers"
    amount = calls if by_callers else size
    subjects = [work.subject, work.peer] if work.peer else [work.subject]
    if by_callers:
        subjects = [one._replace(options=(*one.options, f"callers={size}")) for one in subjects]
    with server(max(size, amount) if work.kept else 0) as url:
        rounds = [[run(subject, url, amount) for subject in subjects] for _ in range(runs)]
    return [_point(used, size, amount) for used in zip(*rounds, strict=True)]


def _point(used: Sequence[Used], size: int, amount: int) -> Point:
    if short := [one.done for one in used if one.done != amount]:
        raise RuntimeError(f"a subject did {short[0]} of {amount}")
    cpu, memory = statistics.median(one.cpu for one in used), statistics.median(one.growth for one in used)
    return Point(size, cpu * size / amount, memory)


def worse_than_linear(curve: Curve) -> list[str]:
    """The sizes at which time or memory has grown by more than the size has, in words."""
    below = [point for point in curve.points if curve.step is None or point.size < curve.step]
    found = []
    for points in (below, curve.points[len(below) :]):
        costs = {
            "time": steeper([(point.size, point.cpu) for point in points]),
            "memory": steeper([(point.size, max(point.memory, LITTLE)) for point in points]),
        }
        found += [
            f"{curve.title}: {what} for each of {size:,} {curve.unit} is {more:.2f} times that of fewer"
            for what, sizes in costs.items()
            for size, more in sizes
            if not _as_its_peer(curve, what, size)
        ]
    return found


def _as_its_peer(curve: Curve, what: str, size: int) -> bool:
    """Whether the peer costs about as much at this size."""
    ours, peer = ({point.size: point for point in points}.get(size) for points in (curve.points, curve.peer))
    if ours is None or peer is None:
        return False
    if what == "memory":
        return ours.memory <= peer.memory * BESIDE_PEER
    return ours.cpu <= peer.cpu * BESIDE_PEER


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
    peer = {point.size: point for point in curve.peer}
    for point in curve.points:
        said = (
            f"    {point.size:9,} {curve.unit} {_cost(point):>9} microseconds of CPU for each, memory {_memory(point)}"
        )
        if point.size in peer:
            said += f"; raw aiohttp {_cost(peer[point.size]):>9}, {_memory(peer[point.size])}"
        lines.append(said)
    return "\n".join([*lines, *(f"    WORSE THAN LINEAR: {found}" for found in curve.worse or ())])


def in_markdown(measured: Sequence[Curve]) -> str:
    """The first and the last point of each curve, as a table for the page, and what is worse than linear."""
    rows = []
    for curve in measured:
        for title, points in ((f"`{curve.title}`", curve.points), ("the same on raw aiohttp", curve.peer)):
            if points:
                first, last = points[0], points[-1]
                sizes = f"{first.size:,} to {last.size:,} {curve.unit}"
                rows.append((title, sizes, _cost(first), _cost(last), _memory(first), _memory(last)))
    heads = ("work", "from and to", "microseconds for each, at first", "at last", "memory growth, at first", "at last")
    if worse := [found for curve in measured for found in curve.worse or ()]:
        verdict = "Worse than linear:\n\n" + "".join(f"- {found}\n" for found in worse)
    elif any(curve.worse is None for curve in measured):
        verdict = ""
    else:
        verdict = "Nothing is worse than linear."
    return f"{markdown(heads, rows)}\n{verdict}"


def _cost(point: Point) -> str:
    """Microseconds for one."""
    return f"{point.cpu / point.size * 1e6:.2f}"


def _memory(point: Point) -> str:
    return f"{point.memory / 1e6:.1f} MB"
