"""The workspace's block list: `/v1/blocked-leads`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

import attrs

from walead_async.bulk.api import bulk_report, bulk_stream, check_items
from walead_async.bulk.operation import Answer
from walead_async.bulk.unblock_people import unblock_identifiers
from walead_async.errors import InvalidInputError
from walead_async.identifiers import kind_of, public_identifier
from walead_async.models import BlockedLead
from walead_async.paging.index import Indexed, block_index
from walead_async.paging.listing import Listing
from walead_async.paging.lookup import Lookup, SearchCapabilities, keys_of, public_identifiers, read_to_its_end
from walead_async.paging.seen import Dated
from walead_async.resources.items import check_reason, identifier_entries, lead_entries, record_entries
from walead_async.transport.decode import blocked_leads, change_count
from walead_async.transport.messages import DeadlineFrom, Request

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Collection, Coroutine, Sequence

    from walead_async.bulk.api import BulkStream
    from walead_async.bulk.operation import Entries, Missing, Verify
    from walead_async.models import BulkReport, LeadToBlock, Row
    from walead_async.paging.index import BlockIndex
    from walead_async.paging.paginator import PageSource
    from walead_async.paging.reader import Ask, SecondLook
    from walead_async.transport.messages import Caller, Response

__all__ = ["BlockedLeads", "LeadBlock", "LeadUnblock", "ListMemory"]


@attrs.define
class ListMemory:
    """What one session remembers of the workspace's list: guesses that make reading cheaper, never truths."""

    page_size: int | None = None
    search: SearchCapabilities = attrs.Factory(SearchCapabilities)


PATH = "/v1/blocked-leads"
OTHER_SORT = {"ASC": "DESC", "DESC": "ASC"}


class LeadBlock:
    """POST: people, each with a reason or without one."""

    blocks = True
    path = PATH
    missing_means: Missing = "run"

    def __init__(self, reason: str | None, lookup: Lookup) -> None:
        self._reason = reason
        self._lookup = lookup

    def entries(self, items: Sequence[object]) -> Entries:
        """Identifiers, profile URLs and leads with their own reasons."""
        return lead_entries(items, self._reason)

    def request(self, encoded: Sequence[bytes]) -> Request:
        """POST with the array `leads`."""
        return Request("POST", PATH, body=b'{"leads":[' + b",".join(encoded) + b"]}")

    def answer(self, response: Response, keys: Sequence[str]) -> Answer:
        """The count `blocked`."""
        change = change_count(response.body, "blocked")
        return Answer(count=change.count, message=change.message)

    async def present(self, items: Mapping[str, object]) -> Collection[str]:
        """Who of these is blocked now."""
        found = await self._lookup.find_any(items.keys())
        return {key for key, records in found.items() if records}


class LeadUnblock:
    """DELETE: records, by their ids. `missing_means` is "listed" for records that were found in the list."""

    blocks = False
    path = PATH

    def __init__(self, pages: Callable[[], PageSource[BlockedLead]], missing_means: Missing = "item") -> None:
        self._pages = pages
        self.missing_means: Missing = missing_means

    def entries(self, items: Sequence[object]) -> Entries:
        """Ids of records, or the records themselves."""
        return record_entries(items)

    def request(self, encoded: Sequence[bytes]) -> Request:
        """DELETE whose body is a bare array of ids. It is not repeated unless the first one is proven idle."""
        return Request("DELETE", PATH, body=b"[" + b",".join(encoded) + b"]", repeatable=False)

    def answer(self, response: Response, keys: Sequence[str]) -> Answer:
        """The count `unblocked`."""
        change = change_count(response.body, "unblocked")
        return Answer(count=change.count, message=change.message)

    async def present(self, items: Mapping[str, object]) -> Collection[str]:
        """Which of these records stand in the list now; ids cannot be searched for, so the whole list is read."""
        found: set[str] = set()

        def take(leads: Sequence[BlockedLead]) -> bool:
            found.update(lead.id for lead in leads if lead.id in items and is_same_record(lead, items[lead.id]))
            return len(found) == len(items)

        await read_to_its_end(self._pages(), take)
        return found


def is_same_record(lead: BlockedLead, item: object) -> bool:
    """Whether this record is the one that was given, and not somebody else's block that got its id since."""
    if not isinstance(item, BlockedLead):
        return True  # only the id is known
    return (lead.created_at, lead.public_identifier) == (item.created_at, item.public_identifier)


#: What stands in a query as it is, as nearly every name that is searched for does: `quote` costs a hundredth of a find.
_PLAIN = re.compile(r"[a-z0-9-]+").fullmatch


class BlockedLeads:
    """The people that no campaign of the workspace contacts."""

    def __init__(self, caller: Caller, memory: ListMemory) -> None:
        self._caller = caller
        self._memory = memory
        self._pages = partial(LeadPages, caller, memory)
        self._whole = partial(self._pages, None)
        self._lookup = Lookup(self._pages, memory.search, concurrency=caller.concurrency)

    def list(
        self,
        *,
        search: str | None = None,
        sort: Literal["ASC", "DESC"] = "ASC",
        since: datetime | None = None,
        window: int = 8,
        resume: str | None = None,
    ) -> Listing[BlockedLead]:
        """The blocked leads, oldest first, each exactly once, with up to `window` requests ahead.

        `search` filters by public identifier, by the service's own rule. `resume` goes on from the `cursor` of an
        earlier read with the same `sort` and `search`. A lead that is blocked again while the list is read, and gets a
        new `created_at`, is a new record: it is yielded at the end, also if it was yielded already, and the verdict is
        CHANGED. With `sort="DESC"` such a record moves from the unread end to the start and is not seen, and neither
        are new ones: that is why ASC is the default (vendor page: walead-get-workspace-blocked-leads).

        With `since`, a datetime with a time zone, the list is read newest first, down to the first older record: what
        was blocked from then on. The verdict is of that part; removals do not show.

        Verdict and records are of the list as the service shows it. Where it shows a write late, as replicas do, who
        was blocked or unblocked in the last seconds may stand there as before, also if the verdict is COMPLETE.

        Raises `InvalidInputError` for a wrong argument; while it is read `PaginationError`, `UnexpectedResponseError`
        and the errors of any request.
        """
        return Listing(LeadPages(self._caller, self._memory, search, sort, since), window=window, resume=resume)

    async def find(self, identifier: str) -> BlockedLead | None:
        """The record of one person, None if the person is proven not to be blocked.

        Takes an identifier or a profile URL. A search that finds nothing proves nothing while it is not known whether
        it minds case; then the whole list is read. An `index` costs that once, and is asked without a request.

        None is proof of the list as the service shows it. Where it shows a write late, somebody who was blocked in the
        last seconds may be missing, so that None does not undo what the report of `block` said, and somebody who was
        unblocked may still be found. Raises `InvalidInputError`, and the errors of a listing.
        """
        return await self._lookup.find(public_identifier(identifier))

    async def find_many(self, identifiers: Iterable[str]) -> dict[str, BlockedLead | None]:
        """The records of many people, by the identifiers as given; None for who is proven not to be blocked.

        As with `find`, that is proof of the list as the service shows it, which may lack the blocks of the last
        seconds.

        Raises `InvalidInputError` naming the first identifier that cannot be one, and the errors of a listing.
        """
        check_items(identifiers)
        if not isinstance(identifiers, Iterable):
            raise InvalidInputError("find_many takes a list of identifiers, not an async iterable: collect it first")
        keys = {given: public_identifier(given) for given in identifiers}
        found = await self._lookup.find_any(set(keys.values())) if keys else {}
        return {given: found[key][0] if found[key] else None for given, key in keys.items()}

    async def index(self) -> BlockIndex:
        """Who is blocked, in memory: the list is read once, and then asked without a request, as often as one likes.

        Raises the errors of a listing, `PaginationError` if the list could not be read to its end: then there is none.
        """
        return await block_index(
            Indexed(
                whole=self._whole,
                since=lambda moment: self._pages(None, since=moment),
                date=lambda lead: lead.created_at,
                stored=lambda leads: keys_of([lead.public_identifier for lead in leads]),
                key=public_identifier,
                keys=public_identifiers,
            )
        )

    async def block(
        self,
        leads: Iterable[str | LeadToBlock | Row] | AsyncIterable[str | LeadToBlock | Row],
        *,
        reason: str | None = None,
        batch_size: int = 500,
        verify: Verify = "unclear",
        check: bool = True,
    ) -> BulkReport:
        """Block people in the whole workspace, and return what became of each, in the order given.

        `leads` mixes identifiers, LinkedIn profile URLs and `LeadToBlock`s with reasons of their own; `reason` is for
        the others. `batch_size` is the most leads a request holds. `verify` tells when the list is read back: where an
        answer is "unclear", "always" or "never" (vendor page: walead-post-workspace-blocked-leads).

        What the service confirms is DONE at once. Where its list shows a write late, an unclear answer is read back too
        early: people are blocked once more, which does no harm, and end as UNKNOWN at worst; call again in a minute.
        The one thing that cannot be told there: somebody who was unblocked in the last seconds, and whose new block
        gets no answer, may still be shown by the list, and be taken as blocked.

        Raises `BulkFailedError` if somebody is not blocked for certain (unless `check=False`), the error that ended the
        run, both with `.report`, or `InvalidInputError` for a call that cannot be made.
        """
        check_reason(reason)
        operation = LeadBlock(reason, self._lookup)
        return await bulk_report(self._caller, operation, leads, batch_size=batch_size, verify=verify, check=check)

    def block_stream(
        self,
        leads: Iterable[str | LeadToBlock | Row] | AsyncIterable[str | LeadToBlock | Row],
        *,
        reason: str | None = None,
        batch_size: int = 500,
        verify: Verify = "unclear",
    ) -> BulkStream:
        """Block people of an input of any length as `block` does, and yield each outcome in order, in bounded memory.

        Raises for the run, never for an item, after the outcomes of everything that was taken from `leads`.
        """
        check_reason(reason)
        operation = LeadBlock(reason, self._lookup)
        return bulk_stream(self._caller, operation, leads, batch_size=batch_size, verify=verify)

    async def unblock(
        self,
        ids: Iterable[str | BlockedLead | Row] | AsyncIterable[str | BlockedLead | Row],
        *,
        batch_size: int = 500,
        verify: Verify = "unclear",
        check: bool = True,
    ) -> BulkReport:
        """Remove records from the block list by id, and return what became of each, in the order given.

        A record that is not there ends as ALREADY; the person may still be blocked by another record, see
        `unblock_identifiers`. Nothing is sent twice unless an answer, or the list, shows that the first request did
        nothing; what was confirmed never is (vendor page: walead-delete-workspace-blocked-leads).

        Where the list shows a write late, an unclear unblock is read back too early, is sent again while the list still
        shows the record, and ends as UNKNOWN at worst. A record that is younger than that may be missing from the list,
        and be taken as gone. Raises as `block`.
        """
        operation = LeadUnblock(self._whole)
        return await bulk_report(self._caller, operation, ids, batch_size=batch_size, verify=verify, check=check)

    async def unblock_identifiers(
        self,
        identifiers: Iterable[str | Row] | AsyncIterable[str | Row],
        *,
        batch_size: int = 500,
        verify: Verify = "unclear",
        check: bool = True,
    ) -> BulkReport:
        """Unblock people by identifier or profile URL, and return what became of each, in the order given.

        Each person is looked up once; the records found then are removed, and a block that appears later is never
        touched. A person is DONE when all their records are gone (if the service says that there is no such record,
        its list is asked), and ALREADY only if the list was read to its end and does not hold them. Where it shows a
        write late, somebody who was blocked in the last seconds is ALREADY, and stays blocked. Raises as `block`; if
        the look-up fails, nothing is sent.
        """
        return await unblock_identifiers(
            self._caller,
            self._lookup,
            LeadUnblock(self._whole, "listed"),
            identifier_entries,
            identifiers,
            batch_size=batch_size,
            verify=verify,
            check=check,
        )

    def unblock_stream(
        self,
        ids: Iterable[str | BlockedLead | Row] | AsyncIterable[str | BlockedLead | Row],
        *,
        batch_size: int = 500,
        verify: Verify = "unclear",
    ) -> BulkStream:
        """Remove records of an input of any length as `unblock` does: each outcome in order, in bounded memory."""
        return bulk_stream(self._caller, LeadUnblock(self._whole), ids, batch_size=batch_size, verify=verify)


class LeadPages:
    """The workspace's list as pages: by offset, of a size that nobody has stated."""

    path = PATH
    paged = True
    second_look: SecondLook = "long"

    def __init__(
        self,
        caller: Caller,
        memory: ListMemory,
        search: str | None,
        sort: str = "ASC",
        since: datetime | None = None,
    ) -> None:
        if not isinstance(sort, str) or sort.upper() not in OTHER_SORT:
            raise InvalidInputError(f"sort is 'ASC' or 'DESC', not {sort!r}")
        if search is not None and not isinstance(search, str):
            raise InvalidInputError(f"search is {kind_of(search)}, not text")
        try:
            self._filter = f"&search={_quoted(search)}" if search else ""
        except UnicodeEncodeError:
            raise InvalidInputError("search is not proper Unicode text") from None
        self.caller = caller
        self.filtered: bool = bool(self._filter)
        self._memory = memory
        self._sort = "DESC" if since is not None else str.__str__(sort).upper()
        self.beyond: Callable[[BlockedLead], bool] | None = None if since is None else _older_than(since)

    @property
    def identity(self) -> str:
        """Path, sort and search."""
        return f"{PATH}?sort={self._sort}{self._filter}"

    @property
    def page_size(self) -> int | None:
        """What the session remembers of the page size."""
        return self._memory.page_size

    @page_size.setter
    def page_size(self, size: int | None) -> None:
        # what a search leaves shows little of the whole list
        if not self.filtered:
            self._memory.page_size = size

    def seen(self, date: datetime | None = None, ids: Iterable[str] = ()) -> Dated[BlockedLead]:
        """The last date, and the ids that share it."""
        return Dated(descending=self._sort == "DESC", date=date, ids=ids)

    def fetch(self, ask: Ask, *, flow: object, deadline_from: DeadlineFrom) -> Coroutine[object, object, Response]:
        """GET with sort, offset and search."""
        sort = OTHER_SORT[self._sort] if ask.other_side else self._sort
        request = Request("GET", PATH, f"sort={sort}&offset={ask.offset}{self._filter}")
        return self.caller.send(request, flow=flow, deadline_from=deadline_from)

    def records(self, body: bytes) -> Sequence[BlockedLead]:
        """The array of records."""
        return blocked_leads(body)


def _older_than(since: object) -> Callable[[BlockedLead], bool]:
    if not isinstance(since, datetime) or since.utcoffset() is None:
        raise InvalidInputError(f"since is a datetime with a time zone, not {since!r}")
    moment = since
    return lambda lead: lead.created_at < moment


def _quoted(term: str) -> str:
    plain = _PLAIN(term)
    return plain[0] if plain else quote(term, safe="")
