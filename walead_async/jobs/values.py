"""What the calls of `walead_async.jobs` return: frozen values, as the command line prints them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, TypeAlias

import attrs

from walead_async.models import Completeness

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from walead_async.errors import WaleadError

__all__ = [
    "ApplyReport",
    "EraseReport",
    "InvalidRow",
    "Mode",
    "Plan",
    "PlanState",
    "PlanStatus",
    "Progress",
    "ProgressCallback",
    "PruneReport",
]

#: How a source and the list are brought together; `undo` is the mode of a plan that `undo` made.
Mode: TypeAlias = Literal["add", "mirror", "undo"]


class PlanState(StrEnum):
    """Where a plan stands.

    PLANNED: nothing was sent yet. APPLYING: a process works on it now. STOPPED: an apply of it ended early, by an
    outage, an interruption or `kill -9`. VERIFIED: the closing listing showed what was wanted. UNVERIFIED: it did not,
    or could not. CLOSED: a later plan covers it, or it was undone; it is never applied again.
    """

    PLANNED = "planned"
    APPLYING = "applying"
    STOPPED = "stopped"
    VERIFIED = "verified"
    UNVERIFIED = "unverified"
    CLOSED = "closed"


@attrs.frozen
class Progress:
    """How far a call has come: `done` of `total` (None where it is not known) of what `phase` names.

    `phase` is "reading", "listing", "comparing", "blocking", "unblocking", "verifying" or "waiting"; `detail` says in
    words what is waited for.
    """

    phase: str
    done: int = 0
    total: int | None = None
    detail: str | None = None


#: A plain function that is called in the event loop whenever there is something to tell.
ProgressCallback: TypeAlias = Callable[[Progress], object]


@attrs.frozen
class InvalidRow:
    """A row of a source that cannot be used: its line, its text and why."""

    line: int
    text: str
    why: str


@attrs.frozen(kw_only=True)
class Plan:
    """What `plan` or `undo` found, and will be done by `apply`: the preview.

    `id` names it; `target` is "workspace", "campaign:ID" or "agent:ID". `rows` were read from the source: `duplicate`
    of them repeat another one, `invalid` cannot be used (`invalid_rows` are the first 20, `rejected` is the file that
    holds all of them), the others are people. `block` of these are to be blocked, `already` are blocked, with
    `reason_differs` of them for another reason (which stays). `unblock` records are to be removed; `withheld` would be,
    but for what `why_withheld` says; `kept` stay whatever is said, `why_kept` counts them by reason.

    `listed` is how many records the list held, `verdict` whether that was all. `ended_early` says where and why a
    source was not read to its end, None if it was; `cut` is its last row if that has no line end. `column` names the
    columns that were taken. `not_undone` counts what an undo leaves as it is, by reason.
    """

    id: str
    mode: Mode
    target: str
    block: int = 0
    unblock: int = 0
    withheld: int = 0
    already: int = 0
    duplicate: int = 0
    invalid: int = 0
    kept: int = 0
    reason_differs: int = 0
    rows: int = 0
    listed: int = 0
    verdict: Completeness = Completeness.INCOMPLETE
    column: str | None = None
    invalid_rows: tuple[InvalidRow, ...] = ()
    rejected: Path | None = None
    why_withheld: tuple[str, ...] = ()
    why_kept: Mapping[str, int] = attrs.field(factory=dict)
    ended_early: str | None = None
    cut: InvalidRow | None = None
    not_undone: Mapping[str, int] = attrs.field(factory=dict)
    note: str | None = None
    by: str = ""


@attrs.frozen(kw_only=True)
class ApplyReport:
    """How an apply ended.

    `counts` are the plan's items by how they ended: a `Status` value, "kept", "withheld", or "open" for those whose
    turn did not come. `missing` people are wanted and not on the closing list, `extra` records were to be removed and
    still stand there. `verified` is True if the closing list, whose verdict is `verdict`, shows what was wanted (with
    withheld removals alone, too). `error` is what stopped it. `invalid` rows of the source are more than `max_invalid`
    allows if `ok` is to be false for that alone.
    """

    plan: str
    state: PlanState
    counts: Mapping[str, int]
    verified: bool
    missing: int = 0
    extra: int = 0
    kept: int = 0
    withheld: int = 0
    invalid: int = 0
    max_invalid: int = 0
    verdict: Completeness = Completeness.INCOMPLETE
    error: WaleadError | None = None

    @property
    def unknown(self) -> bool:
        """Whether an outcome is unknown, or the closing list could not be verified where that was needed."""
        return bool(self.counts.get("unknown")) or (not self.verified and self.verdict is Completeness.UNVERIFIED)

    @property
    def ok(self) -> bool:
        """Whether all is as wanted: verified, nothing refused, unknown or withheld, not too many invalid rows."""
        failed = any(self.counts.get(end) for end in ("refused", "unknown", "not_sent", "invalid", "open", "withheld"))
        return self.verified and not failed and not self.withheld and self.invalid <= self.max_invalid


@attrs.frozen(kw_only=True)
class PlanStatus:
    """A plan as the journal has it: `done` items of `total` ended as wanted, or were kept.

    `counts` are as in `ApplyReport`; `verified`, `missing` and `extra` are those of its last closing listing.
    """

    plan: str
    state: PlanState
    done: int
    total: int
    counts: Mapping[str, int]
    mode: Mode
    target: str
    created_at: datetime
    by: str
    note: str | None = None
    verified: bool = False
    missing: int = 0
    extra: int = 0


@attrs.frozen(kw_only=True)
class PruneReport:
    """What `prune` removed: plans, their items, sources that nothing needs any more, and files of rejected rows."""

    plans: int = 0
    items: int = 0
    sources: int = 0
    files: int = 0


@attrs.frozen(kw_only=True)
class EraseReport:
    """What `erase` removed of one person: items of plans, places in sources, and rows of files of rejected rows."""

    items: int = 0
    sources: int = 0
    rejected: int = 0
