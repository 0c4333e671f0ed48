"""Items whose answer leaves them open: gathered, so that one read-back settles many batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from walead_async.bulk.pieces import Piece

__all__ = ["ReadBack", "Unclear"]

#: So many clear answers in a row for each unclear batch so far show that unclear ones are rare.
CLEAR_FOR_EACH = 8


class ReadBack(NamedTuple):
    """What is asked at once: these pieces' keys."""

    keys: list[str]
    pieces: list[Piece]


class Unclear:
    """The pieces that wait for a read-back."""

    __slots__ = ("_clear_in_a_row", "_ever", "_pieces")

    def __init__(self) -> None:
        self._pieces: list[Piece] = []
        self._clear_in_a_row = 0
        self._ever = 0

    def __bool__(self) -> bool:
        return bool(self._pieces)

    def add(self, piece: Piece) -> None:
        """A piece was left open."""
        self._pieces.append(piece)
        self._ever += 1
        self._clear_in_a_row = 0

    def clear_answer(self) -> None:
        """Another piece was answered clearly."""
        self._clear_in_a_row += 1

    @property
    def rare(self) -> bool:
        """Whether waiting gathers nothing more: the answers have been clear for long, compared with before."""
        return bool(self._pieces) and self._clear_in_a_row >= CLEAR_FOR_EACH * self._ever

    def take(self) -> ReadBack:
        """All that wait, to be read back now."""
        pieces, self._pieces = self._pieces, []
        return ReadBack([key for piece in pieces for key in piece.keys], pieces)
