from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from walead_async.testing import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from programs import Walead

    from walead_async.testing import Emulator


#: A command that never looks up.
DEAF = """
import signal
import time
from walead_async.cli.options import in_event_loop
# where these tests run in the background, Ctrl-C is ignored
signal.signal(signal.SIGINT, signal.default_int_handler)
async def command():
    print('ready', flush=True)
    time.sleep(60)
in_event_loop(command)()
"""


async def arrived(emulator: Emulator, requests: int = 1) -> None:
    """Return when so many requests have come."""
    async with asyncio.timeout(20):
        while len(emulator.requests) < requests:  # noqa: ASYNC110  # what is waited for is another process
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    "arguments",
    [("list",), ("find", "john-doe"), ("block", "john-doe"), ("unblock", "john-doe", "--json"), ("doctor",)],
)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_a_command_that_waits_for_an_answer(
    walead: Walead, emulator: Emulator, arguments: tuple[str, ...], number: signal.Signals
) -> None:
    emulator.faults.add("hang")
    program = await walead.start(*arguments)
    await arrived(emulator)
    program.send_signal(number)
    async with asyncio.timeout(2):
        done = await walead.end_of(program)
    assert done.code == 128 + number
    assert done.err.splitlines()[-1] == "walead: interrupted"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_what_is_known_at_a_signal_is_told(
    walead: Walead, emulator: Emulator, tmp_path: Path, number: signal.Signals
) -> None:
    people = tmp_path / "people.txt"
    people.write_text("".join(f"person-{number:05d}\n" for number in range(20_000)), encoding="utf-8")
    emulator.faults.add("POST #3-:hang")
    program = await walead.start("block", "--file", str(people), "--json")
    await arrived(emulator, 8)
    program.send_signal(number)
    done = await walead.end_of(program)
    assert done.code == 128 + number
    said, interrupted = done.err.splitlines()
    assert said.startswith(f"So far: {len(done.values()):,} items")
    assert interrupted == "walead: interrupted"


async def test_ctrl_c_ends_a_command_that_waits_for_a_keyboard(walead: Walead) -> None:
    keyboard, terminal = os.openpty()
    try:
        program = await walead.start("block", "-", "--debug", stdin=terminal)
        assert program.stderr is not None
        await program.stderr.readline()
        program.send_signal(signal.SIGINT)
        done = await walead.end_of(program)
    finally:
        os.close(terminal)
        os.close(keyboard)
    assert done.code == 130


async def test_how_far_a_list_came_is_told(walead: Walead, emulator: Emulator) -> None:
    emulator.faults.add("GET #3-:hang")
    program = await walead.start("list", "--json")
    await arrived(emulator, 3)
    assert program.stdout is not None
    first = await program.stdout.readline()
    program.send_signal(signal.SIGINT)
    done = await walead.end_of(program)
    assert (done.code, bool(first)) == (130, True)
    assert done.err.splitlines()[0].startswith("So far: ")
    assert done.err.splitlines()[0].endswith(" records")


async def test_what_ignores_ctrl_c_as_a_shell_wants_of_the_background_ends_by_sigterm(
    walead: Walead, emulator: Emulator
) -> None:
    emulator.faults.add("hang")
    pipe = asyncio.subprocess.PIPE
    command = f"exec {sys.executable} -m walead_async.cli block john-doe"
    program = await asyncio.create_subprocess_exec(
        "bash", "-c", f"trap '' INT; {command}", stdout=pipe, stderr=pipe, env=walead.environment
    )
    await arrived(emulator)
    program.send_signal(signal.SIGINT)
    program.terminate()
    done = await walead.end_of(program)
    assert done.code == 143
    assert done.err.startswith("So far: 0 items")


async def test_sigterm_ends_a_command_that_asks(walead: Walead, emulator: Emulator) -> None:
    keyboard, terminal = os.openpty()
    try:
        program = await walead.start("campaign", "block", "c1", "john-doe", stdin=terminal)
        assert program.stderr is not None
        await program.stderr.readline()
        program.terminate()
        done = await walead.end_of(program)
    finally:
        os.close(terminal)
        os.close(keyboard)
    assert done.code == 143
    assert done.err.splitlines()[-1].endswith("walead: interrupted")
    assert not emulator.requests


@pytest.mark.parametrize("times", [1, 2])
async def test_ctrl_c_ends_even_what_does_not_listen(times: int) -> None:
    pipe = asyncio.subprocess.PIPE
    program = await asyncio.create_subprocess_exec(sys.executable, "-c", DEAF, stdout=pipe, stderr=pipe)
    assert program.stdout is not None
    await program.stdout.readline()
    before = asyncio.get_running_loop().time()
    for _ in range(times):
        program.send_signal(signal.SIGINT)
        # Two that come at once are one.
        await asyncio.sleep(0.1)
    async with asyncio.timeout(10):
        _, err = await program.communicate()
    assert (program.returncode, err) == (130, b"walead: interrupted\n")
    assert times == 2 or asyncio.get_running_loop().time() - before > 1.4


@pytest.mark.parametrize("command", ["list", "list --json"])
async def test_a_closed_pipe_ends_it_quietly(walead: Walead, emulator: Emulator, command: str) -> None:
    emulator.add_leads(20_000)
    emulator.settings = Settings(page_size=1_000)
    done = await walead.through_shell(f"{command} | head -n 1")
    assert (done.code, done.err) == (1, "")
    assert "lead-0000001" in done.out
    assert len(emulator.requests) < 22


@pytest.mark.parametrize("command", ["doctor | true", "find nobody | true", "demo | true", "demo 2>&1 | head -n 4"])
async def test_a_reader_that_goes_away_is_no_trouble(walead: Walead, command: str) -> None:
    done = await walead.through_shell(command)
    assert (done.code, done.err) == (1, "")


async def test_a_block_whose_reader_went_away_says_that_outcomes_are_unknown(
    walead: Walead, emulator: Emulator, tmp_path: Path
) -> None:
    people = tmp_path / "people.txt"
    people.write_text("".join(f"person-{number:05d}\n" for number in range(20_000)), encoding="utf-8")
    done = await walead.through_shell(f"block --json --file {people} | head -n 1")
    assert (done.code, done.err) == (3, "")
    assert done.values()[0]["key"] == "person-00000"
    assert 250 < len(emulator.blocked_leads) < 20_250


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("list --json >&-", 0, "COMPLETE: 250 records; the list did not change while it was read\n"),
        ("list 2>&- >/dev/null", 0, ""),
        ("block --json - <&-", 0, "0 items: none\n"),
        ("--help >/dev/full", 1, "walead: [Errno 28] No space left on device\n"),
    ],
)
async def test_a_stream_that_is_closed_or_full_is_no_trouble(
    walead: Walead, command: str, code: int, said: str
) -> None:
    done = await walead.through_shell(command)
    assert (done.code, done.out, done.err) == (code, "", said)


@pytest.mark.parametrize("closed", ["2>/dev/full", "2>&-"])
@pytest.mark.parametrize(
    ("command", "code", "lines"),
    [
        ("list --json", 0, 250),
        ("find nobody --debug", 0, 1),
        ("block john-doe --json", 0, 1),
        ("block a@example.com --json", 1, 1),
        ("block", 2, 0),
        ("", 2, 0),
    ],
)
async def test_what_was_done_decides_the_exit_code_though_stderr_takes_nothing(
    walead: Walead, command: str, code: int, lines: int, closed: str
) -> None:
    done = await walead.through_shell(f"{command} {closed}")
    assert (done.code, len(done.out.splitlines())) == (code, lines)


async def test_ctrl_c_ends_even_what_does_not_listen_and_cannot_say_so() -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-c", DEAF, stdout=asyncio.subprocess.PIPE, stderr=full
    )
    os.close(full)
    assert program.stdout is not None
    await program.stdout.readline()
    program.send_signal(signal.SIGINT)
    try:
        async with asyncio.timeout(10):
            await program.communicate()
    finally:
        if program.returncode is None:
            program.kill()
    assert program.returncode == 130
