"""Runs the snippets of these pages and of the README, each page with an emulator of its own: a pytest plugin.

A snippet may `await` without a function around it. A block of `text` after a snippet that prints is what it prints. A
block of `console` is run if it shows what its commands print and all of them are `walead` ones that end by themselves;
`...` stands for anything there. The files of `samples/` lie beside the reader.
"""

from __future__ import annotations
import __future__

import ast
import asyncio
import contextlib
import inspect
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from sybil import Sybil
from sybil.parsers.myst import CodeBlockParser

import walead_async
from walead_async.testing import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sybil import Example

ROOT = Path(__file__).parents[1]
SAMPLES = Path("docs") / "samples"

#: A command that a page shows, with its further lines, and what it prints.
SHOWN = re.compile(r"^\$ (?P<command>(?:.*\\\n)*.*)\n(?P<printed>(?:(?!\$ ).*\n?)*)", re.MULTILINE)

#: The program is the one of the package that these pages stand with.
SHELL = """walead() { "$PYTHON" -m walead_async.cli "$@"; }
"""

FLAGS = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT | __future__.annotations.compiler_flag


@contextlib.contextmanager
def emulator() -> Iterator[Emulator]:
    """An emulator that runs beside the snippets, in a thread with an event loop of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    served = Emulator(leads=250)
    asyncio.run_coroutine_threadsafe(served.start(), loop).result()
    try:
        yield served
    finally:
        asyncio.run_coroutine_threadsafe(served.aclose(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextlib.contextmanager
def environment(served: Emulator) -> Iterator[None]:
    """The variables that a reader has set."""
    kept = dict(os.environ)
    os.environ.update(
        WALEAD_API_KEY=served.api_key,
        WALEAD_BASE_URL=served.walead_url,
        PHONELY_API_KEY=served.api_key,
        PHONELY_UID=served.uid,
        PHONELY_BASE_URL=served.phonely_url,
    )
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(kept)


def begin_page(namespace: dict[str, object]) -> None:
    """Before the first snippet of a page."""
    with contextlib.ExitStack() as stack:
        served = stack.enter_context(emulator())
        stack.enter_context(environment(served))
        stack.enter_context(contextlib.chdir(stack.enter_context(tempfile.TemporaryDirectory())))
        shutil.copytree(ROOT / SAMPLES, SAMPLES)
        shutil.copytree(SAMPLES, ".", dirs_exist_ok=True)
        namespace.update(__name__="__main__", emulator=served, page=stack.pop_all())


def end_page(namespace: dict[str, object]) -> None:
    """After the last snippet of a page."""
    page = namespace["page"]
    assert isinstance(page, contextlib.ExitStack)
    page.close()


def run(example: Example) -> None:
    """Run one snippet, in an event loop if it awaits."""
    code = compile("\n" * (example.line + example.parsed.line_offset) + example.parsed, example.path, "exec", FLAGS)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        if code.co_flags & inspect.CO_COROUTINE:
            asyncio.run(eval(code, example.namespace))
        else:
            exec(code, example.namespace)
    example.namespace["printed"] = printed.getvalue()


def compare(example: Example) -> None:
    """Hold what a page says was printed against what was."""
    printed = example.namespace.pop("printed", "")
    if printed:
        assert printed == example.parsed


def is_run(command: str) -> bool:
    """Whether a command is one that a page can have run: of `walead`, and with an end."""
    return command.startswith("walead ") and not command.startswith("walead emulator")


def run_commands(example: Example) -> None:
    """Run the commands of a block one after the other, and hold what each prints against what stands below it."""
    shown = [(found["command"], found["printed"].strip()) for found in SHOWN.finditer(example.parsed)]
    if not any(printed for _, printed in shown) or not all(is_run(command) for command, _ in shown):
        return
    variables = os.environ | {"PYTHON": sys.executable, "PYTHONPATH": str(Path(walead_async.__file__).parents[1])}
    for command, printed in shown:
        done = subprocess.run(
            ["bash", "-c", SHELL + command],
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=50,
            check=False,
        )
        pattern = ".*".join(map(re.escape, printed.split("...")))
        assert re.fullmatch(pattern, done.stdout.strip()), f"$ {command}\n{done.stdout}"


pages = Sybil(
    parsers=[
        CodeBlockParser("python", run),
        CodeBlockParser("text", compare),
        CodeBlockParser("console", run_commands),
    ],
    path=str(ROOT),
    patterns=["README.md", "docs/*.md", "docs/**/*.md"],
    setup=begin_page,
    teardown=end_page,
)
pytest_collect_file = pages.pytest()
