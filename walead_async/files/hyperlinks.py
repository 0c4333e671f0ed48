"""The hyperlinks of an Excel sheet, which the library that reads its cells does not show."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree
from zipfile import BadZipFile, ZipFile

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["hyperlinks"]

#: A link over more cells than one column has is none of a list.
MAX_CELLS = 1_048_576
_CELL = re.compile(r"([A-Z]+)([0-9]+)").match
_FORMULA = re.compile(r"""HYPERLINK\(\s*"((?:[^"]|"")+)\"""", re.IGNORECASE).match


def hyperlinks(path: Path, sheet: str) -> dict[tuple[int, int], str]:
    """Where the cells of a sheet lead to: the target by the numbers of row and column, from 1."""
    try:
        with ZipFile(path) as book:
            part = _part_of(book, sheet)
            return _links(book, part) if part is not None and _mentions_links(book, part) else {}
    except (BadZipFile, KeyError, ElementTree.ParseError):
        return {}


def _part_of(book: ZipFile, sheet: str) -> str | None:
    """The part of the archive that holds the sheet."""
    targets = _targets(book, "xl/workbook.xml")
    for element in ElementTree.fromstring(book.read("xl/workbook.xml")).iter():
        if _name(element.tag) == "sheet" and element.get("name") == sheet:
            return next((targets[value] for key, value in element.items() if _name(key) == "id"), None)
    return None


def _targets(book: ZipFile, part: str) -> dict[str, str]:
    """What the ids in a part stand for: other parts, and addresses outside."""
    folder, name = posixpath.split(part)
    try:
        relations = ElementTree.fromstring(book.read(f"{folder}/_rels/{name}.rels"))
    except KeyError:
        return {}
    targets = {}
    for relation in relations:
        target = relation.get("Target", "")
        if relation.get("TargetMode") != "External":
            target = posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
        targets[relation.get("Id", "")] = target
    return targets


def _mentions_links(book: ZipFile, part: str) -> bool:
    """Whether it is worth the time to parse the whole sheet."""
    last = b""
    with book.open(part) as file:
        while chunk := file.read(1 << 20):
            if b"hyperlink" in (last + chunk).lower():
                return True
            last = chunk[-10:]
    return False


def _links(book: ZipFile, part: str) -> dict[tuple[int, int], str]:
    targets = _targets(book, part)
    links: dict[tuple[int, int], str] = {}
    cell: str | None = None
    with book.open(part) as file:
        for event, element in ElementTree.iterparse(file, ("start", "end")):
            name = _name(element.tag)
            if event == "start":
                cell = element.get("r") if name == "c" else cell
            elif name == "f" and cell is not None and (formula := _FORMULA(element.text or "")):
                links.update(dict.fromkeys(_places(cell), formula[1].replace('""', '"')))
            elif name == "hyperlink":
                at = next((value for key, value in element.items() if _name(key) == "id"), "")
                if at in targets:
                    links.update(dict.fromkeys(_places(element.get("ref", "")), targets[at]))
            elif name == "row":
                element.clear()
    return links


def _places(reference: str) -> list[tuple[int, int]]:
    """The cells of a reference, such as B2 or B2:B9."""
    ends = [_CELL(end) for end in reference.split(":")]
    numbers = [(int(end[2]), _column(end[1])) for end in ends if end is not None]
    if not numbers:
        return []
    (top, left), (bottom, right) = numbers[0], numbers[-1]
    if (bottom - top + 1) * (right - left + 1) > MAX_CELLS:
        return [(top, left)]
    return [(row, column) for row in range(top, bottom + 1) for column in range(left, right + 1)]


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def _name(tag: str) -> str:
    return tag.rpartition("}")[2]
