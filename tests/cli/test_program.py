from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Walead

#: What `walead --help` must not pay for.
HEAVY = ("aiohttp", "asyncio", "attrs", "orjson", "rich.console", "walead_async.jobs", "walead_async.testing")


def test_help_loads_nothing_heavy_beyond_the_package_itself() -> None:
    program = (
        "import sys, walead_async; before = set(sys.modules);"
        "from walead_async.cli.program import run; run(['--help']);"
        f"print(*(name for name in {HEAVY!r} if name in set(sys.modules) - before), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "doctor" in done.stdout
    assert done.stderr.split() == []


@pytest.mark.parametrize("missing", ["click", "rich"])
def test_without_its_extra_it_says_how_to_install_it(missing: str) -> None:
    program = f"import sys; sys.modules[{missing!r}] = None; from walead_async.cli import main; sys.exit(main())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == f'walead: {missing} is missing: python -m pip install "walead_async[cli]"\n'


@pytest.mark.parametrize(
    "arguments",
    [
        ("block", "--api-key", "wk_secret_123", "john-doe"),
        ("block", "--api-key=wk_secret_123", "john-doe"),
        ("--key", "wk_secret_123", "list"),
        ("agent", "list", "a", "--token", "wk_secret_123"),
    ],
)
async def test_a_key_among_the_arguments_is_refused_and_told_where_it_goes(
    walead: Walead, arguments: tuple[str, ...]
) -> None:
    done = await walead(*arguments)
    assert done.code == 2
    assert "WALEAD_API_KEY_FILE" in done.err
    assert "never an argument" in done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("lsit",), "No such command 'lsit'"),
        (("list", "--sort", "UP"), "'UP' is not one of"),
        (("list", "--oops"), "No such option"),
        (("export",), "Missing option '--output'"),
        (("campaign", "list"), "Missing argument 'CAMPAIGN'"),
        (("demo", "--base-url", "https://example.com"), "leave out --base-url"),
    ],
)
async def test_wrong_usage_exits_2_and_says_where_help_is(
    walead: Walead, arguments: tuple[str, ...], said: str
) -> None:
    done = await walead(*arguments)
    assert done.code == 2
    assert done.out == ""
    assert said in done.err
    assert "--help" in done.err.splitlines()[-1]


async def test_without_a_command_it_shows_its_help_and_exits_2(walead: Walead) -> None:
    done = await walead()
    assert done.code == 2
    assert "emulator" in done.err


async def test_it_shows_its_version(walead: Walead) -> None:
    done = await walead("--version")
    assert (done.code, done.out.split()[0]) == (0, "walead_async")


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"WALEAD_API_KEY": None}, "set WALEAD_API_KEY"),
        ({"WALEAD_API_KEY": ""}, "key"),
        ({"WALEAD_API_KEY": "two\nlines"}, "key"),
        ({"WALEAD_API_KEY": None, "WALEAD_API_KEY_FILE": "/nowhere/at/all"}, "WALEAD_API_KEY_FILE"),
        ({"WALEAD_BASE_URL": "http://example.com"}, "use https"),
    ],
)
async def test_wrong_configuration_exits_2_before_anything_is_sent(
    walead: Walead, environment: dict[str, str | None], said: str
) -> None:
    done = await walead("list", "--json", **environment)
    assert done.code == 2
    assert done.out == ""
    assert said in done.err


async def test_an_error_is_one_line(walead: Walead) -> None:
    done = await walead("block", "john-doe", WALEAD_API_KEY=None)
    assert len(done.err.splitlines()) == 1
    assert done.err.startswith("walead: there is no API key")


async def test_at_debug_level_requests_are_logged_without_the_key(walead: Walead) -> None:
    done = await walead("list", "--debug")
    assert done.code == 0
    assert "walead_async DEBUG" in done.err
