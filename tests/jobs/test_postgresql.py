"""The store in PostgreSQL: its locks when connections are lost, its tables, its rights, and what it says of faults."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from postgres_server import PostgresServer
from postgres_ways import TransactionPooler, Way
from stores import stored

from walead_async.errors import ConfigurationError, JournalError, OutboxError
from walead_async.jobs.database import Connection
from walead_async.jobs.schema import VERSIONS
from walead_async.jobs.store import microseconds, open_store

ROOT = Path(__file__).parents[2]
SECRET = "horse-battery"


def added(what: str) -> Callable[[Connection], int]:
    """A change that adds an event, and returns its id."""

    def change(connection: Connection) -> int:
        statement = "insert into event (at, by_whom, what) values (?, 'test', ?) returning id"
        ((found,),) = connection.execute(statement, (microseconds(), what)).fetchall()
        return int(found)

    return change


def events(connection: Connection) -> list[str]:
    return [what for (what,) in connection.execute("select what from event order by id")]


def name_of(url: str) -> str:
    return url.rpartition("/")[2]


def end_of_writers(url: str) -> None:
    """End the connections that hold locks, as an administrator does."""
    stored(url, "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'")


async def test_tables_of_ours_stand_beside_others_in_the_first_schema(postgres_url: str) -> None:
    stored(postgres_url, "create schema mine")
    stored(postgres_url, f"alter database {name_of(postgres_url)} set search_path = mine, public")
    async with open_store(postgres_url) as store:
        await store.write(added("one"))
    found = stored(postgres_url, "select schemaname, tablename from pg_tables where tablename ~ '^walead_' order by 2")
    names = ["event", "item", "lock", "optout", "part", "plan", "source", "version"]
    assert found == [("mine", f"walead_{name}") for name in names]


async def test_reading_makes_no_tables(postgres_url: str) -> None:
    async with open_store(postgres_url) as store:
        with pytest.raises(JournalError, match="there is no journal in 'postgresql://127"):
            await store.read(events)
    with pytest.raises(OutboxError, match="there is no outbox"):
        async with open_store(postgres_url, create=False, error=OutboxError):
            pass
    assert stored(postgres_url, "select 1 from pg_tables where tablename ~ '^walead_'") == []


async def test_tables_of_an_older_version_can_be_read_and_are_left_as_they_are(postgres_url: str) -> None:
    async with open_store(postgres_url) as store:
        await store.write(added("one"))
    async with open_store(postgres_url, versions=(*VERSIONS, "alter table event add column colour text")) as store:
        assert await store.read(events) == ["one"]
    assert stored(postgres_url, "select version from walead_version") == [(1,)]


async def test_a_step_that_fails_leaves_nothing(postgres_url: str) -> None:
    async with open_store(postgres_url) as store:
        await store.write(added("one"))
    newer = (*VERSIONS, "alter table event add column colour text; alter table no_such_table add column x text")
    async with open_store(postgres_url, versions=newer) as store:
        with pytest.raises(JournalError, match="no_such_table"):
            await store.write(added("two"))
    assert stored(postgres_url, "select version from walead_version") == [(1,)]
    async with open_store(postgres_url) as store:
        await store.write(added("three"))
        assert await store.read(events) == ["one", "three"]


async def test_targets_exclude_themselves_and_whoever_prunes_excludes_them_all(postgres_url: str) -> None:
    async with open_store(postgres_url) as store, open_store(postgres_url) as other:
        async with store.apply_lock("acme", "workspace"):
            async with other.apply_lock("acme", "campaign:c1"):
                pass
            for each in (store, other):
                for target in (("acme", "workspace"), ()):
                    with pytest.raises(JournalError, match=rf"is in use by .* process {os.getpid()}, since 20"):
                        async with each.apply_lock(*target):
                            pass
            assert await other.lock("apply", "acme", "workspace").is_held()
        assert not await other.lock("apply", "acme", "workspace").is_held()
        async with other.apply_lock():
            with pytest.raises(JournalError, match=r"is in use by .* process"):
                async with store.apply_lock("acme", "workspace"):
                    pass
        async with store.apply_lock("acme", "workspace"):
            pass


async def test_whoever_loses_the_connection_is_stopped_and_writes_nothing(postgres_url: str) -> None:
    async with open_store(postgres_url) as store:

        async def works() -> None:
            async with store.apply_lock("acme"):
                await store.write(added("one"))
                end_of_writers(postgres_url)
                try:
                    await asyncio.Event().wait()
                finally:
                    with pytest.raises(JournalError, match="lost its connection while"):
                        await store.write(added("two"))

        with pytest.raises(JournalError, match="lost its connection while it was at work, and nothing more was begun"):
            await works()
        async with store.apply_lock("acme"):
            await store.write(added("three"))
        assert await store.read(events) == ["one", "three"]


async def test_a_write_that_meets_a_lost_connection_stops_its_holder_at_once(postgres_url: str) -> None:
    async with open_store(postgres_url) as store:

        async def works() -> None:
            async with store.apply_lock("acme"):
                end_of_writers(postgres_url)
                await store.write(added("one"))

        with pytest.raises(JournalError, match=r"was shut down or restarted|lost its connection"):
            await works()
        await store.write(added("two"))
        assert await store.read(events) == ["two"]


async def test_nothing_is_begun_later_than_6_seconds_after_the_way_fell_silent(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    loop = asyncio.get_running_loop()
    last = began = 0.0
    async with Way(postgres_server.port) as way:
        url = postgres_server.url(name_of(postgres_url), port=way.port)
        async with open_store(url) as store, open_store(postgres_url) as other:

            async def works() -> None:
                nonlocal last, began
                async with store.apply_lock("acme"):
                    way.silent, began = True, loop.time()
                    while True:
                        last = loop.time()
                        await asyncio.sleep(0.01)

            with pytest.raises(JournalError, match="lost its connection"):
                await works()
            assert last - began < 6
            # the server has heard of it, too
            while await other.lock("apply", "acme").is_held():  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            await way.cut()


async def test_a_restart_of_the_server_costs_nothing_that_was_confirmed(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    confirmed = []
    refused = 0
    async with open_store(postgres_url) as store:
        await store.write(added("first"))
        restarting = asyncio.create_task(asyncio.to_thread(_restart, postgres_server))
        for number in range(100_000):
            try:
                await store.write(added(str(number)))
            except JournalError:
                refused += 1
                await asyncio.sleep(0.02)
            else:
                confirmed.append(str(number))
            if restarting.done() and confirmed[-1:] == [str(number)]:
                break
        await restarting
        assert set(confirmed) <= set(await store.read(events))
    assert refused


def _restart(server: PostgresServer) -> None:
    server.stop()
    server.start()


async def test_a_store_that_was_idle_over_a_restart_takes_the_next_write(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    async with open_store(postgres_url) as store:
        await store.write(added("one"))
        await store.read(events)
        await asyncio.to_thread(_restart, postgres_server)
        await store.write(added("two"))
        assert await store.read(events) == ["one", "two"]


async def test_a_database_that_falls_silent_is_told_of_and_used_again(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    async with Way(postgres_server.port) as way:
        url = postgres_server.url(name_of(postgres_url), port=way.port)
        async with open_store(url, limit=0.5) as store:
            await store.write(added("one"))
            way.silent = True
            with pytest.raises(JournalError, match=r"did not answer for more than 0\.5 s: see that it runs"):
                await store.write(added("two"))
            way.silent = False
            await store.write(added("three"))
            assert {"one", "three"} <= set(await store.read(events))


async def test_a_pooler_that_shares_out_connections_is_refused(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    async with TransactionPooler(postgres_server.port) as pooler:
        with pytest.raises(JournalError, match="is behind a pooler that changes the connection between transactions"):
            async with open_store(postgres_server.url(name_of(postgres_url), port=pooler.port)):
                pass


async def test_a_server_that_is_away_is_named_at_once(postgres_server: PostgresServer) -> None:
    async with Way(postgres_server.port) as way:
        port = way.port
    with pytest.raises(
        OutboxError, match=rf"postgresql://127\.0\.0\.1:{port}/acme' cannot be reached.* refused"
    ) as told:
        async with open_store(f"postgresql://me:{SECRET}@127.0.0.1:{port}/acme", error=OutboxError):
            pass
    assert SECRET not in str(told.value)


async def test_a_server_that_never_answers_is_given_up(postgres_server: PostgresServer) -> None:
    async with Way(postgres_server.port) as way:
        way.silent = True
        with pytest.raises(JournalError, match=r"cannot be reached.* timeout"):
            async with open_store(f"postgresql://postgres@127.0.0.1:{way.port}/acme?connect_timeout=2"):
                pass
        await way.cut()


BAD_ADDRESSES = [
    f"postgresql://me:{SECRET}@x@127.0.0.1/acme",
    f"postgresql://me:a/{SECRET}@127.0.0.1/acme",
    f"postgresql://me:a?{SECRET}@127.0.0.1/acme",
    f"postgresql://me:a#{SECRET}@127.0.0.1/acme",
    f"postgresql://me:%{SECRET}@127.0.0.1/acme",
    f"postgresql://127.0.0.1/acme?pasword={SECRET}",
    f"postgresql+psycopg://me:{SECRET}@127.0.0.1/acme",
    f"postgresql:/me:{SECRET}@127.0.0.1/acme",
    f"POSTGRESQL://me:{SECRET}@127.0.0.1/acme",
]


@pytest.mark.parametrize("url", BAD_ADDRESSES)
def test_an_address_that_cannot_be_read_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ConfigurationError) as told:
        open_store(url)
    assert SECRET not in str(told.value)
    assert told.value.__suppress_context__ or told.value.__context__ is None


@pytest.fixture
def limited(postgres_server: PostgresServer, postgres_url: str) -> str:
    """The address of the database for a user who may do nothing yet; its password is the secret."""
    user = f"user_{name_of(postgres_url)}"
    postgres_server.execute(f"create role {user} login password '{SECRET}'".encode())
    return postgres_server.url(name_of(postgres_url), f"{user}:{SECRET}")


async def test_who_lacks_rights_is_told_which(postgres_server: PostgresServer, postgres_url: str, limited: str) -> None:
    user = f"user_{name_of(postgres_url)}"
    rights = (
        "lacks a right: CREATE on the schema at the first start .*, SELECT, INSERT, UPDATE and DELETE on the tables"
    )
    async with open_store(limited) as store:
        with pytest.raises(JournalError, match=rights) as told:
            await store.write(added("one"))
        assert SECRET not in str(told.value)
        async with open_store(postgres_url) as owner:
            await owner.write(added("two"))
        stored(postgres_url, f"grant select on all tables in schema public to {user}")
        with pytest.raises(JournalError, match=rights):
            await store.write(added("three"))
        assert await store.read(events) == ["two"]
        stored(postgres_url, f"grant insert, update, delete on all tables in schema public to {user}")
        await store.write(added("four"))
        async with store.apply_lock("acme"):
            assert await store.read(events) == ["two", "four"]
        with pytest.raises(
            JournalError, match="which only the owner of the tables may: let the owner do `vacuum full`"
        ):
            await store.scrub()
    stored(postgres_url, f"drop owned by {user}")
    stored(postgres_url, f"drop role {user}")


async def test_a_password_that_is_wrong_is_not_repeated(postgres_server: PostgresServer, postgres_url: str) -> None:
    with postgres_server.asking_passwords(name_of(postgres_url)):
        with pytest.raises(JournalError, match="password authentication failed") as told:
            async with open_store(postgres_server.url(name_of(postgres_url), f"postgres:{SECRET}")):
                pass
        with pytest.raises(JournalError, match="no password supplied"):
            async with open_store(postgres_url):
                pass
    assert SECRET not in str(told.value)


async def test_a_password_may_come_from_the_environment_or_a_passfile(
    postgres_server: PostgresServer, postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgres_server.execute(f"alter role postgres password '{SECRET}'".encode())
    passfile = tmp_path / "pgpass"
    passfile.write_text(f"127.0.0.1:*:*:postgres:{SECRET}\n")
    passfile.chmod(0o600)
    with postgres_server.asking_passwords(name_of(postgres_url)):
        for name, value in (("PGPASSWORD", SECRET), ("PGPASSFILE", str(passfile))):
            monkeypatch.setenv(name, value)
            async with open_store(postgres_url) as store:
                await store.write(added(name))
                assert SECRET not in repr(store)
            monkeypatch.delenv(name)


async def test_a_read_only_database_is_told_of(postgres_url: str) -> None:
    async with open_store(postgres_url) as store:
        await store.write(added("one"))
    stored(postgres_url, f"alter database {name_of(postgres_url)} set default_transaction_read_only = on")
    async with open_store(postgres_url) as store:
        with pytest.raises(JournalError, match="is read-only, perhaps a standby: name the primary"):
            await store.write(added("two"))
        assert await store.read(events) == ["one"]


async def test_a_full_disk_refuses_all_who_share_the_commit_and_goes_on_when_there_is_room(postgres_url: str) -> None:
    refuse = "if new.what = 'full' then raise exception 'no space left' using errcode = '53100'; end if;"
    async with open_store(postgres_url) as store:
        await store.write(added("one"))
        stored(
            postgres_url,
            f"create function full_disk() returns trigger language plpgsql as $$begin {refuse} return new; end$$",
        )
        stored(
            postgres_url,
            "create trigger filling before insert on walead_event for each row execute function full_disk()",
        )
        told = await asyncio.gather(store.write(added("two")), store.write(added("full")), return_exceptions=True)
        assert [type(each) for each in told] == [JournalError, JournalError]
        assert "is full, or its disk is: make room" in str(told[0])
        await store.write(added("three"))
        assert await store.read(events) == ["one", "three"]


async def test_who_locks_a_table_for_too_long_is_told_of(postgres_url: str) -> None:
    async with open_store(postgres_url, limit=0.3) as store:
        await store.write(added("one"))
        with closing(psycopg.connect(postgres_url)) as other:
            other.execute("lock table walead_event")
            with pytest.raises(JournalError, match="was locked for too long by another transaction"):
                await store.write(added("two"))
        await store.write(added("three"))
        assert await store.read(events) == ["one", "three"]


async def test_two_that_wait_for_each_other_both_succeed(postgres_url: str) -> None:
    def both(first: int, second: int) -> Callable[[Connection], None]:
        def change(connection: Connection) -> None:
            for number in (first, second):
                connection.execute("update event set what = what || '!' where id = ?", (number,))
                connection.execute("select pg_sleep(0.2)").fetchall()

        return change

    async with open_store(postgres_url) as store, open_store(postgres_url) as other:
        one, two = await store.write(added("one")), await store.write(added("two"))
        await asyncio.gather(store.write(both(one, two)), other.write(both(two, one)))
        assert await store.read(events) == ["one!!", "two!!"]


async def test_tables_that_are_dropped_are_told_of_and_made_again_at_the_next_start(postgres_url: str) -> None:
    async with open_store(postgres_url) as store:
        await store.write(added("one"))
        stored(postgres_url, "drop schema public cascade")
        stored(postgres_url, "create schema public")
        with pytest.raises(JournalError, match="has lost its tables"):
            await store.write(added("two"))
    async with open_store(postgres_url) as store:
        await store.write(added("three"))
        assert await store.read(events) == ["three"]


async def test_a_database_of_another_encoding_is_refused(postgres_server: PostgresServer) -> None:
    postgres_server.execute(b"create database latin encoding 'LATIN1' locale 'C' template template0")
    try:
        with pytest.raises(JournalError, match="has the encoding LATIN1, and names need UTF8"):
            async with open_store(postgres_server.url("latin")):
                pass
    finally:
        postgres_server.drop_database("latin")


async def test_a_database_that_does_not_exist_is_named(postgres_server: PostgresServer) -> None:
    with pytest.raises(JournalError, match='database "nowhere" does not exist'):
        async with open_store(postgres_server.url("nowhere")):
            pass


async def test_any_text_is_kept_but_for_a_nul(postgres_url: str) -> None:
    async with open_store(postgres_url) as store:
        await store.write(added("ünïcødé ' \" \\ % $1 ? 🙂"))
        await store.write(added("a\0b"))
        assert await store.read(events) == ["ünïcødé ' \" \\ % $1 ? 🙂", "a\ufffdb"]


async def test_a_forked_child_does_not_keep_a_lock(postgres_url: str) -> None:
    code = """
import asyncio, os, signal, sys
from walead_async.jobs.store import open_store
async def main():
    async with open_store(sys.argv[1]) as store, store.apply_lock("acme"):
        if child := os.fork():
            os.write(1, f"{child}\\n".encode())
        signal.pause()
asyncio.run(main())
"""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code, postgres_url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as parent:  # noqa: ASYNC220
        assert parent.stdout is not None
        child = int(await asyncio.to_thread(parent.stdout.readline))
        try:
            async with open_store(postgres_url) as store:
                assert await store.lock("apply", "acme").is_held()
                parent.kill()
                while await store.lock("apply", "acme").is_held():  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
        finally:
            os.kill(child, 9)


def test_without_the_driver_it_is_named() -> None:
    code = """
import sys
sys.modules["psycopg"] = None
from walead_async.errors import ConfigurationError
from walead_async.jobs.store import open_store
try:
    open_store("postgresql://127.0.0.1/acme")
except ConfigurationError as error:
    print(error)
"""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert "pip install 'walead_async[postgres]'" in done.stdout
