"""The store: what is confirmed is on the disk, whatever happens to the process, and no other file is touched."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
from pathlib import Path

import pytest

from walead_async.errors import JournalError, OutboxError
from walead_async.jobs.schema import APPLICATION_ID, VERSIONS
from walead_async.jobs.store import Connection, microseconds, open_store

ADD = "insert into event (at, by_whom, what) values (?, 'test', ?) returning id"


def added(what: str):
    """A change that adds an event, and returns its id."""

    def change(connection: Connection) -> int:
        (found,) = connection.execute(ADD, (microseconds(), what)).fetchall()
        return int(found[0])

    return change


def events(connection: Connection) -> list[str]:
    return [what for (what,) in connection.execute("select what from event order by id")]


def modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


async def test_what_is_written_is_read_by_the_next_process(tmp_path: Path) -> None:
    async with open_store(tmp_path / "J") as store:
        assert await store.write(added("one")) == 1
        assert await store.read(events) == ["one"]
    async with open_store(tmp_path / "J", create=False) as store:
        assert await store.read(events) == ["one"]


async def test_every_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    usual = os.umask(0)
    try:
        async with open_store(tmp_path / "J") as store:
            await store.write(added("one"))
            with store.apply_lock():
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


async def test_who_waits_shares_a_commit_and_fails_alone(tmp_path: Path) -> None:
    def refused(connection: Connection) -> None:
        raise JournalError("not this one")

    def half_done(connection: Connection) -> None:
        added("half")(connection)
        raise JournalError("nor this one")

    def against_the_rules(connection: Connection) -> None:
        connection.execute("insert into event (at, by_whom, what) values (null, null, null)")

    async with open_store(tmp_path / "J") as store:
        changes = [added("one"), refused, half_done, against_the_rules, added("two")]
        told = await asyncio.gather(*map(store.write, changes), return_exceptions=True)
        assert [type(each).__name__ for each in told] == [
            "int",
            "JournalError",
            "JournalError",
            "IntegrityError",
            "int",
        ]
        assert await store.read(events) == ["one", "two"]


async def test_a_second_holder_of_the_lock_is_told_who_has_it(tmp_path: Path) -> None:
    async with open_store(tmp_path / "J") as store, open_store(tmp_path / "J") as other:
        refused = pytest.raises(JournalError, match=rf"process {os.getpid()}, since 20")
        with store.apply_lock(), refused, other.apply_lock():
            pass
        with other.apply_lock():
            pass


async def test_a_closed_store_takes_nothing(tmp_path: Path) -> None:
    store = open_store(tmp_path / "J")
    with pytest.raises(JournalError, match="async with"):
        await store.write(added("one"))
    async with store:
        await store.write(added("one"))
    for call in (store.write(added("two")), store.read(events), store.scrub()):
        with pytest.raises(JournalError, match="is closed"):
            await call


async def test_a_file_is_marked_as_ours_and_with_its_version(tmp_path: Path) -> None:
    async with open_store(tmp_path / "J") as store:
        await store.write(added("one"))
    connection = sqlite3.connect(tmp_path / "J")
    assert connection.execute("pragma application_id").fetchone() == (APPLICATION_ID,)
    assert connection.execute("pragma user_version").fetchone() == (len(VERSIONS),)
    assert connection.execute("pragma journal_mode").fetchone() == ("wal",)
    connection.close()
