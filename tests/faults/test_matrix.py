"""Every fault meets every call it concerns, over real sockets, and the call ends as the table promises."""

from __future__ import annotations

import pytest
from fault_calls import Column
from fault_cells import cells_of, run_cell
from fault_page import end_of
from fault_rows import ROWS
from fault_table import Row

CELLS = [
    pytest.param(row, column, id=f"{row}-{column}")
    for rows in ROWS.values()
    for row in rows
    for column in dict.fromkeys(column for column, _ in cells_of(row))
]


@pytest.mark.parametrize(("row", "column"), CELLS)
def test_a_call_ends_as_promised_whenever_the_fault_is_met(row: Row, column: Column) -> None:
    for where, mode in cells_of(row):
        if where is column:
            cell = run_cell(row, column, mode)
            assert (cell.words, cell.problems) == (end_of(row, column, mode), []), mode
