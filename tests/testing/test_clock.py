from __future__ import annotations

from datetime import UTC, datetime

from walead_async.testing.store import Clock, as_text

START = datetime(2024, 1, 1, tzinfo=UTC)


def times(clock: Clock, number: int) -> list[str]:
    return [as_text(clock.next())[17:] for _ in range(number)]


def test_each_record_gets_a_time_of_its_own():
    assert times(Clock(START, step=1.5, ties=1), 3) == ["00.000Z", "01.500Z", "03.000Z"]


def test_ties_share_a_time():
    assert times(Clock(START, step=1, ties=2), 5) == ["00.000Z", "00.000Z", "01.000Z", "01.000Z", "02.000Z"]


def test_a_clock_that_is_set_gives_that_time_next():
    clock = Clock(START, step=1, ties=1)
    clock.next()
    clock.set(datetime(2024, 1, 1, 0, 0, 30, tzinfo=UTC))

    assert times(clock, 2) == ["30.000Z", "31.000Z"]


def test_a_resumed_clock_goes_on_behind_the_last_record():
    clock = Clock(START, step=1, ties=3)
    clock.resume(clock.next())

    assert times(clock, 1) == ["01.000Z"]
