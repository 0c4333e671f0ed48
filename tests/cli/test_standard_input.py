from __future__ import annotations

import asyncio
import threading
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from walead_async.cli.standard_input import AHEAD, read_in_thread
from walead_async.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator


async def test_everything_comes_in_its_order() -> None:
    items = range(AHEAD * 5)
    assert [item async for item in read_in_thread(items)] == list(items)


async def test_nothing_at_all_ends_at_once() -> None:
    assert [item async for item in read_in_thread(())] == []


async def test_an_item_is_there_before_the_next_one_is_read() -> None:
    typed = threading.Event()

    def keyboard() -> Iterator[str]:
        yield "first"
        typed.wait()
        yield "second"

    async with aclosing(read_in_thread(keyboard())) as items:
        assert await anext(items) == "first"
        typed.set()
        assert await anext(items) == "second"


async def test_the_event_loop_goes_on_while_the_thread_waits() -> None:
    typed = threading.Event()

    def keyboard() -> Iterator[str]:
        typed.wait()
        yield "at last"

    items = read_in_thread(keyboard())
    waiting = asyncio.ensure_future(anext(items))
    await asyncio.sleep(0)
    typed.set()
    assert await waiting == "at last"
    await items.aclose()


async def test_an_error_comes_after_the_items_before_it() -> None:
    def broken() -> Iterator[str]:
        yield "first"
        raise SourceError("line 2")

    items = read_in_thread(broken())
    assert await anext(items) == "first"
    with pytest.raises(SourceError, match="line 2"):
        await anext(items)


async def test_the_thread_is_never_far_ahead() -> None:
    read = 0

    def endless() -> Iterator[int]:
        nonlocal read
        while True:
            read += 1
            yield read

    async with aclosing(read_in_thread(endless())) as items:
        for _ in range(10):
            await anext(items)
        assert read <= AHEAD + 11
