from __future__ import annotations

import pytest

from walead_async.cli.output import one_line, say, visible, whereabouts


def test_a_terminal_cannot_be_steered() -> None:
    assert visible("a\x1b[2Jb\x07") == "a\\x1b[2Jb\\x07"


@pytest.mark.parametrize("text", ["jürgen müller", "李小龍", "a – b"])
def test_what_people_write_stays_as_it_is(text: str) -> None:
    assert visible(text) == text


def test_a_long_story_becomes_one_line() -> None:
    assert one_line("first\n  second\t third\n") == "first second third"


def test_words_go_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    say("hello")
    assert capsys.readouterr() == ("", "hello\n")


def test_a_fault_is_named_without_its_text() -> None:
    with pytest.raises(KeyError) as caught:
        {}["wk_secret_123"]
    assert whereabouts(caught.value).startswith("KeyError in test_output.py, line ")
    assert "secret" not in whereabouts(caught.value)
