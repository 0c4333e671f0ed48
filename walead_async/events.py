"""What hooks are told: frozen values that hold no key and no person."""

from __future__ import annotations

from typing import TypeAlias

import attrs

__all__ = [
    "BatchSettled",
    "Event",
    "LimitWaited",
    "PageRead",
    "RequestFailed",
    "RequestSent",
    "ResponseReceived",
    "RetryScheduled",
]


@attrs.frozen
class RequestSent:
    """An attempt goes out, to a host and port. `attempt` counts from 1; `body_bytes` is the size of its body."""

    method: str
    path: str
    attempt: int
    body_bytes: int
    host: str = ""
    port: int = 0


@attrs.frozen
class ResponseReceived:
    """An attempt was answered, with any status. `seconds` is the time from sending to the end of the body."""

    method: str
    path: str
    attempt: int
    status: int
    seconds: float
    body_bytes: int
    request_id: str | None


@attrs.frozen
class RequestFailed:
    """An attempt ended without an answer, `seconds` after it was sent. `cause` names the error's class."""

    method: str
    path: str
    attempt: int
    seconds: float
    cause: str


@attrs.frozen
class RetryScheduled:
    """Attempt `attempt` failed and the request is sent again in `wait` seconds. `cause` names the error's class."""

    method: str
    path: str
    attempt: int
    wait: float
    cause: str


@attrs.frozen
class LimitWaited:
    """A request waited `seconds` for its turn: for the concurrency limit, the rate limit or a pause."""

    method: str
    path: str
    seconds: float


@attrs.frozen
class PageRead:
    """A listing judged a page: `accepted` or to be read again; `records` is how many of it are new."""

    path: str
    offset: int
    records: int
    accepted: bool


@attrs.frozen
class BatchSettled:
    """Every item of a batch of a bulk call has its end. `counts` maps statuses (their values) to numbers."""

    path: str
    items: int
    counts: dict[str, int]


Event: TypeAlias = (
    RequestSent | ResponseReceived | RequestFailed | RetryScheduled | LimitWaited | PageRead | BatchSettled
)
