"""Turns at the limiter: at most so many, flow by flow, adapting to a service that is overloaded."""

from __future__ import annotations

import asyncio

import pytest

from walead_async.config import RateLimit
from walead_async.errors import WaleadError
from walead_async.transport.limiter import Limiter, SpacedLimiter


async def entered_in_order(limiter: Limiter, flows: list[str]) -> list[str]:
    """Queue one request a flow name, then let one go after the other and tell who went."""
    went: list[str] = []

    async def go(flow: str) -> None:
        await limiter.enter(flow)
        went.append(flow)
        limiter.leave()

    assert limiter.try_enter()
    tasks = [asyncio.create_task(go(flow)) for flow in flows]
    await asyncio.sleep(0)
    limiter.leave()
    await asyncio.gather(*tasks)
    return went


async def test_a_single_request_waits_for_one_turn_of_a_long_run_only() -> None:
    assert await entered_in_order(Limiter(1), ["run"] * 5 + ["one"]) == ["run", "one", "run", "run", "run", "run"]


async def test_flows_are_served_round_robin() -> None:
    order = await entered_in_order(Limiter(1), ["a", "a", "a", "b", "b", "c"])
    assert order == ["a", "b", "c", "a", "b", "a"]


async def test_no_more_enter_than_there_is_room_for() -> None:
    limiter = Limiter(3)
    assert [limiter.try_enter() for _ in range(4)] == [True, True, True, False]
    limiter.leave()
    assert limiter.try_enter()


async def test_nobody_overtakes_those_who_wait() -> None:
    limiter = Limiter(1)
    assert limiter.try_enter()
    waiting = asyncio.create_task(limiter.enter("first"))
    await asyncio.sleep(0)
    limiter.leave()
    assert not limiter.try_enter()
    await waiting


@pytest.mark.parametrize("granted", [False, True], ids=["while it waits", "when its turn was just given"])
async def test_a_cancelled_wait_takes_nobodys_turn(granted: bool) -> None:
    limiter = Limiter(1)
    assert limiter.try_enter()
    first, second = asyncio.create_task(limiter.enter("a")), asyncio.create_task(limiter.enter("b"))
    await asyncio.sleep(0)
    if granted:
        limiter.leave()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    if not granted:
        limiter.leave()
    await second
    limiter.leave()
    assert limiter.try_enter()


def free_places(limiter: Limiter) -> int:
    """How many may enter now, one after the other; they leave again."""
    entered = 0
    while limiter.try_enter():
        entered += 1
    for _ in range(entered):
        limiter.leave()
    return entered


async def test_a_429_halves_the_concurrency_once_for_those_under_way() -> None:
    limiter = Limiter(8)
    tickets = []
    for _ in range(8):
        assert limiter.try_enter()
        tickets.append(limiter.admitted)
    for ticket in tickets:
        limiter.throttled(ticket, None)
    for _ in range(8):
        limiter.leave()
    assert free_places(limiter) == 4
    limiter.throttled(limiter.admitted, None)
    assert free_places(limiter) == 2


async def test_successes_grow_the_concurrency_back_slowly() -> None:
    limiter = Limiter(8)
    assert limiter.try_enter()
    limiter.throttled(limiter.admitted, None)
    limiter.leave()
    sizes = []
    for _ in range(30):
        limiter.succeeded()
        sizes.append(free_places(limiter))
    assert sizes[0] == 4
    assert sizes[5] == 5
    assert sizes[-1] == 8
    assert sizes == sorted(sizes)


async def test_a_pause_holds_every_flow_and_then_ends() -> None:
    limiter = Limiter(4)
    loop = asyncio.get_running_loop()
    assert limiter.try_enter()
    limiter.throttled(limiter.admitted, 0.05)
    limiter.leave()
    began = loop.time()
    assert not limiter.try_enter()
    await asyncio.gather(limiter.enter("a"), limiter.enter("b"))
    limiter.leave()
    assert loop.time() - began >= 0.049
    assert limiter.try_enter()


async def test_a_rate_limit_is_asked_in_turn_and_late() -> None:
    passes: asyncio.Queue[None] = asyncio.Queue()

    class ByHand:
        async def acquire(self) -> None:
            await passes.get()

    limiter = Limiter(8, ByHand())
    went: list[str] = []

    async def go(flow: str) -> None:
        await limiter.enter(flow)
        went.append(flow)

    tasks = [asyncio.create_task(go(flow)) for flow in ["run", "run", "run"]]
    await asyncio.sleep(0)
    tasks.append(asyncio.create_task(go("one")))
    for _ in range(4):
        passes.put_nowait(None)
    await asyncio.gather(*tasks)
    assert went == ["run", "run", "one", "run"] or went == ["run", "one", "run", "run"]


async def test_a_rate_limiter_that_fails_gives_the_turn_on() -> None:
    class FailsOnce:
        calls = 0

        async def acquire(self) -> None:
            self.calls += 1
            if self.calls == 1:
                raise OSError("the shared limit is away")

    limiter = Limiter(1, FailsOnce())
    ends = await asyncio.gather(limiter.enter("a"), limiter.enter("b"), return_exceptions=True)
    assert [type(end) for end in ends] == [WaleadError, type(None)]
    assert "rate limiter failed" in str(ends[0])
    assert "the shared limit is away" in str(ends[0])


class Clock:
    """Time that moves only when somebody sleeps."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.parametrize(
    ("limit", "times"),
    [
        (RateLimit(4), [0.0, 0.25, 0.5, 0.75, 1.0]),
        (RateLimit(1, per=2.0), [0.0, 2.0, 4.0, 6.0, 8.0]),
        (RateLimit(10, burst=3), [0.0, 0.0, 0.0, 0.1, 0.2]),
    ],
)
async def test_requests_are_spaced_evenly_after_the_burst(limit: RateLimit, times: list[float]) -> None:
    clock = Clock()
    limiter = SpacedLimiter(limit, clock=clock, sleep=clock.sleep)
    went = []
    for _ in times:
        await limiter.acquire()
        went.append(round(clock.now - 1000.0, 6))
    assert went == times


async def test_a_burst_never_lets_twice_the_rate_through() -> None:
    clock = Clock()
    limiter = SpacedLimiter(RateLimit(10, burst=10), clock=clock, sleep=clock.sleep)
    clock.now += 100
    went = []
    for _ in range(30):
        await limiter.acquire()
        went.append(clock.now)
    assert sum(moment < went[0] + 1.0 for moment in went) <= 20
    assert went[29] - went[9] == pytest.approx(2.0)


async def test_a_wait_that_is_cancelled_gives_its_place_back() -> None:
    clock = Clock()

    async def cancelled(seconds: float) -> None:
        raise asyncio.CancelledError

    limiter = SpacedLimiter(RateLimit(1), clock=clock, sleep=cancelled)
    await limiter.acquire()
    for _ in range(3):
        with pytest.raises(asyncio.CancelledError):
            await limiter.acquire()
    clock.now += 1.0
    await limiter.acquire()
