"""`walead outbox status`, `list`, `retry`, `prune` and `erase`: what an application's outbox holds."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import click

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
from walead_async.cli.output import count_of, say, write_json, write_words
from walead_async.errors import ConfigurationError, OutboxError
from walead_async.jobs import optouts
from walead_async.jobs.locks import whoami
from walead_async.jobs.store import open_store
from walead_async.outbox import read_status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from walead_async.cli.options import Decorator, ServiceOptions
    from walead_async.jobs.database import Connection
    from walead_async.jobs.store import Store

__all__ = ["outbox_command"]

NOTHING = "nothing was removed"
outbox_option: Decorator = click.option(
    "--outbox",
    "path",
    type=FILE,
    metavar="F",
    required=True,
    help="The file of the outbox, or postgresql://HOST/DATABASE.",
)


@click.group("outbox", cls=Group)
@refuse_key
def outbox_command() -> None:
    """See to the opt-outs that an application's outbox holds."""


@outbox_command.command("status")
@outbox_option
@click.option(
    "--max-age",
    type=click.FloatRange(min=0),
    metavar="S",
    help="Exit with 1 if the oldest opt-out that waits is older than so many seconds.",
)
@common
@in_event_loop
async def status_command(path: str, max_age: float | None, service: ServiceOptions, as_json: bool) -> int:
    """Say how many opt-outs wait, and since when.

    Exits with 1 if one failed, or if the oldest that waits is older than --max-age: for a monitor.
    """
    async with _opened(path) as store:
        status = await read_status(store)
    age = status.oldest_seconds
    if as_json:
        fields = ("depth", "oldest_seconds", "delivered", "failed", "last_error")
        write_json([{name: getattr(status, name) for name in fields}])
    else:
        waits = "" if age is None else f", the oldest for {age:,.0f} s"
        lines = [f"{status.depth:,} wait{waits}; {status.delivered:,} delivered, {status.failed:,} failed"]
        if status.last_error is not None:
            lines.append(f"last error: {status.last_error}")
        lines += [f"{name}: delivered by {holder}" for name, holder in status.deliverers.items()]
        write_words(lines)
    if max_age is not None and age is not None and age > max_age:
        say(f"walead: the oldest opt-out has waited for {age:,.0f} s, and --max-age is {max_age:g}")
        return ExitCode.NOT_DONE
    return ExitCode.NOT_DONE if status.failed else ExitCode.DONE


@outbox_command.command("list")
@outbox_option
@click.option("--pending", is_flag=True, help="Those that wait to be delivered.")
@common
@in_event_loop
async def list_command(path: str, pending: bool, service: ServiceOptions, as_json: bool) -> int:
    """Print the opt-outs that failed, with the answers that they met; with --pending those that wait."""
    after = 0
    async with _opened(path) as store:
        while page := await store.read(partial(optouts.listed, waiting=pending, after=after)):
            after = page[-1].id
            if as_json:
                write_json(_fields(each) for each in page)
            else:
                write_words(_words(each) for each in page)
    return ExitCode.DONE


@outbox_command.command("retry")
@outbox_option
@common
@in_event_loop
async def retry_command(path: str, service: ServiceOptions, as_json: bool) -> int:
    """Have the opt-outs that failed delivered again.

    The application delivers them, at once if it runs. Do this when what they met is mended: a licence, say.
    """
    async with _opened(path) as store:
        count = await store.write(_noted(optouts.retry, "outbox retry"))
    if as_json:
        write_json([{"retried": count}])
    else:
        write_words([f"{count_of(count, 'opt-out')} to be delivered again"])
    return ExitCode.DONE


@outbox_command.command("prune")
@outbox_option
@click.option(
    "--before",
    metavar="DATE",
    required=True,
    callback=moment,
    help="A day (from 00:00 UTC), or a time with its zone.",
)
@yes_option
@common
def prune_command(path: str, before: datetime, yes: bool, service: ServiceOptions, as_json: bool) -> int:
    """Remove the opt-outs that were taken before a day and delivered.

    What waits or failed stays. Nobody is unblocked. An idempotency key of before is not known any more.
    """
    if not (yes or agreed(f"Remove what was taken before {before:%Y-%m-%d %H:%M %Z} and delivered?", NOTHING)):
        return ExitCode.NOT_DONE
    moment_of = int(before.timestamp() * 1_000_000)
    return _remove(path, partial(optouts.prune, before=moment_of), "outbox prune", as_json)


@outbox_command.command("erase")
@click.argument("identifier", metavar="IDENTIFIER")
@outbox_option
@yes_option
@common
def erase_command(identifier: str, path: str, yes: bool, service: ServiceOptions, as_json: bool) -> int:
    """Remove everything that the outbox holds of a person, or of a number.

    Nobody is unblocked. Refused while an opt-out of this person waits to be delivered.
    """
    optouts.keys_of(identifier)
    if not (yes or agreed("Remove everything of this person from the outbox?", NOTHING)):
        return ExitCode.NOT_DONE
    return _remove(path, partial(optouts.erase, identifier=identifier), "outbox erase", as_json)


@in_event_loop
async def _remove(path: str, change: Callable[[Connection], int], what: str, as_json: bool) -> int:
    async with _opened(path) as store, store.apply_lock():
        count = await store.write(_noted(change, what))
        await store.scrub()
    if as_json:
        write_json([{"removed": count}])
    else:
        write_words([f"{count_of(count, 'opt-out')} removed; nobody was unblocked"])
    return ExitCode.DONE


def _noted(change: Callable[[Connection], int], what: str) -> Callable[[Connection], int]:
    """The change, which is written down among the events with its count."""

    def noted(connection: Connection) -> int:
        count = change(connection)
        optouts.event(connection, what, whoami(), f'{{"count": {count}}}')
        return count

    return noted


@asynccontextmanager
async def _opened(path: str) -> AsyncIterator[Store]:
    store = open_store(path, create=False, error=OutboxError)
    try:
        await store.__aenter__()
    except OutboxError as error:
        raise ConfigurationError(str(error)) from None  # nothing was changed
    try:
        yield store
    finally:
        await store.close()


def _fields(each: optouts.Listed) -> dict[str, object]:
    return {
        "key": each.key,
        "destination": each.destination,
        "reason": each.reason,
        "at": _moment(each.at),
        "state": each.state,
        "tries": each.tries,
        "detail": each.detail,
    }


def _words(each: optouts.Listed) -> str:
    tried = count_of(each.tries, "attempt")
    why = f": {each.detail}" if each.detail else ""
    return f"{each.key:<40} {each.destination:<20} {_moment(each.at):%Y-%m-%d %H:%M}  {each.state} after {tried}{why}"


def _moment(at: int) -> datetime:
    return datetime.fromtimestamp(at / 1_000_000, UTC)
