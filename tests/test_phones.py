from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from walead_async.errors import InvalidInputError
from walead_async.phones import phone_number, validated_phone_number


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
        ("0041 44 668 18 00", "0041446681800"),
        ("+44 (0) 20 7946 0018", "+4402079460018"),
        ("14155550123.0", "14155550123"),
        ("+1234567890", "+1234567890"),
        ("110", "110"),
        ("00000" + "1" * 15, "00000" + "1" * 15),
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
        ("+1 415 555 0123 / +1 415 555 0124", "'+' stands in it"),
        ("4155550123, 4155550124", "',' stands in it"),
        ("*67", "'*' stands in it"),
        ("1\x002", "a control character"),
        ("²", "'²' stands in it"),
        ("+" + "1" * 16, "too long"),
        ("1" * 21, "too long"),
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
    if not digits:
        return
    key = "+" * plus + digits
    assert phone_number("+" * plus + " " + pasted + ")") == key
    assert phone_number(key) == key


@pytest.mark.parametrize(
    ("pasted", "key"), [("+1 (415) 555-0123", "+14155550123"), ("+44 (0) 20 7946 0018", "+442079460018")]
)
def test_a_validated_number_is_e164(pasted: str, key: str) -> None:
    assert validated_phone_number(pasted) == key


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
