"""Where the CPU time of this process goes: a timer interrupts it, and what it was doing then is written down.

The timer runs on CPU time. Between two interruptions lies some time of the kernel's, which the process's own account
tells apart, and some time of Python's, which goes to the innermost frame whose file has a place in `PLACES`. A call
into C counts for the Python function that made it; so JSON is called through functions of this file, and the parser
and the writer of aiohttp count for aiohttp.
"""

from __future__ import annotations

import resource
import signal
from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson

from benchmarks.clock import Clock

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["SampledClock", "place_of"]

#: How often, in seconds of CPU; most kernels interrupt only every 4 ms.
EVERY = 0.001

KERNEL = "the kernel"

#: What stands in the name of a file, and the place that it is; the first that fits holds. Files of no place, such as
#: most of the standard library, count for whoever called them.
PLACES = (
    ("benchmarks/sampler.py", "JSON (orjson)"),
    ("<attrs generated", "attrs"),
    ("/walead_async/transport/decode.py", "walead_async: records from JSON, checked"),
    ("/walead_async/bulk/", "walead_async: bulk"),
    ("/walead_async/paging/", "walead_async: paging"),
    ("/walead_async/transport/", "walead_async: transport"),
    ("/walead_async/", "walead_async: resources and values"),
    ("/aiohttp/", "aiohttp, yarl, multidict"),
    ("/yarl/", "aiohttp, yarl, multidict"),
    ("/multidict/", "aiohttp, yarl, multidict"),
    ("/frozenlist/", "aiohttp, yarl, multidict"),
    ("/aiosignal/", "aiohttp, yarl, multidict"),
    ("/propcache/", "aiohttp, yarl, multidict"),
    ("/aiohappyeyeballs/", "aiohttp, yarl, multidict"),
    ("/asyncio/", "asyncio and selectors"),
    ("/selectors.py", "asyncio and selectors"),
    ("/benchmarks/", "the calling program"),
)

_loads, _dumps = orjson.loads, orjson.dumps


def loads(body: bytes | bytearray | memoryview | str, /) -> Any:
    """`orjson.loads`, in a frame of its own."""
    return _loads(body)


def dumps(value: Any, /, default: Callable[[Any], Any] | None = None, option: int | None = None) -> bytes:
    """`orjson.dumps`, in a frame of its own."""
    return _dumps(value, default, option)


def place_of(filename: str) -> str | None:
    """The place of code from this file; None if it counts for its caller."""
    return next((place for part, place in PLACES if part in filename), None)


class SampledClock(Clock):
    """A clock that also says where the CPU time went, in seconds for each place."""

    def __init__(self) -> None:
        super().__init__()
        self.places: defaultdict[str, float] = defaultdict(float)
        self._known: dict[str, str | None] = {}
        self._seen = (0.0, 0.0)
        orjson.loads, orjson.dumps = loads, dumps

    def start(self) -> None:
        """The work begins, and the timer with it."""
        self._seen = _account()
        signal.signal(signal.SIGPROF, self._sample)
        signal.setitimer(signal.ITIMER_PROF, EVERY, EVERY)
        super().start()

    def stop(self) -> None:
        """The work is done."""
        super().stop()
        signal.setitimer(signal.ITIMER_PROF, 0)

    def _sample(self, number: int, frame: FrameType | None) -> None:
        user, kernel = _account()
        self.places[KERNEL] += kernel - self._seen[1]
        self.places[self._place(frame)] += user - self._seen[0]
        self._seen = (user, kernel)

    def _place(self, frame: FrameType | None) -> str:
        while frame is not None:
            filename = frame.f_code.co_filename
            if filename not in self._known:
                self._known[filename] = place_of(filename)
            if place := self._known[filename]:
                return place
            frame = frame.f_back
        return "Python itself"


def _account() -> tuple[float, float]:
    """The CPU time of this process so far: its own, and the kernel's for it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime, used.ru_stime
