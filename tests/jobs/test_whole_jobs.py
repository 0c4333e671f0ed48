"""Jobs from their first to their last night, by the real program: killed at any instant, half a file, thirty nights."""

from __future__ import annotations

import asyncio
import random
import re
import sqlite3
import zlib
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import pytest
from job_files import Files, blocked, people
from programs import Walead

from walead_async import AsyncSession, Outbox
from walead_async.testing import Emulator, Settings

#: Seconds that a program of a long test may take.
LONG = 3_600.0
#: So many requests are remembered.
LOG = 1_000_000
PAGE = 200
#: So many looks at a service that nothing arrives at are enough.
QUIET = 200
#: So many changes are waited for at most, each of up to 500 people.
BATCHES = 5


@pytest.fixture
def walead(emulator: Emulator, tmp_path: Path) -> Walead:
    """The program, with a journal that WALEAD_JOURNAL names."""
    program = Walead(emulator, tmp_path, LONG)
    program.environment["WALEAD_JOURNAL"] = str(tmp_path / "J")
    return program


async def ran(walead: Walead, *arguments: str, code: int = 0) -> dict[str, object]:
    """What a command of `walead sync` says as JSON; it must end like this."""
    done = await walead("sync", *arguments, "--json")
    assert done.code == code, done.err
    [value] = done.values()
    return value


async def kill_at(emulator: Emulator, program: asyncio.subprocess.Process, luck: random.Random, most: int) -> bool:
    """Kill a program when some requests have come, or changes, or nothing comes any more; False if it ended before."""
    before = last = len(emulator.requests)
    wants_changes = luck.random() < 0.6
    goal = luck.randint(1, BATCHES if wants_changes else most)
    quiet = 0
    while program.returncode is None and quiet < QUIET:
        requests = emulator.requests[before:]
        if goal <= (sum(request.method != "GET" for request in requests) if wants_changes else len(requests)):
            break
        quiet = quiet + 1 if requests and before + len(requests) == last else 0
        last = before + len(requests)
        await asyncio.sleep(0.002)
    await asyncio.sleep(luck.uniform(0, 0.02))
    alive = program.returncode is None
    if alive:
        program.kill()
    await program.communicate()
    return alive


def deleted_twice(emulator: Emulator) -> set[str]:
    """The ids that were in two DELETEs without a listing between them."""
    found: set[str] = set()
    since: set[str] = set()
    for request in emulator.requests:
        if request.method == "GET" and "search" not in request.query:
            since = set()
        elif request.method == "DELETE":
            assert isinstance(request.body, list)
            ids = set(request.body)
            found |= ids & since
            since |= ids
    return found


KILLED = [pytest.param(6_000, 5), pytest.param(100_000, 50, marks=[pytest.mark.soak, pytest.mark.timeout(0)])]


@pytest.mark.parametrize(("count", "kills"), KILLED)
@pytest.mark.parametrize("mode", ["add", "mirror"])
@pytest.mark.parametrize(
    ("lag", "faults"),
    [
        (0.0, ("POST ~0.4:hang", "DELETE ~0.4:hang")),
        (0.3, ("POST ~0.4:apply-then-hang", "DELETE ~0.4:apply-then-hang")),
    ],
    ids=["lost", "late"],
)
async def test_a_job_that_is_killed_ends_as_one_that_is_not(
    walead: Walead,
    emulator: Emulator,
    files: Files,
    count: int,
    kills: int,
    mode: str,
    lag: float,
    faults: tuple[str, ...],
) -> None:
    luck = random.Random(f"{count} {mode} {faults}")
    before, wanted = people(count), people(count, first=count // 2)
    await ran(walead, "run", str(files.csv(before, "before.csv", "before")), "--yes", "--settle", "0")
    emulator.settings = Settings(latency=0.005, page_size=PAGE, log_size=LOG, stale=lag)
    emulator.faults.add(*faults)
    source = str(files.csv(wanted, reason="wanted"))
    options = ("--mode", "mirror", "--max-removals", str(count)) if mode == "mirror" else ()
    plan = str((await ran(walead, "plan", source, *options))["plan"])
    listing = count // PAGE
    killed = 0
    for _ in range(kills):
        program = await walead.start("sync", "apply", plan, "--yes", "--settle", "1")
        killed += await kill_at(emulator, program, luck, 2 * listing + 8)
    emulator.faults.clear()
    report = await ran(walead, "apply", plan, "--yes", "--settle", "1")
    assert killed, "no kill came in time"
    assert (report["state"], report["missing"], report["extra"]) == ("verified", 0, 0)
    stay = before[count // 2 :] if mode == "mirror" else before
    assert blocked(emulator) == {
        *((person, "before") for person in stay),
        *((person, "wanted") for person in set(wanted) - set(before)),
    }
    assert deleted_twice(emulator) == set()


async def test_half_a_file_blocks_everybody_and_removes_nobody(
    walead: Walead, emulator: Emulator, files: Files, tmp_path: Path
) -> None:
    names = people(60)
    await ran(walead, "run", str(files.csv(names, "before.csv")), "--yes", "--settle", "0")
    whole = files.csv(names, "whole.csv").read_text(encoding="utf-8")
    half = "".join(whole.splitlines(keepends=True)[:31])
    sources = {
        "half": half + "new-half,\n",
        "in-a-word": half + "new-in-a-word,\nperson-0",
        "in-quotes": half + 'new-in-quotes,\n"person-00040,\n',
        "header": "public_identifier,reason\n",
        "empty": "",
    }
    for name, text in sources.items():
        source = files.text(text, f"{name}.csv")
        stay = set(emulator.blocked_leads.identifiers()) - {line.partition(",")[0] for line in text.splitlines()}
        report = await ran(walead, "run", str(source), "--mode", "mirror", "--yes", "--settle", "0", code=1)
        new = set(re.findall(r"new-[a-z-]+", text))
        assert (report["verified"], report["withheld"], report["unblock"]) == (True, len(stay), 0)
        assert set(names) | new <= set(emulator.blocked_leads.identifiers())
        page = tmp_path / f"{name}.html"
        assert (await walead("sync", "report", str(report["plan"]), "--output", str(page))).code == 0
        assert withheld_in(page) == stay
    assert "person-0" in emulator.blocked_leads, "whoever stands in the last line is blocked all the same"
    assert "DELETE" not in {request.method for request in emulator.requests}


def withheld_in(page: Path) -> set[str]:
    """Whom a report names as withheld."""
    _, _, below = page.read_text(encoding="utf-8").partition("To unblock: withheld")
    return set(re.findall(r"<tr><td>([^<]+)</td>", below.partition("<h")[0]))


async def test_an_opt_out_that_the_source_does_not_know_is_kept_through_mirrors(
    walead: Walead, emulator: Emulator, session: AsyncSession, files: Files, tmp_path: Path
) -> None:
    names = people(40)
    await ran(walead, "run", str(files.csv([*names, "jane", "joe"], "before.csv")), "--yes", "--settle", "0")
    for file, person in (("J", "jane"), ("web.db", "joe")):
        async with Outbox.open(tmp_path / file, session) as outbox:
            receipt = await outbox.block(person, reason="web form")
            await receipt.settled()
    options = ("--mode", "mirror", "--yes", "--settle", "0", "--keep", str(tmp_path / "web.db"))
    report = await ran(walead, "run", str(files.csv(names[1:])), *options)
    assert (report["kept"], report["withheld"]) == (2, 0)
    assert set(emulator.blocked_leads.identifiers()) == {*names[1:], "jane", "joe"}
    (tmp_path / "web.db").unlink()
    missing = await ran(walead, "run", str(files.csv(names[2:])), *options, code=1)
    assert missing["withheld"] == 2
    assert {"jane", "joe", names[1]} <= set(emulator.blocked_leads.identifiers())


def sizes(folder: Path) -> int:
    """How many bytes the journal takes, with what stands beside it."""
    return sum(path.stat().st_size for path in folder.glob("J*"))


def holds(folder: Path, text: bytes) -> Iterable[str]:
    """Where a text stands: in the bytes of a file, or in a part of the journal once it is unpacked."""
    yield from (path.name for path in folder.iterdir() if path.is_file() and text in path.read_bytes())
    with closing(sqlite3.connect(folder / "J")) as db:
        for number, kind, body in db.execute(
            "select part.number, source.kind, part.body from part join source on source.id = part.source"
        ):
            if kind == "wanted" and text in zlib.decompress(body):
                yield f"part {number}"


NIGHTS = [
    pytest.param(3_000, 4, 20),
    pytest.param(1_000_000, 30, 100, marks=[pytest.mark.soak, pytest.mark.timeout(0)]),
]


@pytest.mark.parametrize(("count", "nights", "changed"), NIGHTS)
async def test_many_nights_keep_a_small_journal_and_the_last_is_undone(
    walead: Walead, emulator: Emulator, files: Files, tmp_path: Path, count: int, nights: int, changed: int
) -> None:
    emulator.settings = Settings(page_size=1_000)
    grown = []
    plan = ""
    before: set[tuple[str, str | None]] = set()
    for night in range(nights):
        before, size = blocked(emulator), sizes(tmp_path)
        names = [*people(count - 1, first=night * changed), "jane-erase-me"]
        options = ("--mode", "mirror", "--yes", "--settle", "0", "--max-removals", str(changed))
        plan = str((await ran(walead, "run", str(files.csv(names, reason=f"night {night}")), *options))["plan"])
        assert set(emulator.blocked_leads.identifiers()) == set(names)
        grown.append(sizes(tmp_path) - size)
    # A night costs its source, packed, and its changes.
    assert max(grown[1:]) < 8 * count + 500 * changed + 100_000
    undo = str((await ran(walead, "undo", plan))["plan"])
    await ran(walead, "apply", undo, "--yes", "--settle", "0")
    assert blocked(emulator) == before
    (tmp_path / "crm.csv").unlink()
    assert list(holds(tmp_path, b"jane-erase-me"))
    assert (await walead("journal", "erase", "jane-erase-me", "--yes")).code == 0
    assert list(holds(tmp_path, b"jane-erase-me")) == []
    assert "jane-erase-me" in emulator.blocked_leads
