"""`walead campaign list` and `block`: the block list of one campaign."""

from __future__ import annotations

import click

from walead_async.cli.options import common, confirm_campaign_block, from_file, refuse_key

__all__ = ["campaign_command"]


@click.group("campaign")
@refuse_key
def campaign_command() -> None:
    """List or block in one campaign; its blocks cannot be undone."""


@campaign_command.command("list")
@click.argument("campaign", metavar="CAMPAIGN")
@common
def list_command(campaign: str, base_url: str | None, as_json: bool) -> int:
    """Print who is blocked in the campaign.

    The verdict is the last line, on stderr.
    """
    from walead_async.cli import program as running
    from walead_async.cli import reading

    return running.carry_out(reading.list_campaign(base_url, campaign, as_json=as_json))


@campaign_command.command("block")
@click.argument("campaign", metavar="CAMPAIGN")
@click.argument("identifiers", nargs=-1, metavar="[ID]...")
@from_file
@click.option("--yes", is_flag=True, help="Do not ask.")
@common
def block_command(
    campaign: str,
    identifiers: tuple[str, ...],
    file: str | None,
    column: str | None,
    yes: bool,
    base_url: str | None,
    as_json: bool,
) -> int:
    """Block people in the campaign. This cannot be undone.

    The API has no way to unblock somebody in a campaign, so the command asks first, unless --yes is given. A block in
    the workspace (walead block) covers every campaign and can be undone.
    """
    from walead_async.cli import changing, inputs
    from walead_async.cli import program as running
    from walead_async.cli.program import ExitCode

    given = inputs.Given(identifiers, file=file, column=column)
    if not confirm_campaign_block(yes=yes, reads_standard_input=given.reads_standard_input):
        return ExitCode.NOT_DONE
    return running.carry_out(changing.block_in_campaign(base_url, campaign, given, as_json=as_json))
