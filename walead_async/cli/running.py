"""Running a command's coroutine to its end, or to Ctrl-C."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

from walead_async.cli.codes import ExitCode
from walead_async.cli.words import say

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from types import FrameType

__all__ = ["carry_out"]

#: How long a command may take to stop by itself after Ctrl-C, in seconds; then the process ends where it stands.
GRACE = 1.5
SHOW_CURSOR = "\x1b[?25h"


def carry_out(work: Coroutine[object, object, int]) -> int:
    """Run the coroutine and return the exit code that it returns, or INTERRUPTED after Ctrl-C."""
    interrupt = _Interrupt()
    usual = signal.signal(signal.SIGINT, interrupt)
    try:
        return asyncio.run(interrupt.watch(work))
    except asyncio.CancelledError:
        if not interrupt.came:
            raise
        say("walead: interrupted")
        return ExitCode.INTERRUPTED
    finally:
        signal.signal(signal.SIGINT, usual)


class _Interrupt:
    """The first Ctrl-C cancels the command, and ends the process if that takes too long. The second ends it at once."""

    def __init__(self) -> None:
        self.came = False
        self._task: asyncio.Task[int] | None = None

    async def watch(self, work: Coroutine[object, object, int]) -> int:
        """Await the work in a task of its own, which is the one to cancel."""
        self._task = asyncio.ensure_future(work)
        return await self._task

    def __call__(self, number: int, frame: FrameType | None) -> None:
        task = self._task
        if self.came or task is None:
            _end_now()
        self.came = True
        task.get_loop().call_soon_threadsafe(task.cancel)
        # A thread, since the loop itself may be what does not return.
        timer = threading.Timer(GRACE, _end_now)
        timer.daemon = True
        timer.start()


def _end_now() -> NoReturn:
    """End the process without clean-up, but with the cursor visible that a progress line may have hidden."""
    cursor = SHOW_CURSOR if sys.stderr.isatty() else ""
    with suppress(OSError):
        # Past the buffers of `sys.stderr`: whoever was interrupted may hold their lock.
        os.write(2, f"{cursor}walead: interrupted\n".encode())
    os._exit(ExitCode.INTERRUPTED)
