"""The programs of examples/ with their own tests, each run by a pytest of its own, as a user's would be."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted(path.parent for path in ROOT.glob("examples/*/pyproject.toml"))


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(program, cwd=folder, env=os.environ, capture_output=True, text=True, timeout=50, check=False)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_an_example_passes_its_own_tests(example: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(example, tmp_path / example.name, ignore=shutil.ignore_patterns("__pycache__"))
    done = run(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed in " in done.stdout
    assert "skipped" not in done.stdout


def test_a_program_that_does_not_block_fails_the_example(tmp_path: Path) -> None:
    folder = shutil.copytree(ROOT / "examples" / "opt_out", tmp_path / "opt_out")
    program = folder / "opt_out.py"
    program.write_text(program.read_text(encoding="utf-8").replace("(profiles, ", "(list(profiles)[1:], "))
    done = run(folder)
    assert done.returncode == 1
    assert "2 failed" in done.stdout


def test_a_program_is_tested_in_under_ten_lines() -> None:
    lines = (ROOT / "examples" / "opt_out" / "test_opt_out.py").read_text(encoding="utf-8").splitlines()
    assert len(lines) < 10


@pytest.mark.parametrize("path", sorted(ROOT.glob("examples/*/*.py")), ids=lambda path: path.name)
def test_the_pages_show_every_file_of_the_examples(path: Path) -> None:
    shown = f"{{literalinclude}} ../../{path.relative_to(ROOT).as_posix()}"
    assert [page.name for page in ROOT.glob("docs/how-to/*.md") if shown in page.read_text(encoding="utf-8")]
