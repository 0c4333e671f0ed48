"""Lines of text out of a file whose encoding nobody named: UTF-8, UTF-16, UTF-32, Windows-1252 and older ones."""

from __future__ import annotations

import codecs
import re
from collections import deque
from typing import IO, TYPE_CHECKING

from walead_async.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = [
    "RawLines",
    "encoding_of",
    "ends_with_line_end",
    "is_doubtful",
    "known_encoding",
    "lines_of",
    "lines_of_stream",
]

#: A line longer than this is no row of a list. It bounds the memory that a file without line ends could take.
MAX_LINE = 1 << 20
CHUNK = 1 << 20
#: How much of a file is looked at where its first bytes, or those around the first doubtful one, have to tell.
SAMPLE = 1 << 16

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NOT_TEXT = (
    (b"PK\x03\x04", "an Excel workbook or a ZIP archive: if it is a workbook, give it the suffix .xlsx"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook: save it as .xlsx"),
    (b"PAR1", "a Parquet file: give it the suffix .parquet"),
    (b"\x1f\x8b", "compressed by gzip: unpack it first"),
    (b"%PDF", "a PDF: export the list as .csv"),
)
#: What Windows and Office write where they do not write Unicode.
_OLDER = [
    "cp1252",
    "cp1250",
    "cp1251",
    "cp1253",
    "cp1254",
    "cp1255",
    "cp1256",
    "cp1257",
    "cp932",
    "gb18030",
    "cp949",
    "big5",
]
#: What Windows-1252 has for bytes that are accented letters in MacRoman or cp850.
_DOUBTFUL = frozenset(bytes(range(0x80, 0xC0)).decode("cp1252", "ignore")) - frozenset("\u00a0\u00ad")
_MIXED_WORD = re.compile(r"[a-zA-Z][^\x00-\x7f]|[^\x00-\x7f][a-zA-Z]").search
_UNDECODED = re.compile("[\udc80-\udcff]")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")


def encoding_of(path: Path) -> str:
    """The encoding of a text file. The whole file is read once, in bounded memory, so that no later line surprises.

    UTF-8 if every byte of it fits, or what a byte order mark says; else Windows-1252, or an older encoding that
    charset-normalizer is sure of, if that is installed. Raises `SourceError` where the file mixes encodings or is
    no text.
    """
    with path.open("rb") as file:
        start = file.read(SAMPLE)
    for magic, what in _NOT_TEXT:
        if start.startswith(magic):
            raise SourceError(f"{path}: this is {what}")
    encoding = next((name for bom, name in _BOMS if start.startswith(bom)), None) or _unmarked_utf16(start) or "utf-8"
    bad = _first_undecodable(path, encoding)
    if bad is None:
        return encoding
    if encoding != "utf-8" or _is_mostly_utf8(path):
        raise SourceError(f"{path}, line {_line_at(path, bad)}: not {encoding}, as the rest of it is: save it as UTF-8")
    encoding = _older_encoding(path, bad)
    bad = _first_undecodable(path, encoding)
    if bad is not None:
        raise SourceError(f"{path}, line {_line_at(path, bad)}: neither UTF-8 nor {encoding}: save it as UTF-8")
    return encoding


def ends_with_line_end(path: Path) -> bool:
    """Whether the last line of a text file has its end; True for formats that have no lines. Raises `SourceError`."""
    if path.suffix.lower() in {".xlsx", ".parquet"}:
        return True
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - 4))
            # in UTF-16 and UTF-32 zeros stand around it
            return not size or file.read().rstrip(b"\0").endswith((b"\n", b"\r"))
    except OSError as error:
        raise SourceError(f"{path}: its end cannot be read: {error.strerror or error}") from None


def is_doubtful(text: str, encoding: str) -> bool:
    """Whether a name that was read in an encoding nobody named may be another one."""
    if text.isascii():
        return False
    if encoding == "cp1252":
        return not _DOUBTFUL.isdisjoint(text)
    # A letter of another script among Latin ones is most likely an accented one of an encoding that was not thought of.
    return _MIXED_WORD(text) is not None


def known_encoding(name: str) -> str:
    """An encoding by the name that somebody gave it. Raises `SourceError`."""
    try:
        return codecs.lookup(name).name
    except (LookupError, ValueError):
        raise SourceError(f"no encoding is called {name!r}: say utf-8, windows-1252, mac-roman or cp850") from None


class RawLines:
    """The lines of a text file as they stand there, kept while its rows are read, for who writes rows out again.

    `lines` are those that were read and not taken from here, in order; `ends` is the last line of a row, by its first,
    where that is another one; `encoding` is that of the file.
    """

    def __init__(self) -> None:
        self.encoding = "utf-8"
        self.lines: deque[str] = deque()
        self.ends: dict[int, int] = {}


def lines_of(file: IO[str], name: str, raw: RawLines | None = None) -> Iterator[str]:
    """The lines of an open text file with their ends. Raises `SourceError` for one too long to be a row."""
    number = 0
    while line := file.readline(MAX_LINE):
        number += 1
        _refuse_endless(len(line), name, number)
        if raw is not None:
            raw.lines.append(line)
        yield line


def lines_of_stream(stream: IO[bytes], name: str) -> Iterator[str]:
    """The lines of a stream that cannot be read twice, such as standard input: UTF-8 alone.

    Raises `SourceError` for a line that is not UTF-8 or too long.
    """
    number = 0
    while raw := stream.readline(MAX_LINE):
        number += 1
        _refuse_endless(len(raw), name, number)
        try:
            line = raw.decode()
        except UnicodeDecodeError:
            raise SourceError(f"{name}, line {number}: not UTF-8: save it as a .txt file and give its name") from None
        yield line.removeprefix("\ufeff") if number == 1 else line


def _refuse_endless(length: int, name: str, number: int) -> None:
    if length >= MAX_LINE:
        raise SourceError(f"{name}, line {number}: longer than {MAX_LINE:,} characters: this is no list of rows")


def _unmarked_utf16(start: bytes) -> str | None:
    """UTF-16 without a byte order mark shows in text that is mostly Latin: every other byte is zero."""
    even, odd = start[0::2].count(0), start[1::2].count(0)
    if odd > 4 * even and odd * 4 > len(start):
        return "utf-16-le"
    return "utf-16-be" if even > 4 * odd and even * 4 > len(start) else None


def _first_undecodable(path: Path, encoding: str) -> int | None:
    """Where the bytes begin that the encoding does not allow, give or take a chunk's edge; None if all of it fits."""
    decoder = codecs.getincrementaldecoder(encoding)()
    position = 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            held = len(decoder.getstate()[0])
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError as error:
                return position - held + error.start
            position += len(chunk)
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return position
    return None


def _line_at(path: Path, position: int) -> int:
    """The number of the line in which this byte stands."""
    line = 1
    with path.open("rb") as file:
        while position > 0 and (chunk := file.read(min(CHUNK, position))):
            line += chunk.count(b"\n")
            position -= len(chunk)
    return line


def _is_mostly_utf8(path: Path) -> bool:
    """True if more letters outside ASCII are UTF-8 than are not: then the file is UTF-8 with a few damaged places."""
    good = bad = 0
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        while text := file.read(CHUNK):
            undecoded = len(_UNDECODED.findall(text))
            bad += undecoded
            good += len(_NOT_ASCII.findall(text)) - undecoded
    return good > bad


def _older_encoding(path: Path, bad: int) -> str:
    """Windows-1252, unless the text around the first doubtful byte cannot well be that and is known as something else.

    charset-normalizer often takes short Western texts for another Western encoding, so it is asked only whether
    Windows-1252 is among the readings it finds plausible.
    """
    try:
        from charset_normalizer import from_bytes
    except ImportError:
        return "cp1252"
    with path.open("rb") as file:
        file.seek(max(0, bad - SAMPLE // 2))
        found = from_bytes(file.read(SAMPLE), cp_isolation=_OLDER)
    best = found.best()
    if best is None or any("cp1252" in {match.encoding, *match.could_be_from_charset} for match in found):
        return "cp1252"
    return best.encoding
