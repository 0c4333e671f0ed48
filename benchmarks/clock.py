"""What one subject used, measured in its own process: time, CPU and memory."""

from __future__ import annotations

import resource
import time
from pathlib import Path

PAGE_SIZE = resource.getpagesize()


def resident() -> int:
    """The resident size of this process now, in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_SIZE


class Clock:
    """Started and stopped by the subject around its work; told of progress where memory growth is measured."""

    def __init__(self) -> None:
        self.seconds = self.cpu = 0.0
        self._began = self._cpu_began = 0.0
        self._early: int | None = None

    def start(self) -> None:
        """The work begins; what came before was preparation."""
        self._began, self._cpu_began = time.perf_counter(), time.process_time()

    def stop(self) -> None:
        """The work is done."""
        self.seconds, self.cpu = time.perf_counter() - self._began, time.process_time() - self._cpu_began

    def progress(self, done: int, work: int) -> None:
        """So much of the work is done; after the first hundredth the memory in use is noted."""
        if self._early is None and done * 100 >= work:
            self._early = resident()

    @property
    def growth(self) -> int:
        """The peak resident size less that after the first hundredth of the work, in bytes."""
        if self._early is None:
            return 0
        return max(0, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - self._early)
