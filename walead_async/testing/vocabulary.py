"""The faults by name: for each what it does to the request, to the answer and to the connection, one line each."""

from __future__ import annotations

import math
import re
from enum import Enum, StrEnum, auto
from typing import TYPE_CHECKING

import attrs

from walead_async.testing.errors import BadSetting

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["KINDS", "Delivery", "Effect", "FaultName", "Kind", "Option"]

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
