"""`walead agent list`, `block` and `unblock`: the numbers that a Phonely voice agent does not call."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from walead_async.cli.options import Group, common, dry_run, in_event_loop, refuse_key, region, takes_items, user_id
from walead_async.cli.preview import print_preview
from walead_async.cli.summary import print_outcomes, print_records, voice_agents
from walead_async.identifiers import query_id
from walead_async.phones import number_reader
from walead_async.resources.items import number_entries

if TYPE_CHECKING:
    from walead_async.cli.inputs import Inputs
    from walead_async.cli.options import Decorator, ServiceOptions

__all__ = ["agent_command"]

agent_argument: Decorator = click.argument("agent", metavar="AGENT")


@click.group("agent", cls=Group)
@refuse_key
def agent_command() -> None:
    """List, block or unblock the numbers of a voice agent."""


@agent_command.command("list")
@agent_argument
@user_id
@common
@in_event_loop
async def list_command(agent: str, uid: str | None, service: ServiceOptions, as_json: bool) -> int:
    """Print the numbers that the agent does not call."""
    async with voice_agents(service, uid, "records", beside_lines=True) as phones:
        listing = phones.agent(agent).block_list.list()
        return await print_records(listing, lambda number: {"number": number}, str, as_json=as_json)


@agent_command.command("block")
@agent_argument
@takes_items("NUMBER", kind="number")
@user_id
@region
@dry_run
@common
@in_event_loop
async def block_command(
    agent: str,
    given: Inputs,
    uid: str | None,
    region: str | None,
    dry_run: bool,
    service: ServiceOptions,
    as_json: bool,
) -> int:
    """Block numbers: the agent does not call them any more.

    Write a number with its country code (+14155550123), or say with --region whose numbers they are; - reads them from
    standard input, one a line.
    """
    if dry_run:
        return await _preview(agent, given, region, as_json=as_json)
    async with voice_agents(service, uid, "items", given.total, region=region, beside_lines=as_json) as phones:
        outcomes = phones.agent(agent).block_list.block_stream(given.rows())
        return await print_outcomes(outcomes, given, as_json=as_json)


@agent_command.command("unblock")
@agent_argument
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
