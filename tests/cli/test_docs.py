from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

import walead_async

if TYPE_CHECKING:
    from conftest import Walead

PACKAGE = Path(walead_async.__file__).parent


def first_line(path: str) -> str:
    return Path(path).read_text(encoding="utf-8").splitlines()[0]


async def test_it_names_a_page_that_is_there(walead: Walead) -> None:
    done = await walead("docs", "--json", WALEAD_API_KEY=None)
    (value,) = done.values()
    assert done.code == 0
    assert first_line(str(value["pages"])) == "# walead_async"
    assert set(value) == {"pages", "html"}


async def test_for_people_it_is_the_same_path(walead: Walead) -> None:
    done = await walead("docs")
    told = orjson.loads((await walead("docs", "--json")).out)
    assert done.code == 0
    assert done.out.startswith(f"pages  {told['pages']}\n")


def run_copy(folder: Path) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", "walead_async.cli", "docs", "--json"]
    return subprocess.run(
        program, cwd=folder, env={"PYTHONPATH": str(folder)}, capture_output=True, text=True, check=False
    )


def test_built_pages_are_named_and_without_any_it_says_what_to_do(tmp_path: Path) -> None:
    shutil.copytree(PACKAGE, tmp_path / "walead_async", ignore=shutil.ignore_patterns("__pycache__", "docs"))
    done = run_copy(tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "pip install" in done.stderr

    html = tmp_path / "docs" / "_build" / "html" / "index.html"
    html.parent.mkdir(parents=True)
    html.touch()
    assert orjson.loads(run_copy(tmp_path).stdout) == {"pages": str(tmp_path / "docs" / "index.md"), "html": str(html)}
