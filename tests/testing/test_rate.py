from __future__ import annotations

from walead_async.testing.handler import Throttle


def test_a_burst_passes_at_once_and_then_one_each_interval():
    throttle = Throttle(rate=2, burst=3)

    assert [throttle.wait(10.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    assert throttle.wait(10.5) == 0.0
    assert throttle.wait(10.5) == 0.5


def test_a_refused_request_costs_nothing():
    throttle = Throttle(rate=1, burst=1)
    throttle.wait(0.0)
    waits = [throttle.wait(0.25) for _ in range(5)]

    assert waits == [0.75] * 5
    assert throttle.wait(1.0) == 0.0


def test_rest_does_not_save_up_more_than_the_burst():
    throttle = Throttle(rate=1, burst=2)

    assert [throttle.wait(1000.0) for _ in range(3)] == [0.0, 0.0, 1.0]
