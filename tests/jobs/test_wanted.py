"""The rows of a source as people, each once, and the rows that are none."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import pytest
from job_files import Files

from walead_async.errors import InvalidInputError, JournalError, SourceError
from walead_async.files import rows
from walead_async.files.encoding import ends_with_line_end
from walead_async.identifiers import public_identifier
from walead_async.jobs.parts import PARTS, SEPARATOR, Spill, decoded, encoded, escaped, part_of, unescaped
from walead_async.jobs.values import InvalidRow
from walead_async.jobs.wanted import RejectedRows, Source, people


def line_of(text: str, reason: str | None) -> tuple[bytes, bytes]:
    key = public_identifier(text).encode()
    return key, key if reason is None else key + SEPARATOR + escaped(reason).encode()


def read(path: Path) -> Source:
    """A source that was read whole; its temporary file is closed."""
    with Source(rows(path), line_of, Spill()) as source:
        while source.read():
            pass
        source.found = dict(chain.from_iterable(source.part(part)[0].items() for part in range(PARTS)))  # type: ignore[attr-defined]
    return source


def test_a_person_who_stands_there_twice_is_one_with_the_first_reason_that_is_not_empty(files: Files) -> None:
    path = files.text(
        "public_identifier,reason\njane,\nhttps://www.linkedin.com/in/JANE/,asked\njane,again\njoe,\n,none\n"
    )
    source = read(path)
    assert source.found == {b"jane": b"asked", b"joe": b""}  # type: ignore[attr-defined]
    assert (source.rows, source.people, source.duplicates, source.invalid) == (5, 2, 2, 1)
    assert [(row.line, row.text) for row in source.invalid_rows] == [(6, "")]


def test_two_files_that_want_the_same_have_one_name(files: Files) -> None:
    one = read(files.csv(["jane", "joe"], "one.csv", "asked"))
    other = read(files.csv(["joe", "jane", "joe"], "other.csv", "asked"))
    assert one.digest == other.digest
    assert one.digest != read(files.csv(["joe"], "joe.csv", "asked")).digest
    assert one.digest != read(files.csv(["jane", "joe"], "reasons.csv")).digest


def test_the_rows_before_an_open_quote_count(files: Files) -> None:
    source = read(files.text('public_identifier\njane\njoe\n"ann\nbob\n'))
    assert set(source.found) == {b"jane", b"joe"}  # type: ignore[attr-defined]
    assert source.ended_early is not None
    assert "line 4" in source.ended_early


def test_the_rows_before_a_value_that_was_cut_count(files: Files) -> None:
    source = read(files.text('{"public_identifier":"jane"}\n{"public_identi', "crm.jsonl"))
    assert set(source.found) == {b"jane"}  # type: ignore[attr-defined]
    assert "line 2" in (source.ended_early or "")


def test_a_file_that_cannot_be_used_is_refused(files: Files) -> None:
    with pytest.raises(SourceError):
        read(files.text("name,age\njane,7\n"))


@pytest.mark.parametrize(
    ("content", "whole"),
    [(b"", True), (b"jane\n", True), (b"jane\r\n", True), (b"jane\nj", False), ("j\n".encode("utf-16"), True)],
)
def test_whether_the_last_line_has_its_end(tmp_path: Path, content: bytes, whole: bool) -> None:
    path = tmp_path / "crm.txt"
    path.write_bytes(content)
    assert ends_with_line_end(path) is whole


@pytest.mark.parametrize("kind", ["lead", "number"])
def test_rejected_rows_read_back_as_they_stood(tmp_path: Path, kind: str) -> None:
    given = ["=1+1", "'quoted", 'a "b"', "two\nlines", "+41 44", "-"]
    path = tmp_path / "J.rejected.csv"
    with RejectedRows(path, kind) as rejected:  # type: ignore[arg-type]
        for line, text in enumerate(given, 1):
            rejected.add(InvalidRow(line, text, "why"), "@reason")
        assert not path.exists()
        assert rejected.keep() == path
    assert [row.text for row in rows(path, kind=kind)] == given  # type: ignore[arg-type]
    assert path.stat().st_mode & 0o777 == 0o600
    if kind == "lead":
        assert {row.reason for row in rows(path)} == {"@reason"}


def test_without_rejected_rows_there_is_no_file(tmp_path: Path) -> None:
    with RejectedRows(tmp_path / "J.rejected.csv", "lead") as rejected:
        assert rejected.keep() is None
    assert list(tmp_path.iterdir()) == []


def test_a_part_is_packed_and_read_back() -> None:
    lines = [f"person-{number}".encode() for number in range(1_000)]
    assert decoded(encoded(lines)) == lines
    assert decoded(encoded([])) == []
    with pytest.raises(JournalError, match="damaged"):
        decoded(b"no zlib")


def test_a_field_may_hold_anything() -> None:
    for text in ("plain", "two\nlines", "a\x1fb", "\x1e1", "\x1e\x1e0\n"):
        assert "\n" not in escaped(text)
        assert "\x1f" not in escaped(text)
        assert unescaped(escaped(text)) == text


def test_lines_come_back_part_by_part_in_their_order(tmp_path: Path) -> None:
    keys = [f"person-{number % 5_000}".encode() for number in range(40_000)]
    lines = [b"%d" % number for number in range(40_000)]
    with Spill(tmp_path) as spill:
        for first in range(0, 40_000, 700):
            spill.add(keys[first : first + 700], lines[first : first + 700])
            if spill.full:
                spill.write()
        assert len(spill) == 40_000
        assert list(tmp_path.iterdir()) == []
        for part in range(PARTS):
            assert spill.lines(part) == [line for key, line in zip(keys, lines, strict=True) if part_of(key) == part]


def test_people_of_a_part_are_in_order() -> None:
    assert list(people(b"joe\nann\x1fasked\njoe\x1flate\n").items()) == [(b"ann", b"asked"), (b"joe", b"late")]


def test_what_is_refused_says_why(files: Files) -> None:
    source = read(files.text("public_identifier\nhttps://www.linkedin.com/company/acme\n"))
    (row,) = source.invalid_rows
    with pytest.raises(InvalidInputError) as refused:
        public_identifier("https://www.linkedin.com/company/acme")
    assert row.why == str(refused.value)
