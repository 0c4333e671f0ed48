"""From the bytes of an answer to models: a strict, fast way, and cattrs to name the record and field that is wrong."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import attrs
import orjson

from walead_async.errors import UnexpectedResponseError
from walead_async.models import BlockedLead, CampaignBlockedLead

__all__ = [
    "ChangeCount",
    "NumberChange",
    "blocked_leads",
    "campaign_leads",
    "change_count",
    "json_kind",
    "number_change",
    "numbers",
]

#: What the fast path may stumble over; nothing else is expected of it.
WRONG = (KeyError, TypeError, ValueError, AttributeError, OverflowError)

_from_iso = datetime.fromisoformat


@attrs.frozen
class ChangeCount:
    """WaLead's answer to a bulk call. `count` is None if it has none, or if the service says `success: false`."""

    count: int | None
    message: str | None


@attrs.frozen
class NumberChange:
    """Phonely's answer to a bulk call: the numbers that were changed, and why the others were not."""

    changed: tuple[str, ...]
    failed: tuple[tuple[str, str | None], ...]
    message: str | None


def blocked_leads(body: bytes) -> list[BlockedLead]:
    """The records of a page of the workspace's list. Raises `UnexpectedResponseError` naming record and field."""
    try:
        return _blocked_leads(orjson.loads(body))
    except WRONG:
        pass  # orjson's error holds the whole body, so it must not be the context of ours
    raise _explained(body, BlockedLead)


def campaign_leads(body: bytes) -> list[CampaignBlockedLead]:
    """The records of a page of a campaign's list. Raises `UnexpectedResponseError` naming record and field."""
    try:
        return _campaign_leads(orjson.loads(body))
    except WRONG:
        pass  # as above
    raise _explained(body, CampaignBlockedLead)


def numbers(body: bytes) -> list[str]:
    """The numbers of an agent's list: an object with `blockList`, or a bare array. Raises `UnexpectedResponseError`."""
    found = _json(body)
    if isinstance(found, dict):
        found = found.get("blockList")
    if not isinstance(found, list):
        raise UnexpectedResponseError(f"the block list is {json_kind(found)}, not an array of numbers")
    for position, number in enumerate(found):
        if not isinstance(number, str):
            raise UnexpectedResponseError(f"number {position} of the block list is {json_kind(number)}, not text")
    return found


def change_count(body: bytes, field: str) -> ChangeCount:
    """The answer to a bulk call of WaLead, whose count stands in `field`. An empty answer has no count.

    Raises `UnexpectedResponseError` if it is not what the documentation says; whether the change was made is then
    unknown.
    """
    if not body.strip():
        return ChangeCount(None, None)
    answer = _object(body)
    count, success, message = answer.get(field), answer.get("success", True), answer.get("message")
    if count is not None and (not isinstance(count, int) or isinstance(count, bool)):
        raise _after_change(f"{field!r} in the answer is {json_kind(count)}, not a whole number")
    if not isinstance(success, bool):
        raise _after_change(f"'success' in the answer is {json_kind(success)}, not true or false")
    return ChangeCount(count if success else None, message if isinstance(message, str) else None)


def number_change(body: bytes, field: str) -> NumberChange:
    """The answer to a bulk call of Phonely, whose successes stand in `field`. Raises as `change_count`."""
    if not body.strip():
        return NumberChange((), (), None)
    answer = _object(body)
    changed, failed, message = answer.get(field) or [], answer.get("failed") or [], answer.get("message")
    if not isinstance(changed, list) or not all(isinstance(number, str) for number in changed):
        raise _after_change(f"{field!r} in the answer is not an array of numbers")
    if not isinstance(failed, list):
        raise _after_change(f"'failed' in the answer is {json_kind(failed)}, not an array")
    reasons = tuple(_failed_number(position, one) for position, one in enumerate(failed))
    return NumberChange(tuple(changed), reasons, message if isinstance(message, str) else None)


class _Draft:
    """A `BlockedLead` that is filled and then frozen, by its class: to fill a frozen one takes three times as long."""

    __slots__ = ("created_at", "id", "public_identifier", "reason", "workspace_id")
    id: str
    public_identifier: str
    reason: str | None
    created_at: datetime
    workspace_id: str


def _blocked_leads(records: Any) -> list[BlockedLead]:
    if type(records) is not list:
        raise TypeError
    leads: list[BlockedLead] = []
    for record in records:
        name, identifier, workspace = record["id"], record["publicIdentifier"], record["workspaceId"]
        reason = record.get("reason")
        if not type(name) is type(identifier) is type(workspace) is str:
            raise TypeError
        if reason is not None and type(reason) is not str:
            raise TypeError
        moment = _from_iso(record["createdAt"])
        draft: Any = _Draft()
        draft.id, draft.public_identifier, draft.workspace_id = name, identifier, workspace
        draft.reason = reason
        draft.created_at = moment if moment.tzinfo is UTC else _in_utc(moment)
        draft.__class__ = BlockedLead
        leads.append(draft)
    return leads


def _campaign_leads(records: Any) -> list[CampaignBlockedLead]:
    if type(records) is not list:
        raise TypeError
    leads: list[CampaignBlockedLead] = []
    for record in records:
        identifier, reason = record["publicIdentifier"], record.get("reason")
        if type(identifier) is not str or (reason is not None and type(reason) is not str):
            raise TypeError
        leads.append(CampaignBlockedLead(identifier, reason, _in_utc(_from_iso(record["createdAt"]))))
    return leads


def _in_utc(moment: datetime) -> datetime:
    """A time with its offset from UTC, as the documentation promises (`date-time`), in UTC."""
    if moment.tzinfo is None:
        raise ValueError
    return moment.astimezone(UTC)


def _explained(body: bytes, model: type) -> UnexpectedResponseError:
    """The error for a page that the fast path refused: slow, and naming every record and field that is wrong."""
    found = _json(body)
    if not isinstance(found, list):
        return UnexpectedResponseError(f"the list is {json_kind(found)}, not an array of records")
    # cattrs is loaded here, on need: most programs never see a wrong record.
    from walead_async.transport.converter import explain

    return UnexpectedResponseError(explain(found, model))


def _json(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except ValueError as error:
        what = str(error) if body.strip() else "it is empty"
    # Raised here, not in the handler: orjson's error holds the whole body, so it must not be the context.
    raise UnexpectedResponseError(f"the answer is not JSON: {what}")


def _object(body: bytes) -> dict[str, object]:
    try:
        answer = _json(body)
    except UnexpectedResponseError as error:
        error.maybe_applied = True
        raise
    if not isinstance(answer, dict):
        raise _after_change(f"the answer is {json_kind(answer)}, not an object")
    return answer


def _failed_number(position: int, failed: object) -> tuple[str, str | None]:
    number = failed.get("number") if isinstance(failed, dict) else None
    reason = failed.get("reason") if isinstance(failed, dict) else None
    if not isinstance(number, str) or not (reason is None or isinstance(reason, str)):
        raise _after_change(f"entry {position} of 'failed' in the answer does not hold a number and a reason")
    return number, reason


def _after_change(text: str) -> UnexpectedResponseError:
    error = UnexpectedResponseError(text + ": whether the change was made is unknown")
    error.maybe_applied = True
    return error


KINDS: dict[type, str] = {str: "text", int: "a number", float: "a number", list: "an array", dict: "an object"}


def json_kind(found: object) -> str:
    """What kind of JSON value this is, in words: "null", "text", "an object"..."""
    if found is None:
        return "null"
    if isinstance(found, bool):
        return "true or false"
    return KINDS.get(type(found), type(found).__name__)
