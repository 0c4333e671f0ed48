"""What an answer means: from status, headers and bytes to our errors and a decoded body. Pure functions."""

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
    InvalidRequestError,
    NotFoundError,
    PayloadTooLargeError,
    PermissionDeniedError,
    RateLimitedError,
    ServerError,
    UnexpectedResponseError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from walead_async.transport.messages import Request

__all__ = ["MAX_BODY", "PermanentConnectionError", "api_error", "decoded", "request_id_of", "retry_after", "too_large"]

#: The largest decoded body that is read, in bytes: a list of 400,000 records in one answer.
MAX_BODY = 64 * 1024 * 1024
#: The longest message of an error and the longest name of a request, in characters.
MESSAGE_LENGTH = 500

BY_STATUS: dict[int, type[APIError]] = {
    400: InvalidRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    413: PayloadTooLargeError,
    422: InvalidRequestError,
    429: RateLimitedError,
}
#: What servers write for a body that is not packed. The last two name no packing, but are seen.
NOT_PACKED = frozenset({"", "identity", "utf-8", "none"})
#: zlib's window sizes for the packings that can be undone.
WINDOWS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
#: The most members of a packed body: each costs a copy of what follows it.
MOST_MEMBERS = 100
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class PermanentConnectionError(ConnectionFailedError):
    """Trying again cannot help: a certificate was not accepted, or a proxy wants a password."""


def api_error(
    request: Request, status: int, headers: Mapping[str, str], body: bytes, *, hide: Callable[[str], str]
) -> APIError:
    """The error for an answer whose status is not a success. `hide` takes the key out of what headers say.

    The body is expected without it. A redirect, a 101 and a 304 prove as little as a 5xx of what was done before them.
    """
    said = _json(body)
    error = BY_STATUS.get(status, ServerError if status >= 500 else APIError)(
        _one_line(_message(said, headers, body)),
        status=status,
        method=request.method,
        path=request.path,
        request_id=request_id_of(headers, hide=hide),
        retry_after=retry_after(headers),
    )
    error.is_json = isinstance(said, dict)
    error.maybe_applied = status < 400 or status >= 500 or status == 408
    return error


def request_id_of(headers: Mapping[str, str], *, hide: Callable[[str], str]) -> str | None:
    """What the service calls this request, if it says so; `hide` takes the key out of it, before it is cut."""
    return hide(headers.get("x-request-id") or headers.get("request-id") or "")[:MESSAGE_LENGTH] or None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The pause asked for, in seconds: from a number or an HTTP date; 0 for the past, None for none or nonsense.

    A date is read against the answer's own Date header where it has one, so that a clock that is wrong here does no
    harm.
    """
    text = headers.get("retry-after", "").strip()
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


def _json(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except ValueError:
        return None


def _message(said: object, headers: Mapping[str, str], body: bytes) -> str:
    """What the service said went wrong, in its own words."""
    if "html" in headers.get("content-type", "").lower() or body[:64].lstrip().lower().startswith((b"<!", b"<html")):
        return "(an HTML page, so it came from something in front of the service)"
    if said is None:
        return body[: 4 * MESSAGE_LENGTH].decode("utf-8", "replace")
    if isinstance(said, dict):
        for name in ("message", "error", "errors", "detail"):
            inner = said.get(name)
            if isinstance(inner, dict):
                inner = inner.get("message")
            if inner:
                said = inner
                break
    if isinstance(said, list):
        return "; ".join(str(part) for part in said[:10])
    return str(said) if said else ""


def _one_line(text: str) -> str:
    """At most `MESSAGE_LENGTH` characters, none of them a control character."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= MESSAGE_LENGTH else line[: MESSAGE_LENGTH - 3] + "..."


def decoded(body: bytes, encoding: str) -> bytes:
    """The body without its content encoding and byte order mark. We ask for neither, but servers and proxies send them.

    Raises `ConnectionFailedError` if it was cut short, `UnexpectedResponseError` if it cannot be decoded or is
    larger than `MAX_BODY`.
    """
    encoding = encoding.strip().lower()
    if body and encoding not in NOT_PACKED:
        window = WINDOWS.get(encoding)
        if window is None:
            raise _unreadable("the answer is packed in an unknown way, although it was asked for as it is")
        body = _unpacked(body, encoding, window)
    return body.removeprefix(BYTE_ORDER_MARK)


def _unpacked(body: bytes, encoding: str, window: int) -> bytes:
    """Every member of a packed stream, each to its end."""
    parts: list[bytes] = []
    size = 0
    for _ in range(MOST_MEMBERS):
        unpacker = zlib.decompressobj(wbits=window)
        try:
            parts.append(unpacker.decompress(body, MAX_BODY + 1 - size))
        except zlib.error:
            break
        size += len(parts[-1])
        if size > MAX_BODY:
            raise too_large()
        if not unpacker.eof:
            error = ConnectionFailedError(f"the answer broke off: its {encoding} stream has no end")
            error.maybe_applied = True
            raise error
        body = unpacker.unused_data
        if not body:
            return b"".join(parts)
    raise _unreadable(f"the answer says that it is {encoding}, but it cannot be unpacked")


def too_large() -> UnexpectedResponseError:
    """The error for a body above the limit."""
    return _unreadable(f"the answer is larger than {MAX_BODY // 1024 // 1024} MiB and was not read")


def _unreadable(text: str) -> UnexpectedResponseError:
    error = UnexpectedResponseError(text)
    error.maybe_applied = True
    return error
