"""What is measured: this package and its peers, each the small program that one would write.

A subject is run alone in a process of its own, and returns how much work it has done, so that it can be checked.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sized

    from benchmarks.clock import Clock
    from walead_async.jobs import Progress

KEY = {"x-api-key": "bench"}
PATH = "/v1/blocked-leads"
BATCH = 500
#: Has no divisor in common with how much is done: it puts people into another order.
STEP = 7919
AT_ONCE = 50


def identifiers(count: int) -> Iterator[str]:
    """People to block."""
    return (f"john-doe-{number:08d}" for number in range(count))


async def ours_list(url: str, work: int, clock: Clock, *, window: int) -> int:
    """`async for lead in session.blocked_leads.list()`."""
    from walead_async import AsyncSession

    seen, early = 0, work // 100
    async with AsyncSession("bench", base_url=url, concurrency=max(8, window)) as session:
        clock.start()
        async for _ in session.blocked_leads.list(window=window):
            seen += 1
            if seen == early:
                clock.settled()
        clock.stop()
    return seen


async def aiohttp_list(url: str, work: int, clock: Clock) -> int:
    """The plain loop: one page after the other, as dicts."""
    import aiohttp

    seen = 0
    async with aiohttp.ClientSession(headers=KEY) as http:
        clock.start()
        while True:
            async with http.get(url + PATH, params={"sort": "ASC", "offset": seen}) as response:
                response.raise_for_status()
                page = await response.json()
            if not page:
                break
            seen += len(page)
        clock.stop()
    return seen


async def aiohttp_known(url: str, work: int, clock: Clock, *, window: int) -> int:
    """A loop that knows every offset beforehand, `window` requests at once, and two lone round trips."""
    import aiohttp

    seen = 0
    offsets = iter(range(100, work, 100))
    async with aiohttp.ClientSession(headers=KEY, connector=aiohttp.TCPConnector(limit=0)) as http:

        async def page(offset: int) -> int:
            async with http.get(url + PATH, params={"sort": "ASC", "offset": offset}) as response:
                return len(await response.json())

        async def worker() -> int:
            return sum([await page(offset) for offset in offsets])

        clock.start()
        seen += await page(0)
        seen += sum(await asyncio.gather(*(worker() for _ in range(window))))
        seen += await page(work)
        clock.stop()
    return seen


async def httpx_list(url: str, work: int, clock: Clock) -> int:
    """The plain loop on httpx, as dicts."""
    import httpx

    seen = 0
    async with httpx.AsyncClient(headers=KEY, timeout=30) as http:
        clock.start()
        while True:
            response = await http.get(url + PATH, params={"sort": "ASC", "offset": seen})
            response.raise_for_status()
            page = response.json()
            if not page:
                break
            seen += len(page)
        clock.stop()
    return seen


async def ours_block(url: str, work: int, clock: Clock) -> int:
    """`await session.blocked_leads.block(leads)`."""
    from walead_async import AsyncSession

    leads = list(identifiers(work))
    async with AsyncSession("bench", base_url=url) as session:
        clock.start()
        report = await session.blocked_leads.block(leads, batch_size=BATCH)
        clock.stop()
    return sum(count for status, count in report.counts.items() if status == "done")


async def ours_block_stream(url: str, work: int, clock: Clock) -> int:
    """`async for outcome in session.blocked_leads.block_stream(generator)`."""
    from walead_async import AsyncSession

    done, early = 0, work // 100
    async with AsyncSession("bench", base_url=url) as session:
        clock.start()
        async for outcome in session.blocked_leads.block_stream(identifiers(work), batch_size=BATCH):
            done += outcome.status == "done"
            if done == early:
                clock.settled()
        clock.stop()
    return done


async def aiohttp_block(url: str, work: int, clock: Clock) -> int:
    """The plain loop: one batch after the other."""
    import aiohttp

    blocked = 0
    leads = identifiers(work)
    async with aiohttp.ClientSession(headers=KEY) as http:
        clock.start()
        while batch := list(itertools.islice(leads, BATCH)):
            payload = {"leads": [{"publicIdentifier": lead} for lead in batch]}
            async with http.post(url + PATH, json=payload) as response:
                response.raise_for_status()
                blocked += (await response.json())["blocked"]
        clock.stop()
    return blocked


async def httpx_block(url: str, work: int, clock: Clock) -> int:
    """The plain loop on httpx: one batch after the other."""
    import httpx

    blocked = 0
    leads = identifiers(work)
    async with httpx.AsyncClient(headers=KEY, timeout=30) as http:
        clock.start()
        while batch := list(itertools.islice(leads, BATCH)):
            payload = {"leads": [{"publicIdentifier": lead} for lead in batch]}
            response = await http.post(url + PATH, json=payload)
            response.raise_for_status()
            blocked += response.json()["blocked"]
        clock.stop()
    return blocked


def _file_of(people: Iterator[str], folder: Path) -> Path:
    """A source: one person a line."""
    path = folder / "source.txt"
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"{person}\n" for person in people)
    return path


async def ours_compare(url: str, work: int, clock: Clock) -> int:
    """Two lists of keys, of which each has a hundredth that the other has not, part against part on the disk."""
    from walead_async.jobs.compare import compare
    from walead_async.jobs.parts import PARTS, Spill

    clock.start()
    differ = 0
    with Spill() as local, Spill() as remote:
        for side, first in ((local, 0), (remote, work // 100)):
            keys = (key.encode() for key in itertools.islice(identifiers(work + first), first, None))
            while some := list(itertools.islice(keys, 2_000)):
                side.add(some, some)
                if side.full:
                    side.write()
                if not first and len(side) == max(2_000, work // 100):
                    clock.settled()
        for part in range(PARTS):
            found = compare(dict.fromkeys(local.lines(part), b""), remote.data(part), reasons=False)
            differ += len(found.missing) + len(found.unwanted)
    clock.stop()
    return work if differ == 2 * (work // 100) else -1


async def sets_compare(url: str, work: int, clock: Clock) -> int:
    """The same with Python sets in memory."""
    clock.start()
    local = set(identifiers(work))
    remote = set(itertools.islice(identifiers(work + work // 100), work // 100, None))
    differ = len(local - remote) + len(remote - local)
    clock.stop()
    return work if differ == 2 * (work // 100) else -1


async def ours_plan(url: str, work: int, clock: Clock) -> int:
    """`await plan(journal, session, source)`, where everybody is blocked already."""
    from walead_async import AsyncSession
    from walead_async.jobs import open_journal, plan

    with tempfile.TemporaryDirectory() as folder:
        source = _file_of((f"jane-doe-{number:08d}" for number in range(work)), Path(folder))
        async with AsyncSession("bench", base_url=url) as session, open_journal(Path(folder) / "J") as journal:
            early = iter([work // 100])

            def told(progress: Progress) -> None:
                if progress.phase == "listing" and progress.done >= work // 100 and next(early, None):
                    clock.settled()

            clock.start()
            made = await plan(journal, session, source, progress=told)
            clock.stop()
    return made.already


async def plain_plan(url: str, work: int, clock: Clock) -> int:
    """Reading, normalising and listing alone."""
    from walead_async import AsyncSession
    from walead_async.files import rows
    from walead_async.identifiers import public_identifier

    with tempfile.TemporaryDirectory() as folder:
        source = _file_of((f"jane-doe-{number:08d}" for number in range(work)), Path(folder))
        async with AsyncSession("bench", base_url=url) as session:
            clock.start()
            found = 0
            for row in rows(source):
                public_identifier(row.text)
                found += 1
            listed = 0
            async for page in session.blocked_leads.list().pages():
                listed += len(page.records)
            clock.stop()
    return min(found, listed)


async def ours_apply(url: str, work: int, clock: Clock) -> int:
    """`await apply(journal, session, plan)`, where nobody is blocked yet."""
    from walead_async import AsyncSession
    from walead_async.jobs import apply, open_journal, plan

    keep(url)
    with tempfile.TemporaryDirectory() as folder:
        source = _file_of(identifiers(work), Path(folder))
        async with AsyncSession("bench", base_url=url) as session, open_journal(Path(folder) / "J") as journal:
            made = await plan(journal, session, source)
            clock.start()
            report = await apply(journal, session, made.id, settle=0.0)
            clock.stop()
    return report.counts["done"] if report.ok else -1


async def plain_apply(url: str, work: int, clock: Clock) -> int:
    """Two listings and a `block_stream`, without a journal."""
    from walead_async import AsyncSession

    keep(url)
    done = listed = 0
    async with AsyncSession("bench", base_url=url) as session:
        clock.start()
        async for page in session.blocked_leads.list().pages():
            listed += len(page.records)
        async for outcome in session.blocked_leads.block_stream(identifiers(work)):
            done += outcome.status == "done"
        async for page in session.blocked_leads.list().pages():
            listed += len(page.records)
        clock.stop()
    return min(done, listed)


def keep(url: str) -> None:
    """Have the server list whoever is blocked from now on, and nobody else."""
    urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url + "/keep", timeout=60).close()


#: Items that are written in one commit.
GROUP = 1_000


async def ours_journal(url: str, work: int, clock: Clock) -> int:
    """Items of a plan that are marked as sent and then get their ends, each group in a synced commit of its own."""
    with tempfile.TemporaryDirectory() as folder:
        return await settled_items(str(Path(folder) / "J"), work, clock)


async def settled_items(where: str, work: int, clock: Clock) -> int:
    """The items of a plan in this journal, sent and settled; how many got their ends."""
    from walead_async.jobs import records
    from walead_async.jobs.store import open_store

    async with open_store(where) as store:
        number = await store.write(lambda db: records.add_plan(db, "plan", "add", ("", "", ""), {"by_whom": ""}))
        new = [records.NewItem("block", person, "", "") for person in identifiers(work)]
        await store.write(lambda db: records.add_items(db, number, 0, 0, new))
        clock.start()
        at = (-1, -1)
        while items := await store.read(lambda db: records.open_items(db, number, "block", at, GROUP)):  # noqa: B023
            first, at = ((item.part, item.number) for item in (items[0], items[-1]))
            await store.write(lambda db: records.mark_sent(db, number, "block", first, at))  # noqa: B023
            ends = [(item, "done", None) for item in items]
            await store.write(lambda db: records.end_items(db, number, "block", ends))  # noqa: B023
        clock.stop()
        counts = await store.read(lambda db: records.counts(db, number))
    return counts[("block", "done")]


async def sqlite_journal(url: str, work: int, clock: Clock) -> int:
    """The same with `sqlite3` by hand."""
    import sqlite3

    with tempfile.TemporaryDirectory() as folder:
        database = sqlite3.connect(Path(folder) / "J", isolation_level=None)
        database.execute("pragma journal_mode = wal")
        database.execute("pragma synchronous = full")
        database.execute("create table item (number integer primary key, key text, state text)")
        database.execute("begin")
        new = ((number, person) for number, person in enumerate(identifiers(work)))
        database.executemany("insert into item values (?, ?, 'open')", new)
        database.execute("commit")
        clock.start()
        at, change = -1, "update item set state = ? where number = ?"
        while items := database.execute(
            "select number, key from item where number > ? and state = 'open' limit ?", (at, GROUP)
        ).fetchall():
            at = items[-1][0]
            for state in ("sent", "done"):
                database.execute("begin")
                database.executemany(change, [(state, number) for number, _ in items])
                database.execute("commit")
        clock.stop()
        ((done,),) = database.execute("select count(*) from item where state = 'done'")
        database.close()
    return int(done)


async def ours_find(url: str, work: int, clock: Clock, *, callers: int = AT_ONCE, concurrency: int = 0) -> int:
    """`await session.blocked_leads.find(identifier)`, 50 callers at once; the session's concurrency fits them."""
    from walead_async import AsyncSession

    async with AsyncSession("bench", base_url=url, concurrency=concurrency or callers) as session:

        async def find(number: int) -> int:
            lead = await session.blocked_leads.find(f"jane-doe-{number:08d}")
            return lead is not None and lead.public_identifier == f"jane-doe-{number:08d}"

        return await _at_once(find, work, clock, callers)


async def aiohttp_find(url: str, work: int, clock: Clock, *, callers: int = AT_ONCE) -> int:
    """A search on raw aiohttp, 50 callers at once."""
    import aiohttp

    connector = aiohttp.TCPConnector(limit=callers)
    async with aiohttp.ClientSession(headers=KEY, connector=connector) as http:

        async def find(number: int) -> int:
            query: dict[str, str | int] = {"sort": "ASC", "offset": 0, "search": f"jane-doe-{number:08d}"}
            async with http.get(url + PATH, params=query) as response:
                response.raise_for_status()
                found = await response.json()
            return any(lead["publicIdentifier"] == query["search"] for lead in found)

        return await _at_once(find, work, clock, callers)


async def tenacity_find(url: str, work: int, clock: Clock) -> int:
    """The same with tenacity around every call."""
    import aiohttp
    import tenacity

    async with aiohttp.ClientSession(headers=KEY) as http:

        @tenacity.retry(
            retry=tenacity.retry_if_exception_type(aiohttp.ClientError),
            stop=tenacity.stop_after_attempt(5),
            wait=tenacity.wait_random_exponential(0.2, 20),
        )
        async def find(number: int) -> int:
            query: dict[str, str | int] = {"sort": "ASC", "offset": 0, "search": f"jane-doe-{number:08d}"}
            async with http.get(url + PATH, params=query) as response:
                response.raise_for_status()
                found = await response.json()
            return any(lead["publicIdentifier"] == query["search"] for lead in found)

        return await _at_once(find, work, clock)


async def ours_block_one(url: str, work: int, clock: Clock, *, callers: int = AT_ONCE, concurrency: int = 0) -> int:
    """`await session.blocked_leads.block([identifier])`, 50 callers at once."""
    from walead_async import AsyncSession

    async with AsyncSession("bench", base_url=url, concurrency=concurrency or callers) as session:

        async def block(number: int) -> int:
            return (await session.blocked_leads.block([f"john-doe-{number:08d}"])).ok

        return await _at_once(block, work, clock, callers)


async def aiohttp_block_one(url: str, work: int, clock: Clock, *, callers: int = AT_ONCE) -> int:
    """A block of one lead on raw aiohttp, 50 callers at once."""
    import aiohttp

    connector = aiohttp.TCPConnector(limit=callers)
    async with aiohttp.ClientSession(headers=KEY, connector=connector) as http:

        async def block(number: int) -> int:
            payload = {"leads": [{"publicIdentifier": f"john-doe-{number:08d}"}]}
            async with http.post(url + PATH, json=payload) as response:
                response.raise_for_status()
                blocked: int = (await response.json())["blocked"]
            return blocked == 1

        return await _at_once(block, work, clock, callers)


async def _at_once(call: Callable[[int], Awaitable[int]], work: int, clock: Clock, callers: int = AT_ONCE) -> int:
    """The work shared by the callers; connections are warm before the clock starts."""
    numbers: Iterator[int] = iter(range(work))
    clock.settled()
    await asyncio.gather(*(call(number) for number in range(callers)))

    async def caller() -> int:
        return sum([await call(number) for number in numbers])

    clock.start()
    done = sum(await asyncio.gather(*(caller() for _ in range(callers))))
    clock.stop()
    return done


def page_of_records() -> bytes:
    """A page of 100 records."""
    from benchmarks.server import PAGE, record

    return b"[" + b",".join(record(number) for number in range(PAGE)) + b"]"


async def ours_decode(url: str, work: int, clock: Clock) -> int:
    """A page decoded and checked into frozen models, `work` times."""
    from walead_async.transport.decode import blocked_leads

    return _decode(blocked_leads, work, clock)


async def cattrs_decode(url: str, work: int, clock: Clock) -> int:
    """The same with cattrs' own converter for orjson, as shipped, told the names of the fields."""
    import attrs
    from cattrs.gen import make_dict_structure_fn, override
    from cattrs.preconf.orjson import make_converter

    @attrs.frozen
    class Lead:
        id: str
        public_identifier: str
        reason: str | None
        created_at: datetime
        workspace_id: str

    shipped = make_converter()
    structure = make_dict_structure_fn(
        Lead,
        shipped,
        public_identifier=override(rename="publicIdentifier"),
        created_at=override(rename="createdAt"),
        workspace_id=override(rename="workspaceId"),
    )
    shipped.register_structure_hook(Lead, structure)
    return _decode(lambda page: shipped.loads(page, list[Lead]), work, clock)


async def pydantic_decode(url: str, work: int, clock: Clock) -> int:
    """The same with pydantic's JSON validation."""
    from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

    class Lead(BaseModel):
        model_config = ConfigDict(frozen=True)

        id: str
        public_identifier: str = Field(alias="publicIdentifier")
        reason: str | None
        created_at: datetime = Field(alias="createdAt")
        workspace_id: str = Field(alias="workspaceId")

    return _decode(TypeAdapter(list[Lead]).validate_json, work, clock)


def _decode(decode: Callable[[bytes], Sized], work: int, clock: Clock) -> int:
    page = page_of_records()
    decode(page)
    clock.start()
    records = sum(len(decode(page)) for _ in range(work))
    clock.stop()
    return records


async def ours_index(url: str, work: int, clock: Clock) -> int:
    """`await session.blocked_leads.index()`."""
    from walead_async import AsyncSession, PageRead

    seen, settled = 0, False

    def count(event: object) -> None:
        nonlocal seen, settled
        seen += event.records if isinstance(event, PageRead) else 0
        if not settled and seen >= work // 100:
            settled = True
            clock.settled()

    async with AsyncSession("bench", base_url=url, hooks=[count]) as session:
        clock.start()
        index = await session.blocked_leads.index()
        clock.stop()
    return len(index)


def people_asked_about(work: int) -> Iterator[str]:
    """Names of people, every other one of whom is blocked, in no order."""
    return (f"jane-doe-{number * STEP % work * 2:08d}" for number in range(work))


async def ours_index_asked(url: str, work: int, clock: Clock) -> int:
    """`index.blocked(names)`, a thousand at once."""
    from walead_async import AsyncSession

    names = list(people_asked_about(work))
    async with AsyncSession("bench", base_url=url) as session:
        index = await session.blocked_leads.index()
    blocked = 0
    clock.start()
    for first in range(0, work, 1000):
        blocked += sum(index.blocked(names[first : first + 1000]))
    clock.stop()
    return 2 * blocked


async def names_normalised(url: str, work: int, clock: Clock) -> int:
    """What an index does to each name before it is looked up; the list is read as for one."""
    from walead_async import AsyncSession
    from walead_async.identifiers import public_identifier

    names = list(people_asked_about(work))
    async with AsyncSession("bench", base_url=url) as session:
        await session.blocked_leads.index()
    clock.start()
    done = sum(1 for name in names if public_identifier(name))
    clock.stop()
    return done


def contact_file(folder: str, work: int) -> Path:
    """The export of a CRM: links to profiles of people, every other one of whom is blocked."""
    path = Path(folder) / "contacts.csv"
    with path.open("w", encoding="utf-8") as file:
        file.write("First Name,Last Name,Company,LinkedIn URL,Note\n")
        for name in people_asked_about(work):
            file.write(f'Jane,Doe,"Example, Inc.",https://www.linkedin.com/in/{name}/,met at the fair\n')
    return path


async def ours_filter(url: str, work: int, clock: Clock, *, whole: int = 0) -> int:
    """`await filter_file(source, output, index)`; the `whole` of it, or without reading the list."""
    from walead_async import AsyncSession
    from walead_async.files import filter_file

    with tempfile.TemporaryDirectory() as folder:
        source = contact_file(folder, work)
        async with AsyncSession("bench", base_url=url) as session:
            clock.settled()
            if whole:
                clock.start()
            index = await session.blocked_leads.index()
        if not whole:
            clock.start()
        report = await filter_file(source, source.with_name("out.csv"), index)
        clock.stop()
    return 2 * report.kept


async def rows_normalised(url: str, work: int, clock: Clock) -> int:
    """The rows of the same file, read and normalised; the list is read as for a filter."""
    from walead_async import AsyncSession
    from walead_async.files import rows
    from walead_async.identifiers import public_identifier

    done = 0
    with tempfile.TemporaryDirectory() as folder:
        source = contact_file(folder, work)
        async with AsyncSession("bench", base_url=url) as session:
            await session.blocked_leads.index()
        clock.start()
        for row in rows(source):
            public_identifier(row.text)
            done += 1
        clock.stop()
    return done


async def ours_import(url: str, work: int, clock: Clock) -> int:
    """`import walead_async`, which loads its names on first use."""
    return _imported("import walead_async", work, clock)


async def ours_import_session(url: str, work: int, clock: Clock) -> int:
    """The import that a program makes."""
    return _imported("from walead_async import AsyncSession", work, clock)


async def ours_import_all(url: str, work: int, clock: Clock) -> int:
    """Every public name, and the two libraries that load when a call fails."""
    return _imported("from walead_async import *; import cattrs, tenacity", work, clock)


async def dependencies_import(url: str, work: int, clock: Clock) -> int:
    """The five packages that walead_async needs."""
    return _imported("import aiohttp, attrs, cattrs, tenacity, orjson", work, clock)


async def ours_help(url: str, work: int, clock: Clock) -> int:
    """`walead --help`."""
    return _shown("walead_async.cli", work, clock)


async def click_help(url: str, work: int, clock: Clock) -> int:
    """`--help` of a click program that does nothing."""
    return _shown("benchmarks.empty_click", work, clock)


#: The environment of a start: what is compiled once is kept, whatever this process was told.
ENVIRONMENT = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _imported(statement: str, work: int, clock: Clock) -> int:
    """Run an import statement in `work` new processes; the clock counts the import alone, not the interpreter's start.

    One more process goes first, so that all is compiled and in the disk's cache.
    """
    program = (
        "import time\n"
        "began, cpu_began = time.perf_counter(), time.process_time()\n"
        f"{statement}\n"
        "print(time.perf_counter() - began, time.process_time() - cpu_began)"
    )
    for run in range(1 + work):
        command = [sys.executable, "-c", program]
        answer = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=True)
        seconds, cpu = map(float, answer.stdout.split())
        if run:
            clock.add(seconds, cpu)
    return work


def _shown(module: str, work: int, clock: Clock) -> int:
    """Run `python -m MODULE --help` `work` times; the clock counts the whole process. One more goes first."""
    helped = 0
    for run in range(1 + work):
        with tempfile.TemporaryFile() as output:
            began = time.perf_counter()
            # Not waited for by `subprocess`, which would not tell what this one process used.
            process = subprocess.Popen([sys.executable, "-m", module, "--help"], env=ENVIRONMENT, stdout=output)
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            output.seek(0)
            if process.returncode or not output.read().startswith(b"Usage:"):
                raise RuntimeError(f"{module} --help ended with {process.returncode}, or showed no help")
        if run:
            clock.add(time.perf_counter() - began, used.ru_utime + used.ru_stime)
            helped += 1
    return helped
