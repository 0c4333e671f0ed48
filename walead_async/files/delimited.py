"""Rows out of CSV and TSV files, as the programs of people write them."""

from __future__ import annotations

import csv
import re
from contextlib import suppress
from datetime import date, time, timedelta
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

from walead_async.errors import SourceError
from walead_async.files.columns import HEAD_ROWS, Header, Kind, Taken, find_header, not_one_word, undecided
from walead_async.files.encoding import RawLines, lines_of
from walead_async.models import Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

__all__ = ["DEFUSED", "TOTAL", "cell_rows", "delimited_rows", "is_total", "key_text", "reason_text", "undefused"]


def key_text(value: object, place: str) -> str:
    """The text of a cell that should hold an identifier, a number or an id. `place` names it in an error.

    Of a cell with a hyperlink it is the link's target. A whole number loses its decimal point. What a spreadsheet made
    a date or a truth value comes out as words that
    no identifier has, so that the row ends as invalid and says why. Raises `SourceError` for a list, an object or
    bytes that are no text.
    """
    if isinstance(value, str):
        return link_target(value) or value
    if value is None or value != value:
        return ""
    if isinstance(value, bool):
        return f"a truth value: {value}"
    if isinstance(value, (date, time, timedelta)):
        return f"a date or time: {value}"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise SourceError(f"{place}: bytes that are no UTF-8 text: write the column as text") from None
    raise SourceError(f"{place}: {type(value).__name__} where text should stand: give the row one identifier")


_FORMULA = re.compile(r"""\s*=\s*HYPERLINK\(\s*"((?:[^"]|"")+)".*\)\s*""", re.IGNORECASE | re.DOTALL).fullmatch
_CONSTANT = re.compile(r"""\s*=\s*"((?:[^"]|"")*)"\s*""").fullmatch
_ANCHOR = re.compile(
    r"""\s*<a\s[^>]*\bhref\s*=\s*["']?([^"'\s>]+)[^>]*>.*</a>\s*""", re.IGNORECASE | re.DOTALL
).fullmatch
_MARKDOWN = re.compile(r"\s*\[[^\]]*\]\(\s*<?([^)>\s]+)>?[^)]*\)\s*").fullmatch


def link_target(cell: str) -> str | None:
    """The target of a cell that is a hyperlink: a spreadsheet's formula, HTML or Markdown; None for any other cell.

    The text of a formula that is nothing but a text (="0041 44"), by which spreadsheets keep it as it is.
    """
    if not cell.endswith((")", ">", " ", "\n", '"')):
        return None
    found = _FORMULA(cell) or _CONSTANT(cell) or _ANCHOR(cell) or _MARKDOWN(cell)
    return found[1].replace('""', '"') if found else None


def _linked(cell: str) -> str:
    return link_target(cell) or cell


def cell_rows(line: int, cells: Sequence[str], reason: str | None) -> list[Row]:
    """A row for each filled cell of a line; one with an empty text if none is filled."""
    filled = cells if len(cells) == 1 else [cell for cell in cells if cell.strip()] or cells[:1]
    return [Row(line, cell, reason) for cell in filled]


_TOTAL = re.compile(r"\W*(?:grand |sub)?(?:totals?|sum|summe|gesamt|count|anzahl)\W*", re.IGNORECASE).fullmatch
TOTAL = "the foot of the table with a count, not a person: leave the row out"
#: A number of a person has at least so many digits.
SHORTEST_NUMBER = 7


def is_total(cells: Sequence[str], row: Iterable[object]) -> bool:
    """Whether this is the foot of a table: a count below the identifiers, and a word for it beside."""
    filled = [cell for cell in map(str.strip, cells) if cell]
    if not filled or not all(cell.isdigit() and len(cell) < SHORTEST_NUMBER for cell in filled):
        return False
    return any(isinstance(cell, str) and _TOTAL(cell) for cell in row)


def reason_text(value: object, place: str) -> str | None:
    """The text of a cell that holds a reason; None if it is empty, since an empty reason says nothing."""
    if isinstance(value, str):
        return value or None
    if isinstance(value, (bool, date, time, timedelta)):
        return str(value)
    return key_text(value, place) or None


#: A spreadsheet would run a cell that begins with one of these, so our exports put a ' before it, and before a '.
DEFUSED = ("=", "+", "-", "@", "'", "\t", "\r")

#: A cell may hold line ends, but a row that goes on for longer has an open quote, which swallows the rows after it.
MAX_ROW_LINES = 1000

_DELIMITERS = {".csv": ",;\t|", ".tsv": "\t"}
#: What Excel writes into the first line to tell itself the delimiter.
_HINT = re.compile(r"sep=([^\w\s\"]|\t)[\r\n]*", re.IGNORECASE).fullmatch


def delimited_rows(
    path: Path,
    kind: Kind,
    wanted: Sequence[str],
    encoding: str,
    taken: Taken = lambda _: None,
    raw: RawLines | None = None,
) -> Iterator[Row]:
    """The rows of a CSV or TSV file below its header. Raises `SourceError`.

    A blank line is no row; a line of delimiters alone is one, with an empty cell. The file is one of our own exports
    if it has exactly their header: then the quote that keeps spreadsheets from running a cell is taken off again.
    """
    with path.open(encoding=encoding, newline="") as file:
        lines = lines_of(file, str(path), raw)
        head = list(islice(lines, HEAD_ROWS))
        delimiters = _DELIMITERS[path.suffix.lower()]
        hint = _HINT(head[0]) if head else None
        if hint is not None:
            delimiters, head[0] = hint[1], "\n"
        delimiter, header = _layout(head, delimiters, kind, wanted, str(path))
        taken(header.names)
        found = _rows(_Lines(chain(head, lines), str(path)), delimiter, header, raw.ends if raw else None)
        yield from not_one_word(found, kind, str(path), lambda: header.bare)


def _layout(head: Sequence[str], delimiters: str, kind: Kind, wanted: Sequence[str], file: str) -> tuple[str, Header]:
    """Which delimiter the file has, and its header: the delimiter that finds one, with most columns."""
    layouts: list[tuple[str, Header]] = []
    widest: list[list[str]] = []
    for delimiter in delimiters:
        rows = _head_rows(head, delimiter)
        widest = max(widest, rows, key=lambda found: max(map(len, found), default=0))
        header = find_header(rows, kind, wanted, file)
        if header is not None:
            layouts.append((delimiter, header))
    with_header = [layout for layout in layouts if layout[1].row >= 0]
    if with_header:
        return max(with_header, key=lambda layout: layout[1].width)
    if len(layouts) == len(delimiters) or not widest:
        return delimiters[0], Header(-1, (0,), None, 1, False)
    raise undecided(widest, kind, wanted, file)


def _head_rows(head: Iterable[str], delimiter: str) -> list[list[str]]:
    rows: list[list[str]] = []
    with suppress(csv.Error):
        rows.extend(row for row in csv.reader(head, delimiter=delimiter) if not _blank(row))
    return rows


def _rows(lines: _Lines, delimiter: str, header: Header, ends: dict[int, int] | None) -> Iterator[Row]:
    """Read strictly: a quote out of place would otherwise join rows without a word."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    keys, reason, width, own = header.keys, header.reason, header.width, header.own
    title: list[str] | None = None
    marks: frozenset[str] = frozenset()
    plain, plain_reason = (undefused, undefused) if own else (_linked, str)
    lines.may_hold_nul = own
    above = header.row
    while True:
        line = lines.row_begins()
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise SourceError.at_end(f"{lines.name}, line {line}: {_in_words(error)}", line) from None
        if row is None:
            return
        if _blank(row):
            continue
        if ends is not None and lines.given > line:
            ends[line] = lines.given
        if above >= 0:
            above -= 1
            title = row
            if above < 0 and not own:
                marks = _marks([row[key] for key in keys])
            continue
        if title is not None and row[-1] == title[-1] and [row[0].removeprefix("\ufeff"), *row[1:]] == title:
            # files that were joined
            continue
        if len(row) > width and any(row[width:]):
            problem = (
                f"{len(row)} cells where the header has {width}, which leaves open which is which: put the cell that "
                f"holds {delimiter!r} into quotes"
            )
            yield Row(line, delimiter.join(row), None, problem)
            continue
        if not marks.isdisjoint(row) and marks.isdisjoint(row[key] for key in keys if key < len(row)):
            raise SourceError(
                f"{lines.name}, line {line}: another header, with its columns in other places: files were joined that "
                "differ; give each by itself"
            )
        why = row[reason] if reason is not None and reason < len(row) else ""
        cells = [plain(row[key]) if key < len(row) else "" for key in keys]
        if cells[0][:1].isdigit() and not own and is_total(cells, row):
            yield Row(line, delimiter.join(row), None, TOTAL)
            continue
        yield from cell_rows(line, cells, plain_reason(why) or None)


def _marks(names: Sequence[str]) -> frozenset[str]:
    """By what a header is known in the middle of a file: names of several words, which no other cell holds."""
    several = [name for name in names if len(re.findall(r"[A-Za-z]+", name)) > 1]
    return frozenset(mark + name for name in several for mark in ("", "\ufeff"))


class _Lines:
    """Lines for the CSV reader that count themselves and end a row that goes on and on."""

    def __init__(self, lines: Iterator[str], name: str) -> None:
        self.name = name
        self.may_hold_nul = False
        self._lines = lines
        #: How many lines were given out.
        self.given = 0
        self._row = 1

    def row_begins(self) -> int:
        """A new row begins: return the number of its first line."""
        self._row = self.given + 1
        return self._row

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.given += 1
        if self.given - self._row >= MAX_ROW_LINES:
            raise SourceError.at_end(
                f"{self.name}, line {self._row}: a quote that opens here is not closed within {MAX_ROW_LINES:,} lines: "
                'close it, or write "" for a quote inside a cell',
                self._row,
            )
        if "\0" in line and not self.may_hold_nul:
            raise SourceError.at_end(
                f"{self.name}, line {self.given}: NUL characters: the file is damaged or no text; export it again",
                self.given,
            )
        return line


def _in_words(error: csv.Error) -> str:
    """What the CSV reader found, as people would say it."""
    if "unexpected end" in str(error):
        return 'a quote that opens here is never closed: close it, or write "" for a quote inside a cell'
    if "field limit" in str(error):
        return "a cell too long to be true: a quote that opens here is probably never closed"
    return f'not proper CSV ({error}): put the cell into quotes and write "" for a quote inside it'


def _blank(row: Sequence[str]) -> bool:
    """A line that holds nothing is no row; a quoted empty cell is one."""
    return not row or (len(row) == 1 and row[0].isspace())


def undefused(cell: str) -> str:
    """A cell of an export without the ' that keeps a spreadsheet from running it."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(DEFUSED) else cell
