"""The question before what cannot be undone."""

from __future__ import annotations

import sys

import click

from walead_async.cli.words import say

__all__ = ["confirm_campaign_block"]


def confirm_campaign_block(*, yes: bool, reads_standard_input: bool) -> bool:
    """Say that a campaign block cannot be undone, and ask, unless `yes` was given.

    Raises `click.UsageError` where nobody can be asked: stdin is no terminal, or the people are read from it.
    """
    say("A campaign block cannot be undone: the API has no campaign unblock.")
    if yes:
        return True
    if reads_standard_input or sys.stdin is None or not sys.stdin.isatty():
        raise click.UsageError("there is no terminal to ask on: give --yes to block all the same; nothing was sent")
    if click.confirm("Block them for good in this campaign?", err=True):
        return True
    say("walead: nothing was sent")
    return False
