"""Makes the files of a version from what is committed, and checks them: `python tests/release.py`.

They are built twice, must be the same bytes, and the sdist must build the same wheel; `twine check` passes; an
environment with nothing but the wheel runs the demo. `dist/` holds both files, `build/release/` their digests, an SBOM
and the licences. Nothing is uploaded. Exits with 1 and says why where something is not so. `--rehearse` takes a
changelog that has an `[Unreleased]` section, too.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DIST = ROOT / "dist"
FACTS = ROOT / "build" / "release"

#: Run in the fresh environment: each distribution with its licence.
LICENCES = """
from importlib.metadata import distributions
for found in sorted(distributions(), key=lambda one: one.name.lower()):
    told = found.metadata
    named = [text.rpartition(" :: ")[2] for text in told.get_all("Classifier", []) if text.startswith("License ::")]
    licence = told["License-Expression"] or "; ".join(named) or (told["License"] or "").partition("\\n")[0] or "UNKNOWN"
    print(found.name, found.version, licence, sep="\\t")
"""


def run(*command: str | Path, cwd: Path = ROOT, **variables: str) -> str:
    """Run a program and return what it wrote; its failure ends this one."""
    words = [
        Path(part).name if Path(part).is_absolute() else part.strip().partition("\n")[0] for part in map(str, command)
    ]
    print("$", *words, flush=True)
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=os.environ | variables, capture_output=True, text=True, check=False
    )
    if done.returncode:
        fail(f"{command[0]} exited with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def fail(why: str) -> None:
    """Say why there is no release, and end."""
    sys.exit(f"no release: {why}")


def version() -> str:
    """The version, from the one place where it stands."""
    found = re.search(r'^__version__.*"(.+)"$', (ROOT / "walead_async/_version.py").read_text("utf-8"), re.MULTILINE)
    return found[1] if found else ""


def check_changelog(number: str, *, rehearsal: bool) -> None:
    """The changelog has a dated section of this version, and nothing that is not released yet."""
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    if not re.search(rf"^## \[{re.escape(number)}\] - \d{{4}}-\d\d-\d\d$", text, re.MULTILINE):
        fail(f"CHANGELOG.md has no section ## [{number}] with its date")
    if "## [Unreleased]" in text and not rehearsal:
        fail("CHANGELOG.md has [Unreleased] entries: give them a number and a date, or rehearse with --rehearse")


def build(source: Path, output: Path, moment: str, *what: str) -> list[Path]:
    """Build wheel, sdist or both of a folder, dated by the commit."""
    run(sys.executable, "-m", "build", *what, "--outdir", output, source, SOURCE_DATE_EPOCH=moment)
    return sorted(path for path in output.iterdir() if path.suffix in {".whl", ".gz"})


def committed(commit: str, folder: Path) -> Path:
    """A copy of a commit, without what lies beside it."""
    folder.mkdir(exist_ok=True)
    archive = folder / "committed.tar"
    run("git", "archive", "--output", archive, commit)
    with tarfile.open(archive) as tar:
        tar.extractall(folder / "source", filter="data")
    return folder / "source"


def digests(paths: list[Path]) -> dict[str, str]:
    """SHA-256 of each file by its name."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def try_wheel(wheel: Path, folder: Path) -> Path:
    """Install the wheel into an environment of its own and run the demo there, far from this folder."""
    environment = folder / "fresh"
    venv.create(environment, with_pip=True)
    python = environment / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", f"{wheel}[cli]", cwd=folder)
    steps = json.loads(run(environment / "bin" / "walead", "demo", "--json", cwd=folder))["steps"]
    if not steps:
        fail("the demo of the installed wheel did nothing")
    pages = json.loads(run(environment / "bin" / "walead", "docs", "--json", cwd=folder))["pages"]
    if not Path(pages).is_file():
        fail(f"the wheel does not bring its pages: {pages}")
    return python


def main() -> None:
    """Make and check the files."""
    number = version()
    check_changelog(number, rehearsal="--rehearse" in sys.argv[1:])
    if changed := run("git", "status", "--porcelain", "--untracked-files=no"):
        fail(f"these files are not committed:\n{changed}")
    commit, moment = run("git", "log", "-1", "--format=%H %ct").split()
    shutil.rmtree(DIST, ignore_errors=True)
    FACTS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = committed(commit, folder)
        made = build(source, DIST, moment)
        told = digests(made)
        if told.keys() != {f"walead_async-{number}-py3-none-any.whl", f"walead_async-{number}.tar.gz"}:
            fail(f"another set of files than that of {number}: {', '.join(told)}")
        again = digests(build(committed(commit, folder / "again"), folder / "second", moment))
        if again != told:
            fail(f"built again, the files are other ones: {told}, {again}")
        with tarfile.open(DIST / f"walead_async-{number}.tar.gz") as sdist:
            sdist.extractall(folder, filter="data")
        wheel = DIST / f"walead_async-{number}-py3-none-any.whl"
        of_sdist = digests(build(folder / f"walead_async-{number}", folder / "third", moment, "--wheel"))
        if of_sdist != {wheel.name: told[wheel.name]}:
            fail("the sdist builds another wheel")
        run(sys.executable, "-m", "twine", "check", "--strict", *made)
        python = try_wheel(wheel, folder)
        run(sys.executable, "-m", "cyclonedx_py", "environment", python, "--output-file", FACTS / "sbom.cdx.json")
        (FACTS / "licences.tsv").write_text(run(python, "-c", LICENCES, cwd=folder), encoding="utf-8")
    lines = [f"{digest}  {file}\n" for file, digest in told.items()]
    (FACTS / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")
    print(f"walead_async {number} is ready in {DIST.name}/, and nothing was uploaded:")
    print(*lines, sep="", end="")


if __name__ == "__main__":
    main()
