"""One cell of the fault matrix: a session over real sockets meets a fault, and all about its end is looked at."""

from __future__ import annotations

import asyncio

import attrs
from fault_calls import READS, Column, leave_connection, lies, make_call, unproven
from fault_clients import SCENARIOS, left_over
from fault_stage import KEY, shown, stage, watched
from fault_table import Mode, Play, Row


@attrs.frozen
class Cell:
    """What was seen of a cell: its end in words, and whatever was wrong besides."""

    words: str
    problems: list[str]


def run_cell(row: Row, column: Column, mode: Mode) -> Cell:
    """Make the call of a column while the fault of a row is played, in an event loop of its own."""
    with watched() as seen:
        if row.play.client:
            scenario = SCENARIOS[row.play.client]
            words, problems = scenario(column)
        else:
            with asyncio.Runner() as runner:
                words, problems = runner.run(_cell(row.play, column, mode))
    return Cell(words, problems + seen.problems)


async def _cell(play: Play, column: Column, mode: Mode) -> tuple[str, list[str]]:
    events: list[object] = []
    async with stage(play, column, mode, events.append) as (session, truth, sent, unplayed):
        batch_size = 500 if mode is Mode.ONCE else 3
        if play.kept:
            await leave_connection(session)
        ended = await make_call(session, truth, batch_size, play.window)
        problems = unproven(sent()) + shown(ended)
        if mode is Mode.ONCE or column not in play.deceives:
            problems += lies(truth, ended)
        if KEY in repr(events):
            problems.append("the key was in an event")
        problems += unplayed()
    return ended.words, problems + await left_over()


def cells_of(row: Row) -> list[tuple[Column, Mode]]:
    """The cells of a row. To a read, "every time" and "all requests" are the same."""
    same = Mode.ALWAYS in row.modes
    return [
        (column, mode)
        for column in row.columns
        for mode in row.modes
        if not (same and mode is Mode.DOWN and column in READS)
    ]
