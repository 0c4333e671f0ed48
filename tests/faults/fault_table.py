"""The fault matrix as data: what goes wrong, and the promised end of each call. A new fault is a line here."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, StrEnum

import attrs
from fault_calls import BLOCKS, CALLS, FINE, READS, UNBLOCKS, Column
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


@attrs.frozen(kw_only=True)
class Play:
    """How a fault is played: by the emulator, on the wire, on the way to it, or by the calling program itself.

    With `impatient` the session has short time-outs, because nothing arrives. In the columns of `deceives` the
    service says, if it says so every time, what is not so, and nothing could tell: there the end is not compared with
    the truth. With `kept` the fault is met on a
    connection that an earlier request left open. `window` is that of listings.
    """

    fault: str | None = None
    drift: str | None = None
    settings: Mapping[str, object] = attrs.Factory(dict)
    wire: WireFault | None = None
    way: Way | None = None
    client: str | None = None
    deadline: float = 20.0
    impatient: bool = False
    deceives: tuple[Column, ...] = ()
    kept: bool = False
    window: int = 8


@attrs.frozen
class Ends:
    """The promised ends, in words: a table by mode and column.

    "fine" is as if nothing had happened. An error is what a read raises, or what ended a run; statuses are those of
    the items of a bulk call.
    """

    by_mode: Mapping[Mode, Mapping[Column, str]]

    def but(self, mode: Mode, end: str, *columns: Column) -> Ends:
        """The same with another end in some columns."""
        changed = {**self.by_mode[mode], **dict.fromkeys(columns, end)}
        return Ends({**self.by_mode, mode: changed})


def ends(
    error: str, *, read_once: str = FINE, once: str = FINE, always: str = "unknown", down: str = "unknown"
) -> Ends:
    """What most faults have in common: the calls of a kind end alike, and a look-up that fails sends nothing."""

    def row(reads: str, changes: str) -> dict[Column, str]:
        return {**dict.fromkeys(READS, reads), **dict.fromkeys((*BLOCKS, *UNBLOCKS), changes)}

    every_request = {**row(error, down), Column.UNBLOCK_PEOPLE: f"{error}: not_sent"}
    return Ends({Mode.ONCE: row(read_once, once), Mode.ALWAYS: row(error, always), Mode.DOWN: every_request})


def ends_the_run(error: str) -> Ends:
    """The call is over at once, and what was not sent is not sent."""
    left = f"{error}: not_sent"
    return ends(error, read_once=error, once=left, always=left, down=left)


def refused(error: str) -> Ends:
    """The request itself is wrong: batches are tried in parts, and what is refused alone is refused."""
    return ends(error, read_once=error, always="refused", down="refused")


def same(end: str) -> Ends:
    """The same end always."""
    return Ends({mode: dict.fromkeys(Column, end) for mode in Mode})


def listed(once: str, always: str, *, in_campaign: str, always_in_campaign: str) -> Ends:
    """The ends of listings; in a campaign, whose list has neither ids nor an order, less can be told."""
    ends = same(FINE).but(Mode.ONCE, once, Column.LIST).but(Mode.ALWAYS, always, Column.LIST)
    ends = ends.but(Mode.ONCE, in_campaign, Column.CAMPAIGN_LIST)
    return ends.but(Mode.ALWAYS, always_in_campaign, Column.CAMPAIGN_LIST)


NOTHING = same(FINE)
#: 5xx and the like: another try may help, and nobody knows whether it was carried out.
SERVER = ends("ServerError").but(Mode.DOWN, "ServerError: unknown", *BLOCKS)
NOT_CARRIED_OUT = ends("RateLimitedError", always="not_sent", down="not_sent")
CUT = ends("ConnectionFailedError")
CUT_AFTER = ends("ConnectionFailedError", always=FINE)
SILENT = ends("DeadlineExceededError")
SILENT_AFTER = ends("DeadlineExceededError", always=FINE)
#: No other try, and it proves nothing.
REDIRECTED = ends("APIError", read_once="APIError")
UNREADABLE = ends("UnexpectedResponseError", read_once="UnexpectedResponseError")
UNREADABLE_AFTER = ends("UnexpectedResponseError", read_once="UnexpectedResponseError", always=FINE)
NO_CONNECTION = ends("ConnectionFailedError", down="not_sent")
#: Only the records have dates.
BAD_DATE = (
    ends("UnexpectedResponseError", read_once="UnexpectedResponseError", always=FINE, down=FINE)
    .but(Mode.ONCE, FINE, Column.AGENT_LIST)
    .but(Mode.ALWAYS, FINE, Column.AGENT_LIST)
)
CLOSED = ends("SessionClosedError", read_once="SessionClosedError", once="SessionClosedError: unknown")

ONCE = (Mode.ONCE,)
ALWAYS = (Mode.ALWAYS,)
DOWN = (Mode.DOWN,)
RECURRING = (Mode.ONCE, Mode.ALWAYS)
LISTS = (Column.LIST, Column.CAMPAIGN_LIST, Column.AGENT_LIST)
PAGED = (Column.LIST, Column.CAMPAIGN_LIST)
#: One of each kind, where a cell takes long.
SINGLE = (Column.FIND, Column.BLOCK, Column.UNBLOCK)
ELSEWHERE = "redirect={}/http://elsewhere.example/"


@attrs.frozen
class Row:
    """A fault by its name in `MUST_SURVIVE`, how it is played, and how the calls end that it concerns."""

    name: str
    play: Play
    ends: Ends
    modes: tuple[Mode, ...] = tuple(Mode)
    columns: tuple[Column, ...] = CALLS
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.name}, {self.detail}" if self.detail else self.name


def emulated(name: str, fault: str, ends: Ends, *, detail: str = "", **options: object) -> Row:
    """A row that the emulator plays; options of the row and of its play."""
    of_row = {key: options.pop(key) for key in ("modes", "columns") if key in options}
    return Row(name, Play(fault=fault, **options), ends, detail=detail, **of_row)  # type: ignore[arg-type]


def drifting(
    name: str,
    drift: str,
    detail: str = "",
    *,
    end: str = "changed",
    newest_first: str = "changed",
    in_campaign: str = "unverified",
) -> Row:
    """A row in which other people change the list while it is read."""
    ends = listed(end, "", in_campaign=in_campaign, always_in_campaign="")
    ends = ends.but(Mode.ONCE, newest_first, Column.NEWEST_FIRST)
    return Row(name, Play(drift=drift, window=1), ends, ONCE, (Column.NEWEST_FIRST, *PAGED), detail)


def behaving(name: str, end: str, detail: str, **settings: object) -> Row:
    """A row in which the service keeps to its rules, as odd as they are."""
    return Row(name, Play(settings=settings, window=1), same(end), ONCE, (Column.NEWEST_FIRST, Column.LIST), detail)


def client(name: str, scenario: str, ends: Ends, columns: tuple[Column, ...] = CALLS) -> Row:
    """A row in which the calling program misbehaves."""
    return Row(name, Play(client=scenario), ends, ONCE, columns)
