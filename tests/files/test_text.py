from __future__ import annotations

import io
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from walead_async.errors import SourceError
from walead_async.files.encoding import CHUNK, MAX_LINE, encoding_of, lines_of, lines_of_stream

if TYPE_CHECKING:
    from pathlib import Path

WESTERN = "name;url;reason\nJürgen Müller;https://www.linkedin.com/in/jm;möchte nicht\nFrançois;x;“déjà” – €5\n"


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("utf-8", "jürgen\n王小明\n"),
        ("utf-8-sig", "jürgen\n"),
        ("utf-16", "jürgen\n王小明\n"),
        ("utf-16-le", "john-doe\njürgen\n"),
        ("utf-16-be", "john-doe\njürgen\n"),
        ("utf-32", "jürgen\n"),
        ("ascii", "john-doe\n"),
        ("ascii", ""),
        ("cp1252", WESTERN),
        ("cp1252", "jürgen\n"),
        ("cp1252", "é\n"),
        ("cp1251", "Имя;url\nИван Петров;x;не хочет получать сообщения\n" * 3),
        ("cp932", "名前,url\n山田太郎,x,連絡しないでください\n"),
        ("gb18030", "姓名,url\n王小明,x,请不要联系\n"),
    ],
)
def test_a_file_is_read_as_it_was_written(tmp_path: Path, written: str, text: str) -> None:
    path = tmp_path / "leads.csv"
    path.write_bytes(text.encode(written))
    with path.open(encoding=encoding_of(path)) as file:
        assert file.read() == text


WITHOUT_CHARSET_NORMALIZER = """
import sys; sys.modules['charset_normalizer'] = None
from pathlib import Path
from walead_async.errors import SourceError
from walead_async.files.encoding import encoding_of
try: print(encoding_of(Path(sys.argv[1])))
except SourceError as error: print(error)
"""


@pytest.mark.parametrize(
    ("content", "said"), [(WESTERN.encode("cp1252"), "cp1252"), (b"john\n\x81\n", "line 2: neither UTF-8 nor cp1252")]
)
def test_without_charset_normalizer_what_is_not_utf8_is_windows_1252_or_nothing(
    tmp_path: Path, content: bytes, said: str
) -> None:
    path = tmp_path / "leads.csv"
    path.write_bytes(content)
    command = [sys.executable, "-c", WITHOUT_CHARSET_NORMALIZER, str(path)]
    found = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    assert said in found.stdout


def test_a_damaged_place_in_a_utf8_file_is_named_and_not_guessed(tmp_path: Path) -> None:
    path = tmp_path / "leads.txt"
    path.write_bytes("jürgen\njörg\n".encode() + b"j\xfcrgen\nmore\n")
    with pytest.raises(SourceError, match=r"leads\.txt, line 3: not utf-8.*save it as UTF-8"):
        encoding_of(path)


def test_a_character_that_the_end_of_the_file_cuts_is_named(tmp_path: Path) -> None:
    path = tmp_path / "leads.txt"
    path.write_bytes("jürgen\nö\nmü".encode()[:-1])
    with pytest.raises(SourceError, match="line 3"):
        encoding_of(path)


def test_a_damaged_place_far_into_a_large_file_is_found(tmp_path: Path) -> None:
    path = tmp_path / "leads.txt"
    path.write_bytes("jürgen\n".encode() * 300_000 + b"\xff\n")
    with pytest.raises(SourceError, match="line 300001"):
        encoding_of(path)


def test_the_line_is_right_where_a_character_lies_across_the_pieces_that_are_read(tmp_path: Path) -> None:
    path = tmp_path / "leads.txt"
    path.write_bytes(b"a" * (CHUNK - 3) + "🚀".encode() + b"\xff\nb\n" + "🚀🚀".encode())
    with pytest.raises(SourceError, match="line 1:"):
        encoding_of(path)


def test_half_a_utf16_character_is_named(tmp_path: Path) -> None:
    path = tmp_path / "leads.txt"
    path.write_bytes("a\nb\n".encode("utf-16") + b"x")
    with pytest.raises(SourceError, match="not utf-16"):
        encoding_of(path)


@pytest.mark.parametrize(
    ("start", "what"),
    [
        (b"PK\x03\x04rest", "an Excel workbook or a ZIP archive"),
        (b"\xd0\xcf\x11\xe0rest", "an old Excel workbook"),
        (b"PAR1rest", "a Parquet file"),
        (b"\x1f\x8brest", "gzip"),
        (b"%PDF-1.7", "a PDF"),
    ],
)
def test_a_file_of_another_kind_is_named(tmp_path: Path, start: bytes, what: str) -> None:
    path = tmp_path / "leads.csv"
    path.write_bytes(start)
    with pytest.raises(SourceError, match=what):
        encoding_of(path)


def test_a_line_without_end_is_refused_before_it_fills_the_memory() -> None:
    with pytest.raises(SourceError, match="leads, line 2: longer than"):
        list(lines_of(io.StringIO("a\n" + "x" * MAX_LINE), "leads"))
    with pytest.raises(SourceError, match="stdin, line 2: longer than"):
        list(lines_of_stream(io.BytesIO(b"a\n" + b"x" * MAX_LINE), "stdin"))
    assert list(lines_of(io.StringIO("x" * (MAX_LINE - 1)), "leads")) == ["x" * (MAX_LINE - 1)]


def test_a_stream_is_utf8_and_loses_its_byte_order_mark() -> None:
    assert list(lines_of_stream(io.BytesIO("\ufeffjürgen\njörg".encode()), "stdin")) == ["jürgen\n", "jörg"]
    with pytest.raises(SourceError, match="stdin, line 2: not UTF-8"):
        list(lines_of_stream(io.BytesIO(b"a\n\xff\n"), "stdin"))
