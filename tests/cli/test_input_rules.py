"""What people give, and what becomes of it: the same in the library, in a file of each format, on the command line."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import orjson
import pytest
import xlsxwriter

from walead_async import AsyncSession, Status, VoiceAgentSession, files
from walead_async.testing import Emulator

if TYPE_CHECKING:
    from pathlib import Path

    from programs import Walead

    from walead_async import BulkReport

LINK = "https://www.linkedin.com/in/"

#: What is given, whose key it is (None: nobody's), and words of the reason.
PEOPLE: list[tuple[str, str | None, str]] = [
    ("john-doe", "john-doe", ""),
    (f"{LINK}Jane-Roe/", "jane-roe", ""),
    ("de.linkedin.com/in/max-m?trk=x", "max-m", ""),
    (f"{LINK}j%C3%BCrgen-m%C3%BCller", "jürgen-müller", ""),
    (f"{LINK}jane-do...", None, "cut off"),
    ("jane-do…", None, "cut off"),
    ("(ann-a).", "ann-a", ""),
    ("**bob-b**!?", "bob-b", ""),
    ("“cid-c”;:", "cid-c", ""),
    ("<linkedin.com/in/dan-d>,", "dan-d", ""),
    ("{eve-e]", "eve-e", ""),
    (f"{LINK}fay-f&trk=x", "fay-f", ""),
    (f"{LINK}jos&#233;-g", "josé-g", ""),
    (f"{LINK}gus-g&amp;x=1", "gus-g", ""),
    (f"{LINK}jos&eacute-x", None, "broken HTML entity"),
    (f"{LINK}in/hal-h", "hal-h", ""),
    (f"{LINK}ida-i{LINK}ida-i", "ida-i", ""),
    (f"{LINK}a-a {LINK}b-b", None, "more than one person"),
    ("{{username}}", None, "placeholder"),
    ("{name}", None, "placeholder"),
    ("%NAME%", None, "placeholder"),
    ("[name]", None, "placeholder"),
    ("<name>", None, "placeholder"),
    ("${name}", None, "placeholder"),
    ("[linkedin.com/in/jim-j]", "jim-j", ""),
    ("ki\u200bm-\u00adk\u2060i\u202am", "kim-kim", ""),
    ("علی\u200cرضا", "علی\u200cرضا", ""),
    ("👩\u200d💻-dev", "👩\u200d💻-dev", ""),
    ("acoaaa" + "b" * 30, None, "wrong case"),
    ("ACoAAB" + "c" * 30, "ACoAAB" + "c" * 30, ""),
    ("me", None, "signed in"),
    ("null", None, "nothing"),
    ("none", None, "nothing"),
    ("nan", None, "nothing"),
    ("n/a", None, "nothing"),
    ("#N/A", None, "nothing"),
    ("undefined", None, "nothing"),
    ("https://www.linkedin.com/company/acme", None, "a company page"),
    ("lou@example.com", None, "an e-mail address"),
]
#: The same of phone numbers; what is told of a number without its country code is no fault.
NUMBERS: list[tuple[str, str | None, str]] = [
    ("+44 (0)20 7946 0000", "+442079460000", ""),
    ("0041 44 668 18 00", "+41446681800", ""),
    ("14155550101.0", "14155550101", ""),
    ("+14155550102.00", "+14155550102", ""),
    ("2026-03-01", None, "a date"),
    ("01.03.2026", None, "a date"),
    ("+4179123456789012", None, "more than 15 digits"),
    ("+14155550103/+14155550104", None, "two numbers"),
    ("4155550105 4155550106", None, "two numbers"),
    ("+14155550107\n+14155550108", None, "two numbers"),
    ("415 555 0109", "4155550109", ""),
]
SUFFIXES = [".csv", ".tsv", ".jsonl", ".xlsx", ".txt"]


def file_of(folder: Path, suffix: str, header: str, texts: list[str]) -> Path:
    """A file with these texts, a row each, as programs write it."""
    path = folder / f"list{suffix}"
    if suffix == ".xlsx":
        book = xlsxwriter.Workbook(str(path), {"strings_to_urls": False})
        sheet = book.add_worksheet()
        for line, row in enumerate([("Name", header), *(("x", text) for text in texts)]):
            for column, text in enumerate(row):
                sheet.write_string(line, column, text)
        book.close()
        return path
    with path.open("w", encoding="utf-8", newline="") as file:
        if suffix == ".txt":
            file.writelines(f"{text}\n" for text in texts)
        elif suffix == ".jsonl":
            file.writelines(orjson.dumps({"name": "x", header: text}).decode() + "\n" for text in texts)
        else:
            writer = csv.writer(file, delimiter="\t" if suffix == ".tsv" else ",")
            writer.writerows([("Name", header), *(("x", text) for text in texts)])
    return path


def check_report(report: BulkReport, table: list[tuple[str, str | None, str]]) -> None:
    for (text, key, reason), outcome in zip(table, report.outcomes, strict=True):
        assert (outcome.item, outcome.key) == (text, key or ""), text
        assert outcome.status is (Status.INVALID if key is None else Status.DONE), text
        assert reason in (outcome.detail or ""), text


def check_lines(values: list[dict[str, object]], table: list[tuple[str, str | None, str]]) -> None:
    for (text, key, reason), value in zip(table, values, strict=True):
        assert (value["item"], value["key"]) == (text, key or ""), text
        assert value["status"] == ("invalid" if key is None else "done"), text
        assert reason in str(value["detail"]), text


async def test_the_library_blocks_and_unblocks_by_the_same_rules() -> None:
    texts = [text for text, _, _ in PEOPLE]
    numbers = [text for text, _, _ in NUMBERS]
    async with (
        Emulator() as emulator,
        AsyncSession(emulator.api_key, base_url=emulator.walead_url) as session,
        VoiceAgentSession(emulator.api_key, uid="u", base_url=emulator.phonely_url) as phones,
    ):
        check_report(await session.blocked_leads.block(texts, check=False), PEOPLE)
        assert set(emulator.blocked_leads.identifiers()) == {key for _, key, _ in PEOPLE if key}
        check_report(await session.campaign("c1").blocked_leads.block(texts, check=False), PEOPLE)
        check_report(await session.blocked_leads.unblock_identifiers(texts, check=False), PEOPLE)
        assert not len(emulator.blocked_leads)
        block_list = phones.agent("a1").block_list
        check_report(await block_list.block(numbers, check=False), NUMBERS)
        assert set(emulator.agents["a1"]) == {key for _, key, _ in NUMBERS if key}
        check_report(await block_list.unblock(numbers, check=False), NUMBERS)
        assert emulator.agents["a1"] == {}


@pytest.mark.parametrize("suffix", SUFFIXES)
async def test_a_file_of_each_format_gives_the_same(tmp_path: Path, suffix: str) -> None:
    people = [row for row in PEOPLE if suffix != ".txt" or "\n" not in row[0]]
    numbers = [row for row in NUMBERS if suffix != ".txt" or "\n" not in row[0]]
    async with (
        Emulator() as emulator,
        AsyncSession(emulator.api_key, base_url=emulator.walead_url) as session,
        VoiceAgentSession(emulator.api_key, uid="u", base_url=emulator.phonely_url) as phones,
    ):
        path = file_of(tmp_path, suffix, "LinkedIn URL", [text for text, _, _ in people])
        check_report(await session.blocked_leads.block(files.rows(path), check=False), people)
        check_report(await session.blocked_leads.unblock_identifiers(files.rows(path), check=False), people)
        path = file_of(tmp_path, suffix, "Phone", [text for text, _, _ in numbers])
        block_list = phones.agent("a1").block_list
        check_report(await block_list.block(files.rows(path, kind="number"), check=False), numbers)
        check_report(await block_list.unblock(files.rows(path, kind="number"), check=False), numbers)


async def test_the_command_line_gives_the_same_from_a_file_and_from_its_arguments(
    walead: Walead, emulator: Emulator, tmp_path: Path
) -> None:
    texts = [text for text, _, _ in PEOPLE]
    path = str(file_of(tmp_path, ".csv", "LinkedIn URL", texts))
    for command in (("block", "--file", path), ("unblock", "--file", path), ("block", *texts), ("unblock", *texts)):
        done = await walead(*command, "--json")
        assert done.code == 1
        check_lines(done.values(), PEOPLE)
        assert len(emulator.blocked_leads) == 250 + (
            len({key for _, key, _ in PEOPLE if key}) if command[0] == "block" else 0
        )


@pytest.mark.parametrize("by_file", [True, False])
async def test_the_command_line_gives_the_same_of_numbers(walead: Walead, tmp_path: Path, by_file: bool) -> None:
    texts = [text for text, _, _ in NUMBERS]
    given = ["--file", str(file_of(tmp_path, ".csv", "Phone", texts))] if by_file else texts
    for command in ("block", "unblock"):
        done = await walead("agent", command, "a1", *given, "--json")
        assert done.code == 1
        check_lines(done.values(), NUMBERS)
