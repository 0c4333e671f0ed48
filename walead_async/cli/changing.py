"""What `block` and `unblock` do: hand the items to the library, print the end of each, and sum up."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

from walead_async.cli.output import let_go_of_streams, one_line, progress, say, write_json, write_words
from walead_async.cli.program import ExitCode
from walead_async.cli.summary import Tally, outcome_fields
from walead_async.errors import BulkFailedError, WaleadError
from walead_async.session import AsyncSession, VoiceAgentSession

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable

    from walead_async.bulk.api import BulkStream
    from walead_async.cli.inputs import Given
    from walead_async.models import BulkReport, Outcome

__all__ = ["block_in_campaign", "block_leads", "block_numbers", "unblock_leads", "unblock_numbers", "unblock_records"]


async def block_leads(base_url: str | None, given: Given, *, reason: str | None, as_json: bool) -> int:
    """Block people in the workspace."""
    async with AsyncSession(base_url=base_url) as session:
        return await _settle(session.blocked_leads.block_stream(given.leads(), reason=reason), given, as_json)


async def unblock_leads(base_url: str | None, given: Given, *, as_json: bool) -> int:
    """Unblock people, given by identifier or profile link."""
    async with AsyncSession(base_url=base_url) as session:
        return await _settle(_of(session.blocked_leads.unblock_identifiers(given.texts())), given, as_json)


async def unblock_records(base_url: str | None, given: Given, *, as_json: bool) -> int:
    """Remove records, given by their ids."""
    async with AsyncSession(base_url=base_url) as session:
        return await _settle(session.blocked_leads.unblock_stream(given.texts()), given, as_json)


async def block_in_campaign(base_url: str | None, campaign: str, given: Given, *, as_json: bool) -> int:
    """Block people in a campaign, for good."""
    async with AsyncSession(base_url=base_url) as session:
        stream = session.campaign(campaign).blocked_leads.block_stream(given.texts())
        return await _settle(stream, given, as_json)


async def block_numbers(base_url: str | None, uid: str | None, agent: str, given: Given, *, as_json: bool) -> int:
    """Block numbers for an agent."""
    async with VoiceAgentSession(uid=uid, base_url=base_url) as phones:
        return await _settle(phones.agent(agent).block_list.block_stream(given.texts()), given, as_json)


async def unblock_numbers(base_url: str | None, uid: str | None, agent: str, given: Given, *, as_json: bool) -> int:
    """Unblock numbers for an agent."""
    async with VoiceAgentSession(uid=uid, base_url=base_url) as phones:
        return await _settle(phones.agent(agent).block_list.unblock_stream(given.texts()), given, as_json)


async def _of(call: Awaitable[BulkReport]) -> AsyncGenerator[Outcome]:
    """The outcomes of a call that reports at its end; then the error that ended it, if one did."""
    failure: WaleadError | None = None
    try:
        report = await call
    except BulkFailedError as error:
        report = error.report
    except WaleadError as error:
        if error.report is None:
            raise
        failure, report = error, error.report
    for outcome in report.outcomes:
        yield outcome
    if failure is not None:
        raise failure


async def _settle(outcomes: AsyncGenerator[Outcome] | BulkStream, given: Given, as_json: bool) -> int:
    """Print each outcome as it comes, sum up, and return the exit code."""
    tally = Tally()
    failure: WaleadError | None = None
    try:
        with progress("Items settled", lines=as_json) as step:
            async with aclosing(outcomes):
                async for outcome in outcomes:
                    tally.add(outcome, given.next_line())
                    step(1)
                    if as_json:
                        write_json([outcome_fields(outcome)])
    except WaleadError as error:
        failure = error
        say(f"walead: {one_line(str(error))}")
    except BrokenPipeError:
        let_go_of_streams()
        return ExitCode.UNKNOWN if given.pending else tally.code(None)
    except asyncio.CancelledError:
        say(f"So far: {tally.summary()}. What is not among these may or may not have been done.")
        raise
    if not tally.total:
        if failure is None:
            say("walead: nothing was given: the input is empty")
        return tally.code(failure) or ExitCode.WRONG
    if as_json:
        say(tally.summary())
    else:
        write_words(tally.lines())
    return tally.code(failure)
