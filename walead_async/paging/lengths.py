"""How long the pages of a list are, and what follows from it."""

from __future__ import annotations

__all__ = ["OVERLAP", "Lengths", "looks_full"]

#: Records that an overlap has where dates differ: the last one, and the one below it.
OVERLAP = 2


class Lengths:
    """How long pages are, and whether a short one can be relied upon to be the last.

    It cannot, once a page shorter than the longest was followed by more records: the list grew meanwhile, or pages are
    cut short in its middle.
    """

    def __init__(self, *, appends: bool, longest: int = 0) -> None:
        self.longest = longest
        self._appends = appends
        self._first_page = 0
        self._short = False
        #: How many records were yielded when a short page was first followed by more, and pages with new ones since.
        self._followed_from: int | None = None
        self._pages_after = 0

    @property
    def constant(self) -> bool:
        """True as long as no short page was followed by more records."""
        return self._followed_from is None

    def cut(self, count: int) -> bool:
        """True if pages were cut short in the middle of the list, of which `count` records were yielded.

        Where new records stand at the end, few records a page after a short one mean that the list grew there.
        """
        if self._followed_from is None:
            return False
        after = count - self._followed_from
        return not self._appends or (after >= self.longest and after * 4 > self.longest * self._pages_after)

    def measured(self, size: int, count: int) -> None:
        """A page of `size` records came when `count` were yielded."""
        if size <= self.longest:
            return
        if count and self.longest:
            # the pages before were short ones, and were followed by more
            self._followed_from = min(self._first_page, self._followed_from or self._first_page)
        self.longest = size

    def added(self, size: int, before: int, new: int) -> None:
        """A page of `size` records held `new` new ones, after `before` that were yielded."""
        if self._short and self._followed_from is None:
            self._followed_from = before
        self._first_page = self._first_page or new
        self._short = size < self.longest
        self._pages_after += self._followed_from is not None

    def stayed(self) -> None:
        """A page held nothing new, and may be the end."""
        self._short = True

    @property
    def half(self) -> int:
        """Half a page: the most that two pages overlap by, so that the order of a large tie group can be compared."""
        return max(1, self.longest // 2)

    def overlap(self, trail: int, *, stable: bool | None) -> int:
        """How many records of a page the next one must begin with: the trailing tie group, and one below it.

        `trail` is how large the group is, `stable` whether its order can be trusted.
        """
        whole = trail + 1
        if whole <= self.half or stable is False:
            return whole
        return min(OVERLAP, self.half) if stable else self.half

    def resumed(self, wanted: int) -> int:
        """How many known records a resumed read begins with, of the `wanted` ones: the group of the last and one below.

        The rest of a page that was handed out in part is not known any more, and with it the order of that group. So
        the group is seen whole again where a page holds it and leaves room for something new.
        """
        return wanted if wanted < self.longest else min(wanted, self.half)


def looks_full(size: int) -> bool:
    """Whether a first page of `size` records looks like a full one: page sizes are round numbers."""
    return size >= 10 and size % 5 == 0
