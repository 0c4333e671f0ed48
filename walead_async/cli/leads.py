"""`walead list`, `find`, `block`, `unblock` and `export`: the workspace's block list."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Literal

import click

from walead_async.cli.options import (
    FILE,
    ExitCode,
    common,
    dry_run,
    exit_code_of,
    in_event_loop,
    moment,
    takes_items,
)
from walead_async.cli.output import count_of, error_words, say, write_json, write_words
from walead_async.cli.preview import print_preview
from walead_async.cli.summary import (
    MEANINGS,
    error_fields,
    lead_fields,
    lead_words,
    outcomes_of,
    print_outcomes,
    print_records,
    say_verdict,
    workspace,
)
from walead_async.errors import InvalidInputError, WaleadError
from walead_async.files.export import export_leads
from walead_async.identifiers import public_identifier
from walead_async.models import Completeness
from walead_async.resources.items import check_reason, identifier_entries, lead_entries, record_entries

if TYPE_CHECKING:
    from datetime import datetime

    from walead_async.cli.inputs import Inputs
    from walead_async.cli.options import ServiceOptions
    from walead_async.models import BlockedLead

__all__ = ["block_command", "export_command", "find_command", "list_command", "unblock_command"]


@click.command("list")
@click.option("--search", metavar="TEXT", help="Only whom the service finds by this text.")
@click.option(
    "--sort",
    type=click.Choice(["ASC", "DESC"], case_sensitive=False),
    default="ASC",
    help="Oldest first (ASC, the usual), or newest first.",
)
@click.option(
    "--since",
    metavar="TIME",
    callback=moment,
    help="Only who was blocked from then on, newest first: a day (from 00:00 UTC), or a time with its zone.",
)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the first so many.")
@common
@in_event_loop
async def list_command(
    search: str | None,
    sort: Literal["ASC", "DESC"],
    since: datetime | None,
    limit: int | None,
    service: ServiceOptions,
    as_json: bool,
) -> int:
    """Print who is blocked in the workspace.

    The last line, on stderr, is the verdict: COMPLETE, or CHANGED if the list changed while it was read and
    everybody who was there throughout is printed once. UNVERIFIED (exit code 3) says why it cannot be told.
    """
    async with workspace(service, "records", beside_lines=True) as session:
        listing = session.blocked_leads.list(search=search, sort=sort, since=since)
        return await print_records(listing, lead_fields, lead_words, as_json=as_json, limit=limit)


@click.command("find")
@takes_items("ID")
@common
@in_event_loop
async def find_command(given: Inputs, service: ServiceOptions, as_json: bool) -> int:
    """Say whether people are blocked in the workspace.

    ID is a LinkedIn public identifier or a link to a profile. Each gets a line, in the order given. Exits with 0
    whatever it finds, and with 1 if one of them cannot be a person: its line says so.
    """
    texts: list[str] = []
    invalid: dict[str, InvalidInputError] = {}
    complaints: list[str] = []
    async for row in given.rows():
        text = row.text
        texts.append(text)
        try:
            if row.problem is not None:
                raise InvalidInputError(row.problem)
            public_identifier(text)
        except InvalidInputError as error:
            invalid[text] = error
            place = f"line {row.line}: " if row.line else ""
            complaints.append(f"{place}{text or repr(text)}: invalid: {error_words(error)}")
    found: dict[str, BlockedLead | None] = {}
    if len(invalid) < len(set(texts)):
        async with workspace(service, "items", len(texts)) as session:
            found = await session.blocked_leads.find_many(text for text in texts if text not in invalid)
    if as_json:
        write_json(_found_fields(text, found.get(text), invalid.get(text)) for text in texts)
        for complaint in complaints:
            say(complaint)
    else:
        in_order = iter(complaints)
        write_words(next(in_order) if text in invalid else _found_words(text, found[text]) for text in texts)
    return ExitCode.NOT_DONE if invalid else ExitCode.DONE


def _found_fields(identifier: str, lead: BlockedLead | None, error: InvalidInputError | None) -> dict[str, object]:
    """What was found; for who cannot be a person also `error`, so that "not blocked" is not all that is said."""
    record = None if lead is None else lead_fields(lead)
    fields: dict[str, object] = {"identifier": identifier, "blocked": lead is not None, "record": record}
    return fields if error is None else {**fields, "error": error_fields(error)}


def _found_words(identifier: str, lead: BlockedLead | None) -> str:
    if lead is None:
        return f"{identifier}: not blocked"
    why = f": {lead.reason}" if lead.reason else ""
    return f"{identifier}: blocked since {lead.created_at:%Y-%m-%d %H:%M} UTC{why}"


@click.command("block")
@takes_items("ID")
@click.option("--reason", metavar="TEXT", help="Why, for those who have no reason of their own in the file.")
@dry_run
@common
@in_event_loop
async def block_command(
    given: Inputs, reason: str | None, dry_run: bool, service: ServiceOptions, as_json: bool
) -> int:
    """Block people in the workspace.

    No campaign contacts them any more. ID is a LinkedIn public identifier or a link to a profile; - reads them from
    standard input, one a line. A column "reason" of the file gives each row its own reason.
    """
    check_reason(reason)
    if dry_run:
        return await print_preview(given, partial(lead_entries, reason=reason), as_json=as_json)
    async with workspace(service, "items", given.total, beside_lines=as_json) as session:
        outcomes = session.blocked_leads.block_stream(given.rows(), reason=reason)
        return await print_outcomes(outcomes, given, as_json=as_json)


@click.command("unblock")
@takes_items("ID")
@click.option(
    "--by",
    type=click.Choice(["identifier", "id"]),
    default="identifier",
    help="What ID is: a person's identifier or profile link (the usual), or the id of a record.",
)
@dry_run
@common
@in_event_loop
async def unblock_command(given: Inputs, by: str, dry_run: bool, service: ServiceOptions, as_json: bool) -> int:
    """Unblock people in the workspace.

    Campaigns may contact them again. The service removes records by their ids. Of a person given by identifier
    every record is looked up and removed.
    """
    if by == "id":
        given.kind = "id"
    if dry_run:
        return await print_preview(given, record_entries if by == "id" else identifier_entries, as_json=as_json)
    async with workspace(service, "items", given.total, beside_lines=as_json) as session:
        if by == "id":
            stream = session.blocked_leads.unblock_stream(given.rows())
            return await print_outcomes(stream, given, as_json=as_json)
        outcomes = outcomes_of(session.blocked_leads.unblock_identifiers(given.rows()))
        return await print_outcomes(outcomes, given, as_json=as_json)


@click.command("export")
@click.option(
    "--output",
    type=FILE,
    metavar="F",
    required=True,
    help="The file to write, by its suffix: .csv, .jsonl, .xlsx or .parquet; - is CSV on standard output.",
)
@click.option("--search", metavar="TEXT", help="Only whom the service finds by this text.")
@common
@in_event_loop
async def export_command(output: str, search: str | None, service: ServiceOptions, as_json: bool) -> int:
    """Write the workspace's block list to a file.

    Only you can read the file. It appears under its name when it is whole, and not at all if the list could not be
    read to its end. So it is with standard output: all of the list is written there, or nothing.
    """
    if output == "-" and as_json:
        raise click.UsageError("--output - writes CSV on standard output: leave out --json, or name a file")
    async with workspace(service, "records", beside_lines=output == "-") as session:
        listing = session.blocked_leads.list(search=search)
        try:
            count = await export_leads(sys.stdout.buffer if output == "-" else output, listing)
        except WaleadError as error:
            say(f"walead: {error_words(error)}")
            if listing.requests:
                say(f"INCOMPLETE: {MEANINGS[Completeness.INCOMPLETE]}; nothing was written")
            return exit_code_of(error)
    if output == "-":
        return say_verdict(listing, count)
    if as_json:
        write_json([{"output": output, "records": count, "verdict": listing.verdict.value}])
    else:
        write_words([f"{output}: {count_of(count, 'record')}"])
    return say_verdict(listing, count)
