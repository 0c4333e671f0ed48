"""Reports and streams: order, sources, back-pressure, cancellation, and no task left."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence

import pytest
from blocklist import PATH, Bulk, FakeCaller, FakeOperation, Fault, Service

from walead_async.bulk.api import WINDOW
from walead_async.bulk.operation import Answer, Entries
from walead_async.errors import (
    BulkFailedError,
    InvalidInputError,
    OutcomeUnknownError,
    PaginationError,
    SourceError,
    WaleadError,
)
from walead_async.events import BatchSettled
from walead_async.models import Status
from walead_async.transport.messages import DeadlineFrom, Request, Response

PEOPLE = [f"p{number}" for number in range(1_000)]


class Halting(FakeCaller):
    """A transport whose requests stop until they are let through."""

    gate: asyncio.Event

    async def send(self, request: Request, *, flow: object, deadline_from: DeadlineFrom = "call") -> Response:
        self.sent.append(request)
        await self.gate.wait()
        return await self._attempt(request)


class FirstHalts(Halting):
    """A transport whose first request stops until it is let through."""

    async def send(self, request: Request, *, flow: object, deadline_from: DeadlineFrom = "call") -> Response:
        if not self.sent:
            return await super().send(request, flow=flow, deadline_from=deadline_from)
        self.sent.append(request)
        return await self._attempt(request)


class AllButFirstHalt(Halting):
    """A transport whose requests stop but for the first."""

    async def send(self, request: Request, *, flow: object, deadline_from: DeadlineFrom = "call") -> Response:
        if self.sent:
            return await super().send(request, flow=flow, deadline_from=deadline_from)
        self.sent.append(request)
        return await self._attempt(request)


def halting(service: Service, concurrency: int = 2) -> Bulk:
    caller = Halting(service, concurrency=concurrency)
    caller.gate = asyncio.Event()
    return Bulk(service, caller)


def counted(items: list[str], taken: list[str]) -> Iterator[str]:
    for item in items:
        taken.append(item)
        yield item


async def some_turns() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_stream_yields_each_outcome_in_the_order_of_the_input(bulk: Bulk) -> None:
    outcomes = [outcome async for outcome in bulk.stream(iter(PEOPLE), batch_size=7)]
    assert [outcome.item for outcome in outcomes] == PEOPLE
    assert {outcome.status for outcome in outcomes} == {Status.DONE}


async def test_a_stream_takes_an_async_source(bulk: Bulk) -> None:
    async def source() -> AsyncIterator[str]:
        for person in PEOPLE[:100]:
            await asyncio.sleep(0)
            yield person

    outcomes = [outcome.item async for outcome in bulk.stream(source(), batch_size=30)]
    assert outcomes == PEOPLE[:100]
    assert sorted(map(len, bulk.sent)) == [10, 30, 30, 30]


async def test_a_stream_takes_what_its_requests_can_hold_however_large_a_batch_may_be(bulk: Bulk) -> None:
    taken: list[str] = []
    people = [f"{number:0>900}" for number in range(60_000)]
    stream = bulk.stream(counted(people, taken), batch_size=1_000_000)
    await anext(stream)
    await stream.aclose()
    # about a thousand of these fill a request, and five thousand are taken at once
    assert max(map(len, bulk.sent)) < 1_000
    assert len(taken) <= bulk.caller.concurrency * 1_000 + 2 * 5_000


async def test_a_stream_of_nothing_yields_nothing(bulk: Bulk) -> None:
    for nothing in ([], iter(()), nobody()):
        assert [outcome async for outcome in bulk.stream(nothing)] == []
    assert bulk.sent == []


async def nobody() -> AsyncIterator[str]:
    for name in ():
        yield name


@pytest.mark.parametrize("items", [[], (), set(), iter(()), {}.keys(), nobody()])
async def test_an_empty_input_makes_an_empty_report_and_sends_nothing(bulk: Bulk, items: object) -> None:
    report = await bulk.report(items, check=True)
    assert list(report.outcomes) == report.failures() == []
    assert set(report.counts.values()) == {0}
    assert report.ok
    assert bulk.caller.sent == []


def test_a_wrong_argument_of_a_stream_is_told_at_once_and_nothing_is_taken(bulk: Bulk) -> None:
    taken: list[str] = []
    with pytest.raises(InvalidInputError):
        bulk.stream(counted(PEOPLE, taken), batch_size=0)
    assert taken == []


async def test_a_wrong_argument_of_a_report_is_told_before_anything_is_sent(bulk: Bulk) -> None:
    with pytest.raises(InvalidInputError):
        await bulk.report("john-doe")
    assert bulk.sent == []


async def test_at_most_the_sessions_concurrency_of_batches_is_under_way(bulk: Bulk) -> None:
    await bulk.report(PEOPLE, batch_size=10)
    # an answer that is here at once may come before the last batch is made ready
    assert 3 <= bulk.caller.most_under_way <= bulk.caller.concurrency == 4


async def test_items_are_pulled_no_faster_than_batches_are_sent() -> None:
    bulk = halting(Service())
    taken: list[str] = []
    stream = bulk.stream(counted(PEOPLE, taken), batch_size=10)
    first = asyncio.ensure_future(anext(stream))
    await some_turns()
    assert len(bulk.caller.sent) == 2
    assert len(taken) == 20
    bulk.caller.gate.set()
    assert (await first).item == "p0"
    await stream.aclose()


async def test_nothing_is_pulled_or_sent_while_nobody_asks_for_outcomes(bulk: Bulk) -> None:
    taken: list[str] = []
    stream = bulk.stream(counted(PEOPLE, taken), batch_size=10)
    await some_turns()
    assert taken == []
    await anext(stream)
    await some_turns()
    before = len(taken)
    await some_turns()
    assert len(taken) == before < 200
    await stream.aclose()


async def test_the_whole_input_as_one_batch_needs_no_task_and_has_its_deadline_from_the_call_on(bulk: Bulk) -> None:
    bulk.caller.rng = None
    others = asyncio.all_tasks()
    report = bulk.report(["a", "b"])
    with pytest.raises(StopIteration) as ended:
        report.send(None)
    assert ended.value.value.counts[Status.DONE] == 2
    assert asyncio.all_tasks() == others
    assert bulk.caller.deadlines == ["call"]


async def test_requests_of_a_run_of_many_batches_have_their_deadline_from_their_turn_on(bulk: Bulk) -> None:
    await bulk.report(PEOPLE[:30], batch_size=10)
    assert bulk.caller.deadlines == ["turn"] * 3


async def test_a_source_that_raises_ends_the_stream_in_order(bulk: Bulk) -> None:
    def source() -> Iterator[str]:
        yield from PEOPLE[:25]
        raise ValueError("row 26 is torn")

    seen, raised = await bulk.drained(source(), batch_size=10)
    assert isinstance(raised, ValueError)
    assert [outcome.item for outcome in seen] == PEOPLE[:25]
    assert {outcome.status for outcome in seen} == {Status.DONE}


async def test_an_async_source_that_raises_does_too(bulk: Bulk) -> None:
    async def source() -> AsyncIterator[str]:
        for person in PEOPLE[:25]:
            yield person
        raise ValueError("row 26 is torn")

    with pytest.raises(ValueError, match="row 26"):
        await bulk.report(source(), batch_size=10)
    assert bulk.service.listed == set(PEOPLE[:25])


async def test_a_source_error_of_ours_has_the_report(bulk: Bulk) -> None:
    def source() -> Iterator[str]:
        yield "a"
        raise SourceError("row 2 is torn")

    with pytest.raises(SourceError) as caught:
        await bulk.report(source())
    assert caught.value.report is not None
    assert caught.value.report.counts[Status.DONE] == 1


async def test_a_stream_whose_run_ends_reads_its_source_no_further_and_raises_last() -> None:
    bulk = Bulk(Service(status_from=(3, 401)))
    taken: list[str] = []
    seen, raised = await bulk.drained(counted(PEOPLE, taken), batch_size=10)
    assert isinstance(raised, WaleadError)
    assert [outcome.item for outcome in seen] == taken
    assert len(taken) <= 10 * 8
    assert [outcome.status for outcome in seen][-1] is Status.NOT_SENT


async def test_a_report_names_the_items_of_a_generator_that_were_never_sent() -> None:
    bulk = Bulk(Service(status_from=(0, 401)))
    report = await bulk.report(iter([*PEOPLE, "p0", "no word"]), batch_size=10)
    assert len(report.outcomes) == 1_002
    assert report.counts[Status.NOT_SENT] == 1_000
    assert report.counts[Status.DUPLICATE] == report.counts[Status.INVALID] == 1


async def test_a_stream_does_not_wait_for_a_source_that_stands_still_after_its_run_ended() -> None:
    bulk = Bulk(Service(status_from=(0, 401)))

    async def source() -> AsyncIterator[str]:
        for person in PEOPLE[:15]:
            yield person
        await asyncio.Event().wait()

    seen, raised = await bulk.drained(source(), batch_size=10)
    assert isinstance(raised, WaleadError)
    assert [outcome.status for outcome in seen] == [Status.NOT_SENT] * 15


async def test_check_raises_for_items_after_everything_that_can_be_done_is_done(bulk: Bulk) -> None:
    with pytest.raises(BulkFailedError) as caught:
        await bulk.report(["no word", "a"], check=True)
    assert bulk.service.listed == {"a"}
    assert caught.value.report.counts[Status.INVALID] == 1
    assert "1 done, 1 invalid" in str(caught.value)
    assert "'no word' is no word" in str(caught.value)


async def test_every_batch_is_told_when_it_is_settled(bulk: Bulk) -> None:
    await bulk.report(["a", "b", "a", "c"], batch_size=2)
    assert bulk.caller.events == [
        BatchSettled(PATH, 2, {"done": 2}),
        BatchSettled(PATH, 2, {"duplicate": 1, "done": 1}),
    ]


async def test_a_loop_left_by_break_ends_its_requests() -> None:
    service = Service()
    caller = AllButFirstHalt(service)
    caller.gate = asyncio.Event()
    async for _ in Bulk(service, caller).stream(iter(PEOPLE), batch_size=10):
        assert len(asyncio.all_tasks()) > 1
        break
    await some_turns()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_closed_stream_ends_its_requests_and_yields_nothing_more() -> None:
    bulk = halting(Service())
    stream = bulk.stream(iter(PEOPLE), batch_size=10)
    waiting = asyncio.ensure_future(anext(stream))
    await some_turns()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await stream.aclose()
    assert [outcome async for outcome in stream] == []
    assert len(bulk.caller.sent) == 2


async def test_outcomes_that_are_known_are_yielded_before_a_cancellation_ends_the_loop() -> None:
    for steps in range(5, 60):
        service = Service()
        seen: list[object] = []

        async def follow(bulk: Bulk, note: Callable[[object], None]) -> None:
            async for outcome in bulk.stream(PEOPLE[:40], batch_size=10):
                note(outcome.item)

        bulk = Bulk(service, concurrency=1)
        following = asyncio.ensure_future(follow(bulk, seen.append))
        for _ in range(steps):
            await asyncio.sleep(0)
        following.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await following
        told = sum(event.items for event in bulk.caller.events if isinstance(event, BatchSettled))
        assert len(seen) == told


async def test_an_interrupted_stream_says_so_when_it_is_asked_again() -> None:
    bulk = halting(Service())
    stream = bulk.stream(iter(PEOPLE), batch_size=10)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(stream), 0.01)
    with pytest.raises(OutcomeUnknownError, match="interrupted"):
        await anext(stream)
    assert len(bulk.caller.sent) == 2


async def test_cancelling_a_report_stops_sending_at_once_and_leaves_no_task() -> None:
    bulk = halting(Service())
    report = asyncio.ensure_future(bulk.report(PEOPLE, batch_size=10))
    await some_turns()
    report.cancel()
    with pytest.raises(asyncio.CancelledError):
        await report
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert len(bulk.caller.sent) == 2


async def test_a_report_can_be_cancelled_at_every_step() -> None:
    for steps in range(0, 200, 3):
        service = Service(bad={"p7": 400}, faults=lambda number, keys: Fault.CUT_AFTER if number == 2 else None)
        report = asyncio.ensure_future(Bulk(service).report(PEOPLE[:60], batch_size=10))
        for _ in range(steps):
            await asyncio.sleep(0)
        report.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await report
        assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_source_that_will_not_be_cancelled_does_not_hold_up_the_end() -> None:
    bulk = Bulk(Service())
    let_go = asyncio.Event()

    async def source() -> AsyncIterator[str]:
        yield "a"
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await let_go.wait()

    report = asyncio.ensure_future(bulk.report(source()))
    await some_turns()
    report.cancel()
    with pytest.raises(asyncio.CancelledError):
        await report
    let_go.set()
    await some_turns()


async def test_two_loops_over_one_stream_are_refused() -> None:
    bulk = halting(Service())
    stream = bulk.stream(iter(PEOPLE), batch_size=10)
    first = asyncio.ensure_future(anext(stream))
    await some_turns()
    with pytest.raises(InvalidInputError, match="one loop"):
        await anext(stream)
    bulk.caller.gate.set()
    assert (await first).item == "p0"
    await stream.aclose()


async def waits_after(number: int) -> AsyncIterator[str]:
    """So many people, and then nothing for ever."""
    for person in PEOPLE[:number]:
        yield person
    await asyncio.Event().wait()


@pytest.mark.parametrize("turns", range(8))
@pytest.mark.parametrize("source", [lambda: iter(PEOPLE), lambda: waits_after(0), lambda: waits_after(25)])
async def test_a_stream_that_another_task_closes_ends_and_sends_nothing_more(
    source: Callable[[], Iterator[str] | AsyncIterator[str]], turns: int
) -> None:
    bulk = halting(Service())
    stream = bulk.stream(source(), batch_size=10)
    waiting = asyncio.create_task(anext(stream))  # type: ignore[arg-type]
    for _ in range(turns):
        await asyncio.sleep(0)
    await stream.aclose()
    sent = len(bulk.caller.sent)
    bulk.caller.gate.set()
    await asyncio.wait({waiting}, timeout=5.0)
    assert waiting.done()
    assert isinstance(waiting.exception(), StopAsyncIteration if not turns else OutcomeUnknownError)
    assert len(bulk.caller.sent) == sent


async def test_a_source_may_close_its_own_stream() -> None:
    async def closes() -> AsyncIterator[str]:
        yield "p0"
        await stream.aclose()
        yield "p1"

    bulk = Bulk(Service())
    stream = bulk.stream(closes())
    with pytest.raises(OutcomeUnknownError):
        await anext(stream)
    assert bulk.sent == []


async def test_a_loop_whose_tasks_begin_at_once_gets_every_outcome() -> None:
    # where Python has no such tasks (before 3.12), None is the usual kind
    asyncio.get_running_loop().set_task_factory(getattr(asyncio, "eager_task_factory", None))
    bulk = Bulk(Service())

    async def people() -> AsyncIterator[str]:
        for person in PEOPLE:
            yield person

    assert [outcome.status async for outcome in bulk.stream(people(), batch_size=30)] == [Status.DONE] * 1_000
    assert (await bulk.report(people(), batch_size=30)).counts[Status.ALREADY] == 1_000


async def test_a_stream_of_unclear_batches_holds_a_bounded_number_of_items() -> None:
    people = [f"p{number}" for number in range(100_000)]
    bulk = Bulk(Service(listed=set(people)))
    taken: list[str] = []
    most = position = 0
    async for _ in bulk.stream(counted(people, taken)):
        position += 1
        most = max(most, len(taken) - position)
    assert position == 100_000
    assert most <= WINDOW
    assert len(bulk.service.reads) <= 10
    # The first begins when half of what may be held is held, while other batches go on.
    assert len(bulk.service.reads[0].present) <= WINDOW / 2 + 500


async def test_a_stream_whose_first_batch_gets_no_answer_holds_a_bounded_number_of_items() -> None:
    service = Service()
    caller = FirstHalts(service)
    caller.gate = asyncio.Event()
    bulk = Bulk(service, caller)
    taken: list[str] = []
    stream = bulk.stream(counted([f"p{number}" for number in range(100_000)], taken))
    first = asyncio.ensure_future(anext(stream))
    for _ in range(1_000):
        await asyncio.sleep(0)
    assert WINDOW - 1_000 <= len(taken) <= WINDOW
    caller.gate.set()
    assert (await first).item == "p0"
    await stream.aclose()


async def test_a_stream_of_duplicates_of_one_person_sends_one_request(bulk: Bulk) -> None:
    outcomes = [outcome.status async for outcome in bulk.stream(("a" for _ in range(5_000)), batch_size=10)]
    assert outcomes == [Status.DONE] + [Status.DUPLICATE] * 4_999
    assert bulk.sent == [["a"]]


async def test_a_verification_that_breaks_by_a_fault_of_ours_loses_nobody(bulk: Bulk) -> None:
    def broken(number: int) -> PaginationError:
        raise ZeroDivisionError

    bulk.service.read_fault = broken
    report = await bulk.report(PEOPLE[:50], batch_size=10, verify="always")
    assert report.counts[Status.UNKNOWN] == 50
    assert isinstance(report.outcomes[0].error, WaleadError)
    assert isinstance(report.outcomes[0].error.__cause__, ZeroDivisionError)
    assert asyncio.all_tasks() == {asyncio.current_task()}


class Torn(FakeCaller):
    """A transport that breaks by a fault of its own, after the service has done what was asked for, or before."""

    after = False

    async def send(self, request: Request, *, flow: object, deadline_from: DeadlineFrom = "call") -> Response:
        if self.after:
            await super().send(request, flow=flow, deadline_from=deadline_from)
        self.sent.append(request)
        raise TypeError("a resolver that returns nothing")


@pytest.mark.parametrize("people", [PEOPLE[:1], PEOPLE[:50]])
async def test_what_an_attempt_raises_by_a_fault_of_its_own_is_an_answer_that_never_came(people: list[str]) -> None:
    service = Service()
    bulk = Bulk(service, Torn(service))
    bulk.caller.after = True
    report = await bulk.report(people, batch_size=10)
    assert report.counts[Status.DONE] == len(people)
    bulk = Bulk(Service(), Torn(Service()))
    report = await bulk.report(people, batch_size=10)
    assert report.counts[Status.UNKNOWN] + report.counts[Status.NOT_SENT] == len(people)
    assert isinstance(report.outcomes[0].error, OutcomeUnknownError)
    assert len(bulk.caller.sent) <= 20 + bulk.caller.concurrency


@pytest.mark.parametrize("people", [["a", "b"], [*PEOPLE[:25], "torn"]])
async def test_items_that_cannot_be_prepared_by_a_fault_of_ours_are_not_sent(people: list[str]) -> None:
    bulk = Bulk(Service())
    entries = FakeOperation.entries

    class Faulty(FakeOperation):
        def entries(self, items: Sequence[object]) -> Entries:
            if people[-1] in items:
                raise RecursionError
            return entries(self, items)

    bulk.operation = Faulty(bulk.caller)
    seen, raised = await bulk.drained(iter(people), batch_size=10)
    assert isinstance(raised, WaleadError)
    assert [outcome.item for outcome in seen] == people
    assert seen[-1].status is Status.NOT_SENT
    assert [outcome.status for outcome in seen[: len(people) // 10 * 10]] == [Status.DONE] * (len(people) // 10 * 10)
    report = await bulk.report(people, batch_size=10)
    assert report.outcomes[-1].status is Status.NOT_SENT
    assert sum(report.counts.values()) == len(people)


async def test_an_answer_that_cannot_be_read_by_a_fault_of_ours_is_verified(bulk: Bulk) -> None:
    class Faulty(FakeOperation):
        def answer(self, response: Response, keys: Sequence[str]) -> Answer:
            raise AttributeError

    bulk.operation = Faulty(bulk.caller)
    for people in (PEOPLE[:5], PEOPLE[5:50]):
        report = await bulk.report(people, batch_size=10)
        assert report.counts[Status.DONE] == len(people)
