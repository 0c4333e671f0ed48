"""What one session remembers of the lists it has read: guesses that make reading cheaper, never truths."""

from __future__ import annotations

import attrs

from walead_async.paging.manners import SearchManners

__all__ = ["ListMemory"]


@attrs.define
class ListMemory:
    """The page size of the workspace's list, whole and searched, and how the service searches."""

    page_sizes: dict[str, int] = attrs.Factory(dict)
    manners: SearchManners = attrs.Factory(SearchManners)
