"""The fault matrix plays whatever the emulator can, and its page tells the truth."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from fault_rows import HELD_BY, ROWS
from matrix import PAGE, page

from walead_async.testing import Drift, DriftName, Fault, FaultName

ROOT = Path(__file__).parents[2]
ALL = [row for rows in ROWS.values() for row in rows]
#: What concerns no column of the table; tests/resources/test_everywhere.py holds it.
NO_CALL = {DriftName.CREATE_AGENT}


@pytest.mark.parametrize("group", ROWS)
def test_no_two_rows_are_called_the_same(group: str) -> None:
    assert [name for name, count in Counter(map(str, ROWS[group])).items() if count > 1] == []


def test_every_fault_of_the_emulator_has_a_row() -> None:
    played = {Fault.parse(row.fault).name for row in ALL if row.fault}
    assert set(FaultName) - played == set()


def test_every_drift_of_the_emulator_has_a_row() -> None:
    assert set(DriftName) - {Drift.parse(row.drift).name for row in ALL if row.drift} - NO_CALL == set()


@pytest.mark.parametrize("test", [test for tests in HELD_BY.values() for test in tests.values()])
def test_what_another_test_holds_has_that_test(test: str) -> None:
    file, _, name = test.partition("::")
    assert re.search(rf"^(async )?def {name}\(", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)


def test_the_page_is_the_table() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()
