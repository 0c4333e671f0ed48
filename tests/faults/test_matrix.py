"""Every fault meets every call it concerns, over real sockets, and the call ends as the table promises."""

from __future__ import annotations

import pytest
from fault_rows import ROWS, Row
from matrix import run_row


# A row has up to thirty cells, and some rows one after the other.
@pytest.mark.timeout(300)
@pytest.mark.parametrize("row", [row for rows in ROWS.values() for row in rows], ids=str)
def test_every_call_ends_as_promised_whenever_the_fault_is_met(row: Row) -> None:
    _, wrong = run_row(row)
    assert not wrong, "\n".join(["not as promised:", *wrong])
