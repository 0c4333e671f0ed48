"""Blocking and unblocking in the workspace, for the bulk engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from walead_async.bulk.operation import Answer
from walead_async.errors import PaginationError
from walead_async.paging.searching import READ_TO_ITS_END
from walead_async.resources.items import lead_entries, record_entries
from walead_async.transport.decoding import change_count
from walead_async.transport.messages import Request

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from walead_async.bulk.operation import Entries
    from walead_async.models import BlockedLead
    from walead_async.paging.listing import Listing
    from walead_async.paging.lookup import Lookup
    from walead_async.transport.messages import Response

__all__ = ["LeadBlock", "LeadUnblock"]

PATH = "/v1/blocked-leads"


class LeadBlock:
    """POST: people, each with a reason or without one."""

    blocks = True
    path = PATH
    missing_means = "run"

    def __init__(self, reason: str | None, lookup: Lookup) -> None:
        self._reason = reason
        self._lookup = lookup

    def entries(self, items: Sequence[object]) -> Entries:
        """Identifiers, profile URLs and leads with their own reasons."""
        return lead_entries(items, self._reason)

    def request(self, wires: Sequence[bytes]) -> Request:
        """POST with the array `leads`."""
        return Request("POST", PATH, body=b'{"leads":[' + b",".join(wires) + b"]}")

    def answer(self, response: Response, keys: Sequence[str]) -> Answer:
        """The count `blocked`."""
        change = change_count(response.body, "blocked")
        return Answer(count=change.count, message=change.message)

    async def present(self, keys: Collection[str]) -> Mapping[str, bool]:
        """Who of these is blocked now."""
        records = await self._lookup.find_any(keys)
        return {key: bool(found) for key, found in records.items()}


class LeadUnblock:
    """DELETE: records, by their ids."""

    blocks = False
    path = PATH
    missing_means = "item"

    def __init__(self, whole_list: Callable[[], Listing[BlockedLead]]) -> None:
        self._whole_list = whole_list

    def entries(self, items: Sequence[object]) -> Entries:
        """Ids of records, or the records themselves."""
        return record_entries(items)

    def request(self, wires: Sequence[bytes]) -> Request:
        """DELETE whose body is a bare array of ids. It is not repeated unless the first one is proven idle."""
        return Request("DELETE", PATH, body=b"[" + b",".join(wires) + b"]", repeatable=False)

    def answer(self, response: Response, keys: Sequence[str]) -> Answer:
        """The count `unblocked`."""
        change = change_count(response.body, "unblocked")
        return Answer(count=change.count, message=change.message)

    async def present(self, keys: Collection[str]) -> Mapping[str, bool]:
        """Which of these records stand in the list now; ids cannot be searched for, so the whole list is read."""
        wanted = frozenset(keys)
        listing = self._whole_list()
        found = {lead.id async for lead in listing if lead.id in wanted}
        if listing.verdict not in READ_TO_ITS_END and found != wanted:
            raise PaginationError(f"which records are gone cannot be told: {listing.why}")
        return {key: key in found for key in keys}
