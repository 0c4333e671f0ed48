from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from walead_async.errors import SourceError
from walead_async.files.delimited import MAX_ROW_LINES, delimited_rows
from walead_async.files.encoding import encoding_of
from walead_async.models import Row


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "leads.csv"


def rows(path: Path, text: str, column: str | None = None) -> list[Row]:
    path.write_bytes(text.encode())
    return list(delimited_rows(path, "lead", [column] if column else [], encoding_of(path)))


def test_linkedins_connections_export_is_read(path: Path) -> None:
    text = (
        "Notes:\n"
        '"When exporting your connection data, you may notice that some of the email addresses are missing. '
        'You will only see email addresses for connections who have allowed it."\n'
        "\n"
        "First Name,Last Name,URL,Email Address,Company,Position,Connected On\n"
        'John,Doe,https://www.linkedin.com/in/john-doe,,"Acme, Inc.",CEO,01 Jan 2024\n'
        "Jane,Smith,https://www.linkedin.com/in/jane-smith,,,,02 Jan 2024\n"
    )
    assert rows(path, text) == [
        Row(5, "https://www.linkedin.com/in/john-doe"),
        Row(6, "https://www.linkedin.com/in/jane-smith"),
    ]


def test_a_hubspot_export_is_read(path: Path) -> None:
    text = (
        '"Record ID","First Name","Email","LinkedIn URL","Notes"\r\n'
        '"1","John","j@x.com","https://www.linkedin.com/in/john-doe/","first line\r\nsecond, with ""quotes"""\r\n'
        '"2","Jane","","",""\r\n'
    )
    assert rows(path, text) == [Row(2, "https://www.linkedin.com/in/john-doe/"), Row(4, "")]


def test_a_salesforce_export_with_its_footer_loses_no_row(path: Path) -> None:
    text = '"Name","LinkedIn__c"\n"John","john-doe"\n"Jane","jane-smith"\n\n"Copyright (c) 2024"\n"Confidential"\n'
    assert [row.text for row in rows(path, text)] == ["john-doe", "jane-smith", "", ""]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(path: Path, delimiter: str) -> None:
    text = delimiter.join(["Name, first; last|x" if delimiter == "\t" else "Name", "reason", "LinkedIn URL"])
    text += "\n" + delimiter.join(["John", "asked", "john-doe"]) + "\n"
    assert rows(path, text) == [Row(2, "john-doe", "asked")]


def test_a_delimiter_inside_what_looks_like_one_name_is_one(path: Path) -> None:
    assert rows(path, "LinkedIn;URL\njohn;x\n") == [Row(2, "john")]


def test_excels_hint_about_the_delimiter_is_taken(path: Path) -> None:
    assert rows(path, "sep=;\r\npublic_identifier;reason\r\njohn;a,b\r\n") == [Row(3, "john", "a,b")]
    assert rows(path, 'sep="\njohn\n') == [Row(1, 'sep="'), Row(2, "john")]
    assert rows(path, "sep=:\npublic_identifier:reason\njohn:asked\n") == [Row(3, "john", "asked")]


def test_a_tsv_file_has_tabs_alone(tmp_path: Path) -> None:
    path = tmp_path / "leads.tsv"
    assert rows(path, "reason\tpublic_identifier\na,b;c\tjohn\n") == [Row(2, "john", "a,b;c")]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_other_encodings_are_read(path: Path, encoding: str) -> None:
    path.write_bytes("Name;LinkedIn URL;reason\nJürgen;jürgen-müller;möchte nicht\n".encode(encoding))
    assert list(delimited_rows(path, "lead", [], encoding_of(path))) == [Row(2, "jürgen-müller", "möchte nicht")]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_line_end_is_read(path: Path, end: str) -> None:
    assert rows(path, f"url,reason{end}john,a{end}jane,{end}") == [Row(2, "john", "a"), Row(3, "jane")]


def test_a_file_of_one_column_needs_no_header(path: Path) -> None:
    assert rows(path, "john-doe\njane-smith\n") == [Row(1, "john-doe"), Row(2, "jane-smith")]
    assert rows(path, "john-doe,\njane-smith,\n") == [Row(1, "john-doe"), Row(2, "jane-smith")]


def test_an_empty_file_and_a_header_alone_have_no_rows(path: Path) -> None:
    assert rows(path, "") == []
    assert rows(path, "\n\n") == []
    assert rows(path, "public_identifier\n") == []


def test_a_blank_line_is_no_row_and_an_empty_cell_is_one(path: Path) -> None:
    assert rows(path, 'url,reason\n\njohn,\n  \n,asked\n""\n,\n') == [
        Row(3, "john"),
        Row(5, "", "asked"),
        Row(6, ""),
        Row(7, ""),
    ]
    assert rows(path, 'url\njohn\n\n""\n') == [Row(2, "john"), Row(4, "")]


def test_a_column_that_cannot_be_told_is_an_error_that_lists_them(path: Path) -> None:
    with pytest.raises(
        SourceError,
        match=r"leads\.csv: no column is known to hold the people; its columns are 'Name', 'Contact'.*--column",
    ):
        rows(path, "Name,Contact\nJohn,john-doe\n")
    with pytest.raises(SourceError, match="no column is named 'nobody'; its columns are 'Name', 'url'"):
        rows(path, "Name,url\nJohn,john-doe\n", "nobody")


def test_the_column_may_be_named(path: Path) -> None:
    assert rows(path, "Name;Contact;url\nJohn;john-doe;x\n", "contact") == [Row(2, "john-doe")]


def test_a_quote_that_is_never_closed_is_named_by_the_line_it_opens_in(path: Path) -> None:
    with pytest.raises(SourceError, match="line 3: a quote that opens here is never closed"):
        rows(path, 'url,reason\njohn,a\njane,"b\njack,c\njill,d\n')


def test_a_quote_that_runs_on_is_stopped_before_it_swallows_the_file(path: Path) -> None:
    text = 'url,reason\njohn,a\njane,"b\n' + "x,y\n" * 5 * MAX_ROW_LINES
    with pytest.raises(SourceError, match="line 3: a quote that opens here is not closed within 1,000 lines"):
        rows(path, text)


def test_a_quote_out_of_place_joins_no_rows(path: Path) -> None:
    with pytest.raises(SourceError, match="line 2: not proper CSV"):
        rows(path, 'url,reason\njohn,"left\njane,"asked"\n')


def test_a_cell_with_line_ends_is_one_row(path: Path) -> None:
    note = "a\n" * (MAX_ROW_LINES - 2)
    assert rows(path, f'url,reason\njohn,"{note}"\njane,b\n') == [Row(2, "john", note), Row(1001, "jane", "b")]


def test_a_very_long_cell_is_an_error(path: Path) -> None:
    with pytest.raises(SourceError, match="line 2: a cell too long"):
        rows(path, "url,reason\njohn," + "x" * 200_000 + "\n")


def test_a_row_with_more_cells_than_the_header_has_cannot_be_read_and_the_others_can(path: Path) -> None:
    first, second, third = rows(path, "name,url\nx,john\nDoe, John,jane\ny,jack\n")
    assert (first, third) == (Row(2, "john"), Row(4, "jack"))
    assert (second.line, second.text, second.item) == (3, "Doe, John,jane", None)
    assert "3 cells where the header has 2" in (second.problem or "")
    assert rows(path, "name,url\nx,john,,\n") == [Row(2, "john")]


def test_a_header_that_is_repeated_is_no_person(path: Path) -> None:
    assert rows(path, "Name,LinkedIn URL\nJ,john\nName,LinkedIn URL\nK,jane\n\ufeffName,LinkedIn URL\n") == [
        Row(2, "john"),
        Row(4, "jane"),
    ]
    assert rows(path, "profile\njohn\nprofile\n") == [Row(2, "john")]


@pytest.mark.parametrize(
    "cell",
    [
        '"=HYPERLINK(""https://www.linkedin.com/in/john"",""John"")"',
        '"=hyperlink( ""https://www.linkedin.com/in/john"" ; ""Profile"" )"',
        '"=HYPERLINK(""https://www.linkedin.com/in/john"")"',
        '"<a target=""_blank"" href=""https://www.linkedin.com/in/john"">John</a>"',
        "[John (CEO)](https://www.linkedin.com/in/john)",
    ],
)
def test_a_cell_with_a_hyperlink_is_its_target(path: Path, cell: str) -> None:
    assert rows(path, f"Name;url\nJ;{cell}\n") == [Row(2, "https://www.linkedin.com/in/john")]


@pytest.mark.parametrize("word", ["link", "Profile", "View profile", "john-doe"])
def test_a_column_of_one_repeated_word_is_refused(path: Path, word: str) -> None:
    with pytest.raises(SourceError, match=r"every row gives .* the links behind the word are missing"):
        rows(path, f"Name,url\nA,{word}\nB,{word.upper()}\nC, {word}\n")
    assert len(rows(path, f"Name,url\nA,{word}\nB,{word}\n")) == 2
    assert len(rows(path, f"Name,url\nA,{word}\nB,{word}\nC,{word}\nD,other\n")) == 4
    assert len(rows(path, "url\n" + "linkedin.com/in/john\n" * 3)) == 3
    with pytest.raises(SourceError, match="every row gives"):
        rows(path, "url\n" + f"{word}\n" * 2000 + "other\n")


def test_every_filled_cell_of_several_columns_counts(path: Path) -> None:
    path.write_text("Name,Phone,Mobile\nJ,+1,+2\nK,,+3\nL,+4,\nM,,\n", encoding="utf-8")
    found = list(delimited_rows(path, "number", ["mobile", "Phone"], "utf-8"))
    assert [(row.line, row.text) for row in found] == [(2, "+2"), (2, "+1"), (3, "+3"), (4, "+4"), (5, "")]
    with pytest.raises(SourceError, match="no column is named 'Mobile' and 'Fax'"):
        list(delimited_rows(path, "number", ["Mobile", "Fax"], "utf-8"))


def test_nul_characters_are_an_error(path: Path) -> None:
    with pytest.raises(SourceError, match="line 3: NUL characters"):
        rows(path, "url,reason\njohn,a\njane," + "\0" * 4 + "\n")


def test_only_our_own_export_loses_its_quotes(path: Path) -> None:
    header = "id,public_identifier,reason,created_at,workspace_id\n"
    assert rows(path, header + "1,'-john,'=1+1,2024,w\n2,''x,'x,2024,w\n") == [
        Row(2, "-john", "=1+1"),
        Row(3, "'x", "'x"),
    ]
    assert rows(path, "public_identifier,reason\n'-john,'=1+1\n") == [Row(2, "'-john", "'=1+1")]


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8).filter(
    lambda name: not name.isspace()
)


@settings(deadline=None)
@given(
    st.lists(st.tuples(NAMES, st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)), max_size=30),
    st.sampled_from(",;\t"),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_every_row_that_a_csv_writer_wrote_is_read(
    tmp_path_factory: pytest.TempPathFactory, leads: list[tuple[str, str]], delimiter: str, encoding: str
) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerow(["public_identifier", "reason"])
    writer.writerows(leads)
    path = tmp_path_factory.getbasetemp() / "written.csv"
    path.write_bytes(text.getvalue().encode(encoding))
    read = [(row.text, row.reason or "") for row in delimited_rows(path, "lead", [], encoding_of(path))]
    assert read == leads
