"""Which keys stood earlier in the input, and where: exact, whatever the input's length, in bounded memory."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from walead_async.errors import WaleadError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

__all__ = ["FirstPositions"]

#: How many keys are kept in memory, whole. Beyond that all of them move to a file, as keyed hashes.
IN_MEMORY = 65_536
#: How many of them move at once.
AT_ONCE = 1_000
#: What SQLite may hold of the file in memory, in KiB.
CACHE = 9_000


class FirstPositions:
    """Remembers where each key stood first.

    The first `in_memory` keys are held as they are. A longer input is held in a temporary file that only its owner can
    read and that has no name any more (on Windows it is removed at the end), as hashes of 128 bits with a random key:
    no person can be read from it, and for a million keys the odds that two share a hash are one in 10**26. It is made
    in `folder`, else where the system keeps temporary files.
    """

    def __init__(self, in_memory: int = IN_MEMORY, folder: Path | None = None) -> None:
        self._limit = in_memory
        self._folder = folder
        self._known: dict[str, int] = {}
        self._file: _PositionsFile | None = None

    def of(self, keys: Sequence[str], positions: Sequence[int]) -> Sequence[int]:
        """Where each of these keys, which stand at `positions`, stood first; `positions` itself if all are new.

        Raises `WaleadError` if the temporary file cannot be written.
        """
        if self._file is not None:
            return self._file.of(keys, positions)
        before = len(self._known)
        firsts = list(map(self._known.setdefault, keys, positions))
        all_new = len(self._known) == before + len(keys)
        if len(self._known) > self._limit:
            self._move_to_file()
        return positions if all_new else firsts

    def _move_to_file(self) -> None:
        self._file = _PositionsFile(self._folder)
        known = iter(self._known.items())
        while some := list(islice(known, AT_ONCE)):
            self._file.of([key for key, _ in some], [position for _, position in some])
        self._known = {}

    def close(self) -> None:
        """Forget all keys, and remove the file."""
        self._known = {}
        if self._file is not None:
            self._file.close()
            self._file = None


class _PositionsFile:
    """A table of keyed hashes in a temporary SQLite file without a journal: nothing in it outlives the run."""

    def __init__(self, folder: Path | None) -> None:
        import sqlite3  # loaded by long inputs only

        self._keyed = hashlib.blake2b(digest_size=16, key=os.urandom(32))
        try:
            descriptor, name = tempfile.mkstemp(prefix="walead-keys-", dir=folder)
            os.close(descriptor)
        except OSError as error:
            raise _unwritable(error) from error
        self._path = Path(name)
        self._errors = sqlite3.Error
        self._database: sqlite3.Connection | None = None
        try:
            self._database = self._open(sqlite3.connect(name, isolation_level=None, check_same_thread=False))
        except sqlite3.Error as error:
            raise _unwritable(error) from error
        finally:
            # Where the system lets an open file lose its name, not even a killed process leaves it behind.
            with contextlib.suppress(OSError):
                self._path.unlink()

    def _open(self, database: sqlite3.Connection) -> sqlite3.Connection:
        for setting in (f"cache_size=-{CACHE}", "journal_mode=off", "synchronous=off", "locking_mode=exclusive"):
            database.execute(f"pragma {setting}")
        database.execute("create table first (key blob primary key, position integer not null) without rowid")
        database.execute("begin")
        return database

    def of(self, keys: Sequence[str], positions: Sequence[int]) -> Sequence[int]:
        """As `FirstPositions.of`."""
        hashes = list(self.hashes(keys))
        database = self._database
        if database is None:
            raise WaleadError("the temporary file of the keys seen so far is closed")
        try:
            # In the order of the table, so that neighbours are written together.
            rows = sorted(zip(hashes, positions, strict=True))
            added = database.executemany("insert or ignore into first values (?, ?)", rows).rowcount
            if added == len(keys):
                return positions
            found = (database.execute("select position from first where key = ?", (key,)).fetchone() for key in hashes)
            return [row[0] for row in found]
        except self._errors as error:
            raise _unwritable(error) from error

    def hashes(self, keys: Iterable[str]) -> Iterable[bytes]:
        """The keyed hash of each key."""
        fresh = self._keyed.copy
        for key in keys:
            keyed = fresh()
            keyed.update(key.encode("utf-8", "surrogatepass"))
            yield keyed.digest()

    def close(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)


def _unwritable(error: Exception) -> WaleadError:
    return WaleadError(
        f"the temporary file that finds duplicates cannot be written ({error}): free some space, or let TMPDIR name "
        "a directory that has some"
    )
