"""Programs that are only started: what an import, and `--help`, cost a new process."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.clock import Clock

__all__ = ["imported", "shown"]

#: The environment of a start: what is compiled once is kept, whatever this process was told.
ENVIRONMENT = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def imported(statement: str, work: int, clock: Clock) -> int:
    """Run an import statement in `work` new processes; the clock counts the import alone, not the interpreter's start.

    One more process goes first, so that all is compiled and in the disk's cache.
    """
    program = (
        "import time\n"
        "began, cpu_began = time.perf_counter(), time.process_time()\n"
        f"{statement}\n"
        "print(time.perf_counter() - began, time.process_time() - cpu_began)"
    )
    for run in range(1 + work):
        command = [sys.executable, "-c", program]
        answer = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=True)
        seconds, cpu = map(float, answer.stdout.split())
        if run:
            clock.add(seconds, cpu)
    return work


def shown(module: str, work: int, clock: Clock) -> int:
    """Run `python -m MODULE --help` `work` times; the clock counts the whole process. One more goes first."""
    helped = 0
    for run in range(1 + work):
        with tempfile.TemporaryFile() as output:
            began = time.perf_counter()
            # Not waited for by `subprocess`, which would not tell what this one process used.
            process = subprocess.Popen([sys.executable, "-m", module, "--help"], env=ENVIRONMENT, stdout=output)
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            output.seek(0)
            if process.returncode or not output.read().startswith(b"Usage:"):
                raise RuntimeError(f"{module} --help ended with {process.returncode}, or showed no help")
        if run:
            clock.add(time.perf_counter() - began, used.ru_utime + used.ru_stime)
            helped += 1
    return helped
