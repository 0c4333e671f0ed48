"""`--dry-run`: what a command would send, item by item, found out without a key and without a request."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import aclosing
from typing import TYPE_CHECKING

from walead_async.bulk.batching import Batcher, Limits
from walead_async.bulk.outcomes import Chunk
from walead_async.cli.options import ExitCode, exit_code_of
from walead_async.cli.output import count_of, error_words, say, write_json, write_words
from walead_async.cli.summary import Remarks, outcome_fields, place_of, why_of
from walead_async.errors import WaleadError
from walead_async.models import Status

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from walead_async.bulk.operation import Entries
    from walead_async.cli.inputs import Inputs
    from walead_async.models import Outcome

__all__ = ["print_preview"]

WOULD_BE_SENT = "would be sent"


async def print_preview(given: Inputs, normalise: Callable[[Sequence[object]], Entries], *, as_json: bool) -> ExitCode:
    """Print of each item what would be sent for it, or why nothing would; return the exit code.

    `normalise` is the `entries` of the operation that would be carried out.
    """
    counts: Counter[str] = Counter()
    remarks = Remarks()
    failure: WaleadError | None = None
    try:
        async with aclosing(_looked_at(given, normalise)) as outcomes:
            async for outcome, sent in outcomes:
                counts[WOULD_BE_SENT if sent else outcome.status] += 1
                remarks.add(outcome)
                if as_json:
                    fields = outcome_fields(outcome)
                    write_json([{**fields, "status": None} if sent else fields])
                else:
                    end = f"{WOULD_BE_SENT} as {outcome.key}" if sent else f"{outcome.status}: {why_of(outcome)}"
                    write_words([f"  {place_of(outcome)}: {end}"])
    except WaleadError as error:
        failure = error
        say(f"walead: {error_words(error)}")
    except asyncio.CancelledError:
        say(f"So far: {_summary(counts)}")
        raise
    if as_json:
        for line in (_summary(counts), *remarks.lines()):
            say(line)
    elif counts or failure is None:
        write_words([_summary(counts), *remarks.lines()])
    if failure is not None:
        return exit_code_of(failure, sent=counts[WOULD_BE_SENT] > 0)
    return ExitCode.NOT_DONE if counts[Status.INVALID] else ExitCode.DONE


async def _looked_at(
    given: Inputs, normalise: Callable[[Sequence[object]], Entries]
) -> AsyncGenerator[tuple[Outcome, bool]]:
    """Each item with its outcome, as far as that is known without sending it, and whether it would be sent."""
    batcher, limits = Batcher(normalise), Limits(1)
    try:
        async with aclosing(given.rows()) as rows:
            async for row in rows:
                chunk = Chunk(given.taken - 1, [row])
                batcher.add(chunk)
                batcher.take(limits, everything=True)
                yield chunk.outcome(0), 0 not in chunk.results
    finally:
        batcher.close()


def _summary(counts: Counter[str]) -> str:
    told = ", ".join(f"{counts[end]:,} {end}" for end in (WOULD_BE_SENT, *Status) if counts[end])
    return f"{count_of(counts.total(), 'item')}: {told or 'none'}; nothing was sent"
