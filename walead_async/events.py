"""What hooks are told: frozen values that hold no key and no person."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias, get_args

import attrs

__all__ = [
    "BatchSettled",
    "Event",
    "Hook",
    "LimitWaited",
    "OutboxMeasured",
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


@attrs.frozen
class OutboxMeasured:
    """How an `Outbox` stands, told every ten seconds by the process that delivers, to the hooks of its session.

    `depth` opt-outs wait to be delivered, the oldest for `oldest_seconds` (0 if none waits); `failed` were refused.
    """

    depth: int
    oldest_seconds: float
    failed: int


Event: TypeAlias = (
    RequestSent
    | ResponseReceived
    | RequestFailed
    | RetryScheduled
    | LimitWaited
    | PageRead
    | BatchSettled
    | OutboxMeasured
)
#: A function of any event, or of some. It is told of those that its parameter is annotated with.
Hook: TypeAlias = (
    Callable[[Event], object]
    | Callable[[RequestSent], object]
    | Callable[[ResponseReceived], object]
    | Callable[[RequestFailed], object]
    | Callable[[RetryScheduled], object]
    | Callable[[LimitWaited], object]
    | Callable[[PageRead], object]
    | Callable[[BatchSettled], object]
    | Callable[[OutboxMeasured], object]
)
EVENTS: tuple[type[Event], ...] = get_args(Event)


def events_of(hook: Hook) -> tuple[type[Event], ...]:
    """The events that a hook is to be told of: those its first parameter is annotated with, all if it names none."""
    from inspect import signature  # a quarter of what this package adds to an import

    try:
        said = next(iter(signature(hook, eval_str=True).parameters.values())).annotation
        named = {kind.__name__ for kind in (get_args(said) or (said,)) if kind in EVENTS}
    except Exception:
        # it has no signature that Python knows, or names that are imported for type checkers only
        named = set(re.findall(r"\w+", str(getattr(hook, "__annotations__", ""))))
    return tuple(kind for kind in EVENTS if kind.__name__ in named) or EVENTS
