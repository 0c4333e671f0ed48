"""Unblocking people by name: from people to their records, and from what became of the records back to people."""

from __future__ import annotations

from collections.abc import AsyncIterable
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from walead_async.bulk.api import check_call
from walead_async.bulk.batching import Distinct
from walead_async.bulk.outcomes import DONE, Result, report_of
from walead_async.bulk.results import ours
from walead_async.bulk.runner import Runner, run_to_its_end
from walead_async.models import SETTLED, BulkReport, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from walead_async.bulk.operation import Entries, Operation, Verify
    from walead_async.errors import WaleadError
    from walead_async.models import BlockedLead, Outcome
    from walead_async.transport.messages import Caller

__all__ = ["Records", "unblock_identifiers"]

NOT_BLOCKED = Result(Status.ALREADY, "is not blocked")
LOOKUP_FAILED = "nobody could be looked up in the list, so nothing was sent"
#: What a person ends as if some of their records are still there, the worst first.
WORST_FIRST = (Status.UNKNOWN, Status.REFUSED, Status.NOT_SENT)


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

    A person is DONE only if every one of their records is gone, and ALREADY only if absence is proven. `normalise` is
    the `entries` of an operation that takes identifiers; `unblock` takes records, and knows that they were listed.

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
    except Exception as error:
        ended_by = ours(error, "the look-up", sent=False)
        people.resolve_all(Result(Status.NOT_SENT, LOOKUP_FAILED, ended_by))
    else:
        runner = Runner(caller, unblock, records, batch_size, verify, window=None)
        done, ended_by = await run_to_its_end(runner)
        people.settle(done.outcomes)
    report = report_of(people.chunks)
    if ended_by is not None:
        ended_by.report = report
        if check:
            raise ended_by
    if check:
        report.raise_for_failures()
    return report


class _People(Distinct):
    """The people of one call: who is wanted, and what became of each."""

    def __init__(self, items: Sequence[object], normalise: Callable[[Sequence[object]], Entries]) -> None:
        super().__init__(items, normalise)
        # How many records each person has.
        self._records: dict[str, int] = {}

    def take(self, found: Mapping[str, tuple[BlockedLead, ...]]) -> list[BlockedLead]:
        """The records to remove, person by person. Who has none is settled."""
        for key in self.wanted:
            if found[key]:
                self._records[key] = len(found[key])
            else:
                self.resolve(key, NOT_BLOCKED)
        return [record for key in self._records for record in found[key]]

    def settle(self, outcomes: Iterable[Outcome]) -> None:
        """Settle each person by what became of their records, which stand in the order of `take`."""
        # What became of a record that somebody else has too is told where it stood first.
        by_record: dict[str, Result] = {}
        turn = iter(outcomes)
        for key, count in self._records.items():
            mine = [
                by_record.setdefault(outcome.key, Result(outcome.status, outcome.detail, outcome.error))
                for outcome in islice(turn, count)
            ]
            self.resolve(key, _result_of_person(mine))


def _result_of_person(records: Sequence[Result]) -> Result:
    """A person is unblocked when all their records are gone; else the worst of those that stayed says why."""
    stayed = [result for result in records if result.status not in SETTLED]
    if not stayed:
        return DONE
    worst = min(stayed, key=_badness)
    still = f"{len(stayed)} of {len(records)} records may still be there"
    status = worst.status if worst.status in WORST_FIRST else Status.NOT_SENT
    return Result(status, f"{still}: {worst.detail or worst.error}", worst.error)


def _badness(result: Result) -> int:
    return WORST_FIRST.index(result.status) if result.status in WORST_FIRST else len(WORST_FIRST)
