from __future__ import annotations

import asyncio
import stat
from pathlib import Path

import orjson
import pytest
from asking import Start

from walead_async.testing import BadSetting, Emulator


async def test_a_state_is_taken_up_by_the_next_emulator(start: Start, tmp_path: Path):
    path = tmp_path / "state.json"
    first = await start(leads=3, seed=1, state=path)
    ids = first.emulator.blocked_leads.ids()
    await first.walead("DELETE", json=ids[:1])
    await first.walead("POST", "/v1/campaigns/c/blocked-leads", json={"publicIdentifiers": ["a"]})
    numbers = {"uid": first.emulator.uid, "agentId": "A", "numbers": ["+14155550123"]}
    await first.phonely("POST", json=numbers)
    await first.emulator.aclose()
    second = await start(leads=9, seed=2, state=path)
    emulator = second.emulator
    await second.block("new")

    assert emulator.blocked_leads.ids()[:2] == ids[1:]
    assert len(set(emulator.blocked_leads.ids()) | set(ids)) == 4
    assert emulator.blocked_leads.identifiers() == ["lead-0000002", "lead-0000003", "new"]
    assert emulator.campaigns["c"].identifiers() == ["a"]
    assert list(emulator.agents["A"]) == ["+14155550123"]
    times = [lead.created_at for lead in emulator.blocked_leads]
    assert times == sorted(set(times))


async def test_a_state_is_saved_soon_after_a_change_and_for_its_owner_only(start: Start, tmp_path: Path):
    path = tmp_path / "state.json"
    ask = await start(state=path)
    await ask.block("a")
    for _ in range(1000):
        if path.exists():
            break
        await asyncio.sleep(0.01)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert orjson.loads(path.read_bytes())["leads"]["records"][0][1]["publicIdentifier"] == "a"
    assert inside(tmp_path) == ["state.json"]


def inside(directory: Path) -> list[str]:
    return [file.name for file in directory.iterdir()]


async def test_a_change_just_before_the_end_is_saved(tmp_path: Path):
    path = tmp_path / "state.json"
    async with Emulator(state=path) as emulator:
        emulator.add_leads(["a", "b"])

    assert Emulator(state=path).blocked_leads.identifiers() == ["a", "b"]


async def test_a_state_that_cannot_be_saved_is_told_at_the_end(tmp_path: Path):
    folder = tmp_path / "folder"
    folder.mkdir()
    emulator = Emulator(state=folder / "state.json")
    await emulator.start()
    folder.rmdir()

    with pytest.raises(FileNotFoundError):
        await emulator.aclose()


STATE = '{"emulator":1,"seed":0,"clock":0,"leads":{"made":%s,"records":%s},"campaigns":%s,"agents":{}}'


@pytest.mark.parametrize(
    "text",
    [
        *("", "{}", "[]", '{"emulator":2}', '{"emulator":1,"seed":0}', "\x00"),
        STATE % (0, [], []),
        STATE % (-1, [[0, {}]], {}),
        STATE % (1, '[[0,{"publicIdentifier":"a","reason":null,"createdAt":7}]]', {}),
    ],
)
def test_a_file_of_something_else_is_refused_and_left_alone(tmp_path: Path, text: str):
    path = tmp_path / "state.json"
    path.write_text(text)

    with pytest.raises(BadSetting, match="was not written by this emulator, or is damaged"):
        Emulator(state=path)
    assert path.read_text() == text


def test_a_state_in_no_directory_is_refused(tmp_path: Path):
    with pytest.raises(BadSetting, match="there is no directory"):
        Emulator(state=tmp_path / "gone" / "state.json")


def test_a_directory_is_no_state(tmp_path: Path):
    with pytest.raises(BadSetting, match="cannot be read"):
        Emulator(state=tmp_path)
