"""When a list has ended: what lone, short and empty pages prove, and when they do not."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Ending", "Tail"]

#: Pages between two looks for an end that may run away, where pages are cut short.
CUT_PAGES = 8
#: Pages before the first look for such an end amid full pages, of a size below TINY and of others.
TINY_PAGES, PAGES = 64, 1024
TINY = 10
#: So often a moving end is aimed at, before it is taken as it is.
TRIES = 16


class Tail(NamedTuple):
    """An accepted page with nothing new: its offset, the position of its last record, and the ids it shows."""

    offset: int
    end: int
    ids: tuple[str, ...]

    def same_as(self, other: Tail | None) -> bool:
        """True if the other page shows the same records at the same positions, whatever their order."""
        return other is not None and self[:2] == other[:2] and set(self.ids) == set(other.ids)


class Ending:
    """The search for the end, which is proven in one of three ways.

    A lone record that is known: no page but the last has only one. It is looked for where the last record should stand,
    and an empty answer, or the same record once more, must follow it.

    Where records of one time change their order, or all pages have one record, a lone one proves nothing: there the
    same page must be seen before and after an empty answer one past it.

    Where records are added at the end as fast as they are read: the list was empty from `line` on when somebody
    looked; in a page that was asked for afterwards the last record yielded stood `left + 1` below that; so once more
    than `left` further records are yielded, all that stood there then are, and the list grew.
    """

    def __init__(self, *, appends: bool) -> None:
        self.tail: Tail | None = None
        self._appends = appends
        self._seen: tuple[int, int] | None = None
        self._rate = 0
        self._tries = 0
        self._since_look = 0
        self._reach = 0
        self._far_looks = 0
        self._line: int | None = None
        self._left: int | None = None
        self._unsure = False
        self._whole = False

    @property
    def lone(self) -> str | None:
        """The record that stood alone in the last page."""
        return self.tail.ids[0] if self.tail is not None and len(self.tail.ids) == 1 else None

    @property
    def restless(self) -> bool:
        """True if the end never held still, so that it was not proven."""
        return self._tries > TRIES

    @property
    def outgrown(self) -> bool:
        """True if more records were yielded than stood in the list when it was seen to end."""
        return self._left is not None and self._left < 0

    @property
    def outrun(self) -> bool:
        """True if the list was outgrown, though its records may have been added anywhere."""
        return self.outgrown and (self._unsure or not self._appends)

    def added(self, new: int) -> None:
        """A page held `new` new records."""
        self._since_look += 1
        if self._left is not None:
            self._left -= new
        self.tail = self._seen = None
        self._tries = 0
        self._whole = False

    def hides(self, ties: int, half: int, *, whole: bool) -> bool:
        """A page with nothing new shows the end: whether there may be more in the tie group, which it shows a part of.

        A service that keeps no order in the group may show known records last, and others before them. So the group,
        of which `ties` records are known, must be seen `whole` once, if it fits into `half` a page; of a larger one the
        order is compared.
        """
        self._whole = self._whole or whole
        return 1 < ties < half and not self._whole

    def stayed(self, tail: Tail, *, lone_is_last: bool) -> bool:
        """A page held nothing new, and may be the end: True if it is proven to be."""
        before, lone, self.tail = self.tail, self.lone, tail
        if lone_is_last:
            return lone == tail.ids[-1]
        return self._line == tail.end + 1 and tail.same_as(before)

    def aim(self, end: int, judged: int) -> tuple[int, ...]:
        """Where to look for the last record alone, and one past it.

        It was seen at the position `end`, in the answer number `judged`; if it moves, it should be where it is heading.
        """
        if self._seen and judged > self._seen[1]:
            self._rate = round((end - self._seen[0]) / (judged - self._seen[1]))
            self._tries += 1
        self._seen = (end, judged)
        return (max(0, end + self._rate),) if self._rate else (end, end + 1)

    def missed(self) -> int | None:
        """The last record was not where it was headed: where to look instead; None if it was not heading up."""
        if not self._seen or self._rate <= 0:
            return None
        self._rate = 0
        self._tries += 1
        return self._seen[0]

    def ended_at(self, offset: int) -> None:
        """The list was empty at `offset`."""
        self._line = offset
        self._left = None
        self._reach = 0
        self._tries += 1

    def went_on(self) -> None:
        """The list was not empty where somebody looked for its end: look further on the next time."""
        self.tail = None
        self._reach = 2 * self._reach + 1

    def sighted(self, position: int, expected: int) -> None:
        """A page with new records showed the last record yielded at `position`; it was `expected` where it stood."""
        if self._line is None or self._left is not None:
            return
        # records may have been added before it since somebody looked, or removed
        left = max(0, self._line - 1 - min(position, expected))
        self._left = 2 * left if self._unsure else left

    def look(self, end: int, new: int, *, cut: bool) -> int | None:
        """Where to look for an end that runs away, after a short page with `new` records that ended at position `end`.

        None: not now. Each look reaches further than the one before it.
        """
        if self._left is not None or (cut and self._since_look < CUT_PAGES):
            return None
        self._since_look = 0
        self._unsure = cut
        return end + 1 + max(2 * new, self._reach)

    def look_far(self, end: int, size: int) -> int | None:
        """The same after a full page of `size` records: each time after twice as many pages, and twice as far on."""
        patience = TINY_PAGES if size < TINY else PAGES
        if self._left is not None or self._since_look < patience << self._far_looks:
            return None
        self._since_look = 0
        self._far_looks += 1
        self._unsure = True
        return (end + 1) << self._far_looks
