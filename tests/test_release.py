"""What `nox -s release` refuses before it builds anything."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import walead_async

ROOT = Path(__file__).parents[1]
SECTION = f"## [{walead_async.__version__}] - 2026-01-31\n"


def release(folder: Path, changelog: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it in a folder that is no repository, so that it ends where it would look for commits."""
    (folder / "tests").mkdir()
    (folder / "walead_async").mkdir()
    shutil.copy(ROOT / "tests" / "release.py", folder / "tests")
    shutil.copy(ROOT / "walead_async" / "_version.py", folder / "walead_async")
    (folder / "CHANGELOG.md").write_text(changelog, encoding="utf-8")
    program = [sys.executable, str(folder / "tests" / "release.py"), *arguments]
    environment = {"GIT_CEILING_DIRECTORIES": str(folder.parent), "PATH": "/usr/bin:/bin"}
    return subprocess.run(program, env=environment, capture_output=True, text=True, timeout=50, check=False)


@pytest.mark.parametrize(
    ("changelog", "arguments", "why"),
    [
        ("# Changelog\n", [], "CHANGELOG.md has no section"),
        ("# Changelog\n", ["--rehearse"], "CHANGELOG.md has no section"),
        (f"## [Unreleased]\n\n- More.\n\n{SECTION}", [], "has [Unreleased] entries"),
        (SECTION, [], "not a git repository"),
        (f"## [Unreleased]\n\n- More.\n\n{SECTION}", ["--rehearse"], "not a git repository"),
    ],
)
def test_it_says_why_there_is_no_release(tmp_path: Path, changelog: str, arguments: list[str], why: str) -> None:
    done = release(tmp_path, changelog, *arguments)
    assert done.returncode == 1
    assert done.stderr.startswith("no release: ")
    assert why in done.stderr
    assert not (tmp_path / "dist").exists()
