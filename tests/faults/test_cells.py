"""Cells that run side by side are told apart: whatever one of them leaves behind or shows is its own fault."""

from __future__ import annotations

import asyncio
import io
import logging
import socket
import warnings
from collections.abc import Callable, Iterator

import pytest
from fault_calls import FINE, Column
from fault_cells import KEY, meet_fault, run
from fault_rows import Mode, Row, once

ROW = Row("applied and answered", once(FINE))
CELLS = [(Column.LIST, Mode.ONCE), (Column.FIND, Mode.ONCE), (Column.BLOCK, Mode.ONCE)]
kept: list[object] = []


@pytest.fixture(autouse=True)
def _put_away() -> Iterator[None]:
    yield
    for one in kept:
        if isinstance(one, socket.socket | io.IOBase):
            one.close()
    kept.clear()


async def fails() -> None:
    raise ValueError


def sleeps() -> None:
    kept.append(asyncio.ensure_future(asyncio.sleep(1e9)))


def fails_unseen() -> None:
    asyncio.ensure_future(fails())  # noqa: RUF006 - on purpose


def opens() -> None:
    kept.append(open(__file__))  # noqa: PTH123, SIM115 - left open on purpose


def raises() -> None:
    raise TypeError("not one of ours")


def cancels() -> None:
    raise asyncio.CancelledError


BAD: dict[str, tuple[Callable[[], object], str]] = {
    "a task": (sleeps, "a task was left"),
    "a task that nobody holds": (lambda: asyncio.ensure_future(asyncio.sleep(1e9)), "a task was left"),
    "a socket": (lambda: kept.append(socket.socket()), "a socket was left open"),
    "a file": (opens, "1 sockets or files were left open"),
    "a failure that nobody saw": (fails_unseen, "never retrieved"),
    "a coroutine that was not awaited": (fails, "never awaited"),
    "the key on the terminal": (lambda: print(KEY), "the key was logged or printed"),
    "the key in the log": (lambda: logging.getLogger("a").debug("%s", KEY), "the key was logged or printed"),
    "a warning": (lambda: warnings.warn("careful", stacklevel=1), "warned: careful"),
    "an error that is not ours": (raises, "not one of ours"),
    "a cancellation that nobody asked for": (cancels, "CancelledError"),
}


@pytest.mark.parametrize(("act", "told"), BAD.values(), ids=BAD)
def test_what_one_cell_does_is_told_of_it_alone(act: Callable[[], object], told: str) -> None:
    async def one_misbehaves(row: Row, column: Column, mode: Mode) -> tuple[str, list[str]]:
        if column is Column.FIND:
            act()
            await asyncio.sleep(0)
        return await meet_fault(row, column, mode)

    cells = run(ROW, CELLS, one_misbehaves)
    assert [bool(cell.problems) for cell in cells] == [False, True, False]
    assert told in "\n".join(cells[1].problems)


def test_a_call_that_never_ends_is_told_of_it_alone() -> None:
    async def one_hangs(row: Row, column: Column, mode: Mode) -> tuple[str, list[str]]:
        if column is Column.FIND:
            await asyncio.Event().wait()
        return await meet_fault(row, column, mode)

    assert [cell.words for cell in run(ROW, CELLS, one_hangs)] == [FINE, "TimeoutError came out", FINE]


def test_a_task_that_outlives_its_cell_for_a_moment_is_told_although_the_others_go_on_longer() -> None:
    async def one_lingers(row: Row, column: Column, mode: Mode) -> tuple[str, list[str]]:
        if column is Column.FIND:
            kept.append(asyncio.ensure_future(asyncio.sleep(0.001)))
            return FINE, []
        await asyncio.sleep(1)
        return await meet_fault(row, column, mode)

    assert [len(cell.problems) for cell in run(ROW, CELLS, one_lingers)] == [0, 1, 0]


def test_waiting_costs_no_time_and_comes_in_order() -> None:
    ended: list[Column] = []
    seconds = {Column.LIST: 3600.0, Column.FIND: 60.0, Column.BLOCK: 7200.0}

    async def waits(row: Row, column: Column, mode: Mode) -> tuple[str, list[str]]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        await asyncio.sleep(seconds[column])
        ended.append(column)
        return str(round(loop.time() - began)), []

    cells = run(ROW, CELLS, waits)
    assert [cell.words for cell in cells] == ["3600", "60", "7200"]
    assert ended == [Column.FIND, Column.LIST, Column.BLOCK]
