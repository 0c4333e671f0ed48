"""The emulated rate limit: when the next request may come."""

from __future__ import annotations

__all__ = ["Gate"]


class Gate:
    """Lets `rate` requests a second through, `burst` of them at once."""

    def __init__(self, rate: float, burst: int) -> None:
        self._interval = 1 / rate
        self._slack = (burst - 1) / rate
        self._due = 0.0

    def wait(self, now: float) -> float:
        """0.0 if a request may pass now, which is then counted; else the seconds until one may."""
        due = max(self._due, now)
        early = due - self._slack - now
        if early > 0:
            return early
        self._due = due + self._interval
        return 0.0
