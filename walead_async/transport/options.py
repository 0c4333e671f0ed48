"""How patient, how fast and how often: the values a session is configured with."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import attrs

from walead_async.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["RateLimit", "RateLimiter", "RetryPolicy", "Timeouts"]


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _number(low: float, *, exclusive: bool = False, whole: bool = False) -> Callable[..., None]:
    """A validator for a finite number of at least `low`, or above it if `exclusive`."""

    def check(instance: object, field: attrs.Attribute[float], value: object) -> None:
        kinds = (int,) if whole else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds) or not _finite(value):
            kind = "whole number" if whole else "finite number"
            raise ConfigurationError(f"{type(instance).__name__}({field.name}=...) takes a {kind}, not {value!r}")
        if value < low or (exclusive and value == low):
            bound = "above" if exclusive else "at least"
            raise ConfigurationError(
                f"{type(instance).__name__}({field.name}=...) must be {bound} {low:g}, not {value!r}"
            )

    return check


@attrs.frozen
class RetryPolicy:
    """When a request is sent again, and when it is given up.

    A request is sent at most `attempts` times. `deadline`, in seconds, covers one request with its retries and waits.
    The wait before retry n is drawn at random from 0 to `wait_initial * 2**(n-1)` seconds, at most `wait_max`; a
    Retry-After of the service is honoured beyond that. Every retry takes a token from the session's budget, which
    starts at `budget_burst` tokens and regains `budget_ratio` of one with each first attempt sent, so that an outage is
    not multiplied. The budget belongs to the session: under `with_options` the session's own numbers stay in force.

    Raises `ConfigurationError` for a number out of range.
    """

    attempts: int = attrs.field(default=5, validator=_number(1, whole=True))
    deadline: float = attrs.field(default=60.0, validator=_number(0, exclusive=True))
    wait_initial: float = attrs.field(default=0.2, validator=_number(0))
    wait_max: float = attrs.field(default=20.0, validator=_number(0))
    budget_burst: float = attrs.field(default=50, validator=_number(0))
    budget_ratio: float = attrs.field(default=0.2, validator=_number(0))

    @classmethod
    def never(cls) -> RetryPolicy:
        """The policy that sends each request once. Its deadline is the default."""
        return cls(attempts=1)


@attrs.frozen
class Timeouts:
    """Limits for one attempt, in seconds.

    `connect` covers opening a connection, `read` the longest silence before and while an answer arrives, `total` the
    whole attempt. Raises `ConfigurationError` for a number that is not above 0.
    """

    connect: float = attrs.field(default=5.0, validator=_number(0, exclusive=True))
    read: float = attrs.field(default=30.0, validator=_number(0, exclusive=True))
    total: float = attrs.field(default=60.0, validator=_number(0, exclusive=True))


@attrs.frozen
class RateLimit:
    """At most `requests` per `per` seconds, evenly spaced, over the whole session; `burst` of them may go at once.

    Raises `ConfigurationError` for a number out of range.
    """

    requests: float = attrs.field(validator=_number(0, exclusive=True))
    per: float = attrs.field(default=1.0, validator=_number(0, exclusive=True))
    burst: int = attrs.field(default=1, validator=_number(1, whole=True))


@runtime_checkable
class RateLimiter(Protocol):
    """Anything that makes a request wait for its turn, for example a limit that many machines share."""

    async def acquire(self) -> None:
        """Return when the next request may go out. One call stands for one request."""
        ...
