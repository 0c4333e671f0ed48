"""Flow control of one session: how many requests at once, how often, and whose turn it is."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from walead_async.errors import WaleadError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from walead_async.config import RateLimit, RateLimiter

__all__ = ["Limiter", "SpacedLimiter"]

#: The longest pause of the whole session, in seconds: after that it is tried whether the service is back.
LONGEST_PAUSE = 60.0


class Limiter:
    """Lets requests through: at most `concurrency` at once, as often as `rate` allows, flow by flow in turn.

    A flow is one run (a listing, a bulk call). Waiting flows are served round robin, so that a run with thousands of
    requests delays a single one by one turn. Answers with 429 or 503 halve the concurrency, successes grow it back
    slowly, and a Retry-After pauses every flow. With a rate limit, one request at a time has its turn and asks for its
    place, so that whose turn it is is decided as late as possible.
    """

    __slots__ = ("_active", "_asking", "_cut_at", "_flows", "_limit", "_pause", "_rate", "admitted", "concurrency")

    def __init__(self, concurrency: int, rate: RateLimiter | None = None) -> None:
        self.concurrency: int = concurrency
        #: How many requests were let through so far: to one that was just let through, its number.
        self.admitted: int = 0
        self._rate = rate
        # What the concurrency has adapted to; a fraction of a request counts once it has grown to a whole one.
        self._limit = float(concurrency)
        self._flows: dict[int, deque[asyncio.Future[None]]] = {}
        self._active = 0
        self._cut_at = 0
        self._pause: asyncio.TimerHandle | None = None
        self._asking = False

    def try_enter(self) -> bool:
        """Enter at once if nobody waits and nothing limits; the way of nearly every request."""
        if self._flows or self._rate or self._pause or self._active + 1 > self._limit:
            return False
        self._active += 1
        self.admitted += 1
        return True

    async def enter(self, flow: object) -> None:
        """Wait for a turn. Whoever entered must `leave`.

        Raises `WaleadError` if the rate limiter fails.
        """
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._flows.setdefault(id(flow), deque()).append(turn)
        self._serve()
        try:
            await turn
            if self._rate:
                await _asked(self._rate)
        except BaseException:
            if turn.done() and not turn.cancelled():
                self._asking = False
                self.leave()
            raise
        self.admitted += 1
        if self._rate:
            self._asking = False
            self._serve()

    def leave(self) -> None:
        """A request that entered is over."""
        self._active -= 1
        if self._flows:
            self._serve()

    def throttled(self, ticket: int, pause: float | None) -> None:
        """A request was answered with 429 or 503: halve the concurrency, and pause every flow if the service asks.

        `ticket` is what `admitted` was when the request was let through. Requests from before the last cut do not cut
        again: they tell of the time before it.
        """
        if ticket > self._cut_at:
            self._cut_at = self.admitted
            self._limit = max(1.0, self._limit / 2)
        if pause:
            loop = asyncio.get_running_loop()
            until = loop.time() + min(pause, LONGEST_PAUSE)
            if self._pause is None or self._pause.when() < until:
                if self._pause:
                    self._pause.cancel()
                self._pause = loop.call_at(until, self._resume)

    def succeeded(self) -> None:
        """A request was answered: after a cut, grow by about one for as many successes as are under way."""
        if self._limit < self.concurrency:
            self._limit = min(float(self.concurrency), self._limit + 1 / self._limit)

    def _serve(self) -> None:
        """Give the next turns out: to the flows in rotation, while there is room."""
        while self._flows and self._active + 1 <= self._limit and not (self._pause or self._asking):
            flow, waiting = next(iter(self._flows.items()))
            del self._flows[flow]
            turn = waiting.popleft()
            if waiting:
                self._flows[flow] = waiting
            if turn.done():  # its wait was cancelled
                continue
            self._active += 1
            self._asking = self._rate is not None
            turn.set_result(None)

    def _resume(self) -> None:
        self._pause = None
        self._serve()


async def _asked(rate: RateLimiter) -> None:
    """Wait for a place at the session's rate limiter. What it raises becomes an error of our tree: it is not ours."""
    try:
        await rate.acquire()
    except WaleadError:
        raise
    except Exception as error:
        raise WaleadError(f"the session's rate limiter failed, so that nothing was sent: {error!r}") from error


class SpacedLimiter:
    """A `RateLimiter` that never lets more than `burst` requests go ahead of an even spacing (GCRA)."""

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
