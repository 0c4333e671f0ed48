"""Rows out of Excel and Parquet files."""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING

from walead_async.errors import SourceError
from walead_async.jobs.columns import HEAD_ROWS, find_header, known_columns, undecided
from walead_async.jobs.libraries import library_for
from walead_async.jobs.rows import Row, key_text, reason_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import ModuleType

    from python_calamine import CalamineWorkbook

    from walead_async.jobs.columns import Kind

__all__ = ["parquet_rows", "xlsx_rows"]

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
