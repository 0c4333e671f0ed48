"""Breaks ten lines that matter, one at a time, in a copy of the package, and sees the fault matrix fail for each.

`python tests/faults/mutations.py`. Exits with 1 if the matrix does not notice a broken line, or finds fault with the
whole package. When a line moves or is written anew, change it in `MUTATIONS`; a test finds one that is not there.
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
    """A promise, the file and the part of a line that keep it, that part broken, and the row that has to notice."""

    promise: str
    file: str
    line: str
    broken: str
    row: str


MUTATIONS = [
    Mutation(
        "no redirect is followed",
        "transport/http.py",
        "allow_redirects=False,",
        "allow_redirects=True,",
        "3xx to another host",
    ),
    Mutation(
        "aiohttp sends nothing again by itself",
        "transport/http.py",
        "raise _BrokenConnectionError(_reason(error)) from None",
        "raise",
        "closed keep-alive",
    ),
    Mutation(
        "an unblock is not repeatable",
        "resources/blocked_leads.py",
        "repeatable=False)",
        "repeatable=True)",
        "applied and not answered",
    ),
    Mutation(
        "gzip without its end is not whole",
        "transport/responses.py",
        "if not unpacker.eof:",
        "if False:",
        "truncated gzip",
    ),
    Mutation(
        "a decoded body has a limit",
        "transport/responses.py",
        "if size > MAX_BODY:",
        "if False:",
        "a zip bomb",
    ),
    Mutation(
        "what was sent may have been carried out",
        "transport/http.py",
        "error.maybe_applied = True",
        "error.maybe_applied = False",
        "applied and not answered",
    ),
    Mutation(
        "what another try may help is tried again",
        "transport/retry.py",
        "state.attempt_number >= policy.attempts",
        "state.attempt_number >= 1",
        "500",
    ),
    Mutation(
        "an unblock is sent again only after a read-back that shows its records",
        "resources/blocked_leads.py",
        "        return found\n",
        "        return set(items)\n",
        "applied and not answered",
    ),
    Mutation(
        "an absence needs a list that was read to its end",
        "paging/lookup.py",
        "if paginator.verdict not in READ_TO_ITS_END:",
        "if False:",
        "a list that is cut",
    ),
    Mutation(
        "the key is taken out of what the service says",
        "transport/secrets.py",
        "body = body.replace(plain, HIDDEN.encode())",
        "pass",
        "an echo of the key",
    ),
]


def matrix(folder: Path, *rows: str) -> subprocess.CompletedProcess[str]:
    """Run some rows of the matrix on the package in this folder."""
    command = [sys.executable, str(HERE / "matrix.py"), *(part for row in rows for part in ("--row", row))]
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)


def noticed(mutation: Mutation, folder: Path) -> bool:
    """Whether the matrix fails while the line is broken in the copy of the package, and for nothing else."""
    file = folder / PACKAGE.name / mutation.file
    whole = file.read_text(encoding="utf-8")
    file.write_text(whole.replace(mutation.line, mutation.broken), encoding="utf-8")
    done = matrix(folder, mutation.row)
    file.write_text(whole, encoding="utf-8")
    _, failed, problems = done.stdout.partition("not as promised:\n")
    said = problems.splitlines()[0] if failed else f"the matrix ended with {done.returncode}: {done.stderr[-2000:]}"
    print(f"{'noticed' if failed else 'NOT NOTICED'}: {mutation.promise}\n  {said}", flush=True)
    return bool(failed)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(PACKAGE, folder / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__"))
        whole = matrix(folder, *{mutation.row for mutation in MUTATIONS})
        if whole.returncode:
            sys.exit(f"the whole package fails already:\n{whole.stdout[-2000:]}{whole.stderr[-2000:]}")
        count = sum(noticed(mutation, folder) for mutation in MUTATIONS)
    print(f"{count} of {len(MUTATIONS)} broken lines were noticed")
    sys.exit(0 if count == len(MUTATIONS) else 1)


if __name__ == "__main__":
    main()
