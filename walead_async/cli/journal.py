"""`walead journal prune` and `erase`; and the journal that these and `walead sync` are given."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click

from walead_async import jobs
from walead_async.cli.options import (
    FILE,
    ExitCode,
    Group,
    agreed,
    common,
    in_event_loop,
    moment,
    refuse_key,
    yes_option,
)
from walead_async.cli.output import count_of, write_json, write_words
from walead_async.errors import ConfigurationError, JournalError
from walead_async.jobs.store import POSTGRESQL

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

    from walead_async.cli.options import Decorator, ServiceOptions
    from walead_async.jobs import Journal

__all__ = ["journal_command", "journal_option", "opened_journal"]

NOTHING = "nothing was removed"

journal_option: Decorator = click.option(
    "--journal",
    "where",
    type=FILE,
    metavar="J",
    envvar="WALEAD_JOURNAL",
    required=True,
    help="The file that keeps plans, or postgresql://HOST/DATABASE; WALEAD_JOURNAL names the usual one.",
)


@asynccontextmanager
async def opened_journal(where: str, *, must_exist: bool = True) -> AsyncIterator[Journal]:
    """The journal in this file. One that is not there or cannot be opened is wrong input: nothing was changed."""
    if must_exist:
        _check_there(where)
    async with AsyncExitStack() as stack:
        try:
            journal = await stack.enter_async_context(jobs.open_journal(where))
        except JournalError as error:
            raise ConfigurationError(str(error)) from None  # nothing was changed
        yield journal


def _check_there(where: str) -> None:
    if not where.startswith(POSTGRESQL) and not Path(where).exists():
        raise ConfigurationError(f"there is no journal {where!r}: check --journal; `walead sync plan` makes one")


@click.group("journal", cls=Group)
@refuse_key
def journal_command() -> None:
    """Remove plans or a person from the journal of `walead sync`."""


@journal_command.command("prune")
@journal_option
@click.option(
    "--before",
    metavar="DATE",
    required=True,
    callback=moment,
    help="What is older: a day (from 00:00 UTC), or a time with its zone.",
)
@yes_option
@common
@in_event_loop
async def prune_command(where: str, before: datetime, yes: bool, service: ServiceOptions, as_json: bool) -> int:
    """Remove the plans that were made before a day, and all that only they need.

    Sources, rejected rows and events go with them, and no byte of them is left in the files. What was removed cannot be
    undone any more, and its records are no longer known as the journal's own.
    """
    async with opened_journal(where) as journal:
        if not (yes or agreed(f"Remove the plans of {journal.where} from before {before:%Y-%m-%d %H:%M %Z}?", NOTHING)):
            return ExitCode.NOT_DONE
        removed = await jobs.prune(journal, before)
    if as_json:
        write_json([attrs.asdict(removed)])
    else:
        counts = (
            count_of(removed.plans, "plan"),
            count_of(removed.items, "item"),
            count_of(removed.sources, "source"),
            count_of(removed.files, "file"),
        )
        write_words([f"Removed: {', '.join(counts)}"])
    return ExitCode.DONE


@journal_command.command("erase")
@click.argument("identifier", metavar="IDENTIFIER")
@journal_option
@yes_option
@common
@in_event_loop
async def erase_command(identifier: str, where: str, yes: bool, service: ServiceOptions, as_json: bool) -> int:
    """Remove one person from the journal and its files of rejected rows, so that no byte of the name is left.

    This unblocks nobody: who is blocked stays so. What was done for this person cannot be undone any more. A person
    whose opt-out is still to be delivered is not removed.
    """
    async with opened_journal(where) as journal:
        if not (yes or agreed(f"Remove {identifier!r} from {journal.where}?", NOTHING)):
            return ExitCode.NOT_DONE
        removed = await jobs.erase(journal, identifier)
    if as_json:
        write_json([attrs.asdict(removed)])
    else:
        counts = (
            count_of(removed.items, "item"),
            count_of(removed.sources, "source"),
            count_of(removed.rejected, "rejected row"),
        )
        write_words([f"Removed: {', '.join(counts)}. Nobody was unblocked; what was done for them cannot be undone."])
    return ExitCode.DONE
