"""The pytest plugin's names: its fixtures, markers and hooks. `walead_async.testing.plugin` does their work.

pytest loads this into every run in an environment that has the package. It stands beside the package, since whoever
imports one module of a package imports the package: so a suite that uses none of these names pays for nothing.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Generator, Iterator
    from typing import Literal

    from walead_async import AsyncSession, VoiceAgentSession
    from walead_async.testing import Emulator
    from walead_async.testing.plugin import Stage

    LoopScope = Literal["function", "class", "module", "package", "session"]

MARKERS = {
    "walead_faults": "(*faults): faults that the emulator of this test plays, such as 'DELETE#3:apply-then-close'",
    "walead_drifts": "(*drifts): changes that others make to its list meanwhile, such as 'remove-random=2'",
    "walead_emulator": "(leads=0, seed=0, settings=None): what the emulator of this test begins with",
}

STAGE: pytest.StashKey[Stage] = pytest.StashKey()


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
        if (stage := item.stash.get(STAGE, None)) is not None:
            stage.check_script()
        raise


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Fail a test whose script cannot be read, or was not played to it."""
    marked = next((name for name in MARKERS if item.get_closest_marker(name)), None)
    stage = item.stash.get(STAGE, None)
    if stage is not None:
        stage.check_script()
    elif marked:
        pytest.fail(f"the marker {marked} needs the fixture walead_emulator, or another with it", pytrace=False)
    yield
    if stage is not None:
        stage.check_played()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Say what to set where a fixture and its test used a session in two event loops."""
    if call.excinfo is not None and STAGE in item.stash:
        from walead_async.testing import plugin

        plugin.explain(call.excinfo.value)
    return (yield)


@pytest.fixture
def walead_emulator(request: pytest.FixtureRequest) -> Iterator[Emulator]:
    """Both services on 127.0.0.1, empty for each test: a `walead_async.testing.Emulator` that serves while it runs."""
    from walead_async.testing import plugin

    with plugin.staged(request) as stage:
        request.node.stash[STAGE] = stage
        yield stage.emulator


@pytest.fixture
def phonely_emulator(walead_emulator: Emulator) -> Emulator:
    """The same emulator as `walead_emulator`: it serves both."""
    return walead_emulator


@pytest.fixture
def walead_session(request: pytest.FixtureRequest, walead_emulator: Emulator) -> Iterator[AsyncSession]:
    """An open `AsyncSession` on the emulator, for an async test. It retries as ever, but without pauses of its own."""
    from walead_async.testing import plugin

    with plugin.opened(request, partial(plugin.walead_session, walead_emulator)) as session:
        yield session


@pytest.fixture
def phonely_session(request: pytest.FixtureRequest, phonely_emulator: Emulator) -> Iterator[VoiceAgentSession]:
    """An open `VoiceAgentSession` on the emulator, for an async test. Its uid is the emulator's."""
    from walead_async.testing import plugin

    with plugin.opened(request, partial(plugin.phonely_session, phonely_emulator)) as session:
        yield session


try:
    import pytest_asyncio
except ImportError:
    # Emulators are served without it; what a session needs, its own fixture says.
    pass
else:

    def _loop(scope: LoopScope) -> Callable[[], object]:
        """A fixture that gives the event loop of tests with this loop scope, in every mode of pytest-asyncio."""

        @pytest_asyncio.fixture(name=f"_walead_{scope}_loop", loop_scope=scope)
        async def loop() -> asyncio.AbstractEventLoop:
            import asyncio

            return asyncio.get_running_loop()

        return loop

    _function_loop = _loop("function")
    _class_loop = _loop("class")
    _module_loop = _loop("module")
    _package_loop = _loop("package")
    _session_loop = _loop("session")
