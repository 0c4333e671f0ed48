"""A list as it stood when it was read, part by part in a temporary file, and what a source and it have in common."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import attrs

from walead_async.jobs.parts import SEPARATOR, Spill

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from walead_async.jobs.targets import Target
    from walead_async.models import Completeness

__all__ = ["Compared", "Listed", "compare", "lines_by_key", "read_list"]


class Listed:
    """A list that was read: its lines in 64 parts, and whether it was read to its end."""

    def __init__(self, spill: Spill, verdict: Completeness, why: str | None, account: str | None) -> None:
        self._spill = spill
        self.verdict = verdict
        self.why = why
        self.account = account
        self.read_at: datetime = datetime.now(UTC)

    def __len__(self) -> int:
        return len(self._spill)

    def close(self) -> None:
        """Let the file go."""
        self._spill.close()

    def data(self, part: int) -> bytes:
        """The lines of one part, each with its end."""
        return self._spill.data(part)


async def read_list(
    target: Target, folder: Path | None, told: Callable[[int], object], *, whole: bool = True
) -> Listed:
    """Read a list; `told` is called with how many records were read so far. Without `whole`, lines are keys alone.

    The caller closes what this returns. Raises the errors of a listing, and `JournalError` where the disk is full.
    """
    listing = target.pages()
    spill = Spill(folder)
    try:
        async for page in listing.pages():
            if whole:
                spill.add(*target.lines(page.records))
            else:
                keys = target.keys(page.records)
                spill.add(keys, keys)
            if spill.full:
                await asyncio.to_thread(spill.write)
            told(len(spill))
    except BaseException:
        spill.close()
        raise
    return Listed(spill, listing.verdict, listing.why, target.account)


@attrs.frozen
class Compared:
    """One part of a source and of a list.

    `missing` are the keys of the source that the list has not, `both` counts those that it has, `reason_differs` those
    of them that stand there with another reason. `unwanted` are the lines of records that the source does not hold.
    """

    missing: list[bytes]
    both: int
    reason_differs: int
    unwanted: list[bytes]


def compare(wanted: Mapping[bytes, bytes], data: bytes, *, reasons: bool = True) -> Compared:
    """Compare one part of a source with the lines of the same part of a list, which end in reasons if `reasons`."""
    there = lines_by_key(data)
    missing = [key for key in wanted if key not in there]
    unwanted = [line for key, lines in there.items() if key not in wanted for line in lines.split(b"\n")]
    differ = 0
    if reasons:
        for key, reason in wanted.items():
            if reason and key in there and there[key].rpartition(SEPARATOR)[2] != reason:
                differ += 1
    return Compared(missing, len(wanted) - len(missing), differ, unwanted)


def lines_by_key(data: bytes) -> dict[bytes, bytes]:
    """The lines of a part by their keys, one below another where somebody has several records."""
    lines = data.split(b"\n")[:-1]
    if SEPARATOR not in data:
        return dict(zip(lines, lines, strict=True))
    keys = [line.partition(SEPARATOR)[0] for line in lines]
    found = dict(zip(keys, lines, strict=True))
    if len(found) < len(lines):
        found = {}
        for key, line in zip(keys, lines, strict=True):
            found[key] = found[key] + b"\n" + line if key in found else line
    return found
