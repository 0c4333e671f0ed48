"""What the outbox is measured by: this package, and sqlite3 by hand with the same group commit.

The files are on the disk that temporary files are on. Where the API is down, nobody listens at its address.
"""

from __future__ import annotations

import asyncio
import json
import queue
import sqlite3
import sys
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.subjects import identifiers

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from benchmarks.clock import Clock

#: Nobody listens there.
DOWN = "http://127.0.0.1:9"
CALLERS = 100


async def ours_outbox(url: str, work: int, clock: Clock, *, pending: int = 0, processes: int = 1) -> int:
    """`await outbox.block(person)` by 100 callers at once, the API down, `pending` opt-outs in the file before."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "outbox.db"
        await _filled(path, DOWN, pending)
        if processes > 1:
            clock.seconds = max(seconds for seconds, _ in await _shared(path, work, processes))
        else:
            await _blocked(path, work, clock, CALLERS)
        return _held(path) - pending


async def ours_outbox_p99(url: str, work: int, clock: Clock, *, processes: int = 1) -> int:
    """The same: the 99th percentile of the latency, as a multiple of 100 / rate and one synced commit."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "outbox.db"
        await _filled(path, DOWN, 0)
        if processes > 1:
            shares = await _shared(path, work, processes)
            seconds = max(taken for taken, _ in shares)
            latencies = sorted(latency for _, share in shares for latency in share)
        else:
            latencies = sorted(await _blocked(path, work, clock, CALLERS))
            seconds = clock.seconds
        bound = CALLERS * seconds / work + _synced_commit(Path(folder))
        clock.seconds = latencies[int(len(latencies) * 0.99)] / bound
        return _held(path)


async def ours_outbox_fairness(url: str, work: int, clock: Clock, *, processes: int) -> int:
    """The time of the slowest of these processes, as a multiple of the fastest's."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "outbox.db"
        await _filled(path, DOWN, 0)
        times = [seconds for seconds, _ in await _shared(path, work, processes)]
        clock.seconds = max(times) / min(times)
        return _held(path)


async def sqlite_outbox(url: str, work: int, clock: Clock) -> int:
    """sqlite3 by hand: one writer thread, whoever waits shares a commit, a person waits once; no checks."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "outbox.db"
        connection = _by_hand(path)
        connection.execute(
            "create table optout (id integer primary key, key text, reason text, at integer, "
            "state text default 'pending')"
        )
        connection.execute("create index pending on optout (id) where state = 'pending'")
        connection.execute("create unique index person on optout (key) where state = 'pending'")
        loop = asyncio.get_running_loop()
        waiting: queue.SimpleQueue[tuple[tuple[str, str, int], asyncio.Future[None]] | None] = queue.SimpleQueue()

        def settle(group: list[tuple[tuple[str, str, int], asyncio.Future[None]]]) -> None:
            for _, future in group:
                future.set_result(None)

        def write() -> None:
            while (first := waiting.get()) is not None:
                group = [first]
                while not waiting.empty() and (more := waiting.get()) is not None:
                    group.append(more)
                connection.execute("begin immediate")
                connection.executemany(
                    "insert or ignore into optout (key, reason, at) values (?, ?, ?)", [row for row, _ in group]
                )
                connection.execute("commit")
                loop.call_soon_threadsafe(settle, group)

        async def block(person: str) -> None:
            future = loop.create_future()
            waiting.put(((person, "asked", time.time_ns()), future))
            await future

        thread = threading.Thread(target=write)
        thread.start()
        await _by_callers(block, work, clock, CALLERS)
        waiting.put(None)
        thread.join()
        connection.close()
        return _held(path)


async def ours_outbox_delivered(url: str, work: int, clock: Clock) -> int:
    """An outbox that holds so many opt-outs when it is opened, until all are delivered."""
    from walead_async import AsyncSession, Outbox

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "outbox.db"
        await _filled(path, url, work)
        async with AsyncSession("bench", base_url=url) as session:
            clock.start()
            async with Outbox.open(path, session, drain=0) as outbox:
                while (status := await outbox.status()).depth:  # noqa: ASYNC110
                    await asyncio.sleep(0.2)
            clock.stop()
        return status.delivered


async def ours_outbox_held(url: str, work: int, clock: Clock) -> int:
    """The memory of a process that takes so many opt-outs while the API is down, and waits for none."""
    from walead_async import AsyncSession, Outbox

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "outbox.db"
        async with AsyncSession("bench", base_url=DOWN) as session, Outbox.open(path, session, drain=0) as outbox:
            people = identifiers(work)

            async def caller() -> None:
                for taken, person in enumerate(people):
                    await outbox.block(person)
                    if taken == work // CALLERS // 100:
                        clock.settled()

            clock.start()
            await asyncio.gather(*(caller() for _ in range(CALLERS)))
            clock.stop()
        return _held(path)


def _by_hand(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = full")
    return connection


def _held(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        ((count,),) = connection.execute("select count(*) from optout where key <> 'warm-up'")
    return int(count)


def _synced_commit(folder: Path) -> float:
    """The median time of a commit of one row, in seconds."""
    with closing(_by_hand(folder / "commit.db")) as connection:
        connection.execute("create table optout (id integer primary key, key text)")
        times = []
        for number in range(51):
            began = time.perf_counter()
            connection.execute("insert into optout (key) values (?)", (str(number),))
            times.append(time.perf_counter() - began)
    return sorted(times)[25]


async def _filled(path: Path, url: str, pending: int) -> None:
    """Make an outbox that holds so many opt-outs."""
    from walead_async.jobs.store import open_store

    rows = ((url, "workspace", f"waiting-{person}", 1) for person in identifiers(pending))
    async with open_store(path) as store:
        statement = "insert into optout (base_url, destination, key, at) values (?, ?, ?, ?)"
        await store.write(lambda connection: connection.executemany(statement, rows).rowcount)


async def _blocked(
    path: Path, work: int, clock: Clock, callers: int, name: str = "", ready: Callable[[], object] = bool
) -> list[float]:
    """Have so many opt-outs taken, once `ready` has returned; how long each took."""
    from walead_async import AsyncSession, Outbox

    async with AsyncSession("bench", base_url=DOWN) as session, Outbox.open(path, session, drain=0) as outbox:
        # what loads when a first delivery fails is there before the clock starts
        await outbox.block("warm-up")
        while (await outbox.status()).last_error is None:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        ready()

        async def block(person: str) -> None:
            await outbox.block(f"{name}{person}", reason="asked")

        return await _by_callers(block, work, clock, callers)


async def _by_callers(block: Callable[[str], Awaitable[None]], work: int, clock: Clock, callers: int) -> list[float]:
    """The work shared by the callers; how long each call took."""
    people = identifiers(work)
    latencies: list[float] = []

    async def caller() -> None:
        for person in people:
            began = time.perf_counter()
            await block(person)
            latencies.append(time.perf_counter() - began)

    clock.start()
    await asyncio.gather(*(caller() for _ in range(callers)))
    clock.stop()
    return latencies


async def _shared(path: Path, work: int, processes: int) -> list[tuple[float, list[float]]]:
    """The work shared by processes that begin together: what each took, and its latencies."""
    command = [sys.executable, "-m", "benchmarks.durable", str(path), str(work // processes), str(CALLERS // processes)]
    pipe = asyncio.subprocess.PIPE
    started = [
        await asyncio.create_subprocess_exec(*command, f"p{number}-", stdin=pipe, stdout=pipe, limit=2**26)
        for number in range(processes)
    ]
    for process in started:
        assert process.stdout is not None
        await process.stdout.readline()
    for process in started:
        assert process.stdin is not None
        process.stdin.write(b"go\n")
    told = await asyncio.gather(*(process.communicate() for process in started))
    return [(share["seconds"], share["latencies"]) for share in (json.loads(out) for out, _ in told)]


def main(path: str, work: str, callers: str, name: str) -> None:
    """One of the processes that share an outbox."""
    from benchmarks.clock import Clock

    def ready() -> None:
        print("ready", flush=True)
        sys.stdin.readline()

    clock = Clock()
    latencies = asyncio.run(_blocked(Path(path), int(work), clock, int(callers), name, ready))
    print(json.dumps({"seconds": clock.seconds, "latencies": latencies}))


if __name__ == "__main__":
    main(*sys.argv[1:])
