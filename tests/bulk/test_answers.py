"""What becomes of items by the answers and errors they meet."""

from __future__ import annotations

import pytest
from blocklist import Bulk, FakeCaller, Fault, Service, error_of

from walead_async.errors import (
    APIError,
    AuthenticationError,
    ConflictError,
    ConnectionFailedError,
    InvalidRequestError,
    NotFoundError,
    RateLimitedError,
    ServerError,
)
from walead_async.models import BulkReport, Outcome, Status
from walead_async.transport.messages import DeadlineFrom, Request, Response

PEOPLE = [f"p{number}" for number in range(1_000)]


class RefusedAfterSilence(FakeCaller):
    """A transport whose first call ends in a refusal after an attempt that got no answer."""

    async def send(self, request: Request, *, flow: object, deadline_from: DeadlineFrom = "call") -> Response:
        if self.sent:
            return await super().send(request, flow=flow, deadline_from=deadline_from)
        self.sent.append(request)
        error = error_of(400)
        error.maybe_applied = True
        raise error


def statuses(report: BulkReport) -> list[Status]:
    return [outcome.status for outcome in report.outcomes]


def ended(report: BulkReport, status: Status) -> list[Outcome]:
    return [outcome for outcome in report.outcomes if outcome.status is status]


async def test_a_count_equal_to_the_batch_settles_it_with_one_request(bulk: Bulk) -> None:
    report = await bulk.report(["a", "b", "c"])
    assert statuses(report) == [Status.DONE] * 3
    assert bulk.sent == [["a", "b", "c"]]
    assert bulk.service.reads == []


async def test_invalid_items_and_duplicates_are_never_sent_and_say_why(bulk: Bulk) -> None:
    report = await bulk.report(["a", "no word", "A", 7, "b"])
    assert statuses(report) == [Status.DONE, Status.INVALID, Status.DUPLICATE, Status.INVALID, Status.DONE]
    assert bulk.sent == [["a", "b"]]
    invalid, duplicate = report.outcomes[1], report.outcomes[2]
    assert (invalid.item, invalid.key, invalid.detail) == ("no word", "", "'no word' is no word")
    assert (duplicate.key, duplicate.detail) == ("a", "repeats item 1 of the input (index 0)")


async def test_batches_stay_full_although_items_between_are_not_sent(bulk: Bulk) -> None:
    items = [item for name in PEOPLE[:20] for item in (name, "no word", name)]
    report = await bulk.report(items, batch_size=10)
    assert [len(keys) for keys in bulk.sent] == [10, 10]
    assert len(ended(report, Status.DUPLICATE)) == 20


@pytest.mark.parametrize("status", [400, 409, 422, 418])
async def test_one_bad_lead_in_a_thousand_is_found_within_25_requests(status: int) -> None:
    bulk = Bulk(Service(bad={"p617": status}))
    report = await bulk.report(PEOPLE, batch_size=1_000)
    assert len(bulk.sent) <= 25
    assert report.counts[Status.DONE] == 999
    [refused] = ended(report, Status.REFUSED)
    assert refused.item == "p617"
    assert isinstance(refused.error, APIError)
    assert refused.error.status == status


async def test_a_refused_item_is_never_sent_again_once_it_was_alone() -> None:
    bulk = Bulk(Service(bad={"p3": 400}))
    await bulk.report(PEOPLE[:8])
    assert bulk.sent.count(["p3"]) == 1
    assert bulk.sent[-1] != ["p3"] or bulk.sent.index(["p3"]) == len(bulk.sent) - 1


async def test_many_bad_leads_end_each_alone_and_the_others_go_through() -> None:
    bad = dict.fromkeys(PEOPLE[::33], 422)
    bulk = Bulk(Service(bad=bad))
    report = await bulk.report(PEOPLE)
    assert {outcome.key for outcome in ended(report, Status.REFUSED)} == set(bad)
    assert report.counts[Status.DONE] == 1_000 - len(bad)


async def test_a_lone_409_of_a_block_is_already_if_the_list_holds_it() -> None:
    bulk = Bulk(Service(listed={"b"}, repeats="fails"))
    report = await bulk.report(["a", "b", "c"])
    assert statuses(report) == [Status.DONE, Status.ALREADY, Status.DONE]
    assert [list(read.present) for read in bulk.service.reads] == [["b"]]


async def test_a_lone_409_of_somebody_the_list_does_not_hold_is_refused() -> None:
    bulk = Bulk(Service(bad={"b": 409}))
    report = await bulk.report(["a", "b", "c"])
    assert statuses(report) == [Status.DONE, Status.REFUSED, Status.DONE]
    assert isinstance(report.outcomes[1].error, ConflictError)


async def test_a_lone_404_of_an_unblock_is_already_and_points_to_unblocking_people() -> None:
    bulk = Bulk(Service(blocks=False, listed={"a", "c"}, repeats="fails"))
    report = await bulk.report(["a", "b", "c"])
    assert statuses(report) == [Status.DONE, Status.ALREADY, Status.DONE]
    assert "unblock_identifiers" in (report.outcomes[1].detail or "")


async def test_a_refused_unblock_whose_earlier_attempt_may_have_acted_is_read_back_before_it_is_bisected() -> None:
    service = Service(blocks=False, listed={"a", "b", "c"})
    bulk = Bulk(service, RefusedAfterSilence(service))
    report = await bulk.report(["a", "b", "c"])
    assert statuses(report) == [Status.DONE] * 3
    assert bulk.service.reads[0].began < bulk.service.attempts[0].at


async def test_everybody_blocked_already_by_a_service_that_refuses_them_is_settled_by_few_read_backs() -> None:
    bulk = Bulk(Service(listed=set(PEOPLE), repeats="fails"), tokens=5.0)
    report = await bulk.report(PEOPLE, batch_size=50)
    assert report.counts[Status.ALREADY] == 1_000
    assert len(bulk.service.reads) <= 3


async def test_a_413_is_halved_and_later_batches_are_smaller() -> None:
    bulk = Bulk(Service(most_items=100), concurrency=1)
    report = await bulk.report(PEOPLE, batch_size=400)
    assert report.counts[Status.DONE] == 1_000
    sizes = [len(keys) for keys in bulk.sent]
    assert sizes[:4] == [400, 200, 200, 100]
    assert max(sizes[4:]) == 100


async def test_a_service_that_refuses_large_batches_with_400_gets_smaller_ones_too() -> None:
    bulk = Bulk(Service(most_items=100, too_large_status=400), concurrency=2)
    report = await bulk.report([f"p{number}" for number in range(20_000)])
    assert report.counts[Status.DONE] == 20_000
    assert len(bulk.sent) <= 500


async def test_one_bad_lead_does_not_make_later_batches_smaller() -> None:
    bulk = Bulk(Service(bad={"p617": 400}), concurrency=1)
    await bulk.report(PEOPLE, batch_size=100)
    assert [len(keys) for keys in bulk.sent][-1] == 100


async def test_a_5xx_that_stays_is_bisected_to_the_one_poisonous_item() -> None:
    bulk = Bulk(Service(poison={"p77"}))
    report = await bulk.report(PEOPLE)
    assert report.counts[Status.DONE] == 999
    [unknown] = ended(report, Status.UNKNOWN)
    assert unknown.key == "p77"
    assert isinstance(unknown.error, ServerError)


async def test_a_5xx_is_bisected_once_in_a_run() -> None:
    bulk = Bulk(Service(poison={"p10", "p60"}), concurrency=1)
    report = await bulk.report(PEOPLE[:100], batch_size=50)
    unknown = [outcome.key for outcome in ended(report, Status.UNKNOWN)]
    assert unknown == ["p10", *PEOPLE[50:100]]


@pytest.mark.parametrize("status", [401, 403])
async def test_a_401_in_the_middle_ends_the_run_and_the_rest_is_not_sent(status: int) -> None:
    bulk = Bulk(Service(status_from=(3, status)), concurrency=1)
    with pytest.raises(APIError) as caught:
        await bulk.report(PEOPLE, batch_size=100, check=True)
    report = caught.value.report
    assert caught.value.status == status
    assert report is not None
    assert statuses(report) == [Status.DONE] * 300 + [Status.NOT_SENT] * 700
    assert report.outcomes[-1].error is caught.value
    assert len(bulk.sent) == 4


async def test_a_404_of_a_campaign_ends_the_run_and_is_not_bisected() -> None:
    bulk = Bulk(Service(status_from=(0, 404)))
    bulk.operation.missing_means = "run"
    with pytest.raises(NotFoundError) as caught:
        await bulk.report(PEOPLE[:10], check=True)
    assert caught.value.report is not None
    assert statuses(caught.value.report) == [Status.NOT_SENT] * 10
    assert len(bulk.sent) == 1


async def test_without_check_the_report_of_an_ended_run_is_returned() -> None:
    bulk = Bulk(Service(status_from=(0, 401)))
    report = await bulk.report(["a"])
    assert statuses(report) == [Status.NOT_SENT]
    assert isinstance(report.outcomes[0].error, AuthenticationError)


async def test_a_server_that_always_fails_is_asked_a_bounded_number_of_times() -> None:
    bulk = Bulk(Service(status_from=(0, 500)), attempts=5, concurrency=8)
    report = await bulk.report([f"p{number}" for number in range(50_000)])
    assert len(bulk.sent) <= 20 + 8 * 5
    assert report.counts[Status.UNKNOWN] <= 8 * 500
    assert report.counts[Status.NOT_SENT] >= 50_000 - 8 * 500


async def test_a_server_that_is_away_is_asked_a_bounded_number_of_times_and_nothing_was_sent() -> None:
    bulk = Bulk(Service(faults=lambda number, keys: Fault.NO_CONNECTION), attempts=5, concurrency=8)
    with pytest.raises(ConnectionFailedError) as caught:
        await bulk.report([f"p{number}" for number in range(50_000)], check=True)
    assert len(bulk.sent) <= 20 + 8 * 5
    assert caught.value.report is not None
    assert caught.value.report.counts[Status.NOT_SENT] == 50_000


async def test_a_server_that_refuses_everything_is_asked_a_bounded_number_of_times() -> None:
    people = [f"p{number}" for number in range(50_000)]
    bulk = Bulk(Service(bad=dict.fromkeys(people, 400)), concurrency=8)
    with pytest.raises(InvalidRequestError) as caught:
        await bulk.report(people, check=True)
    assert len(bulk.sent) <= 100
    report = caught.value.report
    assert report is not None
    assert 48 <= report.counts[Status.REFUSED] <= 48 + 8
    assert report.counts[Status.NOT_SENT] == 50_000 - report.counts[Status.REFUSED]


@pytest.mark.parametrize("good", [10, 470, 5_000])
async def test_thirty_bad_rows_at_the_top_of_a_good_file_do_not_end_it(good: int) -> None:
    people = [f"p{number}" for number in range(30 + good)]
    bulk = Bulk(Service(bad=dict.fromkeys(people[:30], 400)))
    report = await bulk.report(people)
    assert statuses(report) == [Status.REFUSED] * 30 + [Status.DONE] * good


async def test_thirty_lone_404s_of_an_unblock_do_not_end_the_run() -> None:
    bulk = Bulk(Service(blocks=False, listed=set(PEOPLE[60:]), repeats="fails"))
    report = await bulk.report(PEOPLE[:100], batch_size=1)
    assert statuses(report) == [Status.ALREADY] * 60 + [Status.DONE] * 40


async def test_an_empty_budget_stops_bisection_and_not_first_attempts() -> None:
    bulk = Bulk(Service(bad={"p3": 400}), tokens=0.0, concurrency=1)
    bulk.caller.ratio = 0.0
    report = await bulk.report(PEOPLE[:30], batch_size=10)
    assert statuses(report) == [Status.NOT_SENT] * 10 + [Status.DONE] * 20
    assert isinstance(report.outcomes[0].error, InvalidRequestError)
    assert "budget" in (report.outcomes[0].detail or "")


async def test_a_refused_batch_waits_for_tokens_that_other_batches_earn() -> None:
    bulk = Bulk(Service(bad={"p3": 400}), tokens=0.0, concurrency=1)
    report = await bulk.report(PEOPLE[:300], batch_size=10)
    assert report.counts[Status.REFUSED] == 1
    assert report.counts[Status.DONE] == 299


async def test_a_batch_that_429_turned_away_for_good_is_not_sent() -> None:
    bulk = Bulk(Service(faults=lambda number, keys: Fault.TOO_MANY), attempts=3)
    report = await bulk.report(["a", "b"])
    assert statuses(report) == [Status.NOT_SENT] * 2
    assert isinstance(report.outcomes[0].error, RateLimitedError)
    assert len(bulk.sent) == 3


async def test_numbers_end_as_the_answer_names_them() -> None:
    bulk = Bulk(Service(itemised=True, listed={"b"}, bad={"c": 400}))
    report = await bulk.report(["a", "b", "c"])
    assert statuses(report) == [Status.DONE, Status.ALREADY, Status.REFUSED]
    assert [outcome.detail for outcome in report.outcomes[:2]] == [None, "was so"]
    assert "bad number" in str(report.outcomes[2].error)
    assert len(bulk.sent) == 1


async def test_a_number_that_the_answer_does_not_name_is_read_back() -> None:
    bulk = Bulk(Service(itemised=True, faults=lambda number, keys: Fault.ONE_LESS if number == 0 else None))
    report = await bulk.report(["a", "b", "c"])
    assert statuses(report) == [Status.DONE] * 3
    assert bulk.sent == [["a", "b", "c"], ["c"]]


async def test_already_in_the_answer_to_a_repeated_request_may_be_our_own_doing() -> None:
    bulk = Bulk(
        Service(itemised=True, faults=lambda number, keys: Fault.CUT_AFTER if number == 0 else None), attempts=2
    )
    report = await bulk.report(["a", "b"])
    assert statuses(report) == [Status.DONE] * 2
