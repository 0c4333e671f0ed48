"""Phone numbers: what people paste -> the key that Phonely takes, or why it cannot be one."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING
from unicodedata import category, decimal

from walead_async.errors import ConfigurationError, InvalidInputError
from walead_async.identifiers import kind_of, trimmed

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

__all__ = [
    "NOT_INTERNATIONAL",
    "check_region",
    "is_international",
    "number_reader",
    "phone_number",
    "validated_phone_number",
]

#: E.164 allows 15 digits, the country code among them.
MAX_DIGITS = 15
#: Whoever writes two numbers into one cell writes at least so many digits of each.
WHOLE_NUMBER = 7

#: What is said of a number that was sent without its country code.
NOT_INTERNATIONAL = "not in international form"
ADVICE = "write one number a cell, best with its country code, like +14155550123"

_COMMON = re.compile(r"\+[1-9][0-9]{0,14}|(?!00)[0-9]{1,15}").fullmatch
_SCHEME = re.compile(r"(?:tel|callto):(?://)?", re.IGNORECASE).match
_EXTENSION = re.compile(r"\d\W*(?:;\s*ext\s*=|ext(?:ension|n)?\b|ext|x|#)\W*\d", re.IGNORECASE).search
_ROUNDED = re.compile(r"\d(?:[.,]\d+)?E\+?\d+", re.IGNORECASE).fullmatch
#: How a table of numbers writes a phone number: a spreadsheet's 14155550123 comes out as 14155550123.0.
_DECIMAL = re.compile(r"(\+?\d+)[.,]0+").fullmatch
_FRACTION = re.compile(r"\+?\d{7,}[.,]\d{1,2}").fullmatch
#: The 0 that is dialled inside the country only.
_TRUNK = re.compile(r"([^\d+]*(?:\+|00)\W*(\d{1,3})\W*?)[(\[]\s*0\s*[)\]]").match
#: Italy, the Vatican, San Marino, Ivory Coast, Benin, Gabon and Congo, where the 0 is part of the number.
_WITHOUT_TRUNK = frozenset({"39", "379", "378", "225", "229", "241", "242"})
_DATE = re.compile(r"(\d{1,4})([-/.])(\d{1,2})\2(\d{1,4})(?:[T ].*)?", re.DOTALL).fullmatch
#: An address of the internet: four parts, of which one behind the first has a single digit.
_ADDRESS = re.compile(r"(?=.*\.\d(?:\.|$))\d{1,3}(?:\.\d{1,3}){3}").fullmatch
_LINE_BREAK = re.compile(r"\d[^\d]*?[\n\r\v\f\x85\u2028\u2029][^\d]*\d").search
#: Around a slash: an area code before a number (030/1234567), or the next number.
_AREA_CODE = re.compile(r"\+\d{1,8}|0\d{0,5}|[1-9]\d{0,4}").fullmatch
_PLUS = frozenset("+\uff0b")
_BETWEEN = frozenset(".()[]/\u00b7\u2022\u2024\u2212\uff0e\uff08\uff09\uff0f'\"\u2018\u2019\u201c\u201d")


def phone_number(text: object) -> str:
    """Turn a pasted phone number into its key: its digits, with a leading + if there was one.

    Takes spaces, dashes, dots, slashes and brackets between the digits, digits of any script, and `tel:` links. 00 at
    the start is a +, and the (0) behind a country code is left out. Nothing is guessed: no country code is added and
    none taken away. Raises `InvalidInputError` with the reason.
    """
    if type(text) is str and _COMMON(text) is not None:
        return text
    if isinstance(text, int):
        raise InvalidInputError(f"{kind_of(text)} is not text, and a number loses its + and leading zeros: give a str")
    pasted = _plain(trimmed(text))
    if (whole := _DECIMAL(pasted)) is not None:
        pasted = whole[1]
    _refuse_other_things(pasted)
    _refuse_two_numbers(pasted)
    if (trunk := _TRUNK(pasted)) is not None and trunk[2] not in _WITHOUT_TRUNK:
        pasted = trunk[1] + pasted[trunk.end() :]
    return _international(_digits(pasted))


def is_international(key: str) -> bool:
    """Whether a key has its country code, as E.164 wants it: the service only recommends that."""
    return key.startswith("+")


def validated_phone_number(text: object, region: str | None = None) -> str:
    """Turn a pasted phone number into E.164, and refuse one that its country's numbering plan makes impossible.

    `region` is the country of numbers without a country code, in two letters ("CH"). Needs the optional library
    phonenumbers. Raises `InvalidInputError`, and `ConfigurationError` where the library is not installed or does not
    know the region.
    """
    phonenumbers = check_region(region)
    key = phone_number(text)
    if region is None and not is_international(key):
        raise InvalidInputError("a number without its country code cannot be checked: write it as +14155550123")
    try:
        number = phonenumbers.parse(key, region)
    except phonenumbers.NumberParseException:
        raise InvalidInputError(f"no country has a number like this: {ADVICE}") from None
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        raise InvalidInputError(f"{len(key.lstrip('+'))} digits cannot be a number of its country: {ADVICE}")
    e164: str = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return e164


def number_reader(region: str | None = None, *, validate: bool = False) -> Callable[[object], str]:
    """What turns numbers into keys: `validated_phone_number` if there is a region, or if told to; or `phone_number`.

    Raises `ConfigurationError`, at once and not at the first number, for what is missing or wrong.
    """
    if region is None and not validate:
        return phone_number
    check_region(region)
    return partial(validated_phone_number, region=region)


def check_region(region: str | None) -> ModuleType:
    """The library phonenumbers, which knows this region. Raises `ConfigurationError`."""
    try:
        import phonenumbers
    except ImportError:
        raise ConfigurationError(
            "checking phone numbers needs the library phonenumbers: pip install 'walead_async[phone]'"
        ) from None
    if region is not None and (not isinstance(region, str) or region not in phonenumbers.SUPPORTED_REGIONS):
        raise ConfigurationError(f"region {region!r} is no country: give its two capital letters, such as CH")
    return phonenumbers


def _plain(pasted: str) -> str:
    """With digits, plus and dashes of any script as ASCII has them, and without the scheme of a link."""
    if (scheme := _SCHEME(pasted)) is not None:
        pasted = pasted[scheme.end() :]
    letters = []
    for letter in pasted:
        digit = decimal(letter, None)
        if digit is not None:
            letters.append(str(digit))
        elif letter in _PLUS:
            letters.append("+")
        elif category(letter) == "Pd" or letter == "\u2212":
            letters.append("-")
        elif category(letter) != "Cf":
            letters.append(letter)
    return "".join(letters).strip()


def _refuse_other_things(pasted: str) -> None:
    """Raise `InvalidInputError` for what holds digits and is no phone number."""
    if not pasted:
        raise InvalidInputError(f"empty: no phone number stands here; {ADVICE}")
    if _ROUNDED(pasted):
        raise InvalidInputError(
            "a number that a spreadsheet has rounded: format the column as text, and export it again"
        )
    if _FRACTION(pasted):
        raise InvalidInputError(f"a number with a decimal point, which no phone number has: {ADVICE}")
    if (date := _DATE(pasted)) is not None and _is_date(date[1], date[3], date[4]):
        raise InvalidInputError(f"a date, not a phone number: {ADVICE}")
    if _ADDRESS(pasted):
        raise InvalidInputError(f"an address of the internet, not a phone number: {ADVICE}")
    if _EXTENSION(pasted):
        raise InvalidInputError("it has an extension, which cannot be blocked by itself: give the number without it")
    if any(letter.isalpha() for letter in pasted):
        raise InvalidInputError(f"letters stand in it: {ADVICE}")


def _is_date(first: str, second: str, third: str) -> bool:
    """Year, month and day, or day and month in either order and the year, of two digits or four."""
    if len(first) == 4 and len(third) <= 2:
        years, months, days = first, second, third
    elif len(first) <= 2 and len(third) in {2, 4}:
        years, months, days = third, *sorted((first, second), key=int)
    else:
        return False
    return (len(years) == 2 or 1900 <= int(years) < 2100) and 1 <= int(months) <= 12 and 1 <= int(days) <= 31


def _refuse_two_numbers(pasted: str) -> None:
    """Raise `InvalidInputError` for two numbers in one cell."""
    before, slash, after = pasted.rpartition("/")
    code, rest = (re.sub(r"[^\d+]", "", part) for part in (before, after))
    by_slash = slash and code and rest and (not _AREA_CODE(code) or len(code + rest) < WHOLE_NUMBER)
    by_plus = [part for part in pasted.split("+") if _is_whole(part)]
    by_space = [part for part in re.split(r"\s\W*|[•·]", pasted) if _is_whole(part)]
    if by_slash or len(by_plus) > 1 or len(by_space) > 1 or _LINE_BREAK(pasted):
        raise InvalidInputError(f"two numbers in one cell: {ADVICE}")


def _is_whole(text: str) -> bool:
    return sum(map(str.isdecimal, text)) >= WHOLE_NUMBER


def _digits(pasted: str) -> str:
    """The digits of a number, whatever stands between them that people write between digits."""
    key = ""
    for letter in pasted:
        if letter.isdecimal():
            key += letter
        elif letter == "+" and not key:
            key = "+"
        elif not (letter == "-" or letter in _BETWEEN or letter.isspace()):
            shown = repr(letter) if letter.isprintable() else "a control character"
            raise InvalidInputError(f"{shown} stands in it: {ADVICE}")
    if key in {"", "+"}:
        raise InvalidInputError(f"no digits stand in it: {ADVICE}")
    return key


def _international(key: str) -> str:
    """With a + in place of 00. Raises `InvalidInputError` for more digits than a number has."""
    digits = key.removeprefix("+")
    if digits.startswith("00"):
        # Australia dials 0011 where others dial 00, and no number begins with +11
        key = "+" + digits.removeprefix("0011" if digits.startswith("0011") else "00")
    if key in {"+", "+0"} or key.startswith("+0"):
        raise InvalidInputError(f"no country code begins with 0: {ADVICE}")
    if len(key.removeprefix("+")) > MAX_DIGITS:
        raise InvalidInputError(f"too long: more than {MAX_DIGITS} digits; {ADVICE}")
    return key
