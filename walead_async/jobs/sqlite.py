"""A journal or an outbox as a SQLite file: made whole or not at all, never somebody else's, its faults in words."""

from __future__ import annotations

import os
import sqlite3
import stat
import time
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from walead_async.errors import InvalidInputError
from walead_async.jobs.locks import FileLock
from walead_async.jobs.schema import APPLICATION_ID, VERSIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from walead_async.errors import JournalError, OutboxError
    from walead_async.jobs.optouts import Taken

__all__ = ["SqliteFile"]

#: How many pages SQLite gathers in the file beside before it moves them: fewer, and every hundredth commit is slow.
CHECKPOINT = 4000


class SqliteFile:
    """One file, which may be an outbox and a journal at once. All of its methods block.

    `error` is the class of the errors that are raised. `limit` is how many seconds a lock of SQLite's own is waited
    for. `versions` are the steps of the schema. The methods that `Database` describes are described there.
    """

    locks_targets = False
    failures: type[Exception] = sqlite3.Error

    def __init__(
        self,
        path: str | os.PathLike[str],
        error: type[JournalError | OutboxError],
        *,
        limit: float = 10.0,
        versions: Sequence[str] = VERSIONS,
    ) -> None:
        # SQLite follows links, so that all processes must name what stands beside the file alike.
        self.path: Path = Path(os.path.realpath(path))
        self.where: str = str(self.path)
        self.folder: Path | None = self.path.parent
        self.what = "outbox" if error.__name__ == "OutboxError" else "journal"
        self._error = error
        self.limit = limit
        self._versions = versions
        self._inode: tuple[int, int] | None = None
        self._write_lock = FileLock(self.beside("write"), error)

    def beside(self, suffix: str) -> Path:
        """The path of the file that has this suffix to its name."""
        return self.path.with_name(f"{self.path.name}.{suffix}")

    def exists(self) -> bool:
        """Whether the file is there. Raises the error for whatever else is there; nothing is changed."""
        try:
            state = self.path.stat()
        except FileNotFoundError:
            if not self.path.parent.is_dir():
                raise self._error(f"the folder {str(self.path.parent)!r} does not exist: make it first") from None
            return False
        except OSError as error:
            raise self.named(f"cannot be opened: {error.strerror}") from None
        if not stat.S_ISREG(state.st_mode):
            raise self.named("is a folder, or no file: name a file")
        if not state.st_size:
            raise self.named("is an empty file: remove it, and it is made anew")
        # By SQLite, since any other way of closing the file would end this process's own locks on it; immutable, so
        # that not even a file is made beside what may be another program's.
        try:
            with closing(self._connected("mode=ro&immutable=1")) as connection:
                if _pragma(connection, "application_id") != APPLICATION_ID:
                    raise self.named("belongs to another program: name another file")
        except sqlite3.Error as error:
            raise self.in_words(error) from None
        return True

    def prepare(self) -> bool:
        """Bring a file of an older version to today's; False if there is no file."""
        if not self.exists():
            return False
        with closing(self._connected("mode=rw")) as connection, self._in_words():
            version = self.check_version(connection)
        if version < len(self._versions):
            with self.alone(), closing(self._opened()) as connection, self._in_words():
                connection.execute("begin immediate")
                for number in range(self.check_version(connection), len(self._versions)):
                    self._step(connection, number)
                connection.execute("commit")
        return True

    def missing(self) -> JournalError | OutboxError:
        """The error that says that there is no such file."""
        return self._error(f"there is no {self.what} {str(self.path)!r}: check the path")

    def _make(self) -> None:
        """Make the file if there is none, also where two processes do so at once."""
        with self.alone():
            if self.exists():
                return
            new = self.beside("new")
            try:
                new.unlink(missing_ok=True)
                os.close(os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
                with closing(sqlite3.connect(new, isolation_level=None)) as connection, self._in_words():
                    connection.execute("begin immediate")
                    connection.execute(f"pragma application_id = {APPLICATION_ID}")
                    for number in range(len(self._versions)):
                        self._step(connection, number)
                    connection.execute("commit")
                    connection.execute("pragma journal_mode = wal")
                _sync(new)
                # Never over a file that somebody else has put there meanwhile.
                with suppress(FileExistsError):
                    os.link(new, self.path)
                _sync(self.path.parent)
            except OSError as error:
                raise self.named(f"cannot be made: {error.strerror}") from None
            finally:
                with suppress(OSError):
                    new.unlink(missing_ok=True)

    def open_to_write(self) -> sqlite3.Connection:
        """A connection that writes. What is committed by it is on the disk."""
        if not self.exists():
            self._make()
        return self._opened()

    def _opened(self) -> sqlite3.Connection:
        if not self.path.stat().st_mode & stat.S_IWUSR:
            raise self.named("is read-only: its owner needs the right to write it", unusable=True)
        connection = self._connected("mode=rw")
        try:
            connection.execute("pragma synchronous = full")
            connection.execute("pragma secure_delete = on")
            connection.execute(f"pragma wal_autocheckpoint = {CHECKPOINT}")
            self.check_version(connection)
            self._inode = self._found_inode()
        except BaseException:
            connection.close()
            raise
        return connection

    def open_to_read(self) -> sqlite3.Connection:
        """A connection that cannot write."""
        if not self.exists():
            raise self.missing()
        connection = self._connected("mode=rw")
        try:
            connection.execute("pragma query_only = on")
            self.check_version(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the lock that all who write share; SQLite's own way of waiting lets some starve."""
        self._write_lock.wait()
        try:
            yield
        finally:
            self._write_lock.give_back()

    def begin(self, connection: sqlite3.Connection) -> None:
        """Begin a transaction that writes. Raises the error if another file stands at the path, or a newer one."""
        if self._found_inode() != self._inode:
            # what is written would be lost
            raise self.named("was moved, removed or replaced while it was open: start this process again")
        connection.execute("begin immediate")
        self.check_version(connection)

    def begin_to_read(self, connection: sqlite3.Connection) -> None:
        """Begin a transaction that sees one snapshot."""
        connection.execute("begin")

    def concerns_all(self, error: BaseException) -> bool:
        """Whether the file is at fault, or its disk."""
        return isinstance(error, (sqlite3.OperationalError, sqlite3.InternalError)) or (
            type(error) is sqlite3.DatabaseError
        )

    def may_be_repeated(self, error: BaseException) -> bool:
        """Nothing is helped by that, since one process writes at a time."""
        return False

    def has_recovered(self, connection: sqlite3.Connection) -> bool:
        """A new connection looks at the file anew."""
        return False

    def scrub(self, connection: sqlite3.Connection) -> None:
        """Rebuild the file, and empty what SQLite keeps beside it."""
        with self.alone():
            connection.execute("vacuum")
            end = time.monotonic() + self.limit
            while connection.execute("pragma wal_checkpoint(truncate)").fetchone()[0]:
                if time.monotonic() > end:
                    raise self.named("is being read, so that what was deleted is not off the disk: try again")

    def interrupt(self) -> JournalError | OutboxError:
        """Another process holds the lock, or the disk does not answer: nothing can be done."""
        path = self._write_lock.name
        return self._error(f"another process has held {path!r} for more than {self.limit:g} s: try again later")

    async def take_within(self, connection: object, opt_outs: object) -> tuple[list[Taken], str | None]:
        """No transaction of another connection can be joined in a file."""
        raise InvalidInputError("connection= is for an outbox in PostgreSQL, and this one is a file")

    def lock(self, _: object, name: str, target: Sequence[str]) -> FileLock:
        """A lock on the file beside this one with this suffix; that to apply is one for all targets."""
        return FileLock(self.beside("lock" if name == "apply" else name), self._error)

    def close(self) -> None:
        """Close the lock that all who write share."""
        self._write_lock.close()

    def abandon(self) -> None:
        """A forked child holds no lock: they see to that themselves."""

    def in_words(self, error: Exception) -> JournalError | OutboxError:
        """An error of SQLite as one of ours, which says what to do."""
        code = getattr(error, "sqlite_errorcode", None)
        unusable = False
        told = f"{error} ({getattr(error, 'sqlite_errorname', type(error).__name__)})"
        match code if code is None else code & 0xFF:
            case sqlite3.SQLITE_FULL:
                words = "is full, or its disk is: make room; what was to be stored may not be stored"
            case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
                words = f"was locked for more than {self.limit:g} s by another program: end that, and try again"
            case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM | sqlite3.SQLITE_AUTH:
                words = "is read-only: this process needs the right to write it and its folder"
                unusable = True
            case sqlite3.SQLITE_NOTADB:
                words = f"is no {self.what}, or it is damaged: name another file, or bring it back from a copy"
                unusable = True
            case sqlite3.SQLITE_CORRUPT:
                words = "is damaged: bring it back from a copy, or move it away and begin a new one"
                unusable = True
            case sqlite3.SQLITE_CANTOPEN:
                words = "cannot be opened: this process needs the right to read and write it and its folder"
                unusable = True
            case sqlite3.SQLITE_IOERR:
                words = (
                    "cannot be read or written, its disk is full or faulty: look at it; nothing is known of the rest"
                )
            case _:
                words = "cannot be used"
        return self.named(f"{words}: {told}", unusable=unusable)

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self.in_words(error) from None

    def _connected(self, how: str) -> sqlite3.Connection:
        where = f"file:{quote(str(self.path))}?{how}"
        return sqlite3.connect(
            where, uri=True, timeout=self.limit, isolation_level=None, check_same_thread=False, cached_statements=256
        )

    def check_version(self, connection: sqlite3.Connection) -> int:
        """The version of the file. Raises the error for a newer one than this program knows."""
        version = _pragma(connection, "user_version")
        if version > len(self._versions):
            known = len(self._versions)
            raise self.named(f"is of version {version}, and this walead_async knows {known} at most: upgrade it")
        return version

    def _step(self, connection: sqlite3.Connection, number: int) -> None:
        for statement in self._versions[number].split(";"):
            if statement.strip():
                connection.execute(statement)
        connection.execute(f"pragma user_version = {number + 1}")

    def _found_inode(self) -> tuple[int, int] | None:
        try:
            state = self.path.stat()
        except OSError:
            return None
        return state.st_dev, state.st_ino

    def named(self, words: str, *, unusable: bool = False) -> JournalError | OutboxError:
        """The error that says this of the file."""
        error = self._error(f"the {self.what} {str(self.path)!r} {words}")
        error.unusable = unusable
        return error


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    (value,) = connection.execute(f"pragma {name}").fetchone()
    return int(value)


def _sync(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
