"""From the bytes of an answer to models, strictly: a fast way, and cattrs for what it does not take.

The fast way takes what the services write every day. It refuses everything else, also what is right but unusual, with
no more than an exception. Then cattrs reads the page again, and returns its records or names what is wrong with them.
It is loaded then: most programs never need it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import orjson

from walead_async.errors import UnexpectedResponseError
from walead_async.models import AgentInfo, BlockedLead, CampaignBlockedLead, CampaignInfo

if TYPE_CHECKING:
    import cattrs

__all__ = [
    "ChangeCount",
    "NumberChange",
    "agents",
    "blocked_leads",
    "campaign_info",
    "campaign_leads",
    "change_count",
    "json_of",
    "number_change",
    "numbers",
]

T = TypeVar("T")

#: What the fast way may raise on what it does not take; nothing else is expected of it.
REFUSED = (KeyError, TypeError, ValueError, AttributeError, OverflowError)
#: How many wrong fields a message names.
WRONG_SHOWN = 5


class ChangeCount(NamedTuple):
    """WaLead's answer to a bulk call. `count` is None if it has none, or if the service says `success: false`."""

    count: int | None  # type: ignore[assignment]  # nobody counts values in it
    message: str | None


class NumberChange(NamedTuple):
    """Phonely's answer to a bulk call: the numbers that were changed, and why the others were not."""

    changed: tuple[str, ...]
    failed: tuple[tuple[str, str | None], ...]
    message: str | None


def blocked_leads(body: bytes) -> list[BlockedLead]:
    """The records of a page of the workspace's list. Raises `UnexpectedResponseError` naming record and field."""
    try:
        return _blocked_leads(orjson.loads(body))
    except REFUSED:
        pass  # orjson's error holds the whole body, so it must not be the context of ours
    return _slowly(body, BlockedLead)


def campaign_leads(body: bytes) -> list[CampaignBlockedLead]:
    """The records of a page of a campaign's list. Raises `UnexpectedResponseError` naming record and field."""
    try:
        return _campaign_leads(orjson.loads(body))
    except REFUSED:
        pass  # as above
    return _slowly(body, CampaignBlockedLead)


def campaign_info(body: bytes) -> CampaignInfo:
    """The answer about one campaign. Raises `UnexpectedResponseError` naming the field."""
    return _one(body, CampaignInfo, "the campaign")


def numbers(body: bytes) -> list[str]:
    """The numbers of an agent's list: an object with `blockList`, or a bare array. Raises `UnexpectedResponseError`."""
    found = json_of(body)
    if isinstance(found, dict):
        found = found.get("blockList")
    if not isinstance(found, list):
        raise UnexpectedResponseError(f"the block list is {_kind(found)}, not an array of numbers")
    for position, number in enumerate(found):
        if not isinstance(number, str):
            raise UnexpectedResponseError(f"number {position} of the block list is {_kind(number)}, not text")
    return found


def agents(body: bytes) -> list[AgentInfo]:
    """The voice agents of a user. Raises `UnexpectedResponseError` naming agent and field.

    The vendor's file gives them the schema of organisations, and those theirs: an `orgId` is an agent's id, too.
    """
    found = json_of(body)
    if not isinstance(found, list):
        raise UnexpectedResponseError(f"the list of agents is {_kind(found)}, not an array of agents")
    return [_agent(position, one) for position, one in enumerate(found)]


def _agent(position: int, agent: object) -> AgentInfo:
    if not isinstance(agent, dict):
        raise UnexpectedResponseError(f"agent {position} of the list is {_kind(agent)}, not an object")
    agent_id = agent.get("agentId")
    if agent_id is None:
        agent_id = agent.get("orgId")
    if not isinstance(agent_id, str) or not agent_id:
        wrong = "is empty" if agent_id == "" else f"is {_kind(agent_id)}, not text"
        raise UnexpectedResponseError(f"agent {position} of the list: its agentId {wrong}")
    # what people are shown of an agent must not keep anybody from being blocked in it
    shown = (agent.get(field) for field in ("name", "businessPhoneNumber", "country"))
    return AgentInfo(agent_id, *(text if isinstance(text, str) else None for text in shown))


def change_count(body: bytes, field: str) -> ChangeCount:
    """The answer to a bulk call of WaLead, whose count stands in `field`. An empty answer has no count.

    Raises `UnexpectedResponseError` if it is not what the documentation says; whether the change was made is then
    unknown.
    """
    answer = _object(body)
    count, success, message = answer.get(field), answer.get("success", True), answer.get("message")
    if count is not None and type(count) is not int:
        raise _after_change(f"{field!r} in the answer is {_kind(count)}, not a whole number")
    if not isinstance(success, bool):
        raise _after_change(f"'success' in the answer is {_kind(success)}, not true or false")
    return ChangeCount(count if success else None, message if isinstance(message, str) else None)


def number_change(body: bytes, field: str) -> NumberChange:
    """The answer to a bulk call of Phonely, whose successes stand in `field`. Raises as `change_count`."""
    answer = _object(body)
    changed, failed, message = answer.get(field) or [], answer.get("failed") or [], answer.get("message")
    if not isinstance(changed, list) or not all(isinstance(number, str) for number in changed):
        raise _after_change(f"{field!r} in the answer is not an array of numbers")
    if not isinstance(failed, list):
        raise _after_change(f"'failed' in the answer is {_kind(failed)}, not an array")
    reasons = tuple(_failed_number(position, one) for position, one in enumerate(failed))
    return NumberChange(tuple(changed), reasons, message if isinstance(message, str) else None)


def _failed_number(position: int, failed: object) -> tuple[str, str | None]:
    number = failed.get("number") if isinstance(failed, dict) else None
    reason = failed.get("reason") if isinstance(failed, dict) else None
    if not isinstance(number, str) or not (reason is None or isinstance(reason, str)):
        raise _after_change(f"entry {position} of 'failed' in the answer does not hold a number and a reason")
    return number, reason


class _Draft:
    """A `BlockedLead` before it is frozen.

    A frozen attrs class sets each field through `object.__setattr__`, which makes a page take a half longer than
    pydantic. A draft has the same slots, so that it is filled by plain assignments and then only given the class.
    """

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
        moment = datetime.fromisoformat(record["createdAt"])
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
        moment = _in_utc(datetime.fromisoformat(record["createdAt"]))
        leads.append(CampaignBlockedLead(identifier, reason, moment))
    return leads


def _in_utc(moment: datetime) -> datetime:
    """A time with its offset from UTC, as the documentation promises (`date-time`), in UTC."""
    if moment.tzinfo is None:
        raise ValueError
    return moment.astimezone(UTC)


def _slowly(body: bytes, model: type[T]) -> list[T]:
    """The records of a page that the fast way refused. Raises `UnexpectedResponseError` naming record and field."""
    found = json_of(body)
    del body  # what a traceback shows should not hold the whole list
    if not isinstance(found, list):
        raise UnexpectedResponseError(f"the list is {_kind(found)}, not an array of records")
    record = None
    for position, record in enumerate(found):
        if not isinstance(record, dict):
            raise UnexpectedResponseError(
                f"the list cannot be read: record {position} is {_kind(record)}, not an object"
            )
        # A record may leave its reason out, for which the models have no default.
        record.setdefault("reason", None)
    import cattrs

    try:
        return _converter().structure(found, list[model])  # type: ignore[valid-type]
    except cattrs.IterableValidationError as error:
        wrong = cattrs.transform_error(error, path="record ", format_exception=_in_words)
    named = [_located(text, found) for text in wrong[:WRONG_SHOWN]]
    more = f"; and {len(wrong) - WRONG_SHOWN} more" if len(wrong) > WRONG_SHOWN else ""
    del found, record
    raise UnexpectedResponseError("the list cannot be read: " + "; ".join(named) + more)


def _one(body: bytes, model: type[T], what: str) -> T:
    """The one value that an answer holds, called `what`. Raises `UnexpectedResponseError` naming the field."""
    found = json_of(body)
    if not isinstance(found, dict):
        raise UnexpectedResponseError(f"{what} is {_kind(found)}, not an object")
    import cattrs

    try:
        return _converter().structure(found, model)
    except cattrs.ClassValidationError as error:
        wrong = cattrs.transform_error(error, path="", format_exception=_in_words)
    # 'is missing @ .created_at' as "createdAt is missing"
    named = [f"{_camel(field)} {problem}" for problem, _, field in (text.rpartition(" @ .") for text in wrong)]
    raise UnexpectedResponseError(f"{what} cannot be read: " + "; ".join(named))


def _located(text: str, records: list[dict[str, object]]) -> str:
    """'is not a date @ record [7].created_at' as "record 7 (id 'r-7'): createdAt is not a date"."""
    what, _, place = text.rpartition(" @ ")
    position, _, field = place.removeprefix("record [").partition("].")
    name = records[int(position)].get("id")
    named = f" (id {name!r})" if isinstance(name, str) else ""
    return f"record {position}{named}: {_camel(field)} {what}"


def _in_words(error: BaseException, _: type | None) -> str:
    return "is missing" if isinstance(error, KeyError) else str(error)


@cache
def _converter() -> cattrs.Converter:
    """cattrs with hooks that let nothing through as something else."""
    import attrs
    import cattrs
    from cattrs.gen import make_dict_structure_fn, override

    converter = cattrs.Converter(detailed_validation=True)
    converter.register_structure_hook(str, _text)
    converter.register_structure_hook(datetime, _moment)
    converter.register_structure_hook_func(
        lambda kind: kind == str | None, lambda value, _: None if value is None else _text(value, str)
    )
    for model in (BlockedLead, CampaignBlockedLead, CampaignInfo):
        # The models name their types as text, since they load nothing that only types need.
        attrs.resolve_types(model, globalns={"datetime": datetime})
        renamed: dict[str, Any] = {field.name: override(rename=_camel(field.name)) for field in attrs.fields(model)}
        converter.register_structure_hook(
            model, make_dict_structure_fn(model, converter, _cattrs_detailed_validation=True, **renamed)
        )
    return converter


def _text(value: object, _: type) -> str:
    if not isinstance(value, str):
        raise TypeError(f"is {_kind(value)}, not text")
    return value


def _moment(value: object, _: type) -> datetime:
    if not isinstance(value, str):
        raise TypeError(f"is {_kind(value)}, not a date")
    try:
        # RFC 3339 allows "t" and "z" as well.
        moment = datetime.fromisoformat(value.upper())
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"is not a date: {value[:40]!r}") from None
    raise ValueError(f"is a time without an offset from UTC: {value[:40]!r}")


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def json_of(body: bytes) -> object:
    """The JSON that a body holds. Raises `UnexpectedResponseError`."""
    try:
        return orjson.loads(body)
    except ValueError as error:
        what = str(error) if body.strip() else "it is empty"
    # Raised here, not in the handler: orjson's error holds the whole body, so it must not be the context.
    raise UnexpectedResponseError(f"the answer is not JSON: {what}")


def _object(body: bytes) -> dict[str, object]:
    """The object that an answer to a change is; one without fields for an empty answer."""
    if not body.strip():
        return {}
    try:
        answer = json_of(body)
    except UnexpectedResponseError as error:
        error.maybe_applied = True
        raise
    if not isinstance(answer, dict):
        raise _after_change(f"the answer is {_kind(answer)}, not an object")
    return answer


def _after_change(text: str) -> UnexpectedResponseError:
    error = UnexpectedResponseError(text + ": whether the change was made is unknown")
    error.maybe_applied = True
    return error


KINDS: dict[type, str] = {str: "text", int: "a number", float: "a number", list: "an array", dict: "an object"}


def _kind(found: object) -> str:
    """What kind of JSON value this is, in words: "null", "text", "an object"..."""
    if found is None:
        return "null"
    if isinstance(found, bool):
        return "true or false"
    return KINDS.get(type(found), type(found).__name__)
