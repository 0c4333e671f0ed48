from __future__ import annotations

import pytest
from blocklist import broken, error_of

from walead_async.bulk.decisions import Endings, Meaning, got_no_answer, meaning_of, reading_is_hopeless
from walead_async.errors import (
    ConfigurationError,
    ConnectionFailedError,
    DeadlineExceededError,
    SessionClosedError,
    UnexpectedResponseError,
    WaleadError,
)


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        (301, Meaning.RUN),
        (400, Meaning.REFUSED),
        (401, Meaning.RUN),
        (403, Meaning.RUN),
        (404, Meaning.REFUSED),
        (408, Meaning.OPEN),
        (409, Meaning.REFUSED),
        (413, Meaning.REFUSED),
        (418, Meaning.REFUSED),
        (422, Meaning.REFUSED),
        (425, Meaning.TURNED_AWAY),
        (429, Meaning.TURNED_AWAY),
        (500, Meaning.OPEN),
        (503, Meaning.OPEN),
    ],
)
def test_what_a_status_says_of_the_items(status: int, meaning: Meaning) -> None:
    assert meaning_of(error_of(status), missing_means="item") is meaning


def test_a_404_of_a_campaign_is_about_the_run() -> None:
    assert meaning_of(error_of(404), missing_means="run") is Meaning.RUN


@pytest.mark.parametrize("status", [425, 429])
def test_too_many_requests_leaves_open_what_an_earlier_attempt_did(status: int) -> None:
    error = error_of(status)
    error.maybe_applied = True
    assert meaning_of(error, missing_means="item") is Meaning.OPEN


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (ConnectionFailedError("no byte was sent"), Meaning.TURNED_AWAY),
        (broken(), Meaning.OPEN),
        (DeadlineExceededError("it had no turn"), Meaning.TURNED_AWAY),
        (UnexpectedResponseError("<html>"), Meaning.OPEN),
        (SessionClosedError("closed"), Meaning.RUN),
        (ConfigurationError("no key"), Meaning.RUN),
    ],
)
def test_what_other_errors_say_of_the_items(error: WaleadError, meaning: Meaning) -> None:
    assert meaning_of(error, missing_means="item") is meaning


@pytest.mark.parametrize("status", [408, 500, 503])
def test_408_and_5xx_count_as_no_answer(status: int) -> None:
    assert got_no_answer(error_of(status))


@pytest.mark.parametrize("status", [400, 401, 404, 413, 425, 429])
def test_other_statuses_are_answers(status: int) -> None:
    assert not got_no_answer(error_of(status))


def test_a_read_back_is_hopeless_after_what_would_end_it_too() -> None:
    assert reading_is_hopeless(error_of(401))
    assert reading_is_hopeless(broken())
    assert reading_is_hopeless(SessionClosedError("closed"))
    assert not reading_is_hopeless(error_of(403))
    assert not reading_is_hopeless(error_of(400))
    assert not reading_is_hopeless(None)


def test_twenty_attempts_in_a_row_without_an_answer_end_a_run() -> None:
    endings = Endings()
    endings.was_silent(15)
    endings.was_silent(4)
    assert not endings.hopeless
    endings.was_silent(1)
    assert endings.hopeless


def test_any_answer_begins_the_row_anew() -> None:
    endings = Endings()
    endings.was_silent(19)
    endings.answered()
    endings.was_silent(19)
    assert not endings.hopeless


def test_twenty_lone_refusals_from_one_batch_ask_for_other_batches_first() -> None:
    endings = Endings()
    for _ in range(20):
        assert not endings.try_another_batch
        endings.item_refused(batch=0)
    assert endings.try_another_batch
    assert not endings.hopeless
    for batch in (500, 1_000, 1_500):
        assert not endings.hopeless
        endings.item_refused(batch)
    assert endings.hopeless
    assert not endings.try_another_batch


def test_one_success_shows_that_the_refusals_are_the_items_own() -> None:
    endings = Endings()
    endings.batch_refused()
    assert endings.cautious
    for batch in range(30):
        endings.item_refused(batch)
    endings.went_through()
    assert not endings.cautious
    assert not endings.hopeless
    assert not endings.try_another_batch
