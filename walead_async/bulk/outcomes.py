"""What is known of each item: stretches of the input that fill up with ends, and outcomes built when looked at."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, overload

from walead_async.models import Outcome, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from walead_async.errors import WaleadError
    from walead_async.events import BatchSettled

__all__ = ["DONE", "Batch", "End", "Outcomes", "count_statuses", "duplicate_of", "settled_event"]


class End(NamedTuple):
    """What became of an item; many items may share one."""

    status: Status
    detail: str | None = None
    error: WaleadError | None = None


NONE = dict.fromkeys(Status, 0)

#: The end of nearly every item.
DONE = End(Status.DONE)


def duplicate_of(first: int) -> End:
    """The end of an item whose key stood at the position `first` before."""
    return End(Status.DUPLICATE, f"repeats item {first + 1} of the input (index {first})")


class Batch:
    """A stretch of the input: the items of one batch, with those between them that cannot be sent.

    `first` is the position of its first item in the input, `keys` are the normalised items ("" for none), `ends` holds
    every end but a plain DONE, and `open` counts the items that have none yet.
    """

    __slots__ = ("ends", "first", "items", "keys", "open")

    def __init__(self, first: int, items: Sequence[object], keys: Sequence[str]) -> None:
        self.first = first
        self.items = items
        self.keys = keys
        self.ends: dict[int, End] = {}
        self.open = len(items)

    def settle(self, indexes: Sequence[int], end: End) -> None:
        """Give the items at these indexes, which have no end yet, their end."""
        self.open -= len(indexes)
        if end is not DONE:
            self.ends.update(dict.fromkeys(indexes, end))

    def outcome(self, index: int) -> Outcome:
        """The outcome of one item of a batch that has no open items."""
        status, detail, error = self.ends.get(index, DONE)
        return Outcome(self.items[index], self.keys[index], status, detail, error)

    def outcomes(self) -> Iterator[Outcome]:
        """The outcomes of all its items, in the order of the input."""
        return map(self.outcome, range(len(self.items)))

    def counts(self) -> dict[Status, int]:
        """How many of its items ended in each status, those left out that none did."""
        found = dict(Counter(end.status for end in self.ends.values())) if self.ends else {}
        done = len(self.items) - len(self.ends)
        if done:
            found[Status.DONE] = found.get(Status.DONE, 0) + done
        return found


def settled_event(path: str, batch: Batch) -> BatchSettled:
    """What hooks are told when every item of a batch has its end."""
    from walead_async.events import BatchSettled  # loaded where somebody listens

    return BatchSettled(path, len(batch.items), {status.value: count for status, count in batch.counts().items()})


class Outcomes(Sequence[Outcome]):
    """The outcomes of many batches, in the order of the input. Each is built when it is looked at."""

    def __init__(self, batches: Sequence[Batch]) -> None:
        self._batches = batches
        self._length = batches[-1].first + len(batches[-1].items) if batches else 0

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
        for batch in self._batches:
            yield from batch.outcomes()

    def __repr__(self) -> str:
        return f"<{self._length} outcomes>"

    def _at(self, position: int) -> Outcome:
        batch = self._batches[bisect_right(self._batches, position, key=_first) - 1]
        return batch.outcome(position - batch.first)


def _first(batch: Batch) -> int:
    return batch.first


def count_statuses(batches: Iterable[Batch]) -> dict[Status, int]:
    """How many items ended in each status, every status included."""
    found = NONE.copy()
    for batch in batches:
        for status, count in batch.counts().items():
            found[status] += count
    return found
