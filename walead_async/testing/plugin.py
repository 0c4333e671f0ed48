"""What the pytest plugin does: it stages an emulator for one test, by the test's markers, and opens sessions on it."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import threading
from collections import Counter
from concurrent.futures import Future
from typing import TYPE_CHECKING, TypeVar

import attrs
import pytest

from walead_async import AsyncSession, RetryPolicy, SessionClosedError, VoiceAgentSession
from walead_async.testing import BadSetting, Drift, Emulator, Fault, Settings

try:
    from pytest_asyncio import is_async_test
except ImportError:
    is_async_test = None  # type: ignore[assignment]  # the plugin works without it, but for sessions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Hooks = Sequence[Callable[[object], object]]

__all__ = ["Stage", "explain", "opened", "phonely_session", "staged", "walead_session"]

SessionT = TypeVar("SessionT", AsyncSession, VoiceAgentSession)

#: Retries as ever, but without pauses of its own; a Retry-After is honoured.
AT_ONCE = RetryPolicy(wait_initial=0.0)
OPTIONS = ("leads", "seed", "settings")

ONE_LOOP = (
    "A session belongs to the event loop that used it first, and this test and its async fixtures run in several. "
    "Set asyncio_default_fixture_loop_scope and asyncio_default_test_loop_scope to the same scope, or give the fixture "
    "and the test the same loop_scope."
)


@attrs.frozen
class Stage:
    """The emulator of one test, and what is wrong with the markers that set it up, if anything is."""

    emulator: Emulator
    problem: str | None = None

    def check_script(self) -> None:
        """Fail the test if its markers cannot be followed."""
        if self.problem is not None:
            pytest.fail(self.problem, pytrace=False)

    def check_played(self) -> None:
        """Fail the test if a fault or a drift was never played: then it did not test what it says."""
        unfired = [*self.emulator.unfired_faults(), *self.emulator.drifts.unfired()]
        if unfired:
            names = ", ".join(repr(str(one)) for one in unfired)
            pytest.fail(f"never played: {names}. The emulator got {_arrived(self.emulator)}", pytrace=False)


def explain(error: BaseException) -> None:
    """Say what to set, if this is the error of a session that two event loops used."""
    if isinstance(error, SessionClosedError) and "another event loop" in str(error):
        error.add_note(ONE_LOOP)


@contextlib.contextmanager
def staged(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """Serve an emulator for the test of this request, as its markers ask.

    A thread with a loop of its own serves it. So it answers whatever waits for it: a test or a fixture in any of
    pytest-asyncio's loops, or a test that blocks until its program has ended.
    """
    stage = _stage(request.node)
    with _served_by_thread(stage.emulator):
        yield stage


@contextlib.contextmanager
def opened(request: pytest.FixtureRequest, session_with: Callable[[Hooks], SessionT]) -> Iterator[SessionT]:
    """Give the test a session, and close it in the event loop that used it. Fails a test that has no loop."""
    loop = _loop(request)
    if loop is None:
        pytest.fail(_why_no_loop(request), pytrace=False)
    used: list[asyncio.AbstractEventLoop] = []

    def notice(_: object) -> None:
        if not used:
            used.append(asyncio.get_running_loop())

    session = session_with([notice])
    try:
        yield session
    finally:
        (used or [loop])[0].run_until_complete(session.aclose())


def walead_session(emulator: Emulator, hooks: Hooks) -> AsyncSession:
    """A session on the emulator's WaLead."""
    return AsyncSession(emulator.api_key, base_url=emulator.walead_url, retry=AT_ONCE, hooks=hooks)


def phonely_session(emulator: Emulator, hooks: Hooks) -> VoiceAgentSession:
    """A session on the emulator's Phonely."""
    key, url = emulator.api_key, emulator.phonely_url
    return VoiceAgentSession(key, uid=emulator.uid, base_url=url, retry=AT_ONCE, hooks=hooks)


def _stage(item: pytest.Item) -> Stage:
    """The emulator that the test's markers ask for; a bare one, and the reason, if they cannot be followed."""
    try:
        leads, seed, settings = _options(item)
        faults = _named(item, "walead_faults", Fault, Fault.parse)
        drifts = _named(item, "walead_drifts", Drift, Drift.parse)
        return Stage(Emulator(leads=leads, seed=seed, settings=settings, faults=faults, drifts=drifts))
    except BadSetting as error:
        return Stage(Emulator(), str(error))


def _options(item: pytest.Item) -> tuple[int, int, Settings]:
    """What the markers `walead_emulator` say; for each option the closest one counts."""
    given: dict[str, object] = {"leads": 0, "seed": 0, "settings": Settings()}
    for mark in reversed(list(item.iter_markers("walead_emulator"))):
        wrong = [*map(repr, mark.args), *(name for name in mark.kwargs if name not in OPTIONS)]
        if wrong:
            raise BadSetting(f"the marker walead_emulator takes {', '.join(OPTIONS)} by name, not {wrong[0]}")
        given |= mark.kwargs
    leads, seed, settings = (given[name] for name in OPTIONS)
    if not isinstance(settings, Settings):
        raise BadSetting(f"settings takes a walead_async.testing.Settings, not {settings!r}")
    # `Emulator` says what is wrong with a number.
    return leads, seed, settings  # type: ignore[return-value]


What = TypeVar("What", Fault, Drift)


def _named(item: pytest.Item, marker: str, kind: type[What], parse: Callable[[str], What]) -> list[What]:
    """The faults or drifts that all markers of a name give, the closest first, as values."""
    found: list[What] = []
    for mark in item.iter_markers(marker):
        if mark.kwargs or not mark.args:
            raise BadSetting(f"the marker {marker} takes one or more texts, such as {marker}({_EXAMPLES[marker]!r})")
        for one in mark.args:
            if not isinstance(one, str | kind):
                raise BadSetting(f"the marker {marker} takes texts or a {kind.__name__}, not {one!r}")
            found.append(parse(one) if isinstance(one, str) else one)
    return found


_EXAMPLES = {"walead_faults": "DELETE#3:apply-then-close", "walead_drifts": "remove-random=2"}


def _loop(request: pytest.FixtureRequest) -> asyncio.AbstractEventLoop | None:
    """The event loop that pytest-asyncio runs this test in; None if it runs it not."""
    if is_async_test is None or not is_async_test(request.node):
        return None
    mark = request.node.get_closest_marker("asyncio")
    asked = mark.kwargs.get("loop_scope") or mark.kwargs.get("scope") if mark else None
    scope = asked or request.config.getini("asyncio_default_test_loop_scope")
    # A fixture may use the session in a loop that ends with the test. Begun here, it ends after the session is closed.
    for brief in ("class", "function"):
        request.getfixturevalue(f"_walead_{brief}_loop")
    loop = request.getfixturevalue(f"_walead_{scope}_loop")
    assert isinstance(loop, asyncio.AbstractEventLoop)
    return loop


def _why_no_loop(request: pytest.FixtureRequest) -> str:
    name = request.fixturename
    if is_async_test is None:
        return f"{name} needs pytest-asyncio: pip install 'walead_async[testing]'"
    if inspect.iscoroutinefunction(getattr(request.node, "obj", None)):
        return f"{name} needs a test that pytest-asyncio runs: mark it with @pytest.mark.asyncio, or set its auto mode"
    return (
        f"{name} is for async tests, and this is a plain one: make it `async def`, or let its program open a session "
        "of its own with the address and the key of walead_emulator"
    )


@contextlib.contextmanager
def _served_by_thread(emulator: Emulator) -> Iterator[None]:
    started: Future[Callable[[], object]] = Future()

    async def serve() -> None:
        end = asyncio.Event()
        loop = asyncio.get_running_loop()
        async with emulator:
            started.set_result(lambda: loop.call_soon_threadsafe(end.set))
            await end.wait()

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:
            if started.done():
                raise
            started.set_exception(error)

    # A daemon, so that a run which breaks off before its teardown ends all the same.
    thread = threading.Thread(target=run, name="walead_emulator", daemon=True)
    thread.start()
    try:
        stop = started.result()
        try:
            yield
        finally:
            stop()
    finally:
        thread.join()


def _arrived(emulator: Emulator) -> str:
    """The requests that did arrive, in words."""
    counts = Counter(f"{request.method} {request.path}" for request in emulator.requests)
    return ", ".join(f"{count} {what}" for what, count in counts.items()) or "no request"
