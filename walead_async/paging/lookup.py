"""Who is blocked: by searches or by the list. Absence is proven, never guessed (docs/explanation/outcomes.md)."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, TypeVar

import attrs

from walead_async.errors import InvalidInputError, PaginationError
from walead_async.identifiers import plain_lines, public_identifier
from walead_async.models import Completeness
from walead_async.paging.cursor import START
from walead_async.paging.paginator import Paginator
from walead_async.paging.reader import Ask

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence

    from walead_async.models import BlockedLead
    from walead_async.paging.paginator import PageSource
    from walead_async.paging.reader import SecondLook

__all__ = [
    "READ_TO_ITS_END",
    "Lookup",
    "SearchCapabilities",
    "key_of",
    "keys_of",
    "public_identifiers",
    "read_to_its_end",
]

T = TypeVar("T")

READ_TO_ITS_END = frozenset({Completeness.COMPLETE, Completeness.CHANGED})
WINDOW = 8
FIRST = Ask(0)
#: So often a session looks whether the service's search can prove an absence, before it takes it that it cannot.
TRIES = 3
#: Names for which a search can prove an absence: others may be stored percent-encoded.
_searchable = re.compile(r"[A-Za-z0-9_-]+").fullmatch


async def read_to_its_end(source: PageSource[T], take: Callable[[Sequence[T]], object]) -> Completeness:
    """Give each page of a list to `take`, to the list's end: whoever was on none of them is absent.

    Returns COMPLETE or CHANGED, or INCOMPLETE if `take` returned True, which ends the read. Raises `PaginationError`
    where the answers leave it open whether that was the whole list, and the errors of any request.
    """
    # somebody will act upon an absence, so a list that came in one answer is looked at from its other side too
    second_look: SecondLook = "no" if source.second_look == "no" else "always"
    paginator = Paginator(source, window=WINDOW, start=START, second_look=second_look)
    try:
        while (page := await paginator.next()) is not None:
            if take(page.records) is True:
                return Completeness.INCOMPLETE
    finally:
        await paginator.aclose()
    if paginator.verdict not in READ_TO_ITS_END:
        error = PaginationError(f"whether somebody is not blocked cannot be told from this list: {paginator.why}")
        error.unverified = True
        raise error
    return paginator.verdict


@attrs.define
class SearchCapabilities:
    """What a session knows of the service's search.

    It proves an absence only once it was seen to find a part of a name, in the other case, and to filter the list and
    not a page that was cut from it (`proven`). A name as stored that can show this is kept in `example`: one with a
    capital letter inside, since a service may lower-case only what is searched for. A name without one shows as much if
    the whole list was read and holds no capital (`no_capitals`).
    """

    proven: bool = False
    tries: int = TRIES
    example: str | None = None
    plain_example: str | None = None
    no_capitals: bool = False
    failed: str | None = None

    def learn(self, name: str) -> None:
        """A record of this name, as stored, exists."""
        if name == self.failed:
            # it was there, and was not found
            self.tries = 0
        elif self.example is None and name.isascii():
            inside = name[1:-1]
            if inside != inside.lower():
                self.example = name
            elif inside != inside.upper():
                self.plain_example = name

    def listed(self, *, capitals: bool, encoded: bool) -> None:
        """The whole list was read: whether it held names with capital letters, and plain ones percent-encoded."""
        self.no_capitals = not capitals
        if encoded:
            # a search for the name of such a person does not find it
            self.proven, self.tries = False, 0

    def to_try(self) -> tuple[str, str] | None:
        """A search that shows whether absence can be proven, and the name that it must find; None if none would."""
        name = self.example or (self.plain_example if self.no_capitals else None)
        if self.proven or name is None or not self.tries:
            return None
        return name[1:-1].swapcase(), name

    def tried(self, name: str, *, shown: bool) -> None:
        """Whether that search has shown it."""
        self.tries -= 1
        self.proven = shown
        if not shown:
            # the record may be gone meanwhile, or stand on a later page: another one is tried next
            self.failed, self.example, self.plain_example = name, None, None


class Lookup:
    """Looks people up in the workspace's list.

    `pages` gives the list as pages, or what a search for a term leaves of it; `concurrency` is how many searches are
    under way at once.
    """

    def __init__(
        self,
        pages: Callable[[str | None], PageSource[BlockedLead]],
        capabilities: SearchCapabilities,
        *,
        concurrency: int,
    ) -> None:
        self._pages = pages
        self._capabilities = capabilities
        self._concurrency = concurrency

    async def find(self, key: str) -> BlockedLead | None:
        """A record of this person, None only if it is proven that there is none."""
        source = self._pages(key)
        response = await source.fetch(FIRST, flow=source, deadline_from="call")
        records = source.records(response.body)
        for lead in records:
            if lead.public_identifier == key:
                return lead
        self._learn(records)
        found = (await self._settle({key: records}, every=False))[key]
        return found[0] if found else None

    async def find_any(self, keys: Collection[str]) -> dict[str, tuple[BlockedLead, ...]]:
        """Records of each person, at least one if there are any; () only if it is proven that there is none."""
        return await self._look_up(keys, every=False)

    async def records(self, keys: Collection[str]) -> dict[str, tuple[BlockedLead, ...]]:
        """Every record of each person; () only if it is proven that there is none."""
        return await self._look_up(keys, every=True)

    async def _look_up(self, keys: Collection[str], *, every: bool) -> dict[str, tuple[BlockedLead, ...]]:
        """By searches or by the list once, whichever is cheaper."""
        firsts: dict[str, Sequence[BlockedLead]] = {}

        async def search(key: str) -> None:
            firsts[key] = await self._page(key, FIRST)

        if not await self._searches_are_cheaper(len(keys)) or (every and not await self._search_proves()):
            return await self._listed(keys, every=every)
        await self._several_at_once(search, keys)
        return await self._settle(firsts, every=every)

    async def _searches_are_cheaper(self, people: int) -> bool:
        """Whether the list is longer than so many pages: one request, or two while the page size is not known."""
        if people < 2:
            return True
        size = self._pages(None).page_size or len(await self._page(None, FIRST))
        return bool(size and await self._page(None, Ask(people * size)))

    async def _settle(
        self, firsts: dict[str, Sequence[BlockedLead]], *, every: bool
    ) -> dict[str, tuple[BlockedLead, ...]]:
        """The records of each person, given the first page of the search for each; who is left is read in the list."""
        found = {} if every else {key: records for key, first in firsts.items() if (records := _records_of(key, first))}
        undecided = [key for key in firsts if key not in found and _searchable(key)]

        async def read_on(key: str) -> None:
            # where it shows others as well, the person may stand on a later page, or be cut off
            records = await self._searched_to_its_end(key, every=every) if firsts[key] else ()
            if records is not None:
                found[key] = records

        if undecided and await self._search_proves():
            await self._several_at_once(read_on, undecided)
        left = [key for key in firsts if key not in found]
        return found | await self._listed(left, every=every) if left else found

    async def _searched_to_its_end(self, key: str, *, every: bool) -> tuple[BlockedLead, ...] | None:
        """The records of a person in a search: one, or `every` one; None if it cannot be relied upon, or has no end."""
        paginator = Paginator(self._pages(key), window=WINDOW, start=START, second_look="always")
        found: tuple[BlockedLead, ...] = ()
        try:
            while (page := await paginator.next()) is not None:
                found += _records_of(key, page.records)
                if found and not every:
                    return found
                if not all(key.lower() in lead.public_identifier.lower() for lead in page.records):
                    # what it was asked for is not what it shows
                    return None
        except PaginationError:
            return None
        finally:
            await paginator.aclose()
        return found if paginator.verdict in READ_TO_ITS_END else None

    async def _search_proves(self) -> bool:
        """Whether a search that finds nobody proves that nobody is there: at most four requests, once in a session."""
        if (test := self._capabilities.to_try()) is not None:
            term, name = test
            shown = await self._filters_the_list(term, name) and await self._filters_the_list(term, name, other=True)
            self._capabilities.tried(name, shown=shown)
        return self._capabilities.proven

    async def _filters_the_list(self, term: str, name: str, *, other: bool = False) -> bool:
        """Whether a search shows this name, seen from one side, and not on the page that begins behind it.

        A service that cuts a page from the list and then filters that would show it again, or not from either side.
        """
        page = await self._page(term, Ask(0, other))
        at = next((at for at, lead in enumerate(page) if lead.public_identifier == name), None)
        return at is not None and page[at] not in await self._page(term, Ask(at + 1, other))

    async def _listed(self, keys: Collection[str], *, every: bool) -> dict[str, tuple[BlockedLead, ...]]:
        """The records of each person in the whole list: one, or `every` one. () only if it was read to its end."""
        found: dict[str, tuple[BlockedLead, ...]] = dict.fromkeys(keys, ())
        capitals = encoded = False

        def take(records: Sequence[BlockedLead]) -> bool:
            nonlocal capitals, encoded
            self._learn(records)
            for lead in records:
                name = lead.public_identifier
                capitals = capitals or name != name.lower()
                if (key := key_of(name)) in found:
                    found[key] += (lead,)
                encoded = encoded or ("%" in name and _searchable(key) is not None)
            return not every and all(found.values())

        if await read_to_its_end(self._pages(None), take) in READ_TO_ITS_END:
            self._capabilities.listed(capitals=capitals, encoded=encoded)
        return found

    async def _page(self, term: str | None, ask: Ask) -> Sequence[BlockedLead]:
        """One page of the list, or of a search."""
        source = self._pages(term)
        response = await source.fetch(ask, flow=source, deadline_from="call")
        records = source.records(response.body)
        self._learn(records)
        return records

    def _learn(self, records: Sequence[BlockedLead]) -> None:
        capabilities = self._capabilities
        if not capabilities.proven and capabilities.example is None:
            for lead in records:
                capabilities.learn(lead.public_identifier)

    async def _several_at_once(self, work: Callable[[str], Awaitable[None]], keys: Collection[str]) -> None:
        """Do this for each key, as many at once as is allowed. The first failure ends all of them, and is raised."""
        waiting = iter(list(keys))

        async def go_on() -> None:
            for key in waiting:
                await work(key)

        workers = [asyncio.create_task(go_on()) for _ in range(min(self._concurrency, len(keys)))]
        try:
            await asyncio.wait(workers, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.wait(workers)
        for worker in workers:
            if not worker.cancelled() and (error := worker.exception()):
                raise error


def key_of(identifier: str) -> str:
    """The key of an identifier as the service spells it; it may hold what we would not send."""
    try:
        return public_identifier(identifier)
    except InvalidInputError:
        return identifier.lower()


def keys_of(identifiers: Sequence[str]) -> Sequence[str]:
    """The same of many."""
    return identifiers if plain_lines(identifiers) is not None else list(map(key_of, identifiers))


def public_identifiers(items: Sequence[object]) -> Sequence[str]:
    """The keys of what people paste. Raises `InvalidInputError` for the first that cannot be a person."""
    if (lines := plain_lines(items)) is not None:
        return lines.split("\n")
    return list(map(public_identifier, items))


def _records_of(key: str, records: Iterable[BlockedLead]) -> tuple[BlockedLead, ...]:
    """Those records that are of this person."""
    return tuple([lead for lead in records if lead.public_identifier == key or key_of(lead.public_identifier) == key])
