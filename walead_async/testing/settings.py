"""Every unknown of the two services as a switch, with a default."""

from __future__ import annotations

import math
import re
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "AgentList",
    "BadItem",
    "BadSetting",
    "ErrorBody",
    "Gate",
    "IdentifierCase",
    "Reblock",
    "RetryAfter",
    "SearchMatch",
    "Settings",
    "TieOrder",
    "UnknownId",
    "check_whole",
    "from_json",
    "instant",
    "names",
    "number",
    "pattern",
    "sizes",
    "status",
    "truth",
    "whole",
]


class BadSetting(ValueError):
    """A setting, fault, drift or number that the emulator does not know: the text says what it would take.

    It is no `WaleadError`, since the emulator knows nothing of the package that it tests.
    """


class Gate:
    """Lets `rate` requests a second through, `burst` of them at once."""

    def __init__(self, rate: float, burst: int) -> None:
        self._interval = 1 / rate
        self._slack = (burst - 1) / rate
        self._due = 0.0

    def wait(self, now: float) -> float:
        """0.0 if a request may pass now, which is then counted; else the seconds until one may."""
        due = max(self._due, now)
        early = due - self._slack - now
        if early > 0:
            return early
        self._due = due + self._interval
        return 0.0


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


class SearchMatch(StrEnum):
    """What `search` compares with a public identifier: a part of it, its beginning, or all of it."""

    SUBSTRING = "substring"
    PREFIX = "prefix"
    WHOLE = "whole"


class TieOrder(StrEnum):
    """How records with equal `createdAt` are ordered: as they came, by their ids, or anew in each answer."""

    INSERTION = "insertion"
    BY_ID = "by-id"
    UNSTABLE = "unstable"


class Reblock(StrEnum):
    """What becomes of a record when its person is blocked again.

    KEEPS: nothing changes. UPDATES: the reason does. RENEWS: reason and `createdAt` do, the id stays. REPLACES: a new
    record takes its place. ADDS: a second record joins it. CONFLICTS: the whole batch fails with 409.
    """

    KEEPS = "keeps"
    UPDATES = "updates"
    RENEWS = "renews"
    REPLACES = "replaces"
    ADDS = "adds"
    CONFLICTS = "conflicts"


class BadItem(StrEnum):
    """What a bad identifier does to its batch: the batch fails with 400, or the item is left out."""

    FAILS = "fails"
    SKIPPED = "skipped"


class UnknownId(StrEnum):
    """What an id without a record does to an unblock: it is left out, or the batch fails with 404."""

    SKIPPED = "skipped"
    FAILS = "fails"


class IdentifierCase(StrEnum):
    """What the service does with capitals: they matter, they do not, or they are stored in lower case."""

    MATTERS = "matters"
    IGNORED = "ignored"
    LOWERED = "lowered"


class ErrorBody(StrEnum):
    """The body of an error answer.

    NEST: `{"statusCode", "message", "error"}`. NEST_LIST: the same with a list of messages. SUCCESS: `{"success":
    false, "message"}`. ERROR: `{"error": "…"}`. NESTED: `{"error": {"code", "message"}}`. TEXT: plain. EMPTY: none.
    """

    NEST = "nest"
    NEST_LIST = "nest-list"
    SUCCESS = "success"
    ERROR = "error"
    NESTED = "nested"
    TEXT = "text"
    EMPTY = "empty"


class AgentList(StrEnum):
    """How the numbers of an agent are listed: `{"blockList": […]}`, or the bare array."""

    OBJECT = "object"
    ARRAY = "array"


class RetryAfter(StrEnum):
    """How a 429 of the rate limit says when to come back: in seconds, as an HTTP date, or not at all."""

    SECONDS = "seconds"
    DATE = "date"
    ABSENT = "absent"


@attrs.frozen(kw_only=True, field_transformer=from_json)
class Settings:
    """How the emulated services behave where no vendor page says how the real ones do.

    An enum may be given by its text, a tuple as a list: over the control address names and values are the same. Raises
    `BadSetting` for a wrong value.
    """

    #: Records on a page of the workspace list.
    page_size: int = attrs.field(default=100, validator=whole(1))
    #: If given, successive answers take these sizes in turn instead of `page_size`.
    page_sizes: tuple[int, ...] = attrs.field(default=(), validator=sizes)
    #: Seconds between carrying a request out and answering it.
    latency: float = attrs.field(default=0.0, validator=number())

    #: What `search` matches.
    search: SearchMatch = SearchMatch.SUBSTRING
    #: Whether capitals matter to `search`.
    search_minds_case: bool = attrs.field(default=False, validator=truth)
    #: The order of records with equal `createdAt`.
    tie_order: TieOrder = TieOrder.INSERTION

    #: `createdAt` of the first record, an ISO 8601 time with its offset from UTC.
    clock_start: str = attrs.field(default="2024-01-01T00:00:00+00:00", validator=instant)
    #: Seconds from the `createdAt` of one record to that of the next; the clock moves only as records are made.
    clock_step: float = attrs.field(default=1.0, validator=number())
    #: Records in a row that share one `createdAt`.
    ties: int = attrs.field(default=1, validator=whole(1))

    #: Items in one bulk call; None for no limit.
    batch_limit: int | None = attrs.field(default=None, validator=whole(1, optional=True))
    #: The status of a call with more items than `batch_limit`: 400 or 413.
    batch_limit_status: int = attrs.field(default=413, validator=status(400, 413))
    #: Bytes of one request body; a larger one is answered with 413.
    body_limit: int = attrs.field(default=16_000_000, validator=whole(1))
    #: Requests a second over both services; more are answered with 429. None for no limit.
    rate_limit: float | None = attrs.field(default=None, validator=number(above_zero=True, optional=True))
    #: Requests that may come at once under `rate_limit`.
    rate_burst: int = attrs.field(default=1, validator=whole(1))
    #: How that 429 says when to come back.
    retry_after: RetryAfter = RetryAfter.SECONDS

    #: The status of a block that was carried out: 200 or 201.
    block_status: int = attrs.field(default=200, validator=status(200, 201))
    #: What blocking somebody again does to the record.
    reblock: Reblock = Reblock.KEEPS
    #: Whether somebody who is blocked again counts in `blocked`.
    reblock_counts: bool = attrs.field(default=False, validator=truth)
    #: A regular expression: an identifier in which it is found is bad.
    bad_identifier: str = attrs.field(default=r"^\s*$|[\s/\x00]", validator=pattern)
    #: What a bad identifier does to its batch.
    bad_item: BadItem = BadItem.FAILS
    #: What an id without a record does to an unblock.
    unknown_id: UnknownId = UnknownId.SKIPPED
    #: Answer `success: false`, still with 200, if fewer items were changed than asked for.
    short_is_failure: bool = attrs.field(default=False, validator=truth)
    #: Whether capitals in identifiers matter to blocks.
    identifier_case: IdentifierCase = IdentifierCase.MATTERS

    #: Without a Pro or Agency licence a campaign block is answered with 403.
    campaign_licence: bool = attrs.field(default=True, validator=truth)
    #: The campaigns there are; another is answered with 404. None: any id is a campaign.
    campaigns: tuple[str, ...] | None = attrs.field(default=None, validator=names)
    #: A campaign's list begins with the newest record, not the oldest.
    campaign_newest_first: bool = attrs.field(default=False, validator=truth)

    #: The users the key may act for; another uid is answered with 401. None: any uid is one.
    users: tuple[str, ...] | None = attrs.field(default=None, validator=names)
    #: The agents there are; another is answered with 404. None: any id is an agent.
    agents: tuple[str, ...] | None = attrs.field(default=None, validator=names)
    #: How an agent's numbers are listed.
    agent_list: AgentList = AgentList.OBJECT
    #: A regular expression that a whole phone number must match.
    number: str = attrs.field(default=r"\+?[0-9][0-9 ().-]{4,24}", validator=pattern)

    #: The body of an error answer.
    error_body: ErrorBody = ErrorBody.NEST
    #: How many requests the log keeps; the oldest go first.
    log_size: int = attrs.field(default=10_000, validator=whole(0))

    def changed(self, changes: Mapping[str, object]) -> Settings:
        """These settings with some replaced by name. Raises `BadSetting` for a name or value that is not known."""
        known = attrs.fields_dict(Settings)
        unknown = next((name for name in changes if name not in known), None)
        if unknown is not None:
            raise BadSetting(f"there is no setting {unknown!r}; known are {', '.join(known)}")
        # Each value is checked by its own field.
        checked: dict[str, Any] = dict(changes)
        return attrs.evolve(self, **checked)
