"""On what a measurement was made: the date, the machine, and the versions."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

__all__ = ["Machine", "this_machine"]

LIBRARIES = (
    "walead_async",
    "aiohttp",
    "attrs",
    "cattrs",
    "click",
    "httpx",
    "multidict",
    "orjson",
    "pydantic",
    "tenacity",
    "uvloop",
    "yarl",
)


class Machine(NamedTuple):
    """The facts that a figure hangs on. `load` is how many processes wanted a CPU in the minute before."""

    date: str
    cpus: int
    processor: str
    system: str
    python: str
    load: float
    libraries: dict[str, str]

    def __str__(self) -> str:
        versions = ", ".join(f"{name} {version}" for name, version in self.libraries.items())
        return (
            f"{self.date} UTC, {self.cpus} CPUs ({self.processor}), load {self.load:.2f}, {self.system}, "
            f"Python {self.python}, {versions}"
        )


def this_machine() -> Machine:
    """The machine that this runs on, now."""
    return Machine(
        f"{datetime.now(UTC):%Y-%m-%d %H:%M}",
        os.cpu_count() or 1,
        _processor(),
        platform.system(),
        platform.python_version(),
        os.getloadavg()[0],
        {name: _version(name) for name in LIBRARIES},
    )


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "missing"


def _processor() -> str:
    """The processor's own name, as Linux tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
