"""What waits to be sent, and which of it goes next."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from walead_async.bulk.bisection import parts
from walead_async.bulk.pieces import Whole
from walead_async.errors import PayloadTooLargeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from walead_async.bulk.batches import BatchLimits
    from walead_async.bulk.decisions import Endings
    from walead_async.bulk.pieces import Piece

__all__ = ["Waiting"]


class Waiting:
    """Pieces in four heaps, which are served in this order, the last added first.

    Parts of a batch that is being bisected; pieces that are sent again, each for a retry token; refused batches, a
    token for each bisection; and first attempts, in the order of the input, which need none. An empty budget so stops
    the middle two, until other requests have earned new tokens.
    """

    __slots__ = ("_again", "_first", "_parts", "_refused", "_take_retry")

    def __init__(self, take_retry: Callable[[], bool]) -> None:
        self._take_retry = take_retry
        self._parts: list[Piece] = []
        self._again: list[Piece] = []
        self._refused: list[Piece] = []
        self._first: deque[Piece] = deque()

    def first_attempt(self, piece: Piece) -> None:
        """A piece that was never sent."""
        self._first.append(piece)

    def again(self, pieces: Iterable[Piece]) -> None:
        """Pieces that are sent again, each for a retry token."""
        self._again.extend(pieces)

    def refused(self, piece: Piece) -> None:
        """A piece of two or more items that was refused, and is to be bisected."""
        self._refused.append(piece)

    @property
    def first_attempts(self) -> int:
        """How many pieces wait that were never sent."""
        return len(self._first)

    def next(self, limits: BatchLimits) -> Piece | None:
        """The piece to send next, within these limits; None if none waits, or all that wait need a token."""
        if not self._parts and (self._again or self._refused) and self._take_retry():
            if self._again:
                return self._again.pop()
            refused = self._refused.pop()
            too_large = isinstance(refused.error, PayloadTooLargeError)
            self._parts = refused.cut(parts(len(refused), too_large=too_large))[::-1]
            whole = Whole(refused, len(self._parts))
            for part in self._parts:
                part.part_of = whole
        if self._parts:
            return self._parts.pop()
        return self._next_first_attempt(limits) if self._first else None

    def _next_first_attempt(self, limits: BatchLimits) -> Piece:
        piece = self._first.popleft()
        if limits.hold(len(piece), piece.size):
            return piece
        # The limits are lower than they were when this batch was cut.
        piece, *rest = piece.cut(limits.cut(piece.wires or ()))
        self._first.extendleft(reversed(rest))
        return piece

    def lone_item_elsewhere(self, endings: Endings) -> Piece | None:
        """The last item of a piece from a batch of which no single item was refused so far, to be tried alone."""
        for heap in (self._first, self._refused, self._parts):
            for place, piece in enumerate(heap):
                if endings.is_suspect(piece.places[0][0].first):
                    continue
                if len(piece) == 1:
                    del heap[place]
                    return piece
                heap[place], lone = piece.cut((slice(0, len(piece) - 1), slice(len(piece) - 1, len(piece))))
                return lone
        return None

    def take_all(self) -> list[Piece]:
        """Everything that waits; nothing is left."""
        pieces = [*self._parts, *self._again, *self._refused, *self._first]
        for heap in (self._parts, self._again, self._refused, self._first):
            heap.clear()
        return pieces
