"""Lines on stdout: JSON for programs, words for people."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

import orjson

from walead_async.cli.words import visible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

__all__ = ["console", "let_go_of_streams", "write_json", "write_lines", "write_words"]

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
        return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:
        # Half of a surrogate pair, out of a broken argument: no JSON can hold it, so a ? stands in its place.
        return json.dumps(value, default=str, ensure_ascii=False).encode(errors="replace") + b"\n"
