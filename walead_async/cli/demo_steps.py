"""The steps of the demo: each makes the calls that a program would make, and says what came of them."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import attrs

from walead_async.cli.demo_people import NUMBERS, UNBLOCKED, write_file
from walead_async.cli.progress import staged_progress
from walead_async.cli.reading import MEANINGS, counted
from walead_async.cli.tally import item_text
from walead_async.errors import APIError
from walead_async.jobs.exports import export_leads
from walead_async.jobs.sources import read_leads
from walead_async.models import BulkReport, LeadToBlock, Outcome, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from walead_async.models import BlockedLead
    from walead_async.paging.listing import Listing
    from walead_async.session import AsyncSession, VoiceAgentSession

__all__ = ["AGENT", "Ends", "Step", "block_people", "call_nobody", "export_list", "list_everybody", "unblock_some"]

AGENT = "demo-agent"
#: Smaller batches than usual, so that there is something to see on the way.
BATCH = 100
ORDER = tuple(Status)


@attrs.frozen
class Ends:
    """What became of one kind of row: so many of them ended like this, the first of them, and why."""

    kind: str
    status: Status
    rows: int
    example: str
    why: str


@attrs.frozen
class Step:
    """One step that was made: what it was for, what it did in a sentence, and the ends of every kind of row."""

    title: str
    did: str
    ends: Sequence[Ends] = ()
    facts: Mapping[str, object] = attrs.field(factory=dict)


async def list_everybody(session: AsyncSession, expected: int) -> Step:
    """Read the whole list."""
    listing = session.blocked_leads.list()
    count = 0
    with staged_progress("Reading", expected) as step:
        async for page in listing.pages():
            count += len(page.records)
            step(len(page.records))
    return Step(
        "List everybody who is blocked",
        f"{count:,} records, in {listing.requests} requests. {_verdict(listing)}",
        facts={"records": count, "requests": listing.requests, "verdict": listing.verdict.value},
    )


async def block_people(session: AsyncSession, folder: Path) -> Step:
    """Block the people of a CSV file."""
    path = folder / "opt-outs.csv"
    people = write_file(path)
    leads = [LeadToBlock(row.text, row.reason) for row in read_leads(path)]
    outcomes: list[Outcome] = []
    with staged_progress("Blocking", len(leads)) as step:
        async for outcome in session.blocked_leads.block_stream(leads, reason="opted out", batch_size=BATCH):
            outcomes.append(outcome)
            step(1)
    return Step(
        f"Block the people in {path.name}",
        f"{len(people):,} rows: {_counts(outcomes)}.",
        _ends((person.kind for person in people), outcomes),
        {"file": str(path), "rows": len(people)},
    )


async def unblock_some(session: AsyncSession) -> Step:
    """Unblock people by their identifiers."""
    report = await session.blocked_leads.unblock_identifiers([item for _, item in UNBLOCKED], check=False)
    return _reported("Unblock some of them", UNBLOCKED, report)


async def call_nobody(phones: VoiceAgentSession) -> Step:
    """Block numbers for a voice agent."""
    block_list = phones.agent(AGENT).block_list
    report = await block_list.block([number for _, number in NUMBERS], check=False)
    return _reported("Keep a voice agent from calling these numbers", NUMBERS, report)


async def export_list(session: AsyncSession, folder: Path, expected: int) -> Step:
    """Write the list to a file."""
    path = folder / "blocked.csv"
    listing = session.blocked_leads.list()
    with staged_progress("Exporting", expected) as step:
        count = await export_leads(path, counted(listing, step))
    return Step(
        "Export the list",
        f"{count:,} records, in {path}. {_verdict(listing)}",
        facts={"file": str(path), "records": count, "verdict": listing.verdict.value},
    )


def _reported(title: str, given: Sequence[tuple[str, str]], report: BulkReport) -> Step:
    did = f"{len(given)} rows: {_counts(report.outcomes)}."
    return Step(title, did, _ends((kind for kind, _ in given), report.outcomes), {"rows": len(given)})


def _verdict(listing: Listing[BlockedLead]) -> str:
    return f"{listing.verdict.name}: {MEANINGS[listing.verdict]}."


def _counts(outcomes: Iterable[Outcome]) -> str:
    counts = Counter(outcome.status for outcome in outcomes)
    return ", ".join(f"{counts[status]:,} {status}" for status in Status if counts[status])


def _ends(kinds: Iterable[str], outcomes: Sequence[Outcome]) -> list[Ends]:
    """Sum up the outcomes by how they ended, and then by the kind of row."""
    found: dict[tuple[str, Status], list[Outcome]] = {}
    for kind, outcome in zip(kinds, outcomes, strict=True):
        found.setdefault((kind, outcome.status), []).append(outcome)
    ends = [
        Ends(kind, status, len(same), item_text(same[0].item), _why(same[0])) for (kind, status), same in found.items()
    ]
    return sorted(ends, key=lambda one: (ORDER.index(one.status), -one.rows))


def _why(outcome: Outcome) -> str:
    """Why it ended so, without the advice; or how it was sent, where that is all there is to say."""
    if isinstance(outcome.error, APIError):
        return outcome.error.message
    if outcome.detail is not None:
        return re.split(r": | \(", outcome.detail, maxsplit=1)[0]
    return f"sent as {outcome.key}"
