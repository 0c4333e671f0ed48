"""What is printed: JSON for programs, words for people, progress on stderr."""

from __future__ import annotations

import os
import sys
from contextlib import asynccontextmanager, suppress
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from rich.console import Console
    from rich.progress import Progress as Bar

    from walead_async.events import Event
    from walead_async.jobs import Progress

__all__ = [
    "ProgressDisplay",
    "console",
    "count_of",
    "error_words",
    "fitted",
    "in_options",
    "one_line",
    "progress",
    "release_streams",
    "say",
    "visible",
    "whereabouts",
    "write_json",
    "write_words",
]

#: On a terminal narrower than this, lines are not broken between words.
NARROWEST = 30
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
        _make_room(sys.stderr)
        print(fitted(visible(text), sys.stderr), file=sys.stderr, flush=True)


#: What the library calls by a Python name, and how the command line says it.
IN_OPTIONS = {
    "pass api_key, or set": "set",
    "pass uid, or set": "give --uid, or set",
    "the uid ": "the user id (--uid) ",
    "region '": "--region '",
    "the base URL ": "the base URL (--base-url) ",
    "try the other `sort`": "try walead list with the other --sort",
    "Go on later, from the listing's cursor": "Read it again later",
    "search is not proper": "--search is not proper",
    "proxy must be the URL": "--proxy must be the URL",
    "; proxy=False uses none": "; unset it to use none",
    "ssl takes an ssl.SSLContext or the path of a file": "--ca takes the path of a file",
    "is named with ssl=": "is named with --ca",
    "give the `id` of a blocked lead;": "give the id that walead list --json shows;",
    "by name or link, use unblock_identifiers": "by name or link, leave out --by id",
    "is unblocked by unblock_identifiers": "is unblocked by identifier or link, without --by id",
}


def in_options(text: str) -> str:
    """What the library says, with the options of the command line in place of Python's names."""
    for name, option in IN_OPTIONS.items():
        text = text.replace(name, option)
    return text


def error_words(error: Exception) -> str:
    """What an error says, in one line and in the words of the command line."""
    return in_options(one_line(str(error)))


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
    out = sys.stdout
    _write(f"{fitted(visible(line), out)}\n".encode(out.encoding, "backslashreplace") for line in lines)


def _columns(stream: IO[str]) -> int:
    """How wide a terminal is; 0 if it does not say."""
    try:
        return os.get_terminal_size(stream.fileno()).columns
    except OSError:
        return 0


def fitted(line: str, stream: IO[str], *, indent: int | None = None) -> str:
    """The line, broken between words where it is longer than the terminal is wide; elsewhere it stays one.

    What follows the first break is indented by `indent`, or else a little more than the line itself.
    """
    if len(line) <= NARROWEST or not stream.isatty():
        return line
    width = _columns(stream)
    if not NARROWEST <= width < len(line):
        return line
    from textwrap import wrap

    deeper = " " * (len(line) - len(line.lstrip()) + 4 if indent is None else indent)
    return "\n".join(wrap(line, width, subsequent_indent=deeper, break_on_hyphens=False))


def _write(lines: Iterable[bytes]) -> None:
    _make_room(sys.stdout)
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


#: The bar that stands on the terminal now.
_bar: Bar | None = None


def _make_room(stream: IO[str]) -> None:
    """Take the bar away, if this is about to be written to a terminal, which may be the bar's own."""
    global _bar
    if _bar is not None and stream.isatty():
        _bar.stop()
        _bar = None


def release_streams() -> None:
    """Point what cannot be written to any more at nothing, so that the interpreter's last flush does not complain."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, stream.fileno())
            os.close(nothing)


#: What a command waits for most of the time.
ANSWER = "an answer"
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
        # What a run of items has read of the list, to see who stands there.
        self._checks = False
        self._checked = 0
        self._answers = 0

    def __str__(self) -> str:
        of = "" if self._total is None else f" of {self._total:,}"
        return f"{self._done:,}{of} {self._things}"

    def __call__(self, event: Event) -> None:
        """The hook of a session."""
        from walead_async.events import BatchSettled, PageRead, RequestSent, ResponseReceived, RetryScheduled

        match event:
            case PageRead() if event.accepted:
                if self._things == "records":
                    self._done += event.records
                else:
                    self._checked += event.records
            case BatchSettled() if self._things == "items":
                self._done += event.items
                self._checks, self._checked, self._answers = False, 0, 0
            case RequestSent():
                self._waits_for = ANSWER
                self._checks = self._things == "items" and event.method == "GET"
            case RetryScheduled():
                self._waits_for = f"attempt {event.attempt + 1}, {event.wait:.0f} s after {event.cause}"
            case ResponseReceived() if self._checks and event.method == "GET":
                self._answers += 1
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

    def reached(self, done: int) -> None:
        """So many are done, of what no event tells."""
        self._done, self._waits_for = done, "the disk"

    @property
    def _doing(self) -> str:
        """What it does now: searches for people are told by the answers, a list that is read by its records."""
        waits = f"waits for {self._waits_for}"
        if not self._checks:
            return waits
        read = count_of(self._checked, "record") if self._checked else count_of(self._answers, "answer")
        return f"checking the list: {read}" + ("" if self._waits_for == ANSWER else f"; {waits}")

    async def write_lines(self, every: float) -> None:
        """Write a line on stderr every so many seconds, until cancelled."""
        import asyncio

        while True:
            await asyncio.sleep(every)
            rate = (self._done - self._done_before) / every
            say(f"walead: {self}, {rate:,.0f} a second; {self._doing}")
            self._done_before = self._done

    async def draw_bar(self) -> None:
        """Show a bar on the terminal of stderr until something else is written, but not for what is done soon."""
        import asyncio

        await asyncio.sleep(SOON)
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar

        global _bar
        columns = (
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
        )
        _bar = bar = Bar(
            *columns,
            console=console(stderr=True),
            transient=True,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        with suppress(OSError), bar:
            task, things = bar.add_task("", total=self._total), self._things
            try:
                while _bar is bar:
                    if things != self._things:
                        # the next phase of a job, whose total may not be known
                        bar.remove_task(task)
                        task, things = bar.add_task("", total=self._total), self._things
                    doing = visible(f"{self._things}; {self._doing}")
                    bar.update(task, total=self._total, completed=self._done, description=doing, refresh=True)
                    await asyncio.sleep(0.2)
            finally:
                _bar = None
