"""The emulator as a process of its own, ended by signals."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
import textwrap
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import attrs
import orjson
import pytest

from walead_async.testing import BadSetting, run_emulator

PROGRAM = textwrap.dedent("""
    import json, sys
    from pathlib import Path
    from walead_async.testing import run_emulator

    options = json.loads(sys.argv[1])
    state = options.pop("state")
    run_emulator(**options, state=state and Path(state), ready=lambda told: print(json.dumps(told), flush=True))
""")
OPTIONS: dict[str, object] = {
    "port": 0,
    "leads": 3,
    "page_size": 2,
    "latency": 0.0,
    "state": None,
    "faults": [],
    "drifts": [],
    "seed": 0,
}


@attrs.frozen
class Running:
    process: asyncio.subprocess.Process
    told: dict[str, str]


@asynccontextmanager
async def running(**options: object) -> AsyncIterator[Running]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROGRAM, orjson.dumps({**OPTIONS, **options}).decode()),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        yield Running(process, orjson.loads(await process.stdout.readline()))
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        process._transport.close()  # type: ignore[attr-defined]  # asyncio leaves the pipe to the collector


async def names(told: dict[str, str]) -> list[str]:
    async with (
        aiohttp.ClientSession(headers={"x-api-key": told["api_key"]}) as http,
        http.get(told["walead_url"] + "/v1/blocked-leads") as answer,
    ):
        return [record["publicIdentifier"] for record in await answer.json()]


async def arrived(told: dict[str, str]) -> None:
    """Wait until a request has come in."""
    async with aiohttp.ClientSession() as http:
        for _ in range(1000):
            async with http.get(told["control_url"] + "/requests") as answer:
                if await answer.json():
                    return
            await asyncio.sleep(0.01)
    raise AssertionError("no request came in")


async def test_a_program_tells_its_addresses_and_serves():
    async with running() as program:
        assert set(program.told) == {"walead_url", "phonely_url", "control_url", "api_key"}
        assert await names(program.told) == ["lead-0000003", "lead-0000002"]


async def test_a_program_may_serve_lists_that_lag():
    async with running(stale=60.0) as program:
        url, headers = f"{program.told['walead_url']}/v1/blocked-leads", {"x-api-key": program.told["api_key"]}
        async with (
            aiohttp.ClientSession(headers=headers) as http,
            http.post(url, json={"leads": [{"publicIdentifier": "new"}]}) as answer,
        ):
            assert (await answer.json())["blocked"] == 1
        assert await names(program.told) == ["lead-0000003", "lead-0000002"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_within_three_seconds_whatever_hangs(number: signal.Signals):
    async with running(faults=["hang"]) as program:
        hanging = asyncio.create_task(names(program.told))
        await arrived(program.told)
        program.process.send_signal(number)
        async with asyncio.timeout(3):
            assert await program.process.wait() == 0
        with pytest.raises(aiohttp.ClientConnectionError):
            await hanging


async def test_what_was_never_played_is_told_at_the_end():
    async with running(faults=["GET#1:extra-fields", "DELETE#3:reset"], drifts=["#9:reblock"]) as program:
        await names(program.told)
        program.process.terminate()
        _, told = await program.process.communicate()
        assert told.decode().splitlines() == ["never played: DELETE #3:reset", "never played: #9:reblock"]
        assert program.process.returncode == 0


async def test_the_state_outlives_the_program(tmp_path: Path):
    path = tmp_path / "state.json"
    async with running(state=str(path)) as program:
        program.process.terminate()
        await program.process.wait()
    async with running(state=str(path), leads=0) as program:
        assert len(await names(program.told)) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"faults": ["wobble"]},
        {"drifts": ["wobble"]},
        {"page_size": 0},
        {"latency": -1.0},
        {"stale": -1.0},
        {"leads": -1},
        {"port": -1},
        {"seed": -1},
    ],
)
def test_a_wrong_option_is_refused_before_listening(wrong: dict[str, object]):
    told: list[dict[str, str]] = []

    with pytest.raises(BadSetting):
        run_emulator(**{**OPTIONS, **wrong}, ready=told.append)  # type: ignore[arg-type]  # wrong on purpose
    assert told == []


def test_a_port_that_is_taken_is_refused():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(BadSetting, match=f"port {port} cannot be listened on"):
            run_emulator(**{**OPTIONS, "port": port}, ready=lambda told: None)  # type: ignore[arg-type]  # as they are
