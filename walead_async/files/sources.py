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
from walead_async.files.columns import (
    HEAD_ROWS,
    Header,
    Kind,
    Taken,
    find_header,
    known_columns,
    not_one_word,
    undecided,
)
from walead_async.files.delimited import TOTAL, cell_rows, delimited_rows, is_total, key_text, reason_text
from walead_async.files.encoding import RawLines, encoding_of, is_doubtful, known_encoding, lines_of, lines_of_stream
from walead_async.models import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from types import ModuleType

    from python_calamine import CalamineSheet, CalamineWorkbook

__all__ = [
    "SUFFIXES",
    "Kind",
    "filled_sheet",
    "library_for",
    "parquet_rows",
    "rows",
    "rows_of_file",
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


def xlsx_rows(path: Path, kind: Kind, wanted: Sequence[str], taken: Taken = lambda _: None) -> Iterator[Row]:
    """The rows of an Excel workbook with one filled sheet, below its header. Raises `SourceError`.

    A row with no filled cell is none, and a cell with a hyperlink is the link's target. The library holds the whole
    sheet in memory, in its own compact form: for lists of any length use another format.
    """
    from walead_async.files.hyperlinks import hyperlinks

    calamine = library_for(".xlsx", "python_calamine")
    try:
        with calamine.CalamineWorkbook.from_path(path) as book:
            sheet = filled_sheet(book, calamine, str(path))
            filled = ((at, row) for at, row in enumerate(sheet.iter_rows(), 1) if any(cell != "" for cell in row))
            head = list(islice(filled, HEAD_ROWS)) if sheet.height else []
            if not head:
                return
            names = [[key_text(cell, str(path)) for cell in row] for _, row in head]
            header = find_header(names, kind, wanted, str(path))
            if header is None:
                raise undecided(names, kind, wanted, str(path))
            taken(header.names)
            title = head[header.row][1] if header.row >= 0 else None
            links = hyperlinks(path, sheet.name)

            def found() -> Iterator[Row]:
                for line, row in islice(chain(head, filled), header.row + 1, None):
                    if row == title:
                        continue
                    place = f"{path}, line {line}"
                    reason = None if header.reason is None else reason_text(row[header.reason], place)
                    pairs = [(links.get((line, key + 1)), row[key]) for key in header.keys]
                    texts = [_target(to, kind) or key_text(cell, place) for to, cell in pairs]
                    if is_total(texts, row):
                        yield Row(line, " ".join(str(cell) for cell in row if cell != ""), None, TOTAL)
                    else:
                        yield from cell_rows(line, texts, reason)

            yield from not_one_word(found(), kind, str(path), lambda: header.bare)
    except calamine.CalamineError as error:
        raise SourceError(f"{path}: not a readable workbook ({error}): save it in Excel as .xlsx again") from None


def parquet_rows(path: Path, kind: Kind, wanted: Sequence[str], taken: Taken = lambda _: None) -> Iterator[Row]:
    """The rows of a Parquet file, numbered from 1. Raises `SourceError`."""
    parquet = library_for(".parquet", "pyarrow.parquet")
    failure: type[Exception] = library_for(".parquet", "pyarrow").ArrowException
    line = 0
    try:
        with parquet.ParquetFile(path) as file:
            names: list[str] = file.schema_arrow.names
            header = known_columns(names, kind, wanted, str(path))
            if header is None:
                raise undecided([names], kind, wanted, str(path))
            taken(header.names)

            def found() -> Iterator[Row]:
                nonlocal line
                for batch in file.iter_batches(PARQUET_BATCH, columns=[names[at] for at in read]):
                    columns = [batch.column(names[at]).to_pylist() for at in read]
                    for cells in zip(*columns, strict=True):
                        line += 1
                        place = f"{path}, row {line}"
                        texts = [key_text(cell, place) for cell in cells[: len(header.keys)]]
                        reason = None if header.reason is None else reason_text(cells[-1], place)
                        yield from cell_rows(line, texts, reason)

            read = [*header.keys, *([] if header.reason is None else [header.reason])]
            yield from not_one_word(found(), kind, str(path), lambda: header.bare)
    except (failure, KeyError, UnicodeDecodeError) as error:
        raise SourceError(f"{path}: not a readable Parquet file after row {line} ({error}): write it again") from None


def _target(link: str | None, kind: Kind) -> str | None:
    """What a cell's hyperlink says of a person or a number: of a number, only a link that dials it."""
    dials = link is not None and link.lower().startswith(("tel:", "callto:"))
    return link if kind == "lead" or (kind == "number" and dials) else None


def filled_sheet(book: CalamineWorkbook, calamine: ModuleType, file: str) -> CalamineSheet:
    """The one sheet that has a filled cell; any, if none has."""
    sheets = [
        book.get_sheet_by_index(at)
        for at, about in enumerate(book.sheets_metadata)
        if about.visible == calamine.SheetVisibleEnum.Visible and about.typ == calamine.SheetTypeEnum.WorkSheet
    ]
    filled = [sheet for sheet in sheets if sheet.height]
    if len(filled) > 1:
        names = ", ".join(repr(sheet.name) for sheet in filled)
        raise SourceError(f"{file}: {names} all hold cells, and a list is one sheet: save each as a file of its own")
    if not sheets:
        raise SourceError(f"{file}: it has no sheet that can be seen: save the list as a sheet of its own")
    return (filled or sheets)[0]


#: How many different sets of fields of JSON objects are remembered.
MAX_SHAPES = 1000


def rows(
    source: str | Path | IO[bytes],
    *,
    kind: Kind = "lead",
    column: str | Sequence[str] | None = None,
    encoding: str | None = None,
    taken: Taken = lambda _: None,
) -> Iterator[Row]:
    """Read the rows of a file of people, phone numbers (`kind="number"`) or record ids (`kind="id"`), one at a time.

    The format goes by the suffix: .csv, .tsv, .txt (one a line), .jsonl (a text or an object a line), .xlsx and
    .parquet (both need the extra `[files]`). `-` is standard input and a binary stream is read like it: one a line,
    in UTF-8, neither sought nor closed. `column` names the column with the identifiers, or several columns, of which
    every filled cell is a row; without it a known header is looked for ("LinkedIn URL", "public_identifier", "Phone",
    ...), and a file of one column needs none. A column `reason` gives each row's own. `encoding` is that of a text
    file; without it UTF-8, UTF-16 and what is plainly one code page are told. Memory is bounded for all formats but
    .xlsx.

    A line with nothing on it is no row, nor is a header that is repeated; an empty cell is one, with an empty text.
    One line that cannot be read is a row with a `problem`. A cell with a hyperlink is the link's target.

    Raises `SourceError`, at the call for a file that is missing or of an unknown kind, and while reading for what
    cannot be read to its end, or shows itself not to be what it seems: it names the file, the line and what to do.
    Raises `ConfigurationError` where the extra is not installed.
    """
    wanted = (column,) if isinstance(column, str) else tuple(column or ())
    if not isinstance(source, (str, Path)):
        return _text_rows(lines_of_stream(source, "the stream"), wanted, "the stream")
    if source == "-":
        return _text_rows(lines_of_stream(sys.stdin.buffer, "standard input"), wanted, "standard input")
    return rows_of_file(Path(source), kind, wanted, encoding, taken=taken)


def rows_of_file(
    path: Path,
    kind: Kind,
    wanted: Sequence[str],
    encoding: str | None,
    raw: RawLines | None = None,
    taken: Taken = lambda _: None,
) -> Iterator[Row]:
    """The rows of a file, as `rows` gives them; `raw` is filled with the lines of a text file meanwhile."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise SourceError(f"{path}: files are read by their suffix: give it one of {', '.join(SUFFIXES)}")
    _refuse_what_is_no_file(path)
    if encoding is not None:
        encoding = known_encoding(encoding)
    return _unchanged(_file_rows(path, suffix, kind, wanted, encoding, taken, raw), path)


def _file_rows(
    path: Path,
    suffix: str,
    kind: Kind,
    wanted: Sequence[str],
    encoding: str | None,
    taken: Taken,
    raw: RawLines | None,
) -> Iterator[Row]:
    if suffix in _TABLES:
        yield from _TABLES[suffix](path, kind, wanted, taken)
        return
    found = encoding or encoding_of(path)
    if raw is not None:
        raw.encoding = found
    read = _TEXTS[suffix](path, kind, wanted, found, taken, raw)
    if encoding is not None or found.startswith("utf"):
        yield from read
        return
    for row in read:
        if is_doubtful(row.text, found):
            raise SourceError(
                f"{path}, line {row.line}: in {row.text!r} a letter is another one if the file comes from a Mac or "
                "from DOS: say how it was written with --encoding (windows-1252, mac-roman, cp850), or save it as UTF-8"
            )
        yield row


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


def _unchanged(found: Iterator[Row], path: Path) -> Iterator[Row]:
    """The rows. What the operating system says, and a file that changes while it is read, become `SourceError`s."""
    line = 0
    try:
        before = path.stat()
        for row in found:
            line = row.line
            yield row
        after = path.stat()
    except OSError as error:
        raise SourceError(f"{path}: cannot be read after line {line}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise _changed(path, line) from None
    if (before.st_size, before.st_mtime_ns, before.st_ino) != (after.st_size, after.st_mtime_ns, after.st_ino):
        raise _changed(path, line)


def _changed(path: Path, line: int) -> SourceError:
    return SourceError(f"{path}: changed while it was read, before or after line {line}: start again when it is whole")


def _text_file_rows(
    path: Path, kind: Kind, wanted: Sequence[str], encoding: str, taken: Taken, raw: RawLines | None = None
) -> Iterator[Row]:
    with path.open(encoding=encoding, newline="") as file:
        yield from not_one_word(_text_rows(lines_of(file, str(path), raw), wanted, str(path)), kind, str(path))


def _text_rows(lines: Iterable[str], wanted: Sequence[str], name: str) -> Iterator[Row]:
    """One identifier a line: the whole line is its text, whatever stands in it."""
    if wanted:
        raise SourceError(f"{name}: one identifier a line has no columns: leave out --column, or bring a .csv file")
    for number, line in enumerate(lines, 1):
        if not line.isspace():
            yield Row(number, line.rstrip("\r\n"))


def _json_rows(
    path: Path, kind: Kind, wanted: Sequence[str], encoding: str, taken: Taken, raw: RawLines | None = None
) -> Iterator[Row]:
    """A JSON text or object a line. Objects may differ in their fields: each is looked at by its own names.

    One without a known field is a row with an empty text, but for the first. A last line that ends inside a value
    ends the read.
    """
    headers: dict[tuple[str, ...], Header] = {}
    with path.open(encoding=encoding, newline="") as file:
        found = _rows_of_json_lines(lines_of(file, str(path), raw), headers, kind, wanted, str(path), taken)
        yield from not_one_word(found, kind, str(path), lambda: any(header.bare for header in headers.values()))


def _rows_of_json_lines(
    lines: Iterable[str],
    headers: dict[tuple[str, ...], Header],
    kind: Kind,
    wanted: Sequence[str],
    name: str,
    taken: Taken,
) -> Iterator[Row]:
    first = True
    for number, line in enumerate(lines, 1):
        if line.isspace():
            continue
        place = f"{name}, line {number}"
        if first and line.endswith("\n") and line.strip() in {"[", "{"}:
            raise SourceError(f"{place}: one JSON value over several lines: write one text or object a line (jq -c)")
        first = False
        try:
            yield from _rows_of_json(orjson.loads(line), number, headers, kind, wanted, place, taken)
        except orjson.JSONDecodeError as error:
            if not line.endswith(("\n", "\r")) and line.lstrip()[:1] in {"{", "[", '"'}:
                raise SourceError.at_end(
                    f"{place}: the file ends inside a JSON value ({error}): it was cut off", number
                ) from None
            yield Row(number, line.strip(), None, f"not JSON ({error}): write one JSON text or object a line")
        except SourceError as error:
            if not headers:
                raise
            yield Row(number, line.strip(), None, str(error).removeprefix(f"{place}: "))


def _rows_of_json(
    found: object,
    number: int,
    headers: dict[tuple[str, ...], Header],
    kind: Kind,
    wanted: Sequence[str],
    place: str,
    taken: Taken,
) -> Sequence[Row]:
    if not isinstance(found, dict):
        return [Row(number, key_text(found, place))]
    names = tuple(found)
    header = headers.get(names) or known_columns(names, kind, wanted, place)
    if header is None:
        if not headers:
            raise undecided([names], kind, wanted, place)
        return [Row(number, "")]
    if names not in headers and len(headers) < MAX_SHAPES:
        headers[names] = header
        taken(header.names)
    reason = None if header.reason is None else reason_text(found[names[header.reason]], place)
    return cell_rows(number, [key_text(found[names[key]], place) for key in header.keys], reason)


_TEXTS: dict[str, Callable[[Path, Kind, Sequence[str], str, Taken, RawLines | None], Iterator[Row]]] = {
    ".csv": delimited_rows,
    ".tsv": delimited_rows,
    ".txt": _text_file_rows,
    ".jsonl": _json_rows,
}
_TABLES: dict[str, Callable[[Path, Kind, Sequence[str], Taken], Iterator[Row]]] = {
    ".xlsx": xlsx_rows,
    ".parquet": parquet_rows,
}
SUFFIXES = (*_TEXTS, *_TABLES)
