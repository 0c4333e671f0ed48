from __future__ import annotations

import pytest

from walead_async.errors import SourceError
from walead_async.files.columns import EXPORT_COLUMNS, Header, Kind, find_header, known_columns

CONNECTIONS = [
    ["Notes:"],
    ["When exporting your connection data, you may notice that some of the email addresses are missing."],
    ["First Name", "Last Name", "URL", "Email Address", "Company", "Position", "Connected On"],
    ["John", "Doe", "https://www.linkedin.com/in/john-doe", "", "Acme", "CEO", "01 Jan 2024"],
]


def chosen(names: list[str], kind: Kind = "lead", column: str | None = None) -> str | None:
    header = known_columns(names, kind, [column] if column else [], "leads.csv")
    return None if header is None else names[header.keys[0]]


@pytest.mark.parametrize(
    ("names", "name"),
    [
        (list(EXPORT_COLUMNS), "public_identifier"),
        (["publicIdentifier", "reason"], "publicIdentifier"),
        (["First Name", "URL"], "URL"),
        (["Record ID", "Email", "LinkedIn URL", "Associated Company"], "LinkedIn URL"),
        (["Id", "LinkedIn__c", "Email"], "LinkedIn__c"),
        (["Name", "LinkedIn_URL__c"], "LinkedIn_URL__c"),
        (["Person Linkedin Url", "Company Linkedin Url", "Website"], "Person Linkedin Url"),
        (["profileUrl", "defaultProfileUrl", "vmid"], "defaultProfileUrl"),
        (["URL", "linkedin_url"], "linkedin_url"),
        (["hs_linkedin_url", "vid"], "hs_linkedin_url"),
        (["profile url", "public_identifier"], "public_identifier"),
    ],
)
def test_known_headers_are_found_in_order_of_preference(names: list[str], name: str) -> None:
    assert chosen(names) == name


@pytest.mark.parametrize("names", [["Name", "E-mail"], ["id"], ["Company Linkedin Url"], ["Website URL"], [""]])
def test_unknown_headers_are_not_guessed_at(names: list[str]) -> None:
    assert chosen(names) is None


def test_each_kind_has_its_own_names() -> None:
    assert chosen(["id", "public_identifier"], "id") == "id"
    assert chosen(["Name", "Phone Number"], "number") == "Phone Number"
    assert chosen(["number", "public_identifier"], "lead") == "public_identifier"


def test_a_name_that_is_asked_for_comes_before_all_others() -> None:
    assert chosen(["public_identifier", "My Column"], column="My Column") == "My Column"
    assert chosen(["public_identifier", "My Column"], column="my_column") == "My Column"
    assert chosen(["my column", "My Column"], column="My Column") == "My Column"
    assert chosen(["public_identifier"], column="url") is None


def test_two_columns_that_could_be_meant_are_an_error_that_names_them() -> None:
    with pytest.raises(SourceError, match=r"leads\.csv: the columns 'LinkedIn URL' and 'linkedin_url' could each hold"):
        chosen(["LinkedIn URL", "linkedin_url"])
    with pytest.raises(SourceError, match=r"'Phone' and 'Mobile Phone' could each hold the phone numbers.*--column"):
        chosen(["Phone", "Mobile Phone"], "number")
    with pytest.raises(SourceError, match="could each hold"):
        chosen(["my column", "My_Column"], column="MyColumn")


@pytest.mark.parametrize(
    "names",
    [
        ["Phone", "WhatsApp"],
        ["Cell", "Work Tel."],
        ["homePhone", "mobile_no"],
        ["Phone 1 - Value", "Phone 2 - Value"],
        ["Contact phone (private)", "Contact mobile"],
    ],
)
def test_several_columns_with_phones_are_listed(names: list[str]) -> None:
    with pytest.raises(SourceError) as caught:
        chosen(["Name", *names], "number")
    assert all(repr(name) in str(caught.value) for name in names)
    assert "--column for each" in str(caught.value)


@pytest.mark.parametrize("name", ["Phone 1 - Value", "WhatsApp Number", "contactPhone", "Mobile (private)", "tel"])
def test_a_header_that_has_a_word_for_a_phone_is_one(name: str) -> None:
    assert chosen(["Name", name, "Phone 1 - Type", "Intelligence", "Cellar"], "number") == name


def test_several_columns_with_links_to_linkedin_are_listed() -> None:
    with pytest.raises(SourceError, match="'LinkedIn URL' and 'Personal LinkedIn Profile' could each hold the people"):
        chosen(["LinkedIn URL", "Personal LinkedIn Profile"])
    assert chosen(["Company LinkedIn URL", "LinkedIn URL", "LinkedIn Sales Navigator URL"]) == "LinkedIn URL"


def test_a_reason_column_is_found_beside_the_key() -> None:
    assert known_columns(["Reason", "url"], "lead", [], "f") == Header(0, (1,), 0, 2, False, names=("url",))
    assert known_columns(["vanity name", "url"], "lead", [], "f") == Header(
        0, (0,), None, 2, False, True, ("vanity name",)
    )
    assert known_columns(["reason", "url"], "lead", ["reason"], "f") == Header(
        0, (0,), None, 2, False, names=("reason",)
    )


def test_only_the_exact_header_makes_a_file_our_own() -> None:
    assert known_columns(list(EXPORT_COLUMNS), "lead", [], "f") == Header(
        0, (1,), 2, 5, True, True, ("public_identifier",)
    )
    for names in (["public_identifier", "reason"], [*EXPORT_COLUMNS, "x"], [name.upper() for name in EXPORT_COLUMNS]):
        header = known_columns(names, "lead", [], "f")
        assert header is not None
        assert not header.own


def test_notes_may_stand_before_the_header() -> None:
    assert find_header(CONNECTIONS, "lead", [], "f") == Header(2, (2,), None, 7, False, names=("URL",))


def test_rows_that_may_be_people_are_never_taken_for_notes() -> None:
    assert find_header([["john", "x"], ["url", "reason"]], "lead", [], "f") is None
    assert find_header([["john"], ["linkedin"], ["url"]], "lead", [], "f") == Header(-1, (0,), None, 1, False)


def test_a_header_that_is_asked_for_may_stand_below_notes_of_several_cells() -> None:
    rows = [["Report", "2024"], ["Name", "Contact"], ["John", "john-doe"]]
    assert find_header(rows, "lead", ["contact"], "f") == Header(1, (1,), None, 2, False, names=("Contact",))
    assert find_header(rows, "lead", ["nobody"], "f") is None


def test_a_table_of_one_column_needs_no_header() -> None:
    none = Header(-1, (0,), None, 1, False)
    assert find_header([["john-doe"], ["jane-smith"]], "lead", [], "f") == none
    assert find_header([["john-doe", ""], [""], ["jane-smith"]], "lead", [], "f") == none
    assert find_header([["linkedin.com/in/john"], ["linkedin.com/in/jane"]], "lead", [], "f") == none
    assert find_header([["url"], ["john-doe"]], "lead", [], "f") == Header(0, (0,), None, 1, False, names=("url",))


def test_an_unknown_title_over_links_is_not_taken_for_a_person() -> None:
    assert find_header([["Kontakt"], ["linkedin.com/in/john"], ["linkedin.com/in/jane"]], "lead", [], "f") is None
