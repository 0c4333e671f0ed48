from __future__ import annotations

import fcntl
import os
import re
import struct
import termios
from typing import TYPE_CHECKING

import pytest
from terminals import seen_on

from walead_async.cli.output import one_line, say, visible, whereabouts

if TYPE_CHECKING:
    from pathlib import Path

    from programs import Walead


def test_a_terminal_cannot_be_steered() -> None:
    assert visible("a\x1b[2Jb\x07") == "a\\x1b[2Jb\\x07"


@pytest.mark.parametrize("text", ["jürgen müller", "李小龍", "a – b"])
def test_what_people_write_stays_as_it_is(text: str) -> None:
    assert visible(text) == text


def test_a_long_story_becomes_one_line() -> None:
    assert one_line("first\n  second\t third\n") == "first second third"


def test_words_go_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    say("hello")
    assert capsys.readouterr() == ("", "hello\n")


def test_a_fault_is_named_without_its_text() -> None:
    with pytest.raises(KeyError) as caught:
        {}["wk_secret_123"]
    assert whereabouts(caught.value).startswith("KeyError in test_output.py, line ")
    assert "secret" not in whereabouts(caught.value)


@pytest.mark.parametrize("columns", [60, 80])
async def test_on_a_terminal_lines_break_between_words(walead: Walead, tmp_path: Path, columns: int) -> None:
    people = tmp_path / "people.txt"
    people.write_text(f"Jane Doe\nlinkedin.com/company/{'a' * 90}\n", encoding="utf-8")
    seen = await lines_on_a_terminal(walead, columns, "block", "--file", str(people), "--dry-run")
    assert max(map(len, seen)) <= columns
    assert seen[0].startswith("  line 1: 'Jane Doe': invalid: whitespace")
    assert seen[1].startswith("      ")
    assert " ".join(" ".join(seen).split()).count("paste the link of the person's profile") == 2


async def test_doctor_keeps_what_it_says_in_its_column(walead: Walead) -> None:
    seen = await lines_on_a_terminal(walead, 60, "doctor", WALEAD_API_KEY=None)
    assert max(map(len, seen)) <= 60
    at = next(number for number, line in enumerate(seen) if "there is no API key" in line)
    assert seen[at].startswith("  wrong   key           there is")
    assert seen[at + 1].startswith(" " * 24)


async def test_elsewhere_a_line_stays_one(walead: Walead) -> None:
    done = await walead("block", "Jane Doe", "--dry-run", COLUMNS="60")
    assert len(done.out.splitlines()) == 2


async def lines_on_a_terminal(walead: Walead, columns: int, *arguments: str, **environment: str | None) -> list[str]:
    screen, terminal = os.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 100, columns, 0, 0))
    try:
        program = await walead.start(
            *arguments, stdout=terminal, stderr=terminal, NO_COLOR="1", TERM="xterm", **environment
        )
        seen = await seen_on(screen, program)
    finally:
        os.close(terminal)
        os.close(screen)
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", seen).splitlines()
