"""A durable store under asyncio: one thread writes for all callers in shared commits, another one reads."""

from __future__ import annotations

import asyncio
import copy
import os
import queue
import sqlite3
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeAlias, TypeVar
from weakref import WeakSet

from walead_async.errors import JournalError, OutboxError, WaleadError
from walead_async.jobs.locks import FileLock, holder_in_words
from walead_async.jobs.schema import VERSIONS
from walead_async.jobs.sqlite import SqliteFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from types import TracebackType
    from typing import Self

__all__ = ["Connection", "Rows", "Store", "Value", "microseconds", "open_store"]

T = TypeVar("T")
Value: TypeAlias = str | int | bytes | None

#: How long closing waits for a thread that does not come back, in seconds; it ends with the process.
PATIENCE = 12.0


class Rows(Protocol):
    """What a statement found: to be iterated, or fetched."""

    @property
    def rowcount(self) -> int:
        """How many rows a change has changed."""
        ...

    def __iter__(self) -> Iterator[tuple[Any, ...]]: ...

    def fetchone(self) -> tuple[Any, ...] | None:
        """The next row, None if there is none."""
        ...

    def fetchall(self) -> list[tuple[Any, ...]]:
        """The rows that are left."""
        ...


class Connection(Protocol):
    """What a change or a question is given: SQL with `?`, whole numbers, text and bytes.

    Only what SQLite and PostgreSQL both know: `on conflict`, `returning` (fetch what it returns), no pragma. It must
    not be kept: it is good for that one call.
    """

    def execute(self, statement: str, values: Sequence[Value] = ..., /) -> Rows:
        """Carry out one statement."""
        ...

    def executemany(self, statement: str, values: Iterable[Sequence[Value]], /) -> Rows:
        """Carry out one statement for each of these."""
        ...


def microseconds() -> int:
    """Now, as it stands in the store: microseconds since 1970, in UTC."""
    return time.time_ns() // 1000


def open_store(
    path: str | os.PathLike[str],
    *,
    create: bool = True,
    error: type[JournalError | OutboxError] = JournalError,
    limit: float = 10.0,
    versions: Sequence[str] = VERSIONS,
) -> Store:
    """The store in this file, for `async with open_store(path) as store`.

    With `create` the first `write` makes the file if there is none; without, a missing file is an error at the opening.
    `limit` is how many seconds a locked file is waited for. `versions` are the steps of the schema.

    The opening raises `error` for what cannot be a store of this version; the file is left as it is.
    """
    return Store(SqliteFile(path, error, limit=limit, versions=versions), error, create=create)


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
    """Tables that survive `kill -9`, shared with any number of processes on this machine. Made by `open_store`.

    It belongs to the event loop that opened it. No call blocks the loop.
    """

    def __init__(self, file: SqliteFile, error: type[JournalError | OutboxError], *, create: bool) -> None:
        self.path = file.path
        self._file = file
        self._error = error
        self._create = create
        self._closed: str | None = "is not open: use `async with`"
        self._gathered: list[_Job[Any]] = []
        self._write_lock = FileLock(file.beside("write"))

    def __repr__(self) -> str:
        return f"<Store {'closed' if self._closed else 'open'} {str(self.path)!r}>"

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._writing = _Writer(self._file, self._write_lock)
        self._writer = _Thread("writer", self._writing.carry_out, self._loop)
        self._reader = _Thread("reader", _Reader(self._file).carry_out, self._loop)
        self._closed = None
        _stores.add(self)
        try:
            if not await self._in_writer(self._writing.prepare) and not self._create:
                raise self._file.missing()
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

        Raises, at once or by the `await`, `JournalError` (an outbox `OutboxError`) if the disk is full, the file is
        locked for longer than the limit, read-only, damaged or replaced, or the store is closed. It may be stored all
        the same.
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
        """Rebuild the file, so that no byte of what was deleted is left in it or beside it.

        Raises the error if others read it for longer than the limit.
        """
        self.check_open()
        await self._in_writer(self._writing.scrub)

    def lock(self, suffix: str) -> FileLock:
        """A lock on the file beside this one with this suffix, for instance "walead.deliver"; close it when done."""
        return FileLock(self._file.beside(suffix))

    @contextmanager
    def apply_lock(self) -> Iterator[None]:
        """The lock that one process holds while it applies a plan, prunes or erases.

        Raises the error at once, naming who holds it, if somebody does.
        """
        with self.lock("lock") as lock:
            try:
                taken = lock.take()
            except OSError as error:
                raise self._error(f"{str(lock.path)!r} cannot be opened: {error.strerror}") from None
            if not taken:
                holder = holder_in_words(lock.told())
                raise self._error(f"the {self._file.what} {str(self.path)!r} is in use by {holder}: wait until it ends")
            yield

    async def close(self) -> None:
        """Wait for what is under way, and close the file; twice is once."""
        if self._closed is not None:
            return
        self._closed = "is closed"
        self._hand_over()
        _stores.discard(self)
        await self._reader.end()
        await self._writer.end()
        self._write_lock.close()

    def check_open(self) -> None:
        """Raise the error unless it is open, in this process and this event loop."""
        if self._closed is not None:
            raise self._file.named(self._closed)
        if asyncio.get_running_loop() is not self._loop:
            raise self._file.named("belongs to the event loop that opened it: open another one here")

    async def _in_writer(self, call: Callable[[], T]) -> T:
        done: asyncio.Future[T] = self._loop.create_future()
        self._writer.put([_Job(call, done, alone=True)])
        return await done

    def _hand_over(self) -> None:
        jobs, self._gathered = self._gathered, []
        if jobs:
            jobs[-1].timer = self._loop.call_later(self._file.limit + 1.0, self._give_up, jobs)
            self._writer.put(jobs)

    def _give_up(self, jobs: list[_Job[Any]]) -> None:
        """Nothing was heard of these: another process holds the lock, or the disk does not answer."""
        path = str(self._write_lock.path)
        words = f"another process has held {path!r} for more than {self._file.limit:g} s: try again later"
        for job in jobs:
            if not job.done.done():
                job.done.set_exception(self._error(words))


#: The open stores of this process. Their threads do not live on in a forked child.
_stores: WeakSet[Store] = WeakSet()


def _close_in_child() -> None:
    for store in _stores:
        store._closed = "was opened before a fork: open it in the child"
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

    def __init__(self, file: SqliteFile, lock: FileLock) -> None:
        self._file = file
        self._lock = lock
        self._connection: sqlite3.Connection | None = None

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

    def _guarded(self, jobs: list[_Job[Any]], how: Callable[[list[_Job[Any]]], None]) -> None:
        """Carry these out; whatever goes wrong is the failure of them all."""
        try:
            how(jobs)
            return
        except sqlite3.Error as error:
            failure: BaseException = self._file.in_words(error)
        except BaseException as error:
            failure = error
        self._disconnect()
        for job in jobs:
            # Each its own: one that several raise would collect the traces of all.
            job.failure = copy.copy(failure) if isinstance(failure, WaleadError) else failure

    def _alone(self, jobs: list[_Job[Any]]) -> None:
        for job in jobs:
            job.result = job.call()

    def prepare(self) -> bool:
        """Bring a file of an older version to today's; False if there is no file."""
        return self._file.prepare(self._lock)

    def scrub(self) -> None:
        """Rebuild the file, and empty what SQLite keeps beside it."""
        connection = self._connected()
        with self._file.locked(self._lock):
            connection.execute("vacuum")
            end = time.monotonic() + self._file.limit
            while connection.execute("pragma wal_checkpoint(truncate)").fetchone()[0]:
                if time.monotonic() > end:
                    raise self._file.named("is being read, so that what was deleted is not off the disk: try again")

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            if not self._file.exists():
                self._file.make(self._lock)
            self._connection = self._file.open()
        return self._connection

    def _together(self, jobs: list[_Job[Any]]) -> None:
        connection = self._connected()
        with self._file.locked(self._lock):
            self._file.check_unmoved()
            # whoever was told meanwhile that it took too long
            jobs = [job for job in jobs if not job.done.done()]
            while not self._committed(connection, jobs):
                jobs = [job for job in jobs if job.failure is None]

    def _committed(self, connection: sqlite3.Connection, jobs: list[_Job[Any]]) -> bool:
        """Commit these; False if one of them failed after it had changed something, and nothing is committed."""
        connection.execute("begin immediate")
        self._file.check_version(connection)
        for job in jobs:
            changes = connection.total_changes
            try:
                job.result = job.call(connection)
            except (sqlite3.OperationalError, sqlite3.InternalError):
                raise
            except BaseException as error:
                if type(error) is sqlite3.DatabaseError:
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
            with suppress(sqlite3.Error):
                connection.close()


class _Reader:
    """Answers questions, each from a snapshot."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file
        self._connection: sqlite3.Connection | None = None

    def carry_out(self, jobs: list[_Job[Any]] | None) -> None:
        """Answer what waits; None is the end."""
        for job in jobs or ():
            try:
                job.result = self._answer(job.call)
            except sqlite3.Error as error:
                job.failure = self._file.in_words(error)
            except BaseException as error:
                job.failure = error
            if job.failure is not None:
                self._disconnect()
        if jobs is None:
            self._disconnect()

    def _answer(self, question: Callable[[Any], object]) -> object:
        if self._connection is None:
            if not self._file.exists():
                raise self._file.missing()
            self._connection = self._file.open_to_read()
        self._connection.execute("begin")
        try:
            return question(self._connection)
        finally:
            if self._connection.in_transaction:
                self._connection.execute("rollback")

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()
