"""Time limits of attempts: they interrupt what is late, and swallow nobody else's cancellation."""

from __future__ import annotations

import asyncio

import pytest

from walead_async.transport.watch import Limit, Watch


async def held(watch: Watch, waiting: asyncio.Event, *, silence: float = 60.0, total: float = 60.0) -> str:
    """What an attempt does: wait under a limit, and tell what ended the wait."""
    limit = watch.begin(silence=silence, total=total)
    try:
        await waiting.wait()
    except asyncio.CancelledError:
        if not limit.ended_it():
            raise
        return "late"
    finally:
        watch.end(limit)
    return "in time"


async def test_who_is_late_is_interrupted_and_the_others_are_not() -> None:
    watch, waiting = Watch(), asyncio.Event()
    slow = asyncio.create_task(held(watch, waiting))
    late = [asyncio.create_task(held(watch, asyncio.Event(), silence=limit)) for limit in (0.02, 0.01, 0.03)]
    assert await asyncio.gather(*late) == ["late"] * 3
    assert not slow.done()
    waiting.set()
    assert await slow == "in time"
    watch.close()


async def test_the_total_holds_however_often_something_is_heard() -> None:
    watch = Watch()
    limit: Limit | None = None

    async def chatty() -> str:
        nonlocal limit
        limit = watch.begin(silence=0.02, total=0.1)
        heard = 0
        try:
            while True:
                await asyncio.sleep(0.005)
                limit.heard()
                heard += 1
        except asyncio.CancelledError:
            if not limit.ended_it():
                raise
            return "late" if heard > 4 else "silent"
        finally:
            watch.end(limit)

    assert await chatty() == "late"
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
    limits: list[Limit] = []

    async def attempt() -> str:
        limits.append(watch.begin(silence=60.0, total=60.0))
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if not limits[0].ended_it():
                raise
        return "late"

    task = asyncio.create_task(attempt())
    await asyncio.sleep(0)
    # Both in one round of the event loop: the limit interrupts, and so does somebody else.
    limits[0].expire()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    watch.close()


async def test_a_time_out_around_it_still_works() -> None:
    watch = Watch()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await held(watch, asyncio.Event())
    assert await held(watch, asyncio.Event(), total=0.01) == "late"
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    watch.close()
