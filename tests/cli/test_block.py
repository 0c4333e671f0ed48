from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from walead_async.testing import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from programs import Walead

    from walead_async.testing import Emulator


async def test_block_writes_a_line_an_item_in_the_order_of_the_input(walead: Walead, emulator: Emulator) -> None:
    done = await walead("block", "john-doe", "https://www.linkedin.com/in/Jane-Doe/", "john-doe", "--json")
    assert done.code == 0
    assert [(value["item"], value["key"], value["status"]) for value in done.values()] == [
        ("john-doe", "john-doe", "done"),
        ("https://www.linkedin.com/in/Jane-Doe/", "jane-doe", "done"),
        ("john-doe", "john-doe", "duplicate"),
    ]
    assert list(done.values()[0]) == ["item", "key", "status", "detail", "error", "row"]
    assert emulator.blocked_leads.identifiers()[-2:] == ["john-doe", "jane-doe"]
    assert done.err == "3 items: 2 done, 1 duplicate\n"


async def test_a_file_gives_each_row_its_own_reason(walead: Walead, emulator: Emulator, tmp_path: Path) -> None:
    people = tmp_path / "people.csv"
    people.write_text("LinkedIn URL,Reason\nlinkedin.com/in/a-a,by phone\nb-b,\n,\n", encoding="utf-8")
    done = await walead("block", "c-c", "--file", str(people), "--reason", "asked", "--json")
    assert done.code == 1
    assert [value["status"] for value in done.values()] == ["done", "done", "done", "invalid"]
    reasons = {lead.public_identifier: lead.reason for lead in emulator.blocked_leads}
    assert {name: reasons[name] for name in ("a-a", "b-b", "c-c")} == {
        "a-a": "by phone",
        "b-b": "asked",
        "c-c": "asked",
    }


async def test_people_are_told_which_lines_were_not_done(walead: Walead, tmp_path: Path) -> None:
    people = tmp_path / "people.csv"
    people.write_text("profile\njohn-doe\nhttps://www.linkedin.com/school/acme\na@b.example\n", encoding="utf-8")
    done = await walead("block", "--file", str(people))
    assert done.code == 1
    summary, *failures = done.out.splitlines()
    assert summary == "3 items: 1 done, 2 invalid"
    assert failures[0].startswith("  line 3: 'https://www.linkedin.com/school/acme': invalid: a school page")
    assert failures[1].startswith("  line 4: 'a@b.example': invalid: an e-mail address")


async def test_a_column_can_be_named(walead: Walead, emulator: Emulator, tmp_path: Path) -> None:
    people = tmp_path / "people.tsv"
    people.write_text("name\twho\nJohn\tjohn-doe\n", encoding="utf-8")
    done = await walead("block", "--file", str(people), "--column", "who")
    assert done.code == 0
    assert "john-doe" in emulator.blocked_leads


@pytest.mark.parametrize("arguments", [("-",), ("--file", "-")])
async def test_standard_input_is_one_a_line(walead: Walead, emulator: Emulator, arguments: tuple[str, ...]) -> None:
    done = await walead("block", *arguments, "--json", stdin="john-doe\n\nlinkedin.com/in/jane-doe\n")
    assert done.code == 0
    assert [value["key"] for value in done.values()] == ["john-doe", "jane-doe"]


@pytest.mark.parametrize(
    ("arguments", "stdin"),
    [
        ((), ""),
        (("-", "--file", "-"), "john-doe"),
        (("--column", "who", "john-doe"), ""),
        (("--file", "/nowhere/at/all.csv", "john-doe"), ""),
        (("--file", "people.docx"), ""),
    ],
)
async def test_nothing_or_a_file_that_cannot_be_read_exits_2_and_sends_nothing(
    walead: Walead, emulator: Emulator, arguments: tuple[str, ...], stdin: str
) -> None:
    done = await walead("block", *arguments, "--json", stdin=stdin)
    assert (done.code, done.out) == (2, "")
    assert done.err
    assert not emulator.requests


@pytest.mark.parametrize("command", [("block",), ("unblock",), ("unblock", "--by", "id"), ("agent", "block", "a1")])
@pytest.mark.parametrize("content", ["", "\n", "public_identifier\n"])
async def test_a_file_without_a_row_is_no_failure_and_sends_nothing(
    walead: Walead, emulator: Emulator, tmp_path: Path, command: tuple[str, ...], content: str
) -> None:
    file = tmp_path / "people.csv"
    file.write_text(
        content.replace(
            "public_identifier", "id" if "id" in command else "number" if "agent" in command else "public_identifier"
        ),
        encoding="utf-8",
    )
    done = await walead(*command, "--file", str(file))
    assert (done.code, done.out, done.err) == (0, "0 items: none\n", "")
    assert not emulator.requests


async def test_a_file_whose_columns_are_not_known_is_refused_before_the_arguments_are_sent(
    walead: Walead, emulator: Emulator, tmp_path: Path
) -> None:
    people = tmp_path / "people.csv"
    people.write_text("first,second\n1,2\n", encoding="utf-8")
    done = await walead("block", "john-doe", "--file", str(people))
    assert (done.code, done.out) == (2, "")
    assert "--column" in done.err
    assert not emulator.requests


async def test_a_file_that_breaks_off_is_told_with_what_was_done_before(
    walead: Walead, emulator: Emulator, tmp_path: Path
) -> None:
    people = tmp_path / "people.jsonl"
    people.write_text('"a-a"\n"b-b"\n{"url": "c-', encoding="utf-8")
    done = await walead("block", "--file", str(people), "--json")
    assert done.code == 1
    assert [(value["key"], value["status"]) for value in done.values()] == [("a-a", "done"), ("b-b", "done")]
    assert "line 3" in done.err


@pytest.mark.parametrize("command", [("block",), ("unblock",), ("campaign", "block", "c1", "--yes")])
async def test_a_row_that_cannot_be_read_is_invalid_and_the_others_are_not(
    walead: Walead, tmp_path: Path, command: tuple[str, ...]
) -> None:
    people = tmp_path / "people.jsonl"
    people.write_text('"a-a"\nnonsense\n"c-c"\n', encoding="utf-8")
    done = await walead(*command, "--file", str(people), "--json")
    assert done.code == 1
    first, second, third = done.values()
    assert {first["status"], third["status"]} <= {"done", "already"}
    assert (second["item"], second["status"], second["row"]) == ("nonsense", "invalid", 2)
    assert str(second["detail"]).startswith("not JSON")
    assert (first["row"], third["row"]) == (1, 3)


async def test_several_columns_can_be_named(walead: Walead, emulator: Emulator, tmp_path: Path) -> None:
    numbers = tmp_path / "numbers.csv"
    numbers.write_bytes("Größe;Phone;Mobile\n1;+14155550101;+14155550102\n".encode("cp1252"))
    done = await walead("agent", "block", "a1", "--file", str(numbers))
    assert done.code == 2
    assert "'Phone' and 'Mobile'" in done.err
    columns = ("--column", "Phone", "--column", "Mobile", "--encoding", "windows-1252")
    done = await walead("agent", "block", "a1", "--file", str(numbers), *columns)
    assert (done.code, list(emulator.agents["a1"])) == (0, ["+14155550101", "+14155550102"])


async def test_an_unknown_outcome_exits_3(walead: Walead, emulator: Emulator) -> None:
    emulator.faults.add("POST:apply-then-success-false", "GET:status=403")
    done = await walead("block", "john-doe", "not/one", "--json")
    assert done.code == 3
    assert [value["status"] for value in done.values()] == ["unknown", "invalid"]


async def test_a_wrong_key_leaves_everything_not_sent_and_exits_1(walead: Walead) -> None:
    done = await walead("block", "john-doe", "--json", WALEAD_API_KEY="another")
    assert done.code == 1
    (value,) = done.values()
    assert value["status"] == "not_sent"
    error = value["error"]
    assert isinstance(error, dict)
    assert (error["type"], error["status"]) == ("AuthenticationError", 401)
    assert "401" in done.err


async def test_unblock_takes_identifiers(walead: Walead, emulator: Emulator) -> None:
    done = await walead("unblock", "lead-0000001", "linkedin.com/in/lead-0000002", "nobody", "--json")
    assert done.code == 0
    assert [(value["key"], value["status"]) for value in done.values()] == [
        ("lead-0000001", "done"),
        ("lead-0000002", "done"),
        ("nobody", "already"),
    ]
    assert len(emulator.blocked_leads) == 248


async def test_unblock_takes_ids_of_records(walead: Walead, emulator: Emulator) -> None:
    first = emulator.blocked_leads.ids()[0]
    done = await walead("unblock", "--by", "id", first)
    assert (done.code, done.out) == (0, "1 item: 1 done\n")
    assert "lead-0000001" not in emulator.blocked_leads


async def test_a_campaign_block_says_that_it_cannot_be_undone(walead: Walead, emulator: Emulator) -> None:
    done = await walead("campaign", "block", "c1", "john-doe", "--yes", "--json")
    assert done.code == 0
    assert "cannot be undone" in done.err
    assert done.values()[0]["status"] == "done"
    assert "john-doe" in emulator.campaigns["c1"]


async def test_without_a_terminal_nobody_can_be_asked_and_nothing_is_sent(walead: Walead, emulator: Emulator) -> None:
    done = await walead("campaign", "block", "c1", "john-doe")
    assert done.code == 2
    assert "--yes" in done.err
    assert not emulator.requests


@pytest.mark.parametrize(("answer", "code", "blocked"), [(b"y\n", 0, ["john-doe"]), (b"n\n", 1, [])])
async def test_on_a_terminal_it_asks(
    walead: Walead, emulator: Emulator, answer: bytes, code: int, blocked: list[str]
) -> None:
    keyboard, terminal = os.openpty()
    try:
        program = await walead.start("campaign", "block", "c1", "john-doe", stdin=terminal)
        os.write(keyboard, answer)
        done = await walead.end_of(program)
    finally:
        os.close(terminal)
        os.close(keyboard)
    assert done.code == code
    assert "cannot be undone" in done.err
    assert [name for campaign in emulator.campaigns.values() for name in campaign.identifiers()] == blocked


async def test_numbers_are_blocked_and_unblocked_for_an_agent(walead: Walead, emulator: Emulator) -> None:
    emulator.agents["a1"] = {"+14155550100": None}
    done = await walead("agent", "block", "a1", "+1 415 555-0101", "+14155550100", "call me", "--json")
    assert done.code == 1
    assert [(value["item"], value["key"], value["status"]) for value in done.values()] == [
        ("+1 415 555-0101", "+14155550101", "done"),
        ("+14155550100", "+14155550100", "already"),
        ("call me", "", "invalid"),
    ]
    done = await walead("agent", "unblock", "a1", "-", stdin="+14155550101\n+14155550100\n")
    assert (done.code, done.out) == (0, "2 items: 2 done\n")
    assert emulator.agents["a1"] == {}


async def test_numbers_come_out_of_a_file_too(walead: Walead, emulator: Emulator, tmp_path: Path) -> None:
    numbers = tmp_path / "numbers.csv"
    numbers.write_text("Name,Phone\nJohn,+14155550101\n", encoding="utf-8")
    done = await walead("agent", "block", "a1", "--file", str(numbers), "--uid", emulator.uid, PHONELY_UID=None)
    assert done.code == 0
    assert list(emulator.agents["a1"]) == ["+14155550101"]


async def test_a_file_of_any_length_streams(walead: Walead, emulator: Emulator, tmp_path: Path) -> None:
    people = tmp_path / "people.txt"
    people.write_text("".join(f"person-{number:05d}\n" for number in range(5_000)), encoding="utf-8")
    done = await walead("block", "--file", str(people), "--json")
    assert done.code == 0
    assert [value["key"] for value in done.values()] == [f"person-{number:05d}" for number in range(5_000)]
    assert len(emulator.blocked_leads) == 5_250


async def test_half_of_a_surrogate_pair_is_an_invalid_item(walead: Walead) -> None:
    done = await walead("block", os.fsdecode(b"caf\xe9"), "--json")
    assert done.code == 1
    assert done.values()[0]["status"] == "invalid"


async def test_those_already_blocked_are_as_wanted(walead: Walead, emulator: Emulator) -> None:
    emulator.settings = Settings(reblock_counts=False)
    done = await walead("block", "lead-0000001", "john-doe", "--json")
    assert done.code == 0
    assert {value["status"] for value in done.values()} <= {"done", "already"}


#: The port of discard: nothing listens there.
NOWHERE = {"WALEAD_BASE_URL": "http://127.0.0.1:9", "PHONELY_BASE_URL": "http://127.0.0.1:9"}


@pytest.mark.parametrize(
    "command",
    [
        ("block", "john-doe"),
        ("unblock", "john-doe"),
        ("unblock", "--by", "id", "record-1"),
        ("campaign", "block", "c1", "john-doe", "--yes"),
        ("agent", "block", "a1", "+14155550123"),
        ("agent", "unblock", "a1", "+14155550123"),
    ],
)
@pytest.mark.parametrize("form", [(), ("--json",)])
async def test_why_nothing_was_sent_is_said_as_list_says_it(
    walead: Walead, command: tuple[str, ...], form: tuple[str, ...]
) -> None:
    done = await walead(*command, *form, **NOWHERE)
    assert done.code == 1
    assert "no connection to 127.0.0.1" in (done.err if form else done.out)
    assert "1 not_sent" in done.out + done.err


async def test_what_is_not_as_wanted_stands_with_its_detail_and_the_error_behind_it(
    walead: Walead, emulator: Emulator
) -> None:
    done = await walead("block", "john-doe", WALEAD_API_KEY="another")
    assert done.code == 1
    _, line = done.out.splitlines()
    assert line.startswith(
        "  'john-doe': not_sent: the service turned its whole batch away: POST /v1/blocked-leads was"
    )
    assert "401" in line


async def test_several_items_with_one_error_have_it_told_once_beside_json(walead: Walead) -> None:
    done = await walead("block", "a-a", "b-b", "c-c", "--json", **NOWHERE)
    assert done.err.count("no connection to") == 1
    assert done.err.splitlines()[-1] == "3 items: 3 not_sent"


@pytest.mark.parametrize("given", ["john-doe", "https://www.linkedin.com/in/john-doe"])
@pytest.mark.parametrize("form", [(), ("--json",)])
async def test_a_name_in_place_of_a_records_id_is_told_that_people_are_unblocked_by_identifier(
    walead: Walead, given: str, form: tuple[str, ...]
) -> None:
    done = await walead("unblock", "--by", "id", given, *form)
    last = (done.err if form else done.out).splitlines()[-1]
    assert last == "1 item that may be no record's id: people are unblocked by identifier, so leave out --by id"
    assert "unblock_identifiers" not in done.out + done.err
    if form:
        assert "by" in str(done.values()[0]["detail"])
        assert "--by id" in str(done.values()[0]["detail"])


@pytest.mark.parametrize("form", [(), ("--json",)])
async def test_numbers_that_are_not_in_international_form_are_counted_with_the_way_out(
    walead: Walead, emulator: Emulator, form: tuple[str, ...]
) -> None:
    done = await walead("agent", "block", "a1", "0446681800", "0446681801", "+14155550123", *form)
    assert done.code == 0
    last = (done.err if form else done.out).splitlines()[-1]
    assert last == "2 items not in international form: --region CC reads them as numbers of that country"
    done = await walead("agent", "block", "a1", "0446681800", "--region", "CH", *form)
    assert done.code == 0
    assert "international" not in done.out + done.err
    assert "+41446681800" in emulator.agents["a1"]


async def test_a_number_that_cannot_exist_in_its_region_is_invalid(walead: Walead, emulator: Emulator) -> None:
    done = await walead("agent", "unblock", "a1", "044 66", "--region", "CH", "--json")
    assert (done.code, done.values()[0]["status"]) == (1, "invalid")
    assert not emulator.requests


async def test_a_region_that_is_none_is_told_before_anything_is_sent(walead: Walead, emulator: Emulator) -> None:
    done = await walead("agent", "block", "a1", "0446681800", "--region", "Switzerland")
    assert (done.code, done.out) == (2, "")
    assert "--region 'Switzerland' is no country" in done.err
    assert not emulator.requests


async def test_an_agent_may_be_called_what_a_query_can_quote(walead: Walead, emulator: Emulator) -> None:
    done = await walead("agent", "block", "auth0|a/b&c", "+14155550123")
    assert done.code == 0
    assert list(emulator.agents) == ["auth0|a/b&c"]
