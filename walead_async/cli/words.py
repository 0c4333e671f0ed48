"""What is written for people: one line each on stderr, with nothing in it that could steer a terminal."""

from __future__ import annotations

import sys

__all__ = ["one_line", "say", "visible"]


def visible(text: str) -> str:
    """The text with its control characters spelled out: what the services or a file hold cannot steer a terminal."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


def one_line(text: str) -> str:
    """The text as one visible line."""
    return visible(" ".join(text.split()))


def say(text: str) -> None:
    """Write one line on stderr."""
    print(visible(text), file=sys.stderr, flush=True)
