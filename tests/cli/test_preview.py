from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from programs import Walead

    from walead_async.testing import Emulator

NO_SERVICE = {
    "WALEAD_API_KEY": None,
    "WALEAD_BASE_URL": "https://nowhere.invalid",
    "PHONELY_API_KEY": None,
    "PHONELY_UID": None,
    "PHONELY_BASE_URL": "https://nowhere.invalid",
}


def fields(value: dict[str, object]) -> tuple[object, ...]:
    return value["item"], value["key"], value["status"], value["row"]


async def test_a_dry_run_shows_each_row_and_sends_nothing(walead: Walead, emulator: Emulator, tmp_path: Path) -> None:
    people = tmp_path / "people.csv"
    people.write_text(
        "LinkedIn URL,reason\nlinkedin.com/in/Jane-Doe,asked\njane-doe,\na@b.example,\n", encoding="utf-8"
    )
    done = await walead("block", "john-doe", "--file", str(people), "--dry-run", "--json")
    assert done.code == 1
    assert [fields(value) for value in done.values()] == [
        ("john-doe", "john-doe", None, None),
        ("linkedin.com/in/Jane-Doe", "jane-doe", None, 2),
        ("jane-doe", "jane-doe", "duplicate", 3),
        ("a@b.example", "", "invalid", 4),
    ]
    assert done.values()[0]["detail"] is None
    assert "repeats item 2" in str(done.values()[2]["detail"])
    assert "an e-mail address" in str(done.values()[3]["detail"])
    assert done.err == "4 items: 2 would be sent, 1 duplicate, 1 invalid; nothing was sent\n"
    assert not emulator.requests


async def test_for_people_it_is_a_line_a_row_with_what_would_be_sent(walead: Walead) -> None:
    done = await walead("block", "linkedin.com/in/Jane-Doe", "jane-doe", "me", "--dry-run", **NO_SERVICE)
    assert done.code == 1
    sent, duplicate, invalid, summary = done.out.splitlines()
    assert sent == "  'linkedin.com/in/Jane-Doe': would be sent as jane-doe"
    assert duplicate.startswith("  'jane-doe': duplicate: repeats item 1")
    assert invalid.startswith("  'me': invalid: LinkedIn's word for whoever is signed in")
    assert summary == "3 items: 1 would be sent, 1 duplicate, 1 invalid; nothing was sent"


@pytest.mark.parametrize(
    ("arguments", "key"),
    [
        (("block", "John-Doe"), "john-doe"),
        (("unblock", "John-Doe"), "john-doe"),
        (("unblock", "--by", "id", "Record-1"), "Record-1"),
        (("campaign", "block", "c1", "John-Doe"), "john-doe"),
        (("agent", "block", "a1", "+1 415 555-0123"), "+14155550123"),
        (("agent", "unblock", "a1", "+1 415 555-0123"), "+14155550123"),
        (("agent", "block", "a1", "044 668 18 00", "--region", "CH"), "+41446681800"),
    ],
)
async def test_every_command_that_changes_has_it_and_needs_no_key_and_no_service(
    walead: Walead, arguments: tuple[str, ...], key: str
) -> None:
    done = await walead(*arguments, "--dry-run", "--json", **NO_SERVICE)
    assert done.code == 0
    assert [(value["key"], value["status"]) for value in done.values()] == [(key, None)]


async def test_duplicates_alone_exit_0_and_an_empty_input_is_one(walead: Walead) -> None:
    done = await walead("block", "a-a", "a-a", "--dry-run", **NO_SERVICE)
    assert done.code == 0
    done = await walead("block", "-", "--dry-run", **NO_SERVICE)
    assert (done.code, done.out) == (0, "0 items: none; nothing was sent\n")


async def test_what_is_wrong_with_the_call_is_wrong_without_sending_too(walead: Walead, tmp_path: Path) -> None:
    for arguments in (
        ("campaign", "block", "a/b", "john-doe"),
        ("agent", "block", "a b", "+14155550123"),
        ("agent", "block", "a", "+14155550123", "--region", "Switzerland"),
        ("block", "--file", str(tmp_path / "missing.csv")),
        ("block",),
    ):
        done = await walead(*arguments, "--dry-run", **NO_SERVICE)
        assert (done.code, done.out) == (2, "")


async def test_a_file_that_breaks_off_is_told_with_the_rows_before(walead: Walead, tmp_path: Path) -> None:
    people = tmp_path / "people.jsonl"
    people.write_text('"a-a"\n{"url": "c-', encoding="utf-8")
    done = await walead("block", "--file", str(people), "--dry-run", "--json", **NO_SERVICE)
    assert done.code == 1
    assert [value["key"] for value in done.values()] == ["a-a"]
    assert "line 2" in done.err


async def test_numbers_without_a_country_code_are_counted_before_they_are_sent(walead: Walead) -> None:
    done = await walead("agent", "block", "a1", "0446681800", "+14155550123", "--dry-run", **NO_SERVICE)
    assert done.code == 0
    assert done.out.splitlines()[-1].startswith("1 item not in international form: --region CC")
    done = await walead("agent", "block", "a1", "0446681800", "--dry-run", "--json", **NO_SERVICE)
    assert done.values()[0]["detail"] == "not in international form"
    summary, last = done.err.splitlines()
    assert summary == "1 item: 1 would be sent; nothing was sent"
    assert last.startswith("1 item not in international form: --region CC")


async def test_a_file_of_any_length_is_looked_at_row_by_row(walead: Walead, tmp_path: Path) -> None:
    people = tmp_path / "people.txt"
    people.write_text(
        "".join(f"person-{number:05d}\n" for number in range(50_000)) + "person-00000\n", encoding="utf-8"
    )
    done = await walead("block", "--file", str(people), "--dry-run", **NO_SERVICE)
    assert done.code == 0
    assert done.out.splitlines()[-1] == "50,001 items: 50,000 would be sent, 1 duplicate; nothing was sent"
