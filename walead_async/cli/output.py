"""What is printed: JSON for programs, words for people, progress on stderr."""

from __future__ import annotations

import os
import sys
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from rich.console import Console

    from walead_async.events import Event
    from walead_async.jobs import Progress

__all__ = [
    "ProgressDisplay",
    "console",
    "count_of",
    "one_line",
    "progress",
    "release_streams",
    "say",
    "visible",
    "whereabouts",
    "write_json",
    "write_words",
]

#: The width of tables where stdout is no terminal.
PIPE_WIDTH = 120
SHOW_CURSOR = "\x1b[?25h"


def visible(text: str) -> str:
    """The text with its control characters spelled out: what the services or a file hold cannot steer a terminal."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


def one_line(text: str) -> str:
    """The text as one visible line."""
    return visible(" ".join(text.split()))


def count_of(number: int, thing: str) -> str:
    """A number with its noun: 1 item, 2 items."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def say(text: str) -> None:
    """Write one line on stderr. If that takes none, the line is lost and nothing else: the exit code still tells."""
    with suppress(OSError):
        print(visible(text), file=sys.stderr, flush=True)


def whereabouts(error: Exception) -> str:
    """The class of an error and the line that raised it. Its text is left out: it might hold anything."""
    from pathlib import Path

    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    if place is None:
        return type(error).__name__
    return f"{type(error).__name__} in {Path(place.tb_frame.f_code.co_filename).name}, line {place.tb_lineno}"


def write_json(values: Iterable[object]) -> None:
    """Write each value as one line of JSON, and let go of them at once: a reader may be waiting."""
    _write(map(_json_line, values))


def write_words(lines: Iterable[str]) -> None:
    """Write lines for people; what could steer a terminal is spelled out."""
    encoding = sys.stdout.encoding
    _write(f"{visible(line)}\n".encode(encoding, "backslashreplace") for line in lines)


def _write(lines: Iterable[bytes]) -> None:
    sys.stdout.buffer.write(b"".join(lines))
    sys.stdout.buffer.flush()


def _json_line(value: object) -> bytes:
    import orjson

    try:
        return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:
        import json

        # Half of a surrogate pair, out of a broken argument: no JSON can hold it, so a ? stands in its place.
        return json.dumps(value, default=str, ensure_ascii=False).encode(errors="replace") + b"\n"


def console(*, stderr: bool = False) -> Console:
    """A rich console: colours on a terminal only, and not where NO_COLOR is set."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, highlight=False, width=None if stream.isatty() else PIPE_WIDTH)


def release_streams() -> None:
    """Point what cannot be written to any more at nothing, so that the interpreter's last flush does not complain."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, stream.fileno())
            os.close(nothing)


#: What is done sooner than this shows no bar. In seconds.
SOON = 1.0
#: Where stderr is no terminal, a line is written this often. In seconds.
EVERY = 30.0
#: What is counted in each phase of a job.
COUNTED = {
    "reading": "rows read",
    "listing": "records listed",
    "comparing": "parts compared",
    "blocking": "items blocked",
    "unblocking": "records unblocked",
    "verifying": "records listed again",
}


@asynccontextmanager
async def progress(
    things: str, total: int | None = None, *, beside_lines: bool = False, every: float = EVERY
) -> AsyncIterator[ProgressDisplay]:
    """Show on stderr how many `things` ("records" or "items") are done: a bar on a terminal, elsewhere a line at times.

    Yields the hook that the session is to be opened with. `beside_lines` says that the command writes lines on stdout
    meanwhile: where both go to one terminal, they are progress enough.
    """
    import asyncio

    shown = ProgressDisplay(things, total)
    if not sys.stderr.isatty():
        showing = asyncio.ensure_future(shown.write_lines(every))
    elif not (beside_lines and sys.stdout.isatty()):
        showing = asyncio.ensure_future(shown.draw_bar())
    else:
        yield shown
        return
    try:
        yield shown
    finally:
        showing.cancel()
        await asyncio.wait([showing])


class ProgressDisplay:
    """How far a command is, as the events of its session tell, or the steps of a job."""

    def __init__(self, things: str, total: int | None) -> None:
        self._things = things
        self._total = total
        self._done = 0
        self._done_before = 0
        self._waits_for = self._idle = "its input"

    def __str__(self) -> str:
        of = "" if self._total is None else f" of {self._total:,}"
        return f"{self._done:,}{of} {self._things}"

    def __call__(self, event: Event) -> None:
        """The hook of a session."""
        from walead_async.events import BatchSettled, PageRead, RequestSent, ResponseReceived, RetryScheduled

        match event:
            case PageRead() if self._things == "records" and event.accepted:
                self._done += event.records
            case BatchSettled() if self._things == "items":
                self._done += event.items
            case RequestSent():
                self._waits_for = "an answer"
            case RetryScheduled():
                self._waits_for = f"attempt {event.attempt + 1}, {event.wait:.0f} s after {event.cause}"
            case ResponseReceived() if self._things != "records":
                self._waits_for = self._idle
            case _:
                pass

    def step(self, step: Progress) -> None:
        """The progress callback of a job."""
        if step.phase == "waiting":
            self._waits_for = step.detail or "the service"
            return
        things = COUNTED.get(step.phase, step.phase)
        if things != self._things:
            self._things, self._done_before = things, 0
            self._waits_for = self._idle = "its input" if step.phase == "reading" else "this machine"
        self._done, self._total = step.done, step.total

    async def write_lines(self, every: float) -> None:
        """Write a line on stderr every so many seconds, until cancelled."""
        import asyncio

        while True:
            await asyncio.sleep(every)
            rate = (self._done - self._done_before) / every
            say(f"walead: {self}, {rate:,.0f} a second; waits for {self._waits_for}")
            self._done_before = self._done

    async def draw_bar(self) -> None:
        """Show a bar on the terminal of stderr until cancelled, but not for what is done soon."""
        import asyncio

        await asyncio.sleep(SOON)
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar

        columns = (
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
        )
        with suppress(OSError), Bar(*columns, console=console(stderr=True), transient=True, auto_refresh=False) as bar:
            task = bar.add_task("", total=self._total)
            while True:
                waits = visible(f"{self._things}; waits for {self._waits_for}")
                bar.update(task, total=self._total, completed=self._done, description=waits, refresh=True)
                await asyncio.sleep(0.2)
