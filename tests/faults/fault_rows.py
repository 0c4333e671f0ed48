"""The rows of the fault matrix, by group."""

from __future__ import annotations

from fault_calls import BLOCKS, FINE, UNBLOCKS, Column
from fault_proxy import WireFault
from fault_table import (
    ALWAYS,
    BAD_DATE,
    CLOSED,
    CUT,
    CUT_AFTER,
    DOWN,
    ELSEWHERE,
    LISTS,
    NO_CONNECTION,
    NOT_CARRIED_OUT,
    NOTHING,
    ONCE,
    PAGED,
    RECURRING,
    REDIRECTED,
    SERVER,
    SILENT,
    SILENT_AFTER,
    SINGLE,
    UNREADABLE,
    UNREADABLE_AFTER,
    Mode,
    Play,
    Row,
    Way,
    behaving,
    client,
    drifting,
    emulated,
    ends,
    ends_the_run,
    listed,
    refused,
    same,
)

NOT_FOUND = (
    ends_the_run("NotFoundError")
    .but(Mode.ONCE, FINE, Column.UNBLOCK, Column.UNBLOCK_PEOPLE)
    .but(Mode.ALWAYS, "already", Column.UNBLOCK)
    .but(Mode.ALWAYS, "refused", Column.UNBLOCK_PEOPLE)
    .but(Mode.DOWN, "already", Column.UNBLOCK)
)
TIMED_OUT = ends("APIError")
TWICE = (
    same("already")
    .but(Mode.ONCE, FINE, *(*LISTS, Column.FIND, Column.UNBLOCK_PEOPLE))
    .but(Mode.ALWAYS, FINE, *(*LISTS, Column.FIND, Column.UNBLOCK_PEOPLE))
    .but(Mode.DOWN, FINE, Column.UNBLOCK_PEOPLE)
)
SUCCESS_FALSE_AFTER = (
    UNREADABLE_AFTER.but(Mode.ONCE, FINE, Column.AGENT_LIST)
    .but(Mode.ALWAYS, FINE, Column.AGENT_LIST)
    .but(Mode.DOWN, FINE, Column.AGENT_BLOCK, Column.AGENT_UNBLOCK)
)

NEXT_REQUEST = "at the next request"

CONNECTION = [
    Row("refused", Play(way=Way.REFUSED), NO_CONNECTION, DOWN),
    Row("DNS failure", Play(way=Way.UNRESOLVED), NO_CONNECTION, DOWN),
    Row("TLS with a wrong certificate", Play(way=Way.CERTIFICATE), NO_CONNECTION, DOWN),
    Row("reset before the body", Play(wire=WireFault.RESET_IN_REQUEST), CUT, detail="inside the request"),
    emulated("reset before the body", "reset", CUT, detail="before the answer"),
    emulated("reset before the body", "close", CUT, detail="closed before the answer"),
    emulated("reset before the body", "reset-in-head", CUT_AFTER, detail="in the headers of the answer"),
    emulated("reset before the body", "reset-before-body", CUT_AFTER, detail="between headers and body"),
    emulated("reset during the body", "reset-in-body", CUT_AFTER),
    emulated("reset during the body", "cut-body", CUT_AFTER, detail="closed in it"),
    emulated("reset after the body", "reset-after-body", NOTHING),
    Row("half-open for ever", Play(wire=WireFault.HALF_OPEN, impatient=True), SILENT, RECURRING),
    emulated("half-open for ever", "hang", SILENT, detail="after the request", modes=RECURRING, impatient=True),
    emulated("closed keep-alive", "close-after", NOTHING, detail="after the answer"),
    Row("closed keep-alive", Play(wire=WireFault.CLOSED_KEEP_ALIVE, kept=True), NOTHING, ONCE, detail=NEXT_REQUEST),
    emulated("a slow body", "slow-body", SILENT_AFTER, modes=RECURRING, impatient=True),
]

STATUS = [
    emulated("401", "status=401", ends_the_run("AuthenticationError")),
    emulated("403", "status=403", ends_the_run("PermissionDeniedError")),
    emulated("404", "status=404", NOT_FOUND, deceives=(Column.UNBLOCK,)),
    emulated("408", "status=408", TIMED_OUT),
    emulated("409", "status=409", refused("ConflictError").but(Mode.DOWN, "unknown", *BLOCKS)),
    emulated("413", "status=413", refused("PayloadTooLargeError")),
    emulated("422", "status=422", refused("InvalidRequestError")),
    emulated("425", "status=425", ends("APIError", always="not_sent", down="not_sent")),
    emulated("429", "status=429", NOT_CARRIED_OUT, detail="no Retry-After"),
    emulated("429", "status=429/0.02", NOT_CARRIED_OUT, detail="Retry-After in seconds"),
    emulated(
        "429", "status=429/IN-A-SECOND", NOT_CARRIED_OUT, detail="Retry-After as a date", modes=ONCE, columns=SINGLE
    ),
    emulated("429", "status=429/Wed, 21 Oct 2015 07:28:00 GMT", NOT_CARRIED_OUT, detail="Retry-After in the past"),
    emulated("429", "status=429/soon", NOT_CARRIED_OUT, detail="Retry-After as nonsense"),
    emulated("429", "status=429/3600", NOT_CARRIED_OUT, detail="Retry-After beyond the deadline", modes=ALWAYS),
    emulated("500", "status=500", SERVER),
    emulated("502", "status=502", SERVER),
    emulated("503", "status=503", SERVER),
    emulated("503", "status=503/0.01", SERVER, detail="with Retry-After"),
    emulated("504", "status=504", SERVER),
    emulated("an HTML error page", "html=502", SERVER, detail="with 502"),
    emulated("an HTML error page", "html=200", UNREADABLE, detail="with 200"),
    *(
        emulated("3xx to another host", ELSEWHERE.format(code), REDIRECTED, detail=str(code))
        for code in (301, 302, 303, 307, 308)
    ),
    emulated("204", "status=204", UNREADABLE),
    emulated("204", "apply-then-status=204", UNREADABLE_AFTER, detail="carried out"),
    emulated("other statuses", "status=400", refused("InvalidRequestError"), detail="400"),
    Row("an echo of the key", Play(wire=WireFault.ECHO), refused("InvalidRequestError"), RECURRING),
    emulated("other statuses", "status=501", ends("ServerError", read_once="ServerError"), detail="501"),
]

BODY = [
    emulated("empty", "empty", UNREADABLE_AFTER),
    emulated("null", "null", UNREADABLE_AFTER),
    emulated("an object for an array", "wrong-shape", UNREADABLE_AFTER),
    emulated("truncated JSON", "cut-json", UNREADABLE_AFTER),
    emulated("truncated gzip", "cut-gzip", CUT_AFTER),
    emulated("success: false", "success-false", UNREADABLE, detail="not carried out"),
    emulated("success: false", "apply-then-success-false", SUCCESS_FALSE_AFTER, detail="carried out"),
    emulated("extra fields", "extra-fields", NOTHING),
    emulated("a missing field", "missing-field", UNREADABLE_AFTER),
    emulated("a wrong type", "wrong-type", UNREADABLE_AFTER),
    emulated("a bad date", "bad-date", BAD_DATE),
    emulated("NaN", "nan", UNREADABLE_AFTER),
    emulated("a lone surrogate", "lone-surrogate", UNREADABLE_AFTER),
    emulated("100 MB", "huge-body=100M", UNREADABLE_AFTER),
    emulated("a zip bomb", "zip-bomb=70M", UNREADABLE_AFTER, modes=RECURRING),
    emulated("a wrong charset", "wrong-charset", NOTHING, detail="UTF-8 that says it is UTF-16"),
    emulated("a wrong charset", "not-utf8", UNREADABLE_AFTER, detail="Latin-1 that says it is UTF-8"),
]

EFFECT = [
    Row("applied and answered", Play(), NOTHING, ONCE),
    emulated(
        "applied and not answered",
        "apply-then-close",
        same("unknown"),
        detail="and a list that proves no absence",
        modes=ONCE,
        columns=(Column.UNBLOCK,),
        settings={"page_sizes": (5, 3, 4)},
    ),
    emulated("applied and not answered", "apply-then-close", CUT_AFTER, detail="closed"),
    emulated("applied and not answered", "apply-then-reset", CUT_AFTER, detail="reset"),
    emulated(
        "applied and not answered",
        "apply-then-hang",
        SILENT_AFTER,
        detail="silence",
        modes=RECURRING,
        impatient=True,
    ),
    emulated(
        "applied and not answered",
        "apply-then-status=500",
        ends("ServerError", always=FINE).but(Mode.DOWN, "ServerError: unknown", *BLOCKS),
        detail="500",
    ),
    emulated("applied and not answered", "apply-then-status=408", ends("APIError", always=FINE), detail="408"),
    emulated("not applied and not answered", "close", CUT, detail="closed"),
    emulated("not applied and not answered", "hang", SILENT, detail="silence", modes=ONCE, impatient=True),
    emulated("applied twice", "apply-twice", TWICE),
    emulated("a part applied with a 500", "apply-part", SERVER.but(Mode.ALWAYS, "done, unknown", *BLOCKS, *UNBLOCKS)),
]

PAGING = [
    drifting("records removed", "remove-random", "anywhere, after each page"),
    drifting("records removed", "remove-oldest", "the oldest, after each page", newest_first=FINE),
    drifting("records removed", "#1:remove-newest", "the newest, after the first page", end=FINE, in_campaign=FINE),
    drifting("records added", "#1:insert-newest", "the newest, after the first page", end=FINE, in_campaign=FINE),
    Row(
        "records added",
        Play(drift="insert-newest", window=1, settings={"campaign_newest_first": True}),
        same("unverified"),
        ONCE,
        (Column.CAMPAIGN_LIST,),
        "the newest, in front, after each page",
    ),
    drifting(
        "records added",
        "#2:insert-random=3",
        "anywhere, after the second page",
        end="unverified",
        newest_first=FINE,
        in_campaign="changed",
    ),
    drifting("people blocked again", "#1-3:reblock", "with a new time"),
    drifting("people blocked again", "#1-3:replace", "as new records"),
    drifting("the caller unblocks what it reads", "unblock-what-was-read"),
    emulated(
        "a repeated page",
        "repeat-page",
        listed("changed", "PaginationError", in_campaign="unverified", always_in_campaign="PaginationError"),
        columns=PAGED,
        window=1,
    ),
    emulated(
        "an empty middle page",
        "empty-page",
        listed("changed", "", in_campaign="changed", always_in_campaign=""),
        columns=PAGED,
        modes=ONCE,
        window=1,
    ),
    emulated("an empty middle page", "empty-page", NOTHING, detail="of a search", modes=ONCE, columns=(Column.FIND,)),
    behaving("a page size that changes", "unverified", "from page to page", page_sizes=(5, 3, 4)),
    emulated(
        "a page size that changes",
        "short-page=2",
        listed("unverified", FINE, in_campaign="unverified", always_in_campaign=FINE),
        detail="pages of two records",
        columns=PAGED,
        window=1,
    ),
    behaving("unstable ties", "changed", "in another order each time", ties=2, tie_order="unstable"),
    behaving("unstable ties", FINE, "ordered by id", ties=2, tie_order="by-id"),
    emulated(
        "ids twice",
        "double-record",
        listed("PaginationError", "PaginationError", in_campaign="unverified", always_in_campaign="unverified"),
        columns=PAGED,
        window=1,
    ),
    emulated(
        "a page out of order",
        "disorder",
        listed("PaginationError", "PaginationError", in_campaign="unverified", always_in_campaign="PaginationError"),
        columns=PAGED,
        window=1,
    ),
]

CLIENT = [
    client("cancelled at every await", "cancelled", NOTHING),
    client(
        "event loop closed",
        "loop closed",
        ends("", read_once="SessionClosedError", once="SessionClosedError: not_sent"),
    ),
    client("session closed while in use", "closed", CLOSED),
    client("break in a loop", "break", NOTHING, LISTS),
    client("two loops over one listing", "two loops", NOTHING, LISTS),
    emulated(
        "deadline during a back-off",
        "status=503/30",
        ends("ServerError", read_once="ServerError", once="unknown"),
        modes=ONCE,
        columns=SINGLE,
        deadline=0.3,
    ),
    client("clock steps", "clock", ends("", read_once="DeadlineExceededError")),
]

ROWS: dict[str, list[Row]] = {
    "connection": CONNECTION,
    "status": STATUS,
    "body": BODY,
    "effect": EFFECT,
    "paging": PAGING,
    "client": CLIENT,
}
