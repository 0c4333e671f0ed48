"""`walead agent`: the numbers that a Phonely user's voice agents do not call, of one agent or of all."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from walead_async.cli.options import (
    ExitCode,
    Group,
    common,
    dry_run,
    in_event_loop,
    refuse_key,
    region,
    takes_items,
    user_id,
)
from walead_async.cli.output import count_of, one_line, say, write_json, write_words
from walead_async.cli.preview import print_preview
from walead_async.cli.summary import outcomes_of, print_outcomes, print_records, voice_agents
from walead_async.identifiers import query_id
from walead_async.phones import number_reader
from walead_async.resources.items import number_entries

if TYPE_CHECKING:
    from walead_async.cli.inputs import Inputs
    from walead_async.cli.options import Decorator, ServiceOptions
    from walead_async.models import MissingNumbers

__all__ = ["agent_command"]

#: In the place of an agent's id it stands for all of them.
ALL = "all"


def _one_agent(_: click.Context, __: click.Parameter, given: str) -> str:
    if given.lower() == ALL:
        raise click.BadParameter("only walead agent block takes all agents together: name one (walead agent all)")
    return given


one_agent: Decorator = click.argument("agent", metavar="AGENT", callback=_one_agent)


@click.group("agent", cls=Group)
@refuse_key
def agent_command() -> None:
    """List, block or unblock the numbers of a voice agent."""


@agent_command.command("all")
@user_id
@common
@in_event_loop
async def all_command(uid: str | None, service: ServiceOptions, as_json: bool) -> int:
    """Print the voice agents of the user.

    An agent may be among them whose numbers this key may not list or block.
    """
    async with voice_agents(service, uid, "records", beside_lines=True) as phones:
        agents = await phones.agents()
    if as_json:
        write_json({"id": agent.id, "name": agent.name, "number": agent.number} for agent in agents)
    else:
        write_words(f"{agent.id:<30} {agent.number or '':<18} {agent.name or ''}".rstrip() for agent in agents)
    say(count_of(len(agents), "agent"))
    return ExitCode.DONE


@agent_command.command("list")
@one_agent
@user_id
@common
@in_event_loop
async def list_command(agent: str, uid: str | None, service: ServiceOptions, as_json: bool) -> int:
    """Print the numbers that the agent does not call."""
    async with voice_agents(service, uid, "records", beside_lines=True) as phones:
        listing = phones.agent(agent).block_list.list()
        return await print_records(listing, lambda number: {"number": number}, str, as_json=as_json)


@agent_command.command("block")
@click.argument("agent", metavar="AGENT|all")
@takes_items("NUMBER", kind="number", optional=True)
@click.option("--missing", is_flag=True, help="Of all: print the numbers that some agent holds and another lacks.")
@click.option("--fix", is_flag=True, help="With --missing: block these numbers in every agent.")
@user_id
@region
@dry_run
@common
@in_event_loop
async def block_command(
    agent: str,
    given: Inputs | None,
    missing: bool,
    fix: bool,
    uid: str | None,
    region: str | None,
    dry_run: bool,
    service: ServiceOptions,
    as_json: bool,
) -> int:
    """Block numbers: the agent does not call them any more.

    Write a number with its country code (+14155550123), or say with --region whose numbers they are; - reads them from
    standard input, one a line. With all in the place of AGENT they are blocked in every agent of the user, and a number
    is done only if all hold it. An agent that is created later holds none of them: run walead agent block all --missing
    --fix every night.
    """
    everywhere = agent.lower() == ALL
    if fix and not missing:
        raise click.UsageError("--fix blocks what --missing finds: give both")
    if missing and (given is not None or not everywhere):
        raise click.UsageError("--missing compares all agents: write walead agent block all --missing, and no numbers")
    if missing:
        return await _missing(uid, service, region, fix=fix and not dry_run, as_json=as_json)
    if given is None:
        raise click.UsageError("nothing was given: name them, or give --file F, or - for standard input")
    if dry_run:
        return await _preview(agent, given, region, as_json=as_json)
    total = None if everywhere else given.total
    async with voice_agents(service, uid, "items", total, region=region, beside_lines=as_json) as phones:
        if everywhere:
            return await print_outcomes(outcomes_of(phones.everywhere.block(given.rows())), given, as_json=as_json)
        outcomes = phones.agent(agent).block_list.block_stream(given.rows())
        return await print_outcomes(outcomes, given, as_json=as_json)


async def _missing(uid: str | None, service: ServiceOptions, region: str | None, *, fix: bool, as_json: bool) -> int:
    """Compare all agents, and print what some lack, or block it in all."""
    async with voice_agents(service, uid, "items", region=region, beside_lines=as_json) as phones:
        found = await phones.everywhere.missing()
        for agent_id, error in found.unread.items():
            say(f"walead: the list of agent {agent_id} cannot be read: {one_line(str(error))}")
        say(f"{count_of(len(found.numbers), 'number')} that some agent lacks")
        if fix and found.numbers:
            from walead_async.cli.inputs import Inputs

            given = Inputs(list(found.numbers), file=None, columns=(), encoding=None, kind="number")
            given.taken = len(found.numbers)
            code = await print_outcomes(
                outcomes_of(phones.everywhere.block(list(found.numbers))), given, as_json=as_json
            )
            return code or (ExitCode.NOT_DONE if found.unread else ExitCode.DONE)
        _print_missing(found, as_json=as_json)
        return ExitCode.DONE if found.ok else ExitCode.NOT_DONE


def _print_missing(found: MissingNumbers, *, as_json: bool) -> None:
    lacking = {number: [agent.id for agent in agents] for number, agents in found.numbers.items()}
    if as_json:
        write_json({"number": number, "agents": agents} for number, agents in lacking.items())
    else:
        write_words(f"{number:<18} not in {', '.join(agents)}" for number, agents in lacking.items())


@agent_command.command("unblock")
@one_agent
@takes_items("NUMBER", kind="number")
@user_id
@region
@dry_run
@common
@in_event_loop
async def unblock_command(
    agent: str,
    given: Inputs,
    uid: str | None,
    region: str | None,
    dry_run: bool,
    service: ServiceOptions,
    as_json: bool,
) -> int:
    """Unblock numbers: the agent may call them again."""
    if dry_run:
        return await _preview(agent, given, region, as_json=as_json)
    async with voice_agents(service, uid, "items", given.total, region=region, beside_lines=as_json) as phones:
        outcomes = phones.agent(agent).block_list.unblock_stream(given.rows())
        return await print_outcomes(outcomes, given, as_json=as_json)


async def _preview(agent: str, given: Inputs, region: str | None, *, as_json: bool) -> int:
    query_id("agent id", agent)
    return await print_preview(given, partial(number_entries, normalise=number_reader(region)), as_json=as_json)
