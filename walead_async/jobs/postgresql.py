"""A journal or an outbox in a PostgreSQL database: its tables, its locks, and its faults in words."""

from __future__ import annotations

import os
import re
import socket
import uuid
from contextlib import contextmanager, nullcontext, suppress
from functools import lru_cache
from hashlib import blake2b
from itertools import count, islice
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row

from walead_async.errors import ConfigurationError, InvalidInputError, JournalError, OutboxError
from walead_async.identifiers import kind_of
from walead_async.jobs import optouts
from walead_async.jobs.schema import VERSIONS
from walead_async.jobs.session_locks import SessionLock
from walead_async.jobs.store import LOST

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from walead_async.jobs.database import Rows, Value
    from walead_async.jobs.optouts import OptOut, Taken
    from walead_async.jobs.store import Store

__all__ = ["PostgresConnection", "PostgresDatabase"]

#: The oldest version of the server, as `server_version_num` tells it.
OLDEST = 140_000
#: How a connection is made, unless the address says otherwise. The server hears as soon that this machine is lost.
USUAL = {
    "connect_timeout": "10",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "25000",
    "client_encoding": "utf8",
    "fallback_application_name": "walead",
}
SESSION = {
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "25000",
    "idle_session_timeout": "0",
    "default_transaction_isolation": "read committed",
    # What is read in order is read along an index, also before the server has statistics of new rows.
    "enable_bitmapscan": "off",
    "enable_sort": "off",
}
#: Rows that one statement adds.
ADDED_AT_ONCE = 500

RIGHTS = (
    "the user of the database lacks a right: CREATE on the schema at the first start and after an upgrade, SELECT, "
    "INSERT, UPDATE and DELETE on the tables walead_* always"
)
READ_ONLY = "is read-only, perhaps a standby: name the primary"
POOLER = (
    "is behind a pooler that changes the connection between transactions, and the locks are of one connection: name "
    "the database itself, or a pooler in session mode"
)
#: What is said for the errors of the server, by their codes or the first letters of these.
WORDS = {
    "42501": RIGHTS,
    "42P01": "has lost its tables walead_*: start this process again, and they are made anew",
    "25006": READ_ONLY,
    "53100": "is full, or its disk is: make room; what was to be stored may not be stored",
    "53300": "has no connection left: each process takes two, and three while it begins",
    "53": "has run out of its resources",
    "55P03": "was locked for too long by another transaction: end that, and try again",
    "57014": "ended a statement that took too long: raise statement_timeout for this user",
    "57": "was shut down or restarted: try again when it runs",
    "28": "does not let this user in: check the user, and PGPASSWORD, the passfile or the service",
    "3D": "does not exist: make it first",
    "40": "was changed by others in another order again and again: try again",
    "XX": "is damaged: bring it back from a copy",
    "58": "cannot be read or written, its disk is full or faulty: look at it",
}


class PostgresDatabase:
    """The tables `walead_*` in the first schema of the search path, as a `Database` (which describes the methods).

    `url` begins with postgresql://; what it does not say comes from the environment, the passfile and the service file,
    as everywhere with PostgreSQL. `error` is the class of the errors that are raised. `limit` is how many seconds a
    lock is waited for. `versions` are the steps of the schema.
    """

    locks_targets = True
    folder: Path | None = None
    failures: type[Exception] = psycopg.Error

    def __init__(
        self, url: str, error: type[JournalError | OutboxError], *, limit: float, versions: Sequence[str] = VERSIONS
    ) -> None:
        given = _parsed(url)
        self._password = str(given.get("password") or "")
        self._conninfo = make_conninfo(**{**USUAL, **given})
        self.where: str = _named(given)
        self.what = "outbox" if error.__name__ == "OutboxError" else "journal"
        self.limit = limit
        self._error = error
        self._versions = versions
        self._id = ""
        self._writer: PostgresConnection | None = None
        self._connections: WeakSet[psycopg.Connection[Any]] = WeakSet()
        #: The locks that the connection that writes holds, and those that were lost with it and not closed yet.
        self.held: set[SessionLock] = set()
        self.lost: set[SessionLock] = set()

    def prepare(self) -> bool:
        """See that it can be reached and used, and is not behind a pooler that shares out connections."""
        with self._in_words(), self._connected() as one, self._connected() as other:
            # A pooler would now give one of them what the other has, or had last.
            other.execute("begin")
            during = {_pid(one), _pid(other)}
            other.execute("rollback")
            if during != {one.pid, other.pid} or _pid(one) != one.pid:
                raise self.named(POOLER, unusable=True)
            return self._version(one) > 0

    def missing(self) -> JournalError | OutboxError:
        """The error that says that there are no tables."""
        return self._error(f"there is no {self.what} in {self.where!r}: check the address and the search path")

    def open_to_write(self) -> PostgresConnection:
        """A connection that writes; the tables are made or brought to today's version before."""
        self._check_held()
        connection = self._connect()
        try:
            if self._version(connection) < len(self._versions):
                self._take_steps(connection)
            ((self._id,),) = connection.execute(f"select id from {connection.schema}.walead_version").fetchall()
        except BaseException:
            connection.close()
            raise
        self._writer = connection
        return connection

    def open_to_read(self) -> PostgresConnection:
        """A connection that only reads, also tables of an older version."""
        self._check_held()
        connection = self._connect()
        try:
            if not self._version(connection):
                raise self.missing()
        except BaseException:
            connection.close()
            raise
        return connection

    def alone(self) -> AbstractContextManager[None]:
        """Any number of processes write at once."""
        return nullcontext()

    def begin(self, connection: PostgresConnection) -> None:
        """Begin a transaction that writes; on a new connection if the old one broke without a lock on it."""
        self._check_held()
        try:
            connection.execute("begin")
        except psycopg.OperationalError:
            if self.held or not connection.is_broken():
                raise
            connection.replace(self._connect())
            connection.execute("begin")
        statement = f"select version, pg_backend_pid() from {connection.schema}.walead_version"
        ((version, pid),) = connection.execute(statement).fetchall()
        self._check_version(version)
        if pid != connection.pid:
            raise self.named(POOLER, unusable=True)

    def begin_to_read(self, connection: PostgresConnection) -> None:
        """Begin a transaction that sees one snapshot; on a new connection if the old one is broken."""
        statement = "begin isolation level repeatable read, read only"
        self._check_held()
        try:
            connection.execute(statement)
        except psycopg.OperationalError:
            if not connection.is_broken():
                raise
            connection.replace(self._connect())
            connection.execute(statement)

    def concerns_all(self, error: BaseException) -> bool:
        """Whether the database is at fault, or the way to it, or the rights."""
        if isinstance(error, (psycopg.OperationalError, psycopg.InternalError, psycopg.InterfaceError)):
            return True
        return isinstance(error, psycopg.Error) and error.sqlstate in WORDS

    def may_be_repeated(self, error: BaseException) -> bool:
        """After a deadlock or a conflict."""
        return isinstance(error, psycopg.Error) and (error.sqlstate or "").startswith("40")

    def has_recovered(self, connection: PostgresConnection) -> bool:
        """Roll back; the locks of a connection that is broken are lost."""
        with suppress(psycopg.Error):
            if connection.in_transaction:
                connection.execute("rollback")
        if not connection.is_broken():
            return True
        self.lose_locks()
        return False

    def scrub(self, connection: PostgresConnection) -> None:
        """Rebuild the tables: what was deleted is then in no file of theirs, but in write-ahead logs and copies."""
        owned = "select pg_has_role(relowner, 'usage') from pg_class where oid = cast(? as regclass)"
        ((owns,),) = connection.execute(owned, (f"{connection.schema}.walead_version",)).fetchall()
        if not owns:
            raise self.named(
                "does not let this user clear off the disk what was deleted, which only the owner of the tables may: "
                "let the owner do `vacuum full`"
            )
        for table in TABLES:
            connection.execute(f"vacuum (full) {connection.schema}.walead_{table}")

    def named(self, words: str, *, unusable: bool = False) -> JournalError | OutboxError:
        """The error that says this of the database."""
        error = self._error(f"the {self.what} {self.where!r} {words}")
        error.unusable = unusable
        return error

    def in_words(self, error: Exception) -> JournalError | OutboxError:
        """An error of psycopg as one of ours, which says what to do, and no password."""
        code = getattr(error, "sqlstate", None) or ""
        words = WORDS.get(code) or WORDS.get(code[:2])
        if words is None:
            words = "cannot be used" if code else "cannot be reached, or lost its connection: see that it runs"
        said = (getattr(getattr(error, "diag", None), "message_primary", None) or str(error)).strip()
        if self._password:
            said = said.replace(self._password, "***")
        return self.named(f"{words}: {' '.join(said.split())}", unusable=words in {RIGHTS, READ_ONLY})

    def interrupt(self) -> JournalError | OutboxError:
        """The connection that writes does not answer: cut it, so that the next one is a new one."""
        if self._writer is not None:
            _cut(self._writer.raw)
        return self.named(f"did not answer for more than {self.limit:g} s: see that it runs and can be reached")

    @property
    def writer(self) -> int:
        """The process of the server that writes for us, 0 if there is none yet."""
        return self._writer.pid if self._writer is not None else 0

    def cut(self) -> None:
        """End all connections, from another thread than theirs, so that nothing more is written or waited for."""
        for connection in list(self._connections):
            _cut(connection)

    async def take_within(self, connection: object, opt_outs: Sequence[OptOut]) -> tuple[list[Taken], str | None]:
        """Store opt-outs in the transaction of the caller's connection."""
        if not isinstance(connection, psycopg.AsyncConnection):
            raise InvalidInputError(f"connection is a psycopg AsyncConnection, not {kind_of(connection)}")
        schema = self._writer.schema if self._writer is not None else ""
        try:
            async with psycopg.AsyncRawCursor(connection, row_factory=tuple_row) as cursor:

                async def rows(statement: str, values: Sequence[Value] = ()) -> list[tuple[Any, ...]]:
                    await cursor.execute(_in_dialect(statement, schema), _plain(values))
                    return await cursor.fetchall()

                statement = f"select version, id, cast(pg_current_xact_id() as text) from {schema}.walead_version"
                ((version, found, transaction),) = await rows(statement)
                self._check_version(version)
                if found != self._id:
                    raise InvalidInputError(f"connection is of another database than the outbox {self.where!r}")
                steps = optouts.taking(opt_outs)
                step = next(steps)
                while True:
                    try:
                        step = steps.send(await rows(*step))
                    except StopIteration as end:
                        return end.value, transaction
        except psycopg.Error as error:
            raise self.in_words(error) from None

    def lock(self, store: Store, name: str, target: Sequence[str]) -> SessionLock:
        """A lock of the session that writes."""
        return SessionLock(self, store, name, target)

    def close(self) -> None:
        """Nothing is left."""

    def abandon(self) -> None:
        """The parent's connections must not stay open with this child: their locks would, too."""
        for connection in self._connections:
            with suppress(psycopg.Error, OSError):
                nowhere = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
                os.dup2(nowhere, connection.fileno(), inheritable=False)
                os.close(nowhere)

    def number(self, connection: PostgresConnection, name: str) -> int:
        """The number that PostgreSQL knows a lock by."""
        return int.from_bytes(blake2b(f"{connection.schema}/{name}".encode(), digest_size=8).digest(), signed=True)

    def _check_held(self) -> None:
        if self.lost:
            raise self.named(LOST)

    def lose_locks(self) -> None:
        """Nothing is written until those who hold them have let go."""
        lost = list(self.held)
        self.lost.update(lost)
        self.held.difference_update(lost)
        for lock in lost:
            lock.tell_lost()

    def _connect(self) -> PostgresConnection:
        raw = psycopg.connect(self._conninfo, autocommit=True, cursor_factory=psycopg.RawCursor)
        try:
            connection = PostgresConnection(raw)
            settings = {**SESSION, "lock_timeout": f"{int(self.limit * 1000)}"}
            marks = ", ".join(["set_config(?, ?, false)"] * len(settings))
            connection.execute(f"select {marks}", [text for setting in settings.items() for text in setting])
            # what is confirmed has to be on the disk
            lax = "current_setting('synchronous_commit') = 'off'"
            connection.execute(f"select set_config('synchronous_commit', 'on', false) where {lax}")
            ((connection.pid, schema, encoding, version),) = connection.execute(
                "select pg_backend_pid(), current_schema(), current_setting('server_encoding'), "
                "cast(current_setting('server_version_num') as integer)"
            ).fetchall()
            if version < OLDEST:
                raise self.named("is older than PostgreSQL 14: upgrade it", unusable=True)
            if encoding != "UTF8":
                raise self.named(
                    f"has the encoding {encoding}, and names need UTF8: make another database", unusable=True
                )
            if schema is None:
                raise self.named("has no schema in the search path of this user: make one, or name one")
            connection.schema = '"' + schema.replace('"', '""') + '"'
        except BaseException:
            raw.close()
            raise
        self._connections.add(raw)
        return connection

    @contextmanager
    def _connected(self) -> Iterator[PostgresConnection]:
        connection = self._connect()
        try:
            yield connection
        finally:
            connection.close()

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            raise self.in_words(error) from None

    def _version(self, connection: PostgresConnection) -> int:
        """The version of the tables, 0 if there are none. Raises the error for a newer one than this program knows."""
        table = f"{connection.schema}.walead_version"
        ((found,),) = connection.execute("select to_regclass(cast(? as text))", (table,)).fetchall()
        if found is None:
            return 0
        ((version,),) = connection.execute(f"select version from {table}").fetchall()
        return self._check_version(version)

    def _check_version(self, version: int) -> int:
        if version > len(self._versions):
            known = len(self._versions)
            raise self.named(f"is of version {version}, and this walead_async knows {known} at most: upgrade it")
        return version

    def _take_steps(self, connection: PostgresConnection) -> None:
        """Make the tables, or bring them to today's version, in one transaction; one process does, the others wait."""
        number = self.number(connection, "version")
        # Before the transaction, which only then sees what others have made.
        connection.execute("select pg_advisory_lock(cast(? as bigint))", (number,))
        connection.execute("begin")
        version = self._version(connection)
        if not version:
            connection.execute(f"create table {connection.schema}.walead_version (version bigint, id text)")
            connection.execute(
                f"create table {connection.schema}.walead_lock "
                "(number bigint primary key, name text not null, holder_json text not null)"
            )
            connection.execute(f"insert into {connection.schema}.walead_version values (0, ?)", (uuid.uuid4().hex,))
        for step in self._versions[version:]:
            for statement in step.split(";"):
                if statement.strip():
                    connection.execute(_as_postgresql(statement))
        connection.execute(f"update {connection.schema}.walead_version set version = ?", (len(self._versions),))
        connection.execute("commit")
        connection.execute("select pg_advisory_unlock(cast(? as bigint))", (number,))


class PostgresConnection:
    """A connection that understands the statements of SQLite's that we use, and names the tables as they are here."""

    def __init__(self, raw: psycopg.Connection[Any]) -> None:
        self.raw: psycopg.Connection[Any] = raw
        self.schema: str = ""
        self.pid: int = 0
        self.total_changes: int = 0

    def execute(self, statement: str, values: Sequence[Value] = (), /) -> Rows:
        """Carry out one statement."""
        if not statement.startswith("select"):
            self.total_changes += 1
        try:
            return self.raw.execute(_in_dialect(statement, self.schema), _plain(values))
        except psycopg.Error:
            self.total_changes += 1  # nothing can be done in this transaction any more
            raise

    def executemany(self, statement: str, values: Iterable[Sequence[Value]], /) -> Rows:
        """Carry out one statement for each of these; rows are added many at a time."""
        self.total_changes += 1
        cursor = self.raw.cursor()
        insert = re.fullmatch(r"(insert into .+ values )(\([?, ]+\))", statement, re.DOTALL)
        if insert is None:
            cursor.executemany(_in_dialect(statement, self.schema), map(_plain, values))
            return cursor
        rows = iter(values)
        while some := list(islice(rows, ADDED_AT_ONCE)):
            marks = ", ".join([insert[2]] * len(some))
            cursor.execute(
                _in_dialect(insert[1] + marks, self.schema), _plain([value for row in some for value in row])
            )
        return cursor

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction has begun."""
        status = self.raw.info.transaction_status
        return status in {TransactionStatus.ACTIVE, TransactionStatus.INTRANS, TransactionStatus.INERROR}

    def is_broken(self) -> bool:
        """Whether it was closed, by whomever."""
        return self.raw.closed

    def replace(self, other: PostgresConnection) -> None:
        """Go on with another connection."""
        self.raw.close()
        self.raw, self.schema, self.pid = other.raw, other.schema, other.pid

    def close(self) -> None:
        """Close it."""
        self.raw.close()


TABLES = ("source", "part", "plan", "item", "optout", "event")
_TABLE = re.compile(rf"\b(from|join|into|update|table|references|on) ({'|'.join(TABLES)})\b(?!\.)")
_ALIASED = {"from", "join", "into", "update"}


@lru_cache(maxsize=4096)
def _in_dialect(statement: str, schema: str) -> bytes:
    """A statement as PostgreSQL has it: `$1` for `?`, and the tables with their schema."""
    numbers = count(1)

    def table(found: re.Match[str]) -> str:
        alias = f" as {found[2]}" if found[1] in _ALIASED else ""
        return f"{found[1]} {schema}.walead_{found[2]}{alias}"

    return _TABLE.sub(table, re.sub(r"\?", lambda _: f"${next(numbers)}", statement)).encode()


def _as_postgresql(statement: str) -> str:
    """A statement of the schema with PostgreSQL's types."""
    statement = statement.replace(
        "integer primary key autoincrement", "bigint generated always as identity primary key"
    )
    statement = re.sub(r"\binteger\b", "bigint", statement).replace(" blob", " bytea").replace(" without rowid", "")
    return re.sub(r"\bcreate (unique )?index (\w+)", r"create \1index walead_\2", statement)


def _plain(values: Sequence[Value]) -> Sequence[Value]:
    """The values as PostgreSQL takes them: it has no text with a NUL in it."""
    return [value.replace("\0", "\ufffd") if isinstance(value, str) else value for value in values]


def _cut(connection: psycopg.Connection[Any]) -> None:
    with suppress(psycopg.Error, OSError), socket.socket(fileno=os.dup(connection.fileno())) as way:
        way.shutdown(socket.SHUT_RDWR)


def _pid(connection: PostgresConnection) -> int:
    ((pid,),) = connection.execute("select pg_backend_pid()").fetchall()
    return int(pid)


def _parsed(url: str) -> dict[str, Any]:
    """What an address says. Raises `ConfigurationError`, which does not repeat it: a password may be in it."""
    user, at, _ = url.partition("://")[2].rpartition("@")
    if at and re.search(r"[@/?#]", user):
        raise ConfigurationError(
            "the address of the database has one of @ / ? # in its user or password: write it as %40, %2F, %3F or %23, "
            "or better leave the password out and set PGPASSWORD or a passfile"
        )
    try:
        return dict(conninfo_to_dict(url))
    except psycopg.Error:
        raise ConfigurationError(
            "the address of the database cannot be read: it is postgresql://user@host:port/database, where "
            "special characters are written as %40 and the like; leave the password to PGPASSWORD or a passfile"
        ) from None


def _named(given: Mapping[str, Any]) -> str:
    """How a database is named: by its host and name, without the user."""
    service = given.get("service") or os.environ.get("PGSERVICE")
    host = given.get("host") or given.get("hostaddr") or os.environ.get("PGHOST") or ""
    if service and not given.get("host"):
        return f"postgresql://?service={service}"
    port = f":{given['port']}" if given.get("port") else ""
    if host.startswith("/"):
        return f"postgresql:///{given.get('dbname') or ''}?host={host}"
    return f"postgresql://{host}{port}/{given.get('dbname') or ''}"
