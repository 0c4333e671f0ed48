"""The program `walead`: its commands, loaded when they are used, and how it ends."""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING

import click

from walead_async.cli.codes import ExitCode, of_error
from walead_async.cli.options import refuse_key
from walead_async.cli.words import one_line, say, whereabouts
from walead_async.errors import WaleadError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["run", "walead"]

#: Each command, in the order of the help, and the module that holds it.
COMMANDS = {
    "demo": "demo",
    "list": "leads",
    "find": "leads",
    "block": "leads",
    "unblock": "leads",
    "export": "leads",
    "campaign": "campaign",
    "agent": "agent",
    "emulator": "emulator",
    "doctor": "doctor",
}


class Commands(click.Group):
    """A group whose commands are imported when they are asked for, so that the start costs little more than click."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the commands, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command of this name; None if there is none."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"walead_async.cli.commands.{COMMANDS[cmd_name]}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command


def _show_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        click.echo(f"walead_async {version('walead_async')}")
        ctx.exit()


@click.group("walead", cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version, help="Show the version."
)
@refuse_key
def walead() -> None:
    """Keep the block lists of WaLead and Phonely right.

    The API key is read from WALEAD_API_KEY, or from the file that WALEAD_API_KEY_FILE names, or from a keyring; for
    voice agents from PHONELY_API_KEY and so on. It is never an argument.

    `walead demo` shows everything on a service of its own, without an account. `walead doctor` says what is missing.

    \b
    Exit codes:
      0    all done
      1    something was not done, and the output says what
      2    wrong usage, input or configuration; nothing was sent
      3    an outcome is unknown, or a listing could not be verified
      130  interrupted
    """


def run(arguments: Sequence[str]) -> int:
    """Run the program on these arguments and return its exit code. No exception leaves it."""
    _fill_closed_streams()
    try:
        code = _carried_out(arguments)
        sys.stdout.flush()
    except OSError as error:
        from walead_async.cli.output import let_go_of_streams

        code = ExitCode.NOT_DONE
        let_go_of_streams()
        if not isinstance(error, BrokenPipeError):
            say(f"walead: {one_line(str(error))}")
    except SystemExit:
        # This is how click answers a closed pipe.
        code = ExitCode.NOT_DONE
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
        say("walead: interrupted")
    try:
        sys.stderr.flush()
    except OSError:
        # The interpreter would try once more, and change the exit code.
        from walead_async.cli.output import let_go_of_streams

        let_go_of_streams()
    return code


def _fill_closed_streams() -> None:
    """Open nothing in place of a standard stream that was closed, lest a socket take its number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # This takes the lowest free number, which is the stream's own: those below it are open.
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode))


def _carried_out(arguments: Sequence[str]) -> int:
    try:
        code = walead.main(list(arguments), prog_name="walead", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as help_wanted:
        for line in help_wanted.format_message().splitlines():
            say(line)
        return ExitCode.WRONG
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else "walead"
        say(f"walead: {one_line(error.format_message())}")
        say(f"Try: {where} --help")
        return ExitCode.WRONG
    except click.ClickException as error:
        say(f"walead: {one_line(error.format_message())}")
        return ExitCode.WRONG
    except click.Abort:
        say("walead: interrupted")
        return ExitCode.INTERRUPTED
    except WaleadError as error:
        say(f"walead: {one_line(str(error))}")
        return of_error(error)
    except OSError:
        raise
    except Exception as error:
        say(f"walead: this is a fault of walead itself: {whereabouts(error)}; please report it")
        return ExitCode.NOT_DONE
    return code if isinstance(code, int) else ExitCode.DONE
