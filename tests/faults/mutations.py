"""Breaks ten lines that matter, one at a time, in a copy of the package, and sees the fault matrix fail for each.

`python tests/faults/mutations.py`. Exits with 1 if the matrix does not notice a broken line, or finds fault with the
whole package.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
PACKAGE = HERE.parents[1] / "walead_async"


class Mutation(NamedTuple):
    """A line, what it is replaced by, and the rows and columns of the matrix that have to notice."""

    what: str
    file: str
    line: str
    broken: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]


MUTATIONS = [
    Mutation(
        "no redirect is followed",
        "transport/http.py",
        "allow_redirects=False,",
        "allow_redirects=True,",
        ("3xx to another host",),
        ("list", "unblock by id"),
    ),
    Mutation(
        "aiohttp sends nothing again by itself",
        "transport/http.py",
        "raise _BrokenConnectionError(_reason(error)) from None",
        "raise",
        ("closed keep-alive",),
        ("unblock by id", "agent unblock"),
    ),
    Mutation(
        "an unblock is not repeatable",
        "resources/blocked_leads.py",
        "repeatable=False)",
        "repeatable=True)",
        ("applied and not answered",),
        ("unblock by id",),
    ),
    Mutation(
        "gzip without its end is not whole",
        "transport/responses.py",
        "if not unpacker.eof:",
        "if False:",
        ("truncated gzip",),
        ("list", "block"),
    ),
    Mutation(
        "a decoded body has a limit",
        "transport/responses.py",
        "if len(whole) > MAX_BODY:",
        "if False:",
        ("a zip bomb",),
        ("find",),
    ),
    Mutation(
        "what was sent may have been carried out",
        "transport/http.py",
        "error.maybe_applied = True",
        "error.maybe_applied = False",
        ("applied and not answered",),
        ("unblock by id",),
    ),
    Mutation(
        "what another try may help is tried again",
        "transport/retry.py",
        "retry_state.attempt_number >= self._policy.attempts",
        "retry_state.attempt_number >= 1",
        ("500",),
        ("list", "block"),
    ),
    Mutation(
        "an unblock is sent again only after a read-back that shows its records",
        "resources/blocked_leads.py",
        "        return found\n",
        "        return set(items)\n",
        ("applied and not answered",),
        ("unblock by id",),
    ),
    Mutation(
        "an absence needs a list that was read to its end",
        "resources/blocked_leads.py",
        "if listing.verdict not in READ_TO_ITS_END and len(found) < len(items):",
        "if False:",
        ("applied and not answered",),
        ("unblock by id",),
    ),
    Mutation(
        "the key is taken out of what the service says",
        "transport/secrets.py",
        "return text.replace(str(self._last), HIDDEN) if self._last else text",
        "return text",
        ("an echo of the key",),
        ("list", "block"),
    ),
]


def run(rows: tuple[str, ...], columns: tuple[str, ...], package: Path) -> subprocess.CompletedProcess[str]:
    """Run some rows of the matrix on a copy of the package."""
    chosen = [part for row in rows for part in ("--row", row)] + [part for one in columns for part in ("--column", one)]
    command = [sys.executable, str(HERE / "matrix.py"), *chosen]
    environment = {**os.environ, "PYTHONPATH": str(package), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)


def unnoticed(mutation: Mutation) -> str | None:
    """Why a broken line counts as not noticed; None if the matrix failed for it and for nothing else."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / PACKAGE.name
        shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
        whole = run(mutation.rows, mutation.columns, Path(folder))
        if whole.returncode:
            return f"the whole package fails already:\n{whole.stdout[-2000:]}{whole.stderr[-2000:]}"
        file = copy / mutation.file
        text = file.read_text(encoding="utf-8")
        if text.count(mutation.line) != 1:
            return f"the line stands {text.count(mutation.line)} times in {mutation.file}"
        file.write_text(text.replace(mutation.line, mutation.broken), encoding="utf-8")
        broken = run(mutation.rows, mutation.columns, Path(folder))
        if "not as promised:" not in broken.stdout:
            return f"the matrix ended with {broken.returncode}:\n{broken.stdout[-1000:]}{broken.stderr[-2000:]}"
        print(f"noticed: {mutation.what}")
        print("  " + broken.stdout.partition("not as promised:\n")[2].splitlines()[0], flush=True)
    return None


def main() -> None:
    missed = 0
    for mutation in MUTATIONS:
        if (why := unnoticed(mutation)) is not None:
            missed += 1
            print(f"NOT NOTICED: {mutation.what}: {why}", flush=True)
    print(f"{len(MUTATIONS) - missed} of {len(MUTATIONS)} broken lines were noticed")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
