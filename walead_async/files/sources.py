"""Files in: the rows of what people bring, whatever program wrote it."""

from __future__ import annotations

import stat
import sys
from importlib import import_module
from itertools import chain, islice
from pathlib import Path
from typing import IO, TYPE_CHECKING

import orjson

from walead_async.errors import ConfigurationError, SourceError
from walead_async.files.columns import HEAD_ROWS, Header, Kind, find_header, known_columns, undecided
from walead_async.files.delimited import Row, delimited_rows, key_text, reason_text
from walead_async.files.encoding import encoding_of, lines_of, lines_of_stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import ModuleType

    from python_calamine import CalamineWorkbook

__all__ = [
    "SUFFIXES",
    "Kind",
    "library_for",
    "parquet_rows",
    "read_leads",
    "xlsx_rows",
]


def library_for(suffix: str, module: str) -> ModuleType:
    """Import the module that files of this suffix need. Raises `ConfigurationError`, which names the extra."""
    try:
        return import_module(module)
    except ImportError as error:
        raise ConfigurationError(
            f"{suffix} files need a library that is not installed ({error}): pip install 'walead_async[files]'"
        ) from None


#: Rows of a Parquet file that are in memory as Python values at once.
PARQUET_BATCH = 10_000


def xlsx_rows(path: Path, kind: Kind, column: str | None) -> Iterator[Row]:
    """The rows of an Excel workbook with one filled sheet, below its header. Raises `SourceError`.

    A row with no filled cell is none. The library holds the whole sheet in memory, in its own compact form: for lists
    of any length use another format.
    """
    calamine = library_for(".xlsx", "python_calamine")
    try:
        with calamine.CalamineWorkbook.from_path(path) as book:
            rows = _filled_rows(book, calamine, str(path))
            head = list(islice(rows, HEAD_ROWS))
            if not head:
                return
            names = [[key_text(cell, str(path)) for cell in row] for _, row in head]
            header = find_header(names, kind, column, str(path))
            if header is None:
                raise undecided(names, kind, column, str(path))
            for line, row in islice(chain(head, rows), header.row + 1, None):
                place = f"{path}, line {line}"
                reason = None if header.reason is None else reason_text(row[header.reason], place)
                yield Row(line, key_text(row[header.key], place), reason)
    except calamine.CalamineError as error:
        raise SourceError(f"{path}: not a readable workbook ({error}): save it in Excel as .xlsx again") from None


def parquet_rows(path: Path, kind: Kind, column: str | None) -> Iterator[Row]:
    """The rows of a Parquet file, numbered from 1. Raises `SourceError`."""
    parquet = library_for(".parquet", "pyarrow.parquet")
    failure: type[Exception] = library_for(".parquet", "pyarrow").ArrowException
    line = 0
    try:
        with parquet.ParquetFile(path) as file:
            names: list[str] = file.schema_arrow.names
            header = known_columns(names, kind, column, str(path))
            if header is None:
                raise undecided([names], kind, column, str(path))
            wanted = [names[at] for at in (header.key, header.reason) if at is not None]
            for batch in file.iter_batches(PARQUET_BATCH, columns=wanted):
                keys = batch.column(wanted[0]).to_pylist()
                reasons = batch.column(wanted[1]).to_pylist() if len(wanted) == 2 else [None] * len(keys)
                for key, reason in zip(keys, reasons, strict=True):
                    line += 1
                    place = f"{path}, row {line}"
                    yield Row(line, key_text(key, place), reason_text(reason, place))
    except (failure, KeyError, UnicodeDecodeError) as error:
        raise SourceError(f"{path}: not a readable Parquet file after row {line} ({error}): write it again") from None


def _filled_rows(book: CalamineWorkbook, calamine: ModuleType, file: str) -> Iterator[tuple[int, list[object]]]:
    """The rows with a filled cell of the one sheet that has any, with their numbers in the sheet."""
    filled = []
    for at, about in enumerate(book.sheets_metadata):
        if about.visible == calamine.SheetVisibleEnum.Visible and about.typ == calamine.SheetTypeEnum.WorkSheet:
            sheet = book.get_sheet_by_index(at)
            if sheet.height:
                filled.append(sheet)
    if len(filled) > 1:
        names = ", ".join(repr(sheet.name) for sheet in filled)
        raise SourceError(f"{file}: {names} all hold cells, and a list is one sheet: save each as a file of its own")
    for sheet in filled:
        for number, row in enumerate(sheet.iter_rows(), 1):
            if any(cell != "" for cell in row):
                yield number, list(row)


#: How many different sets of fields of JSON objects are remembered.
MAX_SHAPES = 1000


def read_leads(source: str | Path | IO[bytes], *, column: str | None = None, kind: Kind = "lead") -> Iterator[Row]:
    """Read the rows of a file of people, phone numbers (`kind="number"`) or record ids (`kind="id"`), one at a time.

    The format goes by the suffix: .csv, .tsv, .txt (one a line), .jsonl (a text or an object a line), .xlsx and
    .parquet (both need the extra `[files]`). `-` is standard input and a binary stream is read like it: one a line,
    in UTF-8, neither sought nor closed. `column` names the column with the identifiers; without it a known header
    is looked for ("LinkedIn URL", "public_identifier", "Phone", ...), and a file of one column needs none. A column
    `reason` gives each row's own. Memory is bounded for all formats but .xlsx.

    A line with nothing on it is no row; an empty cell is one, with an empty text.

    Raises `SourceError`, at the call for a file that is missing or of an unknown kind, and while reading for what
    cannot be read to its end: it names the file, the line and what to do. Raises `ConfigurationError` where the extra
    is not installed.
    """
    if not isinstance(source, (str, Path)):
        return _text_rows(lines_of_stream(source, "the stream"), column, "the stream")
    if source == "-":
        return _text_rows(lines_of_stream(sys.stdin.buffer, "standard input"), column, "standard input")
    path = Path(source)
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise SourceError(f"{path}: files are read by their suffix: give it one of {', '.join(SUFFIXES)}")
    _refuse_what_is_no_file(path)
    return _named(reader(path, kind, column), path)


def _refuse_what_is_no_file(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}: check the name") from None
    except ValueError:
        raise SourceError(f"{str(path)!r}: no file can have this name: check it") from None
    if stat.S_ISDIR(mode):
        raise SourceError(f"{path}: a folder: give the name of one file in it")
    if not stat.S_ISREG(mode):
        raise SourceError(f"{path}: not a plain file: to read from another program, give - for standard input")


def _named(rows: Iterator[Row], path: Path) -> Iterator[Row]:
    """The rows, and the operating system's errors and undecodable text as `SourceError`s with the file's name."""
    line = 0
    try:
        for row in rows:
            line = row.line
            yield row
    except OSError as error:
        raise SourceError(f"{path}: cannot be read after line {line}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise SourceError(f"{path}: changed while it was read, after line {line}: start again") from None


def _text_file_rows(path: Path, kind: Kind, column: str | None) -> Iterator[Row]:
    with path.open(encoding=encoding_of(path)) as file:
        yield from _text_rows(lines_of(file, str(path)), column, str(path))


def _text_rows(lines: Iterable[str], column: str | None, name: str) -> Iterator[Row]:
    """One identifier a line: the whole line is its text, whatever stands in it."""
    if column is not None:
        raise SourceError(f"{name}: one identifier a line has no columns: leave out --column, or bring a .csv file")
    for number, line in enumerate(lines, 1):
        if not line.isspace():
            yield Row(number, line.rstrip("\r\n"))


def _json_rows(path: Path, kind: Kind, column: str | None) -> Iterator[Row]:
    """A JSON text or object a line. Objects may differ in their fields: each is looked at by its own names.

    One without a known field is a row with an empty text, but for the first.
    """
    headers: dict[tuple[str, ...], Header] = {}
    with path.open(encoding=encoding_of(path)) as file:
        for number, line in enumerate(lines_of(file, str(path)), 1):
            if line.isspace():
                continue
            place = f"{path}, line {number}"
            try:
                found = orjson.loads(line)
            except orjson.JSONDecodeError as error:
                raise SourceError(f"{place}: not JSON ({error}): write one JSON text or object a line") from None
            if not isinstance(found, dict):
                yield Row(number, key_text(found, place))
                continue
            names = tuple(found)
            header = headers.get(names)
            if header is None:
                header = known_columns(names, kind, column, place)
                if header is None and not headers:
                    raise undecided([names], kind, column, place)
                if header is None:
                    yield Row(number, "")
                    continue
                if len(headers) < MAX_SHAPES:
                    headers[names] = header
            reason = None if header.reason is None else reason_text(found[names[header.reason]], place)
            yield Row(number, key_text(found[names[header.key]], place), reason)


_READERS: dict[str, Callable[[Path, Kind, str | None], Iterator[Row]]] = {
    ".csv": delimited_rows,
    ".tsv": delimited_rows,
    ".txt": _text_file_rows,
    ".jsonl": _json_rows,
    ".xlsx": xlsx_rows,
    ".parquet": parquet_rows,
}
SUFFIXES = tuple(_READERS)
