from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import pytest

from walead_async.cli.output import progress
from walead_async.events import BatchSettled, PageRead, RequestSent, RetryScheduled
from walead_async.jobs import Progress
from walead_async.testing import Settings

if TYPE_CHECKING:
    from programs import Walead

    from walead_async.testing import Emulator


async def seen_on(terminal: int, program: asyncio.subprocess.Process) -> str:
    """What a program writes to a terminal until its end."""
    seen = b""
    loop = asyncio.get_running_loop()
    os.set_blocking(terminal, False)
    came = asyncio.Event()
    loop.add_reader(terminal, came.set)
    ended = asyncio.ensure_future(program.wait())
    try:
        while not ended.done():
            waiting = asyncio.ensure_future(came.wait())
            await asyncio.wait({ended, waiting}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            came.clear()
            try:
                seen += os.read(terminal, 65_536)
            except BlockingIOError:
                continue
    finally:
        loop.remove_reader(terminal)
    return seen.decode()


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
