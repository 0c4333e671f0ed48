"""A contact file before it is used: its rows whose person is not blocked, or those whose is, in its own format."""

from __future__ import annotations

import asyncio
import codecs
from collections.abc import Iterable
from contextlib import closing, suppress
from datetime import date, datetime, time, timedelta
from itertools import islice, takewhile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, TypeAlias, get_args

import attrs

from walead_async.errors import InvalidInputError, SourceError
from walead_async.files.columns import EVERY
from walead_async.files.encoding import RawLines
from walead_async.files.export import Sink, beside, put_in_place, told
from walead_async.files.sources import PARQUET_BATCH, filled_sheet, library_for, rows_of_file
from walead_async.paging.index import BlockIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Sequence

    from walead_async.models import Row

__all__ = ["FilterReport", "Keep", "filter_file"]

#: Which rows go to the output: those whose person is not blocked, or those whose person is.
Keep: TypeAlias = Literal["free", "blocked"]
KINDS = ("lead", "number")

#: How many cells are looked up at once; in between, other tasks have their turn.
BATCH = 250
#: How many rows that cannot be read a report names.
NAMED = 20


@attrs.frozen
class FilterReport:
    """What became of the rows of a contact file.

    Of its `rows`, so many are `blocked`, so many `unreadable`, and so many were `kept`. `problems` are the first 20
    that are unreadable, each with its line and what is wrong with it.
    """

    rows: int
    kept: int
    blocked: int
    unreadable: int
    problems: tuple[Row, ...] = ()


async def filter_file(
    source: str | Path,
    output: str | Path,
    index: BlockIndex | Iterable[BlockIndex],
    *,
    kind: Literal["lead", "number"] = "lead",
    column: str | Sequence[str] | None = None,
    encoding: str | None = None,
    keep: Keep = "free",
    progress: Callable[[int], object] | None = None,
) -> FilterReport:
    """Write the rows of `source` whose person is not blocked to `output`, in its own format; with `keep` the others.

    `index` says who is blocked: that of the workspace or of a campaign for people, for phone numbers (`kind="number"`)
    that of a voice agent, or several, any of which may hold a number. A row is blocked if any of its columns with
    people or numbers is, which are found by their headers, or named by `column`. A row that cannot be read, or that
    names nobody, is in doubt: it is kept out in either case, and named in the report.

    In a text file (.csv, .tsv, .txt, .jsonl) what stays, stays byte for byte: header, notes, delimiters, quotes, line
    ends, encoding and order. A Parquet file keeps its columns and types. Of an Excel workbook stay the values of the
    one filled sheet with their types and links, not formulas and formats. Memory is bounded but for .xlsx. `encoding`
    is that of a text file, if it is not plain; `progress` is called with the number of rows that are done.

    `output` has the suffix of `source`, gets mode 0600, and stands in its place only when it is whole: an error or a
    cancellation leaves what was there before.

    Raises `SourceError` for a source without a usable column, or that cannot be read to its end, and for an output that
    cannot be written; `InvalidInputError` for a wrong argument; `ConfigurationError` where the extra `[files]` is
    missing.
    """
    indexes = [index] if isinstance(index, BlockIndex) else list(index) if isinstance(index, Iterable) else []
    if not indexes or not all(isinstance(each, BlockIndex) for each in indexes):
        raise InvalidInputError("filter_file takes a BlockIndex, or several: await session.blocked_leads.index()")
    if kind not in KINDS or keep not in get_args(Keep):
        raise InvalidInputError(f"kind is 'lead' or 'number', keep is 'free' or 'blocked', not {kind!r} and {keep!r}")
    source, output = Path(source), Path(output)
    suffix = source.suffix.lower()
    if output.suffix.lower() != suffix:
        raise InvalidInputError(f"{output}: the rows keep the format of {source}: give it the suffix {suffix}")
    wanted = (column,) if isinstance(column, str) else tuple(column or ()) or EVERY
    raw = RawLines()
    rows = _Rows(indexes, keep)
    decided = rows.decide(rows_of_file(source, kind, wanted, encoding, raw))
    # what is wrong with the whole file shows before anything is written
    batch = next(decided, None)
    with suppress(OSError):
        if source.samefile(output):
            raise InvalidInputError(f"{output}: this is the source itself: give the output another name")
    with beside(output) as (file, unfinished), closing(_writer(suffix, source, file, unfinished.parent, raw)) as writer:
        while batch is not None:
            with told(output):
                writer.take(batch)
            if progress is not None:
                progress(rows.count)
            await asyncio.sleep(0)
            batch = next(decided, None)
        with told(output):
            writer.end()
            put_in_place(file, unfinished, output)
    return rows.report()


class _Decided(NamedTuple):
    """What was decided about the next rows, to the one that begins in the line `upto`.

    Those that begin in the lines `gone` stay out of the output; all others go there, with what is no row.
    """

    upto: int
    gone: Sequence[int]


class _Rows:
    """Decides about the rows of a file, and counts them."""

    def __init__(self, indexes: Sequence[BlockIndex], keep: Keep) -> None:
        self._indexes = indexes
        self._keeps_blocked = keep == "blocked"
        self.count = self._gone = self._blocked = self._unreadable = 0
        self._problems: list[Row] = []

    def report(self) -> FilterReport:
        """What became of all rows."""
        kept = self.count - self._gone
        return FilterReport(self.count, kept, self._blocked, self._unreadable, tuple(self._problems))

    def decide(self, rows: Iterator[Row]) -> Iterator[_Decided]:
        """Decide row by row, many at once. Several cells of one row follow each other, and count together."""
        line, blocked, problem = 0, False, None
        while cells := list(islice(rows, BATCH)):
            decided, gone = 0, []
            for cell, found in zip(cells, self._look_up(cells), strict=True):
                if (here := cell.line) != line:
                    if line:
                        decided = line
                        if not self._keeps(problem, blocked=blocked):
                            gone.append(line)
                    line, blocked, problem = here, False, None
                if found is True:
                    blocked = True
                elif found is not False and problem is None:
                    problem = cell._replace(problem=cell.problem or str(found))
            self._gone += len(gone)
            if decided:
                yield _Decided(decided, gone)
        if line:
            keep = self._keeps(problem, blocked=blocked)
            self._gone += not keep
            yield _Decided(line, () if keep else (line,))

    def _look_up(self, cells: Sequence[Row]) -> Sequence[bool | InvalidInputError]:
        texts = [cell.text if cell.problem is None else None for cell in cells]
        found = self._indexes[0].look_up(texts)
        for index in self._indexes[1:]:
            found = [other if other is True else one for one, other in zip(found, index.look_up(texts), strict=True)]
        return found

    def _keeps(self, problem: Row | None, *, blocked: bool) -> bool:
        """Whether a row goes to the output; one of which a cell cannot be read only if another one shows it blocked."""
        self.count += 1
        if blocked:
            self._blocked += 1
            return self._keeps_blocked
        if problem is None:
            return not self._keeps_blocked
        self._unreadable += 1
        if len(self._problems) < NAMED:
            self._problems.append(problem)
        return False


class _Writer(Protocol):
    """Writes the rows of a source that go to the output, and all that is no row."""

    def take(self, decided: _Decided) -> None:
        """Go on to the end of the last of these rows."""
        ...

    def end(self) -> None:
        """Write what follows the last row, and the end of the format."""
        ...

    def close(self) -> None:
        """Let go of what is held, whether the output is whole or not."""
        ...


def _writer(suffix: str, source: Path, file: IO[bytes], folder: Path, raw: RawLines) -> _Writer:
    if suffix == ".parquet":
        return _Parquet(source, file)
    return _Xlsx(source, file, folder) if suffix == ".xlsx" else _Text(source, file, raw)


class _Text:
    """Lines, byte by byte: what is written is compared with what stands in the source."""

    def __init__(self, source: Path, file: IO[bytes], raw: RawLines) -> None:
        self._name = str(source)
        self._source = source.open("rb")
        self._file = file
        self._lines, self._ends = raw.lines, raw.ends
        self._line = 0
        bom, self._codec = _bom_and_codec(raw.encoding, self._source.read(4))
        self._source.seek(len(bom))
        self._file.write(bom)

    def take(self, decided: _Decided) -> None:
        before, ends = self._line, self._ends
        self._line = ends.get(decided.upto, decided.upto)
        next_line = self._lines.popleft
        every = [next_line() for _ in range(self._line - before)]
        kept: list[str] = []
        position = 0
        for first in decided.gone:
            kept += every[position : first - 1 - before]
            position = ends.get(first, first) - before
        kept += every[position:]
        for first in list(takewhile(self._line.__ge__, ends)):
            del ends[first]
        self._write(every, kept)

    def end(self) -> None:
        every = list(self._lines)
        self._write(every, every)
        if self._source.read(1):
            raise self._other_bytes()
        self._file.flush()

    def close(self) -> None:
        self._source.close()

    def _write(self, every: Sequence[str], kept: Sequence[str]) -> None:
        try:
            read = "".join(every).encode(self._codec)
        except UnicodeEncodeError:
            raise self._other_bytes() from None
        if self._source.read(len(read)) != read:
            raise self._other_bytes()
        self._file.write(read if len(kept) == len(every) else "".join(kept).encode(self._codec))

    def _other_bytes(self) -> SourceError:
        return SourceError(
            f"{self._name}: before line {self._line + 1} it is not as {self._codec} writes it, or it was changed "
            "meanwhile, so that its rows cannot be written as they stand: save it as UTF-8"
        )


def _bom_and_codec(encoding: str, start: bytes) -> tuple[bytes, str]:
    """The byte order mark at the start of a file, and the codec of what follows it."""
    if encoding == "utf-8-sig":
        return codecs.BOM_UTF8 if start.startswith(codecs.BOM_UTF8) else b"", "utf-8"
    if encoding not in {"utf-16", "utf-32"}:
        return b"", encoding
    little, big = (
        (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        if encoding == "utf-16"
        else (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
    )
    if start.startswith(big):
        return big, f"{encoding}-be"
    return little if start.startswith(little) else b"", f"{encoding}-le"


class _Parquet:
    """Record batches without the rows that are left out, with the schema and the compression of the source."""

    def __init__(self, source: Path, file: IO[bytes]) -> None:
        arrow = library_for(".parquet", "pyarrow")
        parquet = library_for(".parquet", "pyarrow.parquet")
        self._name = str(source)
        self._failure: type[Exception] = arrow.ArrowException
        self._mask: Any = arrow.array
        self._boolean = arrow.bool_()
        self._file = parquet.ParquetFile(source)
        metadata = self._file.metadata
        groups = metadata.num_row_groups and metadata.num_columns
        compression = metadata.row_group(0).column(0).compression if groups else "snappy"
        self._writer = parquet.ParquetWriter(
            file, self._file.schema_arrow, compression="none" if compression == "UNCOMPRESSED" else compression.lower()
        )
        self._batches = self._file.iter_batches(PARQUET_BATCH)
        self._keeps: list[bool] = []
        self._line = 0
        self._batch: Any = None

    def take(self, decided: _Decided) -> None:
        gone = set(decided.gone)
        self._keeps += [line not in gone for line in range(self._line + 1, decided.upto + 1)]
        self._line = decided.upto
        while self._keeps:
            if self._batch is None:
                self._batch = self._next_batch()
            rows = self._batch.num_rows
            if len(self._keeps) < rows:
                return
            keeps, self._keeps = self._keeps[:rows], self._keeps[rows:]
            try:
                self._writer.write_batch(self._batch.filter(self._mask(keeps, self._boolean)))
            except self._failure as error:
                raise self._told(error) from None
            self._batch = None

    def _next_batch(self) -> Any:
        try:
            return next(self._batches)
        except (self._failure, OSError) as error:
            raise self._told(error) from None

    def _told(self, error: Exception) -> SourceError:
        return SourceError(f"{self._name}: a column of it cannot be taken over ({error}): write the file again")

    def end(self) -> None:
        self._writer.close()

    def close(self) -> None:
        self._file.close()
        with suppress(OSError):
            self._writer.close()


#: How Excel shows what it holds as numbers, by what they are.
_SHOWN = ((datetime, "yyyy-mm-dd hh:mm:ss"), (date, "yyyy-mm-dd"), (time, "hh:mm:ss"), (timedelta, "[h]:mm:ss"))


class _Xlsx:
    """The rows of the one filled sheet, moved up over those that are left out."""

    def __init__(self, source: Path, file: IO[bytes], folder: Path) -> None:
        from walead_async.files.hyperlinks import hyperlinks

        calamine = library_for(".xlsx", "python_calamine")
        library = library_for(".xlsx", "xlsxwriter")
        self._name = str(source)
        self._failure: type[Exception] = library.exceptions.XlsxWriterException
        with calamine.CalamineWorkbook.from_path(source) as book:
            sheet = filled_sheet(book, calamine, str(source))
            self._rows = enumerate(sheet.iter_rows() if sheet.height else (), 1)
            self._links = hyperlinks(source, sheet.name)
        self._sink = Sink(file)
        self._book: Any = library.Workbook(self._sink, {"constant_memory": True, "tmpdir": str(folder)})
        self._book.use_zip64()
        self._formats = [(kind, self._book.add_format({"num_format": shown})) for kind, shown in _SHOWN]
        self._sheet = self._book.add_worksheet(sheet.name)
        self._line = self._written = 0

    def take(self, decided: _Decided) -> None:
        self._copy(decided.upto, set(decided.gone))

    def end(self) -> None:
        self._copy(None, ())
        try:
            self._book.close()
        except self._failure as error:
            raise OSError(str(error)) from None

    def close(self) -> None:
        self._book.fileclosed = self._sink.closed = True
        with suppress(OSError, AttributeError):
            self._sheet.row_data_fh.close()

    def _copy(self, upto: int | None, gone: Container[int]) -> None:
        """Copy the lines up to this one, or all that are left, without those that are gone."""
        while upto is None or self._line < upto:
            if (found := next(self._rows, None)) is None:
                return
            self._line, row = found
            if self._line not in gone:
                self._write(self._line, row)

    def _write(self, line: int, row: Sequence[object]) -> None:
        sheet, at = self._sheet, self._written
        self._written += 1
        for column, cell in enumerate(row):
            link = self._links.get((line, column + 1))
            if cell == "" and link is None:
                continue
            if link is not None:
                done = sheet.write_url(at, column, link, string=str(cell) or link)
            elif isinstance(cell, str):
                done = sheet.write_string(at, column, cell)
            elif isinstance(cell, bool):
                done = sheet.write_boolean(at, column, cell)
            elif isinstance(cell, (int, float)):
                done = sheet.write_number(at, column, cell)
            else:
                form = next(form for kind, form in self._formats if isinstance(cell, kind))
                done = sheet.write_datetime(at, column, cell, form)
            if done:
                raise SourceError(f"{self._name}, line {line}: a cell that cannot be written: save the list as .csv")
