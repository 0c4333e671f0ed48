"""What keeps removals back: each reason alone, and none for an ordinary night."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from walead_async.jobs import guards
from walead_async.models import Completeness

ORDINARY: dict[str, Any] = {"removals": 10, "listed": 20, "rows": 1_000}


def test_an_ordinary_night_is_not_held_back() -> None:
    assert guards.why_withheld(**ORDINARY) == ()
    assert guards.why_withheld(removals=50, listed=1_000, rows=1_000) == ()
    assert guards.why_withheld(**ORDINARY, verdict=Completeness.CHANGED) == ()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"removals": 11, "listed": 219}, "11 removals are more than 5% of a list of 219"),
        ({"max_removals": 9}, "10 removals, and --max-removals allows 9"),
        ({"removals": 51, "listed": 1_000}, "51 removals are more than 5%"),
        ({"rows": 0}, "the source has no row"),
        ({"min_rows": 1_001}, "--min-rows asks for 1,001"),
        ({"invalid": 1}, "1 invalid rows"),
        ({"invalid": 3, "max_invalid": 2}, "3 invalid rows"),
        ({"cut": True}, "no line end"),
        ({"ended_early": "line 7: an open quote"}, "line 7: an open quote"),
        ({"verdict": Completeness.UNVERIFIED}, "could not be verified"),
        ({"verdict": Completeness.INCOMPLETE}, "could not be verified"),
        ({"unreadable_keep": ["keep.csv: a folder"]}, "keep.csv: a folder"),
    ],
)
def test_each_doubt_alone_withholds(given: dict[str, Any], words: str) -> None:
    (why,) = guards.why_withheld(**(ORDINARY | given))
    assert words in why


@pytest.mark.parametrize(
    "given",
    [
        {"removals": 11, "listed": 220},
        {"removals": 10, "listed": 10},
        {"removals": 500, "listed": 500, "max_removals": 500},
        {"invalid": 2, "max_invalid": 2},
        {"min_rows": 1_000},
    ],
)
def test_what_lies_within_a_bound_is_not_withheld(given: dict[str, Any]) -> None:
    assert guards.why_withheld(**(ORDINARY | given)) == ()


def test_without_removals_there_is_nothing_to_withhold() -> None:
    assert guards.why_withheld(removals=0, listed=0, rows=0, cut=True, invalid=9) == ()


def test_every_reason_is_told() -> None:
    assert len(guards.why_withheld(removals=11, listed=11, rows=0, invalid=1, cut=True)) == 4


def test_why_a_record_is_kept() -> None:
    assert guards.why_kept() is None
    assert guards.why_kept(ours=False) == guards.NOT_OURS
    assert guards.why_kept(ours=False, readable=False) == guards.UNREADABLE_NAME
    assert guards.why_kept(keep_listed=True, ours=False) == guards.KEEP_LISTED
    assert guards.why_kept(opted_out=True, keep_listed=True) == guards.OPTED_OUT


def test_a_record_is_not_the_plans_if_it_is_dated_more_than_a_minute_after_its_last_request() -> None:
    last = datetime(2026, 1, 1, tzinfo=UTC)
    assert not guards.dated_too_late(last + timedelta(seconds=60), last)
    assert guards.dated_too_late(last + timedelta(seconds=61), last)
