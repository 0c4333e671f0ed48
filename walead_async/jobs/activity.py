"""What an apply's requests, waits and pauses come to, stretch by stretch, as the journal's events keep it."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

from walead_async.events import BatchSettled, LimitWaited, RequestFailed, ResponseReceived, RetryScheduled

if TYPE_CHECKING:
    from walead_async.events import Event
    from walead_async.jobs.values import Progress, ProgressCallback

__all__ = ["Activity"]


class Activity:
    """Hears a session, as a hook, and a job's steps, which it passes on to `progress`."""

    def __init__(self, progress: ProgressCallback | None) -> None:
        self._progress = progress
        self._sums: Counter[str] = Counter()
        self._since = time.monotonic()
        self._paused_since: float | None = None

    def __call__(self, event: Event) -> None:
        """The hook of a session."""
        match event:
            case ResponseReceived():
                self._sums["answered" if event.status < 400 else "failed"] += 1
            # a page that was asked for ahead, and is not wanted any more, has not failed
            case RequestFailed() if event.cause != "CancelledError":
                self._sums["failed"] += 1
            case LimitWaited():
                self._sums["waited_ms"] += round(1000 * event.seconds)
            case RetryScheduled():
                self._sums["waited_ms"] += round(1000 * event.wait)
            case BatchSettled():
                self._sums["settled"] += event.items
            case _:
                pass

    def step(self, step: Progress) -> None:
        """The progress callback of a job: in the phase "waiting" it pauses."""
        self._end_pause()
        if step.phase == "waiting":
            self._paused_since = time.monotonic()
        if self._progress is not None:
            self._progress(step)

    def take(self) -> dict[str, int]:
        """What came together since this was last asked: requests, items, and times in milliseconds."""
        if self._paused_since is not None:
            self._end_pause()
            self._paused_since = time.monotonic()
        now = time.monotonic()
        sums, self._sums = self._sums, Counter()
        lasted, self._since = round(1000 * (now - self._since)), now
        return {"lasted_ms": lasted, **sums}

    def _end_pause(self) -> None:
        if self._paused_since is not None:
            self._sums["paused_ms"] += round(1000 * (time.monotonic() - self._paused_since))
            self._paused_since = None
