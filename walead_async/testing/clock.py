"""The emulator's clock: a time that moves only as records are made."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

__all__ = ["Clock", "as_text", "milliseconds"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def milliseconds(at: datetime) -> int:
    """An aware time as whole milliseconds since 1970."""
    return (at - EPOCH) // timedelta(milliseconds=1)


def as_text(created: int) -> str:
    """Milliseconds since 1970 as the services write a time: `2024-01-01T00:00:00.000Z`."""
    return (EPOCH + timedelta(milliseconds=created)).isoformat(timespec="milliseconds")[:-6] + "Z"


class Clock:
    """Hands out the `createdAt` of each new record: `ties` in a row share one, then it moves on by `step` seconds."""

    def __init__(self, start: datetime, *, step: float, ties: int) -> None:
        self.now = milliseconds(start)
        self.step = step
        self.ties = ties
        self._given = 0

    def next(self) -> int:
        """The time of one more record, in milliseconds since 1970."""
        if self._given >= self.ties:
            self.advance(self.step)
        self._given += 1
        return self.now

    def advance(self, seconds: float) -> None:
        """Move on; a negative number moves back, as a stepped clock does."""
        self.now += round(seconds * 1000)
        self._given = 0

    def resume(self, now: int) -> None:
        """Go on behind a record that was made at `now`, in milliseconds since 1970."""
        self.now = now
        self._given = self.ties

    def set(self, at: datetime) -> None:
        """Let the next record have this time, which must be aware."""
        self.now = milliseconds(at)
        self._given = 0
