"""The plugin's fixtures in every combination of pytest-asyncio's loops, each suite in a run of its own."""

from __future__ import annotations

from itertools import permutations

import pytest

import walead_async

pytest_plugins = ["pytester"]

#: Loaded before: what a run in this process is the first to import is forgotten after it, and a class that is imported
#: twice is two classes.
LOADED = [getattr(walead_async, name) for name in walead_async.__all__]

SCOPES = ("function", "module", "session")
MODES = ("auto", "strict")

#: Fixtures and tests that wait for the emulator, each in its own loop.
SUITE = """
    import subprocess, sys
    import pytest, pytest_asyncio
    from walead_async import AsyncSession

    @pytest_asyncio.fixture
    async def seeded(walead_session, phonely_session, walead_emulator):
        await walead_session.blocked_leads.block(["john-doe"])
        await phonely_session.agent("A").block_list.block(["+14155550123"])
        yield walead_emulator
        assert await walead_session.blocked_leads.find("john-doe")

    @pytest_asyncio.fixture
    async def own_session(walead_emulator):
        async with AsyncSession(walead_emulator.api_key, base_url=walead_emulator.walead_url) as session:
            await session.blocked_leads.block(["jane-doe"])
            yield session

    @pytest.mark.asyncio
    async def test_a_fixture_uses_the_session_and_the_test_the_emulator(seeded):
        assert seeded.blocked_leads.identifiers() == ["john-doe"]
        assert list(seeded.agents["A"]) == ["+14155550123"]

    @pytest.mark.asyncio
    async def test_a_fixture_opens_a_session_of_its_own(own_session, walead_session, walead_emulator):
        assert await walead_session.blocked_leads.find("jane-doe")
        assert await walead_session.blocked_leads.list().collect()

    @pytest.mark.asyncio
    @pytest.mark.walead_emulator(leads=1000)
    async def test_a_listing_is_left_with_pages_under_way(walead_session):
        async for lead in walead_session.blocked_leads.list():
            break

    @pytest.mark.asyncio
    async def test_an_async_test_may_block(walead_emulator):
        ask = "import sys, urllib.request as r; r.urlopen(r.Request(sys.argv[1], headers={'x-api-key': sys.argv[2]}))"
        url = walead_emulator.walead_url + "/v1/blocked-leads"
        subprocess.run([sys.executable, "-c", ask, url, walead_emulator.api_key], check=True, timeout=20)
"""
SUITE_TESTS = 4

#: A fixture and its test use one session.
SHARED = """
    import pytest, pytest_asyncio

    @pytest_asyncio.fixture
    async def mine(walead_session):
        await walead_session.blocked_leads.block(["john-doe"])
        yield walead_session

    @pytest.mark.asyncio
    async def test_it(mine):
        assert len(await mine.blocked_leads.list().collect()) == 1
"""


def run(suite: pytest.Pytester, mode: str, fixtures: str, tests: str) -> pytest.RunResult:
    """Run the suite with warnings as errors, so that nothing may be left open."""
    suite.makeini(f"""
        [pytest]
        asyncio_mode = {mode}
        asyncio_default_fixture_loop_scope = {fixtures}
        asyncio_default_test_loop_scope = {tests}
        filterwarnings = error
    """)
    lean = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-rfE")
    return suite.runpytest_inprocess(*lean)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("scope", SCOPES)
def test_emulators_and_sessions_work_where_fixtures_and_tests_run_in_one_loop(
    pytester: pytest.Pytester, mode: str, scope: str
) -> None:
    pytester.makepyfile(test_suite=SUITE, test_shared=SHARED)
    run(pytester, mode, scope, scope).assert_outcomes(passed=SUITE_TESTS + 1)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("fixtures", "tests"), list(permutations(SCOPES, 2)))
def test_in_two_loops_all_works_but_a_session_that_both_use_which_fails_at_once_and_says_what_to_set(
    pytester: pytest.Pytester, mode: str, fixtures: str, tests: str
) -> None:
    pytester.makepyfile(test_suite=SUITE, test_shared=SHARED)
    result = run(pytester, mode, fixtures, tests)
    result.assert_outcomes(passed=SUITE_TESTS, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*SessionClosedError: this session belongs to another event loop*",
            "*Set asyncio_default_fixture_loop_scope and asyncio_default_test_loop_scope to the same scope*",
        ]
    )


@pytest.mark.parametrize("scope", [*SCOPES, "class", "package"])
def test_a_fixture_that_names_its_loop_is_answered_too(pytester: pytest.Pytester, scope: str) -> None:
    pytester.makepyfile(SUITE.replace("@pytest_asyncio.fixture", f"@pytest_asyncio.fixture(loop_scope='{scope}')"))
    run(pytester, "strict", "function", "session").assert_outcomes(passed=SUITE_TESTS)
