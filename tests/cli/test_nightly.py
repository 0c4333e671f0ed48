"""The commands of docs/how-to/nightly.md, as a reader types them, and what it shows for schedulers."""

from __future__ import annotations

import ast
import configparser
import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
from programs import Walead

from walead_async.cli.main import walead as program

if TYPE_CHECKING:
    from walead_async.testing import Emulator

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "nightly.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """What stands on the page in this language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def options(command: click.Command) -> set[str]:
    """The options of a command, and of those below it."""
    own = {option for parameter in command.params for option in parameter.opts}
    if isinstance(command, click.Group):
        context = click.Context(command)
        own.update(*(options(command.get_command(context, name)) for name in command.list_commands(context)))  # type: ignore[arg-type]
    return own


@pytest.mark.timeout(120)
async def test_the_commands_of_the_page_work_in_their_order(walead: Walead, emulator: Emulator, tmp_path: Path) -> None:
    emulator.blocked_leads.clear()
    folder = readers_folder(tmp_path, walead)
    walead.environment |= {"WALEAD_JOURNAL": "nightly.db", "PATH": f"{folder / 'bin'}:{walead.environment['PATH']}"}
    typed = [line.removeprefix("$ ") for block in blocks("console") for line in block.splitlines()]
    assert len(typed) > 10
    for line in typed:
        if not line.startswith("walead"):
            assert line == "export WALEAD_JOURNAL=nightly.db"
            continue
        plans = (await walead.in_shell("walead sync status --json || true", folder)).values() if "PLAN" in line else []
        command = line.replace("PLAN", str(plans[-1]["plan"])) if plans else line
        done = await walead.in_shell(command, folder)
        assert done.code == 0, f"{command}: {done.err}{done.out}"
    assert {"john-doe", "jane-smith"} == set(emulator.blocked_leads.identifiers())


def readers_folder(folder: Path, walead: Walead) -> Path:
    """A folder with what the reader has: the program, and two files."""
    (folder / "crm.csv").write_text("public_identifier,reason\njohn-doe,asked\njane-smith,\n", encoding="utf-8")
    (folder / "opt-outs.txt").write_text("ann-smith\n", encoding="utf-8")
    (folder / "bin").mkdir()
    installed = folder / "bin" / "walead"
    installed.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m walead_async.cli "$@"\n', encoding="utf-8")
    installed.chmod(0o700)
    return folder


def test_every_option_on_the_page_is_one() -> None:
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", PAGE)) <= options(program)


def test_what_is_shown_for_schedulers_can_be_read() -> None:
    for unit in blocks("ini"):
        parsed = configparser.ConfigParser(interpolation=None)
        parsed.optionxform = str  # type: ignore[assignment, method-assign]
        parsed.read_string(unit)
        assert parsed.sections()
    for dag in blocks("py"):
        ast.parse(dag)
    for manifest in blocks("yaml"):
        assert "concurrencyPolicy: Forbid" in manifest
        args = re.search(r"args: \[(.*)\]", manifest)
        assert args
        assert args[1].replace('"', "").split(", ")[:2] == ["sync", "run"]
