"""The look after each test finds what it left behind: else what other tests do not say of leaks is worth nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

HEAD = """
import asyncio, os, socket, threading
import aiohttp
from walead_async import AsyncSession
from walead_async.testing import Emulator

kept = []

async def nothing():
    pass

async def fails():
    raise ValueError

async def test_nothing_is_left():
    async with Emulator() as emulator, AsyncSession(emulator.api_key, base_url=emulator.walead_url) as session:
        await session.blocked_leads.list().collect()
"""

LEAKS = {
    "a task": "kept.append(asyncio.create_task(asyncio.sleep(100)))",
    "a task that nobody holds": "asyncio.create_task(asyncio.sleep(100))",
    "a failure that nobody saw": "asyncio.create_task(fails()); await asyncio.sleep(0)",
    "a coroutine that was not awaited": "nothing()",
    "a socket": "kept.append(socket.socket())",
    "a socket that nobody holds": "socket.socket()",
    "a file": "kept.append(open(__file__))",
    "a file that nobody holds": "open(__file__)",
    "a bare descriptor": "kept.append(os.open(__file__, os.O_RDONLY))",
    "a thread": "threading.Thread(target=threading.Event().wait, daemon=True).start()",
    "an event loop": "kept.append(asyncio.new_event_loop())",
    "a client of aiohttp": "aiohttp.ClientSession()",
    "an emulator": "kept.append(Emulator()); await kept[-1].start()",
    "a session": """
    async with Emulator() as emulator:
        session = AsyncSession(emulator.api_key, base_url=emulator.walead_url)
        await session.blocked_leads.list().collect()""",
}


def test_each_leak_fails_its_test_and_no_other(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(Path(__file__).with_name("conftest.py").read_text(encoding="utf-8"))
    pytester.makepyprojecttoml(
        """
        [tool.pytest.ini_options]
        asyncio_mode = "auto"
        asyncio_default_fixture_loop_scope = "function"
        filterwarnings = ["error"]
        """
    )
    names = [f"test_{what.replace(' ', '_')}" for what in LEAKS]
    tests = [f"async def {name}():\n    {leak}\n" for name, leak in zip(names, LEAKS.values(), strict=True)]
    pytester.makepyfile(HEAD + "\n".join(tests))

    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-rpfE", "--tb=no")

    told = {line.split()[1].partition("::")[2] for line in result.outlines if line.startswith(("FAILED", "ERROR"))}
    assert told == set(names)
    result.stdout.fnmatch_lines(["PASSED *::test_nothing_is_left"])
