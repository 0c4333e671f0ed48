from __future__ import annotations

import asyncio
import resource
import signal
import stat
import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from walead_async import files
from walead_async.errors import ConnectionFailedError, InvalidInputError, SourceError
from walead_async.files.export import BATCH, SUFFIXES, export_leads
from walead_async.models import BlockedLead

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterable
    from pathlib import Path

WHEN = datetime(2023, 11, 7, 5, 31, 56, tzinfo=UTC)

formats = pytest.mark.parametrize("suffix", SUFFIXES)


def lead(identifier: str = "john-doe", reason: str | None = "asked", id: str = "r1") -> BlockedLead:
    return BlockedLead(id, identifier, reason, WHEN, "w1")


async def listing(records: Iterable[BlockedLead], then: Exception | None = None) -> AsyncGenerator[BlockedLead, None]:
    for record in records:
        yield record
    if then is not None:
        raise then


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


@formats
async def test_an_export_is_whole_private_and_alone_in_its_folder(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / ("blocked" + suffix)
    count = 2 * BATCH + 1
    assert await export_leads(path, listing(lead(f"john-{n}") for n in range(count))) == count
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [row.text for row in files.rows(path)] == [f"john-{n}" for n in range(count)]
    assert names(tmp_path) == [path.name]


@formats
async def test_an_export_of_nobody_has_no_rows(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / ("blocked" + suffix)
    assert await export_leads(str(path), listing([])) == 0
    assert list(files.rows(path)) == []


@formats
async def test_the_record_ids_can_be_read_back_too(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / ("blocked" + suffix)
    await export_leads(path, listing([lead(id="r1"), lead(id="-r2")]))
    assert [row.text for row in files.rows(path, kind="id")] == ["r1", "-r2"]


@formats
@pytest.mark.parametrize("error", [ConnectionFailedError("gone"), OSError("theirs"), RuntimeError("theirs")])
async def test_a_listing_that_fails_leaves_the_old_file_as_it_was(
    tmp_path: Path, suffix: str, error: Exception
) -> None:
    path = tmp_path / ("blocked" + suffix)
    path.write_text("old")
    with pytest.raises(type(error)) as caught:
        await export_leads(path, listing((lead() for _ in range(BATCH + 1)), error))
    assert caught.value is error
    assert path.read_text() == "old"
    assert names(tmp_path) == [path.name]


@formats
async def test_a_cancelled_export_leaves_nothing_and_ends_its_listing(tmp_path: Path, suffix: str) -> None:
    begun = asyncio.Event()
    ended = asyncio.Event()

    async def endless() -> AsyncIterator[BlockedLead]:
        try:
            for _ in range(BATCH + 1):
                yield lead()
            begun.set()
            await asyncio.Event().wait()
        finally:
            ended.set()

    task = asyncio.create_task(export_leads(tmp_path / ("blocked" + suffix), endless()))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()
    assert names(tmp_path) == []


async def test_an_export_that_fails_ends_its_listing(tmp_path: Path) -> None:
    ended = asyncio.Event()

    async def records() -> AsyncIterator[BlockedLead]:
        try:
            while True:
                yield lead("john\ud800")
        finally:
            ended.set()

    with pytest.raises(SourceError, match=r"blocked\.csv: cannot be written: .* not proper Unicode"):
        await export_leads(tmp_path / "blocked.csv", records())
    assert ended.is_set()


async def test_an_unknown_suffix_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    unread = listing([lead()])
    with pytest.raises(InvalidInputError, match=r"\.csv, \.jsonl, \.parquet, \.xlsx"):
        await export_leads(tmp_path / "blocked.json", unread)
    assert await anext(unread) == lead()
    await unread.aclose()
    assert names(tmp_path) == []


async def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"missing/blocked\.csv: cannot be written: No such file"):
        await export_leads(tmp_path / "missing" / "blocked.csv", listing([lead()]))
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(SourceError, match=r"folder\.csv: a folder"):
        await export_leads(tmp_path / "folder.csv", listing([lead()]))


async def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    target = tmp_path / "elsewhere" / "real.csv"
    target.write_text("old")
    link = tmp_path / "blocked.csv"
    link.symlink_to(target)
    await export_leads(link, listing([lead()]))
    assert link.is_symlink()
    assert [row.text for row in files.rows(target)] == ["john-doe"]
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


FULL_DISK = """
import asyncio, os, resource, signal, sys
from datetime import UTC, datetime
import pyarrow.parquet, xlsxwriter
from walead_async.errors import SourceError
from walead_async.files.export import export_leads
from walead_async.models import BlockedLead

async def records():
    for n in range(30_000):
        yield BlockedLead(os.urandom(8).hex(), os.urandom(8).hex(), "asked", datetime.now(UTC), "w1")

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try: asyncio.run(export_leads(sys.argv[1], records()))
except SourceError as error: print(error)
"""


@formats
def test_a_full_disk_leaves_the_old_file_as_it_was(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / ("blocked" + suffix)
    path.write_text("old")
    command = [sys.executable, "-W", "error", "-c", FULL_DISK, str(path)]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert "cannot be written: File too large" in found.stdout
    assert found.stderr == ""
    assert path.read_text() == "old"
    assert names(tmp_path) == [path.name]


def test_an_export_needs_no_more_memory_for_more_records(tmp_path: Path) -> None:
    async def records(count: int) -> AsyncIterator[BlockedLead]:
        for n in range(count):
            yield lead(f"john-{n}")

    asyncio.run(export_leads(tmp_path / "few.csv", records(2_000)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    asyncio.run(export_leads(tmp_path / "many.csv", records(100_000)))
    assert sum(1 for _ in files.rows(tmp_path / "many.csv")) == 100_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 8_000


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\ufffe\uffff"), max_size=12)
CELLS = st.one_of(TEXTS, st.builds(str.__add__, st.sampled_from("=+-@'\t\r\n\0\" ;,"), TEXTS))
RECORDS = st.lists(
    st.builds(lead, identifier=CELLS.filter(bool), reason=st.none() | CELLS, id=CELLS.filter(bool)), max_size=12
)


@settings(max_examples=60, deadline=None)
@given(records=RECORDS, suffix=st.sampled_from(SUFFIXES))
@example(records=[lead("'=a", "_x0041_"), lead("\0", "''"), lead("\u2028", "\x85\r")], suffix=".csv")
@example(records=[lead("'=a", "_x0041_"), lead("\0", "''"), lead("\u2028", "\x85\r")], suffix=".xlsx")
def test_what_was_exported_reads_back_to_the_same_identifiers_and_reasons(
    tmp_path_factory: pytest.TempPathFactory, records: list[BlockedLead], suffix: str
) -> None:
    path = tmp_path_factory.getbasetemp() / ("round" + suffix)
    assert asyncio.run(export_leads(path, listing(records))) == len(records)
    read = [(row.text, row.reason) for row in files.rows(path)]
    assert read == [(record.public_identifier, record.reason or None) for record in records]
    assert [row.text for row in files.rows(path, kind="id")] == [record.id for record in records]


def test_a_killed_export_is_no_file(tmp_path: Path) -> None:
    program = (
        "import asyncio, os, signal, sys\n"
        "from datetime import UTC, datetime\n"
        "from walead_async.files.export import export_leads\n"
        "from walead_async.models import BlockedLead\n"
        "async def records():\n"
        "    for n in range(2500): yield BlockedLead('r', 'john', None, datetime.now(UTC), 'w')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(export_leads(sys.argv[1], records()))\n"
    )
    path = tmp_path / "blocked.csv"
    path.write_text("old")
    found = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, timeout=30, check=False)
    assert found.returncode == -signal.SIGKILL
    assert path.read_text() == "old"
    left = [folder for folder in tmp_path.iterdir() if folder != path]
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in left] == [0o700]
