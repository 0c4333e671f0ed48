"""Files as careless people make them: nobody in them is lost, and what is nobody does not end as done."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unicodedata import normalize

import pytest
import xlsxwriter

from walead_async import AsyncSession, Status, files
from walead_async.errors import InvalidInputError, SourceError
from walead_async.identifiers import public_identifier
from walead_async.phones import phone_number
from walead_async.testing import Emulator

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from walead_async.files.columns import Kind

LINK = "https://www.linkedin.com/in/"


def people(path: Path, content: str, column: str | Sequence[str] | None = None, kind: Kind = "lead") -> dict[int, str]:
    """The key of each line that could be somebody; "" of one that could not."""
    path.write_bytes(content.encode())
    normalise = phone_number if kind == "number" else public_identifier
    found = {}
    for row in files.rows(path, kind=kind, column=column):
        try:
            found[row.line] = "" if row.problem else normalise(row.text)
        except InvalidInputError:
            found[row.line] = ""
    return found


def test_a_text_that_a_spreadsheet_keeps_by_a_formula_is_that_text(tmp_path: Path) -> None:
    content = 'Name,LinkedIn,Phone\nA,"=""john-doe""","=""+14155550101"""\nB," = ""jane"" ",\nC,=B2,=C2\n'
    assert people(tmp_path / "a.csv", content) == {2: "john-doe", 3: "jane", 4: ""}
    assert people(tmp_path / "a.csv", content, kind="number") == {2: "+14155550101", 3: "", 4: ""}


@pytest.mark.parametrize(
    "foot", [",Total,120", "Sum,,5", ",,Total", ",,TOTAL: 3", "Summe:,,17", ",,12", ",,01.03.2026"]
)
def test_the_foot_of_a_table_is_nobody(tmp_path: Path, foot: str) -> None:
    assert people(tmp_path / "a.csv", f"No.,Name,LinkedIn\n1,A,john-doe\n2,B,12345\n{foot}\n") == {
        2: "john-doe",
        3: "12345",
        4: "",
    }


def test_the_foot_of_a_workbook_is_nobody(tmp_path: Path) -> None:
    book = xlsxwriter.Workbook(str(tmp_path / "a.xlsx"))
    sheet = book.add_worksheet()
    sheet.merge_range(0, 0, 0, 2, "Opt-outs of the first quarter", book.add_format())
    for number, row in enumerate([["No.", "LinkedIn", "Reason"], [1, "john-doe", "mail"], ["Total", 120, ""]], 1):
        sheet.write_row(number, 0, row)
    book.close()
    first, last = files.rows(tmp_path / "a.xlsx")
    assert (first.line, first.text, first.problem) == (3, "john-doe", None)
    assert (last.line, last.text) == (4, "Total 120.0")
    assert "a count" in (last.problem or "")


def test_our_own_exports_have_no_foot(tmp_path: Path) -> None:
    header = "id,public_identifier,reason,created_at,workspace_id"
    content = f"{header}\nr1,12345,Total,2026-01-01,w1\nr2,john-doe,public_identifier,2026-01-01,w1\n"
    assert people(tmp_path / "a.csv", content) == {2: "12345", 3: "john-doe"}


def test_a_person_who_works_for_total_keeps_the_number(tmp_path: Path) -> None:
    content = "Company,Phone\nTotal,14155550101\nTotal,4155550\n"
    assert people(tmp_path / "a.csv", content, kind="number") == {2: "14155550101", 3: "4155550"}


def test_a_joined_file_whose_columns_are_in_other_places_ends_the_read_there(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("LinkedIn URL,reason\njohn-doe,a\nname,LinkedIn URL\nJane,jane-roe\n", encoding="utf-8")
    found = files.rows(path)
    assert next(found).text == "john-doe"
    with pytest.raises(SourceError, match="line 3: another header"):
        next(found)


@pytest.mark.parametrize(
    "text", ['[\n"john",\n"jane"\n]\n', '{\n"url": "john"\n}\n', '\n [ \r\n{"url": "john"},\n{"url": "jane"}\n]']
)
def test_one_json_value_over_several_lines_is_refused_whole(tmp_path: Path, text: str) -> None:
    with pytest.raises(SourceError, match="one JSON value over several lines"):
        people(tmp_path / "a.jsonl", text)


@pytest.mark.parametrize("header", ["public_identifier", "linkedin_url", "LinkedIn"])
def test_a_file_that_was_joined_to_one_without_a_line_end_names_the_place(tmp_path: Path, header: str) -> None:
    content = f"john\njane\ufeff{header}\njim\n{header}\njo\ufeffhn-doe\n"
    assert people(tmp_path / "a.txt", content) == {1: "john", 2: "", 3: "jim", 4: "", 5: "john-doe"}


@pytest.mark.parametrize(
    "headers",
    [
        "Telephone,Mobile",
        "Telefon,Phone",
        "Handy,Tel",
        "Work Telephone,Cell",
        "Mobiltelefon,Phone 2",
        "Landline,Phone",
        "Teléfono,Móvil",
        "Téléphone,Portable",
    ],
)
def test_no_column_with_phone_numbers_is_passed_over(tmp_path: Path, headers: str) -> None:
    with pytest.raises(SourceError, match="--column"):
        people(tmp_path / "a.csv", f"Name,{headers}\nA,+14155550101,+14155550102\n", kind="number")


@pytest.mark.parametrize("header", ["LinkedIn-Profil", "Prospect LinkedIn URL", "LinkedIn", "Perfil LinkedIn"])
@pytest.mark.parametrize("other", ["URL", "Profile", "Profile URL", "Lead"])
def test_a_column_that_names_linkedin_comes_before_one_of_any_site(tmp_path: Path, header: str, other: str) -> None:
    assert people(tmp_path / "a.csv", f"{other},{header}\nacme.com,john-doe\n") == {2: "john-doe"}


NOBODY = {
    "Unknown": "programs write",
    "TBD": "programs write",
    "TRUE": "programs write",
    "not-found": "programs write",
    "null-null": "programs write",
    "undefined-undefined": "programs write",
    "john-undefined-1a2b": "programs write",
    "__LINKEDIN__": "placeholder",
    "(unavailable)": "does not show",
    "linkedin-member": "does not show",
    "LinkedIn": "heading",
    "public_identifier": "heading",
    "Total": "foot",
    "your-name": "example",
    "12": "a count",
    "2026-03-01": "a date",
    "01.03.2026": "a date",
    "1-3-26": "a date",
    "+14155550101": "a phone number",
    "www.acme.de": "a website",
    "acme.com": "a website",
    "=B2": "'=' stands in it",
    "user=john": "'=' stands in it",
    "/* john */": "slash",
}


@pytest.mark.parametrize(("text", "reason"), NOBODY.items())
def test_what_people_write_where_there_is_nobody_is_named(text: str, reason: str) -> None:
    for pasted in (text, f"{LINK}{text}/") if text[0] not in "/_w(+" else (text,):
        with pytest.raises(InvalidInputError):
            public_identifier(pasted)
    with pytest.raises(InvalidInputError, match=reason):
        public_identifier(text)


@pytest.mark.parametrize(
    "name",
    [
        "123",
        "12345",
        "1984-john",
        "nat",
        "nil",
        "nan-nan",
        "na-na",
        "undefine",
        "undefinedjohn",
        "totally",
        "unknown-7",
        "true-love",
        "a.comb",
        "2026",
    ],
)
def test_names_that_only_look_like_that_are_let_through(name: str) -> None:
    assert public_identifier(name) == name
    assert public_identifier(LINK + name) == name


@pytest.mark.parametrize("address", ["192.168.0.1", "10.0.0.1", "8.8.8.8"])
def test_an_address_of_the_internet_is_no_number(address: str) -> None:
    with pytest.raises(InvalidInputError, match="an address of the internet"):
        phone_number(address)
    assert phone_number("44.668.18.00") == "446681800"
    assert phone_number("22.12.34.56") == "22123456"


async def test_nobody_of_a_careless_list_is_blocked_or_unblocked(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("\n".join(["john-doe", *NOBODY, "jane-roe"]) + "\n", encoding="utf-8")
    async with Emulator() as emulator, AsyncSession(emulator.api_key, base_url=emulator.walead_url) as session:
        for call in (session.blocked_leads.block, session.blocked_leads.unblock_identifiers):
            report = await call(files.rows(path), check=False)
            assert [outcome.status for outcome in report.outcomes] == [
                Status.DONE,
                *[Status.INVALID] * len(NOBODY),
                Status.DONE,
            ]
            assert all(outcome.detail for outcome in report.failures())
        assert not len(emulator.blocked_leads)


@pytest.mark.parametrize("word", ["unknown", "john-undefined", "12", "2026-03-01", "2026_03_01", "public_identifier"])
async def test_one_among_plain_names_is_found_too(word: str) -> None:
    async with Emulator() as emulator, AsyncSession(emulator.api_key, base_url=emulator.walead_url) as session:
        for names in ([word, "john-doe", "123"], ["john-doe", word], [word]):
            report = await session.blocked_leads.block(names, check=False)
            assert [outcome.status is Status.INVALID for outcome in report.outcomes] == [name == word for name in names]
        assert emulator.blocked_leads.identifiers() == ["john-doe", "123"]


async def test_ten_thousand_names_of_a_file_are_ten_thousand_people(tmp_path: Path) -> None:
    firsts, lasts = map(
        str.split,
        (
            "john maría-josé jürgen łukasz søren ana-lucía nguyễn ömer χρήστος елена 小明 さくら 지민 علی דוד प्रिया",
            "doe müller garcía öztürk шевченко 王 田中 김 رضایی כהן शर्मा o'brien van-der-berg null total me",
        ),
    )
    names = [
        f"{first}-{last}{added}{number}"
        for first in firsts
        for last in lasts
        for added in ("-", "-a1b2c", "🎉", "-👩\u200d💻-")
        for number in range(11)
    ]
    assert len(set(names)) == len(names) > 10_000
    path = tmp_path / "people.csv"
    path.write_text("\n".join(["Name,LinkedIn URL", *(f"x,{LINK}{name}" for name in names)]) + "\n", encoding="utf-8")
    async with Emulator() as emulator, AsyncSession(emulator.api_key, base_url=emulator.walead_url) as session:
        report = await session.blocked_leads.block(files.rows(path))
        assert report.counts[Status.DONE] == len(names)
        assert set(emulator.blocked_leads.identifiers()) == {normalize("NFC", name) for name in names}
