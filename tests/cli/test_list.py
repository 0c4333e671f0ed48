from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import orjson
import pytest

from walead_async.testing import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from programs import Walead

    from walead_async.testing import Emulator


def left_in(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


async def test_list_writes_a_line_a_record_and_the_verdict_last(walead: Walead, emulator: Emulator) -> None:
    done = await walead("list", "--json")
    assert done.code == 0
    records = done.values()
    assert [record["public_identifier"] for record in records] == emulator.blocked_leads.identifiers()
    assert list(records[0]) == ["id", "public_identifier", "reason", "created_at", "workspace_id"]
    assert done.err == "COMPLETE: 250 records; the list did not change while it was read\n"


async def test_list_for_people_is_a_line_a_record_too(walead: Walead) -> None:
    done = await walead("list", "--search", "0000017")
    assert done.code == 0
    assert done.out.split()[:2] == ["lead-0000017", "2024-01-01"]
    assert "\x1b" not in done.out + done.err


async def test_list_newest_first(walead: Walead, emulator: Emulator) -> None:
    done = await walead("list", "--sort", "desc", "--json")
    assert [record["public_identifier"] for record in done.values()] == emulator.blocked_leads.identifiers()[::-1]


async def test_what_could_steer_a_terminal_is_spelled_out(walead: Walead, emulator: Emulator) -> None:
    emulator.add_leads([("evil", "\x1b]0;gotcha\x07")])
    done = await walead("list", "--search", "evil")
    assert "\\x1b]0;gotcha\\x07" in done.out


async def test_a_list_that_cannot_be_judged_exits_3(walead: Walead, emulator: Emulator) -> None:
    emulator.settings = Settings(offset_limit=200)
    done = await walead("list", "--json")
    assert done.code == 3
    assert len(done.values()) == 200
    assert done.err.splitlines()[-1].startswith("UNVERIFIED: 200 records")


async def test_a_list_that_breaks_off_is_incomplete(walead: Walead, emulator: Emulator) -> None:
    emulator.faults.add("GET #2-:null")
    done = await walead("list", "--json")
    assert done.code == 1
    assert len(done.values()) == 100
    error, verdict = done.err.splitlines()
    assert error.startswith("walead: ")
    assert verdict.startswith("INCOMPLETE: 100 records")


async def test_a_wrong_key_exits_1_and_says_so(walead: Walead) -> None:
    done = await walead("list", WALEAD_API_KEY="another")
    assert done.code == 1
    assert "401" in done.err
    assert "INCOMPLETE: 0 records" in done.err.splitlines()[-1]


async def test_the_base_url_of_the_command_is_used(walead: Walead, emulator: Emulator) -> None:
    done = await walead("list", "--base-url", emulator.walead_url, WALEAD_BASE_URL="https://nowhere.invalid")
    assert done.code == 0


async def test_find_says_of_each_whether_they_are_blocked_and_exits_0(walead: Walead) -> None:
    done = await walead("find", "lead-0000003", "https://linkedin.com/in/nobody/", "lead-0000003", "--json")
    assert done.code == 0
    found, absent, again = done.values()
    assert (found["identifier"], found["blocked"]) == ("lead-0000003", True)
    record = found["record"]
    assert isinstance(record, dict)
    assert record["public_identifier"] == "lead-0000003"
    assert absent == {"identifier": "https://linkedin.com/in/nobody/", "blocked": False, "record": None}
    assert again == found


async def test_find_for_people(walead: Walead) -> None:
    done = await walead("find", "lead-0000003", "nobody")
    assert done.out.splitlines() == ["lead-0000003: blocked since 2024-01-01 00:00 UTC", "nobody: not blocked"]


async def test_find_names_who_cannot_be_a_person_and_looks_for_the_others(walead: Walead, tmp_path: Path) -> None:
    people = tmp_path / "people.csv"
    company = "https://www.linkedin.com/company/acme"
    people.write_text(f"LinkedIn URL\n{company}\nlead-0000001\n", encoding="utf-8")
    done = await walead("find", "--file", str(people), "--json")
    assert done.code == 1
    invalid, found = done.values()
    assert list(invalid) == ["identifier", "blocked", "record", "error"]
    assert (invalid["identifier"], invalid["blocked"], invalid["record"]) == (company, False, None)
    error = invalid["error"]
    assert isinstance(error, dict)
    assert error["type"] == "InvalidInputError"
    assert "company page" in error["message"]
    assert (found["identifier"], found["blocked"], list(found)) == ("lead-0000001", True, list(invalid)[:3])
    assert done.err == f"line 2: {company}: invalid: {error['message']}\n"


async def test_find_for_people_names_who_cannot_be_one_in_their_place(walead: Walead, tmp_path: Path) -> None:
    done = await walead("find", "nobody", "a@example.com", "lead-0000003")
    assert done.code == 1
    absent, invalid, found = done.out.splitlines()
    assert invalid.startswith("a@example.com: invalid: an e-mail address")
    assert (absent, found) == ("nobody: not blocked", "lead-0000003: blocked since 2024-01-01 00:00 UTC")
    assert done.err == ""


@pytest.mark.parametrize("form", [(), ("--json",)])
async def test_find_with_none_who_can_be_a_person_says_so_of_each_and_asks_nothing(
    walead: Walead, emulator: Emulator, form: tuple[str, ...]
) -> None:
    done = await walead("find", "a@example.com", "", *form)
    assert (done.code, len(done.out.splitlines())) == (1, 2)
    assert not emulator.requests


async def test_find_in_an_empty_input_finds_nobody(walead: Walead, emulator: Emulator) -> None:
    done = await walead("find", "-", "--json")
    assert (done.code, done.out, done.err) == (0, "", "")
    assert not emulator.requests


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
async def test_export_writes_a_file_for_its_owner_alone(walead: Walead, tmp_path: Path, suffix: str) -> None:
    output = tmp_path / f"blocked{suffix}"
    done = await walead("export", "--output", str(output))
    assert done.code == 0
    assert done.out == f"{output}: 250 records\n"
    assert done.err.splitlines()[-1].startswith("COMPLETE")
    assert stat.S_IMODE(output.stat().st_mode) == 0o600
    assert len(output.read_text(encoding="utf-8").splitlines()) in {250, 251}


async def test_export_as_json_says_what_was_written(walead: Walead, tmp_path: Path) -> None:
    output = tmp_path / "blocked.csv"
    done = await walead("export", "--output", str(output), "--json")
    assert done.values() == [{"output": str(output), "records": 250, "verdict": "complete"}]


async def test_an_export_of_half_a_list_is_not_written(walead: Walead, emulator: Emulator, tmp_path: Path) -> None:
    emulator.faults.add("GET #2-:null")
    done = await walead("export", "--output", str(tmp_path / "blocked.csv"))
    assert done.code == 1
    assert left_in(tmp_path) == []


async def test_an_export_in_an_unknown_format_sends_nothing(walead: Walead, emulator: Emulator, tmp_path: Path) -> None:
    done = await walead("export", "--output", str(tmp_path / "blocked.pdf"))
    assert done.code == 2
    assert not emulator.requests


async def test_what_was_exported_can_be_looked_for(walead: Walead, tmp_path: Path) -> None:
    output = tmp_path / "blocked.csv"
    await walead("export", "--output", str(output))
    done = await walead("find", "--file", str(output), "--json")
    assert done.code == 0
    assert sum(bool(value["blocked"]) for value in done.values()) == 250


async def test_a_campaign_is_listed_without_ids(walead: Walead, emulator: Emulator) -> None:
    await walead("campaign", "block", "c1", "john-doe", "jane-doe", "--yes")
    done = await walead("campaign", "list", "c1", "--json")
    assert done.code == 0
    assert [value["public_identifier"] for value in done.values()] == ["john-doe", "jane-doe"]
    assert list(done.values()[0]) == ["public_identifier", "reason", "created_at"]


@pytest.mark.parametrize("campaign", ["..", "a/b", ""])
async def test_what_cannot_be_a_campaign_exits_2(walead: Walead, emulator: Emulator, campaign: str) -> None:
    done = await walead("campaign", "list", campaign)
    assert done.code == 2
    assert not emulator.requests


async def test_an_agents_numbers_are_listed(walead: Walead, emulator: Emulator) -> None:
    emulator.agents["a1"] = {"+14155550123": None, "+14155550124": None}
    done = await walead("agent", "list", "a1", "--json")
    assert done.code == 0
    assert [orjson.loads(line) for line in done.out.splitlines()] == [
        {"number": "+14155550123"},
        {"number": "+14155550124"},
    ]


async def test_an_agent_needs_a_user(walead: Walead) -> None:
    done = await walead("agent", "list", "a1", PHONELY_UID=None)
    assert done.code == 2
    assert "PHONELY_UID" in done.err


async def test_list_since_a_day_is_newest_first_and_ends_at_the_first_older_record(
    walead: Walead, emulator: Emulator
) -> None:
    newest_first = emulator.blocked_leads.identifiers()[::-1]
    done = await walead("list", "--since", "2024-01-01T00:04:00+00:00", "--json")
    assert done.code == 0
    assert [record["public_identifier"] for record in done.values()] == newest_first[:10]
    assert done.err.startswith("COMPLETE: 10 records")
    whole = await walead("list", "--since", "2024-01-01", "--json")
    assert [record["public_identifier"] for record in whole.values()] == newest_first


@pytest.mark.parametrize("given", ["yesterday", "2024-01-01T00:00:00", "2024-13-01"])
async def test_a_moment_that_is_none_is_wrong_usage(walead: Walead, emulator: Emulator, given: str) -> None:
    done = await walead("list", "--since", given)
    assert done.code == 2
    assert "--since" in done.err
    assert emulator.requests == []


@pytest.mark.parametrize("limit", [1, 100, 130])
async def test_list_prints_no_more_than_was_asked_for(walead: Walead, emulator: Emulator, limit: int) -> None:
    done = await walead("list", "--limit", str(limit), "--json")
    assert done.code == 0
    assert [record["public_identifier"] for record in done.values()] == emulator.blocked_leads.identifiers()[:limit]


async def test_an_export_may_be_of_a_search(walead: Walead, tmp_path: Path) -> None:
    done = await walead("export", "--output", str(tmp_path / "some.csv"), "--search", "000001")
    assert done.code == 0
    assert (tmp_path / "some.csv").read_text(encoding="utf-8").count("\n") == 12


async def test_an_export_to_standard_output_is_the_csv_of_a_file(walead: Walead, tmp_path: Path) -> None:
    await walead("export", "--output", str(tmp_path / "blocked.csv"))
    done = await walead("export", "--output", "-")
    assert done.code == 0
    assert done.out.encode() == (tmp_path / "blocked.csv").read_bytes()
    assert done.err == "COMPLETE: 250 records; the list did not change while it was read\n"


async def test_there_too_a_cell_that_a_spreadsheet_would_run_is_defused(walead: Walead, emulator: Emulator) -> None:
    emulator.add_leads([("evil", "=1+1")])
    done = await walead("export", "--output", "-", "--search", "evil")
    assert "evil,'=1+1," in done.out


@pytest.mark.parametrize("output", ["-", "blocked.csv"])
async def test_half_a_list_is_not_exported_and_said_to_be_half(
    walead: Walead, emulator: Emulator, tmp_path: Path, output: str
) -> None:
    emulator.faults.add("GET #2-:null")
    done = await walead("export", "--output", output if output == "-" else str(tmp_path / output))
    assert (done.code, done.out, left_in(tmp_path)) == (1, "", [])
    error, verdict = done.err.splitlines()
    assert error.startswith("walead: ")
    assert verdict.startswith("INCOMPLETE: ")
    assert verdict.endswith("nothing was written")


async def test_an_export_of_a_list_that_cannot_be_judged_exits_3(walead: Walead, emulator: Emulator) -> None:
    emulator.settings = Settings(offset_limit=200)
    done = await walead("export", "--output", "-")
    assert (done.code, done.out.count("\n")) == (3, 201)
    assert done.err.startswith("UNVERIFIED: 200 records")


async def test_an_export_to_standard_output_leaves_no_room_for_json(walead: Walead, emulator: Emulator) -> None:
    done = await walead("export", "--output", "-", "--json")
    assert (done.code, done.out) == (2, "")
    assert "--json" in done.err
    assert not emulator.requests


async def test_an_export_whose_reader_goes_away_ends_quietly(walead: Walead) -> None:
    done = await walead.through_shell("export --output - | head -n 1")
    assert done.out.startswith("id,public_identifier")
    assert "Broken" not in done.err
