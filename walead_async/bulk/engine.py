"""The bulk calls: one that returns a report, and one that yields outcomes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from walead_async.bulk.arguments import check_call
from walead_async.bulk.driver import Driver
from walead_async.bulk.one_batch import one_batch, settles
from walead_async.bulk.outcomes import Outcomes, count_statuses, settled_event
from walead_async.errors import InvalidInputError, OutcomeUnknownError, WaleadError
from walead_async.models import BulkReport, Outcome

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Iterable, Iterator

    from walead_async.bulk.operation import Operation, Verify
    from walead_async.bulk.outcomes import Batch
    from walead_async.transport.messages import Caller, Response

__all__ = ["BulkStream", "bulk_report", "bulk_stream", "run_to_its_end"]

#: How many items a stream holds at most that it has not yielded yet.
WINDOW = 32_768


def bulk_stream(
    caller: Caller,
    operation: Operation,
    items: Iterable[object] | AsyncIterable[object],
    *,
    batch_size: int = 500,
    verify: Verify = "unclear",
) -> BulkStream:
    """Change items of an input of any length, and yield the outcome of each in order, in bounded memory.

    Raises `InvalidInputError` at once if the call cannot be made like this.
    """
    check_call(items, batch_size, verify)
    window = max(WINDOW, 2 * caller.concurrency * batch_size)
    return BulkStream(Driver(caller, operation, items, batch_size, verify, window=window))


async def bulk_report(
    caller: Caller,
    operation: Operation,
    items: Iterable[object] | AsyncIterable[object],
    *,
    batch_size: int = 500,
    verify: Verify = "unclear",
    check: bool = True,
) -> BulkReport:
    """Change all items, and return what became of each.

    With `check`, raises `BulkFailedError` if an item is not as wanted, or the error that ended the run; both have the
    report. A run that ends early still reads its input, so that the report names every item. What the source raises is
    raised in any case, after everything pulled from it is settled.
    """
    check_call(items, batch_size, verify)
    if (clean := one_batch(operation, items, batch_size)) is None:
        driver = Driver(caller, operation, items, batch_size, verify, window=None)
    else:
        # Most calls of an app are one clean batch: they cost little more than their request.
        batch, request = clean
        try:
            came: Response | WaleadError = await caller.send(request, lane=batch)
        except WaleadError as error:
            came = error
        if verify != "always" and settles(operation, batch, came):
            if caller.observed:
                caller.emit(settled_event(operation.path, batch))
            return BulkReport(Outcomes([batch]), count_statuses([batch]))
        driver = Driver(caller, operation, (), batch_size, verify, window=None)
        driver.go_on(batch, request, came)
    report, ended_by = await run_to_its_end(driver)
    if check and ended_by is not None:
        raise ended_by
    if check:
        report.raise_for_failures()
    return report


async def run_to_its_end(driver: Driver) -> tuple[BulkReport, WaleadError | None]:
    """Carry a run out, and return its report with the error that ended it, None if it came to its end.

    Raises what the source raised, unless the run had ended before.
    """
    batches: list[Batch] = []
    try:
        while settled := await driver.next_batches():
            batches += settled
            if driver.ended_by is not None:
                # The rest of the input needs no request, and may be long.
                await asyncio.sleep(0)
    finally:
        driver.forget()
    report = BulkReport(Outcomes(batches), count_statuses(batches))
    for raised in (driver.source_error, driver.ended_by):
        if isinstance(raised, WaleadError):
            raised.report = report
    if driver.source_error is not None and driver.ended_by is None:
        raise driver.source_error
    return report, driver.ended_by


class BulkStream(AsyncIterator[Outcome]):
    """The outcomes of a run, in the order of the input; `async for` carries the run on.

    Nothing is sent before the first outcome is asked for. A loop that is left early leaves requests under way: they
    are ended when the stream is let go, or by `await stream.aclose()`, and nothing new is sent.
    """

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._outcomes: Iterator[Outcome] = iter(())
        self._advancing = False
        self._interrupted = False
        self._over = False

    def __aiter__(self) -> BulkStream:
        return self

    async def __anext__(self) -> Outcome:
        for outcome in self._outcomes:
            return outcome
        if self._over:
            raise StopAsyncIteration
        if self._advancing:
            raise InvalidInputError("one stream feeds one loop: start another stream for another loop")
        if self._interrupted:
            raise OutcomeUnknownError("this stream was interrupted: call again for the items it did not yield")
        self._advancing = self._interrupted = True
        try:
            settled = await self._driver.next_batches()
            self._interrupted = False
        finally:
            self._advancing = False
        if settled:
            self._outcomes = (outcome for batch in settled for outcome in batch.outcomes())
            return next(self._outcomes)
        self._over = True
        self._driver.forget()
        error = self._driver.source_error or self._driver.ended_by
        if error is not None:
            raise error
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """End the requests that are under way. The stream yields nothing more."""
        self._over = True
        self._outcomes = iter(())
        await self._driver.aclose()

    def __del__(self) -> None:
        self._driver.forget()
