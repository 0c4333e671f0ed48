"""The pytest plugin: an emulator for each test that asks for one, sessions on it, and markers that script it.

pytest loads this module into every run in an environment that has the package. So it imports at its top only what
pytest itself has loaded; the emulator and the client come with the first test that asks for them.
"""

from __future__ import annotations

import contextlib
import inspect
import threading
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import pytest

try:
    import pytest_asyncio
except ImportError:
    # Emulators are served without it; what a session needs, its own fixture says.
    pytest_asyncio = None  # type: ignore[assignment]  # there is no other name for what is missing

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Generator, Iterator
    from typing import Any, Literal

    from walead_async import AsyncSession, VoiceAgentSession
    from walead_async.testing import Emulator

    LoopScope = Literal["function", "class", "module", "package", "session"]

__all__ = ["phonely_emulator", "phonely_session", "walead_emulator", "walead_session"]

MARKERS = {
    "walead_faults": "(*faults): faults that the emulator of this test plays, such as 'DELETE#3:apply-then-close'",
    "walead_drifts": "(*drifts): changes that others make to its list meanwhile, such as 'remove-random=2'",
    "walead_emulator": "(leads=0, seed=0, settings=None): what the emulator of this test begins with",
}
EXAMPLES = {"walead_faults": "DELETE#3:apply-then-close", "walead_drifts": "remove-random=2"}
OPTIONS = ("leads", "seed", "settings")

ONE_LOOP = (
    "A session belongs to the event loop that used it first, and this test and its async fixtures run in several. "
    "Set asyncio_default_fixture_loop_scope and asyncio_default_test_loop_scope to the same scope, or give the fixture "
    "and the test the same loop_scope."
)


class Scripted(NamedTuple):
    """The emulator of one test, and what is wrong with the markers that script it, if anything is."""

    emulator: Emulator
    problem: str | None

    def check(self) -> None:
        """Fail the test if its markers cannot be followed."""
        if self.problem is not None:
            pytest.fail(self.problem, pytrace=False)

    def check_played(self) -> None:
        """Fail the test if a fault or a drift was never played: then it did not test what it says."""
        unfired = [*self.emulator.unfired_faults(), *self.emulator.drifts.unfired()]
        if unfired:
            names = ", ".join(repr(str(one)) for one in unfired)
            counts = Counter(f"{request.method} {request.path}" for request in self.emulator.requests)
            got = ", ".join(f"{count} {what}" for what, count in counts.items()) or "no request"
            pytest.fail(f"never played: {names}. The emulator got {got}", pytrace=False)


SCRIPTED: pytest.StashKey[Scripted] = pytest.StashKey()


def pytest_configure(config: pytest.Config) -> None:
    """Make the markers known."""
    for name, takes in MARKERS.items():
        config.addinivalue_line("markers", name + takes)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    """Say what is wrong with a marker where another fixture stumbles over it first."""
    try:
        yield
    except Exception:
        if (scripted := item.stash.get(SCRIPTED, None)) is not None:
            scripted.check()
        raise


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Fail a test whose script cannot be read, or was not played to its end."""
    marked = next((name for name in MARKERS if item.get_closest_marker(name)), None)
    scripted = item.stash.get(SCRIPTED, None)
    if scripted is not None:
        scripted.check()
    elif marked:
        pytest.fail(f"the marker {marked} needs the fixture walead_emulator, or another with it", pytrace=False)
    yield
    if scripted is not None:
        scripted.check_played()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Say what to set where a fixture and its test used a session in two event loops."""
    if call.excinfo is not None and SCRIPTED in item.stash:
        from walead_async import SessionClosedError

        error = call.excinfo.value
        if isinstance(error, SessionClosedError) and "another event loop" in str(error):
            error.add_note(ONE_LOOP)
    return (yield)


@pytest.fixture
def walead_emulator(request: pytest.FixtureRequest) -> Iterator[Emulator]:
    """Both services on 127.0.0.1, empty for each test: a `walead_async.testing.Emulator` that serves while it runs.

    A thread with a loop of its own serves it. So it answers whatever waits for it: a test or a fixture in any of
    pytest-asyncio's loops, or a test that blocks until its program has ended.
    """
    from walead_async.testing import BadSetting, Emulator

    try:
        scripted = Scripted(_marked_emulator(request.node), None)
    except BadSetting as error:
        scripted = Scripted(Emulator(), str(error))
    request.node.stash[SCRIPTED] = scripted
    with _served_by_thread(scripted.emulator):
        yield scripted.emulator


@pytest.fixture
def phonely_emulator(walead_emulator: Emulator) -> Emulator:
    """The same emulator as `walead_emulator`: it serves both."""
    return walead_emulator


@pytest.fixture
def walead_session(request: pytest.FixtureRequest, walead_emulator: Emulator) -> Iterator[AsyncSession]:
    """An open `AsyncSession` on the emulator, for an async test. It retries as ever, but without pauses of its own."""
    from walead_async import AsyncSession

    with _opened(request, AsyncSession, walead_emulator.api_key, base_url=walead_emulator.walead_url) as session:
        yield session


@pytest.fixture
def phonely_session(request: pytest.FixtureRequest, phonely_emulator: Emulator) -> Iterator[VoiceAgentSession]:
    """An open `VoiceAgentSession` on the emulator, for an async test. Its uid is the emulator's."""
    from walead_async import VoiceAgentSession

    emulator = phonely_emulator
    options = {"uid": emulator.uid, "base_url": emulator.phonely_url}
    with _opened(request, VoiceAgentSession, emulator.api_key, **options) as session:
        yield session


def _marked_emulator(item: pytest.Item) -> Emulator:
    """The emulator that the test's markers ask for; for each option the closest marker counts. Raises `BadSetting`."""
    from walead_async.testing import BadSetting, Emulator, Settings

    options: dict[str, Any] = {"settings": Settings()}
    for mark in reversed(list(item.iter_markers("walead_emulator"))):
        wrong = [*map(repr, mark.args), *(name for name in mark.kwargs if name not in OPTIONS)]
        if wrong:
            raise BadSetting(f"the marker walead_emulator takes {', '.join(OPTIONS)} by name, not {wrong[0]}")
        options |= mark.kwargs
    if not isinstance(options["settings"], Settings):
        raise BadSetting(f"settings takes a walead_async.testing.Settings, not {options['settings']!r}")
    return Emulator(**options, faults=_given(item, "walead_faults"), drifts=_given(item, "walead_drifts"))


def _given(item: pytest.Item, marker: str) -> list[Any]:
    """The faults or drifts that all markers of a name give, the closest first. Raises `BadSetting`."""
    from walead_async.testing import BadSetting

    marks = list(item.iter_markers(marker))
    if any(mark.kwargs or not mark.args for mark in marks):
        raise BadSetting(f"the marker {marker} takes one or more texts, such as {marker}({EXAMPLES[marker]!r})")
    return [one for mark in marks for one in mark.args]


@contextlib.contextmanager
def _served_by_thread(emulator: Emulator) -> Iterator[None]:
    import asyncio
    from concurrent.futures import Future

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


SessionT = TypeVar("SessionT", "AsyncSession", "VoiceAgentSession")


@contextlib.contextmanager
def _opened(request: pytest.FixtureRequest, kind: type[SessionT], key: str, **options: str) -> Iterator[SessionT]:
    """Give the test a session, and close it in the event loop that used it. Fails a test that has no loop."""
    import asyncio

    from walead_async import RetryPolicy

    loop = _loop(request)
    used: list[asyncio.AbstractEventLoop] = []

    def notice(_: object) -> None:
        if not used:
            used.append(asyncio.get_running_loop())

    # It retries without pauses of its own; a Retry-After is honoured.
    arguments: dict[str, Any] = {**options, "retry": RetryPolicy(wait_initial=0.0), "hooks": [notice]}
    session = kind(key, **arguments)
    try:
        yield session
    finally:
        (used or [loop])[0].run_until_complete(session.aclose())


def _loop(request: pytest.FixtureRequest) -> asyncio.AbstractEventLoop:
    """The event loop that pytest-asyncio runs this test in. Fails the test if it does not run it."""
    if pytest_asyncio is None or not pytest_asyncio.is_async_test(request.node):
        pytest.fail(_why_no_loop(request), pytrace=False)
    mark = request.node.get_closest_marker("asyncio")
    asked = mark.kwargs.get("loop_scope") or mark.kwargs.get("scope") if mark else None
    scope = asked or request.config.getini("asyncio_default_test_loop_scope")
    # A fixture may use the session in a loop that ends with the test. Begun here, it ends after the session is closed.
    for brief in ("class", "function"):
        request.getfixturevalue(f"_walead_{brief}_loop")
    loop: asyncio.AbstractEventLoop = request.getfixturevalue(f"_walead_{scope}_loop")
    return loop


def _why_no_loop(request: pytest.FixtureRequest) -> str:
    name = request.fixturename
    if pytest_asyncio is None:
        return f"{name} needs pytest-asyncio: pip install 'walead_async[testing]'"
    if inspect.iscoroutinefunction(getattr(request.node, "obj", None)):
        return f"{name} needs a test that pytest-asyncio runs: mark it with @pytest.mark.asyncio, or set its auto mode"
    return (
        f"{name} is for async tests, and this is a plain one: make it `async def`, or let its program open a session "
        "of its own with the address and the key of walead_emulator"
    )


if pytest_asyncio is not None:
    _in_loop = pytest_asyncio.fixture

    def _loop_fixture(scope: LoopScope) -> Callable[[], object]:
        """A fixture that gives the event loop of tests with this loop scope, in every mode of pytest-asyncio."""

        @_in_loop(name=f"_walead_{scope}_loop", loop_scope=scope)
        async def loop() -> asyncio.AbstractEventLoop:
            import asyncio

            return asyncio.get_running_loop()

        return loop

    _function_loop = _loop_fixture("function")
    _class_loop = _loop_fixture("class")
    _module_loop = _loop_fixture("module")
    _package_loop = _loop_fixture("package")
    _session_loop = _loop_fixture("session")
