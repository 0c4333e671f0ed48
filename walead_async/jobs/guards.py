"""What keeps a removal from being sent: pure functions. They hold back removals, never blocks.

A guard that bites withholds all removals of a plan until a person has looked at it. A record that is kept is never
removed by this plan, whoever looks.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from walead_async.models import Completeness

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "CHANGED",
    "KEEP_LISTED",
    "LATER_PLAN",
    "NOT_OURS",
    "OPTED_OUT",
    "REMOVED_AND_OPTED_OUT",
    "UNREADABLE_NAME",
    "dated_too_late",
    "why_kept",
    "why_withheld",
]

#: Removals up to so many, or up to this part of the list, are an ordinary night.
ORDINARY_REMOVALS = 10
ORDINARY_PART = 0.05
#: Clocks of the service and of this machine may differ by so much.
CLOCK_DIFFERENCE = timedelta(minutes=1)

OPTED_OUT = "the journal's outbox has taken an opt-out of this person"
REMOVED_AND_OPTED_OUT = "opted out while the removal was on its way: blocked again"
KEEP_LISTED = "named by a file or an outbox of --keep"
NOT_OURS = "no plan of this journal blocked it: --take-over makes such records the journal's own"
UNREADABLE_NAME = "a name that no source could hold"
LATER_PLAN = "a later plan wanted this person blocked"
CHANGED = "the record appeared or changed since the plan"


def why_withheld(
    *,
    removals: int,
    listed: int,
    max_removals: int | None = None,
    rows: int,
    min_rows: int = 0,
    invalid: int = 0,
    max_invalid: int = 0,
    cut: bool = False,
    ended_early: str | None = None,
    verdict: Completeness = Completeness.COMPLETE,
    unreadable_keep: Sequence[str] = (),
) -> tuple[str, ...]:
    """Every reason to withhold the removals of a mirror, in words; () if there is none.

    `removals` records of the `listed` would be removed. The source had `rows` rows, `invalid` of them of no use, and
    `cut` says that its last line has no line end, `ended_early` where it was not read to its end. `unreadable_keep`
    says which files of people to keep could not be read whole, and why.
    """
    if not removals:
        return ()
    why = []
    if max_removals is not None and removals > max_removals:
        why.append(f"{removals:,} removals, and --max-removals allows {max_removals:,}")
    elif max_removals is None and removals > ORDINARY_REMOVALS and removals > ORDINARY_PART * listed:
        why.append(f"{removals:,} removals are more than {ORDINARY_PART:.0%} of a list of {listed:,}")
    if not rows:
        why.append("the source has no row")
    elif rows < min_rows:
        why.append(f"the source has {rows:,} rows, and --min-rows asks for {min_rows:,}")
    if invalid > max_invalid:
        why.append(f"{invalid:,} invalid rows, each of which may be somebody it would unblock (--max-invalid)")
    if cut:
        why.append("the last line has no line end: the source may have been cut off")
    if ended_early is not None:
        why.append(f"the source was not read to its end: {ended_early}")
    if verdict is not Completeness.COMPLETE and verdict is not Completeness.CHANGED:
        why.append("whether the list was read to its end could not be verified")
    why.extend(f"who is to be kept is not known: {each}" for each in unreadable_keep)
    return tuple(why)


def why_kept(
    *, opted_out: bool = False, keep_listed: bool = False, ours: bool = True, readable: bool = True
) -> str | None:
    """Why a record that the source does not hold stays, None if it may be removed.

    `opted_out`: the journal's outbox has taken its person; `keep_listed`: a file of `--keep` names them; `ours`: a plan
    of this journal made the record, or took it over; `readable`: its name is one that a source can hold.
    """
    if opted_out:
        return OPTED_OUT
    if keep_listed:
        return KEEP_LISTED
    if not readable:
        return UNREADABLE_NAME
    return None if ours else NOT_OURS


def dated_too_late(created_at: datetime, last_request: datetime) -> bool:
    """Whether a record cannot be of a plan whose last request went out then: an undo leaves it."""
    return created_at > last_request + CLOCK_DIFFERENCE
