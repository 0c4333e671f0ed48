from __future__ import annotations

import asyncio
import threading
from contextlib import aclosing
from itertools import count
from typing import TYPE_CHECKING

import pytest

from walead_async.cli.inputs import AHEAD, read_in_thread
from walead_async.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator


async def test_everything_comes_in_its_order() -> None:
    items = range(AHEAD * 5)
    assert [item async for item in read_in_thread(items)] == list(items)


async def test_nothing_at_all_ends_at_once() -> None:
    assert [item async for item in read_in_thread(())] == []


async def test_each_item_is_there_before_the_next_one_is_typed() -> None:
    typed = threading.Event()

    def keyboard() -> Iterator[str]:
        yield "first"
        typed.wait()
        yield "second"

    async with aclosing(read_in_thread(keyboard())) as items:
        assert await anext(items) == "first"
        waiting = asyncio.ensure_future(anext(items))
        # Were the event loop standing still, nothing below would be reached.
        await asyncio.sleep(0)
        typed.set()
        assert await waiting == "second"


async def test_an_error_comes_after_the_items_before_it() -> None:
    def broken() -> Iterator[str]:
        yield "first"
        raise SourceError("line 2")

    items = read_in_thread(broken())
    assert await anext(items) == "first"
    with pytest.raises(SourceError, match="line 2"):
        await anext(items)


async def test_the_thread_is_never_far_ahead() -> None:
    far_ahead = threading.Event()

    def endless() -> Iterator[int]:
        for number in range(AHEAD * 3):
            if number > AHEAD + 10:
                far_ahead.set()
            yield number

    async with aclosing(read_in_thread(endless())) as items:
        assert await anext(items) == 0
        assert not far_ahead.wait(0.2)
        assert [item async for item in items] == list(range(1, AHEAD * 3))


async def test_a_thread_that_waits_for_room_ends_when_no_more_is_wanted() -> None:
    async with aclosing(read_in_thread(count())) as items:
        assert await anext(items) == 0
        reader = thread_that_reads()
    await asyncio.to_thread(reader.join, 10)
    assert not reader.is_alive()


async def test_a_thread_in_its_read_is_not_waited_for_and_reads_no_further() -> None:
    typed = threading.Event()
    asked = []

    def keyboard() -> Iterator[str]:
        for word in ("first", "second", "third"):
            asked.append(word)
            yield word
            typed.wait()

    async with aclosing(read_in_thread(keyboard())) as items:
        assert await anext(items) == "first"
        reader = thread_that_reads()
    assert reader.is_alive()
    typed.set()
    await asyncio.to_thread(reader.join, 10)
    assert not reader.is_alive()
    assert asked == ["first", "second"]


def thread_that_reads() -> threading.Thread:
    [reader] = [thread for thread in threading.enumerate() if thread.name == "standard input"]
    return reader
