from __future__ import annotations

from datetime import UTC, datetime

from walead_async.testing.store import Clock

START = datetime(2024, 1, 1, tzinfo=UTC)


def times(clock: Clock, number: int) -> list[str]:
    return [clock.next().isoformat(timespec="milliseconds")[17:23] for _ in range(number)]


def test_each_record_gets_a_time_of_its_own():
    assert times(Clock(START, step=1.5, ties=1), 3) == ["00.000", "01.500", "03.000"]


def test_ties_share_a_time():
    assert times(Clock(START, step=1, ties=2), 5) == ["00.000", "00.000", "01.000", "01.000", "02.000"]


def test_a_clock_that_is_set_gives_that_time_next():
    clock = Clock(START, step=1, ties=1)
    clock.next()
    clock.set(datetime(2024, 1, 1, 0, 0, 30, tzinfo=UTC))

    assert times(clock, 2) == ["30.000", "31.000"]


def test_a_clock_of_which_all_ties_are_given_goes_on_behind_the_last_record():
    clock = Clock(START, step=1, ties=3)
    clock.set(clock.next(), given=3)

    assert times(clock, 1) == ["01.000"]
