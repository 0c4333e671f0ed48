"""What is printed: JSON for programs, words for people, progress on stderr."""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from rich.console import Console
    from rich.progress import Progress, ProgressColumn

__all__ = [
    "console",
    "let_go_of_streams",
    "one_line",
    "progress",
    "say",
    "staged_progress",
    "visible",
    "whereabouts",
    "write_json",
    "write_lines",
    "write_words",
]


def visible(text: str) -> str:
    """The text with its control characters spelled out: what the services or a file hold cannot steer a terminal."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


def one_line(text: str) -> str:
    """The text as one visible line."""
    return visible(" ".join(text.split()))


def say(text: str) -> None:
    """Write one line on stderr. If that takes none, the line is lost and nothing else: the exit code still tells."""
    with suppress(OSError):
        print(visible(text), file=sys.stderr, flush=True)


def whereabouts(error: Exception) -> str:
    """The class of an error and the line that raised it. Its text is left out: it might hold anything."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    if place is None:
        return type(error).__name__
    return f"{type(error).__name__} in {Path(place.tb_frame.f_code.co_filename).name}, line {place.tb_lineno}"


#: The width of tables where stdout is no terminal.
PIPE_WIDTH = 120


def write_json(values: Iterable[object]) -> None:
    """Write each value as one line of JSON, and let go of them at once: a reader may be waiting."""
    write_lines(map(_json_line, values))


def write_lines(lines: Iterable[bytes]) -> None:
    """Write whole lines, and let go of them at once."""
    sys.stdout.buffer.write(b"".join(lines))
    sys.stdout.buffer.flush()


def write_words(lines: Iterable[str]) -> None:
    """Write lines for people; what could steer a terminal is spelled out."""
    encoding = sys.stdout.encoding
    write_lines(f"{visible(line)}\n".encode(encoding, "backslashreplace") for line in lines)


def console(*, stderr: bool = False) -> Console:
    """A rich console: colours on a terminal only, and not where NO_COLOR is set."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, highlight=False, width=None if stream.isatty() else PIPE_WIDTH)


def let_go_of_streams() -> None:
    """Point what cannot be written to any more at nothing, so that the interpreter's last flush does not complain."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(nothing, stream.fileno())
    os.close(nothing)


def _json_line(value: object) -> bytes:
    try:
        import orjson

        return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:
        # Half of a surrogate pair, out of a broken argument: no JSON can hold it, so a ? stands in its place.
        return json.dumps(value, default=str, ensure_ascii=False).encode(errors="replace") + b"\n"


#: What is done sooner than this needs no progress line. In seconds.
SOON = 1.0
#: Where stderr is no terminal, `staged_progress` writes so many lines.
STAGES = 4


@contextmanager
def progress(what: str, *, lines: bool = False) -> Iterator[Callable[[int], None]]:
    """Show how far something of unknown length is, on a terminal only; yield the function that is told of each step.

    `lines` says that it writes lines on stdout on the way: if they go to the same terminal, they are progress enough.
    """
    if not sys.stderr.isatty() or (lines and sys.stdout.isatty()):
        yield lambda steps: None
        return
    line = _Line(what, None)
    import asyncio

    timer = asyncio.get_running_loop().call_later(SOON, line.show)
    try:
        yield line.advance
    finally:
        timer.cancel()
        line.hide()


@contextmanager
def staged_progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show from the start how much of `total` is done: a bar on a terminal, and elsewhere a line now and then."""
    if not sys.stderr.isatty():
        yield _Stages(what, total).advance
        return
    line = _Line(what, total)
    line.show()
    try:
        yield line.advance
    finally:
        line.hide()


class _Line:
    """Counts from the start, and shows the count once it is asked to."""

    def __init__(self, what: str, total: int | None) -> None:
        self._what = what
        self._total = total
        self._count = 0
        self._shown: Progress | None = None

    def show(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        columns: list[ProgressColumn] = [TextColumn("{task.description}")]
        if self._total is None:
            columns += [SpinnerColumn("line"), TextColumn("{task.completed:,}")]
        else:
            columns += [BarColumn(), TextColumn("{task.completed:,} of {task.total:,}")]
        self._shown = Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True)
        self._shown.add_task(self._what, total=self._total, completed=self._count)
        self._shown.start()

    def advance(self, steps: int) -> None:
        self._count += steps
        if self._shown is not None:
            self._shown.update(self._shown.task_ids[0], completed=self._count)

    def hide(self) -> None:
        if self._shown is not None:
            self._shown.stop()


class _Stages:
    """Says in plain lines how far it is, at each quarter of the way."""

    def __init__(self, what: str, total: int) -> None:
        self._what = what
        self._total = total
        self._count = 0
        self._stage = 0

    def advance(self, steps: int) -> None:
        self._count += steps
        stage = min(self._count * STAGES // self._total, STAGES)
        if stage > self._stage:
            self._stage = stage
            say(f"{self._what}: {self._count:,} of {self._total:,}")
