"""Checks of single settings: each raises `BadSetting` with the name of the setting and what it takes."""

from __future__ import annotations

import math
import re
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import attrs

from walead_async.testing.errors import BadSetting

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["check_whole", "from_json", "instant", "names", "number", "pattern", "sizes", "status", "truth", "whole"]

# attrs types a validator by its own `Attribute[Any]`.
Field: TypeAlias = "attrs.Attribute[Any]"
Validator: TypeAlias = "Callable[[object, Field, object], None]"


def check_whole(name: str, value: object, most: int) -> None:
    """Raise `BadSetting` if this is no whole number from 0 to `most`."""
    if type(value) is not int or not 0 <= value <= most:
        raise BadSetting(f"{name} takes a whole number from 0 to {most}, not {value!r}")


def whole(least: int, *, optional: bool = False) -> Validator:
    """A whole number from `least` on; with `optional` also None."""

    def check(_: object, field: Field, value: object) -> None:
        if optional and value is None:
            return
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise BadSetting(f"{field.name} takes a whole number from {least}, not {value!r}")

    return check


def number(*, above_zero: bool = False, optional: bool = False) -> Validator:
    """A finite number from 0 on, or above it; with `optional` also None."""

    def check(_: object, field: Field, value: object) -> None:
        if optional and value is None:
            return
        good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0
        if not good or (above_zero and not value):
            raise BadSetting(f"{field.name} takes a number {'above' if above_zero else 'from'} 0, not {value!r}")

    return check


def truth(_: object, field: Field, value: object) -> None:
    """True or false."""
    if not isinstance(value, bool):
        raise BadSetting(f"{field.name} takes true or false, not {value!r}")


def status(*known: int) -> Validator:
    """One of these statuses."""

    def check(_: object, field: Field, value: object) -> None:
        if value not in known or isinstance(value, bool):
            raise BadSetting(f"{field.name} takes {' or '.join(map(str, known))}, not {value!r}")

    return check


def pattern(_: object, field: Field, value: object) -> None:
    """A regular expression."""
    if not isinstance(value, str):
        raise BadSetting(f"{field.name} takes a regular expression, not {value!r}")
    try:
        re.compile(value)
    except re.error as error:
        raise BadSetting(f"{field.name} is not a regular expression: {error}") from None


def instant(_: object, field: Field, value: object) -> None:
    """An ISO 8601 time with its offset from UTC."""
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise BadSetting(f"{field.name} takes an ISO 8601 time with its offset, not {value!r}")


def names(_: object, field: Field, value: object) -> None:
    """A tuple of names, or None for any name."""
    if value is not None and not (isinstance(value, tuple) and all(isinstance(name, str) for name in value)):
        raise BadSetting(f"{field.name} takes a list of names, or none for any, not {value!r}")


def sizes(_: object, field: Field, value: object) -> None:
    """A tuple of whole numbers from 1 on."""
    if not isinstance(value, tuple) or not all(type(size) is int and size > 0 for size in value):
        raise BadSetting(f"{field.name} takes a list of whole numbers from 1, not {value!r}")


def from_json(_: type, fields: list[Field]) -> list[Field]:
    """Let every setting also take the form that its value has in JSON: the text of an enum, a list for a tuple."""
    return [field.evolve(converter=_member if isinstance(field.default, StrEnum) else _listed) for field in fields]


def _to_member(value: object, field: Field) -> StrEnum:
    known = list(cast("type[StrEnum]", type(field.default)))
    for member in known:
        if value == member:
            return member
    raise BadSetting(f"{field.name} takes one of {', '.join(known)}, not {value!r}")


def _to_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


_member = attrs.Converter(_to_member, takes_field=True)
_listed = attrs.Converter(_to_tuple)
