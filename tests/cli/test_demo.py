from __future__ import annotations

import fcntl
import os
import re
import struct
import termios
from typing import TYPE_CHECKING

import pytest
from terminals import seen_on

from walead_async import files
from walead_async.cli.demo import people, write_file
from walead_async.errors import InvalidInputError
from walead_async.identifiers import public_identifier
from walead_async.models import Status

if TYPE_CHECKING:
    from pathlib import Path

    from programs import Walead

NOWHERE = {
    "WALEAD_API_KEY": None,
    "WALEAD_BASE_URL": "https://nowhere.invalid",
    "PHONELY_API_KEY": None,
    "PHONELY_UID": None,
    "PHONELY_BASE_URL": None,
}


def key_of(text: str) -> str | None:
    try:
        return public_identifier(text)
    except InvalidInputError:
        return None


def test_the_file_names_a_thousand_new_people_and_others(tmp_path: Path) -> None:
    rows = write_file(tmp_path / "people.csv")
    assert [(row.text, row.reason or "") for row in files.rows(tmp_path / "people.csv")] == [
        (person.link, person.reason) for person in rows
    ]
    keys = {key_of(person.link) for person in rows} - {None}
    assert len({key for key in keys if key and not key.startswith("lead-")}) == 1_000


def test_the_odd_rows_stand_among_the_others() -> None:
    kinds = [person.kind for person in people()]
    assert "a company page" in kinds[:400]
    assert "somebody again" not in kinds[:20]


async def test_it_needs_no_account_and_tells_what_became_of_every_kind_of_row(walead: Walead) -> None:
    done = await walead("demo", "--json", **NOWHERE)
    assert done.code == 0
    (value,) = done.values()
    steps = value["steps"]
    assert isinstance(steps, list)
    listed, blocked, unblocked, called, exported = steps
    assert listed["facts"]["records"] == 10_000
    assert listed["facts"]["verdict"] == "complete"
    ends = {end["kind"]: (end["status"], end["rows"]) for end in blocked["ends"]}
    assert ends["an identifier"] == ("done", 700)
    assert ends["somebody again"] == ("duplicate", 25)
    assert ends["an e-mail address"] == ("invalid", 4)
    assert ends["an empty cell"] == ("invalid", 3)
    assert {kind: status for kind, (status, _) in ends.items()}.keys() == {person.kind for person in people()}
    assert {end["kind"]: end["status"] for end in unblocked["ends"]}["never blocked"] == "already"
    assert {end["kind"]: end["status"] for end in called["ends"]} == {
        "a number": "done",
        "spaces and signs": "done",
        "blocked before": "already",
        "the same number again": "duplicate",
        "no number": "invalid",
        "a number too short": "refused",
    }
    assert exported["facts"]["records"] == 10_995
    assert len(list(files.rows(exported["facts"]["file"]))) == 10_995
    assert done.err == ""


async def test_through_a_pipe_it_is_plain_text(walead: Walead) -> None:
    done = await walead("demo", **NOWHERE)
    assert done.code == 0
    assert "\x1b" not in done.out + done.err
    assert "a Sales Navigator link" in done.out
    assert "What to try next" in done.out


@pytest.mark.parametrize("columns", [60, 80, 120])
async def test_its_legend_explains_every_end_that_is_there_and_no_other(walead: Walead, columns: int) -> None:
    screen, terminal = os.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 200, columns, 0, 0))
    try:
        program = await walead.start("demo", stdout=terminal, TERM="xterm", **NOWHERE)
        seen = await seen_on(screen, program)
    finally:
        os.close(terminal)
        os.close(screen)
    lines = [line.rstrip() for line in re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", seen).splitlines()]
    assert max(map(len, lines)) <= columns
    legend = lines[lines.index("What the ends mean") + 1 : lines.index("What to try next") - 1]
    ends = re.findall(r"^   ([a-z_]+) +[0-9]+  ", "\n".join(lines[: lines.index("What the ends mean")]), re.MULTILINE)
    assert [line.split()[0] for line in legend] == sorted(set(ends), key=list(Status).index)
    assert "…" not in seen
