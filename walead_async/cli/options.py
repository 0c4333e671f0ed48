"""The options that commands share."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TypeVar

import click

from walead_async.cli.output import say

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["common", "confirm_campaign_block", "from_file", "refuse_key", "user_id"]

Decorated = TypeVar("Decorated", bound="Callable[..., object]")


def _refuse_key(ctx: click.Context, _: click.Parameter, given: str | None) -> None:
    if given is not None:
        raise click.UsageError(
            "the key is never an argument, since other users see the arguments of a process and shells write them "
            "down. Set WALEAD_API_KEY (or PHONELY_API_KEY), or let WALEAD_API_KEY_FILE (or PHONELY_API_KEY_FILE) name "
            "a file that only you can read. If you have typed a real key, replace it by a new one",
            ctx,
        )


def _log_everything(_: click.Context, __: click.Parameter, wanted: bool) -> None:
    if wanted:
        import logging

        logging.basicConfig(stream=sys.stderr, level=logging.DEBUG, format="%(name)s %(levelname)s %(message)s")


def refuse_key(command: Decorated) -> Decorated:
    """Add the options by which somebody might try to give a key; all they do is say where it goes."""
    return click.option(
        "--api-key",
        "--key",
        "--token",
        hidden=True,
        is_flag=False,
        flag_value="",
        expose_value=False,
        is_eager=True,
        callback=_refuse_key,
    )(command)


def common(command: Decorated) -> Decorated:
    """Add `--json`, `--base-url` and `--debug`."""
    command = click.option(
        "--debug", is_flag=True, expose_value=False, callback=_log_everything, help="Log every request on stderr."
    )(command)
    command = click.option("--base-url", metavar="URL", help="The address of the service, if it is not the usual one.")(
        command
    )
    command = click.option("--json", "as_json", is_flag=True, help="Write JSON on stdout, words on stderr.")(command)
    return refuse_key(command)


def from_file(command: Decorated) -> Decorated:
    """Add `--file` and `--column`."""
    command = click.option(
        "--column", metavar="NAME", help="The column of the file to take them from, if it is not plain."
    )(command)
    return click.option(
        "--file",
        "file",
        metavar="F",
        help="Read them from a file, by its suffix: .csv, .tsv, .txt, .jsonl, .xlsx or .parquet; - is standard input, "
        "one a line.",
    )(command)


def user_id(command: Decorated) -> Decorated:
    """Add `--uid`."""
    return click.option("--uid", metavar="U", help="The Phonely user's id, if PHONELY_UID is not set.")(command)


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
