from __future__ import annotations

import asyncio
import signal
import stat
import sys
from typing import TYPE_CHECKING

import aiohttp
import orjson
import pytest

from walead_async.cli.main import run

if TYPE_CHECKING:
    from pathlib import Path

    from programs import Walead

ENOUGH = 20.0


async def started(walead: Walead, *arguments: str) -> tuple[asyncio.subprocess.Process, dict[str, str]]:
    """An emulator and the first line that it wrote."""
    program = await walead.start("emulator", "--json", *arguments)
    assert program.stdout is not None
    async with asyncio.timeout(ENOUGH):
        return program, orjson.loads(await program.stdout.readline())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_the_first_line_says_where_it_is_and_a_signal_ends_it(walead: Walead, number: signal.Signals) -> None:
    program, first = await started(walead, "--leads", "120", "--page-size", "50")
    assert set(first) >= {"walead_url", "phonely_url", "control_url", "api_key"}
    url = f"{first['walead_url']}/v1/blocked-leads"
    async with aiohttp.ClientSession() as http:
        async with http.get(url) as answer:
            assert answer.status == 401
        async with http.get(url, headers={"x-api-key": first["api_key"]}) as answer:
            assert len(await answer.json()) == 50
        async with http.get(f"{first['control_url']}/openapi.json") as answer:
            assert (await answer.json(content_type=None))["openapi"].startswith("3.1")
    program.send_signal(number)
    assert (await walead.end_of(program)).code == 0


async def test_for_people_it_writes_words_and_lines_to_paste_that_lead_a_shell_to_it(
    walead: Walead, tmp_path: Path
) -> None:
    program = await walead.start("emulator", "--leads", "3")
    assert program.stdout is not None
    lines = [(await program.stdout.readline()).decode() for _ in range(10)]
    assert lines[0].startswith("walead_url   http://127.0.0.1:")
    assert "Ctrl-C" in lines[-1]
    pasted = tmp_path / "pasted"
    pasted.write_text("".join(line for line in lines if line.startswith("export ")), encoding="utf-8")
    run = f"'{sys.executable}' -m walead_async.cli"
    script = f". '{pasted}' && {run} list --json && {run} agent block a1 +14155550101 && {run} agent list a1"
    done = await asyncio.create_subprocess_exec(
        "sh", "-c", script, env=walead.bare, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    out, _ = await done.communicate()
    program.terminate()
    assert (await walead.end_of(program)).code == 0
    *records, blocked, number = out.decode().splitlines()
    assert [orjson.loads(record)["public_identifier"] for record in records] == [f"lead-000000{n}" for n in (1, 2, 3)]
    assert (blocked, number) == ("1 item: 1 done", "+14155550101")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--fault", "earthquake"),
        ("--drift", "earthquake"),
        ("--leads", "-1"),
        ("--leads", "many"),
        ("--page-size", "0"),
        ("--latency", "-1"),
        ("--latency", "nan"),
        ("--port", "99999"),
        ("--seed", "-1"),
        ("--seed", "luck"),
        ("--state", "/nowhere/at/all/state.json"),
    ],
)
def test_an_unknown_fault_or_a_bad_number_exits_2(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert run(["emulator", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("walead: ")
    assert err.endswith("Try: walead emulator --help\n")


async def test_faults_and_drifts_are_played(walead: Walead) -> None:
    program, first = await started(walead, "--leads", "5", "--fault", "GET #1:status=503", "--drift", "remove-oldest=2")
    url = f"{first['walead_url']}/v1/blocked-leads"
    seen: list[object] = []
    async with aiohttp.ClientSession(headers={"x-api-key": first["api_key"]}) as http:
        for _ in range(3):
            async with http.get(url) as answer:
                seen.append(len(await answer.json()) if answer.status == 200 else answer.status)
    program.terminate()
    await walead.end_of(program)
    assert seen == [503, 5, 3]


async def test_the_state_is_kept_from_one_start_to_the_next(walead: Walead, tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    for expected in (3, 4):
        program, first = await started(walead, "--leads", "3", "--state", str(state))
        url, headers = f"{first['walead_url']}/v1/blocked-leads", {"x-api-key": first["api_key"]}
        async with aiohttp.ClientSession(headers=headers) as http:
            async with http.get(url) as answer:
                assert len(await answer.json()) == expected
            async with http.post(url, json={"leads": [{"publicIdentifier": "john-doe"}]}) as answer:
                assert (await answer.json())["blocked"] in {0, 1}
        program.terminate()
        assert (await walead.end_of(program)).code == 0
    assert stat.S_IMODE(state.stat().st_mode) == 0o600
