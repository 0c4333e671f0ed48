"""The rows of the matrix in which it is the calling program that misbehaves, or its clock."""

from __future__ import annotations

import asyncio
import types
from collections.abc import Awaitable, Callable, Generator

from fault_calls import FINE, PEOPLE, Column, Ended, Session, Truth, identity, lies, listing, make_call, unproven
from fault_stage import free_port, open_session, shown, stage
from fault_table import Mode, Play

from walead_async.events import RequestSent
from walead_async.testing import Emulator

#: A scenario makes a call of a column, and returns its end in words and what was wrong besides.
Scenario = Callable[[Column], tuple[str, list[str]]]

QUIET = Play()
#: More awaits than any of the calls has.
MANY = 1_000


def cancelled_at_every_await(column: Column) -> tuple[str, list[str]]:
    """The call is cancelled at its first await, then anew at its second, and so on until it ends before that."""
    problems: list[str] = []
    for at in range(MANY):
        with asyncio.Runner() as runner:
            words, found = runner.run(_cancelled(column, at))
        problems += found
        if words is not None:
            return words, problems
    return "never ended", problems


async def _cancelled(column: Column, at: int) -> tuple[str | None, list[str]]:
    """The end of the call, None if it was cancelled before it."""
    words: str | None = None
    problems: list[str] = []
    async with stage(QUIET, column, Mode.ONCE, _deaf) as (session, truth, sent, _):
        call = asyncio.ensure_future(_cancelling(make_call(session, truth, batch_size=3), at))
        try:
            ended = await call
        except asyncio.CancelledError:
            problems += unproven(sent())
            await make_call_again(session, column)
        else:
            words = ended.words
            problems += lies(truth, ended)
    return words, problems + await left_over()


@types.coroutine
def _cancelling(call: Awaitable[Ended], at: int) -> Generator[object, object, Ended]:
    """Await a call, and cancel the task that does so at the await of this number, from 0."""
    steps = call.__await__()
    try:
        waited: object = steps.send(None)
        for number in range(MANY):
            if number == at:
                task = asyncio.current_task()
                assert task is not None
                task.cancel()
            try:
                got = yield waited
            except BaseException as error:
                waited = steps.throw(error)
            else:
                waited = steps.send(got)
    except StopIteration as done:
        ended: Ended = done.value
        return ended
    raise AssertionError("more awaits than were thought possible")


async def make_call_again(session: Session, column: Column) -> None:
    """The session must be as good as new."""
    reads = {True: Column.AGENT_LIST, False: Column.LIST}
    await listing(session, reads[column.of_agents]).first()


def event_loop_closed(column: Column) -> tuple[str, list[str]]:
    """The session was used in an event loop that is closed now, and is used in another one."""
    nowhere = f"http://127.0.0.1:{free_port()}/api"
    truth = Truth(Emulator(), column, [], PEOPLE)
    with asyncio.Runner() as first:
        session = open_session(nowhere, column, QUIET, http=None, hook=_deaf)
        first.run(make_call(session, truth, batch_size=500))
    with asyncio.Runner() as second:
        ended = second.run(make_call(session, truth, batch_size=500))
        second.run(session.aclose())
    return ended.words, shown(ended)


def closed_while_in_use(column: Column) -> tuple[str, list[str]]:
    """The session is closed while the request that matters waits for its answer."""
    with asyncio.Runner() as runner:
        return runner.run(_closed_while_in_use(column))


async def _closed_while_in_use(column: Column) -> tuple[str, list[str]]:
    arrived = asyncio.Event()

    def hook(event: object) -> None:
        if isinstance(event, RequestSent) and event.method == column.method:
            arrived.set()

    async with stage(Play(fault="hang"), column, Mode.ALWAYS, hook) as (session, truth, sent, _):
        call = asyncio.ensure_future(make_call(session, truth, batch_size=500))
        await arrived.wait()
        while not any(request.method == column.method for request in sent()):  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.001)
        await session.aclose()
        ended = await call
        problems = lies(truth, ended) + unproven(sent()) + shown(ended)
    return ended.words, problems + await left_over()


def left_by_break(column: Column) -> tuple[str, list[str]]:
    """A loop is left at its first record, and its requests ahead with it."""
    with asyncio.Runner() as runner:
        return runner.run(_left_by_break(column))


async def _left_by_break(column: Column) -> tuple[str, list[str]]:
    words = "nothing was read"
    async with stage(QUIET, column, Mode.ONCE, _deaf) as (session, truth, sent, _):
        async for record in listing(session, column):
            words = FINE if identity(record) == truth.before[0] else "another record"
            break
        await make_call_again(session, column)
        asked = len(sent())
        await make_call_again(session, column)
        problems = [] if len(sent()) == asked + 1 else ["requests went out after the loop was left"]
    return words, problems + await left_over()


def two_loops(column: Column) -> tuple[str, list[str]]:
    """Two loops over one listing, a record of each in turn."""
    with asyncio.Runner() as runner:
        return runner.run(_two_loops(column))


async def _two_loops(column: Column) -> tuple[str, list[str]]:
    async with stage(QUIET, column, Mode.ONCE, _deaf) as (session, truth, *_):
        one = listing(session, column)
        loops = [aiter(one), aiter(one)]
        read: list[list[object]] = [[], []]
        while loops:
            for loop, records in zip(list(loops), read, strict=False):
                try:
                    records.append(identity(await anext(loop)))
                except StopAsyncIteration:
                    loops.remove(loop)
        words = FINE if read == [truth.before] * 2 else "the loops disturbed each other"
    return words, await left_over()


def clock_steps(column: Column) -> tuple[str, list[str]]:
    """The clock of the event loop goes an hour ahead as the request that matters goes out."""
    with asyncio.Runner(loop_factory=SteppingLoop) as runner:
        return runner.run(_clock_steps(column))


class SteppingLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock can be put forward."""

    ahead = 0.0

    def time(self) -> float:
        """The clock, and what it was put forward."""
        return super().time() + self.ahead


async def _clock_steps(column: Column) -> tuple[str, list[str]]:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SteppingLoop)

    def hook(event: object) -> None:
        if isinstance(event, RequestSent) and event.method == column.method and not loop.ahead:
            loop.ahead = 3600.0

    async with stage(QUIET, column, Mode.ONCE, hook) as (session, truth, sent, _):
        ended = await make_call(session, truth, batch_size=500)
        problems = lies(truth, ended) + unproven(sent()) + shown(ended)
    return ended.words, problems + await left_over()


async def left_over() -> list[str]:
    """The tasks that a call left behind, after its session and its emulator were closed."""
    await asyncio.sleep(0)
    left = asyncio.all_tasks() - {asyncio.current_task()}
    return [f"a task was left: {task.get_name()}" for task in left]


def _deaf(event: object) -> None:
    """A hook that does nothing."""


SCENARIOS: dict[str, Scenario] = {
    "cancelled": cancelled_at_every_await,
    "loop closed": event_loop_closed,
    "closed": closed_while_in_use,
    "break": left_by_break,
    "two loops": two_loops,
    "clock": clock_steps,
}
