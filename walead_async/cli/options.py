"""What all commands share: their options, how they run and are interrupted, and their exit codes."""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import suppress
from enum import IntEnum
from functools import wraps
from typing import TYPE_CHECKING, NamedTuple, NoReturn, ParamSpec, Protocol, TypeVar

import click

from walead_async.cli.output import SHOW_CURSOR, say
from walead_async.errors import (
    ConfigurationError,
    InvalidInputError,
    JournalError,
    OutboxError,
    OutcomeUnknownError,
    SourceError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable
    from datetime import datetime
    from types import FrameType

    from walead_async.errors import WaleadError
    from walead_async.files.columns import Kind

__all__ = [
    "FILE",
    "Decorator",
    "ExitCode",
    "Group",
    "ServiceOptions",
    "agreed",
    "check_terminal",
    "common",
    "did_you_mean",
    "dry_run",
    "exit_code_of",
    "in_event_loop",
    "moment",
    "refuse_key",
    "region",
    "takes_items",
    "user_id",
    "yes_option",
]

P = ParamSpec("P")
T = TypeVar("T")
Decorated = TypeVar("Decorated", bound="Callable[..., object]")


class Decorator(Protocol):
    """What gives the command that it decorates an option or an argument more."""

    def __call__(self, command: Decorated, /) -> Decorated:
        """Decorate this command."""
        ...


class ExitCode(IntEnum):
    """What a script learns of a command.

    DONE: all of it. NOT_DONE: something was not done, and the output says what. WRONG: wrong usage, input or
    configuration, and nothing was sent. UNKNOWN: an outcome is unknown, or a listing is unverified. INTERRUPTED: by
    Ctrl-C. TERMINATED: by SIGTERM.
    """

    DONE = 0
    NOT_DONE = 1
    WRONG = 2
    UNKNOWN = 3
    INTERRUPTED = 130
    TERMINATED = 143


#: The name of a file, which shells complete; what is wrong with it is told when it is opened.
FILE = click.Path(readable=False)


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """The end of an error that names what is most like a mistyped name, "" if nothing is."""
    from difflib import get_close_matches

    # what undoes is never taken for what does
    undoes = wrong.startswith("un")
    near = get_close_matches(wrong, [name for name in known if name.startswith("un") or not undoes])
    return f" Did you mean {' or '.join(near)}?" if near else ""


class Group(click.Group):
    """A group that knows which command was meant by a mistyped one."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the first argument names."""
        name = args[0]
        if not (name.startswith("-") or ctx.resilient_parsing or self.get_command(ctx, name)):
            hint = did_you_mean(name, self.list_commands(ctx))
            raise click.UsageError(f"No such command {name!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)


def exit_code_of(error: WaleadError, *, sent: bool = False) -> ExitCode:
    """The exit code of an error that ended a command; `sent` says that requests were sent before it."""
    if isinstance(error, OutcomeUnknownError):
        return ExitCode.UNKNOWN
    wrong = isinstance(error, (ConfigurationError, InvalidInputError, SourceError))
    if (wrong or (isinstance(error, (JournalError, OutboxError)) and error.unusable)) and not sent:
        return ExitCode.WRONG
    return ExitCode.NOT_DONE


#: How long a command may take to stop by itself after a signal, in seconds; then the process ends where it stands.
GRACE = 1.5


def in_event_loop(command: Callable[P, Coroutine[object, object, int]]) -> Callable[P, int]:
    """Let click run a coroutine function. Ctrl-C and SIGTERM cancel it; a second one ends the process at once."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> int:
        return _run(command(*args, **kwargs))

    return run


def _run(work: Coroutine[object, object, int]) -> int:
    import asyncio

    received: list[ExitCode] = []
    task: asyncio.Task[int] | None = None

    def interrupt(number: int, frame: FrameType | None) -> None:
        received.append(ExitCode(128 + number))
        if len(received) > 1 or task is None:
            _end_now(received[0])
        # A thread, since the loop itself may be what does not return.
        timer = threading.Timer(GRACE, _end_now, received)
        timer.daemon = True
        timer.start()
        task.get_loop().call_soon_threadsafe(task.cancel)

    async def interruptible() -> int:
        nonlocal task
        task = asyncio.ensure_future(work)
        return await task

    # What a shell starts in the background ignores Ctrl-C, and goes on doing so.
    wanted = [each for each in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(each) is not signal.SIG_IGN]
    usual = {each: signal.signal(each, interrupt) for each in wanted}
    try:
        return asyncio.run(interruptible())
    except asyncio.CancelledError:
        if not received:
            raise
        return received[0]
    finally:
        for each, handler in usual.items():
            signal.signal(each, handler)


def _end_now(code: ExitCode) -> NoReturn:
    """End the process without clean-up, but with the cursor visible that a progress line may have hidden."""
    cursor = SHOW_CURSOR if sys.stderr.isatty() else ""
    with suppress(OSError):
        # Past the buffers of `sys.stderr`: whoever was interrupted may hold their lock.
        os.write(2, f"{cursor}walead: interrupted\n".encode())
    os._exit(code)


def _refuse_key(ctx: click.Context, _: click.Parameter, given: str | None) -> None:
    if given is not None:
        raise click.UsageError(
            "the key is never an argument, since other users see the arguments of a process and shells write them "
            "down. Set WALEAD_API_KEY (or PHONELY_API_KEY), or let WALEAD_API_KEY_FILE (or PHONELY_API_KEY_FILE) name "
            "a file that only you can read. If you have typed a real key, replace it by a new one",
            ctx,
        )


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


def _log_everything(_: click.Context, __: click.Parameter, wanted: bool) -> None:
    if wanted:
        import logging

        logging.basicConfig(stream=sys.stderr, level=logging.DEBUG, format="%(name)s %(levelname)s %(message)s")


class ServiceOptions(NamedTuple):
    """Where the service is and how it is reached; each is None for the usual way."""

    base_url: str | None = None
    proxy: str | None = None
    ca: str | None = None


def common(command: Callable[..., T]) -> Callable[..., T]:
    """Add `--json` and `--debug`; and `--base-url`, `--proxy` and `--ca`, which the command gets as `service`."""

    @click.option(
        "--debug", is_flag=True, expose_value=False, callback=_log_everything, help="Log every request on stderr."
    )
    @click.option(
        "--ca", type=FILE, metavar="F", help="A file with the certificate of a private authority that is trusted."
    )
    @click.option("--proxy", metavar="URL", help="The HTTP proxy on the way to the service, if not HTTPS_PROXY.")
    @click.option("--base-url", metavar="URL", help="The address of the service, if it is not the usual one.")
    @click.option("--json", "as_json", is_flag=True, help="Write JSON on stdout, words on stderr.")
    @wraps(command)
    def with_service(base_url: str | None, proxy: str | None, ca: str | None, **others: object) -> T:
        return command(service=ServiceOptions(base_url, proxy, ca), **others)

    return refuse_key(with_service)


def moment(_: click.Context, __: click.Parameter, given: str | None) -> datetime | None:
    """A day, from 00:00 UTC, or a time with its zone; for `callback`."""
    if given is None:
        return None
    from datetime import UTC, datetime

    try:
        found = datetime.fromisoformat(given)
    except ValueError:
        found = None
    if found is not None and len(given) == len("2026-01-31"):
        return found.replace(tzinfo=UTC)
    if found is None or found.tzinfo is None:
        raise click.BadParameter(
            f"{given!r} is no day (2026-01-31) and no time with a zone (2026-01-31T12:00:00+01:00)"
        )
    return found


def takes_items(
    metavar: str, kind: Kind = "lead", *, optional: bool = False
) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Add arguments, `--file`, `--column` and `--encoding`; the command gets them together as `given`.

    Where they are `optional` it gets None if none of them was given.
    """

    def decorate(command: Callable[..., T]) -> Callable[..., T]:
        @click.argument("texts", nargs=-1, metavar=f"[{metavar}]...")
        @click.option(
            "--file",
            type=FILE,
            metavar="F",
            help="Read them from a file, by its suffix: .csv, .tsv, .txt, .jsonl, .xlsx or .parquet; - is standard "
            "input, one a line.",
        )
        @click.option(
            "--column",
            "columns",
            metavar="NAME",
            multiple=True,
            help="The column of the file to take them from, if it is not plain; repeat it to take them from several.",
        )
        @click.option("--encoding", metavar="E", help="How a text file is written, if it is not plain.")
        @wraps(command)
        def with_items(
            texts: tuple[str, ...], file: str | None, columns: tuple[str, ...], encoding: str | None, **others: object
        ) -> T:
            if optional and not texts and not columns and file is None and encoding is None:
                return command(given=None, **others)
            from walead_async.cli.inputs import Inputs

            given = Inputs(texts, file=file, columns=columns, encoding=encoding, kind=kind)
            return command(given=given, **others)

        return with_items

    return decorate


def check_terminal(nothing: str, *, reads_standard_input: bool = False) -> None:
    """Raise `click.UsageError` where nobody can be asked; `nothing` says that nothing was done."""
    if reads_standard_input or sys.stdin is None or not sys.stdin.isatty():
        raise click.UsageError(f"there is no terminal to ask on: give --yes; {nothing}")


def agreed(question: str, nothing: str, *, reads_standard_input: bool = False) -> bool:
    """Whether somebody says yes to this. Raises `click.UsageError` where nobody can be asked."""
    check_terminal(nothing, reads_standard_input=reads_standard_input)
    if click.confirm(question, err=True):
        return True
    say(f"walead: {nothing}")
    return False


yes_option: Decorator = click.option("--yes", is_flag=True, help="Do not ask.")
user_id: Decorator = click.option("--uid", metavar="U", help="The Phonely user's id, if PHONELY_UID is not set.")
region: Decorator = click.option(
    "--region",
    metavar="CC",
    help="Read numbers without a country code as this country's (two capital letters), and check every number.",
)
dry_run: Decorator = click.option(
    "--dry-run", is_flag=True, help="Print what would be sent, a line an item, and send nothing; no key is needed."
)
