"""What an error status, a broken connection or an odd body means: pure functions from facts to our errors."""

from __future__ import annotations

import zlib
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import orjson

from walead_async.errors import (
    APIError,
    AuthenticationError,
    ConflictError,
    ConnectionFailedError,
    DeadlineExceededError,
    InvalidRequestError,
    NotFoundError,
    PayloadTooLargeError,
    PermissionDeniedError,
    RateLimitedError,
    ServerError,
    UnexpectedResponseError,
    WaleadError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from walead_async.transport.messages import Request

__all__ = [
    "MAX_BODY",
    "UntrustedServerError",
    "api_error",
    "decoded",
    "is_transient",
    "parse_retry_after",
    "proves_nothing_done",
    "request_id_of",
    "too_large",
]

#: The largest decoded body that is read, in bytes: a list of 400,000 records in one answer.
MAX_BODY = 64 * 1024 * 1024

MESSAGE_LENGTH = 500

BY_STATUS: dict[int, type[APIError]] = {
    400: InvalidRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    413: PayloadTooLargeError,
    422: InvalidRequestError,
}

#: Statuses after which the service, asked the same again, may answer otherwise.
TRANSIENT = frozenset({408, 425, 429})
#: 5xx that say "never": not implemented, HTTP version not supported, network authentication required.
PERMANENT_SERVER = frozenset({501, 505, 511})
#: Errors after which even an unblock may be sent again, since the service did not carry it out.
NOT_CARRIED_OUT = frozenset({425, 429})


class UntrustedServerError(ConnectionFailedError):
    """The server's certificate was not accepted: trying again cannot help."""


def api_error(
    request: Request, status: int, headers: Mapping[str, str], body: bytes, *, hide: Callable[[str], str]
) -> APIError:
    """The error for an answer whose status is not a success. `hide` takes the key out of what the service said."""
    message = hide(_message(headers, body))
    request_id = request_id_of(headers, hide=hide)
    if status == 429:
        return RateLimitedError(
            message,
            status=status,
            method=request.method,
            path=request.path,
            request_id=request_id,
            retry_after=parse_retry_after(headers),
        )
    kind = BY_STATUS.get(status, ServerError if status >= 500 else APIError)
    error = kind(message, status=status, method=request.method, path=request.path, request_id=request_id)
    if isinstance(error, ServerError):
        error.retry_after = parse_retry_after(headers)
    # A 303 points to the result of what was done; other redirects did nothing here.
    error.maybe_applied = status >= 500 or status in {303, 408}
    error.is_json = _is_json(body)
    return error


def _is_json(body: bytes) -> bool:
    try:
        orjson.loads(body)
    except ValueError:
        return False
    return True


def request_id_of(headers: Mapping[str, str], *, hide: Callable[[str], str]) -> str | None:
    """What the service calls this request, if it says so; `hide` takes the key out of it."""
    return hide(headers.get("x-request-id") or headers.get("request-id") or "") or None


def is_transient(error: WaleadError) -> bool:
    """Whether the same request may succeed if it is sent again."""
    if isinstance(error, APIError):
        return error.status in TRANSIENT or (error.status >= 500 and error.status not in PERMANENT_SERVER)
    if isinstance(error, ConnectionFailedError):
        return not isinstance(error, UntrustedServerError)
    return isinstance(error, DeadlineExceededError)


def proves_nothing_done(error: WaleadError) -> bool:
    """Whether the error proves that the service did not carry the request out, so that an unblock may be repeated."""
    if isinstance(error, APIError):
        return error.status in NOT_CARRIED_OUT
    return not error.maybe_applied


def parse_retry_after(headers: Mapping[str, str]) -> float | None:
    """The pause asked for, in seconds: from a number or an HTTP date; 0 for the past, None for none or nonsense.

    A date is read against the answer's own Date header where it has one, so that a clock that is wrong here does no
    harm.
    """
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    if text.isascii() and text.replace(".", "", 1).isdigit():
        return float(text)
    until = _http_date(text)
    if until is None:
        return None
    now = _http_date(headers.get("date", "")) or datetime.now(UTC)
    return max(0.0, (until - now).total_seconds())


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _message(headers: Mapping[str, str], body: bytes) -> str:
    """What the service said went wrong, in one bounded line without control characters."""
    text = _spoken(headers, body)
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= MESSAGE_LENGTH else line[: MESSAGE_LENGTH - 3] + "..."


def _spoken(headers: Mapping[str, str], body: bytes) -> str:
    if "html" in headers.get("content-type", "").lower() or body[:64].lstrip().lower().startswith((b"<!", b"<html")):
        return "(an HTML page, so it came from something in front of the service)"
    try:
        said = orjson.loads(body)
    except ValueError:
        return body[: 4 * MESSAGE_LENGTH].decode("utf-8", "replace")
    for name in ("message", "error", "errors", "detail"):
        inner = said.get(name) if isinstance(said, dict) else None
        if isinstance(inner, dict):
            inner = inner.get("message")
        if inner:
            said = inner
            break
    if isinstance(said, list):
        return "; ".join(str(part) for part in said[:10])
    return str(said) if said else ""


def decoded(body: bytes, encoding: str) -> bytes:
    """The body without its content encoding. We ask for none, but a proxy may have its own mind.

    Raises `ConnectionFailedError` if it was cut short, `UnexpectedResponseError` if it cannot be decoded or is
    larger than `MAX_BODY`.
    """
    window = {"gzip": 31, "x-gzip": 31, "deflate": 15}.get(encoding.strip().lower())
    if window is None:
        raise _odd(f"the answer is encoded as {encoding!r}, although it was asked for as it is")
    unpacker = zlib.decompressobj(wbits=window)
    try:
        whole = unpacker.decompress(body, MAX_BODY + 1)
    except zlib.error:
        raise _odd(f"the answer says that it is {encoding}, but it cannot be unpacked") from None
    if len(whole) > MAX_BODY:
        # An error lives long, and its traceback would keep this.
        del whole
        raise too_large()
    if not unpacker.eof:
        error = ConnectionFailedError(f"the answer broke off: its {encoding} stream has no end")
        error.maybe_applied = True
        raise error
    return whole


def too_large() -> UnexpectedResponseError:
    """The error for a body above the limit."""
    return _odd(f"the answer is larger than {MAX_BODY // 1024 // 1024} MiB and was not read")


def _odd(text: str) -> UnexpectedResponseError:
    error = UnexpectedResponseError(text)
    error.maybe_applied = True
    return error
