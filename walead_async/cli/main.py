"""The program `walead`: its commands, loaded when they are used, and how it ends."""

from __future__ import annotations

import os
import signal
import sys
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

try:
    import click

    if find_spec("rich") is None:
        raise ModuleNotFoundError(name="rich")
except ModuleNotFoundError as _missing:
    print(f'walead: {_missing.name} is missing: python -m pip install "walead_async[cli]"', file=sys.stderr)
    sys.exit(2)

from walead_async._version import __version__
from walead_async.cli.options import ExitCode, Group, did_you_mean, exit_code_of, refuse_key
from walead_async.cli.output import error_words, one_line, release_streams, say, whereabouts
from walead_async.errors import WaleadError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

__all__ = ["COMMANDS", "main", "run", "walead"]

#: Each command, in the order of the help: its module, and its line there, for which no module is loaded.
COMMANDS = {
    "demo": ("demo", "Show everything, without account or network."),
    "list": ("leads", "Print who is blocked in the workspace."),
    "find": ("leads", "Say whether people are blocked in the workspace."),
    "filter": ("filter", "Write the rows of a contact file whose person is not blocked."),
    "block": ("leads", "Block people in the workspace."),
    "unblock": ("leads", "Unblock people in the workspace."),
    "export": ("leads", "Write the workspace's block list to a file."),
    "sync": ("sync", "Bring a block list to what a file wants: plan, look, apply."),
    "journal": ("journal", "Remove plans or a person from the journal of `walead sync`."),
    "campaign": ("campaign", "List or block in one campaign; its blocks cannot be undone."),
    "agent": ("agent", "List, block or unblock the numbers of a voice agent."),
    "outbox": ("outbox", "See to the opt-outs that an application's outbox holds."),
    "emulator": ("emulate", "Serve WaLead and Phonely on 127.0.0.1 until Ctrl-C or SIGTERM."),
    "doctor": ("doctor", "Check configuration, key and reachability, and say what to do."),
    "docs": ("docs", "Say where the pages about this package are."),
}


class Commands(Group):
    """A group whose commands are imported when they are used, so that `--help` costs little more than click."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the commands, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command of this name; None if there is none."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"walead_async.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands into the help."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in COMMANDS.items()])


def _show_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(f"walead_async {__version__}")
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
      130  interrupted (143 by SIGTERM)
    """


def main() -> int:
    """Run `walead` on the arguments of this process and return its exit code."""
    signal.signal(signal.SIGTERM, _terminate)
    # Nothing stands in for a stream that was closed, lest a socket take its number. Each takes the lowest free
    # number, which is the stream's own: those below it are open.
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode))
    return run(sys.argv[1:])


def _terminate(number: int, frame: FrameType | None) -> None:
    # Process 1 of a container is not ended by a signal that it does not handle.
    sys.exit(ExitCode.TERMINATED)


def run(arguments: Sequence[str]) -> int:
    """Run the program on these arguments and return its exit code. No exception leaves it."""
    try:
        code = _carry_out(arguments)
        sys.stdout.flush()
    except OSError as error:
        code = ExitCode.NOT_DONE
        if not isinstance(error, BrokenPipeError):
            say(f"walead: {one_line(str(error))}")
    except SystemExit as error:
        # By SIGTERM, or by click, whose answer to a closed pipe is 1.
        code = error.code if isinstance(error.code, int) else ExitCode.NOT_DONE
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
    if code in {ExitCode.INTERRUPTED, ExitCode.TERMINATED}:
        say("walead: interrupted")
    release_streams()
    return code


def _carry_out(arguments: Sequence[str]) -> int:
    try:
        code = walead.main(list(arguments), prog_name="walead", standalone_mode=False)
        return code if isinstance(code, int) else ExitCode.DONE
    except click.exceptions.NoArgsIsHelpError as help_wanted:
        for line in help_wanted.format_message().splitlines():
            say(line)
        return ExitCode.WRONG
    except click.ClickException as error:
        say(f"walead: {one_line(_usage_words(error))}")
        if isinstance(error, click.UsageError):
            say(f"Try: {error.ctx.command_path if error.ctx else 'walead'} --help")
        return ExitCode.WRONG
    except click.Abort:
        return ExitCode.INTERRUPTED
    except WaleadError as error:
        say(f"walead: {error_words(error)}")
        return exit_code_of(error)
    except OSError:
        raise
    except Exception as error:
        say(f"walead: this is a fault of walead itself: {whereabouts(error)}; please report it")
        return ExitCode.NOT_DONE


def _usage_words(error: click.ClickException) -> str:
    """What click says is wrong; it would also name options that are there only to be refused."""
    if not isinstance(error, click.NoSuchOption):
        return error.format_message()
    parameters = error.ctx.command.get_params(error.ctx) if error.ctx else []
    options = [name for each in parameters if not getattr(each, "hidden", True) for name in each.opts]
    return error.message.rstrip(".") + "." + did_you_mean(error.option_name, options)
