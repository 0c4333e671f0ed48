"""The results of items: chunks of the input that fill up with them, and outcomes built when they are looked at."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, overload

from walead_async.bulk.operation import NO_REMARKS
from walead_async.models import BulkReport, Outcome, Row, Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from walead_async.errors import WaleadError
    from walead_async.events import BatchSettled

__all__ = ["DONE", "Chunk", "Outcomes", "Result", "duplicate_of", "report_of", "settled_event"]


class Result(NamedTuple):
    """What became of an item; many items may share one."""

    status: Status
    detail: str | None = None
    error: WaleadError | None = None


NONE = dict.fromkeys(Status, 0)

#: The result of nearly every item.
DONE = Result(Status.DONE)
#: The ends of items that were not sent.
UNSENT = frozenset({Status.INVALID, Status.DUPLICATE, Status.NOT_SENT})


def duplicate_of(first: int) -> Result:
    """The result of an item whose key stood at the position `first` before."""
    return Result(Status.DUPLICATE, f"repeats item {first + 1} of the input (index {first})")


class Chunk:
    """Items that stand together in the input, with the result of each.

    `first` is the position of its first item in the input, `keys` are the normalised items ("" for none), `results`
    holds every result but a plain DONE, and `pending` counts the items that have none yet. `remarks`, by their indexes,
    end the details of items that were sent.
    """

    __slots__ = ("first", "items", "keys", "pending", "remarks", "results")

    def __init__(
        self, first: int, items: Sequence[object], keys: Sequence[str] = (), remarks: Mapping[int, str] = NO_REMARKS
    ) -> None:
        self.first: int = first
        self.items: Sequence[object] = items
        self.keys: Sequence[str] = keys
        self.remarks: Mapping[int, str] = remarks
        self.results: dict[int, Result] = {}
        self.pending: int = len(items)

    def resolve(self, indexes: Sequence[int], result: Result) -> None:
        """Give the items at these indexes, which have no result yet, this one."""
        self.pending -= len(indexes)
        if result is not DONE:
            self.results.update(dict.fromkeys(indexes, result))

    def outcome(self, index: int) -> Outcome:
        """The outcome of one item of a chunk without pending items."""
        status, detail, error = self.results.get(index, DONE)
        if self.remarks and index in self.remarks and status not in UNSENT:
            detail = "; ".join(filter(None, (detail, self.remarks[index])))
        item = self.items[index]
        if type(item) is Row:
            return Outcome(item.text, self.keys[index], status, detail, error, item.line or None)
        return Outcome(item, self.keys[index], status, detail, error)

    def outcomes(self) -> Iterator[Outcome]:
        """The outcomes of all its items, in the order of the input."""
        return map(self.outcome, range(len(self.items)))

    def counts(self) -> dict[Status, int]:
        """How many of its items ended in each status, those left out that none did."""
        found = dict(Counter(result.status for result in self.results.values())) if self.results else {}
        done = len(self.items) - len(self.results)
        if done:
            found[Status.DONE] = found.get(Status.DONE, 0) + done
        return found


def settled_event(path: str, chunk: Chunk) -> BatchSettled:
    """What hooks are told when every item of a chunk has its result."""
    from walead_async.events import BatchSettled  # loaded where somebody listens

    return BatchSettled(path, len(chunk.items), {status.value: count for status, count in chunk.counts().items()})


class Outcomes(Sequence[Outcome]):
    """The outcomes of many chunks, in the order of the input. Each is built when it is looked at."""

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        self._chunks = chunks
        self._length = chunks[-1].first + len(chunks[-1].items) if chunks else 0

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> Outcome: ...
    @overload
    def __getitem__(self, index: slice) -> list[Outcome]: ...
    def __getitem__(self, index: int | slice) -> Outcome | list[Outcome]:
        if isinstance(index, slice):
            return [self._at(position) for position in range(*index.indices(self._length))]
        position = index + self._length if index < 0 else index
        if not 0 <= position < self._length:
            raise IndexError(f"there are {self._length} outcomes, and none at {index}")
        return self._at(position)

    def __iter__(self) -> Iterator[Outcome]:
        for chunk in self._chunks:
            yield from chunk.outcomes()

    def __repr__(self) -> str:
        return f"<{self._length} outcomes>"

    def _at(self, position: int) -> Outcome:
        chunk = self._chunks[bisect_right(self._chunks, position, key=_first) - 1]
        return chunk.outcome(position - chunk.first)


def _first(chunk: Chunk) -> int:
    return chunk.first


def report_of(chunks: Sequence[Chunk]) -> BulkReport:
    """The report of a whole input."""
    counts = NONE.copy()
    for chunk in chunks:
        for status, count in chunk.counts().items():
            counts[status] += count
    return BulkReport(Outcomes(chunks), counts)
