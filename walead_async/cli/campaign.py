"""`walead campaign list` and `block`: the block list of one campaign."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from walead_async.cli.options import (
    ExitCode,
    Group,
    agreed,
    common,
    dry_run,
    in_event_loop,
    refuse_key,
    takes_items,
    yes_option,
)
from walead_async.cli.output import say
from walead_async.cli.preview import print_preview
from walead_async.cli.summary import lead_words, print_outcomes, print_records, workspace
from walead_async.identifiers import path_id
from walead_async.resources.items import identifier_entries

if TYPE_CHECKING:
    from walead_async.cli.inputs import Inputs
    from walead_async.cli.options import ServiceOptions
    from walead_async.models import CampaignBlockedLead

__all__ = ["campaign_command"]


@click.group("campaign", cls=Group)
@refuse_key
def campaign_command() -> None:
    """List or block in one campaign; its blocks cannot be undone."""


@campaign_command.command("list")
@click.argument("campaign", metavar="CAMPAIGN")
@common
@in_event_loop
async def list_command(campaign: str, service: ServiceOptions, as_json: bool) -> int:
    """Print who is blocked in the campaign.

    The verdict is the last line, on stderr.
    """
    async with workspace(service, "records", beside_lines=True) as session:
        listing = session.campaign(campaign).blocked_leads.list()
        return await print_records(listing, _fields, lead_words, as_json=as_json)


def _fields(lead: CampaignBlockedLead) -> dict[str, object]:
    return {"public_identifier": lead.public_identifier, "reason": lead.reason, "created_at": lead.created_at}


@campaign_command.command("block")
@click.argument("campaign", metavar="CAMPAIGN")
@takes_items("ID")
@yes_option
@dry_run
@common
def block_command(
    campaign: str, given: Inputs, yes: bool, dry_run: bool, service: ServiceOptions, as_json: bool
) -> int:
    """Block people in the campaign. This cannot be undone.

    The API has no way to unblock somebody in a campaign, so the command asks first, unless --yes is given. A block in
    the workspace (walead block) covers every campaign and can be undone.
    """
    path_id("campaign id", campaign)
    say("A campaign block cannot be undone: the API has no campaign unblock.")
    if dry_run:
        return _preview(given, as_json)
    asked = "Block them for good in this campaign?"
    if not (yes or agreed(asked, "nothing was sent", reads_standard_input=given.reads_standard_input)):
        return ExitCode.NOT_DONE
    return _block(campaign, given, service, as_json)


@in_event_loop
async def _preview(given: Inputs, as_json: bool) -> int:
    return await print_preview(given, identifier_entries, as_json=as_json)


@in_event_loop
async def _block(campaign: str, given: Inputs, service: ServiceOptions, as_json: bool) -> int:
    async with workspace(service, "items", given.total, beside_lines=as_json) as session:
        outcomes = session.campaign(campaign).blocked_leads.block_stream(given.rows())
        return await print_outcomes(outcomes, given, as_json=as_json)
