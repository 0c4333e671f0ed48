from __future__ import annotations

import pytest
from blocklist import Bulk, Fault, Service

from walead_async.bulk.batches import MAX_BYTES
from walead_async.bulk.one_batch import one_batch
from walead_async.errors import ConnectionFailedError
from walead_async.events import BatchSettled
from walead_async.models import Status


def test_a_clean_list_is_one_request(bulk: Bulk) -> None:
    clean = one_batch(bulk.operation, ["a", "B"], 2)
    assert clean is not None
    batch, request = clean
    assert list(batch.keys) == ["a", "b"]
    assert request.body == b'["a","b"]'


@pytest.mark.parametrize("items", [["a", "A"], ["a", "no word"], ["a", "b", "c"], iter(["a"]), {"a"}])
def test_anything_else_is_left_to_the_engine(bulk: Bulk, items: object) -> None:
    assert one_batch(bulk.operation, items, 2) is None


def test_a_list_too_large_for_one_request_is_left_to_the_engine(bulk: Bulk) -> None:
    assert one_batch(bulk.operation, ["a" * (MAX_BYTES // 2), "b" * (MAX_BYTES // 2)], 500) is None


async def test_a_call_with_one_item_asks_once_and_tells_the_hooks(bulk: Bulk) -> None:
    report = await bulk.report(["a"])
    assert [outcome.status for outcome in report.outcomes] == [Status.DONE]
    assert len(bulk.caller.sent) == 1
    assert bulk.caller.events == [BatchSettled(bulk.operation.path, 1, {"done": 1})]


async def test_whatever_else_comes_of_it_is_taken_up_by_the_engine() -> None:
    service = Service(faults=lambda number, keys: Fault.CUT_AFTER if number == 0 else None)
    bulk = Bulk(service)
    report = await bulk.report(["a"])
    assert report.counts[Status.DONE] == 1
    assert (len(bulk.sent), len(service.reads)) == (1, 1)


async def test_one_that_cannot_connect_was_not_sent() -> None:
    bulk = Bulk(Service(faults=lambda number, keys: Fault.NO_CONNECTION))
    report = await bulk.report(["a"])
    [outcome] = report.outcomes
    assert outcome.status is Status.NOT_SENT
    assert isinstance(outcome.error, ConnectionFailedError)


async def test_a_later_change_of_the_list_changes_no_outcome(bulk: Bulk) -> None:
    items = ["a", "b"]
    report = await bulk.report(items)
    items.clear()
    assert [outcome.item for outcome in report.outcomes] == ["a", "b"]
