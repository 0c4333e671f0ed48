"""Read-backs: when they are made, what they settle, and what is sent again."""

from __future__ import annotations

import pytest
from blocklist import Bulk, Fault, Service

from walead_async.errors import OutcomeUnknownError, PaginationError, WaleadError
from walead_async.models import Status

PEOPLE = [f"p{number}" for number in range(1_000)]

UNCLEAR = [
    Fault.CUT_AFTER,
    Fault.TIMED_OUT_AFTER,
    Fault.GARBAGE,
    Fault.NO_COUNT,
    Fault.ONE_MORE,
]


def first_time(fault: Fault) -> Service:
    """A service where the first attempt meets this fault."""
    return Service(faults=lambda number, keys: fault if number == 0 else None)


@pytest.mark.parametrize("fault", UNCLEAR)
async def test_a_block_that_was_made_although_nobody_said_so_is_done_after_a_read_back(fault: Fault) -> None:
    bulk = Bulk(first_time(fault))
    report = await bulk.report(["a", "b"])
    assert report.counts[Status.DONE] == 2
    assert bulk.sent == [["a", "b"]]
    [read] = bulk.service.reads
    assert read.began > bulk.service.attempts[0].ended


@pytest.mark.parametrize("fault", [Fault.CUT_BEFORE, Fault.CUT_LATE, Fault.NO_SUCCESS])
async def test_a_block_that_a_read_back_does_not_find_is_sent_again(fault: Fault) -> None:
    bulk = Bulk(first_time(fault))
    report = await bulk.report(["a", "b"])
    assert report.counts[Status.DONE] == 2
    assert bulk.sent == [["a", "b"], ["a", "b"]]


@pytest.mark.parametrize("fault", [*UNCLEAR, Fault.FAILED_AFTER])
async def test_an_unblock_that_was_made_is_not_sent_a_second_time(fault: Fault) -> None:
    service = first_time(fault)
    service.blocks, service.listed = False, {"a", "b"}
    bulk = Bulk(service, attempts=3)
    report = await bulk.report(["a", "b"])
    assert report.counts[Status.DONE] == 2
    assert bulk.sent == [["a", "b"]]


@pytest.mark.parametrize("fault", [Fault.CUT_BEFORE, Fault.FAILED, Fault.NO_SUCCESS])
async def test_an_unblock_is_sent_again_only_after_a_read_back_shows_its_records(fault: Fault) -> None:
    service = first_time(fault)
    service.blocks, service.listed = False, {"a", "b"}
    bulk = Bulk(service, attempts=3)
    report = await bulk.report(["a", "b"])
    assert report.counts[Status.DONE] == 2
    first, *others = service.attempts
    [read] = service.reads
    assert first.ended < read.began < others[0].at
    assert sorted(key for attempt in others for key in attempt.keys) == ["a", "b"]


async def test_only_what_is_still_listed_is_unblocked_again() -> None:
    service = first_time(Fault.ONE_LESS)
    service.blocks, service.listed = False, {"a", "b", "c"}
    bulk = Bulk(service)
    report = await bulk.report(["a", "b", "c"])
    assert report.counts[Status.DONE] == 3
    assert bulk.sent == [["a", "b", "c"], ["c"]]


async def test_an_unclear_count_leaves_open_who_was_blocked_before() -> None:
    bulk = Bulk(Service(listed={"b"}))
    report = await bulk.report(["a", "b", "c"])
    assert report.counts[Status.DONE] == 3


async def test_a_count_of_none_and_everybody_listed_is_already() -> None:
    bulk = Bulk(Service(listed={"a", "b"}))
    report = await bulk.report(["a", "b"])
    assert report.counts[Status.ALREADY] == 2


async def test_a_count_of_none_after_an_attempt_that_may_have_acted_is_done() -> None:
    bulk = Bulk(first_time(Fault.CUT_AFTER), attempts=2)
    report = await bulk.report(["a", "b"])
    assert bulk.sent == [["a", "b"], ["a", "b"]]
    assert report.counts[Status.DONE] == 2


async def test_records_that_were_not_there_to_unblock_are_already() -> None:
    bulk = Bulk(Service(blocks=False))
    report = await bulk.report(["a", "b"])
    assert report.counts[Status.ALREADY] == 2
    assert "unblock_identifiers" in (report.outcomes[0].detail or "")


async def test_a_name_among_record_ids_is_done_with_a_hint_to_unblocking_people() -> None:
    bulk = Bulk(Service(blocks=False, listed={"record-1"}))
    report = await bulk.report(["record-1", "john-doe"])
    assert report.counts[Status.DONE] == 2
    assert "unblock_identifiers" in (report.outcomes[1].detail or "")


async def test_what_is_never_found_ends_unknown_when_its_attempts_are_spent() -> None:
    bulk = Bulk(Service(faults=lambda number, keys: Fault.NO_SUCCESS))
    report = await bulk.report(["a"])
    [outcome] = report.outcomes
    assert outcome.status is Status.UNKNOWN
    assert "not done when last read" in (outcome.detail or "")
    assert isinstance(outcome.error, OutcomeUnknownError)
    assert len(bulk.sent) == len(bulk.service.reads) == 3


async def test_never_leaves_unclear_items_unknown_and_reads_nothing() -> None:
    bulk = Bulk(first_time(Fault.NO_COUNT))
    report = await bulk.report(["a", "b"], verify="never")
    assert report.counts[Status.UNKNOWN] == 2
    assert bulk.service.reads == []
    assert len(bulk.sent) == 1


async def test_always_reads_back_what_was_confirmed_too() -> None:
    bulk = Bulk(Service())
    report = await bulk.report(PEOPLE[:30], batch_size=10, verify="always")
    assert report.counts[Status.DONE] == 30
    assert [len(read.present) for read in bulk.service.reads] == [30]


async def test_always_finds_who_was_confirmed_and_is_not_there() -> None:
    service = Service(repeats="counts", faults=lambda number, keys: Fault.ONE_LESS if number == 0 else None)
    bulk = Bulk(service)
    service.itemised = False
    report = await bulk.report(["a", "b"], verify="always")
    assert report.counts[Status.DONE] == 2
    assert service.listed == {"a", "b"}


async def test_one_read_back_settles_many_batches_of_a_service_that_does_not_count_repeats() -> None:
    bulk = Bulk(Service(listed=set(PEOPLE)))
    report = await bulk.report(PEOPLE, batch_size=50)
    assert report.counts[Status.ALREADY] == 1_000
    assert len(bulk.sent) == 20
    assert [len(read.present) for read in bulk.service.reads] == [1_000]


async def test_what_is_missing_from_many_batches_is_sent_again_in_few_requests() -> None:
    bulk = Bulk(Service(faults=lambda number, keys: Fault.ONE_LESS if len(keys) == 50 and number < 20 else None))
    report = await bulk.report(PEOPLE, batch_size=50)
    assert report.counts[Status.DONE] == 1_000
    assert sorted(len(keys) for keys in bulk.sent)[:-20] == [20]


async def test_a_read_back_that_fails_is_made_once_more() -> None:
    service = first_time(Fault.CUT_AFTER)
    service.read_fault = lambda number: PaginationError("unreadable") if number == 0 else None
    report = await Bulk(service).report(["a"])
    assert report.counts[Status.DONE] == 1
    assert len(service.reads) == 2


async def test_after_two_failed_read_backs_the_items_are_unknown_and_say_why() -> None:
    service = first_time(Fault.CUT_AFTER)
    service.read_fault = lambda number: PaginationError("unreadable")
    report = await Bulk(service).report(["a", "b"])
    assert report.counts[Status.UNKNOWN] == 2
    assert "unreadable" in (report.outcomes[0].detail or "")
    assert isinstance(report.outcomes[0].error, PaginationError)
    assert len(service.reads) == 2


async def test_what_is_open_when_a_401_ends_the_run_is_unknown_and_not_read_back() -> None:
    service = Service(status_from=(1, 401), faults=lambda number, keys: Fault.CUT_AFTER if number == 0 else None)
    bulk = Bulk(service, concurrency=1)
    with pytest.raises(WaleadError) as caught:
        await bulk.report(PEOPLE[:30], batch_size=10, check=True)
    report = caught.value.report
    assert report is not None
    assert report.counts[Status.UNKNOWN] == 10
    assert report.counts[Status.NOT_SENT] == 20
    assert service.reads == []


async def test_what_is_open_when_refusals_end_the_run_is_still_read_back() -> None:
    service = Service(status_from=(1, 403), faults=lambda number, keys: Fault.CUT_AFTER if number == 0 else None)
    report = await Bulk(service, concurrency=1).report(PEOPLE[:30], batch_size=10)
    assert report.counts[Status.DONE] == 10
    assert report.counts[Status.NOT_SENT] == 20


async def test_an_item_refused_after_an_attempt_that_may_have_acted_is_read_back() -> None:
    service = first_time(Fault.CUT_AFTER)
    bulk = Bulk(service, attempts=2)
    service.repeats = "fails"
    report = await bulk.report(["a"])
    assert report.counts[Status.DONE] == 1
    assert len(bulk.sent) == 2
    assert len(service.reads) == 1


async def test_the_parts_of_a_batch_that_lost_its_budget_after_a_5xx_are_read_back() -> None:
    service = Service(poison={"p3"}, faults=lambda number, keys: Fault.FAILED_IN_PART if number == 0 else None)
    service.poison = ()
    bulk = Bulk(service, tokens=0.0)
    report = await bulk.report(PEOPLE[:4])
    assert [outcome.status for outcome in report.outcomes] == [Status.DONE] * 2 + [Status.UNKNOWN] * 2
    assert len(service.reads) == 1


async def test_an_unblock_that_was_confirmed_and_is_still_listed_is_unknown_and_not_sent_again() -> None:
    service = Service(blocks=False, listed={"a", "b"})
    bulk = Bulk(service)
    service.lag = 100
    report = await bulk.report(["a", "b"], verify="always")
    assert report.counts[Status.UNKNOWN] == 2
    assert "confirmed" in (report.outcomes[0].detail or "")
    assert bulk.sent == [["a", "b"]]
