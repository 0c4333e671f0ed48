"""Runs subjects and their server in processes of their own, alternated, and checks that the work was done."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import urllib.request
from typing import TYPE_CHECKING, Any

from benchmarks.figures import Figure, Served, Used, figure_of, shortfall

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.rows import Row, Subject

__all__ = ["measure", "printed", "run", "server"]

#: The longest that one subject may take, in seconds.
LONGEST = 900

#: Whatever proxy the environment names is not between the measure and its server.
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def measure(row: Row, *, quick: bool) -> Figure:
    """Run the row's subjects in turn. Raises `RuntimeError` if one did not do its work."""
    work = row.quick if quick else row.work
    ours: list[Used] = []
    peers: list[Used] = []
    pair = [(row.ours, ours)] if row.peer is None else [(row.ours, ours), (row.peer, peers)]
    with server(work if row.at_server == "reads" else 0, row.latency) as url:
        for turn in range(1 if quick else row.runs):
            # Each goes first as often as the other.
            for subject, runs in pair if turn % 2 == 0 else reversed(pair):
                used = run(subject, url, work)
                if missing := shortfall(row, used, work):
                    raise RuntimeError(f"{row.title}: {subject.name} {missing}")
                runs.append(used)
    return figure_of(row, ours, peers, judged=not quick)


def run(subject: Subject, url: str, work: int) -> Used:
    """Run one subject in a process of its own."""
    before = stats(url)
    used = printed(subject, url, work)
    after = stats(url)
    return Used(used["done"], used["seconds"], used["cpu"], used["growth"], after.since(before))


def printed(subject: Subject, url: str, work: int) -> dict[str, Any]:
    """What the process of the subject prints."""
    command = [sys.executable, "-m", "benchmarks.subject", subject.name, url, str(work), *subject.options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST, check=False)
    if done.returncode:
        raise RuntimeError(f"{subject.name} failed:\n{done.stderr}")
    used: dict[str, Any] = json.loads(done.stdout)
    return used


def stats(url: str) -> Served:
    """What the server has seen so far."""
    with _direct.open(url + "/stats", timeout=60) as response:
        return Served(**json.load(response))


@contextlib.contextmanager
def server(records: int, latency: float = 0.0) -> Iterator[str]:
    """A server in a process of its own, at the address that this yields."""
    command = [sys.executable, "-m", "benchmarks.server", "--records", str(records), "--latency", str(latency)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()
