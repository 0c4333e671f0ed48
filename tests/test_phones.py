from __future__ import annotations

import re
import subprocess
import sys
from contextlib import suppress
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from walead_async.errors import ConfigurationError, InvalidInputError
from walead_async.phones import check_region, is_international, phone_number, validated_phone_number


@pytest.mark.parametrize(
    ("pasted", "key"),
    [
        ("+14155550123", "+14155550123"),
        ("14155550123", "14155550123"),
        ("+1 (415) 555-0123", "+14155550123"),
        ("(+1) 415.555.0123", "+14155550123"),
        ("tel:+1-415-555-0123", "+14155550123"),
        ("TEL://+14155550123", "+14155550123"),
        ("callto:+14155550123", "+14155550123"),
        ("+1\u00a0415\u2009555\u20110123", "+14155550123"),
        ("+1–415—555−0123", "+14155550123"),
        ("\u202a+1 415 555 0123\u202c", "+14155550123"),
        ("\ufeff'+14155550123'", "+14155550123"),
        ("＋１４１５５５５０１２３", "+14155550123"),
        ("٤١٥٥٥٥٠١٢٣", "4155550123"),
        ("030/1234 567", "0301234567"),
        ("+49 30/1234567", "+49301234567"),
        ("0041 44 668 18 00", "+41446681800"),
        ("(00)41 44 668 18 00", "+41446681800"),
        ("+0041 44 668 18 00", "+41446681800"),
        ("0011 44 20 7946 0018", "+442079460018"),
        ("+44 (0) 20 7946 0018", "+442079460018"),
        ("+44 (0)20 7946 0018", "+442079460018"),
        ("(+44) [0]20 7946 0018", "+442079460018"),
        ("0044 (0)20 7946 0018", "+442079460018"),
        ("+39 (0)6 698 12345", "+390669812345"),
        ("14155550123.0", "14155550123"),
        ("14155550123.00", "14155550123"),
        ("+14155550123,00", "+14155550123"),
        ("110.0", "110"),
        ("+1234567890", "+1234567890"),
        ("110", "110"),
        ("1" * 15, "1" * 15),
    ],
)
def test_a_key_is_the_digits_with_the_plus_they_had(pasted: str, key: str) -> None:
    assert phone_number(pasted) == key


@pytest.mark.parametrize(
    ("pasted", "reason"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("+", "no digits"),
        ("( ) -", "no digits"),
        ("john-doe", "letters"),
        ("1-800-FLOWERS", "letters"),
        ("415 555 0123 x12", "extension"),
        ("415 555 0123 ext. 5", "extension"),
        ("415 555 0123 extension 5", "extension"),
        ("tel:+14155550123;ext=5", "extension"),
        ("4.91512E+11", "rounded"),
        ("4,91512E+11", "rounded"),
        ("1+2", "'+' stands in it"),
        ("++1", "'+' stands in it"),
        ("14155550123.5", "a decimal point"),
        ("2024-03-01", "a date"),
        ("01.03.2024", "a date"),
        ("3/1/24", "a date"),
        ("2024/12/31", "a date"),
        ("31-12-99", "a date"),
        ("2024–03–01", "a date"),
        ("٢٠٢٤-٠٣-٠١", "a date"),
        ("2024-03-01 00:00:00", "a date"),
        ("2024-03-01T00:00:00Z", "a date"),
        ("+1 415 555 0123 / +1 415 555 0124", "two numbers"),
        ("+14155550123+14155550124", "two numbers"),
        ("4155550123, 4155550124", "two numbers"),
        ("4155550123/4155550124", "two numbers"),
        ("044 668 18 00/01", "two numbers"),
        ("110/112", "two numbers"),
        ("4155550123 4155550124", "two numbers"),
        ("555-0123 555-0124", "two numbers"),
        ("555 0123\n555 0124", "two numbers"),
        ("4155550123\r\n4155550124", "two numbers"),
        ("4155550123\u20284155550124", "two numbers"),
        ("00", "no country code begins with 0"),
        ("+0 123", "no country code begins with 0"),
        ("*67", "'*' stands in it"),
        ("1\x002", "a control character"),
        ("²", "'²' stands in it"),
        ("+" + "1" * 16, "too long"),
        ("1" * 16, "too long"),
        ("00" + "2" * 16, "too long"),
        ("1" * 5000, "too long"),
        ("\ud8001", "not proper Unicode"),
        (None, "nothing (None)"),
        (b"+1", "bytes"),
        (14155550123, "loses its +"),
        (1.5, "a number is not text"),
    ],
)
def test_what_is_no_number_is_named(pasted: object, reason: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        phone_number(pasted)
    assert reason in str(caught.value)


SEPARATORS = st.text(" -.()/\u00a0\u2011", max_size=2)


@given(st.booleans(), st.lists(st.tuples(st.text("0123456789", min_size=1, max_size=3), SEPARATORS), max_size=4))
def test_separators_change_nothing(plus: bool, parts: list[tuple[str, str]]) -> None:
    digits = "".join(part for part, _ in parts)
    pasted = "".join(part + between for part, between in parts)
    if not digits or re.search(r"\(\W*0\W*\)", pasted):  # (0) is dialled inside the country only
        return
    number = "+" * plus + digits
    try:
        key = phone_number(number)
    except InvalidInputError:
        assert digits.startswith("0")
        return
    assert phone_number(key) == key
    with suppress(InvalidInputError):
        # two numbers, or a date, perhaps; but never another number
        assert phone_number("+" * plus + " " + pasted + ".") == key


NUMBER = st.from_regex(r"[1-9][0-9]{9}", fullmatch=True)


@given(NUMBER, NUMBER, st.sampled_from(["/", " / ", " ", "  ", "\n", "\r\n", ", ", "; ", " | ", " - ", " • "]))
def test_two_numbers_in_one_cell_are_never_one(first: str, second: str, between: str) -> None:
    for one, another in ((first, second), (f"+{first}", f"+{second}"), (first[:7], second[:7])):
        with pytest.raises(InvalidInputError):
            phone_number(one + between + another)


@given(st.dates(min_value=date(1900, 1, 1), max_value=date(2099, 12, 31)), st.sampled_from("-./"))
def test_a_date_is_no_number(day: date, between: str) -> None:
    for form in ("%Y{0}%m{0}%d", "%d{0}%m{0}%Y", "%m{0}%d{0}%Y", "%d{0}%m{0}%y", "%m{0}%d{0}%y"):
        with pytest.raises(InvalidInputError, match="a date"):
            phone_number(day.strftime(form.format(between)))


@given(st.from_regex(r"\+?[1-9][0-9]{2,13}", fullmatch=True), st.sampled_from([".0", ".00", ",0", ".000"]))
def test_what_a_spreadsheet_adds_to_a_number_is_dropped(number: str, added: str) -> None:
    assert phone_number(number + added) == number


@given(st.from_regex(r"[2-9][0-9]{5,12}", fullmatch=True))
def test_00_is_a_plus(digits: str) -> None:
    assert phone_number(f"00{digits}") == phone_number(f"00 {digits}") == f"+{digits}"


def test_a_number_without_its_country_code_can_be_told() -> None:
    assert is_international(phone_number("0041 44 668 18 00"))
    assert not is_international(phone_number("044 668 18 00"))


@pytest.mark.parametrize(
    ("pasted", "key"), [("+1 (415) 555-0123", "+14155550123"), ("+44 (0) 20 7946 0018", "+442079460018")]
)
def test_a_validated_number_is_e164(pasted: str, key: str) -> None:
    assert validated_phone_number(pasted) == key


@pytest.mark.parametrize(
    ("pasted", "region", "key"),
    [
        ("044 668 18 00", "CH", "+41446681800"),
        ("020 7946 0018", "GB", "+442079460018"),
        ("(415) 555-0123", "US", "+14155550123"),
        ("06 698 12345", "IT", "+390669812345"),
        ("+44 20 7946 0018", "CH", "+442079460018"),
        ("0044 20 7946 0018", "CH", "+442079460018"),
    ],
)
def test_a_national_number_is_one_of_its_region(pasted: str, region: str, key: str) -> None:
    assert validated_phone_number(pasted, region) == key


@pytest.mark.parametrize(("pasted", "region"), [("117", "CH"), ("044 668 18 00 0", "CH"), ("555-0123", "US")])
def test_a_national_number_that_cannot_exist_is_refused(pasted: str, region: str) -> None:
    with pytest.raises(InvalidInputError, match="cannot be a number of its country"):
        validated_phone_number(pasted, region)


@pytest.mark.parametrize("region", ["", "ch", "XX", "Switzerland"])
def test_a_region_that_is_no_country_is_wrong_configuration(region: str) -> None:
    with pytest.raises(ConfigurationError, match="region"):
        check_region(region)


@pytest.mark.parametrize(
    ("pasted", "reason"),
    [
        ("+1234567890", "cannot be a number of its country"),
        ("+999123", "no country has a number like this"),
        ("4155550123", "without its country code"),
        ("abc", "letters"),
    ],
)
def test_a_number_that_cannot_exist_is_refused(pasted: str, reason: str) -> None:
    with pytest.raises(InvalidInputError, match=reason):
        validated_phone_number(pasted)


def test_without_the_library_validation_names_the_extra() -> None:
    program = (
        "import sys; sys.modules['phonenumbers'] = None\n"
        "from walead_async.errors import ConfigurationError\n"
        "from walead_async.phones import validated_phone_number\n"
        "try: validated_phone_number('+14155550123')\n"
        "except ConfigurationError as error: print(error)\n"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert "walead_async[phone]" in found.stdout
