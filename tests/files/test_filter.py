"""Contact files without those who are blocked: what stays is the source, byte by byte, whatever wrote it."""

# ruff: noqa: ASYNC240  # small files

from __future__ import annotations

import asyncio
import codecs
import csv
import io
import os
import resource
import signal
import stat
import tracemalloc
from collections.abc import AsyncIterator, Callable
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pyarrow as arrow
import pyarrow.parquet
import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from walead_async import AsyncSession, BlockIndex, InvalidInputError, SourceError, VoiceAgentSession
from walead_async.files import FilterReport, filter_file, rows
from walead_async.files.hyperlinks import hyperlinks
from walead_async.testing import Emulator

BLOCKED = ["john-doe", "jürgen-müller", "ann-lee", *(f"blocked-{number}" for number in range(200))]
NUMBERS = ["+14155550101", "+14155550102"]


@pytest.fixture
async def people() -> AsyncIterator[BlockIndex]:
    async with Emulator() as emulator, AsyncSession(emulator.api_key, base_url=emulator.walead_url) as session:
        emulator.add_leads(BLOCKED)
        yield await session.blocked_leads.index()


@pytest.fixture
async def agents() -> AsyncIterator[list[BlockIndex]]:
    async with Emulator() as emulator:
        emulator.agents.update(a=dict.fromkeys(NUMBERS[:1]), b=dict.fromkeys(NUMBERS[1:]))
        async with VoiceAgentSession(emulator.api_key, uid=emulator.uid, base_url=emulator.phonely_url) as phones:
            yield [await phones.agent(name).block_list.index() for name in ("a", "b")]


def counts(report: FilterReport) -> tuple[int, int, int, int]:
    return report.rows, report.kept, report.blocked, report.unreadable


async def filtered(path: Path, content: bytes, people: BlockIndex, **options: Any) -> tuple[bytes, FilterReport]:
    """What is left of a file with this content."""
    path.write_bytes(content)
    output = path.with_name("out" + path.suffix)
    report = await filter_file(path, output, people, **options)
    return output.read_bytes(), report


#: A file as parts: each is kept whatever is asked for (None), a free row (True), a blocked one (False), or neither.
Part = tuple[bytes, bool | str | None]
DIALECTS: dict[str, tuple[str, list[Part]]] = {
    "plain": (
        ".csv",
        [
            (b"Name,LinkedIn URL\r\n", None),
            (b"John,https://www.linkedin.com/in/john-doe/\r\n", False),
            (b"Jane,linkedin.com/in/jane-smith\r\n", True),
            (b"Ann,ANN-LEE\r\n", False),
            (b"Bob,bob", True),
        ],
    ),
    "semicolons, quotes, several lines, odd line ends": (
        ".csv",
        [
            (b'"Name";"LinkedIn URL";"Note"\n', None),
            (b'"Doe; ""J""";"john-doe";"two\nlines; and\r\n\r\nmore"\r\n', False),
            (b"\n", None),
            (b"Smith;\"jane-smith\";'single'\r", True),
            (b'"";"bob";" "" "\n', True),
            (b"   \r\n", None),
            (b'x;"ann-lee";y\n', False),
            (b"\n\n", None),
        ],
    ),
    "notes, a repeated header and rows that are none": (
        ".csv",
        [
            (b"Notes:\n", None),
            (b'"When exporting, some\nfields are missing"\n', None),
            (b"\n", None),
            (b"First Name,Last Name,URL\n", None),
            (b"John,Doe,https://www.linkedin.com/in/john-doe\n", False),
            (b"First Name,Last Name,URL\n", None),
            (b"Nobody,,\n", "unreadable"),
            (b"Jane,Smith,https://www.linkedin.com/in/jane-smith\n", True),
            (b"A,B,https://www.linkedin.com/in/a-b,too many\n", "unreadable"),
            (b"C,D,someone@example.com\n", "unreadable"),
            (b"E\n", "unreadable"),
        ],
    ),
    "Excel's hint and tabs": (
        ".csv",
        [
            (b"sep=\t\r\n", None),
            (b"profile url\tx\r\n", None),
            (b"john-doe\t1\r\n", False),
            (b"jane-smith\t2\r\n", True),
        ],
    ),
    "tabs": (".tsv", [(b"linkedin\tname\r", None), (b"john-doe\tJohn, the\r", False), (b"jane\tJane\r", True)]),
    "no header": (".csv", [(b"https://linkedin.com/in/john-doe\n", False), (b"https://linkedin.com/in/jane\n", True)]),
    "one a line": (
        ".txt",
        [
            (b"john-doe\r\n", False),
            (b"\r\n", None),
            (b"  jane-smith \n", True),
            (b"Mr. John Doe\n", "unreadable"),
            (b"ann-lee\r", False),
            (b"bob", True),
        ],
    ),
    "JSON lines": (
        ".jsonl",
        [
            (b'{"profile_url" : "linkedin.com/in/john-doe", "n": 1e3}\r\n', False),
            (b'{"n":1.50,"profile_url":"jane-smith"}\n', True),
            (b"\n", None),
            (b'{"n": 2}\n', "unreadable"),
            (b"not json\n", "unreadable"),
            (b'"ann-lee"\n', False),
            ('{"profile_url": "zo\\u00eb", "é": "ü"}'.encode(), True),
        ],
    ),
    "one of our own exports": (
        ".csv",
        [
            (b"id,public_identifier,reason,created_at,workspace_id\r\n", None),
            (b"1,john-doe,'=1+1,2024-01-01T00:00:00+00:00,w\r\n", False),
            (b"2,jane-smith,'=1+1,2024-01-01T00:00:00+00:00,w\r\n", True),
        ],
    ),
}


@pytest.mark.parametrize("name", DIALECTS)
async def test_a_text_file_is_the_source_without_the_rows_that_go(
    tmp_path: Path, people: BlockIndex, name: str
) -> None:
    suffix, parts = DIALECTS[name]
    whole = b"".join(text for text, _ in parts)
    free, report = await filtered(tmp_path / f"in{suffix}", whole, people)
    assert free == b"".join(text for text, what in parts if what in (None, True))
    kinds = [what for _, what in parts if what is not None]
    assert counts(report) == (len(kinds), kinds.count(True), kinds.count(False), kinds.count("unreadable"))
    assert len(report.problems) == report.unreadable
    others, report = await filtered(tmp_path / f"in{suffix}", whole, people, keep="blocked")
    assert others == b"".join(text for text, what in parts if what in (None, False))
    assert report.kept == report.blocked == kinds.count(False)


async def test_a_row_that_cannot_be_read_is_named_with_its_line_and_why(tmp_path: Path, people: BlockIndex) -> None:
    content = b'URL,x\n"john-doe",1\nsomeone@example.com,2\n,3\njane,4,5\n'
    _, report = await filtered(tmp_path / "in.csv", content, people)
    assert [(row.line, row.text) for row in report.problems] == [(3, "someone@example.com"), (4, ""), (5, "jane,4,5")]
    assert "e-mail address" in (report.problems[0].problem or "")
    assert "empty" in (report.problems[1].problem or "")
    assert "cells" in (report.problems[2].problem or "")
    many = b"URL,x\n" + b"".join(b"person no. %d,1\n" % number for number in range(3_000))
    _, report = await filtered(tmp_path / "in.csv", many, people)
    assert (report.unreadable, len(report.problems)) == (3_000, 20)


TEXT = "Name;LinkedIn\r\nJürgen;jürgen-müller\r\nZoë “Z”;zoë\r\nJ;john-doe\r\n"


@pytest.mark.parametrize(
    ("start", "codec", "encoding"),
    [
        (b"", "utf-8", None),
        (codecs.BOM_UTF8, "utf-8", None),
        (codecs.BOM_UTF8, "utf-8", "utf-8"),
        (codecs.BOM_UTF8, "utf-8", "utf-8-sig"),
        (b"", "utf-8", "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16-le", None),
        (codecs.BOM_UTF16_BE, "utf-16-be", None),
        (codecs.BOM_UTF16_BE, "utf-16-be", "utf-16"),
        (codecs.BOM_UTF16_LE, "utf-16-le", "utf-16-le"),
        (b"", "utf-16-le", None),
        (b"", "utf-16-be", None),
        (codecs.BOM_UTF32_LE, "utf-32-le", None),
        (codecs.BOM_UTF32_BE, "utf-32-be", "utf-32"),
        (b"", "windows-1252", "windows-1252"),
        (b"", "mac-roman", "mac-roman"),
        (b"", "gb18030", "gb18030"),
    ],
)
async def test_every_encoding_stays(
    tmp_path: Path, people: BlockIndex, start: bytes, codec: str, encoding: str | None
) -> None:
    text = TEXT if codec != "gb18030" else TEXT.replace("ë", "中")
    content = start + text.encode(codec)
    out, report = await filtered(tmp_path / "in.csv", content, people, encoding=encoding)
    lines = text.splitlines(keepends=True)
    assert out == start + (lines[0] + lines[2]).encode(codec)
    assert counts(report) == (3, 1, 2, 0)


@pytest.mark.parametrize(
    ("note", "encoding"),
    [(b"\x1b$B\x1b(B\x1b$BF|\x1b(B", "iso2022_jp"), (b"\x87\x9a", "cp932")],
    ids=["an escape that says nothing", "another code of one letter"],
)
async def test_bytes_that_the_codec_would_write_otherwise_are_refused(
    tmp_path: Path, people: BlockIndex, note: bytes, encoding: str
) -> None:
    with pytest.raises(SourceError, match="save it as UTF-8"):
        await filtered(tmp_path / "in.csv", b"URL,x\nbob," + note + b"\njohn-doe,1\n", people, encoding=encoding)
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    table=st.lists(
        st.tuples(st.sampled_from(["john-doe", "ann-lee", "bob", "jane"]), st.text(max_size=6), st.booleans()),
        min_size=1,
        max_size=8,
    ),
    delimiter=st.sampled_from(",;\t|"),
    ending=st.sampled_from(["\n", "\r\n", "\r"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
)
async def test_whatever_a_csv_writer_makes_stays_as_it_is(
    tmp_path: Path,
    people: BlockIndex,
    table: list[tuple[str, str, bool]],
    delimiter: str,
    ending: str,
    quoting: Any,
) -> None:
    def written(cells: list[str]) -> str:
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=delimiter, lineterminator=ending, quoting=quoting).writerow(cells)
        return text.getvalue()

    table = [("bob", "", False), ("jane", "", False), *table]
    safe = [(who, "".join(filter(str.isprintable, note)) + 2 * ending * lines, lines) for who, note, lines in table]
    parts = [written([note, who, "x"]) for who, note, _ in safe]
    content = (written(["note", "linkedin url", "z"]) + "".join(parts)).encode()
    out, _ = await filtered(tmp_path / "in.csv", content, people, column="linkedin url")
    kept = [part for part, (who, _, _) in zip(parts, safe, strict=True) if who in {"bob", "jane"}]
    assert out.decode() == written(["note", "linkedin url", "z"]) + "".join(kept)


async def test_many_rows_are_decided_at_their_own_lines(tmp_path: Path, people: BlockIndex) -> None:
    lines = [f'"{number}\n{number}",' + ("blocked-7" if number % 3 else f"free-{number}") for number in range(5_000)]
    content = "Id,LinkedIn\n" + "\n".join(lines) + "\n"
    seen: list[int] = []
    out, report = await filtered(tmp_path / "in.csv", content.encode(), people, progress=seen.append)
    assert out.decode() == "Id,LinkedIn\n" + "".join(line + "\n" for line in lines[::3])
    assert counts(report) == (5_000, 1_667, 3_333, 0)
    assert seen == sorted(seen)
    assert seen[-1] == 5_000


async def test_a_column_may_be_named_and_every_column_counts(tmp_path: Path, people: BlockIndex) -> None:
    content = b"LinkedIn URL,Partner LinkedIn URL,who\nbob,john-doe,ann-lee\nann-lee,jane,x\nbob,jane,y\n,jane,z\n"
    out, report = await filtered(tmp_path / "in.csv", content, people)
    assert out.splitlines()[1:] == [b"bob,jane,y", b",jane,z"]
    assert counts(report) == (4, 2, 2, 0)
    out, _ = await filtered(tmp_path / "in.csv", content, people, column="LinkedIn URL")
    assert out.splitlines()[1:] == [b"bob,john-doe,ann-lee", b"bob,jane,y"]
    out, report = await filtered(tmp_path / "in.csv", content, people, column=["Partner LinkedIn URL", "who"])
    assert (out.splitlines()[1:], counts(report)) == ([b"ann-lee,jane,x", b"bob,jane,y", b",jane,z"], (4, 3, 1, 0))


async def test_a_row_is_blocked_if_any_of_its_numbers_is_on_any_agents_list(
    tmp_path: Path, agents: list[BlockIndex]
) -> None:
    content = (
        b"Name,Mobile Phone,Work Phone\n"
        b"a,+1 415 555 0101,\n"
        b"b,,+1 (415) 555-0102\n"
        b"c,+14155550199,+14155550102\n"
        b"d,+14155550199,+14155550198\n"
        b"e,+14155550199,call me\n"
        b"f,+14155550101,call me\n"
        b"g,,\n"
    )
    out, report = await filtered(tmp_path / "in.csv", content, agents, kind="number")  # type: ignore[arg-type]
    assert [line[:1] for line in out.splitlines()[1:]] == [b"d"]
    assert counts(report) == (7, 1, 4, 2)
    assert [row.line for row in report.problems] == [6, 8]
    one, report = await filtered(tmp_path / "in.csv", content, agents[0], kind="number")
    assert [line[:1] for line in one.splitlines()[1:]] == [b"b", b"c", b"d"]


TABLE = [
    ["Name", "LinkedIn URL", "Seen", "Day", "At", "Score", "Count", "Active", "Note"],
    [
        "John",
        "https://www.linkedin.com/in/john-doe/",
        datetime(2024, 1, 2, 3, 4, 5),
        date(2024, 1, 2),
        time(3, 4),
        1.5,
        7,
        True,
        "=1+1",
    ],
    ["Jane", "jane-smith", datetime(2024, 2, 2, 3, 4, 5), date(2024, 2, 2), time(4, 5), 2.5, 8, False, "00123"],
    ["Nobody", "", datetime(2024, 2, 2), date(2024, 2, 2), time(4, 5), 0.0, 0, True, "x"],
    ["Ann", "ANN-LEE", datetime(2024, 2, 2), date(2024, 2, 2), time(4, 5), 0.0, 0, True, "x"],
    ["Bob", "bob", datetime(2024, 3, 2, 23, 59, 59), date(2024, 3, 2), time(5, 6), -1e9, 123456789, True, "ü\n'"],
]


def workbook(path: Path, before: int = 0) -> None:
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("My contacts")
        forms = {datetime: "dd/mm/yyyy hh:mm:ss", date: "dd/mm/yyyy", time: "hh:mm"}
        made = {kind: book.add_format({"num_format": form}) for kind, form in forms.items()}
        for at, row in enumerate(TABLE, before):
            for column, cell in enumerate(row):
                if type(cell) in made:
                    sheet.write_datetime(at, column, cell, made[type(cell)])  # type: ignore[arg-type,index]
                elif isinstance(cell, str):
                    sheet.write_string(at, column, cell)
                else:
                    sheet.write(at, column, cell)
        sheet.write_url(before + len(TABLE), 1, "https://www.linkedin.com/in/john-doe", string="Profile")
        sheet.write_url(before + len(TABLE) + 2, 1, "https://www.linkedin.com/in/zoe", string="Profile")
        book.add_worksheet("Empty")


def cells(path: Path) -> list[list[object]]:
    return CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python(skip_empty_area=False)


@pytest.mark.parametrize("before", [0, 2])
async def test_a_workbook_keeps_its_cells_types_links_and_order(
    tmp_path: Path, people: BlockIndex, before: int
) -> None:
    source, output = tmp_path / "in.xlsx", tmp_path / "out.xlsx"
    workbook(source, before)
    report = await filter_file(source, output, people)
    assert counts(report) == (7, 3, 3, 1)
    whole = cells(source)
    free = [row for at, row in enumerate(whole) if at - before not in {1, 3, 4, 6}]
    assert cells(output) == free
    assert [[type(cell) for cell in row] for row in cells(output)] == [[type(cell) for cell in row] for row in free]
    assert CalamineWorkbook.from_path(output).sheet_names == ["My contacts"]
    assert list(hyperlinks(output, "My contacts").values()) == ["https://www.linkedin.com/in/zoe"]
    assert [row.text for row in rows(output)] == ["jane-smith", "bob", "https://www.linkedin.com/in/zoe"]
    report = await filter_file(source, output, people, keep="blocked")
    assert cells(output)[before:] == [whole[before + at] for at in (0, 1, 4, 6, 7)][: len(cells(output)) - before]
    assert report.kept == 3


@pytest.mark.parametrize("compression", ["snappy", "none", "gzip"])
async def test_parquet_keeps_its_schema_its_order_and_its_compression(
    tmp_path: Path, people: BlockIndex, compression: str
) -> None:
    names = ["blocked-1", "free", None, "john-doe", "jane"] * 6_000
    table = arrow.table(
        {
            "n": arrow.array(range(len(names)), arrow.int32()),
            "profile_url": arrow.array(names),
            "tags": arrow.array([["a", None]] * len(names), arrow.list_(arrow.string())),
            "kind": arrow.array(["x", "y", None, "x", "y"] * 6_000).dictionary_encode(),
            "at": arrow.array([datetime(2024, 1, 1)] * len(names), arrow.timestamp("ms", tz="Europe/Berlin")),
            "price": arrow.array([None] * len(names), arrow.decimal128(9, 2)),
        }
    ).replace_schema_metadata({b"who": b"me"})
    source, output = tmp_path / "in.parquet", tmp_path / "out.parquet"
    pyarrow.parquet.write_table(table, source, compression=compression, row_group_size=7_000)
    report = await filter_file(source, output, people)
    assert counts(report) == (30_000, 12_000, 12_000, 6_000)
    read = pyarrow.parquet.read_table(source)
    mask = arrow.array([name in {"free", "jane"} for name in names])
    found = pyarrow.parquet.read_table(output)
    assert found.schema.equals(read.schema, check_metadata=True)
    assert found.equals(read.filter(mask))
    groups = [pyarrow.parquet.ParquetFile(path).metadata.row_group(0) for path in (source, output)]
    assert groups[0].column(1).compression == groups[1].column(1).compression


EMPTY: dict[str, Callable[[Path], object]] = {
    ".csv": lambda path: path.write_bytes(b"Name;URL\r\n"),
    ".txt": lambda path: path.write_bytes(b""),
    ".jsonl": lambda path: path.write_bytes(b"\n"),
    ".parquet": lambda path: pyarrow.parquet.write_table(arrow.table({"url": arrow.array([], arrow.string())}), path),
}


@pytest.mark.parametrize("suffix", EMPTY)
async def test_a_file_without_rows_is_written_without_rows(tmp_path: Path, people: BlockIndex, suffix: str) -> None:
    source, output = tmp_path / f"in{suffix}", tmp_path / f"out{suffix}"
    EMPTY[suffix](source)
    assert counts(await filter_file(source, output, people)) == (0, 0, 0, 0)
    if suffix != ".parquet":
        assert output.read_bytes() == source.read_bytes()
    else:
        assert pyarrow.parquet.read_table(output).schema.names == ["url"]


async def test_the_output_is_private_and_replaces_a_file_only_when_it_is_whole(
    tmp_path: Path, people: BlockIndex
) -> None:
    source, output = tmp_path / "in.csv", tmp_path / "out.csv"
    output.write_bytes(b"what was there")
    source.write_bytes(b'URL,x\nbob,1\n"john-doe,2\n')
    with pytest.raises(SourceError, match="quote"):
        await filter_file(source, output, people)
    assert output.read_bytes() == b"what was there"
    source.write_bytes(b"URL,x\n" + b"bob,1\njane,2\n" * 2_500)

    def cancel(done: int) -> None:
        task.cancel()

    task = asyncio.ensure_future(filter_file(source, output, people, progress=cancel))
    with pytest.raises(asyncio.CancelledError):
        await task
    assert output.read_bytes() == b"what was there"
    await filter_file(source, output, people)
    assert output.read_bytes() == source.read_bytes()
    assert stat.S_IMODE(output.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", "out.csv"]


async def test_a_source_that_changes_meanwhile_is_refused(tmp_path: Path, people: BlockIndex) -> None:
    source, output = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_bytes(b"URL,x\n" + b"bob,1\njane,2\n" * 25_000)

    def change(done: int) -> None:
        with source.open("r+b") as file:
            file.seek(0, os.SEEK_END)
            file.write(b"ann-lee,2\n")

    with pytest.raises(SourceError, match=r"changed|as utf-8"):
        await filter_file(source, output, people, progress=change)
    assert not output.exists()


async def test_other_tasks_have_their_turn(tmp_path: Path, people: BlockIndex) -> None:
    source = tmp_path / "in.txt"
    source.write_bytes(b"".join(b"free-%d\n" % number for number in range(20_000)))
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    await filter_file(source, tmp_path / "out.txt", people)
    counting.cancel()
    assert turns >= 20


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"First,Last\nJohn,Doe\n", "no column is known to hold the people"),
        (b"Name,LinkedIn URL\na,Profile\nb,Profile\nc,Profile\n", "names nobody"),
        (b"\x00\x01\x02\x03", "NUL"),
    ],
)
async def test_a_source_without_a_usable_column_is_refused(
    tmp_path: Path, people: BlockIndex, content: bytes, words: str
) -> None:
    with pytest.raises(SourceError, match=words):
        await filtered(tmp_path / "in.csv", content, people)
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


async def test_wrong_arguments_are_told_before_anything_is_read(tmp_path: Path, people: BlockIndex) -> None:
    source = tmp_path / "in.csv"
    source.write_bytes(b"URL,x\nbob,1\n")
    for wrong in (None, [], "john-doe", ["john-doe"], {"john-doe"}, [people, None]):
        with pytest.raises(InvalidInputError, match="takes a BlockIndex"):
            await filter_file(source, tmp_path / "out.csv", wrong)  # type: ignore[arg-type]
    for options in ({"keep": "all"}, {"kind": "id"}):
        with pytest.raises(InvalidInputError, match="kind is"):
            await filter_file(source, tmp_path / "out.csv", people, **options)  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match=r"suffix \.csv"):
        await filter_file(source, tmp_path / "out.xlsx", people)
    (tmp_path / "link.csv").symlink_to(source)
    for same in (source, tmp_path / "link.csv"):
        with pytest.raises(InvalidInputError, match="the source itself"):
            await filter_file(source, same, people)
    with pytest.raises(SourceError, match="check the name"):
        await filter_file(tmp_path / "none.csv", tmp_path / "out.csv", people)
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(SourceError, match="folder"):
        await filter_file(source, tmp_path / "folder.csv", people)
    with pytest.raises(SourceError, match="cannot be written"):
        await filter_file(source, tmp_path / "none" / "out.csv", people)
    with pytest.raises(SourceError, match="no column is named 'who'"):
        await filter_file(source, tmp_path / "out.csv", people, column="who")
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("suffix", [".xlsx", ".parquet"])
async def test_a_table_that_is_none_is_refused(tmp_path: Path, people: BlockIndex, suffix: str) -> None:
    with pytest.raises(SourceError):
        await filtered(tmp_path / f"in{suffix}", b"not a table", people)


async def test_a_row_of_json_keeps_what_nothing_of_ours_would_write(tmp_path: Path, people: BlockIndex) -> None:
    first = b'{"profile_url":"bob","big":12345678901234567890123,"e":1E5,"dup":1,"dup":2}\n'
    out, report = await filtered(tmp_path / "in.jsonl", first + b'{"profile_url":"ann-lee"}\n', people)
    assert out == first
    assert report.blocked == 1


async def test_memory_does_not_grow_with_the_file(tmp_path: Path, people: BlockIndex) -> None:
    source = tmp_path / "in.csv"
    with source.open("w", encoding="utf-8") as file:
        file.write("LinkedIn URL,Note\n")
        file.writelines(f"person-{number:07d},{'x' * 60}\n" for number in range(100_000))
    await filter_file(source, tmp_path / "out.csv", people)
    tracemalloc.start()
    try:
        await filter_file(source, tmp_path / "out.csv", people)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 4_000_000 < source.stat().st_size


async def test_a_parquet_column_that_is_damaged_is_told(tmp_path: Path, people: BlockIndex) -> None:
    source, output = tmp_path / "in.parquet", tmp_path / "out.parquet"
    table = arrow.table({"profile_url": ["bob", "john-doe"] * 50, "note": ["damage me here"] * 100})
    pyarrow.parquet.write_table(table, source, compression="none", use_dictionary=False)
    content = source.read_bytes()
    start = content.index(b"damage me here")
    source.write_bytes(content[: start - 4] + b"\xff" * 64 + content[start + 60 :])
    with pytest.raises(SourceError, match=r"in\.parquet"):
        await filter_file(source, output, people)
    assert not output.exists()


@pytest.mark.parametrize("suffix", [".csv", ".xlsx", ".parquet"])
async def test_a_disk_that_is_full_leaves_nothing(tmp_path: Path, people: BlockIndex, suffix: str) -> None:
    source = tmp_path / f"in{suffix}"
    names = [f"free-{number}" for number in range(20_000)]
    if suffix == ".xlsx":
        with xlsxwriter.Workbook(source) as book:
            sheet = book.add_worksheet()
            for at, name in enumerate(["linkedin url", *names]):
                sheet.write_row(at, 0, [name, name * 3])
    elif suffix == ".parquet":
        pyarrow.parquet.write_table(arrow.table({"linkedin": names, "note": [name * 3 for name in names]}), source)
    else:
        source.write_text("linkedin,x\n" + "".join(f"{name},{name * 3}\n" for name in names))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    usual = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(SourceError, match="cannot be written"):
            await filter_file(source, tmp_path / f"out{suffix}", people)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, usual)
    assert [path.name for path in tmp_path.iterdir()] == [source.name]
