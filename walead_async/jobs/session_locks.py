"""Locks of a session of PostgreSQL: on the connection that writes, so that whoever loses it can write nothing more."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from walead_async.errors import WaleadError
from walead_async.jobs.locks import holder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from walead_async.jobs.postgresql import PostgresConnection, PostgresDatabase
    from walead_async.jobs.store import Store

__all__ = ["SessionLock"]

#: How often it is seen that a lock is still held, and how long that answer is waited for, in seconds: nothing is begun
#: later than 6 s after the connection was lost.
BEAT = 2.0
ANSWER = 3.5


class SessionLock:
    """A lock of the session that writes: free as soon as the server sees that the connection has ended.

    The lock to apply is on one target, and excludes the one on all targets.
    """

    def __init__(self, database: PostgresDatabase, store: Store, name: str, target: Sequence[str]) -> None:
        self.name = name
        self._database = database
        self._store = store
        # The names of what is locked, each alone or with others; the last one is what the holder is written down with.
        self._parts = [(name, False)] if not target else [(name, True), (json.dumps([name, *target]), False)]
        self._given_up = False
        self._lost_call: Callable[[], object] | None = None
        self._beating: asyncio.Task[None] | None = None
        self._holder: dict[str, object] = {}

    async def take(self) -> bool:
        """Take it if it is free, and write down who has it. Raises the store's error if that cannot be tried."""
        self._loop = asyncio.get_running_loop()
        self._given_up, self._lost_call, self._holder = False, None, holder()
        taken = await self._store.on_connection(self._take)
        if taken:
            self._beating = asyncio.create_task(self._beat())
        return taken

    def tell(self, facts: Mapping[str, object]) -> None:
        """Write down who holds it since when, and these facts, as soon as may be."""

        def write(connection: Any) -> None:
            if self in self._database.held:
                self._write_down(connection, facts)

        self._unheard(write)

    async def told(self) -> Mapping[str, object]:
        """What the holder has written down, or the last one; of a lock to apply, one who is in the way."""
        return await self._store.read(self._told)

    async def is_held(self) -> bool:
        """Whether a process holds it now."""
        return await self._store.read(self._is_anybodys)

    def _told(self, here: Any) -> Mapping[str, object]:
        statement = f"select number, holder_json from {here.schema}.walead_lock where name = ? order by number"
        numbers = [number for number, _ in self._numbers(here)]
        found = dict(here.execute(statement, (self.name,)).fetchall())
        if self.name == "apply":
            held = self._held_numbers(here)
            found = {number: text for number, text in found.items() if number in held}
            if len(numbers) == 1:
                numbers = [*found]
        texts = [found[number] for number in reversed(numbers) if number in found]
        return json.loads(texts[0]) if texts else {}

    def when_lost(self, call: Callable[[], object]) -> None:
        """Have this called in the event loop if the lock is lost before it is released."""
        self._lost_call = call
        if self in self._database.lost:
            call()

    async def release(self) -> None:
        """Let others take it."""
        self._given_up, self._lost_call = True, None
        if self._beating is not None:
            self._beating.cancel()
            self._beating = None
        self._database.lost.discard(self)
        if self in self._database.held:
            self._database.held.discard(self)
            with suppress(WaleadError, TimeoutError):
                async with asyncio.timeout(self._database.limit):
                    await self._store.on_connection(self._unlock)

    def tell_lost(self) -> None:
        """From any thread: the lock is lost."""
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._lose)

    def _lose(self) -> None:
        if self._lost_call is not None:
            self._lost_call()

    def _unheard(self, call: Callable[[Any], None]) -> None:
        """Have the writer do this; whether it succeeds matters to nobody."""
        with suppress(WaleadError):
            self._store.on_connection(call).add_done_callback(lambda done: done.cancelled() or done.exception())

    def _numbers(self, connection: PostgresConnection) -> list[tuple[int, bool]]:
        return [(self._database.number(connection, name), shared) for name, shared in self._parts]

    def _held_numbers(self, connection: PostgresConnection, pid: int | None = None) -> set[int]:
        """The locks that anybody holds, or this process of the server."""
        statement = (
            "select (cast(classid as bigint) << 32) | cast(objid as bigint) from pg_locks where locktype = 'advisory' "
            "and granted and objsubid = 1 and pid = coalesce(cast(? as integer), pid) "
            "and database = (select oid from pg_database where datname = current_database())"
        )
        return {number for (number,) in connection.execute(statement, (pid,)).fetchall()}

    def _take(self, connection: Any) -> bool:
        """Take all parts, or none, in the writer's thread."""
        if self._given_up:
            return False
        database, numbers = self._database, self._numbers(connection)
        taken: list[tuple[int, bool]] = []
        # A session may take its own lock again.
        for other in list(database.held):
            theirs = dict(other._numbers(connection))
            if any(number in theirs and not (shared and theirs[number]) for number, shared in numbers):
                return False
        database.begin(connection)
        try:
            for number, shared in numbers:
                how = "pg_try_advisory_lock_shared" if shared else "pg_try_advisory_lock"
                ((got,),) = connection.execute(f"select {how}(cast(? as bigint))", (number,)).fetchall()
                if not got:
                    connection.execute("rollback")
                    for each, also_shared in taken:
                        self._unlock_one(connection, each, shared=also_shared)
                    return False
                taken.append((number, shared))
            self._write_down(connection, {})
            connection.execute("commit")
        except BaseException:
            connection.close()  # and with it what was taken
            raise
        database.held.add(self)
        return True

    def _unlock(self, connection: Any) -> None:
        for number, shared in self._numbers(connection):
            self._unlock_one(connection, number, shared=shared)

    def _unlock_one(self, connection: PostgresConnection, number: int, *, shared: bool) -> None:
        how = "pg_advisory_unlock_shared" if shared else "pg_advisory_unlock"
        connection.execute(f"select {how}(cast(? as bigint))", (number,))

    def _write_down(self, connection: PostgresConnection, facts: Mapping[str, object]) -> None:
        number, _ = self._numbers(connection)[-1]
        connection.execute(
            f"insert into {connection.schema}.walead_lock (number, name, holder_json) values (?, ?, ?) "
            "on conflict (number) do update set holder_json = excluded.holder_json",
            (number, self.name, json.dumps({**self._holder, **facts})),
        )

    async def _beat(self) -> None:
        """See again and again that the server knows the lock as ours; if not, or without an answer, it is lost."""
        while True:
            await asyncio.sleep(BEAT)
            try:
                async with asyncio.timeout(ANSWER):
                    held = await self._store.read(self._is_ours)
            except (TimeoutError, WaleadError):
                held = False
            if not held and self in self._database.held:
                self._database.lose_locks()
                self._database.cut()
                return

    def _is_anybodys(self, connection: Any) -> bool:
        return self._numbers(connection)[-1][0] in self._held_numbers(connection)

    def _is_ours(self, connection: Any) -> bool:
        return self._numbers(connection)[-1][0] in self._held_numbers(connection, self._database.writer)
