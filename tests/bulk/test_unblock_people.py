from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from datetime import UTC, datetime

import pytest
from blocklist import Bulk, Fault, Service, broken

from walead_async.bulk.operation import Verify
from walead_async.bulk.unblock_people import unblock_identifiers
from walead_async.errors import (
    AuthenticationError,
    BulkFailedError,
    ConnectionFailedError,
    InvalidInputError,
    WaleadError,
)
from walead_async.models import BlockedLead, BulkReport, Status


class Records:
    """Who has which records, as the list said when it was read."""

    def __init__(self, **records: list[str]) -> None:
        self.records_of = records
        self.asked: list[list[str]] = []
        self.error: WaleadError | None = None

    async def records(self, keys: Collection[str]) -> Mapping[str, tuple[BlockedLead, ...]]:
        self.asked.append(list(keys))
        if self.error is not None:
            raise self.error
        return {
            key: tuple(
                BlockedLead(record, key, None, datetime(2025, 1, 1, tzinfo=UTC), "w")
                for record in self.records_of.get(key, [])
            )
            for key in keys
        }


class People(Bulk):
    """Unblocks people; the service lists the ids of records."""

    def __init__(self, lookup: Records, **settings: object) -> None:
        listed = {record for records in lookup.records_of.values() for record in records}
        super().__init__(Service(blocks=False, listed=listed, **settings))
        self.lookup = lookup

    async def unblock(
        self, people: object, *, verify: Verify = "unclear", batch_size: int = 500, check: bool = False
    ) -> BulkReport:
        return await unblock_identifiers(
            self.caller,
            self.lookup,
            ByRecord(self.caller),
            self.operation.entries,
            people,
            verify=verify,
            batch_size=batch_size,
            check=check,
        )


class ByRecord:
    """Removes records: takes the records themselves, and sends their ids."""

    def __init__(self, caller: object) -> None:
        from blocklist import FakeOperation

        inner = FakeOperation(caller)
        self.blocks, self.path, self.missing_means = False, inner.path, "listed"
        self.request, self.answer, self.present = inner.request, inner.answer, inner.present
        self._entries = inner.entries

    def entries(self, items: list[BlockedLead]) -> object:
        return self._entries([item.id for item in items])


async def test_a_person_is_done_when_every_one_of_their_records_is_gone() -> None:
    people = People(Records(ann=["r1", "r2"], bob=["r3"]))
    report = await people.unblock(["Ann", "bob"])
    assert [(outcome.item, outcome.key, outcome.status) for outcome in report.outcomes] == [
        ("Ann", "ann", Status.DONE),
        ("bob", "bob", Status.DONE),
    ]
    assert people.sent == [["r1", "r2", "r3"]]
    assert people.service.listed == set()


async def test_everybody_is_looked_up_once() -> None:
    people = People(Records(ann=["r1"]))
    await people.unblock(["ann", "bob", "ANN"], batch_size=1)
    assert people.lookup.asked == [["ann", "bob"]]


async def test_who_is_proven_absent_is_already_and_nothing_is_sent() -> None:
    people = People(Records())
    report = await people.unblock(["ann"], check=True)
    assert report.outcomes[0].status is Status.ALREADY
    assert people.sent == []


async def test_a_record_that_stays_keeps_the_person_from_being_done() -> None:
    people = People(Records(ann=["r1", "r2"], bob=["r3"]), bad={"r2": 422})
    report = await people.unblock(["ann", "bob"])
    ann, bob = report.outcomes
    assert (ann.status, bob.status) == (Status.REFUSED, Status.DONE)
    assert "1 of 2 records" in (ann.detail or "")
    assert ann.error is not None


async def test_the_worst_of_a_persons_records_names_their_end() -> None:
    service = {"bad": {"r1": 422}, "poison": {"r2"}}
    people = People(Records(ann=["r1", "r2", "r3"]), **service)
    report = await people.unblock(["ann"], batch_size=1)
    assert report.outcomes[0].status is Status.UNKNOWN


async def test_a_record_that_somebody_else_removed_meanwhile_is_gone_too() -> None:
    people = People(Records(ann=["r1", "r2"]), repeats="fails")
    people.service.listed.discard("r2")
    report = await people.unblock(["ann"])
    assert report.outcomes[0].status is Status.DONE


async def test_a_service_that_denies_a_record_which_it_still_lists_has_unblocked_nobody() -> None:
    people = People(Records(ann=["r1"], bob=["r2", "r3"]), bad={"r1": 404, "r3": 404})
    report = await people.unblock(["ann", "bob"])
    assert [outcome.status for outcome in report.outcomes] == [Status.REFUSED, Status.REFUSED]
    assert report.outcomes[0].detail is not None
    assert "its list still holds it" in report.outcomes[0].detail
    assert "1 of 2 records" in str(report.outcomes[1].detail)
    assert people.service.listed == {"r1", "r3"}


async def test_a_record_that_two_people_have_keeps_both_from_being_done_while_it_stays() -> None:
    people = People(Records(ann=["r1"], bob=["r1", "r2"]), bad={"r1": 422})
    report = await people.unblock(["ann", "bob"])
    assert [outcome.status for outcome in report.outcomes] == [Status.REFUSED, Status.REFUSED]


async def test_a_404_after_a_5xx_unblocks_nobody_whom_the_list_still_holds() -> None:
    faults = [Fault.FAILED, Fault.GATEWAY, Fault.GATEWAY]
    people = People(Records(ann=["r1"]), faults=lambda number, keys: faults[number] if number < len(faults) else None)
    report = await people.unblock(["ann"])
    assert report.outcomes[0].status is Status.UNKNOWN
    assert people.service.listed == {"r1"}


@pytest.mark.parametrize("nobody", [[], iter(()), (name for name in ())])
async def test_an_empty_input_makes_an_empty_report_and_asks_nothing(nobody: object) -> None:
    people = People(Records(ann=["r1"]))
    report = await people.unblock(nobody, check=True)
    assert report.ok
    assert list(report.outcomes) == people.lookup.asked == people.sent == []


async def test_a_lookup_that_breaks_by_a_fault_of_ours_is_an_error_of_the_tree_with_a_report() -> None:
    class Torn(Records):
        async def records(self, keys: Collection[str]) -> Mapping[str, tuple[BlockedLead, ...]]:
            raise KeyError

    people = People(Torn())
    with pytest.raises(WaleadError) as caught:
        await people.unblock(["ann"], check=True)
    assert caught.value.report is not None
    assert caught.value.report.counts[Status.NOT_SENT] == 1
    assert not caught.value.maybe_applied


async def test_told_never_to_verify_a_service_that_denies_a_record_is_believed() -> None:
    people = People(Records(ann=["r1"]), bad={"r1": 404})
    report = await people.unblock(["ann"], verify="never")
    assert report.outcomes[0].status is Status.DONE
    assert people.service.reads == []


async def test_what_a_service_denies_is_unknown_while_its_list_cannot_be_read() -> None:
    people = People(Records(ann=["r1"]), bad={"r1": 404}, read_fault=lambda number: broken())
    report = await people.unblock(["ann"])
    assert report.outcomes[0].status is Status.UNKNOWN
    assert isinstance(report.outcomes[0].error, WaleadError)


async def test_a_record_that_appears_later_is_never_removed() -> None:
    people = People(Records(ann=["r1"]), faults=lambda number, keys: Fault.CUT_BEFORE if number == 0 else None)
    people.service.listed.add("r9")
    report = await people.unblock(["ann"])
    assert report.outcomes[0].status is Status.DONE
    assert people.service.listed == {"r9"}
    assert people.lookup.asked == [["ann"]]


async def test_invalid_and_repeated_identifiers_keep_their_places() -> None:
    people = People(Records(ann=["r1"]))
    report = await people.unblock(["no word", "ann", "ANN", 7])
    assert [outcome.status for outcome in report.outcomes] == [
        Status.INVALID,
        Status.DONE,
        Status.DUPLICATE,
        Status.INVALID,
    ]
    assert "index 1" in (report.outcomes[2].detail or "")


async def test_with_nobody_valid_nobody_is_looked_up() -> None:
    people = People(Records())
    with pytest.raises(BulkFailedError):
        await people.unblock(["no word"], check=True)
    assert people.lookup.asked == []


async def test_a_lookup_that_fails_ends_the_run_before_anything_is_sent() -> None:
    people = People(Records(ann=["r1"]))
    people.lookup.error = ConnectionFailedError("the list cannot be reached")
    with pytest.raises(ConnectionFailedError) as caught:
        await people.unblock(["ann", "no word"], check=True)
    report = caught.value.report
    assert report is not None
    assert [outcome.status for outcome in report.outcomes] == [Status.NOT_SENT, Status.INVALID]
    assert people.sent == []
    again = await people.unblock(["ann"], check=False)
    assert again.counts[Status.NOT_SENT] == 1


async def test_a_401_in_the_middle_is_raised_with_the_report_of_people() -> None:
    people = People(Records(ann=["r1"], bob=["r2"]), status_from=(1, 401))
    people.caller.concurrency = 1
    with pytest.raises(AuthenticationError) as caught:
        await people.unblock(["ann", "bob"], batch_size=1, check=True)
    report = caught.value.report
    assert report is not None
    assert [(outcome.item, outcome.status) for outcome in report.outcomes] == [
        ("ann", Status.DONE),
        ("bob", Status.NOT_SENT),
    ]


async def test_a_bare_name_is_refused() -> None:
    with pytest.raises(InvalidInputError):
        await People(Records()).unblock("ann")


async def test_a_hundred_thousand_people_from_an_async_source() -> None:
    names = [f"p{number}" for number in range(100_000)]
    people = People(Records(**{name: [f"r-{name}"] for name in names}))

    async def source() -> AsyncIterator[str]:
        for name in names:
            yield name

    report = await people.unblock(source(), check=True)
    assert report.counts[Status.DONE] == 100_000
    assert len(people.sent) == 200
