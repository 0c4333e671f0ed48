"""Time limits of attempts: one timer for all that are under way, since a timer for each costs a tenth of a request."""

from __future__ import annotations

import asyncio

__all__ = ["Limit", "Watch"]


class Limit:
    """The time limit of one attempt: interrupts its task when it is due, unless the attempt has ended before."""

    __slots__ = ("_cancelling", "_silence", "_task", "_until", "due", "expired")

    def __init__(self, task: asyncio.Task[object], now: float, *, silence: float, total: float) -> None:
        self._task = task
        self._cancelling = task.cancelling()
        self._silence = silence
        self._until = now + total
        self.due = min(now + silence, self._until)
        self.expired = False

    def heard(self) -> None:
        """Something arrived, so that the silence begins anew."""
        self.due = min(asyncio.get_running_loop().time() + self._silence, self._until)

    def expire(self) -> None:
        """Interrupt the task: it meets a CancelledError where it waits."""
        self.expired = True
        self._task.cancel()

    def ended_it(self) -> bool:
        """Asked once, on a CancelledError: True if it came from this limit and from nobody else."""
        return self.expired and self._task.uncancel() <= self._cancelling


class Watch:
    """Watches the limits of all attempts of one session."""

    __slots__ = ("_limits", "_timer")

    def __init__(self) -> None:
        self._limits: set[Limit] = set()
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, *, silence: float, total: float) -> Limit:
        """Watch the current task: at most `silence` seconds without a sign, and `total` in all."""
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None, "requests are sent from tasks"
        limit = Limit(task, loop.time(), silence=silence, total=total)
        self._limits.add(limit)
        if self._timer is None or limit.due < self._timer.when():
            self._set_timer(loop, limit.due)
        return limit

    def end(self, limit: Limit) -> None:
        """The attempt is over. The timer stays: with others under way it is needed, and soon there are others."""
        self._limits.discard(limit)

    def close(self) -> None:
        """Watch no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set_timer(self, loop: asyncio.AbstractEventLoop, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_at(when, self._look)

    def _look(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        now = loop.time()
        for limit in [limit for limit in self._limits if limit.due <= now]:
            self._limits.discard(limit)
            limit.expire()
        if self._limits:
            self._set_timer(loop, min(limit.due for limit in self._limits))
