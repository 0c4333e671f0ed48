"""Cursors: they come back as they were, or are refused."""

from __future__ import annotations

import base64
import zlib
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moving_list import MovingList, at, reader_for

from walead_async.errors import InvalidInputError
from walead_async.paging.cursor import Mark, read_cursor, write_cursor

MARK = Mark(date=at(5), ids=["a", "ü"], offset=7, position=9, yielded=10, longest=100, changed="moved")

marks = st.builds(
    Mark,
    date=st.none() | st.datetimes(timezones=st.just(UTC)),
    ids=st.lists(st.text(st.characters(exclude_categories=["Cs"]))),
    offset=st.integers(0, 2**40),
    position=st.integers(-1, 2**40),
    yielded=st.integers(0, 2**40),
    longest=st.integers(0, 2**20),
    changed=st.none() | st.just("moved"),
    doubt=st.none() | st.just("cut"),
)


@given(marks)
def test_a_mark_comes_back_as_it_was(mark: Mark) -> None:
    assert read_cursor(write_cursor(mark, "/leads"), "/leads") == mark


def test_a_cursor_is_short_and_fit_for_a_url() -> None:
    cursor = write_cursor(MARK, "/leads")
    assert len(cursor) < 150
    assert cursor.replace("-", "").replace("_", "").replace(".", "").isalnum()


def test_a_large_tie_group_is_kept_whole() -> None:
    ids = [f"record-{number}" for number in range(5_000)]
    cursor = write_cursor(MARK._replace(ids=ids), "/leads")
    assert len(cursor) < 40_000
    assert read_cursor(cursor, "/leads").ids == ids


@pytest.mark.parametrize("position", range(len(write_cursor(MARK, "/leads"))))
def test_a_cursor_with_any_character_changed_is_refused(position: int) -> None:
    cursor = write_cursor(MARK, "/leads")
    other = "A" if cursor[position] != "A" else "B"
    with pytest.raises(InvalidInputError):
        read_cursor(cursor[:position] + other + cursor[position + 1 :], "/leads")


@pytest.mark.parametrize("text", ["", "w2.", "w2.AAAA", "w1.AAAA", "nonsense", "w2." + "A" * 100, "w2.ü", "w2.\ud800"])
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match=r"resume|damaged"):
        read_cursor(text, "/leads")


def test_a_cursor_cut_short_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="damaged"):
        read_cursor(write_cursor(MARK, "/leads")[:-4], "/leads")


def test_a_cursor_of_another_list_is_refused_as_such() -> None:
    with pytest.raises(InvalidInputError, match="another list"):
        read_cursor(write_cursor(MARK, "/leads ASC"), "/leads DESC")


@pytest.mark.parametrize("value", [5, b"w2.", None, ["w2."]])
def test_a_cursor_is_text(value: object) -> None:
    with pytest.raises(InvalidInputError, match="a text, not"):
        read_cursor(value, "/leads")


def test_an_identifier_cannot_be_read_in_the_cursor_of_a_campaign() -> None:
    reader = reader_for("NAMED")
    reader.process_page(reader.first[0], MovingList(range(3)).records)
    mark = reader.mark()
    assert mark is not None
    packed = base64.urlsafe_b64decode(write_cursor(mark, "/leads")[3:] + "==")
    assert b"r1" not in zlib.decompress(packed[8:-8])
