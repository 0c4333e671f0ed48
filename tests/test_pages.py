"""What the pages and the README show and link to is there: files, headings, commands, options, names, nox sessions."""

from __future__ import annotations

import ast
import importlib
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click
import pytest

from walead_async import errors
from walead_async.cli.main import walead
from walead_async.testing import DriftName, FaultName, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(page for page in ROOT.glob("docs/**/*.md") if "_build" not in page.parts)],
    key=lambda page: page.relative_to(ROOT).as_posix(),
)
REFERENCE = "\n".join(page.read_text(encoding="utf-8") for page in ROOT.glob("docs/reference/*.md"))

LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCE = re.compile(r"^(`{3,})(\w*).*?\n(.*?)^\1$", re.MULTILINE | re.DOTALL)


def words(page: Path) -> str:
    """A page without its blocks of code."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """The headings of a page, as links name them."""
    headings = re.findall(r"^#+ (.+)$", words(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def commands_shown(page: Path) -> Iterator[list[str]]:
    """Each command of `walead` in the blocks for a shell, as its words."""
    for _, language, block in FENCE.findall(page.read_text(encoding="utf-8")):
        if language not in {"console", "bash"}:
            continue
        for line in block.replace("\\\n", " ").splitlines():
            text = line.removeprefix("$ ") if language == "console" else line
            if language == "console" and not line.startswith("$ "):
                continue
            for part in re.split(r"\|(?!\|)|&&|;", text):
                found = re.match(r"\s*(?:if )?(walead .*)", part)
                if found:
                    yield shlex.split(found[1].partition(" > ")[0], comments=True)[1:]


def wrong_in(command: click.Command, given: list[str]) -> str | None:
    """What the program does not know of a command line; None if it knows all."""
    while given and isinstance(command, click.Group):
        name = given[0]
        if name.startswith("-"):
            break
        found = command.get_command(click.Context(command), name)
        if found is None:
            return name
        command, given = found, given[1:]
    options = {option for parameter in command.params for option in parameter.opts} | {"--help", "-h"}
    unknown = [text for text in given if re.match(r"--[a-z]", text) and text.partition("=")[0] not in options]
    return unknown[0] if unknown else None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_inside_leads_to_a_file_and_a_heading(page: Path) -> None:
    broken = []
    for link in LINK.findall(words(page)):
        if re.match(r"https?:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_shown_is_one_that_the_program_knows(page: Path) -> None:
    unknown = [(given, wrong) for given in commands_shown(page) if (wrong := wrong_in(walead, given))]
    assert unknown == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_nox_session_shown_is_there_and_so_are_the_tests_that_it_is_given(page: Path) -> None:
    tree = ast.parse((ROOT / "noxfile.py").read_text(encoding="utf-8"))
    sessions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.decorator_list}
    for line in re.findall(r"nox -s ([^`\n#]+)", page.read_text(encoding="utf-8")):
        names, _, given = line.partition(" -- ")
        assert [name for name in names.split() if re.match(r"[a-z]+$", name) and name not in sessions | {"NAME"}] == []
        paths = [text for text in given.split() if text.startswith("tests/")]
        assert [path for path in paths if not (ROOT / path).exists()] == []


def test_what_is_said_to_be_played_can_be_played() -> None:
    page = (ROOT / "docs/explanation/unknowns.md").read_text(encoding="utf-8")
    last_cells = " ".join(line.split("|")[-2] for line in page.splitlines() if line.startswith("| "))
    played = set(re.findall(r"\b[a-z]+(?:[_-][a-z]+)*\b(?=[=`])", last_cells))
    settings = {field.name for field in attrs.fields(Settings)}
    assert played
    assert played <= settings | {str(name) for name in [*FaultName, *DriftName]} | {"blocked_leads"}


@pytest.mark.parametrize("package", ["", ".files", ".jobs", ".testing"])
def test_every_public_name_stands_in_the_reference(package: str) -> None:
    module = importlib.import_module(f"walead_async{package}")
    assert "automodule:: walead_async.errors" in REFERENCE
    told = set(re.findall(r"\w+", REFERENCE)) | set(errors.__all__) | {"__version__"}
    assert set(module.__all__) - told == set()


def test_the_gates_of_the_comparison_are_those_of_the_benchmarks() -> None:
    figures = (ROOT / "docs/explanation/performance.md").read_text(encoding="utf-8")
    gates = {
        (row[0], row[1], row[4])
        for line in figures.splitlines()
        if len(row := [c.strip() for c in line.split("|")[1:-1]]) == 6
    }
    page = (ROOT / "docs/explanation/compared.md").read_text(encoding="utf-8").partition("## What it costs\n")[2]
    for work, against, promised in re.findall(
        r"^\| (.+?) \| (.+?) \| (at (?:least|most) [\d.]+).*\|$", page, re.MULTILINE
    ):
        assert (work, against, promised) in gates


def test_the_readme_fits_on_two_screens() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 110
