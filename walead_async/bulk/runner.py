"""One bulk run: take, normalise, cut, send, act on the answer, verify, and hand outcomes out in order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator
from itertools import islice
from typing import TYPE_CHECKING

from walead_async.bulk import results
from walead_async.bulk.batching import Batch, Batcher, Limits, SendQueue, places_of
from walead_async.bulk.outcomes import DONE, Chunk, Result, report_of, settled_event
from walead_async.bulk.results import CircuitBreaker, Doubt, Known, Meaning, ours
from walead_async.errors import APIError, OutcomeUnknownError, PayloadTooLargeError, ServerError, WaleadError
from walead_async.models import Status

if TYPE_CHECKING:
    from collections.abc import Collection, Coroutine, Iterable, Mapping, Sequence

    from walead_async.bulk.operation import Answer, Operation, Verify
    from walead_async.models import BulkReport
    from walead_async.transport.messages import Caller, Response

__all__ = ["INTERRUPTED", "Runner", "run_to_its_end"]

#: A refused batch is bisected twice at once: for one bad item that takes as many requests as halves do, for several
#: fewer, and half the round trips. One that was too large is halved.
WAYS = 4
#: How often an item is sent in all, while verifications show each time that it was not carried out.
MOST_SENDS = 3
#: How long tasks that were cancelled may take to end, in seconds.
CANCEL_GRACE = 1.0

BEFORE_ITS_TURN = "the run ended before its turn"
REFUSED_IN_BATCH = "refused as part of a batch, and the run ended before it was tried alone"
BATCH_TURNED_AWAY = "the service turned its whole batch away"
NOT_TAKEN = "it was not sent, or the service did not take it"
NOT_READ = "it was not read back"
INTERRUPTED = "this stream was interrupted: call again for the items it did not yield"
CONFIRMED_BUT_LISTED = "the service confirmed it, but its list still holds it: it may show changes late"


class Runner:
    """Carries one run out, step by step, as its outcomes are asked for.

    `window` is how many items may be held that have not been handed out yet, None for a report, which holds them all.
    """

    def __init__(
        self,
        caller: Caller,
        operation: Operation,
        items: Iterable[object] | AsyncIterable[object],
        batch_size: int,
        verify: Verify,
        *,
        window: int | None,
    ) -> None:
        self._caller = caller
        self._operation = operation
        self._source = aiter(items) if isinstance(items, AsyncIterable) else iter(items)
        self._verify: Verify = verify
        # Items in a list are there in any case; of a source no more is taken than can be sent.
        self._prepares = window is None and isinstance(items, (list, tuple))
        self._window = window
        self._flow = object()
        self._limits = Limits(batch_size)
        self._batcher = Batcher(operation.entries)
        self._queue = SendQueue(caller.take_retry)
        self._breaker = CircuitBreaker()
        self._bisected_after_5xx = False
        # Chunks that are not handed out yet, in order, and how many items they hold; how many items were taken in all,
        # and cut into how many batches.
        self._order: deque[Chunk] = deque()
        self._held = 0
        self._taken = 0
        self._batches = 0
        # What waits for a verification.
        self._doubts: list[tuple[Batch, Doubt]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._sending = 0
        self._verifying = self._closed = False
        # The task that takes from an async source, and what it has taken so far.
        self._taking: asyncio.Task[None] | None = None
        self._taken_now: list[object] = []
        self._source_done = False
        #: What the source raised, if it did, and the error that ended the run, if one did.
        self.source_error: Exception | None = None
        self.ended_by: WaleadError | None = None

    def take_over(self, chunk: Chunk, size: int, came: Response | WaleadError) -> None:
        """The whole input is this chunk, and was sent already, in a request of `size` bytes that brought this."""
        self._source_done = True
        self._batches = 1
        self._held = len(chunk.items)
        self._order.append(chunk)
        batch = Batch(((chunk, range(len(chunk.items))),))
        batch.size = size
        if isinstance(came, WaleadError):
            self._failed(batch, came)
        else:
            self._answered(batch, came)

    async def next_chunks(self) -> list[Chunk]:
        """Go on until the next chunks of the input have their results; an empty list at the end of the run.

        Raises `OutcomeUnknownError` if another task closes the run meanwhile.
        """
        try:
            while True:
                resolved = self._hand_out()
                if self._finished:
                    await self.aclose()
                    return resolved
                if self._closed:
                    raise OutcomeUnknownError(INTERRUPTED)
                started = self._start()
                if resolved and self._window is not None:
                    # No await before they are out: a cancellation would lose outcomes that are known.
                    while started:
                        started = self._start()
                    return resolved
                if started:
                    # It goes out before the next batch is made ready.
                    await asyncio.sleep(0)
                if resolved:
                    return resolved
                if not started:
                    await self._wait()
        except BaseException:
            await self.aclose()
            raise

    def _hand_out(self) -> list[Chunk]:
        resolved = []
        while self._order and not self._order[0].pending:
            resolved.append(chunk := self._order.popleft())
            self._held -= len(chunk.items)
            if self._caller.observed:
                self._caller.emit(settled_event(self._operation.path, chunk))
        return resolved

    @property
    def _finished(self) -> bool:
        """Whether every item that was taken has its result and was handed out, and no more will be taken."""
        return not self._order and self._taking is None and (self._source_done or self._leaves_the_rest)

    @property
    def _leaves_the_rest(self) -> bool:
        """Whether the source is not read to its end: a stream's run has ended. A report names every item."""
        return self.ended_by is not None and self._window is not None

    def _start(self) -> bool:
        """Begin one thing: a verification, a request, or taking items. False if there is nothing to begin now."""
        if self._order and not self._order[0].pending:
            return False  # what is known goes out first
        if self._doubts and not self._verifying and self._window is not None and self._held * 2 >= self._window:
            return self._start_verification()
        may_send = self._sending < self._caller.concurrency
        if may_send and self.ended_by is None and (batch := self._queue.next(self._limits)) is not None:
            self._sending += 1
            self._launch(self._send(batch))
            return True
        if may_send and (count := self._wanted()) > 0:
            self._take(count)
            return True
        if may_send and self._taking is None and self._cut(everything=True):
            return True
        ready = len(self._queue.first) >= self._caller.concurrency
        if self._sending and self._prepares and not ready and (count := self._missing()) > 0:
            # the next batches are made ready while answers are waited for
            self._take(count)
            return True
        if self._sending or self._verifying:
            return False
        if self._doubts and (self._window is not None or self._taking is None):
            return self._start_verification()
        return self._taking is None and self._give_up_waiting()

    async def _wait(self) -> None:
        """Wait until something that is under way ends."""
        if not self._tasks:
            await asyncio.sleep(0)
            return
        done, self._tasks = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        if self._closed:
            return
        for task in done:
            task.result()
        if self._taking is not None and self._leaves_the_rest:
            # The source may take for ever; what was taken already still gets its result.
            taking, self._taking = self._taking, None
            self._tasks.discard(taking)
            await _cancelled({taking})
            self._add(list(self._taken_now), done=True)

    def _launch(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        # not by the loop's factory: an eager one would run it before it is known here
        task = asyncio.Task(work, loop=asyncio.get_running_loop())
        self._tasks.add(task)
        return task

    async def aclose(self) -> None:
        """End what is under way, and wait until it has ended. Nothing more is sent."""
        self._closed = True
        tasks, self._tasks = self._tasks, set()
        self._batcher.close()
        if tasks:
            await _cancelled(tasks)

    def forget(self) -> None:
        """End what is under way, without waiting."""
        self._batcher.close()
        for task in self._tasks:
            if not task.get_loop().is_closed():
                task.cancel()

    def _wanted(self) -> int:
        """How many items to take now: no more than can be sent at once, or than the window has room for."""
        return 0 if self._queue.first else self._missing()

    def _missing(self) -> int:
        """How many items the batch that is being filled lacks, as far as the source and the window have them."""
        if self._source_done or self._taking is not None or self._leaves_the_rest:
            return 0
        count = self._batcher.missing(self._limits)
        if self._window is not None and self._order and self._held + count > self._window:
            return 0
        return count

    def _take(self, count: int) -> None:
        if isinstance(self._source, AsyncIterator):
            self._taken_now = []
            self._taking = self._launch(self._take_async(self._source, count, self._taken_now))
            return
        taken: list[object] = []
        try:
            # What was taken before a source fails stays in the list.
            taken.extend(islice(self._source, count))
        except Exception as error:
            self._add(taken, done=True, error=error)
        else:
            self._add(taken, done=len(taken) < count)

    async def _take_async(self, source: AsyncIterator[object], count: int, taken: list[object]) -> None:
        done, failure = False, None
        try:
            while len(taken) < count:
                taken.append(await anext(source))
        except StopAsyncIteration:
            done = True
        except Exception as error:
            done, failure = True, error
        if self._taking is not None:  # else the run has ended, and made do with what was there
            self._taking = None
            self._add(taken, done=done, error=failure)

    def _add(self, items: list[object], *, done: bool, error: Exception | None = None) -> None:
        """Items were taken; `done` if the source has no more, `error` if it failed after them."""
        self._source_done = self._source_done or done
        self.source_error = error
        if items:
            chunk = Chunk(self._taken, items)
            self._taken += len(items)
            self._held += len(items)
            self._order.append(chunk)
            try:
                self._batcher.add(chunk)
            except Exception as raised:
                failure = ours(raised, "preparing these items", sent=False)
                chunk.keys = chunk.keys or [""] * len(items)
                left = [at for at in range(len(items)) if at not in chunk.results]
                chunk.resolve(left, Result(Status.NOT_SENT, "it could not be prepared for sending", failure))
                self._end_run(failure)
        self._cut(everything=self._source_done or self.ended_by is not None)

    def _cut(self, *, everything: bool) -> bool:
        """Queue the batches that are full, or `everything`. True if there were any."""
        batches = self._batcher.take(self._limits, everything=everything)
        self._batches += len(batches)
        if self.ended_by is None:
            self._queue.first.extend(batches)
        else:
            for batch in batches:
                self._leave(batch, BEFORE_ITS_TURN, self.ended_by)
        return bool(batches)

    async def _send(self, batch: Batch) -> None:
        """Send one batch, and act on what comes of it."""
        try:
            encoded = batch.encoded or self._operation.entries(batch.items).encoded
            request = self._operation.request(encoded)
            # The bytes of the items are not held while the answer is waited for.
            batch.encoded, batch.size = (), len(request.body or b"")
            # Requests of a run wait for each other, so that each has its deadline from its turn on.
            alone = self._batches == 1 and self._source_done
            response = await self._caller.send(request, flow=self._flow, deadline_from="call" if alone else "turn")
        except Exception as error:
            self._sending -= 1
            self._failed(batch, ours(error, "the request"))
        else:
            self._sending -= 1
            self._answered(batch, response)

    def _answered(self, batch: Batch, response: Response) -> None:
        """The service answered with success: what that says of each item."""
        if response.maybe_repeated:
            batch.known = Known.MAYBE_APPLIED
        try:
            answer = self._operation.answer(response, batch.keys)
        except Exception as error:
            failure = ours(error, "reading the answer")
            self._breaker.failed(failure)
            self._unclear(batch, failure)
            return
        self._breaker.succeeded()
        self._limits.accepted(batch)
        if answer.named is not None:
            self._answered_by_name(batch, answer.named, response)
            return
        result = results.after_count(answer, len(batch), self._operation, batch.known)
        if isinstance(result, Doubt):
            self._unclear(batch, OutcomeUnknownError(_odd_count(answer, len(batch))), result)
        else:
            self._confirmed(batch, result)

    def _answered_by_name(
        self, batch: Batch, named: Mapping[str, tuple[Status, str | None]], response: Response
    ) -> None:
        alike: dict[tuple[Status, str | None] | None, list[tuple[Chunk, int]]] = {}
        for chunk, index in batch:
            alike.setdefault(named.get(chunk.keys[index]), []).append((chunk, index))
        for said, members in alike.items():
            part = batch.part(members)
            if said is None:
                self._unclear(part, OutcomeUnknownError("the service's answer does not name it"))
                continue
            status, words = said
            if status not in {Status.REFUSED, Status.UNKNOWN}:
                self._confirmed(part, results.after_named(status, words, self._operation, part.known))
                continue
            method = "POST" if self._operation.blocks else "DELETE"
            part.error = APIError(words or "", status=response.status, method=method, path=self._operation.path)
            perhaps = (words or "") if status is Status.UNKNOWN else None
            self._resolve(
                part, results.after_lone_refusal(part.error, self._operation, part.known, self._verify, words=perhaps)
            )

    def _confirmed(self, batch: Batch, result: Result) -> None:
        if self._verify == "always":
            said = OutcomeUnknownError("the service confirmed it")
            # what was confirmed is not unblocked twice: the list may show it late
            still = None if self._operation.blocks else Result(Status.UNKNOWN, CONFIRMED_BUT_LISTED, said)
            self._unclear(batch, said, Doubt(result, still))
        else:
            batch.resolve(result)

    def _failed(self, batch: Batch, error: WaleadError) -> None:
        """A batch failed, after all the attempts that the session makes: what that says of its items."""
        batch.error = error
        meaning = results.meaning_of(error, self._operation)
        if error.maybe_applied or meaning is Meaning.UNCLEAR:
            batch.known = Known.MAYBE_APPLIED
        self._breaker.failed(error)
        match meaning:
            case Meaning.RUN:
                self._leave(batch, BATCH_TURNED_AWAY, error)
                self._end_run(error)
            case Meaning.NOT_TAKEN:
                self._leave(batch, NOT_TAKEN, error)
            case Meaning.UNCLEAR:
                self._failed_without_answer(batch, error)
            case Meaning.REFUSED:
                self._refused(batch, error)
        if self._breaker.open:
            self._end_run(error)

    def _refused(self, batch: Batch, error: WaleadError) -> None:
        """A batch is bisected, to find what is wrong with it; a single item gets its result."""
        too_large = isinstance(error, PayloadTooLargeError)
        if too_large:
            self._limits.refused(batch)
        if len(batch) == 1:
            self._breaker.refused(error, self._operation)
            self._resolve(batch, results.after_lone_refusal(error, self._operation, batch.known, self._verify))
            return
        if batch.known is Known.NEW:
            batch.known = Known.REJECTED
        if self.ended_by is not None:
            self._leave(batch, REFUSED_IN_BATCH, self.ended_by)
        elif batch.known is Known.MAYBE_APPLIED and not self._operation.blocks:
            # An earlier attempt may have been carried out, so that sending it again would be a guess.
            self._unclear(batch, error)
        else:
            self._queue.bisect(batch, 2 if too_large else WAYS)

    def _failed_without_answer(self, batch: Batch, error: WaleadError) -> None:
        """A batch with a 5xx is bisected, once in a run, an unblock after a verification; all else is verified."""
        bisect = isinstance(error, ServerError) and (batch.after_5xx or not self._bisected_after_5xx)
        if len(batch) > 1 and bisect and self.ended_by is None:
            self._bisected_after_5xx = batch.after_5xx = True
            if self._operation.blocks:
                self._queue.again(batch.bisected(WAYS))
                return
        self._unclear(batch, error)

    def _unclear(self, batch: Batch, error: WaleadError, doubt: Doubt | None = None) -> None:
        """Nobody knows whether this was carried out."""
        batch.error, batch.known = error, Known.MAYBE_APPLIED
        batch.sends += 1
        self._resolve(batch, doubt or Doubt(DONE))

    def _leave(self, batch: Batch, why: str, error: WaleadError | None) -> None:
        """Send a batch no more."""
        self._resolve(batch, results.left_unsent(batch.known, why, error))

    def _resolve(self, batch: Batch, result: Result | Doubt) -> None:
        """Give the items of a batch their result, or let a verification find it, if one can be made."""
        if isinstance(result, Result):
            batch.resolve(result)
        elif self._may_verify:
            self._doubts.append((batch, result))
        else:
            batch.resolve(results.unverified(result, batch.error, NOT_READ))

    def _give_up_waiting(self) -> bool:
        """Give up what waits for the retry budget, since nothing is under way that would fill it."""
        batches = self._queue.take_all()
        for batch in batches:
            self._resolve(batch, results.given_up(batch.error, self._operation, batch.known))
        return bool(batches)

    def _end_run(self, error: WaleadError) -> None:
        """End the run: what waits is not sent, and what is in doubt is verified only if that can succeed."""
        if self.ended_by is not None:
            return
        self.ended_by = error
        self._cut(everything=True)
        for batch in self._queue.take_all():
            self._leave(batch, BEFORE_ITS_TURN if batch.error is None else REFUSED_IN_BATCH, error)
        if not self._may_verify:
            for batch, doubt in self._doubts:
                batch.resolve(results.unverified(doubt, batch.error, NOT_READ))
            self._doubts.clear()

    @property
    def _may_verify(self) -> bool:
        """Whether a verification is allowed and can succeed."""
        return self._verify != "never" and not results.reading_is_hopeless(self.ended_by)

    def _start_verification(self) -> bool:
        doubts, self._doubts = self._doubts, []
        self._verifying = True
        self._launch(self._verify_all(doubts))
        return True

    async def _verify_all(self, doubts: Sequence[tuple[Batch, Doubt]], *, again: bool = True) -> None:
        """Ask the service's list about these items, `again` if need be; it is read after the requests it settles."""
        items = {chunk.keys[index]: chunk.items[index] for batch, _ in doubts for chunk, index in batch}
        try:
            present = await self._operation.present(items)
        except Exception as error:
            failure = ours(error, "the verification", sent=False)
        else:
            self._verifying = False
            self._verified(doubts, present)
            return
        self._breaker.failed(failure)
        if self._breaker.open:
            self._end_run(failure)
        if again and self._may_verify and self._caller.take_retry():
            await self._verify_all(doubts, again=False)
            return
        for batch, doubt in doubts:
            batch.resolve(results.unverified(doubt, batch.error, f"the read-back failed: {failure}", failure))
        self._verifying = False

    def _verified(self, doubts: Sequence[tuple[Batch, Doubt]], present: Collection[str]) -> None:
        """The list told who is as wanted; the others are sent again, if they may be."""
        self._breaker.answered()
        again: dict[int, list[tuple[Chunk, int]]] = {}
        for batch, doubt in doubts:
            as_wanted: list[tuple[Chunk, int]] = []
            others: list[tuple[Chunk, int]] = []
            for chunk, index in batch:
                wanted = (chunk.keys[index] in present) is self._operation.blocks
                (as_wanted if wanted else others).append((chunk, index))
            if as_wanted:
                self._breaker.succeeded()
                batch.part(as_wanted).resolve(doubt.found)
            if others and doubt.missing is not None:
                batch.part(others).resolve(doubt.missing)
            elif others and not self._finally_not_applied(batch, others):
                again.setdefault(batch.sends, []).extend(others)
        for sends, members in again.items():
            # Items of many batches that were not carried out share as few requests as they can.
            whole = Batch(places_of(members))
            whole.encoded = self._operation.entries(whole.items).encoded
            whole.known, whole.sends = Known.NOT_APPLIED, sends
            whole.error = OutcomeUnknownError("not done when last read")
            self._queue.again(whole.cut(self._limits.cut(whole.encoded)))

    def _finally_not_applied(self, batch: Batch, members: Sequence[tuple[Chunk, int]]) -> bool:
        """Decide on items that were not carried out. False if they are to be sent again as they are."""
        rest = batch.part(members)
        rest.known = Known.NOT_APPLIED
        poisonous = batch.after_5xx and isinstance(batch.error, ServerError)
        if self.ended_by is not None:
            rest.resolve(Result(Status.UNKNOWN, "not done when last read, and the run ended", self.ended_by))
        elif poisonous and len(batch) > 1:
            self._queue.again(rest.bisected(WAYS))
        elif poisonous or batch.sends >= MOST_SENDS:
            detail = f"not done when last read, and all attempts are spent; the last said: {batch.error}"
            rest.resolve(Result(Status.UNKNOWN, detail, batch.error))
        else:
            return False
        return True


async def _cancelled(tasks: set[asyncio.Task[None]]) -> None:
    """Cancel tasks and wait for their end, but not for one that does not let itself be cancelled."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks, timeout=CANCEL_GRACE)


def _odd_count(answer: Answer, asked: int) -> str:
    counted = "no count" if answer.count is None else f"a count of {answer.count}"
    said = f" ({answer.message})" if answer.message else ""
    return f"the service answered with {counted} for {asked} item{'s' if asked != 1 else ''}{said}"


async def run_to_its_end(runner: Runner) -> tuple[BulkReport, WaleadError | None]:
    """Carry a run out, and return its report with the error that ended it, None if it came to its end.

    Raises what the source raised, unless the run had ended before.
    """
    chunks: list[Chunk] = []
    try:
        while resolved := await runner.next_chunks():
            chunks += resolved
    finally:
        runner.forget()
    report = report_of(chunks)
    for raised in (runner.source_error, runner.ended_by):
        if isinstance(raised, WaleadError):
            raised.report = report
    if runner.source_error is not None and runner.ended_by is None:
        raise runner.source_error
    return report, runner.ended_by
