"""`walead demo`: an emulator in this process, an ordinary day on it, and what came of it in words."""

from __future__ import annotations

import csv
import re
import tempfile
from collections import Counter
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import attrs
import click
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from walead_async import files
from walead_async.cli.options import ExitCode, ServiceOptions, common, in_event_loop
from walead_async.cli.output import console, visible, write_json
from walead_async.cli.summary import MEANINGS, item_text
from walead_async.errors import APIError
from walead_async.files.export import export_leads
from walead_async.models import LeadToBlock, Outcome, Status
from walead_async.session import AsyncSession, VoiceAgentSession
from walead_async.testing import Emulator, Settings

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence

    from rich.console import Console

    from walead_async.models import BlockedLead
    from walead_async.paging.listing import Listing

__all__ = ["Ends", "Person", "Step", "demo_command", "people", "write_file"]

#: How many people are blocked before the demo begins, as `lead-0000001` and so on.
BLOCKED_BEFORE = 10_000
#: Smaller batches than usual, and seconds before each answer: so there is something to see.
BATCH = 100
LATENCY = 0.02
AGENT = "demo-agent"
NUMBER_BLOCKED_BEFORE = "+14155550100"
#: From this width on there is room for an example of each kind of row.
WIDE = 100


class Person(NamedTuple):
    """One row of the file."""

    kind: str
    link: str
    reason: str


def _identifier(number: int) -> str:
    return f"opt-out-{number:04d}"


#: Each kind of row: how many of it the file has, and how row `n` (from 0) is written. The first five kinds name a
#: thousand new people; the others name people twice, people blocked before, and what is no person at all.
KINDS: dict[str, tuple[int, Callable[[int], str]]] = {
    "an identifier": (700, _identifier),
    "a profile link": (200, lambda n: f"https://www.linkedin.com/in/{_identifier(700 + n)}/"),
    "a link with tracking": (60, lambda n: f"de.linkedin.com/in/{_identifier(900 + n)}/en?trk=people_search"),
    "a percent-encoded link": (30, lambda n: f"https://linkedin.com/in/j%C3%BCrgen-m%C3%BCller-{n:02d}"),
    "capitals and an @": (10, lambda n: f" @Opt-Out-{990 + n:04d}"),
    "blocked before": (20, lambda n: f"lead-{n + 1:07d}"),
    "somebody again": (25, lambda n: f"https://www.linkedin.com/in/{_identifier(n).upper()}"),
    "a company page": (4, lambda n: f"https://www.linkedin.com/company/example-{n}"),
    "a Sales Navigator link": (4, lambda n: f"https://www.linkedin.com/sales/lead/ACwAAA{n},NAME_SEARCH"),
    "a link to a post": (2, lambda n: f"https://www.linkedin.com/posts/example-{n}_activity-7100"),
    "an e-mail address": (4, lambda n: f"somebody-{n}@example.com"),
    "a full name": (3, lambda n: f"Jane Example {n}"),
    "an empty cell": (3, lambda n: ""),
}
#: Who is unblocked again, with the kind of each.
UNBLOCKED = (
    *(("blocked a moment ago", _identifier(n)) for n in range(3)),
    ("as a profile link", f"https://www.linkedin.com/in/{_identifier(3)}/"),
    ("as a profile link", "https://www.linkedin.com/in/jürgen-müller-00"),
    ("the same person again", _identifier(0)),
    ("never blocked", "nobody-ever-blocked-me"),
    ("an e-mail address", "somebody@example.com"),
)
#: The numbers that a voice agent is not to call, with the kind of each.
NUMBERS = (
    *(("a number", f"+1415555{n:04d}") for n in range(101, 104)),
    ("spaces and signs", "+49 (30) 901820-1"),
    ("blocked before", NUMBER_BLOCKED_BEFORE),
    ("the same number again", "+1 415 555-0101"),
    ("no number", "call me maybe"),
    ("a number too short", "112"),
)

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


@attrs.frozen
class Ends:
    """What became of one kind of row: so many of them ended like this, the first of them, and why."""

    kind: str
    status: Status
    rows: int
    example: str
    why: str


@attrs.frozen
class Step:
    """One step that was made: what it was for, what it did in a sentence, and the ends of every kind of row."""

    title: str
    did: str
    ends: Sequence[Ends] = ()
    facts: Mapping[str, object] = attrs.field(factory=dict)


@click.command("demo")
@common
def demo_command(service: ServiceOptions, as_json: bool) -> int:
    """Show everything, without account or network.

    An emulator of both services is started with 10,000 people on its list. They are listed, 1,000 more are blocked
    from a CSV file such as people bring, some are unblocked, numbers are kept from a voice agent, and the list is
    exported. What became of every kind of row is told.
    """
    if service != ServiceOptions():
        raise click.UsageError(
            "the demo brings its own service and sends nothing anywhere else: leave out --base-url, --proxy and --ca"
        )
    return _play(as_json=as_json)


@in_event_loop
async def _play(*, as_json: bool) -> int:
    """Play every step, print each as it ends, and say what to try next."""
    out = console()
    if not as_json:
        out.print(Text(f"\n{WELCOME}\n"))
    steps: list[Step] = []
    async with aclosing(_steps()) as played:
        async for step in played:
            steps.append(step)
            if not as_json:
                _print(len(steps), step, out)
    if as_json:
        write_json([{"steps": [attrs.asdict(step) for step in steps]}])
    else:
        there = {one.status for step in steps for one in step.ends}
        _print_pairs("What the ends mean", {end.value: ENDS[end] for end in Status if end in there}, out)
        _print_pairs("What to try next", NEXT, out)
    return ExitCode.DONE


async def _steps() -> AsyncGenerator[Step]:
    folder = Path(tempfile.mkdtemp(prefix="walead-demo-"))
    async with Emulator(settings=Settings(latency=LATENCY), leads=BLOCKED_BEFORE) as emulator:
        emulator.agents[AGENT] = {NUMBER_BLOCKED_BEFORE: None}
        key = emulator.api_key
        async with AsyncSession(key, base_url=emulator.walead_url) as session:
            leads = session.blocked_leads
            listing = leads.list()
            count = len(await listing.collect())
            did = f"{count:,} records, in {listing.requests} requests. {_verdict(listing)}"
            facts = {"records": count, "requests": listing.requests, "verdict": listing.verdict.value}
            yield Step("List everybody who is blocked", did, facts=facts)

            path = folder / "opt-outs.csv"
            kinds = [person.kind for person in write_file(path)]
            people = [LeadToBlock(row.text, row.reason) for row in files.rows(path)]
            report = await leads.block(people, reason="opted out", batch_size=BATCH, check=False)
            yield _reported(f"Block the people in {path.name}", kinds, report.outcomes, file=str(path))

            report = await leads.unblock_identifiers([item for _, item in UNBLOCKED], check=False)
            yield _reported("Unblock some of them", [kind for kind, _ in UNBLOCKED], report.outcomes)

            async with VoiceAgentSession(key, uid=emulator.uid, base_url=emulator.phonely_url) as phones:
                block_list = phones.agent(AGENT).block_list
                report = await block_list.block([number for _, number in NUMBERS], check=False)
            title = "Keep a voice agent from calling these numbers"
            yield _reported(title, [kind for kind, _ in NUMBERS], report.outcomes)

            path = folder / "blocked.csv"
            listing = leads.list()
            count = await export_leads(path, listing)
            did = f"{count:,} records, in {path}. {_verdict(listing)}"
            yield Step(
                "Export the list",
                did,
                facts={"file": str(path), "records": count, "verdict": listing.verdict.value},
            )


def people() -> list[Person]:
    """Every row of the file, the odd ones spread among the others."""
    placed = []
    for kind, (rows, write) in KINDS.items():
        for number in range(rows):
            person = Person(kind, write(number), "asked on the phone" if number % 3 == 0 else "")
            placed.append(((number + 1) / rows, person))
    return [person for _, person in sorted(placed, key=lambda pair: pair[0])]


def write_file(path: Path) -> list[Person]:
    """Write the CSV file that somebody might bring, and return its rows."""
    rows = people()
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["LinkedIn URL", "Reason"])
        writer.writerows((person.link, person.reason) for person in rows)
    return rows


def _verdict(listing: Listing[BlockedLead]) -> str:
    return f"{listing.verdict.name}: {MEANINGS[listing.verdict]}."


def _reported(title: str, kinds: Sequence[str], outcomes: Sequence[Outcome], **facts: object) -> Step:
    """The step that came to these outcomes, summed up by how they ended and then by the kind of row."""
    found: dict[tuple[str, Status], list[Outcome]] = {}
    for kind, outcome in zip(kinds, outcomes, strict=True):
        found.setdefault((kind, outcome.status), []).append(outcome)
    ends = [
        Ends(kind, status, len(same), item_text(same[0].item), _why(same[0])) for (kind, status), same in found.items()
    ]
    order = tuple(Status)
    ends.sort(key=lambda one: (order.index(one.status), -one.rows))
    counts = Counter(outcome.status for outcome in outcomes)
    told = ", ".join(f"{counts[status]:,} {status}" for status in order if counts[status])
    return Step(title, f"{len(kinds):,} rows: {told}.", ends, {**facts, "rows": len(kinds)})


def _why(outcome: Outcome) -> str:
    """Why it ended so, in few words and without the advice; or how it was sent, where that is all there is to say."""
    if isinstance(outcome.error, APIError):
        return outcome.error.message
    if outcome.detail is not None:
        return re.split(r"[:,] | \(", outcome.detail, maxsplit=1)[0]
    return f"sent as {outcome.key}"


def _print(number: int, step: Step, out: Console) -> None:
    """A title, a sentence, and a table with a line for each kind of row and each way it ended."""
    out.print(Text(f"{number}. {step.title}", style="bold"))
    out.print(Padding(Text(step.did), (0, 0, 0, 3)))
    if step.ends:
        out.print(_table(step.ends, examples=out.width >= WIDE))
    out.print()


def _table(ends: Iterable[Ends], *, examples: bool) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("   end", no_wrap=True)
    table.add_column("rows", justify="right")
    table.add_column("kind of row", no_wrap=True)
    if examples:
        table.add_column("the first of them", overflow="fold", max_width=WIDE - 60)
    table.add_column("because")
    for one in ends:
        end = Text(f"   {one.status}", style=STYLES.get(one.status, "red"))
        example = [visible(one.example) or "(nothing)"] if examples else []
        table.add_row(end, str(one.rows), one.kind, *map(Text, [*example, visible(one.why)]))
    return table


def _print_pairs(title: str, pairs: Mapping[str, str], out: Console) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    for left, right in pairs.items():
        table.add_row(f"   {left}", right)
    out.print(Text(title, style="bold"))
    out.print(table)
    out.print()
