"""Runs one subject here and prints what it used: `python -m benchmarks.subject NAME URL WORK [OPTION=N ...]`."""

from __future__ import annotations

import asyncio
import json
import sys

from benchmarks import subjects
from benchmarks.clock import Clock


def main(name: str, url: str, work: str, *options: str) -> None:
    """Run the subject, and print one JSON object."""
    clock = Clock()
    arguments = {option: int(number) for option, _, number in (text.partition("=") for text in options)}
    done = asyncio.run(getattr(subjects, name)(url, int(work), clock, **arguments))
    print(json.dumps({"done": done, "seconds": clock.seconds, "cpu": clock.cpu, "growth": clock.growth}))


if __name__ == "__main__":
    main(*sys.argv[1:])
