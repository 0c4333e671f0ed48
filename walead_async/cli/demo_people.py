"""The people of the demo: who is blocked, unblocked and not called, written the way people write them."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["BLOCKED_BEFORE", "NUMBERS", "NUMBER_BLOCKED_BEFORE", "UNBLOCKED", "Kind", "Person", "people", "write_file"]

#: How many people are blocked before the demo begins, as `lead-0000001` and so on.
BLOCKED_BEFORE = 10_000
#: How many new ones are in the file.
NEW = 1_000


class Kind(NamedTuple):
    """One kind of row: its name, how many rows of it the file has, and how row `n` (from 0) is written."""

    name: str
    rows: int
    write: Callable[[int], str]


class Person(NamedTuple):
    """One row of the file."""

    kind: str
    link: str
    reason: str


def _identifier(number: int) -> str:
    return f"opt-out-{number:04d}"


#: Kinds of rows that name new people; together they are `NEW`.
_NEW_KINDS = (
    Kind("an identifier", 700, lambda n: _identifier(n)),
    Kind("a profile link", 200, lambda n: f"https://www.linkedin.com/in/{_identifier(700 + n)}/"),
    Kind("a link with tracking", 60, lambda n: f"de.linkedin.com/in/{_identifier(900 + n)}/en?trk=people_search"),
    Kind("a percent-encoded link", 30, lambda n: f"https://linkedin.com/in/j%C3%BCrgen-m%C3%BCller-{n:02d}"),
    Kind("capitals and an @", 10, lambda n: f" @Opt-Out-{990 + n:04d}"),
)
#: The others: people twice, people blocked before, and what is no person at all.
_OTHER_KINDS = (
    Kind("blocked before", 20, lambda n: f"lead-{n + 1:07d}"),
    Kind("somebody again", 25, lambda n: f"https://www.linkedin.com/in/{_identifier(n).upper()}"),
    Kind("a company page", 4, lambda n: f"https://www.linkedin.com/company/example-{n}"),
    Kind("a Sales Navigator link", 4, lambda n: f"https://www.linkedin.com/sales/lead/ACwAAA{n},NAME_SEARCH"),
    Kind("a link to a post", 2, lambda n: f"https://www.linkedin.com/posts/example-{n}_activity-7100"),
    Kind("an e-mail address", 4, lambda n: f"somebody-{n}@example.com"),
    Kind("a full name", 3, lambda n: f"Jane Example {n}"),
    Kind("an empty cell", 3, lambda n: ""),
)

#: Who is unblocked again, with the kind of each.
UNBLOCKED = (
    *(("blocked a moment ago", _identifier(n)) for n in range(3)),
    ("as a profile link", f"https://www.linkedin.com/in/{_identifier(3)}/"),
    ("as a profile link", "https://www.linkedin.com/in/jürgen-müller-00"),
    ("the same person again", _identifier(0)),
    ("never blocked", "nobody-ever-blocked-me"),
    ("an e-mail address", "somebody@example.com"),
)

NUMBER_BLOCKED_BEFORE = "+14155550100"
#: The numbers that a voice agent is not to call, with the kind of each.
NUMBERS = (
    *(("a number", f"+1415555{n:04d}") for n in range(101, 104)),
    ("spaces and signs", "+49 (30) 901820-1"),
    ("blocked before", NUMBER_BLOCKED_BEFORE),
    ("the same number again", "+1 415 555-0101"),
    ("no number", "call me maybe"),
    ("a number too short", "112"),
)


def people() -> list[Person]:
    """Every row of the file, the odd ones spread among the others."""
    rows = [list(_rows(kind)) for kind in (*_NEW_KINDS, *_OTHER_KINDS)]
    placed = [(place / len(of_kind), person) for of_kind in rows for place, person in enumerate(of_kind, 1)]
    return [person for _, person in sorted(placed, key=lambda pair: pair[0])]


def _rows(kind: Kind) -> Iterator[Person]:
    for number in range(kind.rows):
        yield Person(kind.name, kind.write(number), "asked on the phone" if number % 3 == 0 else "")


def write_file(path: Path) -> list[Person]:
    """Write the CSV file that somebody might bring, and return its rows."""
    rows = people()
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["LinkedIn URL", "Reason"])
        writer.writerows((person.link, person.reason) for person in rows)
    return rows
