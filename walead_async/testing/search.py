"""Finding names in a long list: one text of all names, searched by the string search of the interpreter."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING

from walead_async.testing.settings import SearchMatch

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["SearchText"]

#: Stands before and after each name. A name that holds it could be found by a wrong text; by default none is taken.
MARK = "\0"


class SearchText:
    """An unchanging list of names that can be searched."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._texts: dict[bool, tuple[str, array[int]]] = {}

    def positions(self, wanted: str, match: SearchMatch, minds_case: bool) -> list[int]:
        """The positions of the names that match, in order."""
        if MARK in wanted:
            return []
        text, starts = self._text(minds_case)
        needle = wanted if minds_case else wanted.lower()
        if match is not SearchMatch.SUBSTRING:
            needle = MARK + needle
        if match is SearchMatch.WHOLE:
            needle += MARK
        found = []
        at = text.find(needle)
        while at >= 0:
            position = bisect_right(starts, at) - 1
            found.append(position)
            # The mark after this name is the mark before the next one.
            at = text.find(needle, starts[position + 1])
        return found

    def _text(self, minds_case: bool) -> tuple[str, array[int]]:
        """All names in one text, and where the mark before each stands; the last start is the closing mark."""
        if minds_case not in self._texts:
            names = self._names if minds_case else [name.lower() for name in self._names]
            starts = array("q", accumulate((len(name) + 1 for name in names), initial=0))
            self._texts[minds_case] = MARK + MARK.join(names) + MARK, starts
        return self._texts[minds_case]
