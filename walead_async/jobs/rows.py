"""One row of a file that people bring, and how its cells become text."""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import NamedTuple

from walead_async.errors import SourceError

__all__ = ["Row", "key_text", "reason_text"]


class Row(NamedTuple):
    """One row: the number of the line it begins in, its identifier, number or id as it stands there, its own reason.

    `text` may be empty: such a row has its end too, as an invalid one. `reason` is None where the row gives none.
    """

    line: int
    text: str
    reason: str | None = None


def key_text(value: object, place: str) -> str:
    """The text of a cell that should hold an identifier, a number or an id. `place` names it in an error.

    A whole number loses its decimal point. What a spreadsheet made a date or a truth value comes out as words that
    no identifier has, so that the row ends as invalid and says why. Raises `SourceError` for a list, an object or
    bytes that are no text.
    """
    if isinstance(value, str):
        return value
    if value is None or value != value:
        return ""
    if isinstance(value, bool):
        return f"a truth value: {value}"
    if isinstance(value, (date, time, timedelta)):
        return f"a date or time: {value}"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise SourceError(f"{place}: bytes that are no UTF-8 text: write the column as text") from None
    raise SourceError(f"{place}: {type(value).__name__} where text should stand: give the row one identifier")


def reason_text(value: object, place: str) -> str | None:
    """The text of a cell that holds a reason; None if it is empty, since an empty reason says nothing."""
    if isinstance(value, str):
        return value or None
    if isinstance(value, (bool, date, time, timedelta)):
        return str(value)
    return key_text(value, place) or None
