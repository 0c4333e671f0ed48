from __future__ import annotations

import pytest

from walead_async.bulk.outcomes import DONE, Chunk, Outcomes, Result, report_of
from walead_async.models import Outcome, Status

SKIPPED = Result(Status.NOT_SENT, "why")


def chunk(first: int, *items: str) -> Chunk:
    return Chunk(first, items, [item.lower() for item in items])


def test_a_chunk_is_pending_until_each_item_has_its_result() -> None:
    part = chunk(0, "A", "B", "C")
    part.resolve((1,), SKIPPED)
    assert part.pending == 2
    part.resolve([0, 2], DONE)
    assert part.pending == 0
    assert list(part.outcomes()) == [
        Outcome("A", "a", Status.DONE),
        Outcome("B", "b", Status.NOT_SENT, "why"),
        Outcome("C", "c", Status.DONE),
    ]
    assert part.counts() == {Status.DONE: 2, Status.NOT_SENT: 1}


def test_the_outcomes_of_many_chunks_are_one_sequence() -> None:
    chunks = [chunk(0, "A", "B"), chunk(2, "C"), chunk(3, "D", "E")]
    for part in chunks:
        part.resolve(range(len(part.items)), DONE)
    outcomes = Outcomes(chunks)
    assert len(outcomes) == 5
    assert [outcome.item for outcome in outcomes] == list("ABCDE")
    assert [outcomes[at].item for at in range(5)] == list("ABCDE")
    assert [outcomes[at].item for at in range(-5, 0)] == list("ABCDE")
    assert [outcome.item for outcome in outcomes[1:4]] == list("BCD")
    assert outcomes[2] in outcomes
    for beyond in (5, -6):
        with pytest.raises(IndexError, match="5 outcomes"):
            outcomes[beyond]


def test_no_chunks_are_no_outcomes() -> None:
    assert list(Outcomes([])) == []
    assert len(Outcomes([])) == 0


def test_the_counts_name_every_status() -> None:
    part = chunk(0, "A", "B")
    part.resolve((0,), SKIPPED)
    part.resolve((1,), DONE)
    counts = report_of([part, part]).counts
    assert set(counts) == set(Status)
    assert counts[Status.DONE] == counts[Status.NOT_SENT] == 2
    assert counts[Status.UNKNOWN] == 0
