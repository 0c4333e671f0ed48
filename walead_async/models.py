"""Frozen values that know nothing of HTTP or JSON."""

from __future__ import annotations

from collections import Counter
from enum import Enum, StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

import attrs

from walead_async.errors import BulkFailedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from walead_async.errors import WaleadError

__all__ = [
    "AgentInfo",
    "BlockedLead",
    "BulkReport",
    "CampaignBlockedLead",
    "CampaignInfo",
    "Completeness",
    "LeadToBlock",
    "MissingNumbers",
    "Outcome",
    "Page",
    "Row",
    "Status",
]

T = TypeVar("T")

#: How many failures the text of a `BulkFailedError` spells out.
FAILURES_SHOWN = 5


# Without a slot for weak references `transport/decode.py` can fill records fast.
@attrs.frozen(weakref_slot=False)
class BlockedLead:
    """One record of the workspace's block list.

    `created_at` is when the lead was blocked, aware and in UTC. `reason` is None if none was given.
    """

    id: str
    public_identifier: str
    reason: str | None
    created_at: datetime
    workspace_id: str


@attrs.frozen
class CampaignBlockedLead:
    """One record of a campaign's block list. It has no id: the public identifier names it."""

    public_identifier: str
    reason: str | None
    created_at: datetime


@attrs.frozen
class CampaignInfo:
    """What a campaign is called, and how it stands.

    `status` is the service's own word; which words there are is not documented. `created_at` is aware and in UTC.
    """

    id: str
    name: str
    status: str
    created_at: datetime


@attrs.frozen
class AgentInfo:
    """A voice agent of a Phonely user, as the service lists it.

    `name`, its own phone `number` and `country` are None where the service does not tell them.
    """

    id: str
    name: str | None
    number: str | None
    country: str | None


@attrs.frozen
class MissingNumbers:
    """How the block lists of a user's voice agents differ.

    `numbers` are those that one agent holds and another lacks, each with the agents that lack it. `unread` are the
    agents whose list may not be read, by their ids, with what the service said: what these hold or lack is unknown.
    `held` are the numbers that all others hold.
    """

    numbers: Mapping[str, tuple[AgentInfo, ...]]
    unread: Mapping[str, WaleadError]
    held: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """True if every list was read, and all hold the same."""
        return not self.numbers and not self.unread


@attrs.frozen
class LeadToBlock:
    """A lead to block with a reason of its own. `public_identifier` may also be a LinkedIn profile URL."""

    public_identifier: str
    reason: str | None = None


class Row(NamedTuple):
    """One row of a file: the line it begins in, and the identifier, number or id as it stands there.

    `text` may be empty: such a row has its end too, as an invalid one. `reason` is the row's own, if it gives one.
    `problem` says what is wrong with a row that cannot be read; then `text` is the whole row.
    """

    line: int
    text: str
    reason: str | None = None
    problem: str | None = None

    @property
    def item(self) -> str | LeadToBlock | None:
        """What a bulk call takes. It is None for a row that cannot be read, so that it ends as invalid there too."""
        if self.problem is not None:
            return None
        return self.text if self.reason is None else LeadToBlock(self.text, self.reason)


@attrs.frozen
class Page(Generic[T]):
    """The records that one accepted page added to a listing, and the offset it was asked for."""

    records: tuple[T, ...]
    offset: int


class Completeness(Enum):
    """Whether a listing had every record.

    COMPLETE: every record was yielded, and the list did not change while it was read.
    CHANGED: the list changed meanwhile; every record that was there throughout was yielded exactly once.
    INCOMPLETE: the read was stopped, or it failed.
    UNVERIFIED: the service's answers left it undecidable; the listing says why.

    This is said of the list as the service showed it: where it shows a write late, the last seconds may be missing.
    """

    COMPLETE = "complete"
    CHANGED = "changed"
    INCOMPLETE = "incomplete"
    UNVERIFIED = "unverified"


class Status(StrEnum):
    """The one end of an item of a bulk call."""

    DONE = "done"
    ALREADY = "already"
    DUPLICATE = "duplicate"
    INVALID = "invalid"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    NOT_SENT = "not_sent"


#: The ends with which a person is as wanted.
SETTLED = frozenset({Status.DONE, Status.ALREADY, Status.DUPLICATE})
FAILED = tuple(status for status in Status if status not in SETTLED)


@attrs.frozen
class Outcome:
    """What became of one item of a bulk call.

    `item` is the item as given (of a `Row` its text), `key` its normalised identifier, id or number ("" if it has
    none), `detail` says why in words, `error` is what the service or the connection said, `row` the line of a file.
    """

    item: object
    key: str
    status: Status
    detail: str | None = None
    error: WaleadError | None = None
    row: int | None = None


def _count(report: BulkReport) -> Mapping[Status, int]:
    found = Counter(outcome.status for outcome in report.outcomes)
    return {status: found[status] for status in Status}


@attrs.frozen(eq=False)
class BulkReport:
    """What became of the items of a bulk call.

    `outcomes` holds one for each item, in the order of the input; `counts` how many items ended in each status, every
    status included.
    """

    outcomes: Sequence[Outcome] = attrs.field(repr=False)
    counts: Mapping[Status, int] = attrs.field(default=attrs.Factory(_count, takes_self=True))

    @property
    def ok(self) -> bool:
        """True if every item is as wanted: only DONE, ALREADY and DUPLICATE."""
        return not any(map(self.counts.get, FAILED))

    def failures(self) -> list[Outcome]:
        """The outcomes that are not as wanted, in the order of the input."""
        return list(self._failed())

    def _failed(self) -> Iterator[Outcome]:
        if self.ok:
            return iter(())
        return (outcome for outcome in self.outcomes if outcome.status not in SETTLED)

    def raise_for_failures(self) -> None:
        """Raise `BulkFailedError` if an item is INVALID, REFUSED, UNKNOWN or NOT_SENT."""
        if not self.ok:
            raise BulkFailedError(self)

    def describe(self) -> str:
        """The counts and the first failures with their reasons, in words."""
        total = sum(self.counts.values())
        counts = ", ".join(f"{count} {status.value}" for status, count in self.counts.items() if count)
        lines = [f"{total} item{'' if total == 1 else 's'}: {counts or 'none'}"]
        for outcome in islice(self._failed(), FAILURES_SHOWN):
            why = outcome.detail or outcome.error or "no reason known"
            lines.append(f"  {outcome.status.value}: {_as_text(outcome.item)}: {why}")
        failed = sum(count for status, count in self.counts.items() if status not in SETTLED)
        if failed > FAILURES_SHOWN:
            lines.append(f"  and {failed - FAILURES_SHOWN} more, in report.failures()")
        return "\n".join(lines)


def _as_text(item: object) -> str:
    """An item as a short line: what was given, not the class around it."""
    if isinstance(item, (LeadToBlock, BlockedLead)):
        item = item.public_identifier
    text = item if isinstance(item, str) else repr(item)
    return repr(text if len(text) <= 80 else text[:77] + "...")
