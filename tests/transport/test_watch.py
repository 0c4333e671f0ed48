"""Time limits of attempts: they interrupt what is late, and swallow nobody else's cancellation."""

from __future__ import annotations

import asyncio

import pytest

from walead_async.transport.http import Watch


def now() -> float:
    return asyncio.get_running_loop().time()


def current() -> asyncio.Task[object]:
    task = asyncio.current_task()
    assert task is not None
    return task


async def held(watch: Watch, waiting: asyncio.Event, *, limit: float = 60.0) -> str:
    """What an attempt does: wait under a limit, and tell what ended the wait."""
    task = current()
    cancelling = task.cancelling()
    watch.begin(task, now() + limit)
    try:
        await waiting.wait()
    except asyncio.CancelledError:
        if not watch.ended_it(task, cancelling):
            raise
        return "late"
    finally:
        watch.end(task)
    return "in time"


async def test_who_is_late_is_interrupted_and_the_others_are_not() -> None:
    watch, waiting = Watch(), asyncio.Event()
    slow = asyncio.create_task(held(watch, waiting))
    late = [asyncio.create_task(held(watch, asyncio.Event(), limit=limit)) for limit in (0.02, 0.01, 0.03)]
    assert await asyncio.gather(*late) == ["late"] * 3
    assert not slow.done()
    waiting.set()
    assert await slow == "in time"
    watch.close()


async def test_the_total_holds_however_often_something_is_heard() -> None:
    watch = Watch()
    until = now() + 0.1
    heard = 0

    async def chatter() -> None:
        nonlocal heard
        while True:
            await asyncio.sleep(0.005)
            watch.heard(0.02, until)
            heard += 1

    watch.begin(current(), now() + 0.02)
    with pytest.raises(asyncio.CancelledError):
        await chatter()
    assert watch.ended_it(current(), 0)
    assert heard > 4
    assert now() >= until
    watch.close()


async def test_a_cancellation_from_outside_is_passed_on() -> None:
    watch = Watch()
    task = asyncio.create_task(held(watch, asyncio.Event()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    watch.close()


async def test_a_cancellation_from_outside_wins_over_the_limit() -> None:
    watch = Watch()

    async def attempt() -> str:
        # Both in one round of the event loop: the limit interrupts, and so does somebody else.
        due = now() + 0.01
        asyncio.get_running_loop().call_at(due, current().cancel)
        watch.begin(current(), due)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if not watch.ended_it(current(), 0):
                raise
        return "late"

    task = asyncio.create_task(attempt())
    with pytest.raises(asyncio.CancelledError):
        await task
    watch.close()


async def test_a_time_out_around_it_still_works() -> None:
    watch = Watch()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await held(watch, asyncio.Event())
    assert await held(watch, asyncio.Event(), limit=0.01) == "late"
    assert current().cancelling() == 0
    watch.close()
