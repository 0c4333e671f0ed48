from __future__ import annotations

import asyncio
import os
import re
from typing import TYPE_CHECKING

import pytest
from terminals import seen_on

from walead_async.cli.output import progress
from walead_async.events import BatchSettled, PageRead, RequestSent, ResponseReceived, RetryScheduled
from walead_async.jobs import Progress
from walead_async.testing import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from programs import Walead

    from walead_async.testing import Emulator


async def test_on_a_terminal_what_takes_long_shows_how_far_it_is(walead: Walead, emulator: Emulator) -> None:
    emulator.settings = Settings(latency=1.3)
    emulator.agents["a1"] = {"+14155550123": None}
    screen, terminal = os.openpty()
    try:
        program = await walead.start("agent", "list", "a1", "--json", stderr=terminal, NO_COLOR="1", TERM="xterm")
        assert program.stdout is not None
        reading = asyncio.ensure_future(program.stdout.read())
        seen = await seen_on(screen, program)
        out = await reading
    finally:
        os.close(terminal)
        os.close(screen)
    assert program.returncode == 0
    assert "records; waits for an answer" in seen
    assert "\x1b[3" not in seen, "NO_COLOR is honoured"
    assert out == b'{"number":"+14155550123"}\n'


async def test_elsewhere_it_is_a_line_at_times(capsys: pytest.CaptureFixture[str]) -> None:
    async with asyncio.timeout(20), progress("items", 1_000, every=0.01) as hook:
        hook(RequestSent("POST", "/v1/blocked-leads", 1, 100))
        hook(BatchSettled("/v1/blocked-leads", 500, {"done": 500}))
        hook(PageRead("/v1/blocked-leads", 0, 100, True))
        hook(RetryScheduled("POST", "/v1/blocked-leads", 1, 2.0, "ServerError"))
        while not (said := capsys.readouterr().err):  # noqa: ASYNC110  # what is waited for is a timer
            await asyncio.sleep(0.01)
    first = said.splitlines()[0]
    assert first == "walead: 500 of 1,000 items, 50,000 a second; waits for attempt 2, 2 s after ServerError"


async def test_records_are_counted_as_their_pages_are_accepted(capsys: pytest.CaptureFixture[str]) -> None:
    async with asyncio.timeout(20), progress("records", every=0.01) as hook:
        hook(PageRead("/v1/blocked-leads", 0, 100, True))
        hook(PageRead("/v1/blocked-leads", 100, 70, False))
        hook(RequestSent("GET", "/v1/blocked-leads", 1, 0))
        while not (said := capsys.readouterr().err):  # noqa: ASYNC110  # what is waited for is a timer
            await asyncio.sleep(0.01)
    assert said.splitlines()[0] == "walead: 100 records, 10,000 a second; waits for an answer"


async def test_a_run_that_reads_the_list_says_so_with_a_count(capsys: pytest.CaptureFixture[str]) -> None:
    async def said() -> str:
        capsys.readouterr()
        while not (lines := capsys.readouterr().err):  # noqa: ASYNC110  # what is waited for is a timer
            await asyncio.sleep(0.01)
        return lines.splitlines()[-1].partition("; ")[2]

    path = "/v1/blocked-leads"
    async with asyncio.timeout(20), progress("items", every=0.01) as hook:
        hook(RequestSent("POST", path, 1, 100))
        hook(ResponseReceived("POST", path, 1, 200, 0.1, 10, None))
        assert await said() == "waits for its input"
        hook(RequestSent("GET", path, 1, 0))
        hook(ResponseReceived("GET", path, 1, 200, 0.1, 10, None))
        assert await said() == "checking the list: 1 answer"
        hook(PageRead(path, 0, 100, True))
        hook(PageRead(path, 100, 7, False))
        hook(RequestSent("GET", path, 1, 0))
        assert await said() == "checking the list: 100 records"
        hook(RetryScheduled("GET", path, 1, 2.0, "ServerError"))
        assert await said() == "checking the list: 100 records; waits for attempt 2, 2 s after ServerError"
        hook(BatchSettled(path, 500, {"already": 500}))
        assert "checking" not in await said()


async def test_on_a_terminal_a_rerun_that_verifies_shows_how_much_of_the_list_it_has_read(
    walead: Walead, emulator: Emulator
) -> None:
    emulator.settings = Settings(latency=0.7, reblock_counts=False)
    people = [f"lead-{number:07d}" for number in range(1, 251)]
    screen, terminal = os.openpty()
    try:
        program = await walead.start("block", *people, stderr=terminal, NO_COLOR="1", TERM="xterm", COLUMNS="120")
        seen = await seen_on(screen, program)
        out, _ = await program.communicate()
    finally:
        os.close(terminal)
        os.close(screen)
    assert (program.returncode, out) == (0, b"250 items: 250 already\n")
    assert re.search(r"checking the list: [1-9]\d* (records?|answers?) ", seen)


async def test_the_bar_makes_room_for_what_is_said_on_its_terminal(walead: Walead, emulator: Emulator) -> None:
    emulator.settings = Settings(latency=1.5)
    screen, terminal = os.openpty()
    try:
        program = await walead.start("block", "a-a", "b-b", stdout=terminal, stderr=terminal, TERM="xterm")
        seen = await seen_on(screen, program)
    finally:
        os.close(terminal)
        os.close(screen)
    assert program.returncode == 0
    bar, gone, last = seen.rpartition("\x1b[2K")
    assert "items; waits for an answer" in bar
    assert gone
    assert "2 items: 2 done\r\n" in last


async def test_what_is_done_soon_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    async with progress("items") as hook:
        hook(BatchSettled("/v1/blocked-leads", 500, {"done": 500}))
    assert capsys.readouterr() == ("", "")


async def test_a_job_tells_of_each_phase_and_of_what_it_waits_for(capsys: pytest.CaptureFixture[str]) -> None:
    async with asyncio.timeout(20), progress("rows read", every=0.01) as shown:
        steps = [
            (Progress("reading", 5_000), "5,000 rows read"),
            (Progress("listing", 300), "300 records listed"),
            (Progress("blocking", 500, 1_000), "500 of 1,000 items blocked"),
            (Progress("waiting", detail="[red]the service is away"), "waits for [red]the service is away"),
        ]
        for step, words in steps:
            shown.step(step)
            while words not in capsys.readouterr().err:  # noqa: ASYNC110  # what is waited for is a timer
                await asyncio.sleep(0.01)
    assert str(shown) == "500 of 1,000 items blocked"


async def test_on_a_terminal_each_phase_of_a_job_has_its_own_total(
    walead: Walead, emulator: Emulator, tmp_path: Path
) -> None:
    source = tmp_path / "people.txt"
    source.write_text("".join(f"person-{number}\n" for number in range(600)), encoding="utf-8")
    emulator.settings = Settings(latency=0.6)
    options = ("--journal", str(tmp_path / "J"), "--yes", "--settle", "0", "--json")
    screen, terminal = os.openpty()
    try:
        program = await walead.start("sync", "run", str(source), *options, stderr=terminal, NO_COLOR="1", TERM="xterm")
        assert program.stdout is not None
        reading = asyncio.ensure_future(program.stdout.read())
        seen = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", await seen_on(screen, program))
        await reading
    finally:
        os.close(terminal)
        os.close(screen)
    assert program.returncode == 0
    assert re.search(r"/600 +items blocked; waits for an answer", seen)
    assert set(re.findall(r"/(\S+) +records listed again", seen)) == {"?"}
