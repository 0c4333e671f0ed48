"""Whether a bulk call can be made with what it was given."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable, Mapping, Sized
from typing import get_args

from walead_async.bulk.operation import Verify
from walead_async.errors import InvalidInputError

__all__ = ["check_call"]

VERIFY = get_args(Verify)


def check_call(items: object, batch_size: object, verify: object) -> None:
    """Raise `InvalidInputError` if a bulk call cannot be made with these arguments."""
    if not isinstance(items, (list, tuple)):
        _check_source(items)
    elif not items:
        raise InvalidInputError("a bulk call takes at least one item, and this list is empty")
    if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
        raise InvalidInputError(f"batch_size is a whole number of at least 1, not {batch_size!r}")
    if verify not in VERIFY:
        raise InvalidInputError(f"verify is one of {', '.join(VERIFY)}, not {verify!r}")


def _check_source(items: object) -> None:
    if isinstance(items, (str, bytes, bytearray, memoryview, Mapping)):
        kind = type(items).__name__
        raise InvalidInputError(f"a bulk call takes a list of items, not a single {kind}: put it into a list")
    if not isinstance(items, (Iterable, AsyncIterable)):
        raise InvalidInputError(
            f"a bulk call takes a list, a generator or another iterable, not {type(items).__name__}"
        )
    if isinstance(items, Sized) and not len(items):
        raise InvalidInputError("a bulk call takes at least one item, and this list is empty")
