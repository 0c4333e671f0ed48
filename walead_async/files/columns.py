"""Which column of a table holds the people, the numbers or the record ids: pure decisions over header names."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from walead_async.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from walead_async.models import Row

__all__ = [
    "EVERY",
    "EXPORT_COLUMNS",
    "HEAD_ROWS",
    "REJECTED_COLUMNS",
    "Header",
    "Kind",
    "Taken",
    "find_header",
    "known_columns",
    "not_one_word",
    "undecided",
]

Kind: TypeAlias = Literal["lead", "number", "id"]
#: What is told the names of the columns that are taken, once they are known.
Taken: TypeAlias = Callable[[tuple[str, ...]], object]

#: What our own exports have. A CSV file with exactly this header is one of them.
EXPORT_COLUMNS = ("id", "public_identifier", "reason", "created_at", "workspace_id")
#: What a job's file of rejected rows has, by what its rows name. It is read back like an export.
REJECTED_COLUMNS: dict[Kind, tuple[str, ...]] = {
    "lead": ("line", "public_identifier", "reason", "why"),
    "number": ("line", "number", "reason", "why"),
}
_OWN = frozenset({EXPORT_COLUMNS, *REJECTED_COLUMNS.values()})

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
        "linkedin",
        "linkedinc",
        "linkedinidentifier",
        "linkedinusername",
        "linkedinhandle",
        "profileurl",
        "profilelink",
        "publicprofileurl",
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
#: From here on a name says nothing of LinkedIn: a column that does comes first.
_OF_ANY_SITE = "profileurl"
_MEANING: dict[Kind, str] = {"lead": "the people", "number": "the phone numbers", "id": "the record ids"}

#: Those of columns that never hold links.
_BARE = frozenset(_NAMES["lead"][:6])
#: Words of a header that holds phone numbers, and of one that says something about them.
_PHONE = frozenset(("phone", "phones", "mobile", "tel", "cell", "whatsapp", "telephone", "telephones", "cellphone"))
_PHONE |= {"landline", "telefon", "telefono", "teléfono", "téléphone", "telefone", "telefoon", "mobil", "mobiltelefon"}
_PHONE |= {"movil", "móvil", "handy", "natel", "portable", "cellulare", "celular", "gsm"}
_NO_PHONE = frozenset({"type", "label", "status", "extension", "ext"})
#: The same for links to people's profiles.
_LINK = frozenset({"url", "link", "profile", "profil", "perfil", "profilo"})
_NO_PERSON = frozenset({"company", "organization", "organisation", "account", "school", "sales", "navigator", "id"})

#: How many lines are looked at to find the header: LinkedIn's Connections.csv has three lines of notes before it.
HEAD_ROWS = 20
#: How many columns an error names.
SHOWN = 20


class _Every(tuple[str, ...]):
    """No names at all, but for what it is."""


#: In the place of wanted names: none is named, and every column that could be meant is read, where () asks which.
EVERY: Sequence[str] = _Every()


class Header(NamedTuple):
    """Where the header stands among the first rows, and what it says.

    `row` is -1 where there is none. `keys` and `reason` are columns, `width` is their number; `own` is True if this
    is one of our exports, `bare` if what it says of the keys is that they are identifiers, and so no links. `names` are
    those of the keys.
    """

    row: int
    keys: tuple[int, ...]
    reason: int | None
    width: int
    own: bool
    bare: bool = False
    names: tuple[str, ...] = ()


def known_columns(names: Sequence[str], kind: Kind, wanted: Sequence[str], file: str) -> Header | None:
    """The columns to read, by the names that were asked for or by the names we know; None if one is not there.

    Raises `SourceError` where two columns could be meant.
    """
    plain = [_plain(name) for name in names]
    if not wanted:
        meant = _by_known_name(names, plain, kind)
        found = [[at] for at in meant] if wanted is EVERY and meant else [meant]
    else:
        found = [[at for at, name in enumerate(names) if name.strip() == each.strip()] for each in wanted]
        found = [
            exact or [at for at, name in enumerate(plain) if name and name == _plain(each)]
            for each, exact in zip(wanted, found, strict=True)
        ]
    if not all(found):
        return None
    for alike in found:
        if len(alike) > 1:
            both = " and ".join(repr(names[at]) for at in alike[:SHOWN])
            raise SourceError(
                f"{file}: the columns {both} could each hold {_MEANING[kind]}: name the one with --column, or several "
                "with a --column for each"
            )
    keys = tuple(alike[0] for alike in found)
    reason = plain.index("reason") if "reason" in plain and kind == "lead" else None
    own = tuple(names) in _OWN
    bare = all(plain[key] in _BARE for key in keys)
    taken = tuple(names[key] for key in keys)
    return Header(0, keys, reason if reason not in keys else None, len(names), own, bare, taken)


def find_header(rows: Sequence[Sequence[str]], kind: Kind, wanted: Sequence[str], file: str) -> Header | None:
    """Find the header among the first rows of a table; a table of one column may have none.

    Rows before it are notes: they have one filled cell at most, and the header has several, so that no row of a list
    is ever taken for a note. With `wanted` the row that holds these names is the header. None if it cannot be told.
    Raises `SourceError` where two columns could be meant.
    """
    for at, row in enumerate(rows):
        header = known_columns(row, kind, wanted, file)
        if header is not None and (at == 0 or wanted or _filled(row) > 1):
            return header._replace(row=at, own=header.own and at == 0)
        if not wanted and _filled(row) > 1:
            break
    if not wanted and rows and not any(_filled(row[1:]) for row in rows) and not _has_title(rows):
        return Header(-1, (0,), None, 1, False)
    return None


def undecided(rows: Sequence[Sequence[str]], kind: Kind, wanted: Sequence[str], file: str) -> SourceError:
    """The error for a table whose column cannot be told: it lists the columns of its fullest row."""
    names = max(rows, key=_filled, default=())
    shown = [repr(cell if len(cell) <= 40 else cell[:37] + "...") for cell in names if cell.strip()][:SHOWN]
    which = f"no column is known to hold {_MEANING[kind]}"
    if wanted:
        which = f"no column is named {' and '.join(map(repr, wanted))}"
    return SourceError(f"{file}: {which}; its columns are {', '.join(shown) or 'unnamed'}: name one with --column")


def _by_known_name(names: Sequence[str], plain: Sequence[str], kind: Kind) -> list[int]:
    """The columns with the best known name: several if more than one could be meant.

    Different columns with phone numbers hold different numbers, and choosing one would leave the others out. So may
    those with links to LinkedIn.
    """
    if kind == "number":
        return [at for at, name in enumerate(plain) if name in _NAMES[kind] or _is_about(names[at], _PHONE, _NO_PHONE)]
    links: list[int] = []
    if kind == "lead":
        links = [at for at, name in enumerate(plain) if "linkedin" in name and _is_about(names[at], _LINK, _NO_PERSON)]
        if len(links) > 1:
            return links
    for known in _NAMES[kind]:
        if links and known == _OF_ANY_SITE:
            break
        if known in plain:
            return [at for at, name in enumerate(plain) if name == known]
    return links


def _is_about(name: str, words: frozenset[str], others: frozenset[str]) -> bool:
    """Whether a header has one of these words and none of the others."""
    parted = [*re.split(r"[\W\d_]+", name), *re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)]
    found = set(map(str.lower, parted))
    return not found.isdisjoint(words) and found.isdisjoint(others)


def _has_title(rows: Sequence[Sequence[str]]) -> bool:
    """True if the first row of one column looks like a title we do not know: all others are links, it is not."""
    links = ["/" in row[0] for row in rows]
    return len(links) > 1 and not links[0] and all(links[1:])


def _filled(row: Sequence[str]) -> int:
    return sum(1 for cell in row if cell.strip())


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.lower())


#: So many rows alike are enough to say that a column holds nothing but one word; fewer, if they are all there are.
ALIKE = 1000
FEW_ALIKE = 3


def not_one_word(
    found: Iterator[Row], kind: Kind, file: str, bare: Callable[[], bool] = lambda: False
) -> Iterator[Row]:
    """The rows, unless all name the same word: then the links behind it are missing. Raises `SourceError`.

    `bare` is asked at the end whether no links are expected: a list of identifiers may hold one person several times.
    """
    if kind != "lead":
        yield from found
        return
    alike: list[Row] = []
    try:
        for row in found:
            alike.append(row)
            word = row.text.strip().casefold()
            if not word or "/" in word or row.problem is not None or word != alike[0].text.strip().casefold():
                break
            if len(alike) == ALIKE and not bare():
                raise _one_word(row, file)
        else:
            if len(alike) >= FEW_ALIKE and not bare():
                raise _one_word(alike[0], file)
    except SourceError:
        # what stands before the place where a file cannot be read any further counts
        if len(alike) < FEW_ALIKE:
            yield from alike
        raise
    yield from alike
    yield from found


def _one_word(row: Row, file: str) -> SourceError:
    return SourceError(
        f"{file}: every row gives {row.text.strip()!r}, which names nobody: the links behind the word are missing; "
        "export the file with the links' addresses, or name another column with --column"
    )
