"""The fault matrix as data: what goes wrong, and how each call ends then.

To add a fault that somebody met:

1. Put a line into the list of its group below: `Row(NAME, ENDS, DETAIL, how it is played)`. It is played by a fault of
   the emulator (`fault="status=500"`), a change of the list meanwhile (`drift="remove-oldest"`), a switch of the
   emulator (`settings={"ties": 2}`, any field of `Settings`), on the wire (`wire=`), on the way (`way=`), or by a
   program that misbehaves (`SCENARIOS` in `fault_cells.py`, by the name of the row).
2. Say how it must end, not how it does: `once(FINE, Column.FIND)` is one cell, `ends("ServerError")` most of a table.
   Several rows may share a name and differ in their detail.
3. `python tests/faults/matrix.py --row NAME` runs it, and without `--row` all, and writes the page.

A service whose search finds nothing, were there a switch for it, would be one line:
`Row("a search that finds nothing", once(FINE, Column.FIND), settings={"search": "nothing"})`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, StrEnum
from functools import partial

import attrs
from fault_calls import BLOCKS, FINE, READS, UNBLOCKS, Column
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

    In the text of a fault `{soon}` is the date in some seconds. `deadline`, in seconds, and `window` are those of the
    session and its listings. A row that is `kept` meets its
    fault on a connection that an earlier request left open. In the columns of `believed` the service says, if it says
    so every time, what is not so, and nothing could tell: there the end is not compared with the truth. The cells of
    a row run side by side, unless they take much memory or the clock, and have to be `alone`.
    """

    name: str
    ends: Ends
    detail: str = ""
    fault: str | None = attrs.field(default=None, kw_only=True)
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

CONNECTION = [
    Row("refused", NO_CONNECTION, way=Way.REFUSED),
    Row("DNS failure", NO_CONNECTION, way=Way.UNRESOLVED),
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
    *(Row("3xx to another host", REDIRECTED, str(code), fault=ELSEWHERE.format(code)) for code in REDIRECTS),
    Row("204", UNREADABLE, fault="status=204"),
    Row("204", UNREADABLE_AFTER, "carried out", fault="apply-then-status=204"),
    Row("other statuses", refused("InvalidRequestError"), "400", fault="status=400"),
    Row(
        "an echo of the key",
        refused("InvalidRequestError").only(Mode.ONCE, Mode.ALWAYS),
        wire=WireFault.ECHO,
    ),
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
]

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
    Row("a part applied with a 500", SERVER.but(Mode.ALWAYS, "done, unknown", *CHANGES), fault="apply-part"),
]

#: One page after the other, so that it is certain which of them meets the fault.
paged = partial(Row, window=1)
BOTH_WAYS = (Column.NEWEST_FIRST, Column.LIST)
NEW_IN_FRONT = {"campaign_newest_first": True}
AFTER_FIRST = "the newest, after the first page"
GIVES_UP = ("PaginationError", "PaginationError")
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
    paged("unstable ties", once(FINE, *BOTH_WAYS), "ordered by id", settings={"ties": 2, "tie_order": "by-id"}),
    paged("ids twice", pages(GIVES_UP_OR_NOT, GIVES_UP_OR_NOT), fault="double-record"),
    paged("a page out of order", pages(GIVES_UP_OR_NOT, GIVES_UP), fault="disorder"),
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
    "client": CLIENT,
}
#: What other tests hold, since no call of the matrix is concerned.
HELD_BY: dict[str, dict[str, str]] = {
    "client": {
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
