"""Runs a row: a server and each subject in processes of their own, alternated, the work checked."""

from __future__ import annotations

import contextlib
import json
import statistics
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.rows import Row, Subject

__all__ = ["Figure", "measure"]

#: The longest that one subject may take, in seconds.
LONGEST = 900


class Figure(NamedTuple):
    """What a row came to: the median ratio and all of them, or megabytes."""

    title: str
    measure: str
    value: float
    values: list[float]
    gate: float
    met: bool
    ours: float
    peer: float | None


def measure(row: Row, *, quick: bool) -> Figure:
    """Run the row's subjects in turn. Raises `RuntimeError` if one did not do its work."""
    work = row.quick if quick else row.work
    values, ours_all, peers_all = [], [], []
    with server(work if row.records else 0, row.latency) as url:
        for _ in range(1 if quick else row.runs):
            ours = figure_of(row, run(row.ours, url, work, row.done(work)))
            ours_all.append(ours)
            if row.peer is None:
                values.append(ours)
                continue
            peer = figure_of(row, run(row.peer, url, work, row.done(work)))
            peers_all.append(peer)
            values.append(peer / ours if row.faster else ours / peer)
    value = statistics.median(values)
    met = value >= row.gate if row.faster else value <= row.gate
    peer_median = statistics.median(peers_all) if peers_all else None
    return Figure(row.title, row.measure, value, values, row.gate, met, statistics.median(ours_all), peer_median)


def figure_of(row: Row, used: dict[str, float]) -> float:
    """What the row compares: seconds of wall time, seconds of CPU, or megabytes."""
    if row.measure == "MB":
        return used["growth"] / 1_000_000
    return used["cpu"] if "CPU" in row.measure else used["seconds"]


def run(subject: Subject, url: str, work: int, expected: int) -> dict[str, float]:
    """Run one subject in a process of its own, and check that it did all its work."""
    command = [sys.executable, "-m", "benchmarks.subject", subject.name, url, str(work), *subject.options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST, check=False)
    if done.returncode:
        raise RuntimeError(f"{subject.name} failed:\n{done.stderr}")
    used: dict[str, float] = json.loads(done.stdout)
    if used["done"] != expected:
        raise RuntimeError(f"{subject.name} did {used['done']} of {expected}")
    return used


@contextlib.contextmanager
def server(records: int, latency: float) -> Iterator[str]:
    """A server of its own for the row."""
    command = [sys.executable, "-m", "benchmarks.server", "--records", str(records), "--latency", str(latency)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()
