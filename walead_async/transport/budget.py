"""The retry budget of one session: a bucket of tokens that keeps an outage from being multiplied."""

from __future__ import annotations

__all__ = ["RetryBudget"]


class RetryBudget:
    """A retry takes a token; each request adds `ratio` of one, up to `burst`, when it is sent first.

    If retries added to it too, a ratio of 0.2 would let a service that always fails have 1.25 times the requests.
    """

    __slots__ = ("_burst", "_ratio", "_tokens")

    def __init__(self, burst: float, ratio: float) -> None:
        self._burst = burst
        self._ratio = ratio
        self._tokens = float(burst)

    def sent(self) -> None:
        """A request goes out for the first time."""
        if self._tokens < self._burst:
            self._tokens = min(self._burst, self._tokens + self._ratio)

    def take(self) -> bool:
        """Take a token for one retry; False if there is none."""
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
