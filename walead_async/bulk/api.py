"""The bulk calls: one that returns a report, and one that yields outcomes."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping
from typing import TYPE_CHECKING, get_args

from walead_async.bulk.batching import MAX_BYTES
from walead_async.bulk.operation import Verify
from walead_async.bulk.outcomes import DONE, Chunk, report_of, settled_event
from walead_async.bulk.results import ours
from walead_async.bulk.runner import INTERRUPTED, Runner, run_to_its_end
from walead_async.errors import InvalidInputError, OutcomeUnknownError, WaleadError
from walead_async.models import BulkReport, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from walead_async.bulk.operation import Operation
    from walead_async.transport.messages import Caller, Request, Response

__all__ = ["BulkStream", "bulk_report", "bulk_stream", "check_call", "check_items"]

#: How many items a stream holds at most that it has not yielded yet.
WINDOW = 32_768
VERIFY = get_args(Verify)


def check_call(items: object, batch_size: object, verify: object) -> None:
    """Raise `InvalidInputError` if a bulk call cannot be made with these arguments."""
    if type(items) is not list:
        check_items(items)
    if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
        raise InvalidInputError(f"batch_size is a whole number of at least 1, not {batch_size!r}")
    if verify not in VERIFY:
        raise InvalidInputError(f"verify is one of {', '.join(VERIFY)}, not {verify!r}")


def check_items(items: object) -> None:
    """Raise `InvalidInputError` for what is no list of items, also where it iterates as one."""
    kind = type(items).__name__
    if isinstance(items, (str, bytes, bytearray, memoryview, Mapping)):
        raise InvalidInputError(f"this call takes a list of items, not a single {kind}: put it into a list")
    if any(hasattr(items, name) for name in ("columns", "column_names")):
        raise InvalidInputError(f"this call takes a list of items, not a whole {kind}: give one column of it")
    if isinstance(items, tuple) and hasattr(items, "_fields"):
        raise InvalidInputError(f"this call takes a list of items, not the fields of one {kind}: give one of them")
    if not isinstance(items, (Iterable, AsyncIterable)):
        raise InvalidInputError(f"this call takes a list, a generator or another iterable, not {kind}")


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
    return BulkStream(Runner(caller, operation, items, batch_size, verify, window=window))


async def bulk_report(
    caller: Caller,
    operation: Operation,
    items: Iterable[object] | AsyncIterable[object],
    *,
    batch_size: int = 500,
    verify: Verify = "unclear",
    check: bool = True,
) -> BulkReport:
    """Change all items, and return what became of each; an empty input makes an empty report.

    With `check`, raises `BulkFailedError` if an item is not as wanted, or the error that ended the run; both have the
    report. A run that ends early still reads its input, so that the report names every item. What the source raises is
    raised in any case, after everything taken from it is settled.
    """
    check_call(items, batch_size, verify)
    if (clean := _one_batch(operation, items, batch_size)) is None:
        runner = Runner(caller, operation, items, batch_size, verify, window=None)
    else:
        # Most calls of an app are one clean batch: they cost little more than their request.
        chunk, request = clean
        try:
            came: Response | WaleadError = await caller.send(request, flow=chunk)
        except Exception as error:
            came = ours(error, "the request")
        if verify != "always" and _settles(operation, chunk, came):
            if caller.observed:
                caller.emit(settled_event(operation.path, chunk))
            return report_of([chunk])
        runner = Runner(caller, operation, (), batch_size, verify, window=None)
        runner.take_over(chunk, len(request.body or b""), came)
    report, ended_by = await run_to_its_end(runner)
    if check and ended_by is not None:
        raise ended_by
    if check:
        report.raise_for_failures()
    return report


def _one_batch(operation: Operation, items: object, batch_size: int) -> tuple[Chunk, Request] | None:
    """The items and their request, if they are one batch without a duplicate or an invalid item; else None."""
    if not isinstance(items, (list, tuple)) or not 0 < len(items) <= batch_size:
        return None
    try:
        keys, encoded, invalid, remarks = operation.entries(items)
        if invalid or len(set(keys)) < len(keys):
            return None
        request = operation.request(encoded)
    except Exception:
        return None  # what is wrong is told by the run, with a report
    return (Chunk(0, tuple(items), keys, remarks), request) if len(request.body or b"") <= MAX_BYTES else None


def _settles(operation: Operation, chunk: Chunk, came: Response | WaleadError) -> bool:
    """Settle the chunk if the answer counts as many items as it holds; False if anything else came."""
    if isinstance(came, WaleadError):
        return False
    try:
        answer = operation.answer(came, chunk.keys)
    except Exception:
        return False
    if answer.named is not None or answer.count != len(chunk.items):
        return False
    chunk.resolve(range(len(chunk.items)), DONE)
    return True


class BulkStream(AsyncIterator[Outcome]):
    """The outcomes of a run, in the order of the input; `async for` carries the run on.

    Nothing is sent before the first outcome is asked for. A loop that is left early leaves requests under way: they
    are ended when the stream is let go, or by `await stream.aclose()`, and nothing new is sent.
    """

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
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
            raise OutcomeUnknownError(INTERRUPTED)
        self._advancing = self._interrupted = True
        try:
            chunks = await self._runner.next_chunks()
            self._interrupted = False
        finally:
            self._advancing = False
        if chunks:
            self._outcomes = (outcome for chunk in chunks for outcome in chunk.outcomes())
            return next(self._outcomes)
        self._over = True
        self._runner.forget()
        error = self._runner.source_error or self._runner.ended_by
        if error is not None:
            raise error
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """End the requests that are under way. The stream yields nothing more."""
        self._over = True
        self._outcomes = iter(())
        await self._runner.aclose()

    def __del__(self) -> None:
        self._runner.forget()
