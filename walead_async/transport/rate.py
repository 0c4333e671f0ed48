"""The rate limit of one session: evenly spaced requests, reserved in advance (GCRA)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from walead_async.transport.options import RateLimit

__all__ = ["SpacedLimiter"]


class SpacedLimiter:
    """A `RateLimiter` that never lets more than `burst` requests go ahead of an even spacing."""

    def __init__(
        self,
        limit: RateLimit,
        *,
        clock: Callable[[], float] | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._interval = limit.per / limit.requests
        self._tolerance = self._interval * (limit.burst - 1)
        self._clock = clock
        self._sleep = sleep
        # The theoretical arrival time of the next request: when it would go out without any burst.
        self._next = 0.0

    async def acquire(self) -> None:
        """Return when the next request may go out; a wait that is cancelled gives its place back."""
        now = self._clock() if self._clock else asyncio.get_running_loop().time()
        mine = max(self._next, now)
        self._next = mine + self._interval
        wait = mine - self._tolerance - now
        if wait <= 0:
            return
        try:
            await self._sleep(wait)
        except BaseException:
            # Later reservations stand behind this one; moving them all up by one keeps the spacing.
            self._next -= self._interval
            raise
