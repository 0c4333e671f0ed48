"""The fault matrix as data: what goes wrong, and how each call ends then.

To add a fault that somebody met:

1. Put a line into the list of its group below: `Row(NAME, ENDS, DETAIL, how it is played)`. It is played by a fault of
   the emulator (`fault="status=500"`), a change of the list meanwhile (`drift="remove-oldest"`), a switch of the
   emulator (`settings={"ties": 2}`, any field of `Settings`), on the wire (`wire=`), on the way (`way=`), or by a
   program that misbehaves (`SCENARIOS` in `fault_cells.py`, by the name of the row).
2. Say how it must end, not how it does: `once(FINE, Column.FIND)` is one cell, `ends("ServerError")` most of a table.
   Several rows may share a name and differ in their detail.
3. `python tests/faults/matrix.py --row NAME` runs it, and without `--row` all, and writes the page.

A service whose search finds nothing is one line:
`Row("a search that finds nothing", once(FINE, *FINDS), settings={"search": "nothing"})`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, StrEnum
from functools import partial

import attrs
from fault_calls import BLOCKS, FINDS, FINE, READS, UNBLOCKS, Column
from fault_proxy import WireFault


class Mode(StrEnum):
    """Which requests meet the fault: the first that matters, each that matters, or whatever is asked."""

    ONCE = "once"
    ALWAYS = "every time"
    DOWN = "all requests"


class Way(Enum):
    """Why no connection comes about."""

    REFUSED = "nobody listens"
    UNRESOLVED = "the name has no address"
    BROKEN = "the resolver raises a TypeError"
    CERTIFICATE = "the certificate is by nobody known"


#: The calls that a fault meets in ways of their own. The direction of a list makes a difference where it moves, and
#: who is looked for makes one where the service searches or lists in a way of its own.
CALLS = tuple(column for column in Column if column not in {Column.NEWEST_FIRST, Column.FIND_NOBODY, Column.FIND_ALIKE})
LISTS = (Column.LIST, Column.CAMPAIGN_LIST, Column.AGENT_LIST)
CHANGES = (*BLOCKS, *UNBLOCKS)


@attrs.frozen
class Ends:
    """How calls end, in words, by mode and column: the cells of a row.

    "fine" is as if nothing had happened. An error is what a read raises, or what ended a run; statuses are those of
    the items of a bulk call.
    """

    by_mode: Mapping[Mode, Mapping[Column, str]]

    def but(self, mode: Mode, end: str, *columns: Column) -> Ends:
        """The same with another end in some columns."""
        return Ends({**self.by_mode, mode: {**self.by_mode[mode], **dict.fromkeys(columns, end)}})

    def only(self, *modes: Mode) -> Ends:
        """The same in these modes alone."""
        return Ends({mode: self.by_mode[mode] for mode in modes})


def once(end: str, *columns: Column) -> Ends:
    """One end for some calls, of a fault that is met once or is there all the time."""
    return Ends({Mode.ONCE: dict.fromkeys(columns or CALLS, end)})


def always(end: str) -> Ends:
    """One end for every call, however often the fault is met."""
    return Ends({mode: dict.fromkeys(CALLS, end) for mode in Mode})


def ends(
    error: str, *, read_once: str = FINE, once: str = FINE, always: str = "unknown", down: str = "unknown"
) -> Ends:
    """What most faults have in common: calls of a kind end alike, and an unblock whose look-up fails sends nothing."""

    def row(reads: str, changes: str) -> dict[Column, str]:
        return {column: reads if column in READS else changes for column in CALLS}

    every_request = {**row(error, down), Column.UNBLOCK_PEOPLE: f"{error}: not_sent"}
    return Ends({Mode.ONCE: row(read_once, once), Mode.ALWAYS: row(error, always), Mode.DOWN: every_request})


def ends_the_run(error: str) -> Ends:
    """The call is over at once, and what was not sent is not sent."""
    left = f"{error}: not_sent"
    return ends(error, read_once=error, once=left, always=left, down=left)


def refused(error: str) -> Ends:
    """The request itself is wrong: batches are tried in parts, and what is refused alone is refused."""
    return ends(error, read_once=error, always="refused", down="refused")


def pages(once: tuple[str, str], always: tuple[str, str] | None = None) -> Ends:
    """The ends of a list and of a campaign's, which has neither ids nor an order, so that less can be told."""
    modes = {Mode.ONCE: once, Mode.ALWAYS: always}
    lists = (Column.LIST, Column.CAMPAIGN_LIST)
    return Ends({mode: dict(zip(lists, both, strict=True)) for mode, both in modes.items() if both})


def moved(oldest_first: str = "changed", newest_first: str = "changed", in_campaign: str = "unverified") -> Ends:
    """The ends of listings that other people change meanwhile."""
    both = {Column.NEWEST_FIRST: newest_first, Column.LIST: oldest_first}
    return Ends({Mode.ONCE: {**both, Column.CAMPAIGN_LIST: in_campaign}})


@attrs.frozen
class Row:
    """A fault by its name, how the calls end that it concerns, and how it is played.

    In the text of a fault `{soon}` is the date in some seconds. Every request after that which meets the fault once
    meets the fault `then`. `deadline`, in seconds, and `window` are those of the session and its listings. A row
    that is `kept` meets its fault on a connection that an earlier request left open. In the columns of `believed`
    the service says, if it says so every time, what is not so, and nothing could tell: there the end is not
    compared with the truth. The cells of a row run side by side, unless they take much memory or the clock, and
    have to be `alone`.
    """

    name: str
    ends: Ends
    detail: str = ""
    fault: str | None = attrs.field(default=None, kw_only=True)
    then: str | None = attrs.field(default=None, kw_only=True)
    drift: str | None = attrs.field(default=None, kw_only=True)
    settings: Mapping[str, object] = attrs.field(factory=dict, kw_only=True)
    wire: WireFault | None = attrs.field(default=None, kw_only=True)
    way: Way | None = attrs.field(default=None, kw_only=True)
    deadline: float = attrs.field(default=20.0, kw_only=True)
    window: int = attrs.field(default=8, kw_only=True)
    kept: bool = attrs.field(default=False, kw_only=True)
    believed: tuple[Column, ...] = attrs.field(default=(), kw_only=True)
    alone: bool = attrs.field(default=False, kw_only=True)

    def __str__(self) -> str:
        return f"{self.name}, {self.detail}" if self.detail else self.name

    def cells(self) -> dict[tuple[Column, Mode], str]:
        """The promised end of each cell. To a read, "every time" and "all requests" are the same."""
        by_mode = self.ends.by_mode
        return {
            (column, mode): end
            for mode, ends in by_mode.items()
            for column, end in ends.items()
            if not (mode is Mode.DOWN and column in READS and Mode.ALWAYS in by_mode)
        }


NOTHING = always(FINE)
#: 5xx and the like: another try may help, and nobody knows whether it was carried out.
SERVER = ends("ServerError").but(Mode.DOWN, "ServerError: unknown", *BLOCKS)
SERVER_AFTER = ends("ServerError", always=FINE).but(Mode.DOWN, "ServerError: unknown", *BLOCKS)
THROTTLED = ends("RateLimitedError", always="not_sent", down="not_sent")
CUT = ends("ConnectionFailedError")
CUT_AFTER = ends("ConnectionFailedError", always=FINE)
SILENT = ends("DeadlineExceededError").only(Mode.ONCE, Mode.ALWAYS)
SILENT_AFTER = ends("DeadlineExceededError", always=FINE).only(Mode.ONCE, Mode.ALWAYS)
#: A redirect, whatever its number, proves nothing of what was done before it.
REDIRECTED = ends("APIError", read_once="APIError")
REDIRECTED_AFTER = ends("APIError", read_once="APIError", always=FINE)
UNREADABLE = ends("UnexpectedResponseError", read_once="UnexpectedResponseError")
UNREADABLE_AFTER = ends("UnexpectedResponseError", read_once="UnexpectedResponseError", always=FINE)
NO_CONNECTION = ends("ConnectionFailedError", down="not_sent").only(Mode.DOWN)
NOT_FOUND = (
    ends_the_run("NotFoundError")
    .but(Mode.ONCE, FINE, Column.UNBLOCK, Column.UNBLOCK_PEOPLE)
    .but(Mode.ALWAYS, "already", Column.UNBLOCK)
    .but(Mode.ALWAYS, "refused", Column.UNBLOCK_PEOPLE)
    .but(Mode.DOWN, "already", Column.UNBLOCK)
)
#: Not the service's own words, so that it proves nothing, also to the first request.
NOT_FOUND_IN_HTML = NOT_FOUND.but(Mode.ALWAYS, "refused", Column.UNBLOCK).but(Mode.DOWN, "unknown", Column.UNBLOCK)
TWICE = (
    always("already")
    .but(Mode.ONCE, FINE, *LISTS, Column.FIND, Column.UNBLOCK_PEOPLE)
    .but(Mode.ALWAYS, FINE, *LISTS, Column.FIND, Column.UNBLOCK_PEOPLE)
    .but(Mode.DOWN, FINE, Column.UNBLOCK_PEOPLE)
)
SUCCESS_FALSE_AFTER = (
    UNREADABLE_AFTER.but(Mode.ONCE, FINE, Column.AGENT_LIST)
    .but(Mode.ALWAYS, FINE, Column.AGENT_LIST)
    .but(Mode.DOWN, FINE, Column.AGENT_BLOCK, Column.AGENT_UNBLOCK)
)
#: Only the records have dates.
BAD_DATE = (
    ends("UnexpectedResponseError", read_once="UnexpectedResponseError", always=FINE, down=FINE)
    .but(Mode.ONCE, FINE, Column.AGENT_LIST)
    .but(Mode.ALWAYS, FINE, Column.AGENT_LIST)
)
LOOP_CLOSED = ends("", read_once="SessionClosedError", once="SessionClosedError: not_sent").only(Mode.ONCE)
CLOSED_IN_USE = ends("", read_once="SessionClosedError", once="SessionClosedError: unknown").only(Mode.ONCE)

#: An unblock of people sends nothing if its look-up fails.
SENT_PERHAPS = tuple(column for column in CHANGES if column is not Column.UNBLOCK_PEOPLE)

CONNECTION = [
    Row("refused", NO_CONNECTION, way=Way.REFUSED),
    Row("DNS failure", NO_CONNECTION, way=Way.UNRESOLVED),
    Row("a resolver that raises TypeError", NO_CONNECTION.but(Mode.DOWN, "unknown", *SENT_PERHAPS), way=Way.BROKEN),
    Row("TLS with a wrong certificate", NO_CONNECTION, way=Way.CERTIFICATE),
    Row("reset before the body", CUT, "inside the request", wire=WireFault.RESET_IN_REQUEST),
    Row("reset before the body", CUT, "before the answer", fault="reset"),
    Row("reset before the body", CUT, "closed before the answer", fault="close"),
    Row("reset before the body", CUT_AFTER, "in the headers of the answer", fault="reset-in-head"),
    Row("reset before the body", CUT_AFTER, "between headers and body", fault="reset-before-body"),
    Row("reset during the body", CUT_AFTER, fault="reset-in-body"),
    Row("reset during the body", CUT_AFTER, "closed in it", fault="cut-body"),
    Row("reset after the body", NOTHING, fault="reset-after-body"),
    Row("half-open for ever", SILENT, wire=WireFault.HALF_OPEN),
    Row("half-open for ever", SILENT, "after the request", fault="hang"),
    Row("half-open for ever", SILENT, "a peer that stops reading", fault="stop-reading"),
    Row("an answer that nobody asked for", once(FINE), fault="extra-answer"),
    Row("closed keep-alive", NOTHING, "after the answer", fault="close-after"),
    Row("closed keep-alive", once(FINE), "at the next request", wire=WireFault.CLOSED_KEEP_ALIVE, kept=True),
    Row("a slow body", SILENT_AFTER, fault="slow-body=5", deadline=60),
]

ELSEWHERE = "redirect={}/http://elsewhere.example/"
REDIRECTS = (301, 302, 303, 307, 308)
LONG_PAST = "Wed, 21 Oct 2015 07:28:00 GMT"

STATUS = [
    Row("401", ends_the_run("AuthenticationError"), fault="status=401"),
    Row("403", ends_the_run("PermissionDeniedError"), fault="status=403"),
    Row("404", NOT_FOUND, fault="status=404", believed=(Column.UNBLOCK,)),
    Row("408", ends("APIError"), fault="status=408"),
    Row("409", refused("ConflictError").but(Mode.DOWN, "unknown", *BLOCKS), fault="status=409"),
    Row("413", refused("PayloadTooLargeError"), fault="status=413"),
    Row("422", refused("InvalidRequestError"), fault="status=422"),
    Row("425", ends("APIError", always="not_sent", down="not_sent"), fault="status=425"),
    Row("429", THROTTLED, "no Retry-After", fault="status=429"),
    Row("429", THROTTLED, "Retry-After in seconds", fault="status=429/0.02"),
    Row("429", THROTTLED.only(Mode.ONCE), "Retry-After as a date", fault="status=429/{soon}"),
    Row("429", THROTTLED, "Retry-After in the past", fault=f"status=429/{LONG_PAST}"),
    Row("429", THROTTLED, "Retry-After as nonsense", fault="status=429/soon"),
    Row("429", THROTTLED.only(Mode.ALWAYS), "Retry-After beyond the deadline", fault="status=429/3600"),
    Row("500", SERVER, fault="status=500"),
    Row("502", SERVER, fault="status=502"),
    Row("503", SERVER, fault="status=503"),
    Row("503", SERVER, "with Retry-After", fault="status=503/0.01"),
    Row("504", SERVER, fault="status=504"),
    Row("an HTML error page", SERVER, "with 502", fault="html=502"),
    Row("an HTML error page", UNREADABLE, "with 200", fault="html=200"),
    Row("404", NOT_FOUND_IN_HTML, "an HTML page", fault="html=404"),
    *(
        Row("carried out, and answered with", REDIRECTED_AFTER, str(code), fault=f"apply-then-status={code}")
        for code in (101, 301, 302, 304)
    ),
    *(Row("3xx to another host", REDIRECTED, str(code), fault=ELSEWHERE.format(code)) for code in REDIRECTS),
    Row("204", UNREADABLE, fault="status=204"),
    Row("204", UNREADABLE_AFTER, "carried out", fault="apply-then-status=204"),
    Row("other statuses", refused("InvalidRequestError"), "400", fault="status=400"),
    Row(
        "an echo of the key",
        refused("InvalidRequestError").only(Mode.ONCE, Mode.ALWAYS),
        wire=WireFault.ECHO,
    ),
    Row("an echo of the key", UNREADABLE.only(Mode.ONCE, Mode.ALWAYS), "with 200", wire=WireFault.ECHO_IN_200),
    Row(
        "an echo of the key",
        refused("InvalidRequestError").only(Mode.ONCE, Mode.ALWAYS),
        "cut in two by the length of a message",
        wire=WireFault.ECHO_CUT,
    ),
    Row("an echo of the key", UNREADABLE_AFTER, "in Content-Encoding", fault="key-in-encoding"),
    Row("an echo of the key", once(FINE, Column.LIST, Column.FIND, *CHANGES), "in the answer", fault="key-in-body"),
    Row("a key that is rotated", once(FINE)),
    Row("other statuses", ends("ServerError", read_once="ServerError"), "501", fault="status=501"),
]

BODY = [
    Row("empty", UNREADABLE_AFTER, fault="empty"),
    Row("null", UNREADABLE_AFTER, fault="null"),
    Row("an object for an array", UNREADABLE_AFTER, fault="wrong-shape"),
    Row("truncated JSON", UNREADABLE_AFTER, fault="cut-json"),
    Row("truncated gzip", CUT_AFTER, fault="cut-gzip"),
    Row("success: false", UNREADABLE, "not carried out", fault="success-false"),
    Row("success: false", SUCCESS_FALSE_AFTER, "carried out", fault="apply-then-success-false"),
    Row("extra fields", NOTHING, fault="extra-fields"),
    Row("a missing field", UNREADABLE_AFTER, fault="missing-field"),
    Row("a wrong type", UNREADABLE_AFTER, fault="wrong-type"),
    Row("a bad date", BAD_DATE, fault="bad-date"),
    Row("NaN", UNREADABLE_AFTER, fault="nan"),
    Row("a lone surrogate", UNREADABLE_AFTER, fault="lone-surrogate"),
    Row("100 MB", UNREADABLE_AFTER, fault="huge-body=100M", alone=True),
    Row("a zip bomb", UNREADABLE_AFTER.only(Mode.ONCE, Mode.ALWAYS), fault="zip-bomb=70M", alone=True),
    Row("a wrong charset", NOTHING, "UTF-8 that says it is UTF-16", fault="wrong-charset"),
    Row("a wrong charset", UNREADABLE_AFTER, "Latin-1 that says it is UTF-8", fault="not-utf8"),
    Row("a byte order mark", NOTHING, fault="bom"),
    Row("gzip of several members", NOTHING, fault="gzip-members"),
    Row("a Content-Encoding", NOTHING, "utf-8", fault="content-encoding=utf-8"),
    Row("a Content-Encoding", NOTHING, "none", fault="content-encoding=none"),
    Row("a Content-Encoding", UNREADABLE_AFTER, "br", fault="content-encoding=br"),
    Row("a long header", NOTHING, "9 kB", fault="long-header=9K"),
    Row("a long header", UNREADABLE_AFTER, "70 kB", fault="long-header=70K"),
    Row("t and z in lower case in dates", NOTHING, fault="lower-case-dates"),
]

#: No read-back shows what was done; a voice agent's second answer does, by name.
LATE = Ends(
    {
        Mode.ONCE: {**dict.fromkeys(CHANGES, "unknown"), Column.AGENT_BLOCK: FINE, Column.AGENT_UNBLOCK: FINE},
        Mode.ALWAYS: dict.fromkeys(CHANGES, "unknown"),
    }
)
NUMBERS_FINE = Ends(
    {
        Mode.ONCE: dict.fromkeys((Column.AGENT_LIST, Column.AGENT_BLOCK, Column.AGENT_UNBLOCK), FINE),
        Mode.ALWAYS: dict.fromkeys((Column.AGENT_BLOCK, Column.AGENT_UNBLOCK), FINE),
    }
)

NO_ABSENCE = "and a list that proves no absence"

EFFECT = [
    Row("applied and answered", once(FINE)),
    Row(
        "applied and not answered",
        once("unknown", Column.UNBLOCK),
        NO_ABSENCE,
        fault="apply-then-close",
        settings={"offset_limit": 20},
    ),
    Row("applied and not answered", CUT_AFTER, "closed", fault="apply-then-close"),
    Row("applied and not answered", CUT_AFTER, "reset", fault="apply-then-reset"),
    Row("applied and not answered", SILENT_AFTER, "silence", fault="apply-then-hang"),
    Row("applied and not answered", SERVER_AFTER, "500", fault="apply-then-status=500"),
    Row("applied and not answered", ends("APIError", always=FINE), "408", fault="apply-then-status=408"),
    Row("not applied and not answered", CUT, "closed", fault="close"),
    Row("not applied and not answered", SILENT.only(Mode.ONCE), "silence", fault="hang"),
    Row("applied twice", TWICE, fault="apply-twice"),
    Row(
        "not applied and not answered",
        once("unknown", Column.UNBLOCK, Column.UNBLOCK_PEOPLE).but(
            Mode.ONCE, "NotFoundError: unknown", *SENT_PERHAPS[:3], Column.AGENT_UNBLOCK
        ),
        "502, and 404 from then on",
        fault="status=502",
        then="status=404",
    ),
    Row(
        "an id that is given to somebody else",
        once(FINE, Column.UNBLOCK_PEOPLE),
        "once its record was removed, and 504 answered",
        fault="apply-then-status=504",
        settings={"reuse_ids": True},
        drift="%5:insert-newest",
    ),
    Row(
        "lists that show a change late",
        LATE,
        "and nothing answered",
        fault="apply-then-close",
        settings={"stale": 3600.0},
    ),
    Row(
        "lists that show a change late",
        once("unknown", Column.BLOCK, Column.CAMPAIGN_BLOCK, Column.UNBLOCK, Column.UNBLOCK_PEOPLE),
        "nothing answered, and what is so already refused",
        fault="apply-then-close",
        settings={"stale": 3600.0, "reblock": "conflicts", "unknown_id": "fails"},
    ),
    Row(
        "lists that show a change late",
        once(FINE, Column.LIST, Column.NEWEST_FIRST, *FINDS, Column.CAMPAIGN_LIST, Column.AGENT_LIST, *CHANGES),
        "and every change answered",
        settings={"stale": 3600.0},
    ),
    Row(
        "a number added and failed",
        Ends({Mode.ALWAYS: {Column.AGENT_BLOCK: "done, refused", Column.AGENT_UNBLOCK: "done, refused"}}),
        fault="added-and-failed",
        believed=(Column.AGENT_BLOCK, Column.AGENT_UNBLOCK),
    ),
    *(
        Row(
            "numbers that are listed in another way",
            NUMBERS_FINE,
            detail,
            fault="apply-then-close",
            settings={"number_spelling": spelling},
        )
        for spelling, detail in {"no-plus": "without their +", "brackets": "with brackets"}.items()
    ),
    Row("a part applied with a 500", SERVER.but(Mode.ALWAYS, "done, unknown", *CHANGES), fault="apply-part"),
]

#: One page after the other, so that it is certain which of them meets the fault.
paged = partial(Row, window=1)
BOTH_WAYS = (Column.NEWEST_FIRST, Column.LIST)
NEW_IN_FRONT = {"campaign_newest_first": True}
AFTER_FIRST = "the newest, after the first page"
GIVES_UP = ("PaginationError", "PaginationError")
#: No read of such a list shows all, so none is taken as whole, and nobody is said to be absent.
HOLED = (
    once("unverified", Column.LIST)
    .but(Mode.ONCE, FINE, Column.FIND)
    .but(Mode.ONCE, "PaginationError", Column.FIND_NOBODY, Column.FIND_ALIKE)
    .but(Mode.ONCE, "PaginationError: not_sent", Column.UNBLOCK_PEOPLE)
)
GIVES_UP_OR_NOT = ("PaginationError", "unverified")

PAGING = [
    paged("records removed", moved(), "anywhere, after each page", drift="remove-random"),
    paged("records removed", moved(), "the oldest, after each page", drift="remove-oldest"),
    paged("records removed", moved(FINE, in_campaign=FINE), AFTER_FIRST, drift="#1:remove-newest"),
    paged("records added", moved(FINE, in_campaign=FINE), AFTER_FIRST, drift="#1:insert-newest"),
    paged(
        "records added",
        once("unverified", Column.CAMPAIGN_LIST),
        "the newest, in front, after each page",
        drift="insert-newest",
        settings=NEW_IN_FRONT,
    ),
    paged(
        "records added",
        moved("unverified", newest_first=FINE),
        "anywhere, after the second page",
        drift="#2:insert-random=3",
    ),
    paged("people blocked again", moved(), "with a new time", drift="#1-3:reblock"),
    paged("people blocked again", moved(), "as new records", drift="#1-3:replace"),
    paged("the caller unblocks what it reads", moved(), drift="unblock-what-was-read"),
    paged("a repeated page", pages(("changed", "unverified"), GIVES_UP), fault="repeat-page"),
    paged("an empty middle page", pages(("changed", "unverified")), fault="empty-page"),
    paged("an empty middle page", once(FINE, Column.FIND), "of a search", fault="empty-page"),
    paged(
        "a page size that changes",
        once(FINE, *BOTH_WAYS),
        "from page to page",
        settings={"page_sizes": (5, 3, 4)},
    ),
    paged("a page size that changes", pages((FINE, FINE), (FINE, FINE)), "pages of two records", fault="short-page=2"),
    paged(
        "unstable ties",
        once(FINE, Column.NEWEST_FIRST).but(Mode.ONCE, "PaginationError", Column.LIST),
        "in another order each time",
        settings={"ties": 2, "tie_order": "unstable"},
    ),
    paged(
        "unstable ties",
        once(FINE, *BOTH_WAYS),
        "in one order from both sides",
        settings={"ties": 8, "tie_order": "fixed"},
    ),
    paged("unstable ties", once(FINE, *BOTH_WAYS), "ordered by id", settings={"ties": 2, "tie_order": "by-id"}),
    paged("ids twice", pages(GIVES_UP_OR_NOT, GIVES_UP_OR_NOT), fault="double-record"),
    paged(
        "a list that is cut",
        HOLED.but(Mode.ONCE, "unverified", Column.NEWEST_FIRST),
        "whatever lies beyond position 10",
        settings={"offset_limit": 10},
    ),
    paged(
        "a list that is cut",
        HOLED.but(Mode.ONCE, "unverified", Column.NEWEST_FIRST),
        "whatever lies beyond position 12",
        settings={"offset_limit": 12},
    ),
    paged(
        "a list that is cut",
        HOLED.but(Mode.ONCE, FINE, Column.FIND),
        "among records of one date, which stand in one order from both sides",
        settings={"offset_limit": 20, "ties": 8, "tie_order": "fixed"},
    ),
    paged(
        "a list that is cut",
        once("unknown", Column.BLOCK, Column.UNBLOCK),
        "and a change is not answered",
        settings={"offset_limit": 10},
        fault="apply-then-close",
    ),
    paged(
        "a page that is filtered after it was cut",
        HOLED,
        "a hole of two pages",
        settings={"hidden_identifier": "lead-000001"},
    ),
    paged(
        "a page that is filtered after it was cut",
        HOLED.but(Mode.ONCE, "PaginationError", Column.FIND).but(Mode.ONCE, "changed", Column.NEWEST_FIRST),
        "one record",
        settings={"hidden_identifier": "lead-0000003"},
    ),
    paged(
        "a page that is filtered after it was cut",
        once("unverified", Column.CAMPAIGN_LIST),
        "in a campaign",
        settings={"hidden_identifier": "lead-1[0-9]$"},
    ),
    paged(
        "unstable ties",
        once(FINE, *BOTH_WAYS),
        "in another order each time, few on a page",
        settings={"ties": 2, "tie_order": "unstable", "page_size": 10},
    ),
    paged("a page out of order", pages(GIVES_UP_OR_NOT, GIVES_UP), fault="disorder"),
]

#: The changes in which people are searched for.
BY_NAME = (Column.BLOCK, Column.UNBLOCK_PEOPLE)
FINDS_ALL = once(FINE, *FINDS, *BY_NAME)
SEARCHES: dict[str, Mapping[str, object]] = {
    "parts of names are found in any case": {},
    "nothing is found ever": {"search": "nothing"},
    "names are found by their beginning": {"search": "prefix"},
    "names are found as a whole": {"search": "whole"},
    "names are found in their own case": {"search_minds_case": True},
    "only the query is put into lower case": {"search_lowers_term": True},
    "ten records are found at most": {"search_limit": 10},
    "two records are found at most": {"search_limit": 2},
    "a page is filtered after it was cut": {"search_after_cut": True},
}
SPELLINGS = {"percent-encoded": "percent-encoded", "link": "as links", "spaces": "with spaces around"}
SEARCH = [
    *(Row("a search", FINDS_ALL, detail, settings=settings) for detail, settings in SEARCHES.items()),
    *(
        Row(
            "a search",
            once(FINE, *BY_NAME),
            f"{detail}, and a change not answered",
            fault="apply-then-close",
            settings=settings,
        )
        for detail, settings in SEARCHES.items()
    ),
    *(
        Row(
            "names stored in another spelling",
            once(FINE, *FINDS, Column.UNBLOCK_PEOPLE, Column.BLOCK),
            f"{detail}, {also}",
            settings={"identifier_spelling": spelling, **settings},
            fault="apply-then-close",
        )
        for spelling, detail in SPELLINGS.items()
        for also, settings in {"searched by parts": {}, "searched as a whole": {"search": "whole"}}.items()
    ),
]

CLIENT = [
    Row("cancelled at every await", once(FINE)),
    Row("event loop closed", LOOP_CLOSED),
    Row("session closed while in use", CLOSED_IN_USE),
    Row("break in a loop", once(FINE, *LISTS)),
    Row("two loops over one listing", once(FINE, *LISTS)),
    Row(
        "deadline during a back-off",
        Ends({Mode.ONCE: {Column.FIND: "ServerError", Column.BLOCK: "unknown", Column.UNBLOCK: "unknown"}}),
        fault="status=503/30",
        deadline=0.3,
    ),
    Row("clock steps", ends("", read_once="DeadlineExceededError").only(Mode.ONCE), alone=True),
]

ROWS: dict[str, list[Row]] = {
    "connection": CONNECTION,
    "status": STATUS,
    "body": BODY,
    "effect": EFFECT,
    "paging": PAGING,
    "search": SEARCH,
    "client": CLIENT,
}
HTTP = "tests/transport/test_http.py"
#: What other tests hold, since no call of the matrix is concerned.
HELD_BY: dict[str, dict[str, str]] = {
    "client": {
        "aclose from another thread's loop": f"{HTTP}::test_closing_from_another_thread_ends_the_calls_under_way",
        "2,000 concurrent callers": "tests/faults/test_callers.py::test_2000_callers_all_end_and_each_end_is_true",
    },
    "input": {
        "1,000,000 items": "tests/faults/test_callers.py::test_a_million_items_all_end",
        "an empty list": "tests/bulk/test_runner.py::test_an_empty_input_makes_an_empty_report_and_sends_nothing",
        "a generator that raises": "tests/bulk/test_runner.py::test_a_source_that_raises_ends_the_stream_in_order",
        "identifiers as people paste them": "tests/test_identifiers.py::test_every_spelling_of_one_person_is_one_key",
        "ids that would change the path": "tests/test_session.py::test_an_id_that_would_change_the_path_is_refused",
        "a key with a newline": "tests/test_session.py::test_a_key_that_cannot_be_one_is_refused_and_not_shown",
        "http:// to another host": "tests/test_security.py::test_no_key_goes_out_in_the_clear",
        "CSV cells that a spreadsheet would run": "tests/test_security.py::test_no_cell_of_an_export_is_a_formula",
    },
}

#: What no test holds: the client keeps nothing on disk between two runs of a program.
NOT_COVERED_YET = {
    "process": (
        *("kill -9 at every journal write", "disk full", "journal from a newer version", "journal locked"),
        *("journal damaged", "journal read-only", "two processes on one journal", "out-of-order start of workers"),
    )
}
