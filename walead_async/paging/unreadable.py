"""The ways in which a list cannot be read, in words."""

from __future__ import annotations

from walead_async.errors import PaginationError

__all__ = ["doubled", "no_progress", "one_a_page", "same_page", "shuffled", "unsorted"]


def doubled(offset: int) -> PaginationError:
    """A record stands twice in one page."""
    return PaginationError(
        f"the service names a record twice in one page, at offset {offset}: positions in such a list cannot be trusted."
        " Read it again; if it stays so, tell the service's support"
    )


def unsorted(offset: int, *, descending: bool) -> PaginationError:
    """A page is not in the order that was asked for."""
    wanted = "newest first" if descending else "oldest first"
    return PaginationError(
        f"the service did not sort its page at offset {offset} by createdAt, {wanted}, as it was asked to: the list"
        " cannot be read without losing records. Read it again; if it stays so, try the other `sort`"
    )


def shuffled(longest: int) -> PaginationError:
    """A tie group comes in another order each time, and does not fit into a page."""
    return PaginationError(
        f"more records share one createdAt than fit into a page of {longest}, and the service gives them in another"
        " order each time: such a list cannot be read without losing records. Tell the service's support"
    )


def one_a_page() -> PaginationError:
    """All pages have one record."""
    return PaginationError(
        "the service gives one record a page, so that no page can be seen to follow another: such a list cannot be read"
        " without losing records. Tell the service's support"
    )


def same_page(times: int) -> PaginationError:
    """Different offsets lead to the same page."""
    return PaginationError(
        f"{times} pages in a row from different offsets ended in the same record: the service pays no heed to the"
        " offset, or the list grows in front as fast as it is read. Try again later; if it stays so, tell the service's"
        " support"
    )


def no_progress(requests: int) -> PaginationError:
    """Nothing new for too long."""
    return PaginationError(
        f"{requests} requests in a row brought no new record and no end: the list changes faster than it can be read,"
        " or the service does not page by offset. Go on later, from the listing's cursor"
    )
