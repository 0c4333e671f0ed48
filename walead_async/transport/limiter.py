"""Flow control of one session: how many requests at once, how often, and whose turn it is."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import TYPE_CHECKING

from walead_async.errors import SessionClosedError, WaleadError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from walead_async.config import RateLimit, RateLimiter

__all__ = ["Gate", "SpacedLimiter"]

#: The longest pause of the whole session, in seconds: after that one request tries whether the service is back.
LONGEST_PAUSE = 60.0


class Gate:
    """Lets requests through: at most `concurrency` at once, as often as `limiter` allows, lane by lane in turn.

    A lane stands for one run (a listing, a bulk call). Waiting lanes are served round robin, so that a run with
    thousands of requests delays a single one by one turn. Answers with 429 or 503 halve the concurrency, successes
    grow it back slowly, and a Retry-After pauses every lane. While there is a rate limit or a pause, one request at
    a time stands at the front and waits for it, so that the turn is decided as late as possible.
    """

    __slots__ = (
        "_active",
        "_admitted",
        "_closing",
        "_cut_at",
        "_front_taken",
        "_lanes",
        "_limiter",
        "_maximum",
        "_open",
        "_room",
        "_until",
    )

    def __init__(self, concurrency: int, limiter: RateLimiter | None = None) -> None:
        self._maximum = concurrency
        # What the concurrency has adapted to: exactly, and as a whole number.
        self._open = float(concurrency)
        self._room = concurrency
        self._limiter = limiter
        self._closing = asyncio.Event()
        self._lanes: dict[int, deque[asyncio.Future[bool]]] = {}
        self._active = 0
        self._admitted = 0
        self._cut_at = 0
        self._until = 0.0
        self._front_taken = False

    @property
    def concurrency(self) -> int:
        """How many requests may be under way at once, now."""
        return self._room

    def try_enter(self) -> bool:
        """Enter at once if nobody waits and nothing limits; the way of nearly every request."""
        if self._lanes or self._limiter or self._until or self._active >= self._room:
            return False
        self._active += 1
        self._admitted += 1
        return True

    async def enter(self, lane: object) -> None:
        """Wait for a turn. Whoever entered must `leave`.

        Raises `SessionClosedError` if the gate closes meanwhile, `WaleadError` if the rate limiter fails.
        """
        turn: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._lanes.setdefault(id(lane), deque()).append(turn)
        self._serve()
        try:
            at_the_front = await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._step_aside(at_the_front=turn.result())
            else:
                self._forget(lane, turn)
            raise
        if at_the_front:
            await self._wait_at_the_front()
        self._admitted += 1

    def leave(self) -> None:
        """A request that entered is over."""
        self._active -= 1
        if self._lanes:
            self._serve()

    @property
    def ticket(self) -> int:
        """The number of the request that entered last."""
        return self._admitted

    def throttled(self, ticket: int, pause: float | None) -> None:
        """A request was answered with 429 or 503: halve the concurrency, and pause every lane if the service asks.

        Requests that entered before the last cut do not cut again: they tell of the time before it.
        """
        if ticket > self._cut_at:
            self._cut_at = self._admitted
            self._adapt(max(1.0, self._open / 2))
        if pause:
            until = asyncio.get_running_loop().time() + min(pause, LONGEST_PAUSE)
            self._until = max(self._until, until)

    def succeeded(self) -> None:
        """A request was answered: after a cut, grow by about one for as many successes as are under way."""
        if self._open < self._maximum:
            self._adapt(min(float(self._maximum), self._open + 1 / self._open))

    def _adapt(self, concurrency: float) -> None:
        self._open = concurrency
        self._room = int(concurrency)

    def close(self) -> None:
        """End every wait for a turn with `SessionClosedError`."""
        self._until = 0.0
        self._closing.set()
        for waiting in self._lanes.values():
            for turn in waiting:
                if not turn.done():
                    turn.set_exception(SessionClosedError("this session was closed before the request had its turn"))
        self._lanes.clear()

    def _serve(self) -> None:
        """Give the next turns out: to the lanes in rotation, while there is room."""
        while self._lanes and self._active < self._room and not self._front_taken:
            lane, waiting = next(iter(self._lanes.items()))
            del self._lanes[lane]
            turn = waiting.popleft()
            if waiting:
                self._lanes[lane] = waiting
            if turn.done():
                continue
            self._active += 1
            self._front_taken = bool(self._limiter or self._until)
            turn.set_result(self._front_taken)

    async def _wait_at_the_front(self) -> None:
        try:
            while self._until > asyncio.get_running_loop().time():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout_at(self._until):
                        await self._closing.wait()
            self._until = 0.0
            if self._limiter:
                await _acquired(self._limiter)
        except BaseException:
            self._step_aside(at_the_front=True)
            raise
        self._front_taken = False
        self._serve()

    def _step_aside(self, *, at_the_front: bool) -> None:
        """A turn that was given is not used: hand it on."""
        if at_the_front:
            self._front_taken = False
        self._active -= 1
        self._serve()

    def _forget(self, lane: object, turn: asyncio.Future[bool]) -> None:
        waiting = self._lanes.get(id(lane))
        if waiting is not None and turn in waiting:
            waiting.remove(turn)
            if not waiting:
                del self._lanes[id(lane)]


async def _acquired(limiter: RateLimiter) -> None:
    """Wait for a turn of the session's rate limiter. What it raises becomes an error of our tree: it is not ours."""
    try:
        await limiter.acquire()
    except WaleadError:
        raise
    except Exception as error:
        raise WaleadError(f"the session's rate limiter failed, so that nothing was sent: {error!r}") from error


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
