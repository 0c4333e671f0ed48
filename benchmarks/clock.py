"""What one subject used, measured in its own process: time, CPU and memory."""

from __future__ import annotations

import resource
import time
from pathlib import Path

PAGE_SIZE = resource.getpagesize()


def resident() -> int:
    """The resident size of this process now, in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_SIZE


def peak() -> int:
    """The largest resident size that this process ever had, in bytes, and not that of its parent."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split(maxsplit=1)[0]) * 1024


class Clock:
    """Started and stopped by the subject around its work; told of progress where memory growth is measured."""

    def __init__(self) -> None:
        self.seconds = self.cpu = 0.0
        self._began = self._cpu_began = 0.0
        self._before: int | None = None

    def start(self) -> None:
        """The work begins; what came before was preparation."""
        self._began, self._cpu_began = time.perf_counter(), time.process_time()

    def stop(self) -> None:
        """The work is done."""
        self.seconds, self.cpu = time.perf_counter() - self._began, time.process_time() - self._cpu_began

    def add(self, seconds: float, cpu: float) -> None:
        """A piece of the work was done by a process of its own, in this time."""
        self.seconds += seconds
        self.cpu += cpu

    def settled(self) -> None:
        """What is loaded and kept once is there, after a hundredth of the work: memory growth counts from here."""
        self._before = resident()

    @property
    def growth(self) -> int:
        """The peak resident size less that when the subject had settled, in bytes; 0 if it never said so."""
        return 0 if self._before is None else max(0, peak() - self._before)
