"""What this call takes, and a call whose whole input is one clean batch."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import AsyncIterator, Iterator

import pytest
from blocklist import Bulk, Fault, Service

from walead_async.bulk.api import check_call
from walead_async.bulk.batching import MAX_BYTES
from walead_async.errors import ConnectionFailedError, InvalidInputError
from walead_async.events import BatchSettled
from walead_async.models import LeadToBlock, Status


class DataFrame:
    """Iterates as pandas' and polars' do: over the names of its columns."""

    columns = ("name", "linkedin")

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)


class Table(DataFrame):
    """As pyarrow's."""

    column_names = DataFrame.columns
    columns = ()


Row = namedtuple("Row", ["name", "linkedin"])


@pytest.mark.parametrize(
    "items", ["john-doe", "", b"john-doe", bytearray(b"john"), {"john-doe": 1}, {}, 7, None, LeadToBlock("a")]
)
def test_a_single_thing_in_place_of_a_list_is_refused(items: object) -> None:
    with pytest.raises(InvalidInputError, match="this call takes"):
        check_call(items, 500, "unclear")


@pytest.mark.parametrize("items", [DataFrame(), Table(), Row("John Doe", "john-doe")])
def test_what_iterates_over_names_of_columns_or_fields_is_refused_by_its_kind(items: object) -> None:
    with pytest.raises(InvalidInputError, match=f"this call takes .*{type(items).__name__}: give one"):
        check_call(items, 500, "unclear")


@pytest.mark.parametrize("batch_size", [0, -1, 1.5, "10", None, True])
def test_a_batch_size_is_a_whole_number_of_at_least_one(batch_size: object) -> None:
    with pytest.raises(InvalidInputError, match="batch_size"):
        check_call(["a"], batch_size, "unclear")


@pytest.mark.parametrize("verify", ["sometimes", None, True, ["always"]])
def test_verify_is_one_of_three_words(verify: object) -> None:
    with pytest.raises(InvalidInputError, match="unclear, always, never"):
        check_call(["a"], 500, verify)


def test_lists_generators_and_async_generators_are_taken() -> None:
    async def people() -> AsyncIterator[str]:
        yield "a"

    for items in (["a"], ("a",), {"a"}, [], (), iter(()), (name for name in ()), {"a": 1}.keys(), people()):
        check_call(items, 1, "never")


async def test_a_call_with_one_item_asks_once_and_tells_the_hooks(bulk: Bulk) -> None:
    report = await bulk.report(["a"])
    assert [outcome.status for outcome in report.outcomes] == [Status.DONE]
    assert len(bulk.caller.sent) == 1
    assert bulk.caller.events == [BatchSettled(bulk.operation.path, 1, {"done": 1})]


@pytest.mark.parametrize("items", [["a", "A"], ["a", "no word"], ["a", "b", "c"], iter(["a"]), {"a"}])
async def test_a_list_that_is_not_one_clean_batch_has_an_outcome_for_each_item_too(bulk: Bulk, items: object) -> None:
    report = await bulk.report(items, batch_size=2)
    assert report.counts[Status.DONE] + report.counts[Status.INVALID] + report.counts[Status.DUPLICATE] == len(
        report.outcomes
    )
    assert max(map(len, bulk.sent)) <= 2


async def test_a_list_too_large_for_one_request_is_sent_in_two(bulk: Bulk) -> None:
    await bulk.report(["a" * (MAX_BYTES // 2), "b" * (MAX_BYTES // 2)])
    assert [len(keys) for keys in bulk.sent] == [1, 1]


async def test_a_single_batch_whose_answer_breaks_off_is_verified() -> None:
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
