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
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from walead_async.cli.output import console, staged_progress, visible, write_json
from walead_async.cli.program import ExitCode
from walead_async.cli.reading import MEANINGS, counted
from walead_async.cli.summary import item_text
from walead_async.errors import APIError
from walead_async.files.export import export_leads
from walead_async.files.sources import read_leads
from walead_async.models import BulkReport, LeadToBlock, Outcome, Status
from walead_async.session import AsyncSession, VoiceAgentSession
from walead_async.testing import Emulator, Settings

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence

    from rich.console import Console

    from walead_async.models import BlockedLead
    from walead_async.paging.listing import Listing

__all__ = [
    "AGENT",
    "BLOCKED_BEFORE",
    "NUMBERS",
    "NUMBER_BLOCKED_BEFORE",
    "UNBLOCKED",
    "Ends",
    "Kind",
    "Person",
    "Step",
    "block_people",
    "call_nobody",
    "export_list",
    "list_everybody",
    "people",
    "play",
    "unblock_some",
    "write_file",
]

#: How many people are blocked before the demo begins, as `lead-0000001` and so on.
BLOCKED_BEFORE = 10_000
#: How many new ones are in the file.
NEW = 1_000


class Kind(NamedTuple):
    """One kind of row: its name, how many rows of it the file has, and how row `n` (from 0) is written."""

    name: str
    rows: int
    write: Callable[[int], str]


class Person(NamedTuple):
    """One row of the file."""

    kind: str
    link: str
    reason: str


def _identifier(number: int) -> str:
    return f"opt-out-{number:04d}"


#: Kinds of rows that name new people; together they are `NEW`.
_NEW_KINDS = (
    Kind("an identifier", 700, lambda n: _identifier(n)),
    Kind("a profile link", 200, lambda n: f"https://www.linkedin.com/in/{_identifier(700 + n)}/"),
    Kind("a link with tracking", 60, lambda n: f"de.linkedin.com/in/{_identifier(900 + n)}/en?trk=people_search"),
    Kind("a percent-encoded link", 30, lambda n: f"https://linkedin.com/in/j%C3%BCrgen-m%C3%BCller-{n:02d}"),
    Kind("capitals and an @", 10, lambda n: f" @Opt-Out-{990 + n:04d}"),
)
#: The others: people twice, people blocked before, and what is no person at all.
_OTHER_KINDS = (
    Kind("blocked before", 20, lambda n: f"lead-{n + 1:07d}"),
    Kind("somebody again", 25, lambda n: f"https://www.linkedin.com/in/{_identifier(n).upper()}"),
    Kind("a company page", 4, lambda n: f"https://www.linkedin.com/company/example-{n}"),
    Kind("a Sales Navigator link", 4, lambda n: f"https://www.linkedin.com/sales/lead/ACwAAA{n},NAME_SEARCH"),
    Kind("a link to a post", 2, lambda n: f"https://www.linkedin.com/posts/example-{n}_activity-7100"),
    Kind("an e-mail address", 4, lambda n: f"somebody-{n}@example.com"),
    Kind("a full name", 3, lambda n: f"Jane Example {n}"),
    Kind("an empty cell", 3, lambda n: ""),
)

#: Who is unblocked again, with the kind of each.
UNBLOCKED = (
    *(("blocked a moment ago", _identifier(n)) for n in range(3)),
    ("as a profile link", f"https://www.linkedin.com/in/{_identifier(3)}/"),
    ("as a profile link", "https://www.linkedin.com/in/jürgen-müller-00"),
    ("the same person again", _identifier(0)),
    ("never blocked", "nobody-ever-blocked-me"),
    ("an e-mail address", "somebody@example.com"),
)

NUMBER_BLOCKED_BEFORE = "+14155550100"
#: The numbers that a voice agent is not to call, with the kind of each.
NUMBERS = (
    *(("a number", f"+1415555{n:04d}") for n in range(101, 104)),
    ("spaces and signs", "+49 (30) 901820-1"),
    ("blocked before", NUMBER_BLOCKED_BEFORE),
    ("the same number again", "+1 415 555-0101"),
    ("no number", "call me maybe"),
    ("a number too short", "112"),
)


def people() -> list[Person]:
    """Every row of the file, the odd ones spread among the others."""
    rows = [list(_rows(kind)) for kind in (*_NEW_KINDS, *_OTHER_KINDS)]
    placed = [(place / len(of_kind), person) for of_kind in rows for place, person in enumerate(of_kind, 1)]
    return [person for _, person in sorted(placed, key=lambda pair: pair[0])]


def _rows(kind: Kind) -> Iterator[Person]:
    for number in range(kind.rows):
        yield Person(kind.name, kind.write(number), "asked on the phone" if number % 3 == 0 else "")


def write_file(path: Path) -> list[Person]:
    """Write the CSV file that somebody might bring, and return its rows."""
    rows = people()
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["LinkedIn URL", "Reason"])
        writer.writerows((person.link, person.reason) for person in rows)
    return rows


AGENT = "demo-agent"
#: Smaller batches than usual, so that there is something to see on the way.
BATCH = 100
ORDER = tuple(Status)


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


async def list_everybody(session: AsyncSession, expected: int) -> Step:
    """Read the whole list."""
    listing = session.blocked_leads.list()
    count = 0
    with staged_progress("Reading", expected) as step:
        async for page in listing.pages():
            count += len(page.records)
            step(len(page.records))
    return Step(
        "List everybody who is blocked",
        f"{count:,} records, in {listing.requests} requests. {_verdict(listing)}",
        facts={"records": count, "requests": listing.requests, "verdict": listing.verdict.value},
    )


async def block_people(session: AsyncSession, folder: Path) -> Step:
    """Block the people of a CSV file."""
    path = folder / "opt-outs.csv"
    people = write_file(path)
    leads = [LeadToBlock(row.text, row.reason) for row in read_leads(path)]
    outcomes: list[Outcome] = []
    with staged_progress("Blocking", len(leads)) as step:
        async for outcome in session.blocked_leads.block_stream(leads, reason="opted out", batch_size=BATCH):
            outcomes.append(outcome)
            step(1)
    return Step(
        f"Block the people in {path.name}",
        f"{len(people):,} rows: {_counts(outcomes)}.",
        _ends((person.kind for person in people), outcomes),
        {"file": str(path), "rows": len(people)},
    )


async def unblock_some(session: AsyncSession) -> Step:
    """Unblock people by their identifiers."""
    report = await session.blocked_leads.unblock_identifiers([item for _, item in UNBLOCKED], check=False)
    return _reported("Unblock some of them", UNBLOCKED, report)


async def call_nobody(phones: VoiceAgentSession) -> Step:
    """Block numbers for a voice agent."""
    block_list = phones.agent(AGENT).block_list
    report = await block_list.block([number for _, number in NUMBERS], check=False)
    return _reported("Keep a voice agent from calling these numbers", NUMBERS, report)


async def export_list(session: AsyncSession, folder: Path, expected: int) -> Step:
    """Write the list to a file."""
    path = folder / "blocked.csv"
    listing = session.blocked_leads.list()
    with staged_progress("Exporting", expected) as step:
        count = await export_leads(path, counted(listing, step))
    return Step(
        "Export the list",
        f"{count:,} records, in {path}. {_verdict(listing)}",
        facts={"file": str(path), "records": count, "verdict": listing.verdict.value},
    )


def _reported(title: str, given: Sequence[tuple[str, str]], report: BulkReport) -> Step:
    did = f"{len(given)} rows: {_counts(report.outcomes)}."
    return Step(title, did, _ends((kind for kind, _ in given), report.outcomes), {"rows": len(given)})


def _verdict(listing: Listing[BlockedLead]) -> str:
    return f"{listing.verdict.name}: {MEANINGS[listing.verdict]}."


def _counts(outcomes: Iterable[Outcome]) -> str:
    counts = Counter(outcome.status for outcome in outcomes)
    return ", ".join(f"{counts[status]:,} {status}" for status in Status if counts[status])


def _ends(kinds: Iterable[str], outcomes: Sequence[Outcome]) -> list[Ends]:
    """Sum up the outcomes by how they ended, and then by the kind of row."""
    found: dict[tuple[str, Status], list[Outcome]] = {}
    for kind, outcome in zip(kinds, outcomes, strict=True):
        found.setdefault((kind, outcome.status), []).append(outcome)
    ends = [
        Ends(kind, status, len(same), item_text(same[0].item), _why(same[0])) for (kind, status), same in found.items()
    ]
    return sorted(ends, key=lambda one: (ORDER.index(one.status), -one.rows))


def _why(outcome: Outcome) -> str:
    """Why it ended so, without the advice; or how it was sent, where that is all there is to say."""
    if isinstance(outcome.error, APIError):
        return outcome.error.message
    if outcome.detail is not None:
        return re.split(r": | \(", outcome.detail, maxsplit=1)[0]
    return f"sent as {outcome.key}"


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
        emulator.agents[AGENT] = {NUMBER_BLOCKED_BEFORE: None}
        key = emulator.api_key
        async with AsyncSession(key, base_url=emulator.walead_url) as session:
            yield await list_everybody(session, BLOCKED_BEFORE)
            yield await block_people(session, folder)
            yield await unblock_some(session)
            async with VoiceAgentSession(key, uid=emulator.uid, base_url=emulator.phonely_url) as phones:
                yield await call_nobody(phones)
            yield await export_list(session, folder, len(emulator.blocked_leads))


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
