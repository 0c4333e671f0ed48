from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from walead_async.errors import SourceError
from walead_async.files.sources import parquet_rows, xlsx_rows
from walead_async.models import Row

if TYPE_CHECKING:
    from pathlib import Path


def workbook(path: Path, *sheets: list[list[object]], hidden: tuple[int, ...] = ()) -> Path:
    book = xlsxwriter.Workbook(str(path))
    for at, rows in enumerate(sheets):
        sheet = book.add_worksheet()
        if at in hidden:
            sheet.hide()
        for number, row in enumerate(rows):
            for column, cell in enumerate(row):
                if isinstance(cell, datetime):
                    sheet.write_datetime(number, column, cell, book.add_format({"num_format": "yyyy-mm-dd"}))
                elif cell is not None:
                    sheet.write(number, column, cell)
    book.close()
    return path


@pytest.fixture
def xlsx(tmp_path: Path) -> Path:
    return tmp_path / "leads.xlsx"


@pytest.fixture
def parquet(tmp_path: Path) -> Path:
    return tmp_path / "leads.parquet"


def test_a_workbook_is_read_by_its_header(xlsx: Path) -> None:
    workbook(
        xlsx,
        [
            ["Contacts of today"],
            [],
            ["Name", "LinkedIn URL", "Reason"],
            ["John", "https://www.linkedin.com/in/john-doe", "asked"],
            [],
            ["Jane", None, None],
            ["Müller", "jürgen-müller", 5],
        ],
    )
    assert list(xlsx_rows(xlsx, "lead", [])) == [
        Row(4, "https://www.linkedin.com/in/john-doe", "asked"),
        Row(6, ""),
        Row(7, "jürgen-müller", "5"),
    ]


def test_a_cell_with_a_hyperlink_is_its_target(xlsx: Path) -> None:
    book = xlsxwriter.Workbook(str(xlsx))
    book.add_worksheet("Empty")
    sheet = book.add_worksheet("People & others")
    sheet.write_row(0, 0, ["Name", "LinkedIn URL", "Phone"])
    sheet.write_row(1, 0, ["John", "", "+1"])
    sheet.write_url(1, 1, "https://www.linkedin.com/in/john", string="Profile")
    sheet.write_row(2, 0, ["Jane", "", "+2"])
    sheet.write_formula(2, 1, '=HYPERLINK("https://www.linkedin.com/in/jane","Profile")', value="Profile")
    sheet.write_row(3, 0, ["Jack", "jack", "+3"])
    sheet.write_url(3, 2, "https://example.com", string="+3")
    sheet.write_row(4, 0, ["Name", "LinkedIn URL", "Phone"])
    book.close()
    assert list(xlsx_rows(xlsx, "lead", [])) == [
        Row(2, "https://www.linkedin.com/in/john"),
        Row(3, "https://www.linkedin.com/in/jane"),
        Row(4, "jack"),
    ]
    assert [row.text for row in xlsx_rows(xlsx, "number", [])] == ["+1", "+2", "+3"]


def test_a_number_keeps_its_digits(xlsx: Path) -> None:
    workbook(xlsx, [["Phone"], [14155550123], ["+14155550124"]])
    assert [row.text for row in xlsx_rows(xlsx, "number", [])] == ["14155550123", "+14155550124"]


def test_a_date_that_excel_made_of_a_name_is_told(xlsx: Path) -> None:
    workbook(xlsx, [["url"], [datetime(2024, 3, 1)]])
    assert [row.text for row in xlsx_rows(xlsx, "lead", [])] == ["a date or time: 2024-03-01"]


def test_a_sheet_of_one_column_needs_no_header(xlsx: Path) -> None:
    workbook(xlsx, [["john-doe"], ["jane-smith"]])
    assert list(xlsx_rows(xlsx, "lead", [])) == [Row(1, "john-doe"), Row(2, "jane-smith")]


def test_an_empty_workbook_has_no_rows(xlsx: Path) -> None:
    assert list(xlsx_rows(workbook(xlsx, []), "lead", None)) == []


def test_two_filled_sheets_are_an_error_and_a_hidden_one_is_not(xlsx: Path) -> None:
    workbook(xlsx, [["url"], ["john"]], [["url"], ["jane"]])
    with pytest.raises(SourceError, match="'Sheet1', 'Sheet2' all hold cells"):
        list(xlsx_rows(xlsx, "lead", []))
    workbook(xlsx, [["url"], ["john"]], [["x"]], [], hidden=(1,))
    assert list(xlsx_rows(xlsx, "lead", [])) == [Row(2, "john")]


def test_a_workbook_whose_column_cannot_be_told_is_an_error(xlsx: Path) -> None:
    workbook(xlsx, [["Name", "Contact"], ["John", "john-doe"]])
    with pytest.raises(SourceError, match=r"leads\.xlsx: no column .* 'Name', 'Contact'"):
        list(xlsx_rows(xlsx, "lead", []))
    assert list(xlsx_rows(xlsx, "lead", ["Contact"])) == [Row(2, "john-doe")]


@pytest.mark.parametrize("share", [0, 0.3, 0.9])
def test_a_damaged_workbook_is_an_error(xlsx: Path, share: float) -> None:
    whole = workbook(xlsx, [["url"], ["john"]]).read_bytes()
    xlsx.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(SourceError, match="not a readable workbook"):
        list(xlsx_rows(xlsx, "lead", []))


def test_a_parquet_file_is_read_by_its_columns(parquet: Path) -> None:
    table = pa.table(
        {
            "name": ["John", "Jane", "Jack"],
            "public.identifier": pa.array(["john-doe", None, "jack"]).dictionary_encode(),
            "Reason": ["asked", None, ""],
        }
    )
    pq.write_table(table, parquet)
    assert list(parquet_rows(parquet, "lead", [])) == [Row(1, "john-doe", "asked"), Row(2, ""), Row(3, "jack")]


def test_numbers_in_a_parquet_file_keep_their_digits(parquet: Path) -> None:
    pq.write_table(pa.table({"phone": [14155550123, 110]}), parquet)
    assert [row.text for row in parquet_rows(parquet, "number", [])] == ["14155550123", "110"]


def test_a_parquet_file_whose_column_cannot_be_told_is_an_error(parquet: Path) -> None:
    pq.write_table(pa.table({"name": ["John"], "contact": ["john-doe"]}), parquet)
    with pytest.raises(SourceError, match=r"no column .* 'name', 'contact'"):
        list(parquet_rows(parquet, "lead", []))


def test_a_column_of_lists_is_an_error_that_names_the_row(parquet: Path) -> None:
    pq.write_table(pa.table({"url": [["john-doe"]]}), parquet)
    with pytest.raises(SourceError, match="row 1: list where text should stand"):
        list(parquet_rows(parquet, "lead", []))


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + b"x" * 100 + b"PAR1"])
def test_a_damaged_parquet_file_is_an_error(parquet: Path, content: bytes) -> None:
    parquet.write_bytes(content)
    with pytest.raises(SourceError, match="not a readable Parquet file"):
        list(parquet_rows(parquet, "lead", []))
