from __future__ import annotations

import pytest

from walead_async.bulk.outcomes import DONE, Batch, End, Outcomes, count_statuses
from walead_async.models import Outcome, Status

SKIPPED = End(Status.NOT_SENT, "why")


def batch(first: int, *items: str) -> Batch:
    return Batch(first, items, [item.lower() for item in items])


def test_a_batch_is_open_until_each_item_has_its_end() -> None:
    stretch = batch(0, "A", "B", "C")
    stretch.settle((1,), SKIPPED)
    assert stretch.open == 2
    stretch.settle([0, 2], DONE)
    assert stretch.open == 0
    assert list(stretch.outcomes()) == [
        Outcome("A", "a", Status.DONE),
        Outcome("B", "b", Status.NOT_SENT, "why"),
        Outcome("C", "c", Status.DONE),
    ]
    assert stretch.counts() == {Status.DONE: 2, Status.NOT_SENT: 1}


def test_the_outcomes_of_many_batches_are_one_sequence() -> None:
    stretches = [batch(0, "A", "B"), batch(2, "C"), batch(3, "D", "E")]
    for stretch in stretches:
        stretch.settle(range(len(stretch.items)), DONE)
    outcomes = Outcomes(stretches)
    assert len(outcomes) == 5
    assert [outcome.item for outcome in outcomes] == list("ABCDE")
    assert [outcomes[at].item for at in range(5)] == list("ABCDE")
    assert [outcomes[at].item for at in range(-5, 0)] == list("ABCDE")
    assert [outcome.item for outcome in outcomes[1:4]] == list("BCD")
    assert outcomes[2] in outcomes
    for beyond in (5, -6):
        with pytest.raises(IndexError, match="5 outcomes"):
            outcomes[beyond]


def test_no_batches_are_no_outcomes() -> None:
    assert list(Outcomes([])) == []
    assert len(Outcomes([])) == 0


def test_the_counts_name_every_status() -> None:
    stretch = batch(0, "A", "B")
    stretch.settle((0,), SKIPPED)
    stretch.settle((1,), DONE)
    counts = count_statuses([stretch, stretch])
    assert set(counts) == set(Status)
    assert counts[Status.DONE] == counts[Status.NOT_SENT] == 2
    assert counts[Status.UNKNOWN] == 0
