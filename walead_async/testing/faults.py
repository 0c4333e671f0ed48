"""The faults: each by name, what it does to the request, the answer and the connection, and how it is asked for."""

from __future__ import annotations

import gzip
import json
import math
import re
import zlib
from enum import Enum, StrEnum, auto
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING

import attrs

from walead_async.testing.replies import JSON_TYPE, Reply, Service, answer
from walead_async.testing.schedule import ALWAYS, WHEN, Script, When, nearest
from walead_async.testing.settings import BadSetting

if TYPE_CHECKING:
    from collections.abc import Callable

    from walead_async.testing.replies import Call

__all__ = ["KINDS", "SPOILERS", "Delivery", "Effect", "Fault", "FaultName", "FaultScript", "Kind", "Option"]

SIZES = {"": 1, "K": 1_000, "M": 1_000_000, "G": 1_000_000_000}
LARGEST = 10 * SIZES["G"]


class FaultName(StrEnum):
    """The names of the faults: `FaultName.APPLY_THEN_CLOSE` is the text `apply-then-close`, and so are all the others.

    `Fault(name).kind.means` says in words what it does.
    """

    STATUS = "status"
    HTML = "html"
    REDIRECT = "redirect"
    SUCCESS_FALSE = "success-false"
    CLOSE = "close"
    RESET = "reset"
    HANG = "hang"
    APPLY_THEN_STATUS = "apply-then-status"
    APPLY_THEN_SUCCESS_FALSE = "apply-then-success-false"
    APPLY_THEN_CLOSE = "apply-then-close"
    APPLY_THEN_RESET = "apply-then-reset"
    APPLY_THEN_HANG = "apply-then-hang"
    APPLY_TWICE = "apply-twice"
    APPLY_PART = "apply-part"
    RESET_IN_HEAD = "reset-in-head"
    RESET_BEFORE_BODY = "reset-before-body"
    RESET_IN_BODY = "reset-in-body"
    RESET_AFTER_BODY = "reset-after-body"
    CUT_BODY = "cut-body"
    CLOSE_AFTER = "close-after"
    SLOW_BODY = "slow-body"
    EMPTY = "empty"
    NULL = "null"
    WRONG_SHAPE = "wrong-shape"
    CUT_JSON = "cut-json"
    CUT_GZIP = "cut-gzip"
    ZIP_BOMB = "zip-bomb"
    HUGE_BODY = "huge-body"
    EXTRA_FIELDS = "extra-fields"
    MISSING_FIELD = "missing-field"
    WRONG_TYPE = "wrong-type"
    BAD_DATE = "bad-date"
    NAN = "nan"
    LONE_SURROGATE = "lone-surrogate"
    WRONG_CHARSET = "wrong-charset"
    NOT_UTF8 = "not-utf8"
    EMPTY_PAGE = "empty-page"
    REPEAT_PAGE = "repeat-page"
    SHORT_PAGE = "short-page"
    DOUBLE_RECORD = "double-record"
    DISORDER = "disorder"


class Effect(Enum):
    """What becomes of the state: the request is not carried out, is, is twice, or only the first half of its items."""

    NONE = auto()
    ONCE = auto()
    TWICE = auto()
    PART = auto()


class Delivery(Enum):
    """What becomes of the connection.

    WHOLE: the answer arrives. CLOSE, RESET, HANG: no byte of it does. The others break off inside or after it.
    """

    WHOLE = auto()
    CLOSE = auto()
    RESET = auto()
    HANG = auto()
    RESET_IN_HEAD = auto()
    RESET_BEFORE_BODY = auto()
    RESET_IN_BODY = auto()
    RESET_AFTER_BODY = auto()
    CUT_BODY = auto()
    CLOSE_AFTER = auto()
    SLOW_BODY = auto()

    @property
    def silent(self) -> bool:
        """True if the caller sees no status."""
        return self in (Delivery.CLOSE, Delivery.RESET, Delivery.HANG, Delivery.RESET_IN_HEAD)


@attrs.frozen
class Option:
    """What may stand behind a fault's `=`, read from its text: only the fields that the fault knows are used."""

    status: int = 200
    retry_after: str | None = None
    url: str = ""
    number: float = 0.0
    field: str | None = None


@attrs.frozen
class Kind:
    """What a fault does. `option` reads the text behind `=` (None: there is none); `takes` says what it looks like."""

    means: str
    effect: Effect = Effect.ONCE
    delivery: Delivery = Delivery.WHOLE
    option: Callable[[str | None], Option] | None = None
    takes: str = ""


def _status(text: str | None) -> Option:
    match = re.fullmatch(r"(\d{3})(?:/(.*))?", text or "", re.DOTALL)
    if not match or not 200 <= int(match[1]) <= 599:
        raise BadSetting("a status from 200 to 599 is needed, and after a / the Retry-After header, if any: 429/2")
    _check_header(match[2])
    return Option(status=int(match[1]), retry_after=match[2])


def _redirect(text: str | None) -> Option:
    match = re.fullmatch(r"(?:(3\d\d)/)?(https?://[!-~]+)", text or "")
    if not match:
        raise BadSetting("an http or https URL is needed, or a status and a URL: 301/http://other.example/")
    return Option(status=int(match[1] or 302), url=match[2])


def _seconds(text: str | None) -> Option:
    try:
        number = float("1" if text is None else text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or number < 0:
        raise BadSetting(f"seconds from 0 are needed, not {text!r}")
    return Option(number=number)


def _size(default: int) -> Callable[[str | None], Option]:
    def read(text: str | None) -> Option:
        match = re.fullmatch(r"(\d{1,12})([KMG]?)", str(default) if text is None else text)
        if not match:
            raise BadSetting(f"a number of bytes is needed, such as 500, 64K, 100M or 1G, not {text!r}")
        size = int(match[1]) * SIZES[match[2]]
        if size > LARGEST:
            raise BadSetting(f"at most 10G are sent, not {text}")
        return Option(number=size)

    return read


def _records(text: str | None) -> Option:
    if text is not None and not re.fullmatch(r"\d{1,9}", text):
        raise BadSetting(f"a number of records from 0 is needed, not {text!r}")
    return Option(number=int(text or 1))


def _field(text: str | None) -> Option:
    if text == "":
        raise BadSetting("the name of a field is needed behind =")
    return Option(field=text)


def _check_header(text: str | None) -> None:
    if text is not None and not (text.isascii() and text.isprintable()):
        raise BadSetting("a header holds printable ASCII only")


#: All faults.
KINDS: dict[FaultName, Kind] = {
    # The request is not carried out.
    FaultName.STATUS: Kind("answers with this status", Effect.NONE, option=_status, takes="CODE[/RETRY-AFTER]"),
    FaultName.HTML: Kind("answers with this status and a page of HTML", Effect.NONE, option=_status, takes="CODE"),
    FaultName.REDIRECT: Kind("sends the caller elsewhere", Effect.NONE, option=_redirect, takes="[CODE/]URL"),
    FaultName.SUCCESS_FALSE: Kind("answers 200 with `success: false`", Effect.NONE),
    FaultName.CLOSE: Kind("closes the connection without a word", Effect.NONE, Delivery.CLOSE),
    FaultName.RESET: Kind("resets the connection", Effect.NONE, Delivery.RESET),
    FaultName.HANG: Kind("never answers", Effect.NONE, Delivery.HANG),
    # It is carried out, and the answer does not say so.
    FaultName.APPLY_THEN_STATUS: Kind(
        "carries the request out, then answers with this status", option=_status, takes="CODE[/RETRY-AFTER]"
    ),
    FaultName.APPLY_THEN_SUCCESS_FALSE: Kind("carries the request out and answers 200 with `success: false`"),
    FaultName.APPLY_THEN_CLOSE: Kind("carries the request out, then closes the connection", delivery=Delivery.CLOSE),
    FaultName.APPLY_THEN_RESET: Kind("carries the request out, then resets the connection", delivery=Delivery.RESET),
    FaultName.APPLY_THEN_HANG: Kind("carries the request out and never answers", delivery=Delivery.HANG),
    FaultName.APPLY_TWICE: Kind("carries the request out twice and gives the second answer", Effect.TWICE),
    FaultName.APPLY_PART: Kind("carries the first half of the items out, then answers with 500", Effect.PART),
    # It is carried out, and the answer breaks off on its way.
    FaultName.RESET_IN_HEAD: Kind("resets inside the headers of the answer", delivery=Delivery.RESET_IN_HEAD),
    FaultName.RESET_BEFORE_BODY: Kind("resets between headers and body", delivery=Delivery.RESET_BEFORE_BODY),
    FaultName.RESET_IN_BODY: Kind("resets in the middle of the body", delivery=Delivery.RESET_IN_BODY),
    FaultName.RESET_AFTER_BODY: Kind("resets after the last byte of the body", delivery=Delivery.RESET_AFTER_BODY),
    FaultName.CUT_BODY: Kind("closes in the middle of the body", delivery=Delivery.CUT_BODY),
    FaultName.CLOSE_AFTER: Kind("closes after the answer, having promised not to", delivery=Delivery.CLOSE_AFTER),
    FaultName.SLOW_BODY: Kind(
        "sends the body byte by byte, with so many seconds between (1)",
        delivery=Delivery.SLOW_BODY,
        option=_seconds,
        takes="[SECONDS]",
    ),
    # It is carried out, and the body of the answer is wrong.
    FaultName.EMPTY: Kind("answers with no body"),
    FaultName.NULL: Kind("answers with `null`"),
    FaultName.WRONG_SHAPE: Kind("answers with an object for an array, an array for an object"),
    FaultName.CUT_JSON: Kind("ends the JSON halfway, in a whole HTTP answer"),
    FaultName.CUT_GZIP: Kind("compresses the answer and sends half of that"),
    FaultName.ZIP_BOMB: Kind(
        "answers with gzip that unpacks to so many bytes (256M)", option=_size(256_000_000), takes="[BYTES]"
    ),
    FaultName.HUGE_BODY: Kind(
        "pads the answer with so many bytes of blanks (100M)", option=_size(100_000_000), takes="[BYTES]"
    ),
    FaultName.EXTRA_FIELDS: Kind("adds fields that no page names"),
    FaultName.MISSING_FIELD: Kind("leaves a field out of the first record", option=_field, takes="[FIELD]"),
    FaultName.WRONG_TYPE: Kind("gives a field of the first record another type", option=_field, takes="[FIELD]"),
    FaultName.BAD_DATE: Kind("gives the first record a `createdAt` that is no time"),
    FaultName.NAN: Kind("puts a NaN into the answer"),
    FaultName.LONE_SURROGATE: Kind("puts half of a surrogate pair into the answer"),
    FaultName.WRONG_CHARSET: Kind("claims UTF-16 for a body in UTF-8"),
    FaultName.NOT_UTF8: Kind("claims UTF-8 for a body in Latin-1"),
    # The page of a list is wrong.
    FaultName.EMPTY_PAGE: Kind("answers with an empty list"),
    FaultName.REPEAT_PAGE: Kind("gives the last answer of this kind again, whatever the offset"),
    FaultName.SHORT_PAGE: Kind("leaves all but so many records out of the page (1)", option=_records, takes="[N]"),
    FaultName.DOUBLE_RECORD: Kind("gives the last record of the page twice"),
    FaultName.DISORDER: Kind("gives the page in reverse order"),
}


#: A decoded JSON value.
Json = object
#: In an answer that is no list of records, the field that `missing-field` and `wrong-type` mean if none is named.
ANSWER_FIELDS = ("blocked", "unblocked", "added", "removed", "blockList", "message")
BLANKS = b" " * 1_000_000


def _with_status(reply: Reply, option: Option) -> Reply:
    headers = {} if option.retry_after is None else {"Retry-After": option.retry_after}
    if option.status < 300 or option.status == 304:
        return Reply(option.status, headers=headers)
    body = answer({"statusCode": option.status, "message": "a fault was asked for", "error": "Emulated"}).body
    return Reply(option.status, body, headers=headers)


def _html(reply: Reply, option: Option) -> Reply:
    page = f"<!DOCTYPE html><html><head><title>{option.status}</title></head><body><h1>Bad gateway</h1></body></html>"
    return attrs.evolve(_with_status(reply, option), body=page.encode(), content_type="text/html; charset=utf-8")


def _redirected(reply: Reply, option: Option) -> Reply:
    return Reply(option.status, headers={"Location": option.url})


def _success_false(reply: Reply, option: Option) -> Reply:
    value = _decoded(reply.body)
    refused = value if isinstance(value, dict) and reply.status < 300 else {}
    return answer({**refused, "success": False, "message": "something went wrong"})


def _server_error(reply: Reply, option: Option) -> Reply:
    return answer({"statusCode": 500, "message": "Internal server error"}, 500)


def _empty(reply: Reply, option: Option) -> Reply:
    return attrs.evolve(reply, body=b"")


def _null(reply: Reply, option: Option) -> Reply:
    return attrs.evolve(reply, body=b"null")


def _wrong_shape(reply: Reply, option: Option) -> Reply:
    value = _decoded(reply.body)
    return _encoded(reply, {"data": value} if isinstance(value, list) else [value])


def _cut_json(reply: Reply, option: Option) -> Reply:
    return attrs.evolve(reply, body=reply.body[: max(1, len(reply.body) // 2)])


def _cut_gzip(reply: Reply, option: Option) -> Reply:
    packed = gzip.compress(reply.body, mtime=0)
    return _gzipped(reply, packed[: len(packed) // 2])


def _zip_bomb(reply: Reply, option: Option) -> Reply:
    return _gzipped(reply, _bomb(reply.body[:1], int(option.number), reply.body[1:]))


def _huge_body(reply: Reply, option: Option) -> Reply:
    return attrs.evolve(reply, blanks=int(option.number))


def _extra_fields(reply: Reply, option: Option) -> Reply:
    value = _decoded(reply.body)
    extra = {"updatedAt": None, "tags": ["a", {"b": [1, 2]}], "__proto__": {"x": 1}}
    if isinstance(value, list):
        return _encoded(reply, [{**record, **extra} if isinstance(record, dict) else record for record in value])
    return _encoded(reply, {**value, **extra} if isinstance(value, dict) else value)


def _missing_field(reply: Reply, option: Option) -> Reply:
    def change(record: dict[str, Json], field: str) -> None:
        record.pop(field, None)

    return _with_field(reply, option.field, change)


def _wrong_type(reply: Reply, option: Option) -> Reply:
    def change(record: dict[str, Json], field: str) -> None:
        value = record.get(field)
        record[field] = 17 if value is None or isinstance(value, str) else str(value)

    return _with_field(reply, option.field, change)


def _bad_date(reply: Reply, option: Option) -> Reply:
    def change(record: dict[str, Json], field: str) -> None:
        record[field] = "yesterday"

    return _with_field(reply, "createdAt", change)


def _nan(reply: Reply, option: Option) -> Reply:
    return _with_value(reply, float("nan"))


def _lone_surrogate(reply: Reply, option: Option) -> Reply:
    return _with_value(reply, "\ud83d")


def _wrong_charset(reply: Reply, option: Option) -> Reply:
    return attrs.evolve(reply, content_type="application/json; charset=utf-16")


def _not_utf8(reply: Reply, option: Option) -> Reply:
    # Written as the escape by `json`; the byte alone is Latin-1 for an ä.
    spoilt = _with_value(reply, "\u00e4")
    return attrs.evolve(spoilt, body=spoilt.body.replace(b"\\u00e4", b"\xe4"), content_type=JSON_TYPE)


def _empty_page(reply: Reply, option: Option) -> Reply:
    return attrs.evolve(reply, body=b"[]")


def _short_page(reply: Reply, option: Option) -> Reply:
    return _of_records(reply, lambda records: records[: int(option.number)])


def _double_record(reply: Reply, option: Option) -> Reply:
    return _of_records(reply, lambda records: records + records[-1:])


def _disorder(reply: Reply, option: Option) -> Reply:
    return _of_records(reply, lambda records: records[::-1])


#: What each fault makes of the reply; those that are not here leave it alone.
SPOILERS: dict[FaultName, Callable[[Reply, Option], Reply]] = {
    FaultName.STATUS: _with_status,
    FaultName.HTML: _html,
    FaultName.REDIRECT: _redirected,
    FaultName.SUCCESS_FALSE: _success_false,
    FaultName.APPLY_THEN_STATUS: _with_status,
    FaultName.APPLY_THEN_SUCCESS_FALSE: _success_false,
    FaultName.APPLY_PART: _server_error,
    FaultName.EMPTY: _empty,
    FaultName.NULL: _null,
    FaultName.WRONG_SHAPE: _wrong_shape,
    FaultName.CUT_JSON: _cut_json,
    FaultName.CUT_GZIP: _cut_gzip,
    FaultName.ZIP_BOMB: _zip_bomb,
    FaultName.HUGE_BODY: _huge_body,
    FaultName.EXTRA_FIELDS: _extra_fields,
    FaultName.MISSING_FIELD: _missing_field,
    FaultName.WRONG_TYPE: _wrong_type,
    FaultName.BAD_DATE: _bad_date,
    FaultName.NAN: _nan,
    FaultName.LONE_SURROGATE: _lone_surrogate,
    FaultName.WRONG_CHARSET: _wrong_charset,
    FaultName.NOT_UTF8: _not_utf8,
    FaultName.EMPTY_PAGE: _empty_page,
    FaultName.SHORT_PAGE: _short_page,
    FaultName.DOUBLE_RECORD: _double_record,
    FaultName.DISORDER: _disorder,
}


def _decoded(body: bytes) -> Json:
    try:
        value: Json = json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")
    return value


def _encoded(reply: Reply, value: Json) -> Reply:
    return attrs.evolve(reply, body=json.dumps(value, separators=(",", ":")).encode())


def _with_field(reply: Reply, field: str | None, change: Callable[[dict[str, Json], str], None]) -> Reply:
    """The reply with a field changed: of the first record of a list, else of the answer itself.

    A list without records gets one whose only fields are those that the change makes.
    """
    value = _decoded(reply.body)
    if isinstance(value, list):
        if not value or not isinstance(value[0], dict):
            value[:1] = [{}]
        change(value[0], field or "publicIdentifier")
    elif isinstance(value, dict):
        change(value, field or next((name for name in ANSWER_FIELDS if name in value), "message"))
    return _encoded(reply, value)


def _with_value(reply: Reply, added: Json) -> Reply:
    """The reply with a value where a text belongs: an identifier, a message, a number of a list."""
    value = _decoded(reply.body)
    if isinstance(value, list):
        if value and isinstance(value[0], dict):
            value[0]["publicIdentifier"] = added
        else:
            value.append(added)
    elif isinstance(value, dict):
        numbers = value.get("blockList")
        if isinstance(numbers, list):
            numbers.append(added)
        else:
            value["message"] = added
    return _encoded(reply, value)


def _of_records(reply: Reply, change: Callable[[list[Json]], list[Json]]) -> Reply:
    value = _decoded(reply.body)
    return _encoded(reply, change(value)) if isinstance(value, list) else reply


def _gzipped(reply: Reply, body: bytes) -> Reply:
    return attrs.evolve(reply, body=body, headers={**reply.headers, "Content-Encoding": "gzip"})


@lru_cache(maxsize=4)
def _bomb(before: bytes, blanks: int, after: bytes) -> bytes:
    """A whole, valid gzip file of `before`, so many blanks, and `after`.

    Behind a full flush the compressor knows nothing of what came before: a block packed once can be repeated.
    """
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    blocks, rest = divmod(blanks, len(BLANKS))
    first = packer.compress(before) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(BLANKS) + packer.flush(zlib.Z_FULL_FLUSH)
    last = packer.compress(BLANKS[:rest] + after) + packer.flush(zlib.Z_FINISH)
    check = zlib.crc32(before)
    for _ in range(blocks):
        check = zlib.crc32(BLANKS, check)
    check = zlib.crc32(BLANKS[:rest] + after, check)
    size = (len(before) + blanks + len(after)) % (1 << 32)
    head = gzip.compress(b"", mtime=0)[:10]
    return head + first + block * blocks + last + check.to_bytes(4, "little") + size.to_bytes(4, "little")


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


def _name(value: str) -> FaultName:
    try:
        return FaultName(value)
    except ValueError:
        raise nearest("fault", value, list(FaultName)) from None


@attrs.frozen
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
        if self.value is not None and self.kind.option is None:
            raise BadSetting(f"the fault {self.name.value!r} takes nothing behind =")
        try:
            _ = self.option
        except BadSetting as error:
            raise BadSetting(f"the fault {self.name.value!r}: {error}") from None

    @classmethod
    def parse(cls, text: str) -> Fault:
        """Read a fault from text: `[SERVICE] [METHOD] [PATH] [WHEN]:NAME[=VALUE]`, or the part behind the colon alone.

        WHEN is `#3` (the third), `#3-5`, `#3-`, `%10` (every tenth) or `~0.1` (each with that probability), and behind
        it `x2` (twice at most). Examples: `DELETE#3:apply-then-close`, `GET /v1/blocked-leads ~0.1 x5:status=503/2`,
        `phonely POST:reset`, `slow-body=0.01`. Raises `BadSetting` for anything else.
        """
        match = TEXT.fullmatch(text.strip())
        if not match:
            raise BadSetting(
                f"{text!r} is not a fault: [SERVICE] [METHOD] [PATH] [WHEN]:NAME[=VALUE] is, "
                "such as DELETE#3:apply-then-close"
            )
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

    def __str__(self) -> str:
        parts = [self.service and self.service.value, self.method, self.path, str(self.when)]
        match = " ".join(part for part in parts if part)
        what = self.name.value if self.value is None else f"{self.name.value}={self.value}"
        return f"{match}:{what}" if match else what

    @property
    def kind(self) -> Kind:
        """What it does: `kind.means` says it in words, `kind.takes` what may stand behind its `=`."""
        return KINDS[self.name]

    @property
    def option(self) -> Option:
        """What stood behind its `=`, or the default."""
        read = self.kind.option
        return Option() if read is None else read(self.value)

    def meets(self, call: Call) -> bool:
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

    def add(self, *faults: Fault | str) -> None:
        """Add faults, as values or as text. Raises `BadSetting`; then none is added."""
        for fault in [Fault.parse(fault) if isinstance(fault, str) else fault for fault in faults]:
            self.schedule(fault)

    def choose(self, call: Call) -> Fault | None:
        """The fault to play on this call, if any."""
        due = [scheduled for scheduled in self if scheduled.what.meets(call) and scheduled.due()]
        if not due:
            return None
        due[0].fired += 1
        return due[0].what
