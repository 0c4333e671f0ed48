"""A durable store under asyncio: one thread writes for all callers in shared commits, another one reads."""

from __future__ import annotations

import asyncio
import copy
import os
import queue
import re
import threading
import time
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from weakref import WeakSet

from walead_async.errors import ConfigurationError, JournalError, OutboxError, WaleadError
from walead_async.jobs.locks import holder_in_words
from walead_async.jobs.schema import VERSIONS
from walead_async.jobs.sqlite import SqliteFile

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from types import TracebackType
    from typing import Self

    from walead_async.jobs.database import Connection, Database, Lock, Opened

__all__ = ["POSTGRESQL", "Store", "microseconds", "open_store", "without_password"]

T = TypeVar("T")

#: How the address of a PostgreSQL database begins.
POSTGRESQL = ("postgresql://", "postgres://")
#: How long an opening waits for a database that does not answer, in seconds.
OPENING = 30.0

#: What is said when a lock is lost.
LOST = "lost its connection while it was at work, and nothing more was begun: start again, it goes on from there"
#: A look whether a lock is held takes less than this, in seconds.
LOOK = 0.05
#: How often a transaction is carried out that another one keeps from its end.
REPEATED = 5
#: How long closing waits for a thread that does not come back, in seconds; it ends with the process.
PATIENCE = 12.0


def without_password(where: str) -> str:
    """What was given as the place of a store, as it may be shown."""
    if not where.startswith(POSTGRESQL):
        return where
    scheme, _, rest = where.partition("://")
    user, at, place = rest.rpartition("@")
    return f"{scheme}://{user.partition(':')[0]}{at}{re.sub(r'(ssl)?password=[^&]*&?', '', place).rstrip('?&')}"


def microseconds() -> int:
    """Now, as it stands in the store: microseconds since 1970, in UTC."""
    return time.time_ns() // 1000


def open_store(
    where: str | os.PathLike[str],
    *,
    create: bool = True,
    error: type[JournalError | OutboxError] = JournalError,
    limit: float = 10.0,
    versions: Sequence[str] = VERSIONS,
) -> Store:
    """The store in this file or PostgreSQL database, for `async with open_store(where) as store`.

    `where` is a path or `postgresql://…`. With `create` the first `write` makes the file or the tables if there are
    none; without, missing ones are an error at the opening. `limit` is how many seconds somebody else's lock is waited
    for. `versions` are the steps of the schema.

    Raises `ConfigurationError` for an address that cannot be one, or without the driver. The opening raises `error` for
    what cannot be a store of this version; it is left as it is.
    """
    text = os.fspath(where)
    if re.match(r"postgres\w*(\+\w+)?:/", text, re.IGNORECASE) and not text.startswith(POSTGRESQL):
        raise ConfigurationError("the address of a database is text that begins with postgresql://")
    if text.startswith(POSTGRESQL):
        try:
            from walead_async.jobs.postgresql import PostgresDatabase
        except ImportError:
            raise ConfigurationError(
                "a PostgreSQL database needs the driver psycopg: pip install 'walead_async[postgres]'"
            ) from None
        return Store(PostgresDatabase(text, error, limit=limit, versions=versions), create=create)
    return Store(SqliteFile(where, error, limit=limit, versions=versions), create=create)


class _Job(Generic[T]):
    """One call that waits for a thread; `alone`: outside a transaction."""

    __slots__ = ("alone", "call", "done", "failure", "result", "timer")

    def __init__(self, call: Callable[..., T], done: asyncio.Future[T], *, alone: bool = False) -> None:
        self.call = call
        self.done = done
        self.alone = alone
        self.result: T | None = None
        self.failure: BaseException | None = None
        self.timer: asyncio.TimerHandle | None = None


class Store:
    """Tables that survive `kill -9`, shared by processes. Made by `open_store`.

    It belongs to the event loop that opened it. No call blocks the loop.
    """

    def __init__(self, database: Database[Any], *, create: bool) -> None:
        #: How it is named: the path of a file, or the address of a database without user and password.
        self.where: str = database.where
        self.database: Database[Any] = database
        self._create = create
        self._closed: str | None = "is not open: use `async with`"
        self._gathered: list[_Job[Any]] = []

    def __repr__(self) -> str:
        return f"<Store {'closed' if self._closed else 'open'} {self.where!r}>"

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._writing = _Writer(self.database)
        self._writer = _Thread("writer", self._writing.carry_out, self._loop)
        self._reader = _Thread("reader", _Reader(self.database).carry_out, self._loop)
        self._closed = None
        _stores.add(self)
        try:
            async with asyncio.timeout(OPENING):
                if not await self.in_writer(self.database.prepare) and not self._create:
                    raise self.database.missing()
        except TimeoutError:
            await self.close()
            raise self.database.named(f"did not answer within {OPENING:g} s: see that it runs") from None
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def write(self, change: Callable[[Connection], T]) -> asyncio.Future[T]:
        """Carry out a change in a transaction that it shares with all who wait; to be awaited for what it returns.

        It is on the disk then. `change` runs in the writer's thread, perhaps more than once; what it raises is raised
        by the `await`, and then nothing of it is stored. Whoever is cancelled does not know whether it was.

        Raises, at once or by the `await`, `JournalError` (an outbox `OutboxError`) if the disk is full, the store is
        locked for longer than the limit, away, read-only, damaged or replaced, or closed. It may be stored all the
        same.
        """
        self.check_open()
        done: asyncio.Future[T] = self._loop.create_future()
        if not self._gathered:
            # Whoever calls in this turn of the loop shares one commit.
            self._loop.call_soon(self._hand_over)
        self._gathered.append(_Job(change, done))
        return done

    async def read(self, question: Callable[[Connection], T]) -> T:
        """Ask a snapshot of what is committed; returns what `question` returns, which runs in the reader's thread.

        Raises what `question` raises, and the error as `write` does, also if there is no file yet.
        """
        self.check_open()
        done: asyncio.Future[T] = self._loop.create_future()
        self._reader.put([_Job(question, done)])
        return await done

    async def scrub(self) -> None:
        """Rebuild the tables, so that no byte of what was deleted is left in their files or beside them.

        Raises the error if others read them for longer than the limit.
        """
        self.check_open()
        await self.in_writer(lambda: self.database.scrub(self._writing.connected()))

    def lock(self, name: str, *target: str) -> Lock:
        """A lock of this name, for instance "walead.deliver"."""
        return self.database.lock(self, name, target)

    @asynccontextmanager
    async def apply_lock(self, *target: str) -> AsyncIterator[Callable[..., Awaitable[None]]]:
        """The lock under which a process applies a plan of one target, which these words name.

        Without words, for whoever prunes or erases, it excludes all others. A SQLite file has one lock for all targets.
        The block is given a function that takes such a lock of further words, too, and raises as this does.

        Raises the error at once, naming who holds it, if somebody does; and in the middle, if it is lost: the block is
        cancelled, and nothing is written until it has ended.
        """
        locks: list[Lock] = []

        async def take(*target: str) -> None:
            if locks and not self.database.locks_targets:
                return
            locks.append(lock := self.lock("apply", *target))
            if await lock.take():
                return
            # somebody who only looks whether it is held may hold it for a moment
            await asyncio.sleep(LOOK)
            if not await lock.take():
                holder = holder_in_words(await lock.told())
                raise self.database.named(f"is in use by {holder}: wait until it ends")

        try:
            await take(*target)
            async with self.while_held(locks[0]):
                yield take
        finally:
            for lock in locks:
                await lock.release()

    @asynccontextmanager
    async def while_held(self, lock: Lock) -> AsyncIterator[None]:
        """Cancel this block when the lock is lost, and raise the error that says so."""
        try:
            async with asyncio.timeout(None) as until:
                lock.when_lost(lambda: until.reschedule(self._loop.time()))
                yield
        except TimeoutError:
            if not until.expired():
                raise
            raise self.database.named(LOST) from None

    async def close(self) -> None:
        """Wait for what is under way, and close the file; twice is once."""
        if self._closed is not None:
            return
        self._closed = "is closed"
        self._hand_over()
        _stores.discard(self)
        await self._reader.end()
        await self._writer.end()
        self.database.close()

    def check_open(self) -> None:
        """Raise the error unless it is open, in this process and this event loop."""
        if self._closed is not None:
            raise self.database.named(self._closed)
        if asyncio.get_running_loop() is not self._loop:
            raise self.database.named("belongs to the event loop that opened it: open another one here")

    def in_writer(self, call: Callable[[], T]) -> asyncio.Future[T]:
        """Carry this out in the writer's thread, outside a transaction. For the store's own parts."""
        done: asyncio.Future[T] = self._loop.create_future()
        self._writer.put([_Job(call, done, alone=True)])
        return done

    def on_connection(self, call: Callable[[Opened], T]) -> asyncio.Future[T]:
        """The same, with the connection that writes."""
        return self.in_writer(lambda: call(self._writing.connected()))

    def _hand_over(self) -> None:
        jobs, self._gathered = self._gathered, []
        if jobs:
            jobs[-1].timer = self._loop.call_later(self.database.limit + 1.0, self._give_up, jobs)
            self._writer.put(jobs)

    def _give_up(self, jobs: list[_Job[Any]]) -> None:
        """Nothing was heard of these: another process holds the lock, or the disk or the database does not answer."""
        error = self.database.interrupt()
        for job in jobs:
            if not job.done.done():
                job.done.set_exception(copy.copy(error))


#: The open stores of this process. Their threads do not live on in a forked child.
_stores: WeakSet[Store] = WeakSet()


def _close_in_child() -> None:
    for store in _stores:
        store._closed = "was opened before a fork: open it in the child"
        store.database.abandon()
    _stores.clear()


os.register_at_fork(after_in_child=_close_in_child)


class _Thread:
    """A thread that carries out what it is handed, all that waits at once, and tells the loop."""

    def __init__(
        self, name: str, carry_out: Callable[[list[_Job[Any]] | None], None], loop: asyncio.AbstractEventLoop
    ) -> None:
        self._waiting: queue.SimpleQueue[list[_Job[Any]] | None] = queue.SimpleQueue()
        self._loop = loop
        self._ended = loop.create_future()
        self._thread = threading.Thread(target=self._run, args=(carry_out,), name=name, daemon=True)
        self._thread.start()

    def put(self, jobs: list[_Job[Any]]) -> None:
        """Have these carried out."""
        self._waiting.put(jobs)

    async def end(self) -> None:
        """Wait until everything is carried out and the thread has ended."""
        self._waiting.put(None)
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await asyncio.shield(self._ended)
            self._thread.join()

    def _run(self, carry_out: Callable[[list[_Job[Any]] | None], None]) -> None:
        # What `carry_out` holds open must stay with this frame: a forked child does not end it, and so closes nothing.
        going_on = True
        while going_on:
            jobs = self._waiting.get()
            with suppress(queue.Empty):
                while jobs is not None:
                    more = self._waiting.get_nowait()
                    if more is None:
                        going_on = False
                        break
                    jobs += more
            if jobs is None:
                break
            jobs = [job for job in jobs if not job.done.done()]
            carry_out(jobs)
            self._tell(_settle, jobs)
        carry_out(None)
        self._tell(self._ended.set_result, None)

    def _tell(self, call: Callable[[Any], object], value: object) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(call, value)


def _settle(jobs: list[_Job[Any]]) -> None:
    for job in jobs:
        if job.timer is not None:
            job.timer.cancel()
        if job.done.done():
            continue
        if job.failure is None:
            job.done.set_result(job.result)
        else:
            job.done.set_exception(job.failure)


class _Writer:
    """Carries changes out in groups, each group in one commit."""

    def __init__(self, database: Database[Any]) -> None:
        self._database = database
        self._connection: Opened | None = None

    def carry_out(self, jobs: list[_Job[Any]] | None) -> None:
        """Carry out what waits; None is the end."""
        if jobs is None:
            self._disconnect()
            return
        group = [job for job in jobs if not job.alone]
        for job in jobs:
            if job.alone:
                self._guarded([job], self._alone)
        if group:
            self._guarded(group, self._together)

    def connected(self) -> Opened:
        """The connection that writes."""
        if self._connection is None:
            self._connection = self._database.open_to_write()
        return self._connection

    def _guarded(self, jobs: list[_Job[Any]], how: Callable[[list[_Job[Any]]], None]) -> None:
        """Carry these out; whatever goes wrong is the failure of them all."""
        try:
            how(jobs)
            return
        except self._database.failures as error:
            failure: BaseException = self._database.in_words(error)
        except BaseException as error:
            failure = error
        if self._connection is not None and not self._database.has_recovered(self._connection):
            self._disconnect()
        for job in jobs:
            # Each its own: one that several raise would collect the traces of all.
            job.failure = copy.copy(failure) if isinstance(failure, WaleadError) else failure

    def _alone(self, jobs: list[_Job[Any]]) -> None:
        for job in jobs:
            job.result = job.call()

    def _together(self, jobs: list[_Job[Any]]) -> None:
        connection = self.connected()
        with self._database.alone():
            # whoever was told meanwhile that it took too long
            jobs = [job for job in jobs if not job.done.done()]
            repeated = 0
            while True:
                try:
                    if self._committed(connection, jobs):
                        return
                except self._database.failures as error:
                    repeated += 1
                    if repeated == REPEATED or not self._database.may_be_repeated(error):
                        raise
                    connection.execute("rollback")
                jobs = [job for job in jobs if job.failure is None]

    def _committed(self, connection: Opened, jobs: list[_Job[Any]]) -> bool:
        """Commit these; False if one of them failed after it had changed something, and nothing is committed."""
        self._database.begin(connection)
        for job in jobs:
            changes = connection.total_changes
            try:
                job.result = job.call(connection)
            except BaseException as error:
                if self._database.concerns_all(error):
                    raise
                job.failure = error
                if connection.total_changes != changes:
                    connection.execute("rollback")
                    return False
        connection.execute("commit")
        return True

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(self._database.failures):
                connection.close()


class _Reader:
    """Answers questions, each from a snapshot."""

    def __init__(self, database: Database[Any]) -> None:
        self._database = database
        self._connection: Opened | None = None

    def carry_out(self, jobs: list[_Job[Any]] | None) -> None:
        """Answer what waits; None is the end."""
        for job in jobs or ():
            try:
                job.result = self._answer(job.call)
            except self._database.failures as error:
                job.failure = self._database.in_words(error)
            except BaseException as error:
                job.failure = error
            if job.failure is not None:
                self._disconnect()
        if jobs is None:
            self._disconnect()

    def _answer(self, question: Callable[[Any], object]) -> object:
        if self._connection is None:
            self._connection = self._database.open_to_read()
        self._database.begin_to_read(self._connection)
        try:
            return question(self._connection)
        finally:
            if self._connection.in_transaction:
                self._connection.execute("rollback")

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(self._database.failures):
                connection.close()
