from __future__ import annotations

import pytest

from walead_async.cli.options import ExitCode, exit_code_of
from walead_async.errors import (
    AuthenticationError,
    ConfigurationError,
    ConnectionFailedError,
    InvalidInputError,
    OutcomeUnknownError,
    PaginationError,
    SourceError,
    WaleadError,
)

UNAUTHORISED = AuthenticationError("no", status=401, method="GET", path="/v1/blocked-leads")


@pytest.mark.parametrize("error", [ConfigurationError("x"), InvalidInputError("x"), SourceError("x")])
def test_wrong_input_means_that_nothing_was_sent(error: WaleadError) -> None:
    assert exit_code_of(error) is ExitCode.WRONG


@pytest.mark.parametrize("error", [SourceError("x"), InvalidInputError("x")])
def test_wrong_input_after_something_was_sent_is_not_called_harmless(error: WaleadError) -> None:
    assert exit_code_of(error, sent=True) is ExitCode.NOT_DONE


@pytest.mark.parametrize("error", [UNAUTHORISED, ConnectionFailedError("x"), PaginationError("x")])
def test_what_the_service_refused_was_not_done(error: WaleadError) -> None:
    assert exit_code_of(error) is ExitCode.NOT_DONE


def test_an_unknown_outcome_has_a_code_of_its_own() -> None:
    assert exit_code_of(OutcomeUnknownError("x"), sent=True) is ExitCode.UNKNOWN
