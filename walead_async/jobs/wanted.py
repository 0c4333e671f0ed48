"""Who is wanted: the rows of a source as people, each once, with the first reason that is not empty."""

from __future__ import annotations

import csv
import io
from collections import deque
from contextlib import ExitStack
from hashlib import blake2b
from itertools import islice
from typing import IO, TYPE_CHECKING, Self

from walead_async.errors import InvalidInputError, SourceError
from walead_async.files.columns import REJECTED_COLUMNS
from walead_async.files.delimited import DEFUSED
from walead_async.files.export import beside, put_in_place, told
from walead_async.jobs.parts import SEPARATOR, Spill, encoded
from walead_async.jobs.values import InvalidRow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from walead_async.files.columns import Kind
    from walead_async.models import Row

__all__ = ["RejectedRows", "Source", "people"]

#: Rows that are read at once.
AT_ONCE = 5_000
#: Rows that are looked at together: one that is not plain costs the others their short way.
TOGETHER = 250
#: Invalid rows that are shown.
SHOWN = 20


class Source:
    """Reads a source row by row, and keeps what it wants in 64 parts until it is closed.

    `line_of` makes of a row's text and reason the key by which people are compared and the line of a part; what it
    refuses is an invalid row. `plain` gives texts that are their own keys, and all without a reason, as lines; None if
    they are not. `rejected` is given the invalid rows. The methods are for threads.
    """

    def __init__(
        self,
        rows: Iterator[Row],
        line_of: Callable[[str, str | None], tuple[bytes, bytes]],
        spill: Spill,
        plain: Callable[[Sequence[str]], str | None] | None = None,
        rejected: Callable[[InvalidRow, str | None], object] | None = None,
    ) -> None:
        self._rows = rows
        self._line_of = line_of
        self._spill = spill
        self._plain = plain
        self._rejected = rejected
        self._last: deque[Row] = deque(maxlen=1)
        self._digest = blake2b(digest_size=16)
        self.rows: int = 0
        self.invalid: int = 0
        self.people: int = 0
        self.invalid_rows: list[InvalidRow] = []
        self.has_reasons: bool = False
        #: Where and why the source was not read to its end.
        self.ended_early: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._spill.close()

    def read(self) -> bool:
        """Read the next rows; False at the end. Raises `SourceError` for a file that cannot be used."""
        taken: list[Row] = []
        try:
            taken.extend(islice(self._rows, AT_ONCE))
        except SourceError as error:
            if error.ended_at is None:
                raise
            self.ended_early = str(error)
        self.rows += len(taken)
        self._last.extend(taken[-1:])
        for first in range(0, len(taken), TOGETHER):
            self._take(taken[first : first + TOGETHER])
        if self._spill.full:
            self._spill.write()
        return self.ended_early is None and bool(taken)

    def _take(self, rows: Sequence[Row]) -> None:
        _, texts, reasons, problems = zip(*rows, strict=True)
        reason = any(reasons)
        if self._plain is not None and not reason and not any(problems) and (plain := self._plain(texts)) is not None:
            keys = plain.encode().split(b"\n")
            self._spill.add(keys, keys)
            return
        self.has_reasons = self.has_reasons or reason
        found = []
        for row in rows:
            try:
                if row.problem is not None:
                    raise InvalidInputError(row.problem)
                found.append(self._line_of(row.text, row.reason))
            except InvalidInputError as error:
                self._reject(row, str(error))
        self._spill.add([key for key, _ in found], [line for _, line in found])

    def _reject(self, row: Row, why: str) -> None:
        self.invalid += 1
        rejected = InvalidRow(row.line, row.text, why)
        if len(self.invalid_rows) < SHOWN:
            self.invalid_rows.append(rejected)
        if self._rejected is not None:
            self._rejected(rejected, row.reason)

    def last_row(self) -> InvalidRow | None:
        """The last row that was read, which may have been cut off."""
        if not self._last:
            return None
        row = self._last[0]
        return InvalidRow(row.line, row.text, "the last line has no line end, so it may have been cut off")

    def part(self, part: int) -> tuple[dict[bytes, bytes], bytes]:
        """The people of one part, in order of their keys, each with a reason (b"" for none); and the part encoded.

        Ask for each part once, in order: they make the `digest`.
        """
        found = people(self._spill.data(part))
        self.people += len(found)
        as_stored = encoded([key + SEPARATOR + reason if reason else key for key, reason in found.items()])
        self._digest.update(len(as_stored).to_bytes(8) + as_stored)
        return found, as_stored

    @property
    def digest(self) -> str:
        """A name for what the source wants: two sources that want the same have the same one."""
        return self._digest.hexdigest()

    @property
    def duplicates(self) -> int:
        """How many rows repeat another one, once every part was asked for."""
        return self.rows - self.invalid - self.people


def people(data: bytes) -> dict[bytes, bytes]:
    """Lines of a part as people in order of their keys, each with the first reason that is not empty."""
    lines = data.split(b"\n")[:-1]
    if SEPARATOR not in data:
        return dict.fromkeys(sorted(set(lines)), b"")
    found: dict[bytes, bytes] = {}
    for line in lines:
        key, _, reason = line.partition(SEPARATOR)
        if not found.get(key):
            found[key] = reason
    return dict(sorted(found.items()))


class RejectedRows:
    """The file of a plan's rejected rows: `line,public_identifier,reason,why`, which reads back as our own export.

    It is made with the first of them, stands in its place only after `keep`, and has mode 0600. A cell that a
    spreadsheet would run gets a ' before it. Raises `SourceError` where it cannot be written.
    """

    def __init__(self, path: Path, kind: Kind) -> None:
        self.path = path
        self._columns = REJECTED_COLUMNS[kind]
        self._open = ExitStack()
        self._file: IO[bytes] | None = None
        self._unfinished: Path | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @property
    def any(self) -> bool:
        """Whether there is one."""
        return self._file is not None

    def add(self, row: InvalidRow, reason: str | None) -> None:
        """One more row."""
        if self._file is None:
            self._file, self._unfinished = self._open.enter_context(beside(self.path))
            self._write(self._columns)
        self._write((str(row.line), row.text, reason or "", row.why))

    def _write(self, cells: Sequence[str]) -> None:
        text = io.StringIO(newline="")
        csv.writer(text).writerow([f"'{cell}" if cell.startswith(DEFUSED) else cell for cell in cells])
        with told(self.path):
            assert self._file is not None
            self._file.write(text.getvalue().encode())

    def keep(self) -> Path | None:
        """Bring the file into its place, if there is any row in it."""
        if self._file is None or self._unfinished is None:
            return None
        with told(self.path):
            put_in_place(self._file, self._unfinished, self.path)
        return self.path
