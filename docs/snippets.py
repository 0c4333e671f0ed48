"""Runs the Python snippets of these pages and of the README, each page with an emulator of its own: a pytest plugin.

A snippet may `await` without a function around it. A block of `text` after a snippet that prints is what it prints.
"""

from __future__ import annotations
import __future__

import ast
import asyncio
import contextlib
import inspect
import io
import os
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from sybil import Sybil
from sybil.parsers.myst import CodeBlockParser

from walead_async.testing import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sybil import Example

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


pages = Sybil(
    parsers=[CodeBlockParser("python", run), CodeBlockParser("text", compare)],
    path=str(Path(__file__).parents[1]),
    patterns=["README.md", "docs/*.md", "docs/**/*.md"],
    setup=begin_page,
    teardown=end_page,
)
pytest_collect_file = pages.pytest()
