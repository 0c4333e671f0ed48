"""The pytest plugin as its users have it: whole suites, each in a run of its own with warnings as errors.

They run in this process, which is a second quicker, but where it matters what a process has imported.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal

import pytest

import walead_async

if TYPE_CHECKING:
    from pathlib import Path

pytest_plugins = ["pytester"]

#: Loaded before: what a run in this process is the first to import is forgotten after it, and a class that is imported
#: twice is two classes.
LOADED = [getattr(walead_async, name) for name in walead_async.__all__]

Mode = Literal["auto", "strict"]
MODES: tuple[Mode, ...] = ("auto", "strict")

#: Without what takes a second to load and is not needed.
LEAN = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest")

PLAIN = """
    import json, threading, urllib.request
    import pytest
    from walead_async import Completeness, Status
    from walead_async.testing import Emulator, SearchMatch, Settings

    def ask(emulator):
        url, headers = emulator.walead_url + "/v1/blocked-leads", {"x-api-key": emulator.api_key}
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:
            return json.load(answer)
"""

GOOD = (
    PLAIN
    + """
    @pytest.mark.asyncio
    @pytest.mark.parametrize("again", [1, 2])
    async def test_each_test_has_an_emulator_of_its_own(again, walead_session, walead_emulator):
        assert type(walead_emulator) is Emulator
        assert await walead_session.blocked_leads.list().collect() == []
        await walead_session.blocked_leads.block(["john-doe"])
        assert walead_emulator.blocked_leads.identifiers() == ["john-doe"]

    @pytest.mark.asyncio
    async def test_phonely(phonely_session, phonely_emulator):
        await phonely_session.agent("A").block_list.block(["+14155550123"])
        assert list(phonely_emulator.agents["A"]) == ["+14155550123"]

    @pytest.mark.asyncio
    async def test_one_emulator_serves_both(walead_session, phonely_session, walead_emulator, phonely_emulator):
        await walead_session.blocked_leads.block(["john-doe"])
        await phonely_session.agent("A").block_list.block(["+14155550123"])
        assert [request.service for request in walead_emulator.requests] == ["walead", "phonely"]
        assert phonely_emulator is walead_emulator

    @pytest.mark.asyncio
    @pytest.mark.walead_faults("POST#1:apply-then-close", "GET#1:status=503")
    async def test_faults_are_played_and_survived_at_once(walead_session, walead_emulator):
        assert (await walead_session.blocked_leads.block(["john-doe"], verify="always")).ok
        assert [request.fault for request in walead_emulator.requests][:2] == ["POST #1:apply-then-close", None]

    @pytest.mark.walead_faults("GET#1:status=503")
    class TestMarkers:
        @pytest.mark.asyncio
        @pytest.mark.walead_faults("POST#1:status=500")
        @pytest.mark.walead_emulator(leads=3, seed=7)
        async def test_markers_of_a_class_and_of_its_test_add_up(self, walead_session, walead_emulator):
            assert len(walead_emulator.faults) == 2
            assert len(await walead_session.blocked_leads.list().collect()) == 3
            await walead_session.blocked_leads.block(["john-doe"])

    @pytest.mark.asyncio
    @pytest.mark.walead_emulator(leads=250, settings=Settings(page_size=10, search=SearchMatch.PREFIX))
    @pytest.mark.walead_drifts("#1:remove-oldest=2")
    async def test_settings_and_drifts_are_those_of_the_markers(walead_session, walead_emulator):
        listing = walead_session.blocked_leads.list()
        assert len(await listing.collect()) >= 248
        assert listing.verdict is Completeness.CHANGED
        assert walead_emulator.settings.page_size == 10

    @pytest.mark.asyncio(loop_scope="session")
    async def test_in_the_loop_of_the_run(walead_session, phonely_session):
        assert await walead_session.blocked_leads.find("john-doe") is None

    @pytest.mark.asyncio(loop_scope="module")
    async def test_in_the_loop_of_the_module(walead_session):
        assert await walead_session.blocked_leads.find("john-doe") is None

    def test_a_plain_test_may_block_while_it_waits(walead_emulator):
        walead_emulator.add_leads(["john-doe"])
        assert [record["publicIdentifier"] for record in ask(walead_emulator)] == ["john-doe"]

    @pytest.mark.walead_faults("GET#2:empty-page")
    def test_a_plain_test_has_faults_too(phonely_emulator):
        phonely_emulator.add_leads(1)
        assert [len(ask(phonely_emulator)) for _ in range(3)] == [1, 0, 1]

    def test_no_thread_is_left():
        assert [thread.name for thread in threading.enumerate()] == ["MainThread"]
"""
)
GOOD_TESTS = 12

#: What is said of it, the marker, and the fixture that the test asks for.
BAD = [
    ("there is no fault 'aply-twice'; did you mean 'apply-twice'?", "walead_faults('aply-twice')", "session"),
    ("'POST#0:reset': requests are counted from 1", "walead_faults('POST#0:reset')", "session"),
    ("there is no drift 'reblok'; did you mean 'reblock'?", "walead_drifts('reblok')", "session"),
    ("503 is neither a text nor a Fault", "walead_faults(503)", "session"),
    ("walead_faults takes one or more texts, such as", "walead_faults()", "session"),
    ("walead_faults takes one or more texts, such as", "walead_faults('reset', times=2)", "session"),
    ("seed takes a whole number from 0", "walead_emulator(seed=-1)", "session"),
    ("seed takes a whole number from 0", "walead_emulator(seed='one')", "emulator"),
    ("leads takes a whole number from 0", "walead_emulator(leads=1.5)", "session"),
    ("settings takes a walead_async.testing.Settings, not {", "walead_emulator(settings={})", "emulator"),
    ("takes leads, seed, settings by name, not sed", "walead_emulator(sed=1)", "session"),
    ("takes leads, seed, settings by name, not 3", "walead_emulator(3)", "session"),
]


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    """A folder with a suite whose warnings are errors."""
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\nfilterwarnings = error")
    return pytester


def run(suite: pytest.Pytester, mode: Mode, *arguments: str) -> pytest.RunResult:
    return suite.runpytest_inprocess(*LEAN, "-rfE", f"--asyncio-mode={mode}", *arguments)


@pytest.mark.parametrize("mode", MODES)
def test_a_suite_gets_emulators_and_sessions(suite: pytest.Pytester, mode: Mode) -> None:
    suite.makepyfile(GOOD)
    in_a_process_of_its_own = suite.runpytest_subprocess(*LEAN, "-rfE", f"--asyncio-mode={mode}")
    in_a_process_of_its_own.assert_outcomes(passed=GOOD_TESTS)


def test_a_suite_whose_tests_share_a_loop_gets_sessions_in_it(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        async def test_it(walead_session):
            assert await walead_session.blocked_leads.find("john-doe") is None
        """
    )
    shared = run(suite, "auto", "-o", "asyncio_default_test_loop_scope=session")
    shared.assert_outcomes(passed=1)


def test_a_marker_that_cannot_be_followed_fails_the_test_that_has_it(suite: pytest.Pytester) -> None:
    tests = [
        f"@pytest.mark.asyncio\n@pytest.mark.{marker}\nasync def test_{number}(walead_{fixture}): print('it', 'ran')\n"
        for number, (_, marker, fixture) in enumerate(BAD)
    ]
    suite.makepyfile("import pytest\n" + "\n".join([*tests, "def test_good(walead_emulator): pass"]))

    result = run(suite, "strict")

    result.assert_outcomes(failed=len(BAD), passed=1)
    assert "it ran" not in result.stdout.str()
    for number, (words, _, _) in enumerate(BAD):
        section = result.stdout.str().partition(f"_ test_{number} _")[2].partition("\n_")[0]
        assert words in section


def test_an_assert_that_fails_shows_who_is_blocked_and_what_was_asked(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        import pytest

        @pytest.mark.asyncio
        async def test_person(walead_session, walead_emulator):
            await walead_session.blocked_leads.block(["john-doe"], check=False)
            assert "jane-doe" in walead_emulator.blocked_leads

        @pytest.mark.asyncio
        async def test_requests(walead_session, walead_emulator):
            await walead_session.blocked_leads.block(["john-doe"], check=False)
            assert walead_emulator.requests == []

        @pytest.mark.asyncio
        async def test_number(phonely_session, phonely_emulator):
            await phonely_session.agent("a1").block_list.block(["+14155550101"], check=False)
            assert "+14155550102" in phonely_emulator.agents["a1"]
        """
    )
    result = run(suite, "strict")
    result.assert_outcomes(failed=3)
    said = result.stdout.str()
    assert "assert 'jane-doe' in <1 blocked: 'john-doe'>" in said
    assert '<walead POST /v1/blocked-leads {"leads":[{"publicIdentifier":"john-doe"}]} -> 200>' in said
    assert "assert '+14155550102' in {'+14155550101': None}" in said


def test_a_bad_marker_is_told_though_another_fixture_stumbles_over_it_first(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        import pytest

        @pytest.fixture
        def third(walead_emulator):
            return walead_emulator.blocked_leads.identifiers()[2]

        @pytest.mark.walead_emulator(leads=3, seed="one")
        def test_bad(third):
            pass

        @pytest.mark.walead_emulator(leads=2)
        def test_too_few(third):
            pass
        """
    )
    result = run(suite, "strict")
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(["seed takes a whole number from 0*", "*IndexError: list index out of range"])


def test_a_script_that_was_not_played_fails_its_test(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        import pytest

        @pytest.mark.asyncio
        @pytest.mark.walead_faults("GET#1:reset", "DELETE#3:apply-then-close")
        async def test_fault(walead_session):
            assert await walead_session.blocked_leads.list().collect() == []

        @pytest.mark.walead_drifts("remove-random")
        def test_drift(walead_emulator):
            pass

        def test_fault_of_the_test_itself(phonely_emulator):
            phonely_emulator.faults.add("reset")

        @pytest.mark.walead_faults("reset")
        def test_no_emulator():
            pass
        """
    )
    result = run(suite, "strict")
    result.assert_outcomes(failed=4)
    result.stdout.fnmatch_lines(
        [
            "never played: 'DELETE #3:apply-then-close'. The emulator got * GET /v1/blocked-leads",
            "never played: 'remove-random'. The emulator got no request",
            "never played: 'reset'. The emulator got no request",
            "the marker walead_faults needs the fixture walead_emulator, or another with it",
        ]
    )


def test_a_test_that_fails_says_why_and_nothing_of_its_script(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        import pytest

        @pytest.mark.walead_faults("reset")
        def test_it(walead_emulator):
            assert "this" == "that"
        """
    )
    result = run(suite, "strict")
    result.assert_outcomes(failed=1)
    assert "never played" not in result.stdout.str()


def test_a_session_in_a_test_without_a_loop_is_refused(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        def test_plain(walead_session): pass
        async def test_unmarked(phonely_session): pass
        """
    )
    result = run(suite, "strict")
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(
        [
            "walead_session is for async tests, and this is a plain one: *walead_emulator",
            "phonely_session needs a test that pytest-asyncio runs: mark it with @pytest.mark.asyncio*",
        ]
    )


def test_without_pytest_asyncio_emulators_are_served_and_sessions_say_what_to_install(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "pytest_asyncio.py").write_text("raise ImportError('it is not installed')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    suite.makeini("[pytest]\nfilterwarnings = error")
    suite.makepyfile(
        PLAIN
        + """
    def test_plain(walead_emulator):
        assert ask(walead_emulator) == []

    def test_session(walead_session):
        pass
    """
    )
    result = suite.runpytest_subprocess(*LEAN, "-p", "no:asyncio")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["walead_session needs pytest-asyncio: pip install 'walead_async?testing?'"])


@pytest.mark.parametrize("arguments", [(), ("-p", "no:asyncio")])
def test_a_suite_that_uses_none_of_it_imports_none_of_it(pytester: pytest.Pytester, arguments: tuple[str, ...]) -> None:
    # its own, wherever the temporary directory lies
    pytester.makeini("[pytest]")
    pytester.makeconftest(
        """
        import sys

        HEAVY = {"aiohttp", "attrs", "orjson", "walead_async.session", "walead_async.testing.emulator"}

        def pytest_sessionfinish():
            print("loaded:", *(HEAVY & {*sys.modules}), ".")
        """
    )
    pytester.makepyfile("def test_it(): pass")
    result = pytester.runpytest_subprocess(*LEAN, "-s", *arguments)
    result.assert_outcomes(passed=1)
    assert "loaded: ." in result.stdout.str()


def test_the_markers_explain_themselves(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_subprocess(*LEAN, "--markers")
    result.stdout.fnmatch_lines(["@pytest.mark.walead_faults(?faults): faults that the emulator of this test plays*"])
