"""Facts about the project that would rot unseen: what it exports, ships and imports, and how its files are kept."""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import importlib.resources
import pkgutil
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

import walead_async
from walead_async.cli.main import walead

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SOURCES = sorted((ROOT / "walead_async").rglob("*.py"))

#: The names that programs outside this repository call.
PUBLIC = {
    "APIError",
    "AgentInfo",
    "AsyncSession",
    "AuthenticationError",
    "BatchSettled",
    "OutboxMeasured",
    "BlockIndex",
    "BlockedLead",
    "BulkFailedError",
    "BulkReport",
    "CampaignBlockedLead",
    "CampaignInfo",
    "Completeness",
    "ConfigurationError",
    "ConflictError",
    "ConnectionFailedError",
    "DeadlineExceededError",
    "InvalidInputError",
    "InvalidRequestError",
    "JournalError",
    "LeadToBlock",
    "LimitWaited",
    "Listing",
    "MissingNumbers",
    "NotFoundError",
    "Outcome",
    "Outbox",
    "OutboxError",
    "OutboxStatus",
    "OutcomeUnknownError",
    "Page",
    "PageRead",
    "PaginationError",
    "PayloadTooLargeError",
    "PermissionDeniedError",
    "RateLimit",
    "RateLimitedError",
    "RateLimiter",
    "Response",
    "Receipt",
    "RequestFailed",
    "RequestSent",
    "ResponseReceived",
    "RetryPolicy",
    "RetryScheduled",
    "ServerError",
    "SessionClosedError",
    "SourceError",
    "Status",
    "Timeouts",
    "UnexpectedResponseError",
    "VoiceAgentSession",
    "WaleadError",
}

#: What `import walead_async` must not pay for.
HEAVY = (
    "aiohttp.web",
    "click",
    "pyarrow",
    "pytest",
    "rich",
    "sqlite3",
    "tenacity",
    "walead_async.cli",
    "walead_async.files",
    "walead_async.testing",
)

#: What tools leave among the files of the project.
LEFT = re.compile(r"(^|/)(\.|__pycache__|_build)")


def module_names() -> list[str]:
    found = pkgutil.walk_packages(walead_async.__path__, "walead_async.")
    return [module.name for module in found if not module.name.endswith("__main__")]


def kept_files() -> list[Path]:
    """The files of the project, without what tools leave beside them."""
    rooms = [ROOT / name for name in (".ci", "benchmarks", "docs", "examples", "tests", "walead_async")]
    found = [path for path in ROOT.iterdir() if path.suffix in {".md", ".py", ".toml"}]
    for room in rooms:
        found += [path for path in room.rglob("*") if not LEFT.search(path.relative_to(room).as_posix())]
    return [path for path in found if path.is_file()]


def commands(group: click.Group, *above: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, *above, name)
        elif command is not None:
            yield " ".join([*above, name]), command


def test_every_public_name_of_the_design_is_exported() -> None:
    assert set(walead_async.__all__) >= PUBLIC


def test_every_exported_name_is_there() -> None:
    assert [name for name in walead_async.__all__ if not hasattr(walead_async, name)] == []


def test_every_module_can_be_imported_and_has_what_it_lists() -> None:
    missing = []
    for name in module_names():
        module = importlib.import_module(name)
        missing += [f"{name}.{listed}" for listed in getattr(module, "__all__", ()) if not hasattr(module, listed)]
    assert missing == []


def test_importing_the_package_loads_nothing_heavy() -> None:
    program = f"import sys, walead_async; print(*(name for name in {HEAVY!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize("shipped", ["py.typed", "testing/openapi.json"])
def test_the_installed_package_holds(shipped: str) -> None:
    assert importlib.resources.files("walead_async").joinpath(shipped).is_file()


def test_the_version_stands_in_one_place() -> None:
    version = walead_async.__version__
    assert importlib.metadata.version("walead_async") == version
    assert [path.name for path in SOURCES if f'"{version}"' in path.read_text(encoding="utf-8")] == ["_version.py"]


def test_the_changelog_tells_of_this_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    version = re.escape(walead_async.__version__)
    assert re.search(rf"^## \[{version}\] - \d{{4}}-\d\d-\d\d$", changelog, re.MULTILINE)


def test_the_base_install_is_five_packages() -> None:
    names = [re.split(r"[^\w-]", requirement)[0] for requirement in PROJECT["dependencies"]]
    assert names == ["aiohttp", "attrs", "cattrs", "orjson", "tenacity"]


def test_the_extra_all_holds_every_other_extra() -> None:
    extras = PROJECT["optional-dependencies"]
    assert extras["all"] == [f"walead_async[{','.join(name for name in extras if name != 'all')}]"]


def test_the_reference_names_every_command_with_its_options() -> None:
    page = (ROOT / "docs" / "reference" / "command-line.md").read_text(encoding="utf-8")
    untold = []
    for name, command in commands(walead):
        rows = re.findall(rf"^\| `walead {name}[ `].*$", page, re.MULTILINE)
        shared = page.partition("## Commands")[0] + page.partition("`--file` goes by suffix")[2]
        options = {parameter.opts[0] for parameter in command.params if not getattr(parameter, "hidden", True)}
        untold += [f"{name} {option}" for option in options if option not in "".join(rows) + shared]
        untold += [name] * (len(rows) != 1)
    assert untold == []


def test_every_source_file_says_what_it_is() -> None:
    silent = [path for path in SOURCES if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))]
    assert silent == []


def test_no_file_holds_a_path_of_the_machine_it_was_written_on() -> None:
    machine = re.compile(rb"(?<![\w.:/])/(?:root|home|Users|work)/\w")
    assert [str(path.relative_to(ROOT)) for path in kept_files() if machine.search(path.read_bytes())] == []
