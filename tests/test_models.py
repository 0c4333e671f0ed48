from __future__ import annotations

import pytest

from walead_async.errors import BulkFailedError, NotFoundError
from walead_async.models import BulkReport, LeadToBlock, Outcome, Status


def report_of(*statuses: Status) -> BulkReport:
    return BulkReport([Outcome(f"item {at}", f"key {at}", status, "why") for at, status in enumerate(statuses)])


def test_a_report_counts_every_status() -> None:
    counts = report_of(Status.DONE, Status.DONE, Status.REFUSED).counts
    assert set(counts) == set(Status)
    assert (counts[Status.DONE], counts[Status.REFUSED], counts[Status.UNKNOWN]) == (2, 1, 0)


@pytest.mark.parametrize("status", [Status.DONE, Status.ALREADY, Status.DUPLICATE])
def test_what_is_as_wanted_is_ok(status: Status) -> None:
    report = report_of(status)
    assert report.ok
    assert report.failures() == []
    report.raise_for_failures()


@pytest.mark.parametrize("status", [Status.INVALID, Status.REFUSED, Status.UNKNOWN, Status.NOT_SENT])
def test_what_is_not_as_wanted_is_raised_for(status: Status) -> None:
    report = report_of(Status.DONE, status)
    assert not report.ok
    with pytest.raises(BulkFailedError) as caught:
        report.raise_for_failures()
    assert caught.value.report is report


def test_failures_stand_in_the_order_of_the_input() -> None:
    report = report_of(Status.INVALID, Status.DONE, Status.REFUSED, Status.INVALID)
    assert [outcome.item for outcome in report.failures()] == ["item 0", "item 2", "item 3"]


def test_the_text_of_a_failed_call_has_the_counts_and_the_first_failures_with_their_reasons() -> None:
    text = str(BulkFailedError(report_of(Status.DONE, *[Status.INVALID] * 7)))
    assert text.splitlines() == [
        "8 items: 1 done, 7 invalid",
        *[f"  invalid: 'item {at}': why" for at in range(1, 6)],
        "  and 2 more, in report.failures()",
    ]


def test_a_reason_is_the_detail_or_else_the_error() -> None:
    error = NotFoundError("no such lead", status=404, method="POST", path="/v1/blocked-leads")
    lead = LeadToBlock("john-doe", "asked")
    text = BulkReport([Outcome(lead, "john-doe", Status.REFUSED, error=error)]).describe()
    assert "1 item: 1 refused" in text
    assert "refused: 'john-doe': POST /v1/blocked-leads was answered with 404: no such lead" in text


def test_a_report_does_not_print_its_people() -> None:
    assert "item 0" not in repr(report_of(Status.DONE))
