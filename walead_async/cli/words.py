"""What is written for people: one line each on stderr, with nothing in it that could steer a terminal."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

__all__ = ["one_line", "say", "visible", "whereabouts"]


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
