from __future__ import annotations

import asyncio
import os
import re
import ssl
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
import trustme

import walead_async
from walead_async.cli.main import COMMANDS, run, walead
from walead_async.cli.output import IN_OPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from programs import Walead

    from walead_async.testing import Emulator

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


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (("lsit",), "list"),
        (("blok", "john-doe"), "block"),
        (("unblok", "john-doe"), "unblock"),
        (("docter",), "doctor"),
        (("campaign", "lst", "c1"), "list"),
        (("campaign", "blok", "c1"), "block"),
        (("agent", "blcok", "a1"), "block"),
        (("agent", "unblcok", "a1"), "unblock"),
        (("list", "--serach", "x"), "--search"),
        (("block", "--rason", "x"), "--reason"),
        (("agent", "block", "a1", "--regoin", "CH"), "--region"),
        (("campaign", "block", "c1", "--dryrun"), "--dry-run"),
    ],
)
def test_a_mistyped_command_or_option_is_told_which_was_meant(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], meant: str
) -> None:
    assert run(arguments) == 2
    said = capsys.readouterr().err.splitlines()[0]
    assert said.partition(" Did you mean ")[2].startswith(meant)


def groups(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Group]]:
    yield path, group
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from groups(command, (*path, name))


def test_every_group_of_commands_knows_which_was_meant(capsys: pytest.CaptureFixture[str]) -> None:
    for path, group in groups(walead):
        for name in group.list_commands(click.Context(group)):
            assert run([*path, f"{name}x"]) == 2
            assert name in capsys.readouterr().err.partition(" Did you mean ")[2]


@pytest.mark.parametrize(
    "arguments",
    [
        ("list", "--api-ky", "x"),
        ("--tokn", "x", "list"),
        ("campaign", "--kye", "x"),
        ("campaign", "unblock", "c1", "john-doe"),
        ("list", "--unlike-anything"),
        ("nothing-like-it",),
    ],
)
def test_what_is_not_there_or_undoes_it_is_never_meant(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert run(arguments) == 2
    said = capsys.readouterr().err
    assert "No such" in said
    assert "Did you mean" not in said


def test_everything_the_library_calls_by_a_python_name_is_still_called_so() -> None:
    package = Path(walead_async.__file__).parent
    sources = "".join(path.read_text(encoding="utf-8") for path in package.rglob("*.py") if path.parent.name != "cli")
    sources = sources.replace("{kind}", "uid").replace("region {region!r}", "region '").replace("{name}", "proxy")
    assert [name for name in IN_OPTIONS if name not in re.sub(r'"\s*f?"', "", sources)] == []


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (("list",), {"WALEAD_API_KEY": None}, "there is no API key: set WALEAD_API_KEY, or WALEAD_API_KEY_FILE"),
        (("doctor",), {"WALEAD_API_KEY": None}, "there is no API key: set WALEAD_API_KEY, or WALEAD_API_KEY_FILE"),
        (("agent", "list", "a1"), {"PHONELY_UID": None}, "there is no user id: give --uid, or set PHONELY_UID"),
        (("agent", "list", "a1", "--uid", "a b"), {}, "the user id (--uid) holds whitespace"),
        (("agent", "block", "a1", "1", "--region", "UK"), {}, "--region 'UK' is no country"),
        (("list", "--search", os.fsdecode(b"\xff")), {}, "--search is not proper Unicode text"),
        (("list", "--proxy", "nonsense"), {}, "--proxy must be the URL of an HTTP proxy"),
        (("list", "--ca", ""), {}, "--ca takes the path of a file"),
        (("list", "--base-url", "https://a.invalid"), {"HTTPS_PROXY": "ftp://a"}, "; unset it to use none"),
        (
            ("unblock", "--by", "id", "a b"),
            {},
            "give the id that walead list --json shows; to unblock a person by name",
        ),
        (("unblock", "--by", "id", "a b"), {}, "by name or link, leave out --by id"),
        (("list", "--base-url", "http://a.invalid"), {}, "the base URL (--base-url) 'http://a.invalid' would send"),
        (("emulator", "--page-size", "0"), {}, "--page-size takes a whole number"),
        (("emulator", "--leads", "-1"), {}, "--leads takes a whole number"),
    ],
)
async def test_errors_name_the_options_of_the_command_line(
    walead: Walead, arguments: tuple[str, ...], environment: dict[str, str | None], said: str
) -> None:
    done = await walead(*arguments, **environment)
    assert done.code in {1, 2}
    assert said in done.out + done.err
    assert not re.search(r"pass |\b(api_key|ssl|proxy)=|api_key|unblock_identifiers|page_size", done.out + done.err)


async def test_a_private_authority_is_named_by_its_option(walead: Walead, emulator: Emulator) -> None:
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    listening = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=server)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        done = await walead("block", "john-doe", WALEAD_BASE_URL=f"https://127.0.0.1:{port}")
    assert done.code == 1
    assert "a private certificate authority is named with --ca" in done.out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
async def test_a_shell_can_complete_commands_options_and_names_of_files(walead: Walead, shell: str) -> None:
    source = await walead(_WALEAD_COMPLETE=f"{shell}_source")
    assert source.code == 0
    assert "_WALEAD_COMPLETE" in source.out

    async def completed(words: str) -> str:
        place = {"COMP_WORDS": f"walead {words}", "COMP_CWORD": str(len(words.split(" ")))}
        if shell == "fish":
            place["COMP_CWORD"] = words.split(" ")[-1]
        return (await walead(_WALEAD_COMPLETE=f"{shell}_complete", **place)).out

    assert "unblock" in await completed("unb")
    assert "--dry-run" in await completed("block --dr")
    assert "--api-key" not in await completed("block --ap")
    for words in (
        "block --file peo",
        "export --output blo",
        "list --ca c",
        "emulator --state s",
        "outbox list --outbox o",
    ):
        assert "file" in await completed(words)


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
