"""The names of JSON's kinds of value, for messages."""

from __future__ import annotations

__all__ = ["json_kind"]

KINDS: dict[type, str] = {str: "text", int: "a number", float: "a number", list: "an array", dict: "an object"}


def json_kind(found: object) -> str:
    """What kind of JSON value this is, in words: "null", "text", "an object"..."""
    if found is None:
        return "null"
    if isinstance(found, bool):
        return "true or false"
    return KINDS.get(type(found), type(found).__name__)
