"""Cursors: a short text that says where a read stands, bound to one list, and checked when it comes back."""

from __future__ import annotations

import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime
from hashlib import blake2b
from typing import NamedTuple

import orjson

from walead_async.errors import InvalidInputError

__all__ = ["START", "Mark", "read_cursor", "write_cursor"]

VERSION = "w2."
#: Bytes of the digest that names the list, and of the one that checks the text.
DIGEST = 8
#: More than a cursor unpacks to, also amid a million records of one date.
MOST_BYTES = 100_000_000


class Mark(NamedTuple):
    """Where a read stands: what a cursor holds, and what a resumed read begins with.

    `date` and `ids` are what must be remembered of the records yielded; `offset` is where the next page begins,
    `position` where the last record stood; `yielded` records were, and the longest page had `longest`. `changed` and
    `doubt` say in words what is known so far against COMPLETE.
    """

    date: datetime | None
    ids: list[str]
    offset: int
    position: int
    yielded: int
    longest: int
    changed: str | None = None
    doubt: str | None = None


#: A read that has not begun.
START = Mark(date=None, ids=[], offset=0, position=-1, yielded=0, longest=0)


def write_cursor(mark: Mark, identity: str) -> str:
    """A mark as text, for the list of this identity (its path, sort and search)."""
    fields = [mark.date.isoformat() if mark.date else None, *mark[1:]]
    body = _digest(identity.encode()) + zlib.compress(orjson.dumps(fields))
    return VERSION + urlsafe_b64encode(body + _digest(body)).decode().rstrip("=")


def read_cursor(text: object, identity: str) -> Mark:
    """The mark that a cursor holds.

    Raises `InvalidInputError` if it is damaged, of another version, or was made for another list.
    """
    if not isinstance(text, str):
        raise InvalidInputError(f"resume takes the cursor of an earlier read, a text, not {type(text).__name__}")
    if not text.startswith(VERSION):
        raise InvalidInputError("resume is not a cursor of this version of walead_async: read the list from its start")
    try:
        packed = urlsafe_b64decode(text[len(VERSION) :] + "=" * (-(len(text) - len(VERSION)) % 4))
    except ValueError:
        packed = b""
    body, check = packed[:-DIGEST], packed[-DIGEST:]
    if len(packed) <= 2 * DIGEST or check != _digest(body):
        raise _damaged()
    if body[:DIGEST] != _digest(identity.encode()):
        raise InvalidInputError(
            "the cursor is of another list: it goes on only with the same path, sort and search it was made with"
        )
    return _mark(body[DIGEST:])


def _mark(packed: bytes) -> Mark:
    unpacker = zlib.decompressobj()
    try:
        fields = orjson.loads(unpacker.decompress(packed, MOST_BYTES))
        mark = Mark(datetime.fromisoformat(fields[0]) if fields[0] else None, *fields[1:])
    except (zlib.error, ValueError, TypeError, IndexError, KeyError):
        raise _damaged() from None
    numbers = (mark.offset, mark.position + 1, mark.yielded, mark.longest)
    texts = (mark.changed, mark.doubt)
    if (
        not all(type(number) is int and number >= 0 for number in numbers)
        or not isinstance(mark.ids, list)
        or not all(isinstance(text, str) for text in mark.ids)
        or not all(text is None or isinstance(text, str) for text in texts)
        or (mark.date and mark.date.tzinfo is None)
    ):
        raise _damaged()
    return mark


def _digest(text: bytes) -> bytes:
    return blake2b(text, digest_size=DIGEST).digest()


def _damaged() -> InvalidInputError:
    return InvalidInputError("the cursor is damaged: give it as it was, or read the list from its start")
