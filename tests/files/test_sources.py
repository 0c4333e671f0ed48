from __future__ import annotations

import io
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from walead_async import AsyncSession, Status, files
from walead_async.errors import SourceError
from walead_async.files.sources import SUFFIXES
from walead_async.models import LeadToBlock, Row
from walead_async.testing import Emulator

if TYPE_CHECKING:
    from pathlib import Path


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


def test_a_text_file_is_one_a_line(tmp_path: Path) -> None:
    path = written(tmp_path, "leads.TXT", "\ufeffjohn-doe\r\n\r\n  jane smith\t\n   \n,\njack")
    assert list(files.rows(path)) == [Row(1, "john-doe"), Row(3, "  jane smith\t"), Row(5, ","), Row(6, "jack")]


def test_a_nul_in_a_text_file_stays_in_its_row(tmp_path: Path) -> None:
    assert list(files.rows(written(tmp_path, "leads.txt", "john\njo\0hn\n"))) == [Row(1, "john"), Row(2, "jo\0hn")]


def test_a_stream_is_one_a_line_and_stays_open() -> None:
    stream = io.BytesIO(b"john-doe\n\njane-smith")
    assert list(files.rows(stream)) == [Row(1, "john-doe"), Row(3, "jane-smith")]
    assert not stream.closed


def test_a_dash_is_standard_input() -> None:
    program = "from walead_async import files\nprint([row.text for row in files.rows('-')])"
    found = subprocess.run(
        [sys.executable, "-c", program], input=b"john-doe\njane\n", capture_output=True, timeout=30, check=True
    )
    assert found.stdout.strip() == b"['john-doe', 'jane']"


def test_json_lines_are_texts_or_objects(tmp_path: Path) -> None:
    text = (
        '"john-doe"\n'
        '{"publicIdentifier": "jane", "reason": "asked"}\n'
        "\n"
        '{"reason": null, "name": "Jack", "linkedin_url": "linkedin.com/in/jack"}\n'
        '{"publicIdentifier": null}\n'
        '{"name": "Jill"}\n'
        "null\n"
        "12345\n"
    )
    assert list(files.rows(written(tmp_path, "leads.jsonl", text))) == [
        Row(1, "john-doe"),
        Row(2, "jane", "asked"),
        Row(4, "linkedin.com/in/jack"),
        Row(5, ""),
        Row(6, ""),
        Row(7, ""),
        Row(8, "12345"),
    ]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ('{"url": "jane"', "not JSON"),
        ("jane", "not JSON"),
        ('{"url": ["jane"]}', "list where text should stand"),
        ('["jane"]', "list where text should stand"),
        ('{"url": "jane", "URL": "x"}', "the columns 'url' and 'URL'"),
        ('"\\ud800"', "not JSON"),
    ],
)
def test_one_json_line_that_cannot_be_read_is_one_row(tmp_path: Path, line: str, fault: str) -> None:
    path = written(tmp_path, "leads.jsonl", f'{{"url": "john"}}\n{line}\n{{"url": "jack"}}\n')
    first, second, third = files.rows(path)
    assert (first, third) == (Row(1, "john"), Row(3, "jack"))
    assert (second.line, second.text, second.item) == (2, line, None)
    assert (second.problem or "").startswith(fault)


@pytest.mark.parametrize("cut", ['{"url": "ja', '{"url"', '"jane', "["])
def test_a_last_line_that_ends_inside_a_value_ends_the_read(tmp_path: Path, cut: str) -> None:
    found = files.rows(written(tmp_path, "leads.jsonl", f'"john"\n{cut}'))
    assert next(found) == Row(1, "john")
    with pytest.raises(SourceError, match="line 2: the file ends inside a JSON value"):
        next(found)


def test_what_stands_before_an_open_quote_counts(tmp_path: Path) -> None:
    found = files.rows(written(tmp_path, "leads.csv", 'url,reason\njohn,a\njane,"b\n'))
    assert next(found) == Row(2, "john", "a")
    with pytest.raises(SourceError, match="line 3: a quote that opens here is never closed"):
        next(found)


@pytest.mark.parametrize("suffix", [".csv", ".txt", ".jsonl"])
def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path, suffix: str) -> None:
    path = written(tmp_path, "leads" + suffix, "".join(f'"john-{number}"\n' for number in range(10)))
    found = files.rows(path)
    next(found)
    with path.open("a", encoding="utf-8") as file:
        file.write('"jane"\n')
    with pytest.raises(SourceError, match="changed while it was read"):
        list(found)


def test_a_row_is_what_a_bulk_call_takes(tmp_path: Path) -> None:
    path = written(tmp_path, "leads.csv", "url,reason,phone\njohn,asked,+1\njane,,+2\n")
    assert [row.item for row in files.rows(path)] == [LeadToBlock("john", "asked"), "jane"]
    assert [row.item for row in files.rows(path, kind="number")] == ["+1", "+2"]
    assert [row.text for row in files.rows(path, column=["phone", "url"])] == ["+1", "john", "+2", "jane"]


@pytest.mark.parametrize("encoding", ["mac-roman", "cp850"])
def test_an_encoding_that_cannot_be_told_is_asked_for_once_it_changes_a_name(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "leads.csv"
    path.write_bytes("name;url\nx;john\nRené;rené-müller\n".encode(encoding))
    found = files.rows(path)
    assert next(found) == Row(2, "john")
    with pytest.raises(SourceError, match=r"line 3: .* --encoding"):
        next(found)
    assert [row.text for row in files.rows(path, encoding=encoding)] == ["john", "rené-müller"]
    path.write_bytes("name;url\nRené;john\n".encode(encoding))
    assert [row.text for row in files.rows(path)] == ["john"]


def test_an_encoding_that_nobody_knows_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no encoding is called 'klingon'"):
        files.rows(written(tmp_path, "leads.csv", "url\njohn\n"), encoding="klingon")


def test_json_objects_without_a_known_field_are_an_error_that_lists_them(tmp_path: Path) -> None:
    path = written(tmp_path, "leads.jsonl", '{"name": "John", "contact": "john-doe"}\n')
    with pytest.raises(SourceError, match=r"no column .* 'name', 'contact'"):
        list(files.rows(path))
    assert list(files.rows(path, column="contact")) == [Row(1, "john-doe")]


def test_the_kind_chooses_the_column(tmp_path: Path) -> None:
    path = written(tmp_path, "leads.csv", "id,public_identifier,phone\n7,john-doe,+14155550123\n")
    assert [row.text for row in files.rows(path)] == ["john-doe"]
    assert [row.text for row in files.rows(path, kind="id")] == ["7"]
    assert [row.text for row in files.rows(path, kind="number")] == ["+14155550123"]


@pytest.mark.parametrize(
    ("name", "text", "columns"),
    [
        ("x.csv", "Name,LinkedIn URL\nJohn,john-doe\n", [("LinkedIn URL",)]),
        ("x.csv", "john-doe\njane-smith\n", [()]),
        ("x.txt", "john-doe\n", []),
        ("x.jsonl", '{"url": "john-doe"}\n{"url": "jack"}\n{"profile": "jane"}\n', [("url",), ("profile",)]),
    ],
)
def test_the_columns_that_are_taken_are_told(
    tmp_path: Path, name: str, text: str, columns: list[tuple[str, ...]]
) -> None:
    told: list[tuple[str, ...]] = []
    assert list(files.rows(written(tmp_path, name, text), taken=told.append))
    assert told == columns


def test_a_file_that_cannot_be_read_is_refused_at_the_call(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(SourceError, match=r"folder\.csv: a folder"):
        files.rows(tmp_path / "folder.csv")
    with pytest.raises(SourceError, match=r"missing\.csv: No such file or directory: check the name"):
        files.rows(str(tmp_path / "missing.csv"))
    with pytest.raises(SourceError, match="no file can have this name"):
        files.rows("a\0b.csv")
    with pytest.raises(SourceError, match="File name too long"):
        files.rows(tmp_path / ("x" * 300 + ".csv"))
    with pytest.raises(SourceError, match=r"\.csv, \.tsv, \.txt, \.jsonl, \.xlsx, \.parquet"):
        files.rows(written(tmp_path, "leads.docx", ""))
    (tmp_path / "pipe.txt").symlink_to("/dev/null")
    with pytest.raises(SourceError, match="not a plain file"):
        files.rows(tmp_path / "pipe.txt")


def test_a_column_of_a_file_without_columns_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="leave out --column"):
        list(files.rows(written(tmp_path, "leads.txt", "john"), column="url"))
    with pytest.raises(SourceError, match="leave out --column"):
        list(files.rows(io.BytesIO(b"john"), column="url"))


def test_a_reader_that_is_left_early_leaves_no_file_open(tmp_path: Path) -> None:
    for suffix in (".csv", ".txt", ".jsonl"):
        rows = files.rows(written(tmp_path, "leads" + suffix, '"john"\n"jane"\n'))
        assert next(rows).line == 1
        del rows


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_that_goes_away_after_the_call_is_an_error_of_ours(tmp_path: Path, suffix: str) -> None:
    path = written(tmp_path, "leads" + suffix, "john")
    rows = files.rows(path)
    path.unlink()
    with pytest.raises(SourceError, match="leads"):
        next(rows)


@pytest.mark.parametrize(("suffix", "module"), [(".xlsx", "python_calamine"), (".parquet", "pyarrow.parquet")])
def test_without_its_library_a_format_names_the_extra(tmp_path: Path, suffix: str, module: str) -> None:
    program = (
        f"import sys; sys.modules[{module!r}] = None\n"
        "from walead_async.errors import ConfigurationError\n"
        "from walead_async import files\n"
        "try: next(files.rows(sys.argv[1]))\n"
        "except ConfigurationError as error: print(error)\n"
    )
    path = written(tmp_path, "leads" + suffix, "x")
    found = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, timeout=30, check=True
    )
    assert "walead_async[files]" in found.stdout


def test_no_library_of_the_extra_is_imported_before_it_is_needed() -> None:
    program = (
        "import sys, walead_async.files.sources, walead_async.files.export\n"
        "print(sorted({'pyarrow', 'xlsxwriter', 'python_calamine', 'charset_normalizer'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert found.stdout.strip() == "[]"


BYTES = b"""url,reason public_identifier sep=; john , ; " ' =1 [ {"url": } null PAR1 PK""".split()
ODD_BYTES = [b"\n", b"\r", b"\t", b"\0", b" ", b"\x81", b"\xff", b"\xc3\xbc", b"\xfe\xff", b"\xef\xbb\xbf", b"\x03\x04"]
PIECES = st.sampled_from(BYTES + ODD_BYTES)


@settings(max_examples=300, deadline=None)
@given(content=st.binary(max_size=60) | st.lists(PIECES, max_size=15).map(b"".join), suffix=st.sampled_from(SUFFIXES))
def test_no_bytes_whatever_raise_anything_but_our_own_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, suffix: str
) -> None:
    path = tmp_path_factory.getbasetemp() / ("fuzzed" + suffix)
    path.write_bytes(content)
    lines = [0]
    with suppress(SourceError):
        lines += [row.line for row in files.rows(path)]
    assert lines == sorted(set(lines))


async def test_rows_are_what_block_takes_and_each_outcome_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("name,linkedin,reason\nJohn,john-doe,asked\nJane,\nJim,linkedin.com/in/jim/,\n", encoding="utf-8")
    async with Emulator() as emulator, AsyncSession(emulator.api_key, base_url=emulator.walead_url) as session:
        report = await session.blocked_leads.block(files.rows(path), reason="suppression list", check=False)
        stored = {lead.public_identifier: lead.reason for lead in emulator.blocked_leads}
    assert [(outcome.row, outcome.item, outcome.status) for outcome in report.outcomes] == [
        (2, "john-doe", Status.DONE),
        (3, "", Status.INVALID),
        (4, "linkedin.com/in/jim/", Status.DONE),
    ]
    assert stored == {"john-doe": "asked", "jim": "suppression list"}
