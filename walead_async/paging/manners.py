"""What a session has seen of how the service searches, and so what a search that finds nothing proves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from walead_async.identifiers import is_own_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from walead_async.models import BlockedLead

__all__ = ["SearchManners"]


@attrs.define
class SearchManners:
    """What one session has seen of the service's search. `minds_case` is None until it was seen.

    `known` is a record's identifier, as the service spells it, that can be looked up in the other case. `hidden` says
    that this was done, and showed nothing: it minds case if the record is still there, which a listing tells.
    """

    minds_case: bool | None = None
    known: str | None = None
    hidden: bool = False

    def meet(self, lead: BlockedLead) -> None:
        """Remember a record that exists, if its name can show whether case matters."""
        name = lead.public_identifier
        if self.known is None and name.isascii() and name.swapcase() != name and not is_own_id(name):
            self.known = name

    def meet_listed(self, records: Sequence[BlockedLead]) -> None:
        """The same of a page of the whole list, which may show that a record was hidden from a search."""
        self.meet(records[0])
        if self.hidden and any(lead.public_identifier == self.known for lead in records):
            self.minds_case, self.hidden = True, False

    def not_met(self) -> None:
        """The whole list does not hold the hidden record, so that it shows nothing."""
        if self.hidden:
            self.known, self.hidden = None, False

    def to_look_up(self, keys: Iterable[str]) -> str | None:
        """What to search for to see whether the absence of these keys can be proven; None if that would not tell."""
        if self.minds_case is not None or self.known is None or self.hidden or all(map(is_own_id, keys)):
            return None
        return self.known.swapcase()

    def looked_up(self, shown: Sequence[BlockedLead]) -> None:
        """The first page of that search."""
        if any(lead.public_identifier == self.known for lead in shown):
            self.minds_case = False
        elif shown:
            # It may stand on a later page, behind others whose names hold this one.
            self.known = None
        else:
            self.hidden = True

    def proves(self, key: str) -> bool:
        """Whether a search for this key that finds nothing proves that nobody is there.

        LinkedIn's own ids have one spelling only. That ASCII letters are found in either case says nothing of others.
        """
        return is_own_id(key) or (self.minds_case is False and key.isascii())
