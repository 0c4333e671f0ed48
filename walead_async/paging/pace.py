"""How far apart pages are asked for, how many at once, and when a read that gets nowhere is given up."""

from __future__ import annotations

from walead_async.paging.lengths import OVERLAP
from walead_async.paging.unreadable import no_progress, one_a_page, same_page

__all__ = ["Pace", "Patience", "WayBack"]

#: Requests without progress after which a list cannot be read, and the same if every page has one record.
STUCK = 64
STUCK_ON_ONE = 8
#: After so many pages without a shift, half of it is reckoned with.
CALM = 8
UNLIMITED = 1 << 30


class Pace:
    """What recent pages say about the next ones: how long ties are, and how far records shift between two requests.

    `width` is how many requests are wise at once, `slack` how much further back than need be a page is asked for.
    """

    def __init__(self) -> None:
        self.width = UNLIMITED
        self.slack = 0
        self._calm = 0
        self._lap = OVERLAP

    def stride(self, size: int) -> int:
        """From the offset of one page of `size` records to that of the next, 0 if reading ahead is not worth while."""
        stride = size - min(self._lap, max(1, size // 2)) - self.slack
        return stride if stride >= max(1, size // 4) else 0

    def added(self, lap: int, size: int) -> None:
        """A page with new records was accepted, and the next one must overlap it by `lap`.

        An overlap of more than a quarter of a page is cheaper to ask for when it is needed than to plan for.
        """
        self.width = min(self.width * 2, UNLIMITED)
        if lap <= size // 4:
            self._lap = max(lap, OVERLAP, self._lap - max(1, self._lap // 8))

    def shifted(self, shift: int, size: int) -> None:
        """Records stood `shift` positions further down than expected: reckon with twice that for a while."""
        if shift > 0:
            self.slack = max(self.slack, min(2 * shift, shift + max(1, size // 4), 2 * size))
            self._calm = 0
            return
        self._calm += 1
        if self._calm == CALM:
            self.slack //= 2
            self._calm = 0

    def overshot(self) -> None:
        """A page held nothing new: it began further back than there was need for."""
        self.slack //= 2

    def refused(self) -> None:
        """A page began too far on: one request at a time, until pages are accepted again."""
        self.width = 1


class WayBack:
    """The search for an offset that is low enough, after a page was refused: step back, doubling, then bisect."""

    def __init__(self) -> None:
        self._low: int | None = None
        self._high: int | None = None
        self._step = 0
        self._leap = 0

    @property
    def searching(self) -> bool:
        """True between a refused page and the next one with new records."""
        return self._high is not None

    def refused(self, offset: int, step: int) -> int:
        """The page at `offset` began too far on: where to ask next, `step` further back at first."""
        self._high = offset
        self._leap = 0
        if self._low is not None and self._low < offset:
            return (self._low + offset) // 2
        self._low = None
        self._step = self._step * 2 or max(1, step)
        return max(0, offset - self._step)

    def walked(self, limit: int, size: int) -> int:
        """A page held nothing new, and `limit` is the last offset that joins it: where to ask next."""
        self._low = limit
        self._step = 0
        if self._high is None:
            # records were added before what was yielded, it cannot be known how many
            leap, self._leap = self._leap, self._leap * 2 or size
            return limit + leap
        return (limit + self._high) // 2 if self._high - limit > size else limit

    def found(self) -> None:
        """A page with new records was accepted."""
        self._low = self._high = None
        self._step = self._leap = 0


class Patience:
    """Counts requests without progress, and gives the read up when there are too many."""

    def __init__(self) -> None:
        self._judged = 0
        self._stuck = 0
        self._idle = 0
        self._walked: tuple[str, int] = ("", -1)
        self._repeats = 0

    @property
    def repeating(self) -> bool:
        """True if different offsets have led to the same last record, more than once."""
        return self._repeats > 1

    def added(self) -> None:
        """A page held new records."""
        self._stuck = self._idle = self._repeats = 0
        self._walked = ("", -1)

    def walked(self, last: str, end: int) -> None:
        """A page of known records ended in `last` at the position `end`. Walking on over them is progress."""
        if last == self._walked[0]:
            self._repeats += end != self._walked[1]
        elif end > self._walked[1]:
            self._stuck = 0
        self._walked = (last, end)

    def spend(self, longest: int, count: int) -> None:
        """One more request was judged. Raises `PaginationError` if there have been too many without progress."""
        self._judged += 1
        self._stuck += 1
        self._idle += 1
        if longest == 1 and (self._stuck >= STUCK_ON_ONE or self._judged > STUCK):
            raise one_a_page()
        if self._stuck < STUCK and self._idle < STUCK + 4 * count // max(longest, 1):
            return
        raise same_page(self._repeats) if self._repeats > self._stuck // 2 else no_progress(self._idle)
