"""Lines in 64 parts by the crc32 of their keys: in a temporary file while they are collected, packed in the journal.

Two lists that are parted alike are compared part against part, so that a sixty-fourth of them is in memory at once.
"""

from __future__ import annotations

import os
import tempfile
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self
from zlib import crc32

from walead_async.errors import JournalError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

__all__ = ["PARTS", "SEPARATOR", "Spill", "decoded", "encoded", "escaped", "on_disk", "part_of", "unescaped"]

PARTS = 64
#: Between the fields of a line; in a field stand neither this nor a line end.
SEPARATOR = b"\x1f"
#: So many lines are held until they are written.
HELD = 16_384
#: The first level of zlib: half the time of the usual one for a tenth more bytes.
LEVEL = 1

_ESCAPES = {"\x1e": "\x1e0", "\n": "\x1e1", "\x1f": "\x1e2"}
_TO_ESCAPED = str.maketrans(_ESCAPES)


def part_of(key: bytes) -> int:
    """The part in which a key stands."""
    return crc32(key) & 63


def escaped(text: str) -> str:
    """A field as it stands in a line."""
    return text.translate(_TO_ESCAPED)


def unescaped(field: str) -> str:
    """The text of a field."""
    if "\x1e" in field:
        field = field.replace("\x1e2", "\x1f").replace("\x1e1", "\n").replace("\x1e0", "\x1e")
    return field


def encoded(lines: Iterable[bytes]) -> bytes:
    """Lines of one part, compressed."""
    return zlib.compress(b"\n".join(lines), LEVEL)


def decoded(part: bytes) -> list[bytes]:
    """The lines of a part. Raises `JournalError` if they are damaged."""
    try:
        whole = zlib.decompress(part)
    except zlib.error as error:
        raise JournalError(f"the journal is damaged: a part of a source cannot be read ({error})") from None
    return whole.split(b"\n") if whole else []


@contextmanager
def on_disk(what: str, folder: Path | None) -> Iterator[None]:
    """What the disk does not take becomes a `JournalError` that says so."""
    try:
        yield
    except OSError as error:
        place = folder or tempfile.gettempdir()
        raise JournalError(
            f"{what} cannot be written to {place}: {error.strerror or error}: make room there, and start again"
        ) from None


class Spill:
    """Lines that are collected part by part in one temporary file without a name, and are gone when it is closed.

    It stands in `folder`, None for the system's own. Its methods are called one at a time; they raise `JournalError`
    where the disk is full.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        with on_disk("what is compared", folder):
            self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115  # closed by `close`
        self._end = 0
        self._count = self._held = 0
        self._buffers: list[list[bytes]] = [[] for _ in range(PARTS)]
        # Where the pieces of each part stand in the file.
        self._pieces: list[list[tuple[int, int]]] = [[] for _ in range(PARTS)]

    def __len__(self) -> int:
        return self._count

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, keys: Sequence[bytes], lines: Sequence[bytes]) -> None:
        """Add lines, each under its key."""
        to_part = [buffer.append for buffer in self._buffers]
        for key, line in zip(keys, lines, strict=True):
            to_part[crc32(key) & 63](line)
        self._count += len(lines)
        self._held += len(lines)

    @property
    def full(self) -> bool:
        """Whether so many lines are in memory that it is time to `write` them."""
        return self._held >= HELD

    def data(self, part: int) -> bytes:
        """The lines of one part, in the order in which they came, each with its end."""
        with on_disk("what is compared", self._folder):
            pieces = [os.pread(self._file.fileno(), size, start) for start, size in self._pieces[part]]
        pieces += [line + b"\n" for line in self._buffers[part]]
        return b"".join(pieces)

    def lines(self, part: int) -> list[bytes]:
        """The lines of one part, without their ends."""
        return self.data(part).split(b"\n")[:-1]

    def close(self) -> None:
        """Let the file go."""
        self._file.close()

    def write(self) -> None:
        """Write the lines that are in memory; in a thread."""
        with on_disk("what is compared", self._folder):
            for buffer, pieces in zip(self._buffers, self._pieces, strict=True):
                if buffer:
                    buffer.append(b"")
                    data = memoryview(b"\n".join(buffer))
                    start = self._end
                    while data:
                        written = os.write(self._file.fileno(), data)
                        self._end += written
                        data = data[written:]
                    pieces.append((start, self._end - start))
                    buffer.clear()
        self._held = 0
