"""What commands have in common: a session with progress, each result as it comes, and at last what it came to."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

from walead_async.cli.options import ExitCode, exit_code_of
from walead_async.cli.output import (
    count_of,
    error_words,
    in_options,
    progress,
    release_streams,
    say,
    write_json,
    write_words,
)
from walead_async.errors import APIError, BulkFailedError, WaleadError
from walead_async.models import SETTLED, Completeness, LeadToBlock, Status
from walead_async.phones import NOT_INTERNATIONAL
from walead_async.session import AsyncSession, VoiceAgentSession

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator

    from walead_async.bulk.api import BulkStream
    from walead_async.cli.inputs import Inputs
    from walead_async.cli.options import ServiceOptions
    from walead_async.models import BlockedLead, BulkReport, CampaignBlockedLead, Outcome
    from walead_async.paging.listing import Listing

__all__ = [
    "MEANINGS",
    "Remarks",
    "Tally",
    "error_fields",
    "item_text",
    "lead_fields",
    "lead_words",
    "outcome_fields",
    "outcomes_of",
    "place_of",
    "print_outcomes",
    "print_records",
    "say_verdict",
    "voice_agents",
    "why_of",
    "workspace",
]

T = TypeVar("T")

#: What each verdict says of the list that was read.
MEANINGS = {
    Completeness.COMPLETE: "the list did not change while it was read",
    Completeness.CHANGED: "the list changed while it was read; everybody who was there throughout is in it once",
    Completeness.INCOMPLETE: "the read ended before the list did",
    Completeness.UNVERIFIED: "the answers do not tell whether this is the whole list",
}
#: What the detail of an item may say that is counted at the end, with the way out.
REMARKS = {
    NOT_INTERNATIONAL: "not in international form: --region CC reads them as numbers of that country",
    "unblock_identifiers": "that may be no record's id: people are unblocked by identifier, so leave out --by id",
}
#: How many failures are spelled out for people; a program gets all of them by --json.
SHOWN = 20
#: How many different errors behind them are told beside JSON.
ERRORS_SHOWN = 3
LONGEST = 80


@asynccontextmanager
async def workspace(
    service: ServiceOptions, things: str, total: int | None = None, *, beside_lines: bool = False
) -> AsyncIterator[AsyncSession]:
    """The session of a workspace, and its progress on stderr meanwhile; see `progress`."""
    async with (
        progress(things, total, beside_lines=beside_lines) as shown,
        AsyncSession(base_url=service.base_url, proxy=service.proxy, ssl=service.ca, hooks=[shown]) as session,
    ):
        yield session


@asynccontextmanager
async def voice_agents(
    service: ServiceOptions,
    uid: str | None,
    things: str,
    total: int | None = None,
    *,
    region: str | None = None,
    beside_lines: bool = False,
) -> AsyncIterator[VoiceAgentSession]:
    """The same for a user's voice agents."""
    async with (
        progress(things, total, beside_lines=beside_lines) as shown,
        VoiceAgentSession(
            uid=uid,
            region=region,
            base_url=service.base_url,
            proxy=service.proxy,
            ssl=service.ca,
            hooks=[shown],
        ) as phones,
    ):
        yield phones


async def print_records(
    listing: Listing[T],
    fields: Callable[[T], dict[str, object]],
    words: Callable[[T], str],
    *,
    as_json: bool,
    limit: int | None = None,
) -> ExitCode:
    """Print every record, or the first ones, page by page, as JSON or in words. The verdict comes last, on stderr."""
    count = 0
    failure: WaleadError | None = None
    try:
        async with aclosing(listing.pages()) as pages:
            async for page in pages:
                records = page.records if limit is None else page.records[: limit - count]
                if as_json:
                    write_json(map(fields, records))
                else:
                    write_words(map(words, records))
                count += len(records)
                if count == limit:
                    say(f"{count_of(count, 'record')}, and no more was asked for")
                    return ExitCode.DONE
    except WaleadError as error:
        failure = error
        say(f"walead: {error_words(error)}")
    except asyncio.CancelledError:
        say(f"So far: {count_of(count, 'record')}")
        raise
    return say_verdict(listing, count, failure)


def say_verdict(listing: Listing[T], count: int, failure: WaleadError | None = None) -> ExitCode:
    """Say what the read was worth, and return what that means for the exit code."""
    verdict = Completeness.INCOMPLETE if failure else listing.verdict
    why = f": {listing.why}" if verdict is Completeness.UNVERIFIED and listing.why else ""
    say(f"{verdict.name}: {count_of(count, 'record')}; {MEANINGS[verdict]}{why}")
    if failure is not None:
        return exit_code_of(failure, sent=count > 0)
    return ExitCode.UNKNOWN if verdict is Completeness.UNVERIFIED else ExitCode.DONE


async def print_outcomes(outcomes: AsyncGenerator[Outcome] | BulkStream, given: Inputs, *, as_json: bool) -> ExitCode:
    """Print each outcome as it comes, sum up, and return the exit code."""
    tally = Tally()
    failure: WaleadError | None = None
    try:
        async with aclosing(outcomes):
            async for outcome in outcomes:
                tally.add(outcome)
                if as_json:
                    write_json([outcome_fields(outcome)])
    except WaleadError as error:
        failure = error
        say(f"walead: {error_words(error)}")
    except BrokenPipeError:
        release_streams()
        return ExitCode.UNKNOWN if given.taken > tally.total else tally.code(None)
    except asyncio.CancelledError:
        say(f"So far: {tally.summary()}. What is not among these may or may not have been done.")
        raise
    if as_json:
        for line in tally.beside_json(failure):
            say(line)
    elif tally.total or failure is None:
        write_words(tally.lines())
    return tally.code(failure)


async def outcomes_of(call: Awaitable[BulkReport]) -> AsyncGenerator[Outcome]:
    """The outcomes of a call that reports at its end; then the error that ended it, if one did."""
    failure: WaleadError | None = None
    try:
        report = await call
    except WaleadError as error:
        if error.report is None:
            raise
        failure, report = error, error.report
    for outcome in report.outcomes:
        yield outcome
    if failure is not None and not isinstance(failure, BulkFailedError):
        raise failure


class Tally:
    """Counts outcomes, and keeps the first failures with their lines."""

    def __init__(self) -> None:
        self._counts: Counter[Status] = Counter()
        self._failures: list[Outcome] = []
        # Why items were not sent, or nothing is known of them: the first errors.
        self._errors: list[str] = []
        self._remarks = Remarks()

    def add(self, outcome: Outcome) -> None:
        """Count one outcome."""
        self._counts[outcome.status] += 1
        self._remarks.add(outcome)
        if outcome.status in SETTLED:
            return
        if len(self._failures) < SHOWN:
            self._failures.append(outcome)
        if outcome.error is not None and outcome.status is not Status.INVALID and len(self._errors) < ERRORS_SHOWN:
            said = error_words(outcome.error)
            self._errors += [] if said in self._errors else [said]

    @property
    def total(self) -> int:
        """How many outcomes were counted."""
        return self._counts.total()

    def summary(self) -> str:
        """The counts in one line."""
        counts = ", ".join(f"{self._counts[status]:,} {status}" for status in Status if self._counts[status])
        return f"{count_of(self.total, 'item')}: {counts or 'none'}"

    def lines(self) -> Iterator[str]:
        """The summary, the first failures with their reasons, and what is to be remarked."""
        yield self.summary()
        for outcome in self._failures:
            yield f"  {place_of(outcome)}: {outcome.status}: {why_of(outcome)}"
        more = sum(count for status, count in self._counts.items() if status not in SETTLED) - len(self._failures)
        if more:
            yield f"  and {more:,} more; --json writes them all"
        yield from self._remarks.lines()

    def beside_json(self, failure: WaleadError | None) -> Iterator[str]:
        """What is said where the outcomes went out as JSON; `failure`, which ended the run, was said already."""
        said = None if failure is None else error_words(failure)
        for error in self._errors:
            if error != said:
                yield f"walead: {error}"
        yield self.summary()
        yield from self._remarks.lines()

    def code(self, failure: WaleadError | None) -> ExitCode:
        """The exit code; `failure` is the error that ended the run, if one did."""
        if self._counts[Status.UNKNOWN]:
            return ExitCode.UNKNOWN
        if failure is not None:
            sent = self.total > self._counts[Status.INVALID] + self._counts[Status.NOT_SENT]
            return exit_code_of(failure, sent=sent)
        return ExitCode.DONE if set(+self._counts) <= SETTLED else ExitCode.NOT_DONE


def outcome_fields(outcome: Outcome) -> dict[str, object]:
    """An outcome for JSON; its `row` is the line of a file, null for an argument."""
    return {
        "item": item_text(outcome.item),
        "key": outcome.key,
        "status": outcome.status,
        "detail": None if outcome.detail is None else in_options(outcome.detail),
        "error": None if outcome.error is None else error_fields(outcome.error),
        "row": outcome.row,
    }


def error_fields(error: WaleadError) -> dict[str, object]:
    """An error for JSON: its `type`, its `message` and, for an HTTP answer, its `status`."""
    fields: dict[str, object] = {"type": type(error).__name__, "message": in_options(str(error))}
    return {**fields, "status": error.status} if isinstance(error, APIError) else fields


class Remarks:
    """Counts what the details of items say that concerns the whole input."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def add(self, outcome: Outcome) -> None:
        """Look at one outcome."""
        if outcome.detail is not None:
            self._counts.update(said for said in REMARKS if said in outcome.detail)

    def lines(self) -> Iterator[str]:
        """A line for each remark."""
        for said, count in self._counts.items():
            yield f"{count_of(count, 'item')} {REMARKS[said]}"


def place_of(outcome: Outcome) -> str:
    """An item as it is named to people: the line of its file, and its text, which may be long."""
    text = item_text(outcome.item)
    shown = repr(text if len(text) <= LONGEST else text[: LONGEST - 3] + "...")
    return shown if outcome.row is None else f"line {outcome.row}: {shown}"


def why_of(outcome: Outcome) -> str:
    """Why an item ended so: its detail, and the error behind that."""
    said = "" if outcome.error is None else error_words(outcome.error)
    detail = "" if outcome.detail is None else in_options(outcome.detail)
    return detail if detail and said in detail else ": ".join(filter(None, (detail, said))) or "no reason known"


def item_text(item: object) -> str:
    """An item as it stood in its file or among the arguments."""
    return item.public_identifier if isinstance(item, LeadToBlock) else str(item)


def lead_fields(lead: BlockedLead) -> dict[str, object]:
    """A record for JSON."""
    return {
        "id": lead.id,
        "public_identifier": lead.public_identifier,
        "reason": lead.reason,
        "created_at": lead.created_at,
        "workspace_id": lead.workspace_id,
    }


def lead_words(lead: BlockedLead | CampaignBlockedLead) -> str:
    """A record for people."""
    return f"{lead.public_identifier:<40} {lead.created_at:%Y-%m-%d %H:%M}  {lead.reason or ''}".rstrip()
