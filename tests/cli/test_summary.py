from __future__ import annotations

import pytest

from walead_async.cli.options import ExitCode
from walead_async.cli.summary import SHOWN, Tally, outcome_fields, say_verdict
from walead_async.errors import AuthenticationError, InvalidInputError, SourceError
from walead_async.models import Completeness, LeadToBlock, Outcome, Status

REFUSED = AuthenticationError("no such key", status=401, method="POST", path="/v1/blocked-leads")


def tally(*statuses: Status) -> Tally:
    tally = Tally()
    for number, status in enumerate(statuses, 2):
        tally.add(Outcome(f"lead-{number}", f"lead-{number}", status, "why", row=number))
    return tally


@pytest.mark.parametrize(
    ("statuses", "code"),
    [
        ((Status.DONE, Status.ALREADY, Status.DUPLICATE), ExitCode.DONE),
        ((), ExitCode.DONE),
        ((Status.DONE, Status.INVALID), ExitCode.NOT_DONE),
        ((Status.REFUSED,), ExitCode.NOT_DONE),
        ((Status.NOT_SENT,), ExitCode.NOT_DONE),
        ((Status.UNKNOWN,), ExitCode.UNKNOWN),
        ((Status.INVALID, Status.UNKNOWN, Status.REFUSED), ExitCode.UNKNOWN),
    ],
)
def test_the_worst_end_makes_the_exit_code(statuses: tuple[Status, ...], code: ExitCode) -> None:
    assert tally(*statuses).code(None) is code


def test_a_file_that_breaks_off_after_something_was_sent_is_not_wrong_usage() -> None:
    assert tally(Status.INVALID).code(SourceError("line 3")) is ExitCode.WRONG
    assert tally(Status.DONE).code(SourceError("line 3")) is ExitCode.NOT_DONE


def test_an_unknown_outcome_outranks_the_error_that_ended_the_run() -> None:
    assert tally(Status.UNKNOWN).code(REFUSED) is ExitCode.UNKNOWN


def test_the_summary_counts_what_there_is() -> None:
    assert tally(Status.DONE, Status.DONE, Status.INVALID).summary() == "3 items: 2 done, 1 invalid"
    assert tally(Status.DONE).summary() == "1 item: 1 done"


def test_failures_are_told_with_their_lines() -> None:
    lines = list(tally(Status.DONE, Status.INVALID).lines())
    assert lines == ["2 items: 1 done, 1 invalid", "  line 3: 'lead-3': invalid: why"]


def test_no_more_than_a_screen_of_failures_is_told() -> None:
    lines = list(tally(*[Status.INVALID] * (SHOWN + 1_005)).lines())
    assert len(lines) == 1 + SHOWN + 1
    assert lines[-1] == "  and 1,005 more; --json writes them all"


def test_an_outcome_as_json_has_its_six_fields() -> None:
    assert outcome_fields(Outcome(LeadToBlock("John-Doe", "asked"), "john-doe", Status.DONE, row=7)) == {
        "item": "John-Doe",
        "key": "john-doe",
        "status": "done",
        "detail": None,
        "error": None,
        "row": 7,
    }


def test_an_error_as_json_names_its_class_and_an_answer_its_status() -> None:
    error = outcome_fields(Outcome("a", "a", Status.REFUSED, error=REFUSED))["error"]
    assert error == {"type": "AuthenticationError", "message": str(REFUSED), "status": 401}
    error = outcome_fields(Outcome("", "", Status.INVALID, "empty", InvalidInputError("empty")))["error"]
    assert error == {"type": "InvalidInputError", "message": "empty"}


class Read:
    """A listing that was read."""

    def __init__(self, verdict: Completeness, why: str | None = None) -> None:
        self.verdict = verdict
        self.why = why


@pytest.mark.parametrize(
    ("verdict", "code"),
    [
        (Completeness.COMPLETE, ExitCode.DONE),
        (Completeness.CHANGED, ExitCode.DONE),
        (Completeness.UNVERIFIED, ExitCode.UNKNOWN),
    ],
)
def test_a_list_that_cannot_be_judged_exits_3(
    capsys: pytest.CaptureFixture[str], verdict: Completeness, code: ExitCode
) -> None:
    assert say_verdict(Read(verdict, "pages were cut short"), 250) is code  # type: ignore[arg-type]  # all it looks at
    said = capsys.readouterr().err
    assert said.startswith(f"{verdict.name}: 250 records; ")
    assert ("pages were cut short" in said) == (code is ExitCode.UNKNOWN)
