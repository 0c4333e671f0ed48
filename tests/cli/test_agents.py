"""`walead agent all` and `walead agent block all`: every voice agent of a user, and where their lists differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from walead_async.testing import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Walead

    from walead_async.testing import Emulator

NUMBERS = ["+14155550101", "+14155550102"]
THREE = Settings(agents=("a1", "a2", "a3"))


async def test_the_agents_of_the_user_are_listed(walead: Walead, emulator: Emulator) -> None:
    emulator.settings = THREE
    done = await walead("agent", "all", "--json")
    assert (done.code, done.err) == (0, "3 agents\n")
    assert done.values()[0] == {"id": "a1", "name": "Agent a1", "number": "+14155550001"}
    assert [value["id"] for value in done.values()] == ["a1", "a2", "a3"]
    words = await walead("agent", "all", "--uid", emulator.uid, PHONELY_UID=None)
    assert words.out.splitlines()[0].split() == ["a1", "+14155550001", "Agent", "a1"]


async def test_numbers_are_blocked_in_every_agent(walead: Walead, emulator: Emulator, tmp_path: Path) -> None:
    emulator.settings = THREE
    emulator.drifts.add("#1:create-agent")
    numbers = tmp_path / "numbers.csv"
    numbers.write_text(f"Name,Phone\nJohn,{NUMBERS[0]}\nJane,\n", encoding="utf-8")
    done = await walead("agent", "block", "all", NUMBERS[1], "--file", str(numbers), "--json")
    assert done.code == 1
    assert [(value["item"], value["status"], value["row"]) for value in done.values()] == [
        (NUMBERS[1], "done", None),
        (NUMBERS[0], "done", 2),
        ("", "invalid", 3),
    ]
    assert len(emulator.agents) == 4
    assert {frozenset(held) for held in emulator.agents.values()} == {frozenset(NUMBERS)}
    again = await walead("agent", "block", "all", *NUMBERS)
    assert (again.code, again.out) == (0, "2 items: 2 already\n")


async def test_the_agents_that_do_not_hold_a_number_are_named(walead: Walead, emulator: Emulator) -> None:
    emulator.settings = Settings(agents=("a1", "a2"), agents_without_access=("a2",))
    done = await walead("agent", "block", "all", *NUMBERS)
    assert done.code == 1
    assert done.out.count("refused: 1 of 2 agents do not hold it: a2 (Agent a2)") == 2


async def test_without_agents_and_without_their_list_nothing_is_done(walead: Walead, emulator: Emulator) -> None:
    done = await walead("agent", "block", "all", *NUMBERS, "--json")
    assert (done.code, [value["status"] for value in done.values()]) == (1, ["refused"] * 2)
    emulator.faults.add("POST /get-agents:status=403")
    done = await walead("agent", "block", "all", *NUMBERS, "--json")
    assert (done.code, [value["status"] for value in done.values()]) == (1, ["not_sent"] * 2)
    assert "403" in done.err


async def test_what_some_agent_lacks_is_told_with_1_and_mended_with_0(walead: Walead, emulator: Emulator) -> None:
    emulator.settings = THREE
    emulator.agents.update(a1=dict.fromkeys(NUMBERS), a2=dict.fromkeys(NUMBERS[:1]))
    done = await walead("agent", "block", "all", "--missing", "--json")
    assert (done.code, done.err) == (1, "2 numbers that some agent lacks\n")
    assert done.values() == [
        {"number": NUMBERS[0], "agents": ["a3"]},
        {"number": NUMBERS[1], "agents": ["a2", "a3"]},
    ]
    words = await walead("agent", "block", "all", "--missing")
    assert words.out.splitlines()[1].split(maxsplit=1) == [NUMBERS[1], "not in a2, a3"]
    assert {request.method for request in emulator.requests if request.path != "/get-agents"} == {"GET"}
    done = await walead("agent", "block", "all", "--missing", "--fix", "--json")
    assert (done.code, [(value["item"], value["status"]) for value in done.values()]) == (
        0,
        [(number, "done") for number in NUMBERS],
    )
    assert {frozenset(held) for held in emulator.agents.values()} == {frozenset(NUMBERS)}
    for options in (["--missing"], ["--missing", "--fix"]):
        done = await walead("agent", "block", "all", *options, "--json")
        assert (done.code, done.out, done.err) == (0, "", "0 numbers that some agent lacks\n")


@pytest.mark.parametrize("options", [["--missing"], ["--missing", "--fix"]])
async def test_a_list_that_cannot_be_read_is_never_fine(walead: Walead, emulator: Emulator, options: list[str]) -> None:
    emulator.settings = Settings(agents=("a1", "a2"), agents_without_access=("a2",))
    done = await walead("agent", "block", "all", *options)
    assert done.code == 1
    assert "the list of agent a2 cannot be read" in done.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["agent", "list", "all"], "name one"),
        (["agent", "unblock", "all", NUMBERS[0]], "name one"),
        (["agent", "block", "all"], "nothing was given"),
        (["agent", "block", "a1"], "nothing was given"),
        (["agent", "block", "all", "--encoding", "utf-8"], "give --file F"),
        (["agent", "block", "all", "--file", ""], "suffix"),
        (["agent", "block", "a1", "--missing"], "walead agent block all --missing"),
        (["agent", "block", "all", NUMBERS[0], "--missing"], "no numbers"),
        (["agent", "block", "all", NUMBERS[0], "--fix"], "give both"),
    ],
)
async def test_wrong_usage_sends_nothing(walead: Walead, emulator: Emulator, arguments: list[str], words: str) -> None:
    done = await walead(*arguments)
    assert done.code == 2
    assert words in done.err
    assert emulator.requests == []
