"""The demo: an emulator in this process, an ordinary day on it, and what came of it in words."""

from __future__ import annotations

import tempfile
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from walead_async.cli import demo_steps
from walead_async.cli.codes import ExitCode
from walead_async.cli.demo_people import BLOCKED_BEFORE, NUMBER_BLOCKED_BEFORE
from walead_async.cli.output import console, write_json
from walead_async.cli.words import visible
from walead_async.models import Status
from walead_async.session import AsyncSession, VoiceAgentSession
from walead_async.testing import Emulator, Settings

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from rich.console import Console

    from walead_async.cli.demo_steps import Ends, Step

__all__ = ["play"]

#: Seconds before each answer of the emulator, so that there is something to see.
LATENCY = 0.02

#: From this width on there is room for an example of each kind of row.
WIDE = 100

WELCOME = (
    f"A day's work on a list of {BLOCKED_BEFORE:,} blocked people. WaLead and Phonely are played in this process: "
    "no account is needed, and nothing leaves this machine."
)
ENDS = {
    Status.DONE: "the service did it",
    Status.ALREADY: "it was so before",
    Status.DUPLICATE: "the same one stood earlier in the list",
    Status.INVALID: "it cannot be one, and was not sent",
    Status.REFUSED: "the service said no",
    Status.UNKNOWN: "sent, and nothing tells whether it was done",
    Status.NOT_SENT: "the run ended before its turn",
}
NEXT = {
    "walead emulator --leads 1000": "the same services, for programs of your own",
    "walead doctor": "is everything there for your own account?",
    "walead --help": "list, find, block, unblock, export and more",
}
STYLES = {Status.DONE: "green", Status.ALREADY: "green", Status.DUPLICATE: "yellow"}


async def play(*, as_json: bool) -> int:
    """Play every step, print each as it ends, and say what to try next."""
    shown = console()
    if not as_json:
        shown.print(Text(f"\n{WELCOME}\n"))
    steps: list[Step] = []
    async with aclosing(_steps()) as played:
        async for step in played:
            steps.append(step)
            if not as_json:
                _print(len(steps), step, shown)
    if as_json:
        write_json([{"steps": [attrs.asdict(step) for step in steps]}])
    else:
        _print_pairs("What the ends mean", {status.value: meaning for status, meaning in ENDS.items()}, shown)
        _print_pairs("What to try next", NEXT, shown)
    return ExitCode.DONE


async def _steps() -> AsyncGenerator[Step]:
    folder = Path(tempfile.mkdtemp(prefix="walead-demo-"))
    async with Emulator(settings=Settings(latency=LATENCY), leads=BLOCKED_BEFORE) as emulator:
        emulator.agents[demo_steps.AGENT] = {NUMBER_BLOCKED_BEFORE: None}
        key = emulator.api_key
        async with AsyncSession(key, base_url=emulator.walead_url) as session:
            yield await demo_steps.list_everybody(session, BLOCKED_BEFORE)
            yield await demo_steps.block_people(session, folder)
            yield await demo_steps.unblock_some(session)
            async with VoiceAgentSession(key, uid=emulator.uid, base_url=emulator.phonely_url) as phones:
                yield await demo_steps.call_nobody(phones)
            yield await demo_steps.export_list(session, folder, len(emulator.blocked_leads))


def _print(number: int, step: Step, shown: Console) -> None:
    """A title, a sentence, and a table with a line for each kind of row and each way it ended."""
    shown.print(Text(f"{number}. {step.title}", style="bold"))
    shown.print(Padding(Text(step.did), (0, 0, 0, 3)))
    if step.ends:
        shown.print(_table(step.ends, examples=shown.width >= WIDE))
    shown.print()


def _table(ends: Sequence[Ends], *, examples: bool) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("   end", no_wrap=True)
    table.add_column("rows", justify="right")
    table.add_column("kind of row", no_wrap=True)
    if examples:
        table.add_column("the first of them", no_wrap=True, overflow="ellipsis", max_width=WIDE - 60)
    table.add_column("because")
    for one in ends:
        end = Text(f"   {one.status}", style=STYLES.get(one.status, "red"))
        example = [visible(one.example) or "(nothing)"] if examples else []
        table.add_row(end, str(one.rows), one.kind, *map(Text, [*example, visible(one.why)]))
    return table


def _print_pairs(title: str, pairs: Mapping[str, str], shown: Console) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=False)
    for left, right in pairs.items():
        table.add_row(f"   {left}", right)
    shown.print(Text(title, style="bold"))
    shown.print(table)
    shown.print()
