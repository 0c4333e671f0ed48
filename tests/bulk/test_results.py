"""What an answer, an error or a verification means for items, without a run."""

from __future__ import annotations

import pytest
from blocklist import FakeCaller, FakeOperation, Service, broken, error_of

from walead_async.bulk.operation import Answer, Missing
from walead_async.bulk.outcomes import DONE, Result
from walead_async.bulk.results import (
    BLOCKED_BEFORE,
    NO_SUCH_RECORD,
    PERHAPS_NO_RECORD,
    CircuitBreaker,
    Doubt,
    Known,
    Meaning,
    after_count,
    after_lone_refusal,
    given_up,
    got_no_answer,
    left_unsent,
    meaning_of,
    reading_is_hopeless,
    unverified,
)
from walead_async.errors import (
    ConfigurationError,
    ConnectionFailedError,
    DeadlineExceededError,
    OutcomeUnknownError,
    SessionClosedError,
    UnexpectedResponseError,
    WaleadError,
)
from walead_async.models import Status


def operation(*, blocks: bool = True, missing_means: Missing = "item") -> FakeOperation:
    return FakeOperation(FakeCaller(Service(blocks=blocks)), missing_means=missing_means)


BLOCK, UNBLOCK = operation(), operation(blocks=False)


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        (101, Meaning.UNCLEAR),
        (301, Meaning.UNCLEAR),
        (302, Meaning.UNCLEAR),
        (304, Meaning.UNCLEAR),
        (400, Meaning.REFUSED),
        (401, Meaning.RUN),
        (403, Meaning.RUN),
        (404, Meaning.REFUSED),
        (408, Meaning.UNCLEAR),
        (409, Meaning.REFUSED),
        (413, Meaning.REFUSED),
        (418, Meaning.REFUSED),
        (422, Meaning.REFUSED),
        (425, Meaning.NOT_TAKEN),
        (429, Meaning.NOT_TAKEN),
        (500, Meaning.UNCLEAR),
        (503, Meaning.UNCLEAR),
    ],
)
def test_what_a_status_says_of_the_items(status: int, meaning: Meaning) -> None:
    assert meaning_of(error_of(status), BLOCK) is meaning


def test_a_404_of_a_campaign_is_about_the_run() -> None:
    assert meaning_of(error_of(404), operation(missing_means="run")) is Meaning.RUN


@pytest.mark.parametrize("status", [425, 429])
def test_too_many_requests_leaves_open_what_an_earlier_attempt_did(status: int) -> None:
    error = error_of(status)
    error.maybe_applied = True
    assert meaning_of(error, BLOCK) is Meaning.UNCLEAR


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (ConnectionFailedError("no byte was sent"), Meaning.NOT_TAKEN),
        (broken(), Meaning.UNCLEAR),
        (DeadlineExceededError("it had no turn"), Meaning.NOT_TAKEN),
        (UnexpectedResponseError("<html>"), Meaning.UNCLEAR),
        (OutcomeUnknownError("torn"), Meaning.UNCLEAR),
        (SessionClosedError("closed"), Meaning.RUN),
        (ConfigurationError("no key"), Meaning.RUN),
    ],
)
def test_what_other_errors_say_of_the_items(error: WaleadError, meaning: Meaning) -> None:
    assert meaning_of(error, BLOCK) is meaning


@pytest.mark.parametrize("status", [101, 302, 304, 408, 500, 503])
def test_redirects_408_and_5xx_count_as_no_answer(status: int) -> None:
    assert got_no_answer(error_of(status))


@pytest.mark.parametrize("status", [400, 401, 404, 413, 425, 429])
def test_other_statuses_are_answers(status: int) -> None:
    assert not got_no_answer(error_of(status))


def test_a_verification_is_hopeless_after_what_would_end_it_too() -> None:
    assert reading_is_hopeless(error_of(401))
    assert reading_is_hopeless(broken())
    assert reading_is_hopeless(SessionClosedError("closed"))
    assert not reading_is_hopeless(error_of(403))
    assert not reading_is_hopeless(error_of(400))
    assert not reading_is_hopeless(None)


def test_what_a_count_says() -> None:
    assert after_count(Answer(count=3), 3, UNBLOCK, Known.NEW) is DONE
    assert after_count(Answer(count=0), 3, BLOCK, Known.NEW) == Doubt(BLOCKED_BEFORE)
    assert after_count(Answer(count=0), 3, UNBLOCK, Known.NEW) == Doubt(NO_SUCH_RECORD)
    assert after_count(Answer(count=0), 3, BLOCK, Known.MAYBE_APPLIED) == Doubt(DONE)
    assert after_count(Answer(count=2), 3, BLOCK, Known.NEW) == Doubt(DONE)
    assert after_count(Answer(), 3, UNBLOCK, Known.NEW) == Doubt(PERHAPS_NO_RECORD)


@pytest.mark.parametrize("known", [Known.NEW, Known.REJECTED])
def test_a_404_of_an_unblock_is_believed_if_it_is_the_services_own_and_the_first_answer(known: Known) -> None:
    own, gateway = error_of(404), error_of(404)
    gateway.is_json = False
    listed = operation(blocks=False, missing_means="listed")
    assert after_lone_refusal(own, UNBLOCK, known, "unclear") == NO_SUCH_RECORD
    assert after_lone_refusal(own, listed, known, "never") == NO_SUCH_RECORD
    for doubted in (
        after_lone_refusal(gateway, UNBLOCK, known, "unclear"),
        after_lone_refusal(gateway, UNBLOCK, known, "never"),
        after_lone_refusal(own, listed, known, "unclear"),
    ):
        assert isinstance(doubted, Doubt)
        assert doubted.found == NO_SUCH_RECORD
        assert doubted.missing is not None
        assert doubted.missing.status is Status.REFUSED


@pytest.mark.parametrize("known", [Known.MAYBE_APPLIED, Known.NOT_APPLIED])
@pytest.mark.parametrize("status", [400, 404, 409, 422])
@pytest.mark.parametrize("kind", [BLOCK, UNBLOCK])
def test_a_refusal_after_an_attempt_that_may_have_acted_is_verified(
    known: Known, status: int, kind: FakeOperation
) -> None:
    doubt = after_lone_refusal(error_of(status), kind, known, "never")
    assert isinstance(doubt, Doubt)
    assert doubt.found == DONE
    assert doubt.missing is not None
    # that attempt may be why it was refused, and the list may show it late
    assert doubt.missing.status is Status.UNKNOWN


def test_a_409_of_a_block_is_verified_and_any_other_refusal_is_final() -> None:
    assert after_lone_refusal(error_of(409), BLOCK, Known.NEW, "unclear")[0] == BLOCKED_BEFORE
    for error, kind, verify in ((error_of(409), BLOCK, "never"), (error_of(409), UNBLOCK, "unclear")):
        refused = after_lone_refusal(error, kind, Known.NEW, verify)
        assert isinstance(refused, Result)
        assert (refused.status, refused.error) == (Status.REFUSED, error)


def test_what_is_sent_no_more_is_not_sent_unless_it_may_have_been_carried_out() -> None:
    error = error_of(401)
    statuses = {known: left_unsent(known, "why", error) for known in Known}
    assert statuses[Known.NEW] == statuses[Known.REJECTED] == Result(Status.NOT_SENT, "why", error)
    assert statuses[Known.NOT_APPLIED] == Result(Status.UNKNOWN, "why", error)
    assert statuses[Known.MAYBE_APPLIED] == Doubt(DONE)


def test_conflicts_that_the_budget_has_no_token_for_are_verified_as_one() -> None:
    conflict = error_of(409)
    doubt = given_up(conflict, BLOCK, Known.REJECTED)
    assert isinstance(doubt, Doubt)
    assert doubt.found == BLOCKED_BEFORE
    assert doubt.missing is not None
    assert doubt.missing.status is unverified(doubt, conflict, "it was not read back").status is Status.NOT_SENT
    assert isinstance(given_up(conflict, UNBLOCK, Known.REJECTED), Result)


def test_twenty_attempts_in_a_row_without_an_answer_open_the_circuit() -> None:
    breaker = CircuitBreaker()
    silence = error_of(500)
    silence.attempts = 19
    breaker.failed(silence)
    breaker.failed(error_of(400))
    breaker.failed(silence)
    assert not breaker.open
    breaker.failed(error_of(302))
    assert breaker.open


def test_48_refused_items_open_the_circuit_unless_something_has_succeeded() -> None:
    lucky, unlucky = CircuitBreaker(), CircuitBreaker()
    lucky.succeeded()
    for number in range(48):
        assert not unlucky.open, number
        for breaker in (lucky, unlucky):
            breaker.refused(error_of(422), BLOCK)
    assert unlucky.open
    assert not lucky.open


def test_that_an_item_is_as_wanted_already_is_no_refusal() -> None:
    breaker = CircuitBreaker()
    for _ in range(100):
        breaker.refused(error_of(409), BLOCK)
        breaker.refused(error_of(404), UNBLOCK)
    assert not breaker.open
    for _ in range(48):
        breaker.refused(error_of(409), UNBLOCK)
    assert breaker.open
