"""`walead filter`: contact files before they are used."""

# ruff: noqa: ASYNC240  # small files

from __future__ import annotations

import asyncio
import signal
import stat
from typing import TYPE_CHECKING

import pytest

from walead_async.testing import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Walead

    from walead_async.testing import Emulator

CONTACTS = b"Name;LinkedIn URL\r\nA;https://linkedin.com/in/lead-0000001\r\nB;bob\r\nC;x@example.com\r\n"
PHONES = b"Name,Mobile,Phone\na,+14155550101,\nb,,+1 415 555 0102\nc,+14155550103,\n"


@pytest.fixture
def contacts(tmp_path: Path) -> Path:
    path = tmp_path / "contacts.csv"
    path.write_bytes(CONTACTS)
    return path


async def test_who_is_blocked_is_left_out_and_who_cannot_be_read_is_named(
    walead: Walead, contacts: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.csv"
    done = await walead("filter", str(contacts), "--output", str(output))
    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines()[0] == "3 rows: 1 kept, 1 blocked, 1 that cannot be read"
    assert "line 4: 'x@example.com': an e-mail address" in done.err
    assert output.read_bytes() == b"Name;LinkedIn URL\r\nB;bob\r\n"
    assert stat.S_IMODE(output.stat().st_mode) == 0o600
    done = await walead("filter", str(contacts), "--output", str(output), "--keep", "blocked", "--json")
    (value,) = done.values()
    assert (done.code, value.pop("problems")) == (
        1,
        [{"line": 4, "text": "x@example.com", "why": done.err.split("'x@example.com': ")[1].strip()}],
    )
    assert value == {"output": str(output), "rows": 3, "kept": 1, "blocked": 1, "unreadable": 1}
    assert output.read_bytes() == b"Name;LinkedIn URL\r\nA;https://linkedin.com/in/lead-0000001\r\n"


async def test_a_file_that_can_be_read_ends_with_0(walead: Walead, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_bytes(b"lead-0000002\nbob")
    done = await walead("filter", str(tmp_path / "in.txt"), "--output", str(tmp_path / "out.txt"))
    assert (done.code, done.err) == (0, "2 rows: 1 kept, 1 blocked, 0 that cannot be read\n")
    assert (tmp_path / "out.txt").read_bytes() == b"bob"


async def test_numbers_go_by_an_agents_list_or_by_all(walead: Walead, emulator: Emulator, tmp_path: Path) -> None:
    emulator.agents.update(a1={"+14155550101": None}, a2={"+14155550102": None})
    (tmp_path / "in.csv").write_bytes(PHONES)
    for agent, kept in (("a1", "bc"), ("a2", "ac"), ("all", "c")):
        output = tmp_path / f"{agent}.csv"
        done = await walead("filter", str(tmp_path / "in.csv"), "--output", str(output), "--agent", agent)
        assert done.code == 0
        assert [line[0] for line in output.read_text(encoding="utf-8").splitlines()[1:]] == list(kept)
    one = ("--agent", "all", "--column", "Mobile", "--uid", emulator.uid)
    done = await walead("filter", str(tmp_path / "in.csv"), "--output", str(output), *one, PHONELY_UID=None)
    assert (done.code, output.read_bytes()) == (1, b"Name,Mobile,Phone\nc,+14155550103,\n")


@pytest.mark.parametrize(
    ("settings", "arguments", "code", "words"),
    [
        (Settings(offset_limit=200), [], 3, "whether somebody is not blocked"),
        (Settings(agents=("a1", "a2"), agents_without_access=("a2",)), ["--agent", "all"], 1, "401"),
        (Settings(agents=("a1",)), ["--agent", "a2"], 1, "404"),
        (Settings(), ["--agent", "all"], 1, "no voice agent"),
    ],
)
async def test_nothing_is_written_unless_the_whole_list_was_read(
    walead: Walead, emulator: Emulator, tmp_path: Path, settings: Settings, arguments: list[str], code: int, words: str
) -> None:
    emulator.settings = settings
    (tmp_path / "in.csv").write_bytes(b"LinkedIn URL,Phone\nbob,+14155550101\n")
    output = tmp_path / "out.csv"
    output.write_bytes(b"what was there")
    done = await walead("filter", str(tmp_path / "in.csv"), "--output", str(output), *arguments)
    assert (done.code, output.read_bytes()) == (code, b"what was there")
    assert words in done.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["contacts.csv"], "--output"),
        (["contacts.csv", "--output", "out.xlsx"], "the same suffix"),
        (["none.csv", "--output", "out.csv"], "check the name"),
        (["contacts.csv", "--output", "out.csv", "--column", "who"], "no column is named 'who'"),
        (["contacts.csv", "--output", "out.csv", "--agent", "all"], "no column is known to hold the phone numbers"),
        (["contacts.csv", "--output", "out.csv", "--uid", "u"], "give --agent"),
        (["contacts.csv", "--output", "out.csv", "--keep", "all"], "--keep"),
        (["contacts.csv", "--output", "out.csv", "--encoding", "utf-9"], "no encoding"),
    ],
)
async def test_wrong_usage_sends_nothing(
    walead: Walead, emulator: Emulator, contacts: Path, arguments: list[str], words: str
) -> None:
    named = [str(contacts.with_name(each)) if "." in each else each for each in arguments]
    done = await walead("filter", *named)
    assert done.code == 2
    assert words in done.err
    assert emulator.requests == []
    assert [path.name for path in contacts.parent.iterdir()] == ["contacts.csv"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_leaves_what_was_there(
    walead: Walead, emulator: Emulator, contacts: Path, number: signal.Signals
) -> None:
    emulator.faults.add("GET #2-:hang")
    output = contacts.with_name("out.csv")
    output.write_bytes(b"what was there")
    program = await walead.start("filter", str(contacts), "--output", str(output))
    async with asyncio.timeout(20):
        while len(emulator.requests) < 2:  # noqa: ASYNC110  # what is waited for is another process
            await asyncio.sleep(0.01)
    program.send_signal(number)
    done = await walead.end_of(program)
    assert done.code == 128 + number
    assert done.err.splitlines() == [f"So far: nothing was written to {output}", "walead: interrupted"]
    assert output.read_bytes() == b"what was there"
    assert sorted(path.name for path in contacts.parent.iterdir()) == ["contacts.csv", "out.csv"]


async def test_the_output_cannot_be_the_source(walead: Walead, contacts: Path) -> None:
    done = await walead("filter", str(contacts), "--output", str(contacts))
    assert done.code == 2
    assert "the source itself" in done.err
    assert contacts.read_bytes() == CONTACTS
