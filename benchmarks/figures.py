"""The arithmetic of the table: what a row comes to, from what its subjects used, and whether its gate holds."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from benchmarks.rows import Row

__all__ = ["BUSY", "Figure", "Served", "Used", "figure_of", "shortfall"]

#: A server that works for more than this part of the time may be what a row over wall time measures.
BUSY = 0.70


class Served(NamedTuple):
    """What the server has seen and used: since it began, or while one subject ran."""

    requests: int
    sent: int
    changed: int
    cpu: float

    def since(self, before: Served) -> Served:
        """What came after `before`."""
        return Served(
            self.requests - before.requests,
            self.sent - before.sent,
            self.changed - before.changed,
            self.cpu - before.cpu,
        )


class Used(NamedTuple):
    """What one run of a subject came to; times in seconds, memory in bytes."""

    done: int
    seconds: float
    cpu: float
    growth: int
    served: Served

    @property
    def server_load(self) -> float:
        """The part of the subject's time for which the server worked."""
        return self.served.cpu / self.seconds if self.seconds else 0.0


class Figure(NamedTuple):
    """What a row came to: the median ratio and all of them, or megabytes. `met` is None if no gate is judged."""

    value: float
    values: list[float]
    met: bool | None
    ours: float
    peer: float | None
    requests: int
    peer_requests: int | None
    server_load: float
    server_busy: bool


def figure_of(row: Row, ours: Sequence[Used], peers: Sequence[Used], *, judged: bool = True) -> Figure:
    """The figure of a row, from its runs in pairs; `peers` is empty for a row that has no peer."""
    mine, theirs = [_measured(row, used) for used in ours], [_measured(row, used) for used in peers]
    if row.peer is None:
        values = mine
    elif row.faster:
        values = [peer / own for own, peer in zip(mine, theirs, strict=True)]
    else:
        values = [own / peer for own, peer in zip(mine, theirs, strict=True)]
    value = statistics.median(values)
    load = max(used.server_load for used in (*ours, *peers))
    return Figure(
        value,
        values,
        _met(row, value) if judged else None,
        statistics.median(mine),
        statistics.median(theirs) if theirs else None,
        max(used.served.requests for used in ours),
        max(used.served.requests for used in peers) if peers else None,
        load,
        row.over_wall_time and load > BUSY,
    )


def shortfall(row: Row, used: Used, work: int) -> str | None:
    """What a subject left undone, by its own count or by the server's; None if it did all its work."""
    expected = row.done(work)
    if used.done != expected:
        return f"did {used.done} of {expected}"
    expected = work + row.warm_up
    if row.at_server == "reads" and used.served.sent < expected:
        return f"was sent {used.served.sent} of {expected} records"
    if row.at_server == "changes" and used.served.changed != expected:
        return f"had {used.served.changed} leads blocked, not {expected}"
    return None


def _met(row: Row, value: float) -> bool | None:
    if row.gate is None:
        return None
    return value >= row.gate if row.faster else value <= row.gate


def _measured(row: Row, used: Used) -> float:
    """What the row compares: seconds of wall time, seconds of CPU, or megabytes."""
    if row.measure == "MB":
        return used.growth / 1_000_000
    return used.cpu if "CPU" in row.measure else used.seconds
