"""Files out: blocked leads as CSV, JSON lines, Parquet or Excel, whole or not at all."""

from __future__ import annotations

import csv
import io
import os
import shutil
import sys
import tempfile
from abc import ABC, abstractmethod
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import orjson

from walead_async.errors import InvalidInputError, SourceError
from walead_async.files.columns import EXPORT_COLUMNS
from walead_async.files.delimited import DEFUSED
from walead_async.files.sources import library_for

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Iterator, Sequence

    from walead_async.models import BlockedLead

__all__ = [
    "FORMATS",
    "SUFFIXES",
    "Csv",
    "Format",
    "JsonLines",
    "Parquet",
    "Sink",
    "Xlsx",
    "beside",
    "export_leads",
    "put_in_place",
    "told",
]

#: What Excel allows: rows with the header among them, and characters in a cell.
EXCEL_ROWS = 1_048_576
EXCEL_CELL = 32_767
#: Records in a row group of a Parquet file: they are in memory together.
PARQUET_GROUP = 20_000


class Format(ABC):
    """A file of one format while it is written. `folder` is for what a library needs on the disk meanwhile."""

    def __init__(self, file: IO[bytes], folder: Path) -> None:
        self._file = file

    @abstractmethod
    def write(self, records: Sequence[BlockedLead]) -> None:
        """Write some records."""

    def end(self) -> None:
        """Write what is still held back, and the end of the format."""
        self._file.flush()

    def close(self) -> None:  # noqa: B027  # most hold nothing
        """Let go of what is held, whether the file is whole or not."""


class Csv(Format):
    """RFC 4180 in UTF-8. A cell that a spreadsheet would run gets a ' before it."""

    def __init__(self, file: IO[bytes], folder: Path) -> None:
        super().__init__(file, folder)
        self._write_rows([EXPORT_COLUMNS])

    def write(self, records: Sequence[BlockedLead]) -> None:
        """Write some records."""
        self._write_rows([["'" + cell if cell.startswith(DEFUSED) else cell for cell in _cells(r)] for r in records])

    def _write_rows(self, rows: Sequence[Sequence[str]]) -> None:
        text = io.StringIO(newline="")
        csv.writer(text).writerows(rows)
        self._file.write(text.getvalue().encode())


class JsonLines(Format):
    """One JSON object a line."""

    def write(self, records: Sequence[BlockedLead]) -> None:
        """Write some records."""
        try:
            lines = [orjson.dumps(_fields(record), option=orjson.OPT_APPEND_NEWLINE) for record in records]
        except orjson.JSONEncodeError as error:
            raise InvalidInputError(f"a record cannot be written as JSON: {error}") from None
        self._file.write(b"".join(lines))


class Parquet(Format):
    """Text columns, and `created_at` as a time in UTC to the microsecond."""

    def __init__(self, file: IO[bytes], folder: Path) -> None:
        arrow = library_for(".parquet", "pyarrow")
        parquet = library_for(".parquet", "pyarrow.parquet")
        time = arrow.timestamp("us", tz="UTC")
        types = {name: time if name == "created_at" else arrow.string() for name in EXPORT_COLUMNS}
        self._schema = arrow.schema(list(types.items()))
        self._table = arrow.Table
        self._writer = parquet.ParquetWriter(file, self._schema)
        self._held: list[dict[str, object]] = []

    def write(self, records: Sequence[BlockedLead]) -> None:
        """Write some records, a row group at a time."""
        self._held += [{**_fields(record), "created_at": record.created_at} for record in records]
        if len(self._held) >= PARQUET_GROUP:
            self._write_group()

    def _write_group(self) -> None:
        self._writer.write_table(self._table.from_pylist(self._held, self._schema))
        self._held = []

    def end(self) -> None:
        """Write the last row group and the footer."""
        self._write_group()
        self._writer.close()

    def close(self) -> None:
        """Close the library's writer, which would otherwise write its footer when it is collected."""
        with suppress(OSError):
            self._writer.close()


class Xlsx(Format):
    """One sheet of text cells. What does not fit into Excel's limits is refused, never cut."""

    def __init__(self, file: IO[bytes], folder: Path, most_rows: int = EXCEL_ROWS) -> None:
        library = library_for(".xlsx", "xlsxwriter")
        self._failure: type[Exception] = library.exceptions.XlsxWriterException
        self._sink = Sink(file)
        options = {"constant_memory": True, "tmpdir": str(folder)}
        self._book: Any = library.Workbook(self._sink, options)
        self._book.use_zip64()
        self._sheet = self._book.add_worksheet("Blocked leads")
        self._most_rows = most_rows
        self._rows = 0
        self._write_row(EXPORT_COLUMNS)

    def write(self, records: Sequence[BlockedLead]) -> None:
        """Write some records. Raises `InvalidInputError` where Excel would cut them."""
        for record in records:
            self._write_row(_cells(record))

    def _write_row(self, cells: Sequence[str]) -> None:
        if self._rows >= self._most_rows:
            raise InvalidInputError(f".xlsx holds at most {self._most_rows:,} rows: export as .csv or .parquet")
        for column, cell in enumerate(cells):
            if not _fits_excel(cell):
                raise InvalidInputError(
                    f"record {self._rows}: .xlsx cannot hold its {EXPORT_COLUMNS[column]} (at most {EXCEL_CELL:,} "
                    "characters in a cell): export as .csv or .jsonl"
                )
            self._sheet.write_string(self._rows, column, cell)
        self._rows += 1

    def end(self) -> None:
        """Pack the workbook. Raises `OSError` where the disk does not take it."""
        try:
            self._book.close()
        except self._failure as error:
            raise OSError(str(error)) from None

    def close(self) -> None:
        """Close the file of rows that the library keeps beside the workbook until that is packed."""
        self._book.fileclosed = self._sink.closed = True
        with suppress(OSError):
            self._sheet.row_data_fh.close()


class Sink:
    """The file under a ZIP archive. An archive that failed still writes its end when it is collected: in vain then."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._position = 0
        self.closed = False

    def write(self, piece: bytes) -> int:
        """Write a piece, or only count it."""
        if not self.closed:
            self._file.write(piece)
        self._position += len(piece)
        return len(piece)

    def tell(self) -> int:
        """Where the next piece goes."""
        return self._position

    def seek(self, position: int) -> int:
        """Go somewhere else."""
        if not self.closed:
            self._file.seek(position)
        self._position = position
        return position

    def flush(self) -> None:
        """Hand over what is held back."""
        if not self.closed:
            self._file.flush()


FORMATS: dict[str, type[Format]] = {".csv": Csv, ".jsonl": JsonLines, ".parquet": Parquet, ".xlsx": Xlsx}


def _fields(record: BlockedLead) -> dict[str, str | None]:
    """A record by the names of its columns; no reason is null."""
    fields = {name: getattr(record, name) for name in EXPORT_COLUMNS}
    return {**fields, "created_at": record.created_at.isoformat()}


def _cells(record: BlockedLead) -> list[str]:
    """A record as text, in the order of the columns; no reason is an empty cell."""
    return [cell or "" for cell in _fields(record).values()]


def _fits_excel(cell: str) -> bool:
    """Excel counts UTF-16 units, and its XML has no place for two characters."""
    if len(cell) > EXCEL_CELL // 2 and len(cell.encode("utf-16-le")) > 2 * EXCEL_CELL:
        return False
    return "\ufffe" not in cell and "\uffff" not in cell


SUFFIXES = tuple(FORMATS)
#: Records that are written at once.
BATCH = 1000


#: How many bytes of an export to a stream are held in memory before they move to a file without a name.
IN_MEMORY = 64 * 1024 * 1024


async def export_leads(path: str | Path | IO[bytes], records: AsyncIterable[BlockedLead]) -> int:
    """Write records to a file and return how many; memory is bounded, whatever their number.

    The format goes by the suffix: .csv, .jsonl, .parquet or .xlsx (the last two need the extra `[files]`); the
    columns are `id, public_identifier, reason, created_at, workspace_id`. The file gets mode 0600 and stands in its
    place only when it is whole and on the disk: an error or a cancellation leaves what was there before. A binary
    stream in place of the path gets CSV, once all of it is there, and otherwise nothing.

    `rows` reads it back to the same identifiers and reasons. An empty reason and none at all look alike in CSV
    and Excel, so `rows` takes both for none in every format.

    Raises `InvalidInputError` for an unknown suffix before anything is read, and for more rows or longer cells than
    .xlsx allows; `SourceError` for a file that cannot be written; `ConfigurationError` where the extra is missing;
    and what reading `records` raises.
    """
    if not isinstance(path, (str, Path)):
        return await _to_stream(path, records)
    path = Path(path)
    form = FORMATS.get(path.suffix.lower())
    if form is None:
        raise InvalidInputError(f"{path}: the suffix names the format: give it one of {', '.join(SUFFIXES)}")
    with beside(path) as (file, unfinished), closing(form(file, unfinished.parent)) as out:
        count = await _write_all(out, records, path)
        with told(path):
            out.end()
            put_in_place(file, unfinished, path)
    return count


async def _to_stream(stream: IO[bytes], records: AsyncIterable[BlockedLead]) -> int:
    with tempfile.SpooledTemporaryFile(IN_MEMORY) as file:
        count = await _write_all(Csv(file, Path()), records, "the temporary file")
        file.seek(0)
        shutil.copyfileobj(file, stream)
        stream.flush()
    return count


async def _write_all(out: Format, records: AsyncIterable[BlockedLead], name: Path | str) -> int:
    """Write all records, and return how many."""
    count = 0
    batch: list[BlockedLead] = []
    iterator = aiter(records)
    try:
        async for record in iterator:
            batch.append(record)
            if len(batch) == BATCH:
                with told(name):
                    out.write(batch)
                count += len(batch)
                batch = []
        with told(name):
            out.write(batch)
    finally:
        # A listing that is left early would otherwise keep its requests until it is collected.
        aclose = getattr(iterator, "aclose", None)
        if aclose is not None:
            await aclose()
    return count + len(batch)


@contextmanager
def beside(path: Path) -> Iterator[tuple[IO[bytes], Path]]:
    """A new file of mode 0600, in a folder of its own beside its later place; the folder is gone afterwards.

    The folder also takes what a library needs on the disk meanwhile, so that no copy of the list stays elsewhere.
    """
    with told(path):
        if path.is_dir():
            raise SourceError(f"{path}: a folder: give the name of a file in it")
        folder = Path(tempfile.mkdtemp(prefix=".walead-export-", dir=path.resolve().parent))
    try:
        with told(path):
            unfinished = folder / "unfinished"
            file = os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        try:
            yield file, unfinished
        finally:
            # On a full disk closing fails once more; that error would hide the first.
            with suppress(OSError):
                file.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def put_in_place(file: IO[bytes], unfinished: Path, path: Path) -> None:
    """Bring the file to the disk, then under its name. A symbolic link stays one: what it points to is replaced."""
    file.flush()
    os.fsync(file.fileno())
    place = path.resolve()
    unfinished.replace(place)
    if sys.platform == "win32":  # where a folder cannot be opened
        return
    folder = os.open(place.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def told(path: Path | str) -> Iterator[None]:
    """Turn what goes wrong on the disk into an error that names the file."""
    try:
        yield
    except OSError as error:
        raise SourceError(f"{path}: cannot be written: {error.strerror or error}") from None
    except UnicodeEncodeError:
        raise SourceError(f"{path}: cannot be written: a record holds text that is not proper Unicode") from None
