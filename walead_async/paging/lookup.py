"""Which of these keys are blocked now: by searches or by one listing, and absence is never a guess."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from walead_async.errors import InvalidInputError, PaginationError
from walead_async.identifiers import public_identifier
from walead_async.models import BlockedLead, Completeness

if TYPE_CHECKING:
    from collections.abc import Collection

    from walead_async.paging.listing import Listing

__all__ = ["Lookup", "SearchManners"]


class SearchManners:
    """What a session has seen of the way the service searches."""


class Searchable(Protocol):
    """Lists of one resource."""

    def list(self, *, search: str | None = None) -> Listing[BlockedLead]:
        """The list, or what a search leaves of it."""
        ...


class Lookup:
    """Looks people up in the workspace's list."""

    def __init__(self, leads: Searchable, manners: SearchManners) -> None:
        self._leads = leads

    async def find(self, key: str) -> BlockedLead | None:
        """The record of this key; None only if the whole list was read and does not hold it."""
        found = await self.records([key])
        return found[key][0] if found[key] else None

    async def records(self, keys: Collection[str]) -> dict[str, tuple[BlockedLead, ...]]:
        """Every record of each key; () only if absence is proven."""
        found: dict[str, tuple[BlockedLead, ...]] = dict.fromkeys(keys, ())
        listing = self._leads.list()
        async for lead in listing:
            key = key_of(lead.public_identifier)
            if key in found:
                found[key] += (lead,)
        if listing.verdict not in {Completeness.COMPLETE, Completeness.CHANGED}:
            raise PaginationError(f"whether somebody is absent cannot be told: {listing.why}")
        return found


def key_of(identifier: str) -> str:
    """The key of an identifier as the service writes it; it may hold what we would not send."""
    try:
        return public_identifier(identifier)
    except InvalidInputError:
        return identifier.lower()
