"""The demo: an emulator in this process, an ordinary day on it, and what came of it in words."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
from rich.table import Table
from rich.text import Text

from walead_async.cli import demo_steps
from walead_async.cli.codes import ExitCode
from walead_async.cli.demo_people import BLOCKED_BEFORE, NUMBER_BLOCKED_BEFORE
from walead_async.cli.output import console, write_json, write_words
from walead_async.cli.progress import staged_progress
from walead_async.cli.words import visible
from walead_async.models import Status
from walead_async.session import AsyncSession, VoiceAgentSession
from walead_async.testing import Emulator, Settings

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from walead_async.cli.demo_steps import Ends, Step

__all__ = ["play"]

#: Seconds before each answer of the emulator, so that there is something to see.
LATENCY = 0.02

WELCOME = f"""\
walead demo: {BLOCKED_BEFORE:,} people are blocked, and a day's work is done on their list.
WaLead and Phonely are played in this process: no account is needed, and nothing leaves this machine.
"""
STATUSES = """
What the ends mean: done, the service did it; already, it was so before; duplicate, the same one stood earlier in the
list; invalid, it cannot be one and was not sent; refused, the service said no. On a bad day there are also unknown
(sent, and nothing tells whether it was done) and not_sent (the run ended before).
"""
NEXT = """
What to try next:
  walead emulator --leads 1000     the same service, to point your own programs at
  walead doctor                    is everything there for your own account, and what to do if not
  walead block --help              and so with list, find, unblock, export, campaign, agent
"""
STYLES = {Status.DONE: "green", Status.ALREADY: "green", Status.DUPLICATE: "yellow"}


async def play(*, as_json: bool) -> int:
    """Play every step, print each as it ends, and say what to try next."""
    if not as_json:
        write_words(WELCOME.splitlines())
    steps: list[Step] = []
    async for step in _steps():
        steps.append(step)
        if not as_json:
            _print(len(steps), step)
    if as_json:
        write_json([{"steps": [attrs.asdict(step) for step in steps]}])
    else:
        write_words((STATUSES + NEXT).splitlines())
    return ExitCode.DONE


async def _steps() -> AsyncGenerator[Step]:
    folder = Path(tempfile.mkdtemp(prefix="walead-demo-"))
    async with Emulator(settings=Settings(latency=LATENCY), leads=BLOCKED_BEFORE) as emulator:
        emulator.agents[demo_steps.AGENT] = {NUMBER_BLOCKED_BEFORE: None}
        key = emulator.api_key
        async with AsyncSession(key, base_url=emulator.walead_url) as session:
            yield await demo_steps.list_everybody(session, BLOCKED_BEFORE, staged_progress)
            yield await demo_steps.block_people(session, folder, staged_progress)
            yield await demo_steps.unblock_some(session)
            async with VoiceAgentSession(key, uid=emulator.uid, base_url=emulator.phonely_url) as phones:
                yield await demo_steps.call_nobody(phones)
            yield await demo_steps.export_list(session, folder, len(emulator.blocked_leads), staged_progress)


def _print(number: int, step: Step) -> None:
    """A title, a sentence, and a table with a line for each kind of row and each way it ended."""
    shown = console()
    shown.print(Text(f"{number}. {step.title}", style="bold"))
    shown.print(Text(f"   {step.did}"), soft_wrap=True)
    if step.ends:
        shown.print(_table(step.ends))
    shown.print()


def _table(ends: Sequence[Ends]) -> Table:
    table = Table(box=None, padding=(0, 1), header_style="dim", pad_edge=True)
    table.add_column("  row")
    table.add_column("rows", justify="right")
    table.add_column("end")
    table.add_column("for example", overflow="ellipsis", no_wrap=True, max_width=44)
    table.add_column("because")
    for one in ends:
        end = Text(one.status, style=STYLES.get(one.status, "red"))
        table.add_row(f"  {one.kind}", str(one.rows), end, visible(one.example) or "(empty)", visible(one.why))
    return table
