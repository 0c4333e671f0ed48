"""The faults: each by name, what it does to the request, the answer and the connection, and how it is asked for."""

from __future__ import annotations

import gzip
import json
import math
import re
import zlib
from enum import Enum, StrEnum
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, Self, TypeAlias

import attrs
import orjson

from walead_async.testing.schedule import ALWAYS, WHEN, Script, When, by_name
from walead_async.testing.settings import BadSetting, Service

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from walead_async.testing.handler import LoggedRequest

__all__ = ["KINDS", "Delivery", "Effect", "End", "Fault", "FaultName", "FaultScript", "Kind", "Option", "Reply"]

JSON_TYPE = "application/json; charset=utf-8"
SIZES = {"": 1, "K": 1_000, "M": 1_000_000, "G": 1_000_000_000}
LARGEST = 10 * SIZES["G"]
BLANKS = b" " * 1_000_000
#: In an answer that is no list of records, the field that `missing-field` and `wrong-type` mean if none is named.
ANSWER_FIELDS = ("blocked", "unblocked", "added", "removed", "blockList", "message")

#: A decoded JSON value.
Json: TypeAlias = object


@attrs.frozen
class Reply:
    """An answer, before it has a socket. So many `blanks` are sent behind the first byte of the body."""

    status: int
    body: bytes = b""
    content_type: str = JSON_TYPE
    headers: Mapping[str, str] = attrs.field(factory=dict)
    blanks: int = 0

    @classmethod
    def of(cls, value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
        """A reply with a JSON body."""
        return cls(status, orjson.dumps(value), headers=headers or {})

    def value(self) -> Json:
        """The body as a value; as text if it is not JSON."""
        try:
            value: Json = json.loads(self.body)
        except ValueError:
            return self.body.decode("utf-8", "replace")
        return value

    def with_value(self, value: Json) -> Reply:
        """The same with another body, which may hold what is no JSON: NaN, and half of a surrogate pair."""
        return attrs.evolve(self, body=json.dumps(value, separators=(",", ":")).encode())


class Effect(Enum):
    """How often a request is carried out, `value` times; or only the first half of its items are."""

    NONE = 0
    PART = 0.5
    ONCE = 1
    TWICE = 2


class End(Enum):
    """What becomes of the connection: it is kept, closed or reset, or nothing more comes on it."""

    KEEP = "keep"
    CLOSE = "close"
    RESET = "reset"
    HANG = "hang"


class Delivery(NamedTuple):
    """How much of the headers and of the body is sent, as a share of each, and what then becomes of the connection.

    `slowly` sends the body byte by byte; `again` sends the answer once more when the connection is idle; `deaf` reads
    no further than the headers of the request.
    """

    headers: float = 1.0
    body: float = 1.0
    end: End = End.KEEP
    slowly: bool = False
    again: bool = False
    deaf: bool = False

    @property
    def silent(self) -> bool:
        """True if the caller sees no status."""
        return self.headers < 1


@attrs.frozen
class Option:
    """What stands behind a fault's `=`, and the caller's key: each fault uses the fields that it knows."""

    status: int = 200
    text: str | None = None
    number: float = 0.0
    key: str = ""


class Takes(NamedTuple):
    """What may stand behind a fault's `=`: in words, as the help shows it, as a pattern, and what it is by default."""

    words: str
    shown: str
    pattern: str
    default: str | None = None

    def read(self, text: str | None) -> Option:
        """The option that a text means. Raises `ValueError` if it is none."""
        match = re.fullmatch(self.pattern, self.default or "" if text is None else text, re.DOTALL)
        if match is None or text == "":
            raise ValueError(text)
        groups = match.groupdict()
        number = float(groups.get("number") or 0) * SIZES[groups.get("unit") or ""]
        if number > LARGEST:
            raise ValueError(text)
        return Option(int(groups.get("status") or 302), groups.get("text"), number)


A_STATUS = Takes(
    "a status from 200 to 599, or 101, and behind a / the Retry-After header, if any: 429/2",
    "CODE[/RETRY-AFTER]",
    r"(?P<status>101|[2-5]\d\d)(?:/(?P<text>[ -~]*))?",
)
A_URL = Takes(
    "an http or https URL, or a status and a URL: 301/http://other.example/",
    "[CODE/]URL",
    r"(?:(?P<status>3\d\d)/)?(?P<text>https?://[!-~]+)",
)
A_TIME = Takes("seconds from 0", "[SECONDS]", r"(?P<number>\d+\.?\d*|\.\d+)", "1")
UNPACKED, PADDING, HEADER = (
    Takes(
        "a number of bytes up to 10G, such as 500, 64K or 100M",
        "[BYTES]",
        r"(?P<number>\d{1,12})(?P<unit>[KMG]?)",
        default,
    )
    for default in ("256M", "100M", "9K")
)
A_NUMBER = Takes("a number of records from 0", "[N]", r"(?P<number>\d{1,9})", "1")
A_CODING = Takes("the name of a coding, such as utf-8 or none", "CODING", r"(?P<text>[!-~]+)")
A_FIELD = Takes("the name of a field", "[FIELD]", r"(?P<text>.+)|")


class Kind(NamedTuple):
    """What a fault does to the answer (`change`), to the state (`effect`) and to the connection (`delivery`).

    `option` is what may stand behind its `=`, None for nothing.
    """

    means: str
    change: Callable[[Reply, Option], Reply] | None = None
    option: Takes | None = None
    effect: Effect = Effect.ONCE
    delivery: Delivery = Delivery()

    @property
    def takes(self) -> str:
        """What may stand behind its `=`, as a help page shows it; empty for nothing."""
        return "" if self.option is None else self.option.shown


def _with_status(reply: Reply, option: Option) -> Reply:
    headers = {} if option.text is None else {"Retry-After": option.text}
    if option.status < 300 or option.status == 304:
        return Reply(option.status, headers=headers)
    error = {"statusCode": option.status, "message": "a fault was asked for", "error": "Emulated"}
    return Reply.of(error, option.status, headers)


def _html(reply: Reply, option: Option) -> Reply:
    page = f"<!DOCTYPE html><html><head><title>{option.status}</title></head><body><h1>Bad gateway</h1></body></html>"
    return attrs.evolve(_with_status(reply, option), body=page.encode(), content_type="text/html; charset=utf-8")


def _success_false(reply: Reply, option: Option) -> Reply:
    value = reply.value()
    refused = value if isinstance(value, dict) and reply.status < 300 else {}
    return Reply.of({**refused, "success": False, "message": "something went wrong"})


def _gzipped(reply: Reply, body: bytes) -> Reply:
    return attrs.evolve(reply, body=body, headers={**reply.headers, "Content-Encoding": "gzip"})


def _cut_gzip(reply: Reply, option: Option) -> Reply:
    packed = gzip.compress(reply.body, mtime=0)
    return _gzipped(reply, packed[: len(packed) // 2])


def _zip_bomb(reply: Reply, option: Option) -> Reply:
    return _gzipped(reply, _bomb(reply.body[:1], int(option.number), reply.body[1:]))


@lru_cache(maxsize=4)
def _bomb(before: bytes, blanks: int, after: bytes) -> bytes:
    """A whole, valid gzip file of `before`, so many blanks, and `after`."""
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS + 16)
    packed = [packer.compress(before)]
    packed += [packer.compress(BLANKS[:left]) for left in range(blanks, 0, -len(BLANKS))]
    return b"".join([*packed, packer.compress(after), packer.flush()])


def _extra_fields(reply: Reply, option: Option) -> Reply:
    extra = {"updatedAt": None, "tags": ["a", {"b": [1, 2]}], "__proto__": {"x": 1}}
    value = reply.value()
    if isinstance(value, list):
        return reply.with_value([{**one, **extra} if isinstance(one, dict) else one for one in value])
    return reply.with_value({**value, **extra} if isinstance(value, dict) else value)


def _first_record(value: list[Json]) -> dict[str, Json]:
    """The first record of a list, which gets one without fields if it has none."""
    if not value or not isinstance(value[0], dict):
        value[:1] = [{}]
    first = value[0]
    assert isinstance(first, dict)
    return first


def _in_field(change: Callable[[dict[str, Json], str], object]) -> Callable[[Reply, Option], Reply]:
    """Change the named field, or the usual one: of the first record of a list, else of the answer itself."""

    def changed(reply: Reply, option: Option) -> Reply:
        value = reply.value()
        if isinstance(value, list):
            change(_first_record(value), option.text or "publicIdentifier")
        elif isinstance(value, dict):
            change(value, option.text or next((name for name in ANSWER_FIELDS if name in value), "message"))
        return reply.with_value(value)

    return changed


def _other_type(record: dict[str, Json], field: str) -> None:
    value = record.get(field)
    record[field] = 17 if value is None or isinstance(value, str) else str(value)


def _bad_date(reply: Reply, option: Option) -> Reply:
    value = reply.value()
    record = _first_record(value) if isinstance(value, list) else value
    if isinstance(record, dict):
        record["createdAt"] = "yesterday"
    return reply.with_value(value)


def _with_text(text: Json) -> Callable[[Reply, Option], Reply]:
    """Put a value where a text belongs: an identifier, a message, a number of a list."""

    def changed(reply: Reply, option: Option) -> Reply:
        value = reply.value()
        numbers = value.get("blockList") if isinstance(value, dict) else value
        if isinstance(numbers, list):
            if numbers and isinstance(numbers[0], dict):
                numbers[0]["publicIdentifier"] = text
            else:
                numbers.append(text)
        elif isinstance(value, dict):
            value["message"] = text
        return reply.with_value(value)

    return changed


def _not_utf8(reply: Reply, option: Option) -> Reply:
    # Written as the escape by `json`; the byte alone is Latin-1 for an ä.
    changed = _with_text("\u00e4")(reply, option)
    return attrs.evolve(changed, body=changed.body.replace(b"\\u00e4", b"\xe4"))


def _of_records(change: Callable[[list[Json], int], list[Json]]) -> Callable[[Reply, Option], Reply]:
    """Change the records of a page; any other answer stays as it is."""

    def changed(reply: Reply, option: Option) -> Reply:
        value = reply.value()
        return reply.with_value(change(value, int(option.number))) if isinstance(value, list) else reply

    return changed


def _with_body(body: bytes) -> Callable[[Reply, Option], Reply]:
    return lambda reply, _: attrs.evolve(reply, body=body)


def _redirected(reply: Reply, option: Option) -> Reply:
    return Reply(option.status, headers={"Location": option.text or ""})


def _server_error(reply: Reply, option: Option) -> Reply:
    return Reply.of({"statusCode": 500, "message": "Internal server error"}, 500)


def _cut_json(reply: Reply, option: Option) -> Reply:
    return attrs.evolve(reply, body=reply.body[: max(1, len(reply.body) // 2)])


def _padded(reply: Reply, option: Option) -> Reply:
    return attrs.evolve(reply, blanks=int(option.number))


def _wrong_charset(reply: Reply, option: Option) -> Reply:
    return attrs.evolve(reply, content_type="application/json; charset=utf-16")


def _wrong_shape(reply: Reply, option: Option) -> Reply:
    value = reply.value()
    return reply.with_value({"data": value} if isinstance(value, list) else [value])


def _with_bom(reply: Reply, option: Option) -> Reply:
    return attrs.evolve(reply, body=b"\xef\xbb\xbf" + reply.body)


def _gzip_members(reply: Reply, option: Option) -> Reply:
    half = len(reply.body) // 2
    return _gzipped(reply, gzip.compress(reply.body[:half], mtime=0) + gzip.compress(reply.body[half:], mtime=0))


def _encoded(reply: Reply, option: Option) -> Reply:
    return attrs.evolve(reply, headers={**reply.headers, "Content-Encoding": option.text or option.key})


def _with_key(reply: Reply, option: Option) -> Reply:
    return _with_text(option.key)(reply, option)


def _with_header(reply: Reply, option: Option) -> Reply:
    return attrs.evolve(reply, headers={**reply.headers, "X-Padding": "x" * int(option.number)})


def _lower_case_dates(reply: Reply, option: Option) -> Reply:
    body = re.sub(rb'("createdAt":"[0-9-]+)T([0-9:.]+)Z"', rb'\1t\2z"', reply.body)
    return attrs.evolve(reply, body=body)


def _added_and_failed(reply: Reply, option: Option) -> Reply:
    value = reply.value()
    if not isinstance(value, dict):
        return reply
    done = [*value.get("added", ()), *value.get("removed", ())]
    failed = [{"number": number, "reason": "Internal error"} for number in done[:1]]
    return reply.with_value({**value, "failed": [*value.get("failed", ()), *failed]})


_without_field = _in_field(lambda record, field: record.pop(field, None))
_shortened = _of_records(lambda records, number: records[:number])
_doubled = _of_records(lambda records, _: records + records[-1:])
_reversed = _of_records(lambda records, _: records[::-1])

NO_ANSWER_CLOSE, NO_ANSWER_RESET, NO_ANSWER = (Delivery(0, 0, end) for end in (End.CLOSE, End.RESET, End.HANG))


class FaultName(StrEnum):
    """The names of the faults: `FaultName.APPLY_THEN_CLOSE` is the text `apply-then-close`, and so are all the others.

    `Fault(name).kind.means` says in words what it does.
    """

    kind: Kind

    def __new__(cls, name: str, kind: Kind) -> FaultName:
        """A member is its name, and has its kind."""
        member = str.__new__(cls, name)
        member._value_, member.kind = name, kind
        return member

    # The request is not carried out.
    STATUS = "status", Kind("answers with this status", _with_status, A_STATUS, Effect.NONE)
    HTML = "html", Kind("answers with this status and a page of HTML", _html, A_STATUS, Effect.NONE)
    REDIRECT = "redirect", Kind("sends the caller elsewhere", _redirected, A_URL, Effect.NONE)
    SUCCESS_FALSE = "success-false", Kind("answers 200 with `success: false`", _success_false, effect=Effect.NONE)
    CLOSE = "close", Kind("closes the connection without a word", effect=Effect.NONE, delivery=NO_ANSWER_CLOSE)
    RESET = "reset", Kind("resets the connection", effect=Effect.NONE, delivery=NO_ANSWER_RESET)
    HANG = "hang", Kind("never answers", effect=Effect.NONE, delivery=NO_ANSWER)
    STOP_READING = (
        "stop-reading",
        Kind(
            "reads no further than the headers of the request, and never answers",
            effect=Effect.NONE,
            delivery=NO_ANSWER._replace(deaf=True),
        ),
    )
    # It is carried out, and the answer does not say so.
    APPLY_THEN_STATUS = (
        "apply-then-status",
        Kind("carries the request out, then answers with this status", _with_status, A_STATUS),
    )
    APPLY_THEN_SUCCESS_FALSE = (
        "apply-then-success-false",
        Kind("carries the request out and answers 200 with `success: false`", _success_false),
    )
    APPLY_THEN_CLOSE = (
        "apply-then-close",
        Kind("carries the request out, then closes the connection", delivery=NO_ANSWER_CLOSE),
    )
    APPLY_THEN_RESET = (
        "apply-then-reset",
        Kind("carries the request out, then resets the connection", delivery=NO_ANSWER_RESET),
    )
    APPLY_THEN_HANG = "apply-then-hang", Kind("carries the request out and never answers", delivery=NO_ANSWER)
    APPLY_TWICE = (
        "apply-twice",
        Kind("carries the request out twice and gives the second answer", effect=Effect.TWICE),
    )
    APPLY_PART = (
        "apply-part",
        Kind("carries the first half of the items out, then answers with 500", _server_error, effect=Effect.PART),
    )
    # It is carried out, and the answer breaks off on its way.
    RESET_IN_HEAD = (
        "reset-in-head",
        Kind("resets inside the headers of the answer", delivery=Delivery(0.5, 0, End.RESET)),
    )
    RESET_BEFORE_BODY = (
        "reset-before-body",
        Kind("resets between headers and body", delivery=Delivery(1, 0, End.RESET)),
    )
    RESET_IN_BODY = "reset-in-body", Kind("resets in the middle of the body", delivery=Delivery(1, 0.5, End.RESET))
    RESET_AFTER_BODY = (
        "reset-after-body",
        Kind("resets after the last byte of the body", delivery=Delivery(end=End.RESET)),
    )
    CUT_BODY = "cut-body", Kind("closes in the middle of the body", delivery=Delivery(1, 0.5, End.CLOSE))
    CLOSE_AFTER = (
        "close-after",
        Kind("closes after the answer, having promised not to", delivery=Delivery(end=End.CLOSE)),
    )
    SLOW_BODY = (
        "slow-body",
        Kind(
            "sends the body byte by byte, with so many seconds between (1)",
            option=A_TIME,
            delivery=Delivery(slowly=True),
        ),
    )
    EXTRA_ANSWER = (
        "extra-answer",
        Kind("answers, and sends the same answer once more when the connection is idle", delivery=Delivery(again=True)),
    )
    # It is carried out, and the headers of the answer are odd.
    CONTENT_ENCODING = "content-encoding", Kind("claims this Content-Encoding for a plain body", _encoded, A_CODING)
    KEY_IN_ENCODING = "key-in-encoding", Kind("sends the caller's key as the Content-Encoding", _encoded)
    LONG_HEADER = "long-header", Kind("adds a header of so many bytes (9K)", _with_header, HEADER)
    GZIP_MEMBERS = "gzip-members", Kind("sends gzip of two members, each with half of the body", _gzip_members)
    # It is carried out, and the body of the answer is wrong.
    EMPTY = "empty", Kind("answers with no body", _with_body(b""))
    NULL = "null", Kind("answers with `null`", _with_body(b"null"))
    WRONG_SHAPE = "wrong-shape", Kind("answers with an object for an array, an array for an object", _wrong_shape)
    CUT_JSON = "cut-json", Kind("ends the JSON halfway, in a whole HTTP answer", _cut_json)
    CUT_GZIP = "cut-gzip", Kind("compresses the answer and sends half of that", _cut_gzip)
    ZIP_BOMB = "zip-bomb", Kind("answers with gzip that unpacks to so many bytes (256M)", _zip_bomb, UNPACKED)
    HUGE_BODY = "huge-body", Kind("pads the answer with so many bytes of blanks (100M)", _padded, PADDING)
    EXTRA_FIELDS = "extra-fields", Kind("adds fields that no page names", _extra_fields)
    MISSING_FIELD = "missing-field", Kind("leaves a field out of the first record", _without_field, A_FIELD)
    WRONG_TYPE = "wrong-type", Kind("gives a field of the first record another type", _in_field(_other_type), A_FIELD)
    BAD_DATE = "bad-date", Kind("gives the first record a `createdAt` that is no time", _bad_date)
    NAN = "nan", Kind("puts a NaN into the answer", _with_text(math.nan))
    LONE_SURROGATE = "lone-surrogate", Kind("puts half of a surrogate pair into the answer", _with_text("\ud83d"))
    WRONG_CHARSET = "wrong-charset", Kind("claims UTF-16 for a body in UTF-8", _wrong_charset)
    NOT_UTF8 = "not-utf8", Kind("claims UTF-8 for a body in Latin-1", _not_utf8)
    BOM = "bom", Kind("puts a byte order mark before the answer", _with_bom)
    LOWER_CASE_DATES = "lower-case-dates", Kind("writes each `createdAt` with `t` and `z`", _lower_case_dates)
    KEY_IN_BODY = "key-in-body", Kind("puts the caller's key into the answer", _with_key)
    ADDED_AND_FAILED = (
        "added-and-failed",
        Kind("names the first number that was added or removed as failed, too", _added_and_failed),
    )
    # The page of a list is wrong.
    EMPTY_PAGE = "empty-page", Kind("answers with an empty list", _with_body(b"[]"))
    REPEAT_PAGE = "repeat-page", Kind("gives the last answer of this kind again, whatever the offset")
    SHORT_PAGE = "short-page", Kind("leaves all but so many records out of the page (1)", _shortened, A_NUMBER)
    DOUBLE_RECORD = "double-record", Kind("gives the last record of the page twice", _doubled)
    DISORDER = "disorder", Kind("gives the page in reverse order", _reversed)


#: All faults.
KINDS = {name: name.kind for name in FaultName}


TEXT = re.compile(
    rf"""
    (?: (?!\s*:)
      (?P<service>walead\b|phonely\b)?\s*
      (?P<method>[A-Z]+|\*)?\s*
      (?P<path>/[^\s\#%~:]*)?\s*
      {WHEN}
      \s*:\s*
    )?
    (?P<name>[A-Za-z0-9-]+)
    (?:=(?P<value>.*))?
    """,
    re.VERBOSE | re.DOTALL,
)
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def _name(name: str) -> FaultName:
    return by_name("fault", FaultName, name)


@attrs.frozen(repr=False)
class Fault:
    """One thing that goes wrong.

    `name` is one of `FaultName`, or its text; `value` what some of them take behind `=`, as text: a status, seconds,
    bytes, records, a field or a URL. `service`, `method` and `path` choose requests, None for any; `path` stands below
    the base URL, and `*` in it stands for anything. `when` says which of the chosen requests, by default all. `str` of
    a fault is the text that `parse` reads. Raises `BadSetting` for what is not known or fits together badly.
    """

    name: FaultName = attrs.field(converter=_name)
    value: str | None = None
    service: Service | None = attrs.field(default=None, kw_only=True)
    method: str | None = attrs.field(default=None, kw_only=True)
    path: str | None = attrs.field(default=None, kw_only=True)
    when: When = attrs.field(default=ALWAYS, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if self.method is not None and self.method not in METHODS:
            raise BadSetting(f"{self.method!r} is not one of the methods {', '.join(METHODS)}")
        if self.path is not None and not self.path.startswith("/"):
            raise BadSetting(f"a path begins with /, {self.path!r} does not")
        takes = self.kind.option
        try:
            _ = self.option
        except ValueError:
            words = "nothing behind =" if takes is None else f"{takes.words}, not {self.value!r}"
            raise BadSetting(f"the fault {self.name.value!r} takes {words}") from None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a fault from text: `[SERVICE] [METHOD] [PATH] [WHEN]:NAME[=VALUE]`, or the part behind the colon alone.

        WHEN is `#3` (the third), `#3-5`, `#3-`, `%10` (every tenth) or `~0.1` (each with that probability), and behind
        it `x2` (twice at most). Examples: `DELETE#3:apply-then-close`, `GET /v1/blocked-leads ~0.1 x5:status=503/2`,
        `phonely POST:reset`, `slow-body=0.01`. Raises `BadSetting` for anything else.
        """
        match = TEXT.fullmatch(text.strip())
        if not match:
            shape = "[SERVICE] [METHOD] [PATH] [WHEN]:NAME[=VALUE]"
            raise BadSetting(f"{text!r} is not a fault: {shape} is, such as DELETE#3:apply-then-close")
        try:
            return cls(
                _name(match["name"]),
                match["value"],
                service=Service(match["service"]) if match["service"] else None,
                method=None if match["method"] == "*" else match["method"],
                path=match["path"],
                when=When.found(match),
            )
        except BadSetting as error:
            raise BadSetting(f"{text!r}: {error}") from None

    def __repr__(self) -> str:
        return f"<Fault {self}>"

    def __str__(self) -> str:
        parts = [self.service and self.service.value, self.method, self.path, str(self.when)]
        match = " ".join(part for part in parts if part)
        what = self.name.value if self.value is None else f"{self.name.value}={self.value}"
        return f"{match}:{what}" if match else what

    @property
    def kind(self) -> Kind:
        """What it does: `kind.means` says it in words, `kind.takes` what may stand behind its `=`."""
        return self.name.kind

    @property
    def option(self) -> Option:
        """What stood behind its `=`, or the default. Raises `ValueError` if nothing may, or it cannot be read."""
        takes = self.kind.option
        if takes is not None:
            return takes.read(self.value)
        if self.value is not None:
            raise ValueError(self.value)
        return Option()

    def changed(self, reply: Reply, key: str = "") -> Reply:
        """What it makes of an answer to a caller with this key; most faults of the connection leave it as it is."""
        change = self.kind.change
        return reply if change is None else change(reply, attrs.evolve(self.option, key=key))

    def meets(self, call: LoggedRequest) -> bool:
        """True if this call is one of those it chooses from."""
        return (
            (self.service is None or self.service is call.service)
            and (self.method is None or self.method == call.method)
            and (self.path is None or fnmatchcase(call.path, self.path))
        )


class FaultScript(Script[Fault]):
    """The faults of an emulator. Each counts the requests it could be played on; a request plays the first one due.

    To loop over it gives them in the order of adding, each with `what` (the fault), `seen` (the requests it could have
    been played on) and `fired` (how often it was); `len` is how many there are.
    """

    def __init__(self, seed: int) -> None:
        super().__init__(seed, Fault)

    def choose(self, call: LoggedRequest) -> Fault | None:
        """The fault to play on this call, if any."""
        due = [scheduled for scheduled in self if scheduled.what.meets(call) and scheduled.due()]
        if not due:
            return None
        due[0].fired += 1
        return due[0].what
