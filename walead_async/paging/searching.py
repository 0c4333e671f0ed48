"""One search for one person, a request at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from walead_async.errors import InvalidInputError
from walead_async.identifiers import public_identifier
from walead_async.models import Completeness
from walead_async.paging.lengths import looks_full
from walead_async.paging.reading import Reading
from walead_async.paging.step import START

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from walead_async.models import BlockedLead
    from walead_async.paging.source import PageSource
    from walead_async.transport.messages import Response

__all__ = ["READ_TO_ITS_END", "Search", "key_of", "records_of"]

READ_TO_ITS_END = frozenset({Completeness.COMPLETE, Completeness.CHANGED})


class Search:
    """A search for one person, of which the first answer is here.

    `found` are records of the person. `promising`: others came in what seems to be a full page, so that the person may
    stand on the next one. `whole`: the end was seen, and nobody was found. `over`: there is nothing more to ask for.
    """

    __slots__ = ("_answer", "_key", "_reading", "_source", "found", "over", "promising", "whole")

    def __init__(
        self, source: PageSource[BlockedLead], key: str, answer: Response, records: Sequence[BlockedLead]
    ) -> None:
        self.found = records_of(key, records)
        self.whole = self.over = not records
        self.promising = False
        if records and not self.found:
            size = source.page_size
            self.promising = len(records) >= size if size else looks_full(len(records))
            self._source, self._key, self._answer = source, key, answer
            self._reading: Reading[BlockedLead] | None = None

    async def step(self) -> None:
        """One request more."""
        reading = self._reading
        if reading is None:
            reading = self._reading = Reading(self._source, window=1, start=START)
            reading.begin_with(self._answer)
            # what is here already
            await reading.next(ahead=False, most=1)
        page = await reading.next(ahead=False, most=reading.requests + 1)
        self.found = records_of(self._key, page.records) if page else ()
        self.promising = page is not None and not self.found
        self.over = reading.ended
        self.whole = reading.verdict in READ_TO_ITS_END


def records_of(key: str, records: Iterable[BlockedLead]) -> tuple[BlockedLead, ...]:
    """Those records that are of this person."""
    return tuple([lead for lead in records if lead.public_identifier == key or key_of(lead.public_identifier) == key])


def key_of(identifier: str) -> str:
    """The key of an identifier as the service spells it; it may hold what we would not send."""
    try:
        return public_identifier(identifier)
    except InvalidInputError:
        return identifier.lower()
