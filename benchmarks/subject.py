"""Runs one subject here and prints what it used: `python -m benchmarks.subject NAME URL WORK [OPTION=N ...]`.

Two options are for any subject: `uvloop=1` runs it on uvloop, `sampled=1` adds where its CPU time went.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from benchmarks import databases, durable, subjects
from benchmarks.clock import Clock
from benchmarks.sampler import SampledClock


def main(name: str, url: str, work: str, *options: str) -> None:
    """Run the subject, and print one JSON object."""
    given = {option: int(number) for option, _, number in (text.partition("=") for text in options)}
    on_uvloop, sampled = given.pop("uvloop", 0), given.pop("sampled", 0)
    clock = SampledClock() if sampled else Clock()
    with asyncio.Runner(loop_factory=_uvloop if on_uvloop else None) as runner:
        subject = getattr(subjects, name, None) or getattr(durable, name, None) or getattr(databases, name)
        done = runner.run(subject(url, int(work), clock, **given))
    used: dict[str, Any] = {"done": done, "seconds": clock.seconds, "cpu": clock.cpu, "growth": clock.growth}
    print(json.dumps(used | ({"places": clock.places} if isinstance(clock, SampledClock) else {})))


def _uvloop() -> asyncio.AbstractEventLoop:
    import uvloop

    return uvloop.new_event_loop()


if __name__ == "__main__":
    main(*sys.argv[1:])
