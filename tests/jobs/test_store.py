"""The store: what is confirmed is on the disk, whatever happens to the process, and no other file is touched."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from walead_async.errors import JournalError, OutboxError
from walead_async.jobs.database import Connection
from walead_async.jobs.schema import APPLICATION_ID, VERSIONS
from walead_async.jobs.store import microseconds, open_store

ROOT = Path(__file__).parents[2]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT)}
ADD = "insert into event (at, by_whom, what) values (?, 'test', ?) returning id"


def added(what: str) -> Callable[[Connection], int]:
    """A change that adds an event, and returns its id."""

    def change(connection: Connection) -> int:
        (found,) = connection.execute(ADD, (microseconds(), what)).fetchall()
        return int(found[0])

    return change


def events(connection: Connection) -> list[str]:
    return [what for (what,) in connection.execute("select what from event order by id")]


def modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


async def test_what_is_written_is_read_by_the_next_process(where: str) -> None:
    async with open_store(where) as store:
        assert await store.write(added("one")) == 1
        assert await store.read(events) == ["one"]
    async with open_store(where, create=False) as store:
        assert await store.read(events) == ["one"]


async def test_every_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    usual = os.umask(0)
    try:
        async with open_store(tmp_path / "J") as store:
            await store.write(added("one"))
            async with store.apply_lock():
                assert set(modes(tmp_path)) == {"J", "J-wal", "J-shm", "J.write", "J.lock"}
                assert set(modes(tmp_path).values()) == {0o600}
    finally:
        os.umask(usual)


async def test_reading_makes_no_file(tmp_path: Path) -> None:
    async with open_store(tmp_path / "J") as store:
        with pytest.raises(JournalError, match="there is no journal"):
            await store.read(events)
    with pytest.raises(OutboxError, match="there is no outbox"):
        async with open_store(tmp_path / "J", create=False, error=OutboxError):
            pass
    assert not modes(tmp_path)


async def test_who_waits_shares_a_commit_and_fails_alone(where: str) -> None:
    def refused(connection: Connection) -> None:
        raise JournalError("not this one")

    def half_done(connection: Connection) -> None:
        added("half")(connection)
        raise JournalError("nor this one")

    def against_the_rules(connection: Connection) -> None:
        connection.execute("insert into event (at, by_whom, what) values (null, null, null)")

    broken = "NotNullViolation" if where.startswith("postgresql:") else "IntegrityError"
    async with open_store(where) as store:
        changes = [added("one"), refused, half_done, against_the_rules, added("two")]
        told = await asyncio.gather(*map(store.write, changes), return_exceptions=True)
        assert [type(each).__name__ for each in told] == ["int", "JournalError", "JournalError", broken, "int"]
        assert await store.read(events) == ["one", "two"]


async def test_a_second_holder_of_the_lock_is_told_who_has_it(where: str) -> None:
    async with open_store(where) as store, open_store(where) as other:
        refused = pytest.raises(JournalError, match=rf"process {os.getpid()}, since 20")
        async with store.apply_lock():
            with refused:
                async with other.apply_lock():
                    pass
        async with other.apply_lock():
            pass


async def test_a_closed_store_takes_nothing(where: str) -> None:
    store = open_store(where)
    with pytest.raises(JournalError, match="async with"):
        await store.write(added("one"))
    async with store:
        await store.write(added("one"))
    for call in (lambda: store.write(added("two")), lambda: store.read(events), store.scrub):
        with pytest.raises(JournalError, match="is closed"):
            await call()


async def test_a_file_is_marked_as_ours_and_with_its_version(tmp_path: Path) -> None:
    async with open_store(tmp_path / "J") as store:
        await store.write(added("one"))
    connection = sqlite3.connect(tmp_path / "J")
    assert connection.execute("pragma application_id").fetchone() == (APPLICATION_ID,)
    assert connection.execute("pragma user_version").fetchone() == (len(VERSIONS),)
    assert connection.execute("pragma journal_mode").fetchone() == ("wal",)
    connection.close()


async def test_an_older_file_takes_the_steps_that_it_lacks(where: str) -> None:
    async with open_store(where) as store:
        await store.write(added("one"))
    newer = (*VERSIONS, "alter table event add column colour text default 'red'")
    async with open_store(where, versions=newer) as store, open_store(where, versions=newer) as other:
        for each in (store, other):
            await each.write(added("two"))
            found = await each.read(lambda connection: connection.execute("select what, colour from event").fetchall())
            assert found[:2] == [("one", "red"), ("two", "red")]


async def test_a_newer_file_is_left_alone(tmp_path: Path) -> None:
    newer = (*VERSIONS, "alter table event add column colour text")
    async with open_store(tmp_path / "J", versions=newer) as store:
        await store.write(added("one"))
    before = (tmp_path / "J").read_bytes()
    with pytest.raises(JournalError, match="is of version 2, and this walead_async knows 1 at most: upgrade it"):
        async with open_store(tmp_path / "J"):
            pass
    assert (tmp_path / "J").read_bytes() == before


async def test_a_file_that_becomes_newer_is_written_no_more(where: str) -> None:
    async with open_store(where) as store:
        await store.write(added("one"))
        async with open_store(where, versions=(*VERSIONS, "create table other (id integer)")) as other:
            await other.write(added("other"))
        with pytest.raises(JournalError, match="is of version 2"):
            await store.write(added("two"))
    async with open_store(where, versions=(*VERSIONS, "")) as store:
        assert await store.read(events) == ["one", "other"]


def other_sqlite(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("pragma journal_mode = wal")
    connection.execute("create table event (id integer)")
    connection.commit()
    connection.close()


NOT_OURS = {
    "another program's database": (other_sqlite, "belongs to another program"),
    "a text": (lambda path: path.write_text("public_identifier\njohn-doe\n" * 100), "is no journal, or it is damaged"),
    "a short text": (lambda path: path.write_text("x"), "belongs to another program"),
    "an empty file": (Path.touch, "is an empty file"),
    "a folder": (Path.mkdir, "is a folder"),
    "a pipe": (os.mkfifo, "is a folder, or no file"),
}


@pytest.mark.parametrize("kind", NOT_OURS)
async def test_what_is_not_ours_is_refused_and_left_as_it_is(kind: str, tmp_path: Path) -> None:
    make, words = NOT_OURS[kind]
    path = tmp_path / "J"
    make(path)
    before = path.read_bytes() if path.is_file() else None
    for create in (True, False):
        with pytest.raises(JournalError, match=words):
            async with open_store(path, create=create):
                pass
    assert set(modes(tmp_path)) == {"J"}
    assert before == (path.read_bytes() if path.is_file() else None)


async def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="no-such-folder' does not exist: make it first"):
        async with open_store(tmp_path / "no-such-folder" / "J"):
            pass


async def test_a_read_only_file_is_read_and_not_written(tmp_path: Path) -> None:
    async with open_store(tmp_path / "J") as store:
        await store.write(added("one"))
    (tmp_path / "J").chmod(0o400)
    before = (tmp_path / "J").read_bytes()
    async with open_store(tmp_path / "J") as store:
        assert await store.read(events) == ["one"]
        with pytest.raises(JournalError, match="is read-only"):
            await store.write(added("two"))
    assert (tmp_path / "J").read_bytes() == before


async def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    async with open_store(tmp_path / "J") as store:
        await asyncio.gather(*(store.write(added(f"{number} {'x' * 100}")) for number in range(2000)))
    with (tmp_path / "J").open("r+b") as file:
        file.seek(16_384)
        file.write(os.urandom((tmp_path / "J").stat().st_size - 16_384))
    async with open_store(tmp_path / "J") as store:
        with pytest.raises(JournalError, match="is damaged: bring it back from a copy"):
            await store.read(events)
        with pytest.raises(JournalError, match="is damaged: bring it back from a copy"):
            await store.write(lambda connection: connection.execute("delete from event").rowcount)


async def test_a_file_that_is_moved_away_takes_nothing(tmp_path: Path) -> None:
    async with open_store(tmp_path / "J") as store:
        await store.write(added("one"))
        (tmp_path / "J").rename(tmp_path / "old")
        with pytest.raises(JournalError, match="was moved, removed or replaced"):
            await store.write(added("two"))


async def test_who_locks_the_file_for_too_long_is_told_of(tmp_path: Path) -> None:
    async with open_store(tmp_path / "J", limit=0.2) as store:
        await store.write(added("one"))
        other = sqlite3.connect(tmp_path / "J", isolation_level=None)
        other.execute("begin immediate")
        with pytest.raises(JournalError, match=r"was locked for more than 0\.2 s by another program"):
            await store.write(added("two"))
        other.execute("rollback")
        other.close()
        await store.write(added("three"))
        assert await store.read(events) == ["one", "three"]


async def test_a_writer_that_hangs_holds_nobody_for_longer_than_the_limit(tmp_path: Path) -> None:
    async with open_store(tmp_path / "J", limit=0.2) as store:
        await store.write(added("one"))
        with store.lock("write") as hanging:
            hanging.wait()
            with pytest.raises(JournalError, match=r"another process has held .*J\.write' for more than 0\.2 s"):
                await store.write(added("two"))
        await store.write(added("three"))
        assert await store.read(events) == ["one", "three"]


async def test_whoever_is_cancelled_holds_up_nobody(where: str) -> None:
    async with open_store(where) as store:
        waiting = [asyncio.ensure_future(store.write(added(str(number)))) for number in range(100)]
        await asyncio.sleep(0)
        for task in waiting[::2]:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert {str(number) for number in range(1, 100, 2)} <= set(await store.read(events))


async def test_no_byte_is_left_of_what_was_deleted_and_scrubbed(tmp_path: Path) -> None:
    async with open_store(tmp_path / "J") as store, open_store(tmp_path / "J") as other:
        await asyncio.gather(*(store.write(added(f"secret-{number}-{'x' * 500}")) for number in range(500)))
        await other.read(events)
        await store.write(lambda connection: connection.execute("delete from event where id % 3 = 0").rowcount)
        await store.scrub()
        gone = [f"secret-{number}-".encode() for number in range(2, 500, 3)]
        assert len(await store.read(events)) == 500 - len([*range(3, 501, 3)])
        for name in modes(tmp_path):
            held = (tmp_path / name).read_bytes()
            assert not [each for each in gone if each in held]


SCRIPT = """
import asyncio, os, resource, signal, sys
from walead_async.errors import JournalError
from walead_async.jobs.store import microseconds, open_store

def added(what):
    return lambda connection: connection.execute(
        "insert into event (at, by_whom, what) values (?, 'test', ?) returning id", (microseconds(), what)
    ).fetchall()

def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())

async def writes(store, name, count):
    for number in range(count):
        await store.write(added(f"{name}-{number}"))
        say(f"{name}-{number}")
"""


@contextlib.contextmanager
def process(code: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """A process that runs the script above and this code; killed at the end."""
    command = [sys.executable, "-c", SCRIPT + code, *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT) as running:
        try:
            yield running
        finally:
            running.kill()


WRITES = """
async def main():
    async with open_store(sys.argv[1]) as store:
        async with store.apply_lock():
            await asyncio.gather(*(writes(store, f"{sys.argv[2]}-{each}", 10_000) for each in range(8)))
asyncio.run(main())
"""


@pytest.mark.parametrize("kills", [4, pytest.param(50, marks=pytest.mark.soak)])
async def test_what_was_confirmed_outlives_kill_9(kills: int, where: str) -> None:
    chance = random.Random(15)
    confirmed: set[str] = set()
    for turn in range(kills):
        with process(WRITES, where, turn) as running:
            for _ in range(chance.randrange(1, 400)):
                confirmed.add(running.stdout.readline().strip())
            running.kill()
            # the last line may be cut in two
            confirmed.update(running.stdout.read().split("\n")[:-1])
        async with open_store(where, create=False) as store, store.apply_lock():
            found = await store.read(events)
        assert confirmed <= set(found)
        assert len(found) == len(set(found))


SHARES = """
async def main():
    async with open_store(sys.argv[1]) as store:
        sys.stdin.readline()
        await asyncio.gather(*(writes(store, f"{sys.argv[2]}-{each}", 40) for each in range(10)))
asyncio.run(main())
"""


async def test_four_processes_make_one_file_at_once_and_lose_nothing(where: str) -> None:
    command = [sys.executable, "-c", SCRIPT + SHARES, where]
    how = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL, "text": True, "env": ENVIRONMENT}
    running = [subprocess.Popen([*command, str(number)], **how) for number in range(4)]  # noqa: ASYNC220
    for each in running:
        each.stdin.write("go\n")
        each.stdin.flush()
    for each in running:
        with each:
            assert each.wait() == 0
    async with open_store(where) as store:
        found = await store.read(events)
    assert set(found) == {f"{each}-{task}-{n}" for each in range(4) for task in range(10) for n in range(40)}
    assert len(found) == 1600


FULL = """
async def main():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    async with open_store(sys.argv[1]) as store:
        await store.write(added("first"))
        say("first")
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, resource.RLIM_INFINITY))
        try:
            await writes(store, "x" * 1000, 10_000)
        except JournalError as error:
            say("ERROR", error)
        try:
            await store.write(added("refused"))
        except JournalError:
            say("REFUSED")
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        await store.write(added("last"))
        say("last")
asyncio.run(main())
"""


async def test_a_full_disk_keeps_what_was_confirmed_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    with process(FULL, tmp_path / "J") as running:
        told = running.stdout.read().splitlines()
        assert running.wait() == 0
    (error,) = [line for line in told if line.startswith("ERROR")]
    assert "cannot be read or written, its disk is full or faulty" in error
    confirmed = [line for line in told if not line.startswith(("ERROR", "REFUSED"))]
    assert len(confirmed) > 50
    assert confirmed[-1] == "last"
    async with open_store(tmp_path / "J") as store:
        assert set(confirmed) <= set(await store.read(events))


FORKS = """
async def main():
    async with open_store(sys.argv[1]) as store:
        await store.write(added("parent"))
        async with store.apply_lock():
            delivery = store.lock("walead.deliver")
            assert await delivery.take()
            await asyncio.gather(*(writes(store, "before", 20) for _ in range(3)))
            if os.fork():
                await asyncio.sleep(60)
            for call in (lambda: store.write(added("child")), lambda: store.read(len)):
                try:
                    await call()
                except JournalError as error:
                    say("CHILD", os.getpid(), error)
            signal.pause()
asyncio.run(main())
"""


async def test_a_forked_child_holds_no_lock_and_writes_nothing(where: str) -> None:
    with process(FORKS, where) as running:
        told: list[str] = []
        while len(told) < 2:
            line = running.stdout.readline()
            told += [line] if line.startswith("CHILD") else []
        child = int(told[0].split()[1])
        try:
            assert all("was opened before a fork: open it in the child" in line for line in told)
            async with open_store(where) as store:
                with pytest.raises(JournalError, match="is in use by"):
                    async with store.apply_lock():
                        pass
                running.kill()
                running.wait()
                async with store.apply_lock():
                    delivery = store.lock("walead.deliver")
                    assert await delivery.take()
                    await delivery.release()
                    await store.write(added("after"))
                    assert "child" not in await store.read(events)
        finally:
            os.kill(child, signal.SIGKILL)
