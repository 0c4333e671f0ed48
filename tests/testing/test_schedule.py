from __future__ import annotations

import random

import attrs
import pytest

from walead_async.testing import BadSetting, When
from walead_async.testing.schedule import Scheduled, Script


@attrs.frozen
class Thing:
    when: When

    @classmethod
    def parse(cls, text: str) -> Thing:
        raise AssertionError(text)


def played(when: When, requests: int = 12) -> list[int]:
    scheduled = Scheduled(Thing(when), random.Random(1))
    numbers = []
    for number in range(1, requests + 1):
        if scheduled.due():
            scheduled.fired += 1
            numbers.append(number)
    return numbers


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        (When(), [*range(1, 13)]),
        (When.nth(3), [3]),
        (When(first=3, last=5), [3, 4, 5]),
        (When(first=11), [11, 12]),
        (When(every=5), [5, 10]),
        (When(first=3, every=4), [6, 10]),
        (When(count=2), [1, 2]),
        (When(every=3, count=2), [3, 6]),
    ],
)
def test_a_when_means_these_requests(when: When, expected: list[int]):
    assert played(when) == expected


def test_a_probability_is_about_that_share_and_the_same_again():
    when = When(probability=0.3)

    assert played(when, 1000) == played(when, 1000)
    assert 250 < len(played(when, 1000)) < 350


@pytest.mark.parametrize(
    "wrong", [{"first": 0}, {"first": 3, "last": 2}, {"every": 0}, {"count": 0}, {"probability": 0}, {"probability": 2}]
)
def test_a_when_that_cannot_be_is_refused(wrong: dict[str, int]):
    with pytest.raises(BadSetting):
        When(**wrong)  # type: ignore[arg-type]  # the names are those of the fields


def test_a_script_has_the_same_luck_after_it_was_cleared():
    script: Script[Thing] = Script(5, Thing)

    def luck() -> list[bool]:
        script.add(Thing(When(probability=0.5)))
        (scheduled,) = script
        return [scheduled.due() for _ in range(20)]

    first = luck()
    script.clear()

    assert luck() == first


def test_unfired_are_those_that_were_never_played():
    script: Script[Thing] = Script(0, Thing)
    early, late = Thing(When.nth(1)), Thing(When.nth(2))
    script.add(early)
    script.add(late)
    for scheduled in script:
        scheduled.fired += scheduled.due()

    assert script.unfired() == [late]
