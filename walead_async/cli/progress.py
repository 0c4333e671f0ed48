"""A line on stderr that moves while something takes long."""

from __future__ import annotations

import asyncio
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from walead_async.cli.words import say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.progress import Progress, ProgressColumn

__all__ = ["progress", "staged_progress"]

#: What is done sooner than this needs no progress line. In seconds.
SOON = 1.0
#: Where stderr is no terminal, `staged_progress` writes so many lines.
STAGES = 4


@contextmanager
def progress(what: str, *, lines: bool = False) -> Iterator[Callable[[int], None]]:
    """Show how far something of unknown length is, on a terminal only; yield the function that is told of each step.

    `lines` says that it writes lines on stdout on the way: if they go to the same terminal, they are progress enough.
    """
    if not sys.stderr.isatty() or (lines and sys.stdout.isatty()):
        yield lambda steps: None
        return
    line = _Line(what, None)
    timer = asyncio.get_running_loop().call_later(SOON, line.show)
    try:
        yield line.advance
    finally:
        timer.cancel()
        line.hide()


@contextmanager
def staged_progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show from the start how much of `total` is done: a bar on a terminal, and elsewhere a line now and then."""
    if not sys.stderr.isatty():
        yield _Stages(what, total).advance
        return
    line = _Line(what, total)
    line.show()
    try:
        yield line.advance
    finally:
        line.hide()


class _Line:
    """Counts from the start, and shows the count once it is asked to."""

    def __init__(self, what: str, total: int | None) -> None:
        self._what = what
        self._total = total
        self._count = 0
        self._shown: Progress | None = None

    def show(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        columns: list[ProgressColumn] = [TextColumn("{task.description}")]
        if self._total is None:
            columns += [SpinnerColumn("line"), TextColumn("{task.completed:,}")]
        else:
            columns += [BarColumn(), TextColumn("{task.completed:,} of {task.total:,}")]
        self._shown = Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True)
        self._shown.add_task(self._what, total=self._total, completed=self._count)
        self._shown.start()

    def advance(self, steps: int) -> None:
        self._count += steps
        if self._shown is not None:
            self._shown.update(self._shown.task_ids[0], completed=self._count)

    def hide(self) -> None:
        if self._shown is not None:
            self._shown.stop()


class _Stages:
    """Says in plain lines how far it is, at each quarter of the way."""

    def __init__(self, what: str, total: int) -> None:
        self._what = what
        self._total = total
        self._count = 0
        self._stage = 0

    def advance(self, steps: int) -> None:
        self._count += steps
        stage = min(self._count * STAGES // self._total, STAGES)
        if stage > self._stage:
            self._stage = stage
            say(f"{self._what}: {self._count:,} of {self._total:,}")
