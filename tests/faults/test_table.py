"""The fault matrix has no hole, and its page tells the truth."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from fault_page import PAGE, page
from fault_rows import ROWS
from must_survive import HELD_BY, MUST_SURVIVE, NOT_COVERED_YET

from walead_async.testing import Drift, DriftName, Fault, FaultName

ROOT = Path(__file__).parents[2]
#: What the emulator plays, and no row of the matrix does yet.
NO_ROW_YET = {
    FaultName.STOP_READING,
    FaultName.EXTRA_ANSWER,
    FaultName.CONTENT_ENCODING,
    FaultName.KEY_IN_ENCODING,
    FaultName.LONG_HEADER,
    FaultName.GZIP_MEMBERS,
    FaultName.BOM,
    FaultName.LOWER_CASE_DATES,
    FaultName.KEY_IN_BODY,
    FaultName.ADDED_AND_FAILED,
    DriftName.CREATE_AGENT,
}
PLAYS = [row.play for rows in ROWS.values() for row in rows]


@pytest.mark.parametrize("group", MUST_SURVIVE)
def test_everything_that_must_be_survived_has_a_row_or_a_test_or_is_named_as_not_covered(group: str) -> None:
    placed = {row.name for row in ROWS.get(group, [])} | HELD_BY.keys() | NOT_COVERED_YET
    assert set(MUST_SURVIVE[group]) - placed == set()


@pytest.mark.parametrize("group", ROWS)
def test_no_row_is_about_something_else(group: str) -> None:
    assert {row.name for row in ROWS[group]} - set(MUST_SURVIVE[group]) == set()


@pytest.mark.parametrize("group", ROWS)
def test_no_two_rows_are_called_the_same(group: str) -> None:
    assert [name for name, count in Counter(map(str, ROWS[group])).items() if count > 1] == []


def test_every_fault_of_the_emulator_has_a_row() -> None:
    played = {Fault.parse(play.fault.replace("IN-A-SECOND", "1")).name for play in PLAYS if play.fault}
    assert set(FaultName) - played - NO_ROW_YET == set()


def test_every_drift_of_the_emulator_has_a_row() -> None:
    assert set(DriftName) - {Drift.parse(play.drift).name for play in PLAYS if play.drift} - NO_ROW_YET == set()


@pytest.mark.parametrize("test", HELD_BY.values(), ids=HELD_BY)
def test_what_another_test_holds_has_that_test(test: str) -> None:
    file, _, name = test.partition("::")
    assert re.search(rf"^(async )?def {name}\(", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)


def test_the_page_is_the_table() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()
