"""The program `walead`: its commands, loaded when they are used, and how it ends."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
from contextlib import suppress
from enum import IntEnum
from typing import TYPE_CHECKING, NoReturn

import click

from walead_async.cli.options import refuse_key
from walead_async.cli.output import one_line, say, whereabouts
from walead_async.errors import ConfigurationError, InvalidInputError, OutcomeUnknownError, SourceError, WaleadError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Coroutine, Sequence
    from types import FrameType

__all__ = ["ExitCode", "carry_out", "of_error", "run", "walead"]

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


class ExitCode(IntEnum):
    """What a script learns of a command.

    DONE: all of it. NOT_DONE: something was not done, and the output says what. WRONG: wrong usage, input or
    configuration, and nothing was sent. UNKNOWN: an outcome is unknown, or a listing is unverified. INTERRUPTED: by
    Ctrl-C.
    """

    DONE = 0
    NOT_DONE = 1
    WRONG = 2
    UNKNOWN = 3
    INTERRUPTED = 130


def of_error(error: WaleadError, *, sent: bool = False) -> ExitCode:
    """The exit code of an error that ended a command; `sent` says that requests were sent before it."""
    if isinstance(error, OutcomeUnknownError):
        return ExitCode.UNKNOWN
    if isinstance(error, (ConfigurationError, InvalidInputError, SourceError)) and not sent:
        return ExitCode.WRONG
    return ExitCode.NOT_DONE


#: How long a command may take to stop by itself after Ctrl-C, in seconds; then the process ends where it stands.
GRACE = 1.5
SHOW_CURSOR = "\x1b[?25h"


def carry_out(work: Coroutine[object, object, int]) -> int:
    """Run the coroutine and return the exit code that it returns, or INTERRUPTED after Ctrl-C."""
    import asyncio

    interrupt = _Interrupt()
    usual = signal.signal(signal.SIGINT, interrupt)
    try:
        return asyncio.run(interrupt.watch(work))
    except asyncio.CancelledError:
        if not interrupt.came:
            raise
        say("walead: interrupted")
        return ExitCode.INTERRUPTED
    finally:
        signal.signal(signal.SIGINT, usual)


class _Interrupt:
    """The first Ctrl-C cancels the command, and ends the process if that takes too long. The second ends it at once."""

    def __init__(self) -> None:
        self.came = False
        self._task: asyncio.Task[int] | None = None

    async def watch(self, work: Coroutine[object, object, int]) -> int:
        """Await the work in a task of its own, which is the one to cancel."""
        import asyncio

        self._task = asyncio.ensure_future(work)
        return await self._task

    def __call__(self, number: int, frame: FrameType | None) -> None:
        task = self._task
        if self.came or task is None:
            _end_now()
        self.came = True
        task.get_loop().call_soon_threadsafe(task.cancel)
        # A thread, since the loop itself may be what does not return.
        timer = threading.Timer(GRACE, _end_now)
        timer.daemon = True
        timer.start()


def _end_now() -> NoReturn:
    """End the process without clean-up, but with the cursor visible that a progress line may have hidden."""
    cursor = SHOW_CURSOR if sys.stderr.isatty() else ""
    with suppress(OSError):
        # Past the buffers of `sys.stderr`: whoever was interrupted may hold their lock.
        os.write(2, f"{cursor}walead: interrupted\n".encode())
    os._exit(ExitCode.INTERRUPTED)
