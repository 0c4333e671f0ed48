"""A piece: items that stand in one request, taken from one batch or from several, and what is known of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from walead_async.bulk.outcomes import DONE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from walead_async.bulk.outcomes import Batch, End
    from walead_async.errors import WaleadError

__all__ = ["Piece", "Whole", "gathered"]


class Whole:
    """A refused piece that is tried in parts: if all of them go through, it was its size that was refused."""

    __slots__ = ("_parts", "items", "size")

    def __init__(self, piece: Piece, parts: int) -> None:
        self.items = len(piece)
        self.size = piece.size
        self._parts = parts

    def part_went_through(self) -> bool:
        """Another part went through. True if it was the last one, and none was refused."""
        self._parts -= 1
        return self._parts == 0


class Piece:
    """Items that are sent, or were sent, together.

    - `places` names them: batches with indexes in them.
    - `wires` are the items as JSON while they are at hand, `size` their bytes, later those of the request.
    - `error` is the last thing that was said of them, `sends` counts the requests that left them open.
    - `tried`: one of those may have been carried out; `absent`: a read-back since then showed that it was not.
    - `refused`: they were refused, and are read back only to see whether they are as wanted all the same.
    - `found` is their end if a read-back finds them as wanted, `reads` counts the read-backs that failed.
    - `suspect`: they are part of the batch that is bisected after a 5xx; `part_of`: of this refused piece.
    """

    __slots__ = (
        "_length",
        "absent",
        "error",
        "found",
        "part_of",
        "places",
        "reads",
        "refused",
        "sends",
        "size",
        "suspect",
        "tried",
        "wires",
    )

    def __init__(
        self, places: Sequence[tuple[Batch, Sequence[int]]], wires: Sequence[bytes] | None = None, size: int = 0
    ) -> None:
        self.places = places
        self.wires = wires
        self.sends = 0
        self.reads = 0
        self.size = size
        self.tried = False
        self.refused = False
        self.found = DONE
        self.suspect = False
        self.absent = False
        self.error: WaleadError | None = None
        self.part_of: Whole | None = None
        self._length = sum(len(indexes) for _, indexes in places)

    def __len__(self) -> int:
        return self._length

    @property
    def keys(self) -> Sequence[str]:
        """The keys of its items."""
        if len(self.places) == 1:
            batch, indexes = self.places[0]
            if len(indexes) == len(batch.keys):
                return batch.keys
        return [batch.keys[index] for batch, index in self]

    @property
    def items(self) -> list[object]:
        """Its items as given."""
        return [batch.items[index] for batch, index in self]

    def __iter__(self) -> Iterator[tuple[Batch, int]]:
        for batch, indexes in self.places:
            for index in indexes:
                yield batch, index

    def settle(self, end: End) -> None:
        """Give all its items the same end."""
        for batch, indexes in self.places:
            batch.settle(indexes, end)

    def cut(self, cuts: Iterable[slice]) -> list[Piece]:
        """Pieces of its items at these slices, with the same known of them."""
        if len(self.places) == 1:
            batch, indexes = self.places[0]
            pieces = [Piece(((batch, indexes[cut]),), self.wires and self.wires[cut]) for cut in cuts]
        else:
            members = list(self)
            pieces = [gathered(members[cut]) for cut in cuts]
        for piece in pieces:
            piece.knows_of(self)
        return pieces

    def knows_of(self, other: Piece) -> None:
        """Take over what is known of another piece, whose items these are."""
        self.sends, self.reads = other.sends, other.reads
        self.tried, self.absent = other.tried, other.absent
        self.suspect, self.error = other.suspect, other.error


def gathered(members: Sequence[tuple[Batch, int]]) -> Piece:
    """One piece of items from any batches."""
    places: list[tuple[Batch, list[int]]] = []
    for batch, index in members:
        if not places or places[-1][0] is not batch:
            places.append((batch, []))
        places[-1][1].append(index)
    return Piece(places)
