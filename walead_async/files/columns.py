"""Which column of a table holds the people, the numbers or the record ids: pure decisions over header names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from walead_async.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["EXPORT_COLUMNS", "HEAD_ROWS", "Header", "Kind", "find_header", "known_columns", "undecided"]

Kind: TypeAlias = Literal["lead", "number", "id"]

#: What our own exports have. A CSV file with exactly this header is one of them.
EXPORT_COLUMNS = ("id", "public_identifier", "reason", "created_at", "workspace_id")

#: Header names in order of preference, compared without case, spaces and signs ("LinkedIn URL" is linkedinurl).
_NAMES: dict[Kind, tuple[str, ...]] = {
    "lead": (
        "publicidentifier",  # our exports, the APIs
        "publicidentifiers",
        "linkedinpublicidentifier",
        "publicid",
        "vanityname",
        "linkedinvanityname",
        "personlinkedinurl",  # Apollo
        "contactlinkedinurl",
        "memberlinkedinurl",
        "leadlinkedinurl",
        "defaultprofileurl",  # PhantomBuster: its profileUrl may be a Sales Navigator link
        "linkedinprofileurl",
        "linkedinpublicurl",
        "linkedinurlpublic",  # Evaboot
        "linkedinurl",
        "linkedinurlc",  # Salesforce's custom fields end in __c
        "hslinkedinurl",  # HubSpot
        "linkedinprofile",
        "linkedinprofilec",
        "linkedinlink",
        "linkedinbio",
        "profileurl",
        "profilelink",
        "publicprofileurl",
        "linkedin",
        "linkedinc",
        "linkedinidentifier",
        "linkedinusername",
        "linkedinhandle",
        "url",  # LinkedIn's own Connections.csv
        "profile",
        "identifier",
        "lead",
    ),
    "number": (
        "number",
        "phonenumber",
        "phone",
        "mobile",
        "mobilephone",
        "mobilenumber",
        "mobilephonenumber",
        "telephone",
        "telephonenumber",
        "tel",
        "cell",
        "cellphone",
        "phone1value",  # Google Contacts
        "msisdn",
        "e164",
        "workphone",
        "homephone",
        "businessphone",
        "directphone",
        "corporatephone",
        "otherphone",
    ),
    "id": ("id", "recordid", "blockedleadid"),
}
_MEANING: dict[Kind, str] = {"lead": "the people", "number": "the phone numbers", "id": "the record ids"}

#: How many lines are looked at to find the header: LinkedIn's Connections.csv has three lines of notes before it.
HEAD_ROWS = 20
#: How many columns an error names.
SHOWN = 20


class Header(NamedTuple):
    """Where the header stands among the first rows, and what it says.

    `row` is -1 where there is none. `key` and `reason` are columns, `width` is their number; `own` is True if this
    is one of our exports.
    """

    row: int
    key: int
    reason: int | None
    width: int
    own: bool


def known_columns(names: Sequence[str], kind: Kind, column: str | None, file: str) -> Header | None:
    """The columns to read, by the name that was asked for or by the names we know; None if none is there.

    Raises `SourceError` where two columns could be meant.
    """
    plain = [_plain(name) for name in names]
    if column is not None:
        found = [at for at, name in enumerate(names) if name.strip() == column.strip()]
        found = found or [at for at, name in enumerate(plain) if name and name == _plain(column)]
    else:
        found = _found_by_preference(plain, kind)
    if not found:
        return None
    if len(found) > 1:
        both = " and ".join(repr(names[at]) for at in found[:3])
        raise SourceError(f"{file}: the columns {both} could each hold {_MEANING[kind]}: name one with --column")
    reason = plain.index("reason") if "reason" in plain else None
    own = tuple(names) == EXPORT_COLUMNS
    return Header(0, found[0], reason if reason != found[0] else None, len(names), own)


def find_header(rows: Sequence[Sequence[str]], kind: Kind, column: str | None, file: str) -> Header | None:
    """Find the header among the first rows of a table; a table of one column may have none.

    Rows before it are notes: they have one filled cell at most, and the header has several, so that no row of a list
    is ever taken for a note. With `column` the row that holds this name is the header. None if it cannot be told.
    Raises `SourceError` where two columns could be meant.
    """
    for at, row in enumerate(rows):
        header = known_columns(row, kind, column, file)
        if header is not None and (at == 0 or column is not None or _filled(row) > 1):
            return header._replace(row=at, own=header.own and at == 0)
        if column is None and _filled(row) > 1:
            break
    if column is None and rows and not any(_filled(row[1:]) for row in rows) and not _has_title(rows):
        return Header(-1, 0, None, 1, False)
    return None


def undecided(rows: Sequence[Sequence[str]], kind: Kind, column: str | None, file: str) -> SourceError:
    """The error for a table whose column cannot be told: it lists the columns of its fullest row."""
    names = max(rows, key=_filled, default=())
    shown = [repr(cell if len(cell) <= 40 else cell[:37] + "...") for cell in names if cell.strip()][:SHOWN]
    which = f"no column is known to hold {_MEANING[kind]}" if column is None else f"no column is named {column!r}"
    return SourceError(f"{file}: {which}; its columns are {', '.join(shown) or 'unnamed'}: name one with --column")


def _found_by_preference(plain: Sequence[str], kind: Kind) -> list[int]:
    """The columns with the best known name: several if it stands there twice.

    Different columns with phone numbers hold different numbers, and choosing one would leave the others out.
    """
    if kind == "number":
        return [at for at, name in enumerate(plain) if name in _NAMES[kind]]
    for known in _NAMES[kind]:
        if known in plain:
            return [at for at, name in enumerate(plain) if name == known]
    return []


def _has_title(rows: Sequence[Sequence[str]]) -> bool:
    """True if the first row of one column looks like a title we do not know: all others are links, it is not."""
    links = ["/" in row[0] for row in rows]
    return len(links) > 1 and not links[0] and all(links[1:])


def _filled(row: Sequence[str]) -> int:
    return sum(1 for cell in row if cell.strip())


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.lower())
