"""Every step that CI takes, each a session: `nox -s NAME`; `nox --list` shows them all."""

from __future__ import annotations

import sys
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "venv"
nox.options.reuse_venv = "yes"
nox.options.error_on_missing_interpreters = True
nox.options.sessions = ["tests"]

PROJECT = nox.project.load_toml("pyproject.toml")
VERSIONS = nox.project.python_versions(PROJECT)

#: The package with every extra whose code the tests reach.
PACKAGE = ".[cli,files,otel,phone,postgres,testing]"

#: How many simulated reads and runs `simulate` and `soak` make of each kind, unless told with `-- --runs N`.
RUNS = 10_000
SOAK_RUNS = 200_000

#: Where requests of the client reach an emulator of the tests' own process.
WITH_EMULATOR = ("cli", "contract", "*/test_over_sockets.py", "paging/test_lookup.py", "test_se*.py", "faults")


def group(name: str) -> tuple[str, ...]:
    """The requirements of one dependency group; an older pip cannot read groups itself."""
    return nox.project.dependency_groups(PROJECT, name)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests, all but the long ones, on the installed package: `nox -s tests -- tests/paging -k tie`."""
    session.install(PACKAGE, *group("tests"))
    session.run("pytest", "--numprocesses=auto", *session.posargs)


@nox.session(python=False)
def dev(session: nox.Session) -> None:
    """Make `.venv`, an environment to work in: the package, editable, and every tool."""
    session.run(sys.executable, "-m", "venv", ".venv")
    python = Path(".venv") / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    session.run(str(python), "-m", "pip", "install", "--editable", PACKAGE, *group("dev"))


@nox.session(python=VERSIONS)
def versions(session: nox.Session) -> None:
    """Run the tests on every supported Python."""
    session.install(PACKAGE, *group("tests"))
    session.run("pytest", *session.posargs)


@nox.session(reuse_venv=False)
def floors(session: nox.Session) -> None:
    """Run the tests on the lowest versions that the package says it works with."""
    extras = PROJECT["project"]["optional-dependencies"]
    wanted = PROJECT["project"]["dependencies"].copy()
    for name in ("cli", "files", "otel", "phone", "postgres"):
        # a constraint names no extra
        wanted += [requirement.replace("[binary]", "") for requirement in extras[name]]
    lowest = Path(session.create_tmp()) / "lowest.txt"
    lowest.write_text("\n".join(requirement.replace(">=", "==") for requirement in wanted), encoding="utf-8")
    session.install(PACKAGE, *group("tests"), "--constraint", str(lowest.resolve()))
    session.run("pytest", *session.posargs)


@nox.session
def types(session: nox.Session) -> None:
    """Check the types, with mypy --strict and with pyright."""
    session.install(PACKAGE, *group("types"))
    session.run("mypy")
    session.run("pyright")
    # What a program's own type checker sees of the package; less than all of it fails.
    session.run("pyright", "--verifytypes", "walead_async", "--ignoreexternal", silent=True)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and format. `nox -s lint -- --fix` mends what can be mended."""
    session.install(*group("lint"))
    if "--fix" in session.posargs:
        session.run("ruff", "check", "--fix")
        session.run("ruff", "format")
        return
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")


@nox.session
def layers(session: nox.Session) -> None:
    """Check that imports between rooms go one way."""
    session.install(*group("layers"))
    session.run("lint-imports")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the pages, as HTML, as one page and as text, and run every snippet in them and in the README."""
    session.install(PACKAGE, *group("docs"))
    html, text = Path("docs/_build/html"), Path("docs/_build/text")
    for builder, folder in (("html", html), ("singlehtml", html / "single"), ("text", text)):
        session.run("sphinx-build", "-E", "-W", "--keep-going", "-q", "-b", builder, "docs", str(folder))
    session.run("python", "docs/llms.py", str(text), str(html))
    session.run("pytest", "-p", "snippets", "docs", "README.md", env={"PYTHONPATH": "docs"})


@nox.session(reuse_venv=False)
def demo(session: nox.Session) -> None:
    """Do what the README says first, in an environment that has nothing else."""
    session.install(".[cli]")
    session.run("walead", "demo", *session.posargs)


@nox.session
def simulate(session: nox.Session) -> None:
    """Read and change simulated lists that move under the reader: `nox -s simulate -- --runs N`."""
    _simulate(session, session.posargs or ["--runs", str(RUNS)])


@nox.session
def contract(session: nox.Session) -> None:
    """Hold emulator and client against the OpenAPI file; `--quick` leaves the commands and the fault matrix out."""
    session.install(PACKAGE, *group("tests"), *group("contract"))
    quick = "--quick" in session.posargs
    session.run("python", "tests/contract/examine_emulator.py", "--examples", "10" if quick else "50")
    where: list[str] = []
    for pattern in WITH_EMULATOR[1:-1] if quick else WITH_EMULATOR:
        found = sorted(map(str, Path("tests").glob(pattern)))
        where += found or session.error(f"there is no tests/{pattern}")
    session.run("pytest", "-p", "contract_watch", *where, env={"PYTHONPATH": "tests/contract"})


@nox.session
def matrix(session: nox.Session) -> None:
    """Run the fault matrix, print it, and write its page: `nox -s matrix -- --row 401`."""
    session.install(PACKAGE, *group("tests"))
    session.run("python", "tests/faults/matrix.py", *session.posargs)


@nox.session
def mutations(session: nox.Session) -> None:
    """Break ten lines that matter, one at a time, in a copy of the package, and see the fault matrix fail for each."""
    session.install(PACKAGE, *group("tests"))
    session.run("python", "tests/faults/mutations.py", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Measure this package beside its peers; a gate that is missed fails: `nox -s bench -- --quick`."""
    session.install(".[cli,postgres]", *group("bench"))
    figures = Path("build") / "benchmarks"
    figures.mkdir(parents=True, exist_ok=True)
    pictures = ["--picture", str(figures / "figures.svg"), "--growth-picture", str(figures / "growth.svg")]
    session.run("python", "-m", "benchmarks", "--json", str(figures / "figures.json"), *pictures, *session.posargs)


@nox.session(reuse_venv=False)
def release(session: nox.Session) -> None:
    """Make the files of a version from what is committed, and check them: all up to the upload, which a person does."""
    session.install(PACKAGE, *group("release"), *group("types"))
    session.run("pyright", "--verifytypes", "walead_async", "--ignoreexternal", silent=True)
    session.run("python", "tests/release.py", *session.posargs)


@nox.session
def soak(session: nox.Session) -> None:
    """Run the long forms: the tests marked so, more examples of each property, more simulated runs."""
    session.install(PACKAGE, *group("tests"))
    session.run("pytest", "-m", "soak or not soak", "--hypothesis-profile=soak", "--timeout=1800")
    _simulate(session, session.posargs or ["--runs", str(SOAK_RUNS)])


def _simulate(session: nox.Session, arguments: list[str]) -> None:
    session.install(PACKAGE, *group("tests"))
    for room in ("paging", "bulk"):
        session.run("python", f"tests/{room}/simulation.py", *arguments)
