"""Processes of an application that take opt-outs, and what became of these."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from pathlib import Path

import orjson
from stores import stored

from walead_async import Outbox
from walead_async.jobs.delivery import Pace
from walead_async.testing import Emulator

ROOT = Path(__file__).parents[2]
WORKER = ROOT / "tests" / "support" / "outbox_worker.py"
KEY = "wk_secret_123"


class QuickOutbox(Outbox):
    """An outbox that does not wait for long."""

    pace = Pace(gather=0.01, look=0.05, take_over=0.1, first=0.02, most=0.1, refused_key=0.1)


class Worker:
    """One process, and what it said."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[list[str]] = []
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, path: str | Path, emulator: Emulator, name: str, how: str = "for-ever") -> Worker:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, WORKER, path, emulator.walead_url, KEY, name, how),
            stdout=asyncio.subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        return cls(process)

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            if line.endswith(b"\n"):  # the last one may be cut in two
                self.lines.append(line.decode().split())

    async def says(self, word: str) -> list[str]:
        """Wait for a line that begins with this word."""
        while not (found := [line for line in self.lines if line[0] == word]):
            assert self.process.returncode is None or not self._reading.done(), self.lines[-3:]
            await asyncio.sleep(0.01)
        return found[0]

    def taken(self) -> set[str]:
        """Who was answered with 202."""
        return {line[1] for line in self.lines if line[0] == "202"}

    async def kill(self) -> None:
        """kill -9, if it still runs."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.ended()

    async def ended(self) -> int:
        """Its exit code."""
        await self._reading
        return await self.process.wait()


def delivered(where: str) -> set[object]:
    return {key for (key,) in stored(where, "select key from optout where state = 'delivered'")}


def sent(emulator: Emulator, since: int = 0) -> set[str]:
    """Who stood in requests from this one on."""
    blocks = [request for request in emulator.requests[since:] if request.method == "POST"]
    return {
        lead["publicIdentifier"] for request in blocks for lead in orjson.loads(orjson.dumps(request.body))["leads"]
    }
