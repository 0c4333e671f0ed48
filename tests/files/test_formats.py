from __future__ import annotations

import errno
import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import orjson
import pyarrow.parquet as pq
import pytest

from walead_async.errors import InvalidInputError
from walead_async.files.export import EXCEL_CELL, FORMATS, PARQUET_GROUP, Csv, Format, JsonLines, Parquet, Xlsx
from walead_async.models import BlockedLead

if TYPE_CHECKING:
    from pathlib import Path

WHEN = datetime(2023, 11, 7, 5, 31, 56, 123456, tzinfo=UTC)


def lead(identifier: str = "john-doe", reason: str | None = "asked", id: str = "r1") -> BlockedLead:
    return BlockedLead(id, identifier, reason, WHEN, "w1")


def written(form: type[Format], folder: Path, *records: BlockedLead) -> bytes:
    file = io.BytesIO()
    out = form(file, folder)
    out.write(records)
    out.end()
    out.close()
    return file.getvalue()


def test_csv_has_the_columns_of_the_contract_and_runs_in_no_spreadsheet(tmp_path: Path) -> None:
    records = [
        lead(),
        lead("=1+1", "+1"),
        lead("-a", "@a"),
        lead("'a", "\ta"),
        lead("\ra", None),
        lead('a"b', "a,b\nc"),
    ]
    assert written(Csv, tmp_path, *records).decode() == (
        "id,public_identifier,reason,created_at,workspace_id\r\n"
        "r1,john-doe,asked,2023-11-07T05:31:56.123456+00:00,w1\r\n"
        "r1,'=1+1,'+1,2023-11-07T05:31:56.123456+00:00,w1\r\n"
        "r1,'-a,'@a,2023-11-07T05:31:56.123456+00:00,w1\r\n"
        "r1,''a,'\ta,2023-11-07T05:31:56.123456+00:00,w1\r\n"
        'r1,"\'\ra",,2023-11-07T05:31:56.123456+00:00,w1\r\n'
        'r1,"a""b","a,b\nc",2023-11-07T05:31:56.123456+00:00,w1\r\n'
    )


def test_json_lines_keep_none_and_an_empty_reason_apart(tmp_path: Path) -> None:
    lines = written(JsonLines, tmp_path, lead(reason=None), lead(reason="")).splitlines()
    assert [orjson.loads(line) for line in lines] == [
        {
            "id": "r1",
            "public_identifier": "john-doe",
            "reason": reason,
            "created_at": "2023-11-07T05:31:56.123456+00:00",
            "workspace_id": "w1",
        }
        for reason in (None, "")
    ]


def test_parquet_has_texts_and_a_time_in_utc(tmp_path: Path) -> None:
    content = written(Parquet, tmp_path, lead(), lead(reason=None))
    table = pq.read_table(io.BytesIO(content))
    assert {field.name: str(field.type) for field in table.schema} == {
        "id": "string",
        "public_identifier": "string",
        "reason": "string",
        "created_at": "timestamp[us, tz=UTC]",
        "workspace_id": "string",
    }
    assert table.column("created_at").to_pylist() == [WHEN, WHEN]
    assert table.column("reason").to_pylist() == ["asked", None]


def test_parquet_is_written_a_row_group_at_a_time(tmp_path: Path) -> None:
    content = written(Parquet, tmp_path, *[lead()] * PARQUET_GROUP, *[lead()] * 10)
    file = pq.ParquetFile(io.BytesIO(content))
    assert file.metadata.num_rows == PARQUET_GROUP + 10


def test_excel_takes_as_many_rows_as_it_holds_and_no_more(tmp_path: Path) -> None:
    out = Xlsx(io.BytesIO(), tmp_path, most_rows=3)
    out.write([lead(), lead()])
    with pytest.raises(InvalidInputError, match=r"at most 3 rows: export as \.csv or \.parquet"):
        out.write([lead()])
    out.close()


@pytest.mark.parametrize("reason", ["x" * (EXCEL_CELL + 1), "🚀" * (EXCEL_CELL // 2 + 1), "a\ufffeb", "a\uffff"])
def test_a_cell_that_excel_would_cut_is_refused(tmp_path: Path, reason: str) -> None:
    out = Xlsx(io.BytesIO(), tmp_path)
    out.write([lead(reason="x" * EXCEL_CELL), lead(reason="🚀" * (EXCEL_CELL // 2))])
    with pytest.raises(InvalidInputError, match=r"record 3: \.xlsx cannot hold its reason"):
        out.write([lead(reason=reason)])
    out.close()


class FullDisk(io.BytesIO):
    """A file on a disk with little room."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room

    def write(self, piece: bytes, /) -> int:  # type: ignore[override]  # BytesIO takes any buffer
        self.room -= len(piece)
        if self.room < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(piece)


@pytest.mark.parametrize("room", [0, 100, 500])
@pytest.mark.parametrize("form", FORMATS.values())
def test_a_full_disk_is_an_error_of_the_system_and_leaves_nothing_behind(
    form: type[Format], room: int, tmp_path: Path
) -> None:
    file = FullDisk(room)
    with pytest.raises(OSError, match="No space left"):
        fill(form, file, tmp_path)
    file.close()


def fill(form: type[Format], file: FullDisk, folder: Path) -> None:
    out = form(file, folder)
    try:
        out.write([lead()] * 100)
        out.end()
    finally:
        out.close()
