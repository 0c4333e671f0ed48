"""Time limits of attempts: one timer for all that are under way, since a timer for each costs a tenth of a request."""

from __future__ import annotations

import asyncio
import math

__all__ = ["Watch"]


class Watch:
    """Interrupts the tasks that go on for too long: each meets a CancelledError where it waits.

    Times are those of the loop's clock. A task has one limit at a time.
    """

    __slots__ = ("_due", "_expired", "_next", "_timer")

    def __init__(self) -> None:
        self._due: dict[asyncio.Task[object], float] = {}
        self._expired: set[asyncio.Task[object]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._next = math.inf

    def begin(self, task: asyncio.Task[object], due: float) -> None:
        """Interrupt this task when `due`, unless its attempt has ended, or something was heard, before."""
        self._due[task] = due
        if due < self._next:
            self._set_timer(due)

    def heard(self, silence: float, until: float) -> None:
        """Something arrived for the current task: it has `silence` seconds more, but no longer than `until`."""
        task = asyncio.current_task()
        if task in self._due:
            self._due[task] = min(asyncio.get_running_loop().time() + silence, until)

    def end(self, task: asyncio.Task[object]) -> None:
        """The attempt is over. The timer stays: with others under way it is needed, and soon there are others."""
        self._due.pop(task, None)

    def ended_it(self, task: asyncio.Task[object], cancelling: int) -> bool:
        """Asked on a CancelledError: True if it came from this watch and from nobody else.

        `cancelling` is what `task.cancelling()` was at the beginning.
        """
        if task not in self._expired:
            return False
        self._expired.discard(task)
        return task.uncancel() <= cancelling

    def close(self) -> None:
        """Interrupt every task that is watched, and watch no more."""
        for task in list(self._due):
            self._interrupt(task)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._next = math.inf

    def _set_timer(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._next = when
        self._timer = asyncio.get_running_loop().call_at(when, self._look)

    def _look(self) -> None:
        self._timer = None
        self._next = math.inf
        now = asyncio.get_running_loop().time()
        for task in [task for task, due in self._due.items() if due <= now]:
            self._interrupt(task)
        if self._due:
            self._set_timer(min(self._due.values()))

    def _interrupt(self, task: asyncio.Task[object]) -> None:
        del self._due[task]
        self._expired.add(task)
        task.cancel()
