"""`walead filter`: a contact file without those who are blocked, before it is used."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from walead_async.cli.options import FILE, ExitCode, common, exit_code_of, in_event_loop, region, user_id
from walead_async.cli.output import count_of, error_words, progress, say, write_json
from walead_async.cli.summary import voice_agents, workspace
from walead_async.errors import PaginationError
from walead_async.files.columns import EVERY
from walead_async.files.filter import filter_file
from walead_async.files.sources import rows_of_file

if TYPE_CHECKING:
    from walead_async.cli.options import ServiceOptions
    from walead_async.files.filter import FilterReport
    from walead_async.models import Row
    from walead_async.paging.index import BlockIndex

__all__ = ["filter_command"]

#: In the place of an agent's id it stands for all of them.
ALL = "all"
LONGEST = 80


@click.command("filter")
@click.argument("source", type=FILE, metavar="SOURCE")
@click.option("--output", type=FILE, metavar="F", required=True, help="Where to, with the suffix of SOURCE.")
@click.option(
    "--keep",
    type=click.Choice(["free", "blocked"]),
    default="free",
    help="The rows whose person is not blocked (free, the usual), or those whose is.",
)
@click.option(
    "--column",
    "columns",
    metavar="NAME",
    multiple=True,
    help="A column that counts, if not all that are known to hold people or numbers; repeat it for several.",
)
@click.option("--encoding", metavar="E", help="How a text file is written, if it is not plain.")
@click.option("--agent", metavar="A|all", help="Go by the phone numbers and this voice agent's list, or any agent's.")
@user_id
@region
@common
@in_event_loop
async def filter_command(
    source: str,
    output: str,
    keep: Literal["free", "blocked"],
    columns: tuple[str, ...],
    encoding: str | None,
    agent: str | None,
    uid: str | None,
    region: str | None,
    service: ServiceOptions,
    as_json: bool,
) -> int:
    """Write the rows of a contact file whose person is not blocked.

    F gets the format and the columns of SOURCE (.csv, .tsv, .txt, .jsonl, .xlsx or .parquet), and its rows unchanged. A
    row that cannot be read, or names nobody, is kept out and named. Nothing is written unless the whole list was read.
    With --agent a row is blocked if any of its phone numbers is on the agent's list, with all on any agent's.
    """
    if agent is None and (uid is not None or region is not None):
        raise click.UsageError("--uid and --region are about phone numbers: give --agent A, or --agent all")
    if Path(output).suffix.lower() != Path(source).suffix.lower():
        raise click.BadParameter(
            f"the rows keep the format of {source}: give it the same suffix", param_hint="--output"
        )
    kind: Literal["lead", "number"] = "lead" if agent is None else "number"
    # what is wrong with the whole file shows at its first row, before the list is read
    next(rows_of_file(Path(source), kind, columns or EVERY, encoding), None)
    try:
        indexes = await _indexes(agent, uid, region, service)
        if not indexes:
            say("walead: the user has no voice agent, so that there is no list to go by; nothing was written")
            return ExitCode.NOT_DONE
        async with progress("rows") as shown:
            report = await filter_file(
                source, output, indexes, kind=kind, column=columns, encoding=encoding, keep=keep, progress=shown.reached
            )
    except PaginationError as error:
        say(f"walead: {error_words(error)}; nothing was written")
        return ExitCode.UNKNOWN if error.unverified else exit_code_of(error)
    except asyncio.CancelledError:
        say(f"So far: nothing was written to {output}")
        raise
    _tell(report, output, as_json=as_json)
    return ExitCode.NOT_DONE if report.unreadable else ExitCode.DONE


async def _indexes(agent: str | None, uid: str | None, region: str | None, service: ServiceOptions) -> list[BlockIndex]:
    """Who is blocked: in the workspace, or the numbers of an agent, or of each agent."""
    if agent is None:
        async with workspace(service, "records") as session:
            return [await session.blocked_leads.index()]
    async with voice_agents(service, uid, "records", region=region) as phones:
        names = [each.id for each in await phones.agents()] if agent.lower() == ALL else [agent]
        return [await phones.agent(name).block_list.index() for name in names]


def _tell(report: FilterReport, output: str, *, as_json: bool) -> None:
    say(
        f"{count_of(report.rows, 'row')}: {report.kept:,} kept, {report.blocked:,} blocked, "
        f"{report.unreadable:,} that cannot be read"
    )
    for row in report.problems:
        say(f"  line {row.line}: {_short(row)}: {row.problem}")
    if report.unreadable > len(report.problems):
        say(f"  and {report.unreadable - len(report.problems):,} more")
    if as_json:
        counts = {"rows": report.rows, "kept": report.kept, "blocked": report.blocked, "unreadable": report.unreadable}
        problems = [{"line": row.line, "text": row.text, "why": row.problem} for row in report.problems]
        write_json([{"output": output, **counts, "problems": problems}])


def _short(row: Row) -> str:
    return repr(row.text if len(row.text) <= LONGEST else row.text[: LONGEST - 3] + "...")
