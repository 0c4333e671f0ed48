"""The workspace's list in the same process, whole or searched, with every request counted."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from walead_async.models import BlockedLead
from walead_async.paging.listing import Listing
from walead_async.paging.lookup import Lookup, SearchManners
from walead_async.paging.seen import Dated
from walead_async.transport.messages import Response

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from walead_async.events import Event
    from walead_async.paging.seen import Memory

BEGAN = datetime(2024, 1, 1, tzinfo=UTC)


class LeadService:
    """A list of people in pages of `size`, `ties` of them blocked in the same second.

    A search finds a part of a name, or with `whole` all of it, and may mind case. `searched` holds the term of each
    request, None for one to the whole list.
    """

    def __init__(
        self, names: Iterable[str], *, size: int = 10, ties: int = 1, whole: bool = False, minds_case: bool = False
    ) -> None:
        self.leads = [
            BlockedLead(f"r{number}", name, None, BEGAN + timedelta(seconds=number // ties), "w")
            for number, name in enumerate(names)
        ]
        self.size = size
        self.whole = whole
        self.minds_case = minds_case
        self.page_size: int | None = None
        self.searched: list[str | None] = []
        self._shown: dict[str | None, list[BlockedLead]] = {None: self.leads}

    def lookup(self) -> Lookup:
        """A look-up by a session that knows nothing yet."""
        return Lookup(self.pages, SearchManners(), concurrency=8)

    def listing(self, term: str | None = None, *, window: int = 8) -> Listing[BlockedLead]:
        return Listing(self.pages(term), window=window)

    def pages(self, term: str | None) -> LeadPages:
        return LeadPages(self, term)

    def shown(self, term: str | None) -> list[BlockedLead]:
        if term not in self._shown:
            self._shown[term] = [lead for lead in self.leads if self._shows(lead.public_identifier, term or "")]
        return self._shown[term]

    def _shows(self, name: str, term: str) -> bool:
        if not self.minds_case:
            term, name = term.lower(), name.lower()
        return term == name if self.whole else term in name


class LeadPages:
    """Pages of the list, or of what a search leaves of it. The number of the request stands for its answer."""

    path = "/leads"
    paged = True
    observed = False
    concurrency = 8

    def __init__(self, service: LeadService, term: str | None) -> None:
        self._service = service
        self._term = term
        self._answers: dict[int, Sequence[BlockedLead]] = {}
        self.identity = f"leads {term}"
        self.filtered = term is not None

    @property
    def page_size(self) -> int | None:
        return self._service.page_size

    @page_size.setter
    def page_size(self, size: int) -> None:
        if not self.filtered:
            self._service.page_size = size

    def memory(self, date: datetime | None = None, ids: Iterable[str] = ()) -> Memory[BlockedLead]:
        return Dated(date=date, ids=ids)

    async def fetch(self, offset: int, *, lane: object, patient: bool) -> Response:
        service = self._service
        service.searched.append(self._term)
        number = len(service.searched)
        await asyncio.sleep(0)
        page = self._answers[number] = service.shown(self._term)[offset : offset + service.size]
        return Response(200, b"%d" % number + b" " * 100 * len(page))

    def records(self, body: bytes) -> Sequence[BlockedLead]:
        return self._answers[int(body)]

    def emit(self, event: Event) -> None:
        raise AssertionError("nobody listens")
