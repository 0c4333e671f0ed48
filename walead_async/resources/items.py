"""What people give to bulk calls -> keys and JSON, item by item, or why not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from walead_async.bulk.operation import Entries
from walead_async.errors import InvalidInputError
from walead_async.identifiers import kind_of, plain_lines, public_identifier, record_id
from walead_async.models import BlockedLead, CampaignBlockedLead, LeadToBlock, Row
from walead_async.phones import NOT_INTERNATIONAL, is_international

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["check_reason", "identifier_entries", "lead_entries", "number_entries", "record_entries"]

LEADS = (LeadToBlock, BlockedLead, CampaignBlockedLead)


def check_reason(reason: object) -> None:
    """Raise `InvalidInputError` unless this is text that JSON can hold, or None."""
    if reason is None:
        return
    if not isinstance(reason, str):
        raise InvalidInputError(f"the reason is {kind_of(reason)}, not text")
    try:
        reason.encode()
    except UnicodeEncodeError:
        raise InvalidInputError("the reason is not proper Unicode text") from None


def lead_entries(items: Sequence[object], reason: str | None) -> Entries:
    """Leads for the workspace: each with its own reason, or else the one given here."""
    lines, items = _lines_of(items, with_reasons=True)
    if lines is not None:
        tail = b'"}' if reason is None else b'","reason":' + orjson.dumps(reason) + b"}"
        return _plain_entries(lines, b'{"publicIdentifier":"', tail)

    def encode(item: object) -> tuple[str, bytes]:
        own = reason
        if isinstance(item, LEADS):
            if item.reason is not None:
                check_reason(item.reason)
                own = item.reason
            item = item.public_identifier
        key = public_identifier(item)
        lead = {"publicIdentifier": key} if own is None else {"publicIdentifier": key, "reason": own}
        return key, orjson.dumps(lead)

    return _entries(items, encode)


def identifier_entries(items: Sequence[object]) -> Entries:
    """Leads for a campaign, which takes identifiers only."""
    lines, items = _lines_of(items)
    if lines is not None:
        return _plain_entries(lines, b'"', b'"')

    def encode(item: object) -> tuple[str, bytes]:
        key = public_identifier(item.public_identifier if isinstance(item, LEADS) else item)
        return key, orjson.dumps(key)

    return _entries(items, encode)


def record_entries(items: Sequence[object]) -> Entries:
    """Ids of records to unblock, or the records themselves."""

    def encode(item: object) -> tuple[str, bytes]:
        key = record_id(item)
        return key, orjson.dumps(key)

    return _entries(_unpacked(items), encode)


def number_entries(items: Sequence[object], normalise: Callable[[object], str]) -> Entries:
    """Phone numbers, normalised as the session was told to; those without a country code are sent, and named."""

    def encode(item: object) -> tuple[str, bytes]:
        key = normalise(item)
        return key, orjson.dumps(key)

    entries = _entries(_unpacked(items), encode)
    national = [index for index, key in enumerate(entries.keys) if key and not is_international(key)]
    return entries._replace(remarks=dict.fromkeys(national, NOT_INTERNATIONAL))


def _lines_of(items: Sequence[object], *, with_reasons: bool = False) -> tuple[str | None, Sequence[object]]:
    """These items a line each, if they are plain names, and the items without the rows that they stood in."""
    if (lines := plain_lines(items)) is not None:
        return lines, items
    unpacked = _unpacked(items, with_reasons=with_reasons)
    return (None if unpacked is items else plain_lines(unpacked)), unpacked


def _unpacked(items: Sequence[object], *, with_reasons: bool = False) -> Sequence[object]:
    """What stands in the rows of files among these items; a row that cannot be read stays as it is."""
    if not any(type(item) is Row for item in items):
        return items
    return [
        (item.item if with_reasons else item.text) if type(item) is Row and item.problem is None else item
        for item in items
    ]


def _plain_entries(lines: str, head: bytes, tail: bytes) -> Entries:
    """A batch of names that are their own keys and need no quoting in JSON."""
    return Entries(lines.split("\n"), [head + name + tail for name in lines.encode().split(b"\n")], {})


def _entries(items: Sequence[object], encode: Callable[[object], tuple[str, bytes]]) -> Entries:
    keys: list[str] = []
    encoded: list[bytes] = []
    invalid: dict[int, InvalidInputError] = {}
    for index, item in enumerate(items):
        try:
            if type(item) is Row:
                raise InvalidInputError(item.problem or "the row cannot be read")
            key, as_json = encode(item)
        except InvalidInputError as error:
            invalid[index] = error
            key, as_json = "", b""
        keys.append(key)
        encoded.append(as_json)
    return Entries(keys, encoded, invalid)
