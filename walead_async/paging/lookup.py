"""Which of these people are blocked now: by searches or by the list, and absence is never a guess."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import attrs

from walead_async.errors import InvalidInputError, PaginationError
from walead_async.identifiers import is_own_id, public_identifier
from walead_async.models import BlockedLead, Completeness
from walead_async.paging.listing import Listing

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from walead_async.paging.source import PageSource

__all__ = ["Lookup", "SearchManners", "key_of"]

#: Below so many people, the list is read a page at a time, so that not one request too many is made.
FEW = 64
WINDOW = 8

READ_TO_ITS_END = frozenset({Completeness.COMPLETE, Completeness.CHANGED})


@attrs.define
class SearchManners:
    """What one session has seen of the service's search. `minds_case` is None until it was seen.

    `known` is a record's identifier, as the service spells it, that can be looked up in the other case.
    """

    minds_case: bool | None = None
    known: str | None = None

    def meet(self, lead: BlockedLead) -> None:
        """Remember a record that exists, if its name can show whether case matters."""
        name = lead.public_identifier
        if self.known is None and name.isascii() and name.swapcase() != name and not is_own_id(name):
            self.known = name

    def proves(self, key: str) -> bool:
        """Whether a search for this key that finds nothing proves that nobody is there.

        LinkedIn's own ids have one spelling only. That ASCII letters are found in either case says nothing of others.
        """
        return is_own_id(key) or (self.minds_case is False and key.isascii())


class Lookup:
    """Looks people up in the workspace's list.

    `pages` gives the list as pages, or what a search for a term leaves of it; `concurrency` is how many searches are
    under way at once.
    """

    def __init__(
        self, pages: Callable[[str | None], PageSource[BlockedLead]], manners: SearchManners, *, concurrency: int
    ) -> None:
        self._pages = pages
        self._manners = manners
        self._concurrency = concurrency

    async def find(self, key: str) -> BlockedLead | None:
        """A record of this person, None only if it is proven that there is none."""
        found = await self._search(key)
        if not found and not await self._absence_is_proven([key]):
            found = (await self._listed([key]))[key]
        return found[0] if found else None

    async def find_any(self, keys: Collection[str]) -> dict[str, tuple[BlockedLead, ...]]:
        """Records of each person, at least one if there are any; () only if it is proven that there is none.

        The list is read first, but no further than the searches would cost; then the others are searched for. So it
        makes at most twice the requests of the cheaper way, and reads the list once more if somebody is absent and
        the service's search does not prove that.
        """
        if len(keys) == 1:
            (key,) = keys
            lead = await self.find(key)
            return {key: (lead,) if lead else ()}
        found: dict[str, tuple[BlockedLead, ...]] = dict.fromkeys(keys, ())
        if await self._read(found, requests=len(keys)):
            return found
        await self._search_all(found, [key for key, records in found.items() if not records])
        absent = [key for key, records in found.items() if not records]
        if absent and not await self._absence_is_proven(absent):
            found.update(await self._listed(absent))
        return found

    async def records(self, keys: Collection[str]) -> dict[str, tuple[BlockedLead, ...]]:
        """Every record of each person; () only if it is proven that there is none.

        A search that minds case may show one record of a person and hide another, so that it is used only once it is
        seen not to, and for few people.
        """
        if len(keys) <= self._concurrency:
            found: dict[str, tuple[BlockedLead, ...]] = dict.fromkeys(keys, ())
            await self._search_all(found, keys, every=True)
            if await self._absence_is_proven(keys):
                return found
        return await self._listed(keys)

    async def _search(self, key: str) -> tuple[BlockedLead, ...]:
        """Records that a search for this key finds: those on its first page, if there are any."""
        source = self._pages(key)
        response = await source.fetch(0, lane=source, patient=False)
        records = source.records(response.body)
        found = tuple(
            [lead for lead in records if lead.public_identifier == key or key_of(lead.public_identifier) == key]
        )
        if records and not found:
            # Others whose names hold this one came first: the person may stand on a later page.
            return await self._search_to_the_end(key)
        if found:
            self._manners.meet(found[0])
        return found

    async def _search_to_the_end(self, key: str) -> tuple[BlockedLead, ...]:
        """Every record that a search for this key finds."""
        listing = Listing(self._pages(key))
        found = tuple([lead async for lead in listing if key_of(lead.public_identifier) == key])
        if listing.verdict not in READ_TO_ITS_END:
            raise _undecided(listing)
        if found:
            self._manners.meet(found[0])
        return found

    async def _search_all(
        self, found: dict[str, tuple[BlockedLead, ...]], keys: Iterable[str], *, every: bool = False
    ) -> None:
        """Search for these keys, several at once; for `every` record of theirs, or for any."""
        waiting = iter(list(keys))
        search = self._search_to_the_end if every else self._search

        async def work() -> None:
            for key in waiting:
                found[key] = await search(key)

        workers = [asyncio.create_task(work()) for _ in range(min(self._concurrency, len(found)))]
        try:
            await asyncio.wait(workers, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.wait(workers)
        failures = [error for worker in workers if not worker.cancelled() and (error := worker.exception())]
        if failures:
            raise failures[0]

    async def _absence_is_proven(self, keys: Iterable[str]) -> bool:
        """Whether searches that found nothing prove that nobody with these keys is there."""
        manners = self._manners
        if manners.minds_case is None and manners.known is not None and not all(map(is_own_id, keys)):
            await self._see_whether_case_matters(manners.known)
        return all(map(manners.proves, keys))

    async def _see_whether_case_matters(self, name: str) -> None:
        """Look a known record up in the other case, once in a session."""
        if await self._shows(name.swapcase(), name):
            self._manners.minds_case = False
        elif await self._shows(name, name):
            self._manners.minds_case = True
        else:
            # It is gone, so that it shows nothing.
            self._manners.known = None

    async def _shows(self, term: str, name: str) -> bool:
        listing = Listing(self._pages(term))
        async for lead in listing:
            if lead.public_identifier == name:
                return True
        return False

    async def _listed(self, keys: Iterable[str]) -> dict[str, tuple[BlockedLead, ...]]:
        """Every record of each key, from the whole list. Raises `PaginationError` if an absence stays undecided."""
        found: dict[str, tuple[BlockedLead, ...]] = dict.fromkeys(keys, ())
        await self._read(found)
        return found

    async def _read(self, found: dict[str, tuple[BlockedLead, ...]], requests: int | None = None) -> bool:
        """Take from the list what is looked for; False if that was not done in so many requests."""
        window = 1 if requests is not None and requests < FEW else WINDOW
        listing = Listing(self._pages(None), window=window)
        loop = listing.pages()
        try:
            async for page in loop:
                self._manners.meet(page.records[0])
                for lead in page.records:
                    key = key_of(lead.public_identifier)
                    if key in found:
                        found[key] += (lead,)
                if requests is not None and (all(found.values()) or listing.requests > requests - 2 * window):
                    return all(found.values())
        finally:
            await loop.aclose()
        if listing.verdict not in READ_TO_ITS_END and not all(found.values()):
            raise _undecided(listing)
        return True


def key_of(identifier: str) -> str:
    """The key of an identifier as the service spells it; it may hold what we would not send."""
    try:
        return public_identifier(identifier)
    except InvalidInputError:
        return identifier.lower()


def _undecided(listing: Listing[BlockedLead]) -> PaginationError:
    return PaginationError(f"whether somebody is not blocked cannot be told from this list: {listing.why}")
