"""Runs cells of the fault matrix side by side: each a session that meets a fault over real sockets.

A cell has an emulator, a session and a key leak check of its own, and is told what it left behind. `run` adds a look at
what cells share: the output, the log, warnings and open files. If there is something amiss, each runs alone to name it.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import io
import logging
import pickle
import selectors
import socket
import ssl
import sys
import time
import traceback
import types
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from email.utils import formatdate
from functools import cache, partial
from pathlib import Path
from typing import Any

import aiohttp
import attrs
import trustme
from fault_calls import (
    FINE,
    PEOPLE,
    Column,
    Ended,
    Sent,
    Session,
    Truth,
    identity,
    leave_connection,
    listing,
    make_call,
    requests_of,
    unproven,
    untruths,
)
from fault_proxy import FaultProxy
from fault_rows import Mode, Row, Way

import walead_async
from walead_async import AsyncSession, RetryPolicy, Timeouts, VoiceAgentSession
from walead_async.events import RequestSent
from walead_async.testing import Emulator, Settings

#: A key that is easily found wherever it should not be.
KEY = "wk_the_key_of_the_matrix"
PACKAGE = str(Path(walead_async.__file__).parent)
DESCRIPTORS = Path("/dev/fd")
#: Seconds without any event on any socket, after which nothing but the clock can go on.
IDLE = 0.01
#: Longer than any call may take, in seconds.
NEVER = 86_400.0
#: More awaits than any of the calls has.
MANY = 1_000


@attrs.frozen
class Cell:
    """What was seen of a cell: its end in words, and whatever was wrong besides."""

    words: str
    problems: list[str]


#: What happens in a cell: it ends in words, and with what was wrong besides.
Scenario = Callable[[Row, Column, Mode], Awaitable[tuple[str, list[str]]]]


def run(row: Row, cells: Sequence[tuple[Column, Mode]], scenario: Scenario | None = None) -> list[Cell]:
    """Run the cells of a row, side by side unless they have to be alone; by default each meets the row's fault."""
    happens = scenario or SCENARIOS.get(row.name, meet_fault)
    if row.alone and len(cells) > 1:
        return [one for cell in cells for one in run(row, [cell], happens)]
    problems: list[str] = []
    with _shared_watched(problems), asyncio.Runner(loop_factory=SkippingLoop) as runner:
        found = runner.run(_side_by_side(row, cells, happens))
    if not problems:
        return found
    if len(cells) == 1:
        return [Cell(found[0].words, found[0].problems + problems)]
    alone = [one for cell in cells for one in run(row, [cell], happens)]
    if any(one.problems for one in alone):
        return alone
    return [Cell(one.words, [f"beside others: {problem}" for problem in problems]) for one in alone]


async def _side_by_side(row: Row, cells: Sequence[tuple[Column, Mode]], scenario: Scenario) -> list[Cell]:
    async def run_one(column: Column, mode: Mode) -> Cell:
        left = Left()
        _left.set(left)
        try:
            async with asyncio.timeout(NEVER):
                words, problems = await scenario(row, column, mode)
        except (Exception, asyncio.CancelledError) as error:
            words, problems = f"{type(error).__name__} came out", [traceback.format_exc()]
        return Cell(words, problems + await left.behind())

    asyncio.get_running_loop().set_task_factory(_noted_task)
    return await asyncio.gather(*(run_one(column, mode) for column, mode in cells))


class SkippingLoop(asyncio.SelectorEventLoop):
    """An event loop that does not sleep: if nothing happens on any socket, its clock goes on to the next timer."""

    ahead = 0.0

    def __init__(self) -> None:
        super().__init__(_ImpatientSelector(self))

    def time(self) -> float:
        """The clock, and what it was put forward."""
        return super().time() + self.ahead

    def run_in_executor(self, *_: object) -> Any:
        """Not here: while a thread works, nothing happens on any socket."""
        raise AssertionError("a cell runs in one thread, and asks no name server")


class _ImpatientSelector(selectors.DefaultSelector):
    def __init__(self, loop: SkippingLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What happened; what would be waited for longer than a moment is taken as waited for."""
        if timeout is None or timeout <= IDLE:
            return super().select(timeout)
        events: list[tuple[selectors.SelectorKey, int]] = super().select(IDLE)
        if not events:
            self._loop.ahead += timeout - IDLE
        return events


@attrs.define
class Left:
    """The tasks and sockets that a cell started, and with them all that these started."""

    tasks: list[asyncio.Future[Any]] = attrs.Factory(list)
    sockets: list[socket.socket] = attrs.Factory(list)

    async def behind(self) -> list[str]:
        """Those that are still there; to be asked once the session and the emulator are closed."""
        await asyncio.sleep(0)
        tasks = [task for task in self.tasks if not task.done() and task is not asyncio.current_task()]
        sockets = [one for one in self.sockets if one.fileno() != -1]
        self.tasks, self.sockets = [], []
        return [f"a task was left: {task}" for task in tasks] + [f"a socket was left open: {one}" for one in sockets]


#: Of the cell to which the running code belongs: whatever a cell starts has the context that it was started in.
_left: ContextVar[Left | None] = ContextVar("left", default=None)


def _noted_task(loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> asyncio.Future[Any]:
    task: asyncio.Task[Any] = asyncio.Task(coro, loop=loop, **options)
    if (left := _left.get()) is not None:
        left.tasks.append(task)
    return task


def _note_socket(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.__new__" and (left := _left.get()) is not None:
        left.sockets.append(arguments[0])


sys.addaudithook(_note_socket)


@contextlib.contextmanager
def _shared_watched(problems: list[str]) -> Iterator[None]:
    """Look at what cells share: no key in the output or the log, no warning, no failure unseen, no file left open."""
    output, root, before = io.StringIO(), logging.getLogger(), _descriptors()
    handlers, level = root.handlers, root.level
    root.handlers = [logging.StreamHandler(output)]
    root.setLevel(logging.DEBUG)
    try:
        with (
            warnings.catch_warnings(record=True) as warned,
            contextlib.redirect_stdout(output),
            contextlib.redirect_stderr(output),
        ):
            warnings.simplefilter("always")
            yield
            gc.collect()
    finally:
        root.handlers = handlers
        root.setLevel(level)
    lines = output.getvalue().splitlines()
    if any(KEY in line for line in lines):
        problems.append("the key was logged or printed")
    problems += [line for line in lines if "never retrieved" in line]
    problems += [f"warned: {warning.message}" for warning in warned]
    if (left := _descriptors() - before) > 0:
        problems.append(f"{left} sockets or files were left open")


def _descriptors() -> int:
    return sum(1 for _ in DESCRIPTORS.iterdir()) if DESCRIPTORS.exists() else 0


@attrs.frozen
class Stage:
    """An open session on an emulator that has the fault of a row set up, perhaps with a proxy between them."""

    session: Session
    truth: Truth
    proxy: FaultProxy | None

    def sent(self) -> list[Sent]:
        """What was sent so far."""
        if self.proxy is None:
            return requests_of(self.truth.emulator)
        return [Sent(one.method, one.body, one.status, one.arrived and one.status == 200) for one in self.proxy.seen]

    def wrong(self, ended: Ended) -> list[str]:
        """What must not be, however a call ended: an unblock without proof, an untruth, the key in an error."""
        return self.unproven() + untruths(self.truth, ended) + shown(ended)

    def unproven(self) -> list[str]:
        """Unblocks that were sent again without proof that the first did nothing."""
        return unproven(self.sent(), late=self.truth.emulator.settings.stale > 0)

    def unplayed(self) -> list[str]:
        """What was set up, and never met."""
        emulator, proxy = self.truth.emulator, self.proxy
        scripted: list[object] = [*emulator.unfired_faults(), *emulator.drifts.unfired()]
        if proxy and proxy.fault and not proxy.played:
            scripted.append(proxy.fault.name)
        return [f"{one} was never played" for one in scripted]


@contextlib.asynccontextmanager
async def stage(
    row: Row, column: Column, mode: Mode, hook: Callable[[object], object] = lambda event: None
) -> AsyncIterator[Stage]:
    """Set up the fault of a row for a call, and open a session for it."""
    settings = Settings(**{"page_size": 5, **row.settings})  # type: ignore[arg-type]
    async with contextlib.AsyncExitStack() as stack:
        prompt = attrs.evolve(settings, stale=0.0)
        emulator = await stack.enter_async_context(Emulator(settings=prompt, api_key=KEY, uid="u-1"))
        truth = Truth(emulator, column)
        await truth.prepare()
        emulator.settings = settings
        method, number = met_by(row, column, mode)
        if row.fault:
            fault = row.fault.format(soon=formatdate(time.time() + 5, usegmt=True))
            when = f"{method}#{number}:" if number else f"{method}:" if method else ""
            emulator.faults.add(when + fault)
            if row.then:
                emulator.faults.add(f"{method}#{(number or 0) + 1}-:{row.then}")
        if row.drift:
            emulator.drifts.add(row.drift)
        url = emulator.phonely_url if column.of_agents else emulator.walead_url
        http: aiohttp.ClientSession | None = None
        proxy: FaultProxy | None = None
        if row.wire or row.way is Way.CERTIFICATE:
            trust = _server_context() if row.way else None
            chooses = partial(_is_met, method, number)
            proxy = FaultProxy(emulator.port, row.wire, chooses, trust=trust)
            await stack.enter_async_context(proxy)
            url = proxy.in_front_of(url)
        elif row.way is Way.REFUSED:
            url = nowhere()
        elif row.way in RESOLVERS:
            url = "https://walead.example/api"
            connector = aiohttp.TCPConnector(resolver=RESOLVERS[row.way]())
            http = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        session = open_session(url, row, column, http, hook)
        await stack.enter_async_context(session)
        yield Stage(session, truth, proxy)


def open_session(
    url: str,
    row: Row,
    column: Column,
    http: aiohttp.ClientSession | None = None,
    hook: Callable[[object], object] = lambda event: None,
    key: str | Callable[[], str] = KEY,
) -> Session:
    """A session for the calls of a column."""
    retry = RetryPolicy(attempts=3, wait_initial=0.0, deadline=row.deadline)
    timeouts = Timeouts(connect=5.0, read=10.0, total=20.0)
    if column.of_agents:
        return VoiceAgentSession(key, uid="u-1", base_url=url, retry=retry, timeouts=timeouts, http=http, hooks=[hook])
    return AsyncSession(key, base_url=url, retry=retry, timeouts=timeouts, http=http, hooks=[hook])


def met_by(row: Row, column: Column, mode: Mode) -> tuple[str | None, int | None]:
    """The method and the number of the request that meets the fault; None is any.

    In a list of pages it is a later page that fails: reading has begun, and its overlap is known. While the length of
    a page is learned, or read ahead, a request may be for a page that is dropped anyway.
    """
    if mode is Mode.DOWN:
        return None, None
    if mode is Mode.ALWAYS:
        return column.method, None
    number = {Column.LIST: 2 if row.window > 1 else 5, Column.CAMPAIGN_LIST: 2}.get(column, 1)
    # The request that left a connection open was a read.
    return column.method, number + (row.kept and column.method == "GET")


def _is_met(method: str | None, number: int | None, of: str, nth: int) -> bool:
    return method in (None, of) and number in (None, nth)


def shown(ended: Ended) -> list[str]:
    """Where the key can be seen in an end: its texts, its frames with their locals, its pickle."""
    if ended.error is None:
        return []
    told = [repr(ended.error), str(ended.error), repr(ended.error.args), repr(vars(ended.error)), repr(ended.report)]
    error: BaseException | None = ended.error
    while error is not None:
        frames = traceback.TracebackException.from_exception(error, capture_locals=True).stack
        told += [str(frame.locals) for frame in frames if frame.filename.startswith(PACKAGE)]
        error = error.__cause__ or error.__context__
    halves = KEY[: len(KEY) // 2], KEY[len(KEY) // 2 :]
    problems = ["the key was in an error"] if any(half in text for text in told for half in halves) else []
    if KEY.encode() in pickle.dumps(ended.error):
        problems.append("the key was in a pickled error")
    return problems


class EmptyResolver(aiohttp.abc.AbstractResolver):
    """A resolver that knows no name."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[aiohttp.abc.ResolveResult]:
        raise OSError(None, "no such host")

    async def close(self) -> None:
        """Nothing to close."""


class BrokenResolver(EmptyResolver):
    """A resolver whose author made a mistake."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[aiohttp.abc.ResolveResult]:
        raise TypeError("resolve() takes 2 positional arguments")


RESOLVERS: dict[Way | None, type[EmptyResolver]] = {Way.UNRESOLVED: EmptyResolver, Way.BROKEN: BrokenResolver}


def nowhere() -> str:
    """An address at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/api"


@cache
def _server_context() -> ssl.SSLContext:
    """A certificate by an authority that nobody trusts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    return context


async def meet_fault(row: Row, column: Column, mode: Mode) -> tuple[str, list[str]]:
    """Make a call that meets the fault: what most rows do."""
    events: list[object] = []
    async with stage(row, column, mode, events.append) as on:
        if row.kept:
            await leave_connection(on.session)
        ended = await make_call(on.session, on.truth, 500 if mode is Mode.ONCE else 3, row.window)
        believed = mode is not Mode.ONCE and column in row.believed
        problems = on.unproven() + shown(ended) if believed else on.wrong(ended)
        if KEY in repr(events):
            problems.append("the key was in an event")
        problems += on.unplayed()
    return ended.words, problems


async def cancelled_at_every_await(row: Row, column: Column, mode: Mode) -> tuple[str, list[str]]:
    """The call is cancelled at its first await, then anew at its second, and so on until it ends before that."""
    left = _left.get()
    assert left is not None
    problems: list[str] = []
    for at in range(MANY):
        words: str | None = None
        async with stage(row, column, mode) as on:
            call = asyncio.ensure_future(_cancelling(make_call(on.session, on.truth, batch_size=3), at))
            try:
                ended = await call
            except asyncio.CancelledError:
                problems += on.unproven()
                await read_something(on.session, column)
            else:
                words = ended.words
                problems += untruths(on.truth, ended)
        problems += await left.behind()
        if words is not None:
            return words, problems
    return "never ended", problems


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


async def read_something(session: Session, column: Column) -> None:
    """The session must be as good as new."""
    await listing(session, Column.AGENT_LIST if column.of_agents else Column.LIST).first()


async def event_loop_closed(row: Row, column: Column, mode: Mode) -> tuple[str, list[str]]:
    """The session was used in an event loop that is closed now, and is used in another one."""
    truth = Truth(Emulator(), column, PEOPLE)

    def use_in_another_loop() -> Session:
        with asyncio.Runner() as runner:
            session = open_session(nowhere(), row, column)
            runner.run(make_call(session, truth))
            return session

    with ThreadPoolExecutor(1) as thread:
        session = thread.submit(use_in_another_loop).result()
    ended = await make_call(session, truth)
    await session.aclose()
    return ended.words, shown(ended)


async def closed_while_in_use(row: Row, column: Column, mode: Mode) -> tuple[str, list[str]]:
    """The session is closed while the request that matters waits for its answer."""
    async with stage(attrs.evolve(row, fault="hang"), column, Mode.ALWAYS) as on:
        call = asyncio.ensure_future(make_call(on.session, on.truth))
        while not any(request.method == column.method for request in on.sent()):  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.001)
        await on.session.aclose()
        ended = await call
        problems = on.wrong(ended)
    return ended.words, problems


async def left_by_break(row: Row, column: Column, mode: Mode) -> tuple[str, list[str]]:
    """A loop is left at its first record, and its requests ahead with it."""
    words = "nothing was read"
    async with stage(row, column, mode) as on:
        async for record in listing(on.session, column):
            words = FINE if identity(record) == on.truth.before[0] else "another record"
            break
        await read_something(on.session, column)
        asked = len(on.sent())
        await read_something(on.session, column)
        problems = [] if len(on.sent()) == asked + 1 else ["requests went out after the loop was left"]
    return words, problems


async def two_loops(row: Row, column: Column, mode: Mode) -> tuple[str, list[str]]:
    """Two loops over one listing, a record of each in turn."""
    async with stage(row, column, mode) as on:
        one = listing(on.session, column)
        loops = [aiter(one), aiter(one)]
        read: list[list[object]] = [[], []]
        while loops:
            for loop, records in zip(list(loops), read, strict=False):
                try:
                    records.append(identity(await anext(loop)))
                except StopAsyncIteration:
                    loops.remove(loop)
        words = FINE if read == [on.truth.before] * 2 else "the loops disturbed each other"
    return words, []


async def clock_steps(row: Row, column: Column, mode: Mode) -> tuple[str, list[str]]:
    """The clock of the event loop goes an hour ahead as the request that matters goes out."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SkippingLoop)
    stepped = False

    def hook(event: object) -> None:
        nonlocal stepped
        if isinstance(event, RequestSent) and event.method == column.method and not stepped:
            stepped = True
            loop.ahead += 3600.0

    async with stage(row, column, mode, hook) as on:
        ended = await make_call(on.session, on.truth)
        problems = on.wrong(ended)
    return ended.words, problems


async def answer_unasked(row: Row, column: Column, mode: Mode) -> tuple[str, list[str]]:
    """An earlier answer came twice: the second one waits on the connection that was kept."""
    async with stage(attrs.evolve(row, fault=None), column, mode) as on:
        on.truth.emulator.faults.add(f"GET#1:{row.fault}")
        await leave_connection(on.session)
        await asyncio.sleep(1)
        ended = await make_call(on.session, on.truth)
        problems = on.wrong(ended) + on.unplayed()
    return ended.words, problems


async def key_rotated(row: Row, column: Column, mode: Mode) -> tuple[str, list[str]]:
    """The key, which is a function, changes as the request that matters goes out with the old one."""
    keys = [KEY]

    async with stage(row, column, mode) as on:
        emulator = on.truth.emulator

        def hook(event: object) -> None:
            if isinstance(event, RequestSent) and event.method == column.method and len(keys) == 1:
                emulator.api_key = KEY[::-1]
                keys.append(emulator.api_key)

        url = emulator.phonely_url if column.of_agents else emulator.walead_url
        async with open_session(url, row, column, None, hook, key=lambda: keys[-1]) as session:
            ended = await make_call(session, on.truth)
        problems = on.wrong(ended)
    return ended.words, problems


#: The rows in which it is the calling program that misbehaves, or its clock, or what an earlier request left.
SCENARIOS = {
    "an answer that nobody asked for": answer_unasked,
    "a key that is rotated": key_rotated,
    "cancelled at every await": cancelled_at_every_await,
    "event loop closed": event_loop_closed,
    "session closed while in use": closed_while_in_use,
    "break in a loop": left_by_break,
    "two loops over one listing": two_loops,
    "clock steps": clock_steps,
}
