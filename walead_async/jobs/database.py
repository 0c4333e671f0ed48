"""What the store asks of SQLite and of PostgreSQL: connections, locks, and what is particular to each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from walead_async.errors import JournalError, OutboxError
    from walead_async.jobs.optouts import OptOut, Taken
    from walead_async.jobs.store import Store

__all__ = ["Connection", "Database", "Lock", "Opened", "Rows", "Value"]

C = TypeVar("C")
Value: TypeAlias = str | int | bytes | None


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


class Opened(Connection, Protocol):
    """A connection, as the store itself needs it."""

    @property
    def total_changes(self) -> int:
        """More than before, if a statement may have changed something."""
        ...

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction has begun."""
        ...

    def close(self) -> None:
        """Close it, and end the transaction without a commit."""
        ...


class Lock(Protocol):
    """A lock that excludes other processes, and is free at once when its holder dies. Made by `Store.lock`."""

    #: What it is called in a log.
    name: str

    async def take(self) -> bool:
        """Take it if it is free, and write down who has it. Raises the store's error if that cannot be tried."""
        ...

    def tell(self, facts: Mapping[str, object]) -> None:
        """Write down who holds it since when, and these facts. It must be held."""
        ...

    async def told(self) -> Mapping[str, object]:
        """What the holder has written down, or the last one. Raises the store's error."""
        ...

    async def is_held(self) -> bool:
        """Whether a process holds it now. Raises the store's error."""
        ...

    def when_lost(self, call: Callable[[], object]) -> None:
        """Have this called in the event loop if the lock is lost before it is released."""
        ...

    async def release(self) -> None:
        """Let others take it."""
        ...


class Database(Protocol[C]):
    """Where the tables are, and what is particular there. All of its methods block, but `lock` and `abandon`."""

    #: How it is named in errors; no password is in it.
    where: str
    what: str
    #: How long somebody else's lock is waited for, in seconds.
    limit: float
    #: Whether each target has a lock of its own.
    locks_targets: bool
    #: Where temporary files stand, None for the system's own folder.
    folder: Path | None
    #: The errors that its connections raise.
    failures: type[Exception]

    def prepare(self) -> bool:
        """See that it can be used; False if there are no tables of ours. Raises the error."""
        ...

    def open_to_write(self) -> C:
        """A connection that writes; the tables are made if there are none."""
        ...

    def open_to_read(self) -> C:
        """A connection that only reads. Raises the error if there are no tables."""
        ...

    def alone(self) -> AbstractContextManager[None]:
        """Hold what keeps other processes from writing meanwhile, if anything has to."""
        ...

    def begin(self, connection: C) -> None:
        """Begin a transaction that writes. Raises the error if the tables are not those that were opened."""
        ...

    def begin_to_read(self, connection: C) -> None:
        """Begin a transaction that sees one snapshot."""
        ...

    def concerns_all(self, error: BaseException) -> bool:
        """Whether this is no fault of the one change that met it."""
        ...

    def may_be_repeated(self, error: BaseException) -> bool:
        """Whether the transaction succeeds if it is carried out again."""
        ...

    def has_recovered(self, connection: C) -> bool:
        """After a failure: whether the connection can be used again."""
        ...

    def scrub(self, connection: C) -> None:
        """Clear what was deleted off the disk."""
        ...

    def in_words(self, error: Exception) -> JournalError | OutboxError:
        """An error of `failures` as one of ours, which says what to do."""
        ...

    def named(self, words: str) -> JournalError | OutboxError:
        """The error that says this of it."""
        ...

    def missing(self) -> JournalError | OutboxError:
        """The error that says that there are no tables."""
        ...

    def interrupt(self) -> JournalError | OutboxError:
        """Nothing was heard of the connection that writes: end that if possible; returns the error to raise."""
        ...

    async def take_within(self, connection: object, opt_outs: Sequence[OptOut]) -> tuple[list[Taken], str | None]:
        """Store opt-outs in the transaction of a connection that somebody else has; returns also its id.

        Raises `InvalidInputError` for a connection that cannot be used so, and the error.
        """
        ...

    def lock(self, store: Store, name: str, target: Sequence[str]) -> Lock:
        """A lock of this name; for "apply" that on one target, or on all of them."""
        ...

    def close(self) -> None:
        """Let go of what is not a connection."""
        ...

    def abandon(self) -> None:
        """This is a forked child: let go of what only the parent may hold."""
        ...
