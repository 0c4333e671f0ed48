from __future__ import annotations

from datetime import date, datetime

import pytest

from walead_async.errors import InvalidInputError, SourceError
from walead_async.files.delimited import key_text, reason_text
from walead_async.identifiers import public_identifier


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("john-doe", "john-doe"),
        (" john ", " john "),
        (None, ""),
        (float("nan"), ""),
        (14155550123, "14155550123"),
        (14155550123.0, "14155550123"),
        (b"john-doe", "john-doe"),
    ],
)
def test_a_cell_becomes_the_text_that_was_typed(cell: object, text: str) -> None:
    assert key_text(cell, "f, line 2") == text


@pytest.mark.parametrize("cell", [True, date(2024, 3, 1), datetime(2024, 3, 1)])
def test_what_a_spreadsheet_made_of_a_cell_is_no_person(cell: object) -> None:
    text = key_text(cell, "f, line 2")
    with pytest.raises(InvalidInputError):
        public_identifier(text)


@pytest.mark.parametrize("cell", [["john"], {"a": 1}])
def test_a_list_in_a_cell_is_an_error_that_names_the_place(cell: object) -> None:
    with pytest.raises(SourceError, match=r"f, line 2: (list|dict) where text should stand"):
        key_text(cell, "f, line 2")


def test_bytes_that_are_no_text_are_an_error() -> None:
    with pytest.raises(SourceError, match="f, line 2: bytes"):
        key_text(b"\xff", "f, line 2")


def test_an_empty_reason_is_none() -> None:
    assert [reason_text(cell, "f") for cell in ("", None, "asked", " ", 5, date(2024, 3, 1))] == [
        None,
        None,
        "asked",
        " ",
        "5",
        "2024-03-01",
    ]
