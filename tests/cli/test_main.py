from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING

import click
import pytest

from walead_async.cli.main import COMMANDS, run, walead

if TYPE_CHECKING:
    from programs import Walead

#: What `walead --help` must not pay for.
HEAVY = ("aiohttp", "asyncio", "attrs", "orjson", "rich", "walead_async.files", "walead_async.testing")


def test_help_loads_nothing_heavy_beyond_the_package_itself() -> None:
    program = (
        "import sys, walead_async; before = set(sys.modules);"
        "from walead_async.cli.main import run; run(['--help']);"
        f"print(*(name for name in {HEAVY!r} if name in set(sys.modules) - before), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "doctor" in done.stdout
    assert done.stderr.split() == []


def test_the_help_tells_of_each_command_what_the_command_tells_of_itself() -> None:
    context = click.Context(walead)
    own = {name: walead.get_command(context, name) for name in walead.list_commands(context)}
    assert {name: command.help.partition("\n")[0] for name, command in own.items() if command and command.help} == {
        name: about for name, (_, about) in COMMANDS.items()
    }


@pytest.mark.parametrize("missing", ["click", "rich"])
def test_without_its_extra_it_says_how_to_install_it(missing: str) -> None:
    program = f"import sys; sys.modules[{missing!r}] = None; from walead_async.cli.main import main; sys.exit(main())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == f'walead: {missing} is missing: python -m pip install "walead_async[cli]"\n'


@pytest.mark.parametrize(
    "arguments",
    [
        ("block", "--api-key", "wk_secret_123", "john-doe"),
        ("block", "--api-key=wk_secret_123", "john-doe"),
        ("block", "john-doe", "--api-key"),
        ("--key", "wk_secret_123", "list"),
        ("agent", "list", "a", "--token", "wk_secret_123"),
    ],
)
def test_a_key_among_the_arguments_is_refused_and_told_where_it_goes(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert run(arguments) == 2
    out, err = capsys.readouterr()
    assert "WALEAD_API_KEY_FILE" in err
    assert "never an argument" in err
    assert "wk_secret_123" not in out + err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("lsit",), "No such command 'lsit'"),
        (("list", "--sort", "UP"), "'UP' is not one of"),
        (("list", "--oops"), "No such option"),
        (("export",), "Missing option '--output'"),
        (("campaign", "list"), "Missing argument 'CAMPAIGN'"),
        (("demo", "--base-url", "https://example.com"), "leave out --base-url"),
        (("emulator", "--base-url", "https://example.com"), "choose its --port"),
    ],
)
def test_wrong_usage_exits_2_and_says_where_help_is(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    assert run(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert err.splitlines()[-1].startswith("Try: walead")
    assert err.endswith(" --help\n")


def test_without_a_command_it_shows_its_help_and_exits_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 2
    assert "emulator" in capsys.readouterr().err


def test_it_shows_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"walead_async {version('walead_async')}\n"


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "set WALEAD_API_KEY"),
        ({"WALEAD_API_KEY": ""}, "key"),
        ({"WALEAD_API_KEY": "wk_secret_123\nwk_secret_123"}, "key"),
        ({"WALEAD_API_KEY_FILE": "/nowhere/at/all"}, "WALEAD_API_KEY_FILE"),
        ({"WALEAD_API_KEY": "wk_secret_123", "WALEAD_BASE_URL": "http://example.com"}, "use https"),
    ],
)
def test_wrong_configuration_is_one_line_and_exits_2(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    environment: dict[str, str],
    said: str,
) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert run(["block", "john-doe", "--json"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("walead: ")
    assert said in err
    assert "wk_secret_123" not in err
    assert len(err.splitlines()) == 1


async def test_at_debug_level_requests_are_logged_without_the_key(walead: Walead) -> None:
    done = await walead("list", "--debug")
    assert done.code == 0
    assert "walead_async DEBUG" in done.err
