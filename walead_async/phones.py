"""Phone numbers: what people paste -> the key that Phonely takes, or why it cannot be one."""

from __future__ import annotations

import re
from unicodedata import category, decimal

from walead_async.errors import ConfigurationError, InvalidInputError
from walead_async.identifiers import kind_of, trimmed

__all__ = ["phone_number", "validated_phone_number"]

#: E.164 allows 15 digits after the +. Without one, a prefix for international calls (00, 011) adds up to 5.
MAX_DIGITS = 15
MAX_PREFIX = 5

ADVICE = "write one number a cell, best with its country code, like +14155550123"

_COMMON = re.compile(r"\+?[0-9]{1,15}").fullmatch
_SCHEME = re.compile(r"(?:tel|callto):(?://)?", re.IGNORECASE).match
_EXTENSION = re.compile(r"\d\W*(?:;\s*ext\s*=|ext(?:ension|n)?\b|ext|x|#)\W*\d", re.IGNORECASE).search
_ROUNDED = re.compile(r"\d(?:[.,]\d+)?E\+?\d+", re.IGNORECASE).fullmatch
#: How a table of numbers writes a phone number: a spreadsheet's 14155550123 comes out as 14155550123.0.
_DECIMAL = re.compile(r"(\+?\d{7,})\.0").fullmatch
_PLUS = frozenset("+\uff0b")
_BETWEEN = frozenset(".()[]/\u00b7\u2022\u2024\u2212\uff0e\uff08\uff09\uff0f'\"\u2018\u2019\u201c\u201d")


def phone_number(text: object) -> str:
    """Turn a pasted phone number into its key: its digits, with a leading + if there was one.

    Takes spaces, dashes, dots, slashes and brackets between the digits, digits of any script, and `tel:` links.
    Nothing is guessed: no country code is added and none taken away. Raises `InvalidInputError` with the reason.
    """
    if type(text) is str and _COMMON(text) is not None:
        return text
    if isinstance(text, int):
        raise InvalidInputError(f"{kind_of(text)} is not text, and a number loses its + and leading zeros: give a str")
    pasted = trimmed(text)
    if (scheme := _SCHEME(pasted)) is not None:
        pasted = pasted[scheme.end() :]
    if (whole := _DECIMAL(pasted)) is not None:
        pasted = whole[1]
    _refuse_other_things(pasted)
    return _digits(pasted)


def validated_phone_number(text: object) -> str:
    """Turn a pasted phone number into E.164, and refuse one that its country's numbering plan makes impossible.

    Needs the optional library phonenumbers, and a number with its country code. Raises `InvalidInputError`, and
    `ConfigurationError` where the library is not installed.
    """
    try:
        import phonenumbers
    except ImportError:
        raise ConfigurationError(
            "checking phone numbers needs the library phonenumbers: pip install 'walead_async[phone]'"
        ) from None
    key = phone_number(text)
    if not key.startswith("+"):
        raise InvalidInputError("a number without its country code cannot be checked: write it as +14155550123")
    try:
        number = phonenumbers.parse(key)
    except phonenumbers.NumberParseException:
        raise InvalidInputError(f"no country has a number like this: {ADVICE}") from None
    if not phonenumbers.is_possible_number(number):
        raise InvalidInputError(f"{len(key) - 1} digits cannot be a number of its country: {ADVICE}")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _refuse_other_things(pasted: str) -> None:
    """Raise `InvalidInputError` for what holds digits and is no phone number, or more than one."""
    if not pasted:
        raise InvalidInputError(f"empty: no phone number stands here; {ADVICE}")
    if _ROUNDED(pasted):
        raise InvalidInputError(
            "a number that a spreadsheet has rounded: format the column as text, and export it again"
        )
    if _EXTENSION(pasted):
        raise InvalidInputError("it has an extension, which cannot be blocked by itself: give the number without it")
    if any(letter.isalpha() for letter in pasted):
        raise InvalidInputError(f"letters stand in it: {ADVICE}")


def _digits(pasted: str) -> str:
    """The digits of a number, whatever stands between them that people write between digits."""
    key = ""
    for letter in pasted:
        digit = decimal(letter, None)
        if digit is not None:
            key += str(digit)
        elif letter in _PLUS and not key:
            key = "+"
        elif not (letter in _BETWEEN or letter.isspace() or category(letter) in {"Pd", "Cf"}):
            shown = repr(letter) if letter.isprintable() else "a control character"
            raise InvalidInputError(f"{shown} stands in it: {ADVICE}")
    if key in {"", "+"}:
        raise InvalidInputError(f"no digits stand in it: {ADVICE}")
    longest = MAX_DIGITS + 1 if key.startswith("+") else MAX_DIGITS + MAX_PREFIX
    if len(key) > longest:
        raise InvalidInputError(f"too long: more than {longest - key.count('+')} digits; {ADVICE}")
    return key
