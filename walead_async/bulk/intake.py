"""From items to batches: normalise, find duplicates, cut."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from walead_async.bulk.batches import size_of
from walead_async.bulk.outcomes import Batch, End, duplicate_of
from walead_async.bulk.pieces import Piece
from walead_async.models import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from walead_async.bulk.batches import BatchLimits
    from walead_async.bulk.duplicates import FirstPositions
    from walead_async.bulk.operation import Operation

__all__ = ["Intake"]

#: A batch is sent although it is not full when it holds so many times as many items, duplicates and invalid ones.
MOSTLY_UNSENT = 4
#: How many items are taken at once, whatever the size of a batch: what a request holds is bounded in bytes, too.
PULLED = 5_000


class Intake:
    """Collects items until they fill a batch. What cannot be sent stays in its place between the others."""

    def __init__(self, operation: Operation, firsts: FirstPositions) -> None:
        self._operation = operation
        self._firsts = firsts
        self._position = 0
        self._items: list[object] = []
        self._keys: list[str] = []
        self._wires: list[bytes] = []
        self._size = 0
        # Of each wire, its item's index; of each item that cannot be sent, its end.
        self._sendable: list[int] = []
        self._ends: dict[int, End] = {}

    def __len__(self) -> int:
        """How many items are held here, in no batch yet."""
        return len(self._items)

    def missing(self, limits: BatchLimits) -> int:
        """How many more items the batch that is being filled takes; 0 if it is full."""
        most = limits.items.now
        if len(self._items) >= most * MOSTLY_UNSENT or self._size >= limits.size.now:
            return 0
        return min(PULLED, max(0, most - len(self._wires)))

    def add(self, items: Sequence[object]) -> None:
        """Take items from the source. Raises `WaleadError` if the duplicates cannot be kept track of."""
        keys, wires, invalid = self._operation.entries(items)
        held, start = len(self._items), self._position
        self._items.extend(items)
        self._keys.extend(keys)
        self._position += len(items)
        indexes: Sequence[int] = range(held, held + len(items))
        positions: Sequence[int] = range(start, start + len(items))
        if invalid:
            self._ends.update((held + at, End(Status.INVALID, str(why), why)) for at, why in invalid.items())
            valid = [at for at in range(len(items)) if at not in invalid]
            indexes, positions = [indexes[at] for at in valid], [positions[at] for at in valid]
            keys, wires = [keys[at] for at in valid], [wires[at] for at in valid]
        firsts = self._firsts.of(keys, positions)
        if firsts is positions:
            self._sendable.extend(indexes)
            self._wires.extend(wires)
            self._size += size_of(wires)
            return
        for index, wire, position, first in zip(indexes, wires, positions, firsts, strict=True):
            if first == position:
                self._sendable.append(index)
                self._wires.append(wire)
                self._size += len(wire) + 1
            else:
                self._ends[index] = duplicate_of(first)

    def take(self, limits: BatchLimits, *, everything: bool) -> list[tuple[Batch, Piece | None]]:
        """Cut what was collected into batches, each with the piece of it that is to be sent, None if nothing is.

        What is left after the last full batch stays here to be filled up, unless `everything` is asked for.
        """
        if not self._items:
            return []
        count = len(self._wires)
        cuts = [slice(0, count)] if limits.hold(count, self._size) else limits.cut(self._wires)
        edges = [0, *(self._sendable[cut.start] for cut in cuts[1:]), len(self._items)]
        if len(cuts) > 1 and not everything:
            del cuts[-1], edges[-1]
        taken = [self._batch(cut, *edge) for cut, edge in zip(cuts, pairwise(edges), strict=True)]
        self._drop(edges[-1], cuts[-1].stop)
        return taken

    def _batch(self, cut: slice, start: int, end: int) -> tuple[Batch, Piece | None]:
        first = self._position - len(self._items) + start
        batch = Batch(first, self._items[start:end], self._keys[start:end])
        wires = self._wires[cut]
        size = self._size if len(wires) == len(self._wires) else size_of(wires)
        if not self._ends:
            return batch, Piece(((batch, range(end - start)),), wires, size)
        for index in range(start, end):
            if index in self._ends:
                batch.settle((index - start,), self._ends[index])
        indexes = [index - start for index in self._sendable[cut]]
        return batch, Piece(((batch, indexes),), wires, size) if indexes else None

    def _drop(self, items: int, wires: int) -> None:
        """Forget the first items, which stand in batches now."""
        self._items, self._keys, self._wires = self._items[items:], self._keys[items:], self._wires[wires:]
        self._size = size_of(self._wires)
        self._sendable = [index - items for index in self._sendable[wires:]]
        self._ends = {index - items: end for index, end in self._ends.items() if index >= items}
