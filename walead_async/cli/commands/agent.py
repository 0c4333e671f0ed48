"""`walead agent list`, `block` and `unblock`: the numbers that a Phonely voice agent does not call."""

from __future__ import annotations

import click

from walead_async.cli.options import common, from_file, refuse_key, user_id

__all__ = ["agent_command"]


@click.group("agent")
@refuse_key
def agent_command() -> None:
    """List, block or unblock the numbers of a voice agent."""


@agent_command.command("list")
@click.argument("agent", metavar="AGENT")
@user_id
@common
def list_command(agent: str, uid: str | None, base_url: str | None, as_json: bool) -> int:
    """Print the numbers that the agent does not call."""
    from walead_async.cli import program as running
    from walead_async.cli import reading

    return running.carry_out(reading.list_numbers(base_url, uid, agent, as_json=as_json))


@agent_command.command("block")
@click.argument("agent", metavar="AGENT")
@click.argument("numbers", nargs=-1, metavar="[NUMBER]...")
@from_file
@user_id
@common
def block_command(
    agent: str,
    numbers: tuple[str, ...],
    file: str | None,
    column: str | None,
    uid: str | None,
    base_url: str | None,
    as_json: bool,
) -> int:
    """Block numbers: the agent does not call them any more.

    Write a number with its country code (+14155550123); - reads them from standard input, one a line.
    """
    from walead_async.cli import changing, inputs
    from walead_async.cli import program as running

    given = inputs.Given(numbers, file=file, column=column, kind="number")
    return running.carry_out(changing.block_numbers(base_url, uid, agent, given, as_json=as_json))


@agent_command.command("unblock")
@click.argument("agent", metavar="AGENT")
@click.argument("numbers", nargs=-1, metavar="[NUMBER]...")
@from_file
@user_id
@common
def unblock_command(
    agent: str,
    numbers: tuple[str, ...],
    file: str | None,
    column: str | None,
    uid: str | None,
    base_url: str | None,
    as_json: bool,
) -> int:
    """Unblock numbers: the agent may call them again."""
    from walead_async.cli import changing, inputs
    from walead_async.cli import program as running

    given = inputs.Given(numbers, file=file, column=column, kind="number")
    return running.carry_out(changing.unblock_numbers(base_url, uid, agent, given, as_json=as_json))
