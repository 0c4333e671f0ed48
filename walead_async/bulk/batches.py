"""How large a batch may be: by count and by bytes, smaller after a 413, growing back slowly."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["BatchLimits", "Limit", "size_of"]

#: How many bytes of items one request takes at first: most servers take a body of a MiB.
MAX_BYTES = 900_000
#: A limit grows by this part of itself with each batch that filled it and went through.
GROWTH = 16


def size_of(wires: Sequence[bytes]) -> int:
    """How many bytes these items take in a request, with what separates them."""
    return sum(map(len, wires)) + len(wires)


class Limit(NamedTuple):
    """One limit: what was asked for, what it is now, and what is known: the most that went through, and the least that
    was too large (0: nothing was).
    """

    most: int
    now: int
    went_through: int = 0
    too_large: int = 0

    def lowered(self, refused: int) -> Limit:
        """After a request of the size `refused` was too large. If as much went through before, it was not this."""
        if refused <= self.went_through:
            return self
        least = min(refused, self.too_large) if self.too_large else refused
        return self._replace(now=max(1, min(self.now, refused // 2)), too_large=least)

    def grown(self, taken: int) -> Limit:
        """After a request of the size `taken` went through. It stays an eighth below what was too large."""
        limit = self._replace(went_through=taken) if taken > self.went_through else self
        highest = min(self.most, max(1, self.too_large * 7 // 8)) if self.too_large else self.most
        if taken * 8 < self.now * 7 or self.now >= highest:
            return limit
        return limit._replace(now=min(highest, self.now + max(1, self.now // GROWTH)))


class BatchLimits(NamedTuple):
    """How many items, and how many bytes of them, may go into one request."""

    items: Limit
    size: Limit

    @classmethod
    def starting_at(cls, batch_size: int, max_bytes: int = MAX_BYTES) -> BatchLimits:
        """The limits of a run that has sent nothing yet."""
        return cls(Limit(batch_size, batch_size), Limit(max_bytes, max_bytes))

    def after_too_large(self, items: int, size: int) -> BatchLimits:
        """After a 413 for a request of `items` items that made `size` bytes."""
        return BatchLimits(self.items.lowered(items), self.size.lowered(size))

    def after_success(self, items: int, size: int) -> BatchLimits:
        """After a request went through."""
        return BatchLimits(self.items.grown(items), self.size.grown(size))

    def hold(self, items: int, size: int) -> bool:
        """Whether so many items of so many bytes go into one request."""
        return items <= self.items.now and (size <= self.size.now or items == 1)

    def cut(self, wires: Sequence[bytes]) -> list[slice]:
        """Cut items, given as bytes, into batches that keep both limits. An item above the limit stands alone."""
        most, room = self.items.now, self.size.now
        cuts: list[slice] = []
        start = size = 0
        for index, wire in enumerate(wires):
            cost = len(wire) + 1
            if index > start and (index - start >= most or size + cost > room):
                cuts.append(slice(start, index))
                start, size = index, 0
            size += cost
        cuts.append(slice(start, len(wires)))
        return cuts
