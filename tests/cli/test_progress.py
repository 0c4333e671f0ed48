from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import pytest

from walead_async.cli.output import staged_progress
from walead_async.testing import Settings

if TYPE_CHECKING:
    from conftest import Walead

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
    assert "Reading the list" in seen
    assert "\x1b[3" not in seen, "NO_COLOR is honoured"
    assert out == b'{"number":"+14155550123"}\n'


def test_stages_are_told_once_each(capsys: pytest.CaptureFixture[str]) -> None:
    with staged_progress("Reading", 1_000) as step:
        for _ in range(10):
            step(100)
    assert capsys.readouterr().err.splitlines() == [
        "Reading: 300 of 1,000",
        "Reading: 500 of 1,000",
        "Reading: 800 of 1,000",
        "Reading: 1,000 of 1,000",
    ]
