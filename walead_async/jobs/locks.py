"""Locks of the operating system on files: free at once when their holder dies, and never held by a forked child."""

from __future__ import annotations

import fcntl
import getpass
import json
import os
import socket
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from weakref import WeakSet

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from walead_async.errors import WaleadError

__all__ = ["FileLock", "holder", "holder_in_words", "whoami"]

#: More than this is no description of a holder.
LONGEST = 65_536


class FileLock:
    """An exclusive lock (`flock`) on a file beside a journal, which is made with mode 0600 and never removed.

    Its holder writes into the file who it is. Two locks on one file exclude each other also within a process.
    `error` is raised if the file cannot be opened.
    """

    def __init__(self, path: Path, error: type[WaleadError]) -> None:
        self.path = path
        self.name: str = str(path)
        self._error = error
        self._number = -1
        self._held = False
        self._holder: dict[str, object] = {}
        _locks.add(self)

    def wait(self) -> None:
        """Take it, however long that takes. Raises the error if the file cannot be opened."""
        self._open()
        fcntl.flock(self._number, fcntl.LOCK_EX)
        self._held = True

    async def take(self) -> bool:
        """Take it if it is free, and write down who has it. Raises the error if the file cannot be opened."""
        self._open()
        try:
            fcntl.flock(self._number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        self._held = True
        self._holder = holder()
        self.tell({})
        return True

    def tell(self, facts: Mapping[str, object]) -> None:
        """Write down who holds it since when, and these facts. It must be held."""
        text = json.dumps({**self._holder, **facts}).encode()
        with suppress(OSError):  # it says who, and the lock holds without it
            os.pwrite(self._number, text + b"\n", 0)
            os.ftruncate(self._number, len(text) + 1)

    async def told(self) -> dict[str, object]:
        """What the holder has written down, or the last one; nothing if nobody ever held it."""
        try:
            with self.path.open("rb") as file:
                found = json.loads(file.read(LONGEST))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    async def is_held(self) -> bool:
        """Whether somebody holds it now."""
        try:
            number = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(number, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(number)
        return False

    def when_lost(self, call: Callable[[], object]) -> None:
        """It is never lost."""

    async def release(self) -> None:
        """Let others take it."""
        self.close()

    def give_back(self) -> None:
        """Let others take it; the file stays open for the next time."""
        if self._held:
            self._held = False
            fcntl.flock(self._number, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let others take it, and close the file."""
        number, self._number, self._held = self._number, -1, False
        if number >= 0:
            os.close(number)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open(self) -> None:
        if self._number < 0:
            try:
                self._number = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            except OSError as error:
                raise self._error(f"{self.name!r} cannot be opened: {error.strerror}") from None


def holder_in_words(told: Mapping[str, object]) -> str:
    """Who holds a lock, from what `FileLock.told` returned."""
    if "pid" not in told:
        return "another process"
    return f"{told.get('user')}@{told.get('host')}, process {told['pid']}, since {told.get('since')}"


def whoami() -> str:
    """Who runs this process, as user@host."""
    return f"{_user()}@{socket.gethostname()}"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return str(os.getuid())


def holder() -> dict[str, object]:
    """Who this process is, as it is written down with a lock."""
    since = datetime.now(UTC).isoformat(timespec="seconds")
    return {"user": _user(), "pid": os.getpid(), "host": socket.gethostname(), "since": since}


#: The locks of this process. A forked child would hold them with its parent, and go on holding them after its death.
_locks: WeakSet[FileLock] = WeakSet()


def _close_in_child() -> None:
    for lock in _locks:
        lock.close()


os.register_at_fork(after_in_child=_close_in_child)
