"""Every unknown of the two services as a setting, with a default."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeAlias, cast

import attrs
from attrs import validators

__all__ = [
    "AgentList",
    "BadItem",
    "BadSetting",
    "ErrorBody",
    "IdentifierCase",
    "IdentifierSpelling",
    "NumberSpelling",
    "Reblock",
    "RetryAfter",
    "SearchMatch",
    "Service",
    "Settings",
    "TieOrder",
    "UnknownId",
    "check_whole",
]


class BadSetting(ValueError):
    """A setting, fault, drift or number that the emulator does not know: the text says what it would take.

    It is no `WaleadError`, since the emulator knows nothing of the package that it tests.
    """


class Service(StrEnum):
    """The two services: WaLead for LinkedIn messages, Phonely for voice agents."""

    WALEAD = "walead"
    PHONELY = "phonely"


def check_whole(name: str, value: object, most: int) -> None:
    """Raise `BadSetting` if this is no whole number from 0 to `most`."""
    if type(value) is not int or not 0 <= value <= most:
        raise BadSetting(f"{name} takes a whole number from 0 to {most}, not {value!r}")


# attrs types a validator by its own `Attribute[Any]`.
Field: TypeAlias = "attrs.Attribute[Any]"
Validator: TypeAlias = Callable[[object, Field, Any], None]


def takes(words: str, *checks: Validator, optional: bool = False) -> Validator:
    """These checks, which refuse a value as `BadSetting`, with the setting's name and, in `words`, what it takes."""
    check = validators.and_(*checks)
    check = validators.optional(check) if optional else check

    def validate(settings: object, field: Field, value: object) -> None:
        try:
            check(settings, field, value)
        except (TypeError, ValueError, re.error):
            raise BadSetting(f"{field.name} takes {words}, not {value!r}") from None

    return validate


def whole(least: int, *, optional: bool = False) -> Validator:
    """A whole number from `least` on; with `optional` also None."""
    checks = validators.instance_of(int), validators.not_(validators.instance_of(bool)), validators.ge(least)
    return takes(f"a whole number from {least}", *checks, optional=optional)


def number(words: str, bound: Validator, *, optional: bool = False) -> Validator:
    """A finite number within a bound, which is told in words; with `optional` also None."""
    checks = validators.instance_of((int, float)), validators.not_(validators.instance_of(bool)), bound
    return takes(f"a number {words}", *checks, validators.lt(math.inf), optional=optional)


def tuple_of(words: str, kind: type, *checks: Validator, optional: bool = False) -> Validator:
    """A tuple of values of one kind; with `optional` also None."""
    each = validators.and_(validators.instance_of(kind), *checks)
    return takes(words, validators.deep_iterable(each, validators.instance_of(tuple)), optional=optional)


def _compiles(_: object, field: Field, value: str) -> None:
    re.compile(value)


def _has_offset(_: object, field: Field, value: str) -> None:
    if datetime.fromisoformat(value).tzinfo is None:
        raise ValueError(value)


FROM_ZERO = number("from 0", validators.ge(0))
TRUTH = takes("true or false", validators.instance_of(bool))
PATTERN = takes("a regular expression", validators.instance_of(str), _compiles)
OPTIONAL_PATTERN = takes("a regular expression, or none", validators.instance_of(str), _compiles, optional=True)
INSTANT = takes("an ISO 8601 time with its offset", validators.instance_of(str), _has_offset)
NAMES = tuple_of("a list of names, or none for any", str, optional=True)
NO_NAMES = tuple_of("a list of names", str)
SIZES = tuple_of("a list of whole numbers from 1", int, validators.not_(validators.instance_of(bool)), validators.ge(1))


def status(*known: int) -> Validator:
    """One of these statuses."""
    return takes(" or ".join(map(str, known)), validators.in_(known))


def _from_json(_: type, fields: list[Field]) -> list[Field]:
    """Let every setting also take the form that its value has in JSON: the text of an enum, a list for a tuple."""
    return [field.evolve(converter=_member if isinstance(field.default, StrEnum) else _listed) for field in fields]


def _to_member(value: object, field: Field) -> StrEnum:
    known = cast("type[StrEnum]", type(field.default))
    try:
        return known(cast("str", value))
    except ValueError:
        raise BadSetting(f"{field.name} takes one of {', '.join(known)}, not {value!r}") from None


def _to_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


_member = attrs.Converter(_to_member, takes_field=True)
_listed = attrs.Converter(_to_tuple)


class SearchMatch(StrEnum):
    """What `search` compares with a public identifier: a part of it, its beginning, all of it, or nothing ever."""

    SUBSTRING = "substring"
    PREFIX = "prefix"
    WHOLE = "whole"
    NOTHING = "nothing"


class IdentifierSpelling(StrEnum):
    """How the service stores an identifier: as it was sent, percent-encoded, as a link, or with spaces around."""

    AS_SENT = "as-sent"
    PERCENT_ENCODED = "percent-encoded"
    LINK = "link"
    SPACES = "spaces"


class NumberSpelling(StrEnum):
    """How the service lists a number: as it was sent, without the `+`, or with brackets: `+1 (415) 5550123`."""

    AS_SENT = "as-sent"
    NO_PLUS = "no-plus"
    BRACKETS = "brackets"


class TieOrder(StrEnum):
    """How records with equal `createdAt` are ordered: as they came, by their ids, or anew in each answer.

    Newest first that is turned round, but with FIXED, which is as they came, from whichever side the list is read.
    """

    INSERTION = "insertion"
    FIXED = "fixed"
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


@attrs.frozen(kw_only=True, field_transformer=_from_json)
class Settings:
    """How the emulated services behave where no vendor page says how the real ones do.

    An enum may be given by its text, a tuple as a list: over the control address names and values are the same. Raises
    `BadSetting` for a wrong value.
    """

    #: Records on a page of the workspace list.
    page_size: int = attrs.field(default=100, validator=whole(1))
    #: If given, successive answers take these sizes in turn instead of `page_size`.
    page_sizes: tuple[int, ...] = attrs.field(default=(), validator=SIZES)
    #: Seconds between carrying a request out and answering it.
    latency: float = attrs.field(default=0.0, validator=FROM_ZERO)

    #: What `search` matches.
    search: SearchMatch = SearchMatch.SUBSTRING
    #: Whether capitals matter to `search`.
    search_minds_case: bool = attrs.field(default=False, validator=TRUTH)
    #: `search` compares the term in lower case with the names as they stand: one with a capital is never found.
    search_lowers_term: bool = attrs.field(default=False, validator=TRUTH)
    #: The most records that a search finds, all its pages together; None for no limit.
    search_limit: int | None = attrs.field(default=None, validator=whole(1, optional=True))
    #: `search` looks at the records of a page, after that was cut from the whole list: offsets count all records.
    search_after_cut: bool = attrs.field(default=False, validator=TRUTH)
    #: No record at or beyond this position is shown, whatever the offset and the page size; None for no limit.
    offset_limit: int | None = attrs.field(default=None, validator=whole(1, optional=True))
    #: A regular expression: a record in whose identifier it is found is left out of each page after it was cut, so
    #: that offsets count it. None hides nobody.
    hidden_identifier: str | None = attrs.field(default=None, validator=OPTIONAL_PATTERN)
    #: Listings and searches, Phonely's lists too, show what was there so many seconds ago, as replicas that lag do.
    stale: float = attrs.field(default=0.0, validator=FROM_ZERO)
    #: The order of records with equal `createdAt`.
    tie_order: TieOrder = TieOrder.INSERTION

    #: `createdAt` of the first record, an ISO 8601 time with its offset from UTC.
    clock_start: str = attrs.field(default="2024-01-01T00:00:00+00:00", validator=INSTANT)
    #: Seconds from the `createdAt` of one record to that of the next; the clock moves only as records are made.
    clock_step: float = attrs.field(default=1.0, validator=FROM_ZERO)
    #: Records in a row that share one `createdAt`.
    ties: int = attrs.field(default=1, validator=whole(1))

    #: Items in one bulk call; None for no limit.
    batch_limit: int | None = attrs.field(default=None, validator=whole(1, optional=True))
    #: The status of a call with more items than `batch_limit`: 400 or 413.
    batch_limit_status: int = attrs.field(default=413, validator=status(400, 413))
    #: Bytes of one request body; a larger one is answered with 413.
    body_limit: int = attrs.field(default=16_000_000, validator=whole(1))
    #: Requests a second over both services; more are answered with 429. None for no limit.
    rate_limit: float | None = attrs.field(default=None, validator=number("above 0", validators.gt(0), optional=True))
    #: Requests that may come at once under `rate_limit`.
    rate_burst: int = attrs.field(default=1, validator=whole(1))
    #: How that 429 says when to come back.
    retry_after: RetryAfter = RetryAfter.SECONDS

    #: The status of a block that was carried out: 200 or 201.
    block_status: int = attrs.field(default=200, validator=status(200, 201))
    #: What blocking somebody again does to the record.
    reblock: Reblock = Reblock.KEEPS
    #: Whether somebody who is blocked again counts in `blocked`.
    reblock_counts: bool = attrs.field(default=False, validator=TRUTH)
    #: A regular expression: an identifier in which it is found is bad.
    bad_identifier: str = attrs.field(default=r"^\s*$|[\s/\x00]", validator=PATTERN)
    #: What a bad identifier does to its batch.
    bad_item: BadItem = BadItem.FAILS
    #: What an id without a record does to an unblock.
    unknown_id: UnknownId = UnknownId.SKIPPED
    #: Answer `success: false`, still with 200, if fewer items were changed than asked for.
    short_is_failure: bool = attrs.field(default=False, validator=TRUTH)
    #: Give the id of the record that was removed last to the next new one.
    reuse_ids: bool = attrs.field(default=False, validator=TRUTH)
    #: How the identifiers of people who are blocked are stored.
    identifier_spelling: IdentifierSpelling = IdentifierSpelling.AS_SENT
    #: Whether capitals in identifiers matter to blocks.
    identifier_case: IdentifierCase = IdentifierCase.MATTERS

    #: Without a Pro or Agency licence a campaign block is answered with 403.
    campaign_licence: bool = attrs.field(default=True, validator=TRUTH)
    #: The campaigns there are; another is answered with 404. None: any id is a campaign.
    campaigns: tuple[str, ...] | None = attrs.field(default=None, validator=NAMES)
    #: A campaign's list begins with the newest record, not the oldest.
    campaign_newest_first: bool = attrs.field(default=False, validator=TRUTH)

    #: The users the key may act for; another uid is answered with 401. None: any uid is one.
    users: tuple[str, ...] | None = attrs.field(default=None, validator=NAMES)
    #: The agents there are; another is answered with 404. None: any id is an agent.
    agents: tuple[str, ...] | None = attrs.field(default=None, validator=NAMES)
    #: The agents to which no user has access, though they are listed.
    agents_without_access: tuple[str, ...] = attrs.field(default=(), validator=NO_NAMES)
    #: The status of a call on one of those: 401 or 403.
    no_access_status: int = attrs.field(default=401, validator=status(401, 403))
    #: Agents are listed as `orgId` and `name` alone: the vendor's own file has it so.
    agents_as_orgs: bool = attrs.field(default=False, validator=TRUTH)
    #: How an agent's numbers are listed.
    agent_list: AgentList = AgentList.OBJECT
    #: How a number is written in a list.
    number_spelling: NumberSpelling = NumberSpelling.AS_SENT
    #: A regular expression that a whole phone number must match.
    number: str = attrs.field(default=r"\+?[0-9][0-9 ().-]{4,24}", validator=PATTERN)

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
