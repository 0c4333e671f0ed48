"""`walead list`, `find`, `block`, `unblock` and `export`: the workspace's block list."""

from __future__ import annotations

from typing import Literal

import click

from walead_async.cli.options import common, from_file

__all__ = ["block_command", "export_command", "find_command", "list_command", "unblock_command"]


@click.command("list")
@click.option("--search", metavar="TEXT", help="Only whom the service finds by this text.")
@click.option(
    "--sort",
    type=click.Choice(["ASC", "DESC"], case_sensitive=False),
    default="ASC",
    help="Oldest first (ASC, the usual), or newest first.",
)
@common
def list_command(search: str | None, sort: Literal["ASC", "DESC"], base_url: str | None, as_json: bool) -> int:
    """Print who is blocked in the workspace.

    The last line, on stderr, is the verdict: COMPLETE, or CHANGED if the list changed while it was read and
    everybody who was there throughout is printed once. UNVERIFIED (exit code 3) says why it cannot be told.
    """
    from walead_async.cli import program as running
    from walead_async.cli import reading

    return running.carry_out(reading.list_leads(base_url, search=search, sort=sort, as_json=as_json))


@click.command("find")
@click.argument("identifiers", nargs=-1, metavar="[ID]...")
@from_file
@common
def find_command(
    identifiers: tuple[str, ...], file: str | None, column: str | None, base_url: str | None, as_json: bool
) -> int:
    """Say whether people are blocked in the workspace.

    ID is a LinkedIn public identifier or a link to a profile. Each gets a line, in the order given. Exits with 0
    whatever it finds, and with 1 if one of them cannot be a person: its line says so.
    """
    from walead_async.cli import inputs, reading
    from walead_async.cli import program as running

    given = inputs.Given(identifiers, file=file, column=column)
    return running.carry_out(reading.find_leads(base_url, given, as_json=as_json))


@click.command("block")
@click.argument("identifiers", nargs=-1, metavar="[ID]...")
@from_file
@click.option("--reason", metavar="TEXT", help="Why, for those who have no reason of their own in the file.")
@common
def block_command(
    identifiers: tuple[str, ...],
    file: str | None,
    column: str | None,
    reason: str | None,
    base_url: str | None,
    as_json: bool,
) -> int:
    """Block people in the workspace.

    No campaign contacts them any more. ID is a LinkedIn public identifier or a link to a profile; - reads them from
    standard input, one a line. A column "reason" of the file gives each row its own reason.
    """
    from walead_async.cli import changing, inputs
    from walead_async.cli import program as running

    given = inputs.Given(identifiers, file=file, column=column)
    return running.carry_out(changing.block_leads(base_url, given, reason=reason, as_json=as_json))


@click.command("unblock")
@click.argument("identifiers", nargs=-1, metavar="[ID]...")
@from_file
@click.option(
    "--by",
    type=click.Choice(["identifier", "id"]),
    default="identifier",
    help="What ID is: a person's identifier or profile link (the usual), or the id of a record.",
)
@common
def unblock_command(
    identifiers: tuple[str, ...], file: str | None, column: str | None, by: str, base_url: str | None, as_json: bool
) -> int:
    """Unblock people in the workspace.

    Campaigns may contact them again. The service removes records by their ids. Of a person given by identifier
    every record is looked up and removed.
    """
    from walead_async.cli import changing, inputs
    from walead_async.cli import program as running

    if by == "id":
        given = inputs.Given(identifiers, file=file, column=column, kind="id")
        return running.carry_out(changing.unblock_records(base_url, given, as_json=as_json))
    given = inputs.Given(identifiers, file=file, column=column)
    return running.carry_out(changing.unblock_leads(base_url, given, as_json=as_json))


@click.command("export")
@click.option(
    "--output", metavar="F", required=True, help="The file to write, by its suffix: .csv, .jsonl, .xlsx or .parquet."
)
@common
def export_command(output: str, base_url: str | None, as_json: bool) -> int:
    """Write the workspace's block list to a file.

    Only you can read the file. It appears under its name when it is whole, and not at all if the list could not be
    read to its end.
    """
    from walead_async.cli import program as running
    from walead_async.cli import reading

    return running.carry_out(reading.export_leads(base_url, output, as_json=as_json))
