"""Is this person blocked: by searches or by the list, and absence is never a guess."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import attrs

from walead_async.errors import InvalidInputError, PaginationError
from walead_async.identifiers import is_own_id, public_identifier
from walead_async.models import Completeness
from walead_async.paging.paginator import Reading
from walead_async.paging.reader import START, UNLIMITED, looks_full

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence

    from walead_async.models import BlockedLead
    from walead_async.paging.listing import PageSource
    from walead_async.transport.messages import Response

__all__ = ["READ_TO_ITS_END", "Lookup", "Search", "SearchManners", "key_of", "records_of"]


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


WINDOW = 8
#: So many requests before it shall stop, the list is read one at a time. It holds twice the window by then, and each of
#: these may show that a page between was passed over, so that one request more is needed.
RESERVE = 2 * WINDOW
#: Up to so many requests, it is read so from the start: reading ahead goes on beyond the end of a short list.
FEW = 64


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
        source = self._pages(key)
        answer = await source.fetch(0, lane=source, patient=False)
        records = source.records(answer.body)
        for lead in records:
            if lead.public_identifier == key:
                self._manners.meet(lead)
                return lead
        search = self._began(source, key, answer, records)
        while search.promising:
            await search.step()
        if not search.found:
            await self._see_whether_case_matters([key])
        while not search.found and self._is_of_use(key, search):
            await search.step()
        if search.found:
            return search.found[0]
        if self._proven(key, search):
            return None
        found = (await self._listed([key]))[key]
        return found[0] if found else None

    async def find_any(self, keys: Collection[str]) -> dict[str, tuple[BlockedLead, ...]]:
        """Records of each person, at least one if there are any; () only if it is proven that there is none.

        The list and the searches are read by turns: before each round of searches the list is read by as many requests,
        and it never begins anew. So both together make at most twice the requests of the way that settles everybody
        first. Where searches have ended and prove no absence, the rest of the list is read; the one look at how the
        service searches is paid for by what of it was read before.
        """
        if len(keys) == 1:
            (key,) = keys
            lead = await self.find(key)
            return {key: (lead,) if lead else ()}
        found: dict[str, tuple[BlockedLead, ...]] = dict.fromkeys(keys, ())
        whole = WholeList(self._pages(None), self._manners, found)
        try:
            if not await self._by_turns(found, whole):
                await whole.read_to_its_end()
        finally:
            await whole.aclose()
        return found

    async def records(self, keys: Collection[str]) -> dict[str, tuple[BlockedLead, ...]]:
        """Every record of each person; () only if it is proven that there is none.

        A search that minds case may show one record of a person and hide another, so that it is used only once it is
        seen not to, and for few people.
        """
        proves = self._manners.proves
        if len(keys) <= self._concurrency and (self._manners.minds_case is None or all(map(proves, keys))):
            found: dict[str, tuple[BlockedLead, ...]] = dict.fromkeys(keys, ())

            async def search(key: str) -> None:
                found[key] = await self._search_to_the_end(key)

            await self._several_at_once(search, keys)
            await self._see_whether_case_matters(keys)
            if all(map(proves, keys)):
                return found
        return await self._listed(keys, every=True)

    async def _search(self, key: str) -> Search:
        """A search for this key: its first page."""
        source = self._pages(key)
        answer = await source.fetch(0, lane=source, patient=False)
        return self._began(source, key, answer, source.records(answer.body))

    def _began(
        self, source: PageSource[BlockedLead], key: str, answer: Response, records: Sequence[BlockedLead]
    ) -> Search:
        search = Search(source, key, answer, records)
        if records:
            self._manners.meet((search.found or records)[0])
        return search

    async def _by_turns(self, found: dict[str, tuple[BlockedLead, ...]], whole: WholeList) -> bool:
        """Read the list and the searches by turns; True once everybody is found, or proven not to be there."""
        searches: dict[str, Search] = {}
        proven: set[str] = set()
        made, looked = 0, False
        undecided = list(found)

        async def ask(key: str) -> None:
            if key in searches:
                await searches[key].step()
            else:
                searches[key] = await self._search(key)

        while undecided:
            if await whole.read(made + len(undecided)):
                return True
            undecided = [key for key in undecided if not found[key]]
            await self._several_at_once(ask, undecided)
            for key in undecided:
                found[key] = searches[key].found
            made += len(undecided)
            missing = [key for key in undecided if not found[key]]
            if not looked and not all(searches[key].promising for key in missing):
                looked = True
                await self._see_whether_case_matters(missing)
            proven.update(key for key in missing if self._proven(key, searches[key]))
            undecided = [key for key in missing if self._is_of_use(key, searches[key])]
            searches = {key: searches[key] for key in undecided}
        return all(records or key in proven for key, records in found.items())

    def _is_of_use(self, key: str, search: Search) -> bool:
        """Whether to ask further: the next page may show the person, or the end would prove the absence."""
        return not search.over and (search.promising or self._manners.proves(key))

    def _proven(self, key: str, search: Search) -> bool:
        """Whether this search, which found nobody, proves that nobody is there."""
        return search.whole and self._manners.proves(key)

    async def _search_to_the_end(self, key: str) -> tuple[BlockedLead, ...]:
        """Every record that a search for this key finds."""
        reading = Reading(self._pages(key), window=WINDOW, start=START)
        found: tuple[BlockedLead, ...] = ()
        try:
            while (page := await reading.next()) is not None:
                self._manners.meet(page.records[0])
                found += records_of(key, page.records)
        finally:
            await reading.aclose()
        if reading.verdict not in READ_TO_ITS_END:
            raise _undecided(reading)
        return found

    async def _several_at_once(self, work: Callable[[str], Awaitable[None]], keys: Collection[str]) -> None:
        """Do this for each key, as many at once as is allowed. The first failure ends all of them."""
        waiting = iter(list(keys))

        async def go_on() -> None:
            for key in waiting:
                await work(key)

        if not keys:
            return
        workers = [asyncio.create_task(go_on()) for _ in range(min(self._concurrency, len(keys)))]
        try:
            await asyncio.wait(workers, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.wait(workers)
        failures = [error for worker in workers if not worker.cancelled() and (error := worker.exception())]
        if failures:
            raise failures[0]

    async def _see_whether_case_matters(self, keys: Iterable[str]) -> None:
        """Look a known record up in the other case, if that is not known and these keys need it: one request."""
        term = self._manners.to_look_up(keys)
        if term is not None:
            source = self._pages(term)
            response = await source.fetch(0, lane=source, patient=False)
            self._manners.looked_up(source.records(response.body))

    async def _listed(self, keys: Iterable[str], *, every: bool = False) -> dict[str, tuple[BlockedLead, ...]]:
        """Records of each key, from the whole list; at least one, or `every` one."""
        found: dict[str, tuple[BlockedLead, ...]] = dict.fromkeys(keys, ())
        whole = WholeList(self._pages(None), self._manners, found, every=every)
        try:
            await whole.read_to_its_end()
        finally:
            await whole.aclose()
        return found


class WholeList:
    """The whole list, read as far as it is asked for, once. What is looked for is put into `found`."""

    def __init__(
        self,
        source: PageSource[BlockedLead],
        manners: SearchManners,
        found: dict[str, tuple[BlockedLead, ...]],
        *,
        every: bool = False,
    ) -> None:
        self._reading = Reading(source, window=WINDOW, start=START)
        self._manners = manners
        self._found = found
        self._every = every
        self._hidden_before = manners.hidden

    async def read(self, requests: int) -> bool:
        """Go on until so many requests were made in all; True once everybody is found, or the end was seen.

        Raises `PaginationError` if the end was seen, and an absence stays undecided.
        """
        if requests >= FEW and await self._read(requests - RESERVE, ahead=True):
            return True
        return await self._read(requests, ahead=False)

    async def read_to_its_end(self) -> None:
        """Go on to the end, or until everybody is found. Raises as `read`."""
        await self._read(UNLIMITED, ahead=True)

    async def aclose(self) -> None:
        """End what is under way."""
        await self._reading.aclose()

    async def _read(self, requests: int, *, ahead: bool) -> bool:
        reading, found = self._reading, self._found
        while (page := await reading.next(ahead=ahead, most=requests)) is not None:
            self._manners.meet_listed(page.records)
            for lead in page.records:
                key = key_of(lead.public_identifier)
                if key in found:
                    found[key] += (lead,)
            if not self._every and all(found.values()):
                return True
        if not reading.ended:
            return False
        if self._hidden_before:
            self._manners.not_met()
        if reading.verdict not in READ_TO_ITS_END and not all(found.values()):
            raise _undecided(reading)
        return True


def _undecided(reading: Reading[BlockedLead]) -> PaginationError:
    return PaginationError(f"whether somebody is not blocked cannot be told from this list: {reading.why}")
