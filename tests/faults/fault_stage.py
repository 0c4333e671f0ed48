"""What a cell of the fault matrix needs around it: an emulator with the fault set up, a session on it, and a watch."""

from __future__ import annotations

import contextlib
import gc
import io
import logging
import pickle
import socket
import ssl
import traceback
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from functools import cache
from pathlib import Path
from time import time

import aiohttp
import attrs
import trustme
from fault_calls import Column, Ended, Sent, Session, Truth, prepare
from fault_proxy import FaultProxy
from fault_table import Mode, Play, Way

import walead_async
from walead_async import AsyncSession, RetryPolicy, Timeouts, VoiceAgentSession
from walead_async.testing import Emulator, Fault, Settings
from walead_async.testing.faults import Effect

#: A key that is easily found wherever it should not be.
KEY = "wk_the_key_of_the_matrix"
QUICK = RetryPolicy(attempts=3, wait_initial=0.0, deadline=20.0)
PATIENT = Timeouts(connect=5.0, read=10.0, total=20.0)
#: Where nothing arrives, few attempts with short limits say as much as many.
IMPATIENT = Timeouts(connect=1.0, read=0.25, total=0.4)
PACKAGE = str(Path(walead_async.__file__).parent)
DESCRIPTORS = Path("/dev/fd")


@attrs.define
class Watched:
    """What a cell left behind, once it is over."""

    problems: list[str] = attrs.Factory(list)


@contextlib.contextmanager
def watched() -> Iterator[Watched]:
    """Catch all output, logs, warnings and descriptors of a cell."""
    seen, output, records = Watched(), io.StringIO(), io.StringIO()
    handler = logging.StreamHandler(records)
    root = logging.getLogger()
    level = root.level
    before = _descriptors()
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with (
            warnings.catch_warnings(record=True) as warned,
            contextlib.redirect_stdout(output),
            contextlib.redirect_stderr(output),
        ):
            warnings.simplefilter("always")
            yield seen
            gc.collect()
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    logged = records.getvalue()
    if KEY in logged or KEY in output.getvalue():
        seen.problems.append("the key was logged or printed")
    seen.problems += [f"warned: {warning.message}" for warning in warned]
    seen.problems += [line for line in logged.splitlines() if "never retrieved" in line]
    if (left := _descriptors() - before) > 0:
        seen.problems.append(f"{left} sockets or files were left open")


def _descriptors() -> int:
    return sum(1 for _ in DESCRIPTORS.iterdir()) if DESCRIPTORS.exists() else 0


@contextlib.asynccontextmanager
async def stage(
    play: Play, column: Column, mode: Mode, hook: Callable[[object], object]
) -> AsyncIterator[tuple[Session, Truth, Callable[[], list[Sent]], Callable[[], list[str]]]]:
    """An emulator with the fault set up, an open session on it, and views: of what was sent, of what was not played."""
    settings = Settings(**{"page_size": 5, **play.settings})  # type: ignore[arg-type]
    async with contextlib.AsyncExitStack() as stack:
        emulator = await stack.enter_async_context(Emulator(settings=settings, api_key=KEY, uid="u-1"))
        truth = prepare(emulator, column)
        if play.fault:
            emulator.faults.add(*faults_of(play, column, mode))
        if play.drift:
            emulator.drifts.add(play.drift)
        url = emulator.phonely_url if column.of_agents else emulator.walead_url
        http: aiohttp.ClientSession | None = None
        proxy: FaultProxy | None = None
        if play.wire or play.way is Way.CERTIFICATE:
            trust = _server_context() if play.way else None
            proxy = await stack.enter_async_context(
                FaultProxy(emulator.port, play.wire, _chooser(play, column, mode), trust=trust)
            )
            url = proxy.in_front_of(url)
        elif play.way is Way.REFUSED:
            url = f"http://127.0.0.1:{free_port()}/api"
        elif play.way is Way.UNRESOLVED:
            url = "https://walead.example/api"
            connector = aiohttp.TCPConnector(resolver=Nowhere())
            http = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        session: Session = open_session(url, column, play, http=http, hook=hook)
        await stack.enter_async_context(session)

        def sent() -> list[Sent]:
            if proxy is None:
                return requests_of(emulator)
            return [Sent(one.method, one.body, one.status, one.status == 200) for one in proxy.seen]

        def unplayed() -> list[str]:
            scripted = [*emulator.unfired_faults(), *emulator.drifts.unfired()]
            on_the_wire = [play.wire.name] if play.wire and proxy and not proxy.played else []
            return [f"{one} was never played" for one in (*scripted, *on_the_wire)]

        yield session, truth, sent, unplayed


def open_session(
    url: str, column: Column, play: Play, *, http: aiohttp.ClientSession | None, hook: Callable[[object], object]
) -> Session:
    """A session for the calls of a column."""
    retry = attrs.evolve(QUICK, deadline=play.deadline)
    timeouts = PATIENT
    if play.impatient:
        retry, timeouts = attrs.evolve(retry, attempts=2), IMPATIENT
    if column.of_agents:
        return VoiceAgentSession(KEY, uid="u-1", base_url=url, retry=retry, timeouts=timeouts, http=http, hooks=[hook])
    return AsyncSession(KEY, base_url=url, retry=retry, timeouts=timeouts, http=http, hooks=[hook])


def faults_of(play: Play, column: Column, mode: Mode) -> list[str]:
    """The faults for the emulator: on the request that matters, once or always, or on whatever is asked."""
    assert play.fault is not None
    fault = play.fault.replace("IN-A-SECOND", _in_a_second())
    if mode is Mode.DOWN:
        return [fault]
    if mode is Mode.ALWAYS:
        return [f"{column.method}:{fault}"]
    return [f"{column.method}#{_first(column, play.window)}:{fault}"]


def _first(column: Column, window: int) -> int:
    """In a list of pages it is a later page that fails: reading has begun, and its overlap is known.

    While the length of a page is learned, or read ahead, a request may be for a page that is dropped anyway.
    """
    if column is Column.LIST:
        return 2 if window > 1 else 5
    return 2 if column is Column.CAMPAIGN_LIST else 1


def _chooser(play: Play, column: Column, mode: Mode) -> Callable[[str, int], bool]:
    if mode is Mode.DOWN:
        return lambda method, number: True
    if mode is Mode.ALWAYS:
        return lambda method, number: method == column.method
    # The request that left the connection open was a read.
    nth = _first(column, play.window) + (play.kept and column.method == "GET")
    return lambda method, number: method == column.method and number == nth


def requests_of(emulator: Emulator) -> list[Sent]:
    """What arrived, and whether it was carried out."""
    return [
        Sent(
            logged.method,
            logged.body,
            logged.status,
            logged.status == 200
            if logged.fault is None
            else Fault.parse(logged.fault).kind.effect in {Effect.ONCE, Effect.TWICE},
        )
        for logged in emulator.requests
    ]


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
    problems = ["the key was in an error"] if any(KEY in text for text in told) else []
    if KEY.encode() in pickle.dumps(ended.error):
        problems.append("the key was in a pickled error")
    return problems


class Nowhere(aiohttp.abc.AbstractResolver):
    """A resolver that knows no name."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[aiohttp.abc.ResolveResult]:
        raise OSError(None, "no such host")

    async def close(self) -> None:
        """Nothing to close."""


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


@cache
def _server_context() -> ssl.SSLContext:
    """A certificate by an authority that nobody trusts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    return context


def _in_a_second() -> str:
    from email.utils import formatdate

    return formatdate(time() + 1, usegmt=True)
