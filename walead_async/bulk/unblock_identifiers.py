"""Unblocking people by name: from people to their records, and from what became of the records back to people."""

from __future__ import annotations

from collections.abc import AsyncIterable
from typing import TYPE_CHECKING, Protocol

from walead_async.bulk.arguments import check_call
from walead_async.bulk.driver import Driver
from walead_async.bulk.engine import run_to_its_end
from walead_async.bulk.outcomes import DONE, Batch, End, Outcomes, count_statuses, duplicate_of
from walead_async.errors import WaleadError
from walead_async.models import SETTLED, BulkReport, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from walead_async.bulk.operation import Entries, Operation, Verify
    from walead_async.models import BlockedLead, Outcome
    from walead_async.transport.messages import Caller

__all__ = ["Records", "unblock_identifiers"]

#: How many identifiers are normalised at once.
AT_ONCE = 1_000

NOT_BLOCKED = End(Status.ALREADY, "is not blocked")
STILL_LISTED = End(
    Status.REFUSED, "the service answered that there is no such record, but its list still holds it: tell its support"
)
#: What a person ends as if some of their records are still there, the worst first.
WORST_FIRST = (Status.UNKNOWN, Status.REFUSED)


class Records(Protocol):
    """Looks people up in the list."""

    async def records(self, keys: Collection[str]) -> Mapping[str, tuple[BlockedLead, ...]]:
        """Every record of each key; () only where absence is proven. Raises if the list could not be read."""
        ...


async def unblock_identifiers(
    caller: Caller,
    lookup: Records,
    unblock: Operation,
    normalise: Callable[[Sequence[object]], Entries],
    identifiers: Iterable[object] | AsyncIterable[object],
    *,
    batch_size: int = 500,
    verify: Verify = "unclear",
    check: bool = True,
) -> BulkReport:
    """Unblock people: remove the records that stand in the list for them now, and none that appears later.

    A person is DONE only if every one of their records is gone, and ALREADY only if absence is proven. That a record
    which was in the list is not there is not taken from a 404: the list is asked, unless `verify` is "never".
    `normalise` is the `entries` of an operation that takes identifiers; `unblock` takes records.

    Raises as `bulk_report`; a lookup that fails ends the run before anything is sent.
    """
    check_call(identifiers, batch_size, verify)
    if isinstance(identifiers, AsyncIterable):
        people = _People([item async for item in identifiers], normalise)
    else:
        people = _People(list(identifiers), normalise)
    ended_by: WaleadError | None = None
    try:
        records = people.take(await lookup.records(people.wanted)) if people.wanted else []
    except WaleadError as error:
        ended_by = error
        people.give_up(error)
    else:
        if records:
            done, ended_by = await run_to_its_end(Driver(caller, unblock, records, batch_size, verify, window=None))
            people.settle(done.outcomes, await _denied(unblock, done.outcomes, verify))
    report = people.report()
    if ended_by is not None:
        ended_by.report = report
        if check:
            raise ended_by
    if check:
        report.raise_for_failures()
    return report


async def _denied(unblock: Operation, outcomes: Iterable[Outcome], verify: Verify) -> dict[str, End]:
    """Records of which the service said that there is no such record, and that are not proven to be gone; by id."""
    denied = [outcome.key for outcome in outcomes if outcome.status is Status.ALREADY]
    if not denied or verify == "never":
        return {}
    try:
        present = await unblock.present(denied)
    except WaleadError as error:
        why = f"the service said that there is no such record, and the list could not be read to see: {error}"
        return dict.fromkeys(denied, End(Status.UNKNOWN, why, error))
    return {record: STILL_LISTED for record in denied if present[record]}


class _People:
    """The people of one call: who is wanted, and what became of each."""

    def __init__(self, items: Sequence[object], normalise: Callable[[Sequence[object]], Entries]) -> None:
        keys: list[str] = []
        self._batch = Batch(0, items, keys)
        #: The position of each person in the input.
        self.wanted: dict[str, int] = {}
        # How many records a person has, and what became of those that are not gone.
        self._records: dict[str, int] = {}
        for start in range(0, len(items), AT_ONCE):
            entries = normalise(items[start : start + AT_ONCE])
            keys.extend(entries.keys)
            for position, key in enumerate(entries.keys, start):
                why = entries.invalid.get(position - start)
                first = position if why else self.wanted.setdefault(key, position)
                if why is not None:
                    self._batch.settle((position,), End(Status.INVALID, str(why), why))
                elif first != position:
                    self._batch.settle((position,), duplicate_of(first))

    def take(self, found: Mapping[str, tuple[BlockedLead, ...]]) -> list[BlockedLead]:
        """The records to remove, person by person. Who has none is settled."""
        taken: list[BlockedLead] = []
        for key, position in self.wanted.items():
            if found[key]:
                self._records[key] = len(found[key])
                taken.extend(found[key])
            else:
                self._batch.settle((position,), NOT_BLOCKED)
        return taken

    def settle(self, outcomes: Iterable[Outcome], denied: Mapping[str, End]) -> None:
        """Settle each person by what became of their records, which stand in the order of `take`.

        `denied` overrules the outcome of a record.
        """
        of_records = (
            End(outcome.status, outcome.detail, outcome.error) if outcome.key not in denied else denied[outcome.key]
            for outcome in outcomes
        )
        for key, count in self._records.items():
            mine = [next(of_records) for _ in range(count)]
            self._batch.settle((self.wanted[key],), _end_of_person(mine))

    def give_up(self, error: WaleadError) -> None:
        """Nobody could be looked up."""
        end = End(Status.NOT_SENT, "nobody could be looked up in the list, so nothing was sent", error)
        self._batch.settle(list(self.wanted.values()), end)

    def report(self) -> BulkReport:
        """What became of each person."""
        return BulkReport(Outcomes([self._batch]), count_statuses([self._batch]))


def _end_of_person(records: Sequence[End]) -> End:
    """A person is unblocked when all their records are gone; else the worst of those that stayed says why."""
    stayed = [end for end in records if end.status not in SETTLED]
    if not stayed:
        return DONE
    by_status = {end.status: end for end in reversed(stayed)}
    status = next((status for status in WORST_FIRST if status in by_status), Status.NOT_SENT)
    worst = by_status.get(status, stayed[0])
    still = f"{len(stayed)} of {len(records)} records may still be there"
    return End(status, f"{still}: {worst.detail or worst.error}", worst.error)
