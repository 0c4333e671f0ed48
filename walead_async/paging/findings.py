"""What a read has found out about the list as a whole: how far it got, what moved, and what stays undecided."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from walead_async.paging.step import Mark

__all__ = ["EMPTIED", "GREW", "MOVED", "REMOVED", "Findings"]

REMOVED = "records that had been read were removed, so that a page began too far on"
EMPTIED = "every record that had been read was removed"
MOVED = "records that had been read stood at other positions"
GREW = "the list grew at its end while it was read"
UNJOINED = "a page did not join what had been read, in a list without a stated order: records may have been passed over"


class Findings:
    """Counts and positions of one read, and the first sign of a change and of a doubt, in words.

    `count` records were yielded. The last one stood at `position` when it was last seen, and was seen to move up by
    `risen` positions in all, which is what records do when others are added before them.
    """

    def __init__(self, start: Mark) -> None:
        self.count = start.yielded
        self.position = start.position
        self.risen = start.risen
        self.changed = start.changed
        self.doubt = start.doubt

    def note_change(self, what: str) -> None:
        """The list changed."""
        self.changed = self.changed or what

    def note_unjoined(self) -> None:
        """A page cannot be told to join what was read before."""
        self.doubt = self.doubt or UNJOINED

    def sighted(self, position: int, *, intact: bool, firm: bool) -> int:
        """The last record yielded stands at `position`, or would: by how much it has moved down.

        `intact` says that all records remembered stand there, `firm` that the position can be relied upon.
        """
        shift = self.position - position
        if shift or not intact:
            self.note_change(MOVED)
        if firm:
            self.risen += max(0, -shift)
        self.position = position
        return shift

    def too_far(self, *, appends: bool) -> str | None:
        """A doubt, if the list ends further on than the records yielded reach.

        Where new records stand at the end (`appends`), none should have been added before those that were yielded.
        """
        if self.position < self.count + (0 if appends else self.risen):
            return None
        return (
            f"the list ended at position {self.position + 1}, though {self.count} records were read: the others were"
            " added among those that had been read, or the service does not keep its order"
        )
