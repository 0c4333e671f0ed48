"""Seeded bulk runs against a service that knows the truth, and everything that has to hold after each."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from random import Random

import attrs
from blocklist import Attempt, Bulk, FakeCaller, Fault, Faults, Service

from walead_async.errors import ConnectionFailedError, NotFoundError, PaginationError, WaleadError
from walead_async.models import Outcome, Status

#: When a list shows a write: what it shows lags by the same time always, or by another one at each read.
AT_ONCE, EVENLY, UNEVENLY = "at once", "late", "late, some reads sooner than others"

REPEATS = {"counts": "counts", "skips": "does not count", "fails": "refuses"}
#: What the names of kinds of runs begin with where things are counted.
KIND = "runs with "


class SourceBrokeError(Exception):
    """What a source raises in the middle."""


@attrs.define
class Plan:
    """One simulated run, drawn from its seed."""

    seed: int
    service: Service
    caller: FakeCaller
    items: list[object]
    batch_size: int
    verify: str
    missing_means: str
    stream: bool
    window: int | None
    is_async: bool
    breaks_at: int | None
    before: frozenset[str]
    #: Whose state somebody changed just before the run, so that a list that lags shows what was before.
    just_changed: frozenset[str]
    #: In words, what kind of run it is, and of service.
    kinds: tuple[str, ...]
    #: Nothing goes wrong in this run but what items bring about themselves.
    calm: bool


def draw(seed: int) -> Plan:
    """A run with its own mix of faults, habits of the service, sizes and inputs."""
    rng = Random(seed)
    blocks = rng.random() < 0.5
    people = [f"p{number}" for number in range(rng.choice([1, 3, 10, 40, 40, 120]))]
    listed = {person for person in people if rng.random() < rng.choice([0.0, 0.2, 0.9] if blocks else [1.0, 0.9, 0.3])}
    bad_rate = rng.choice([0.0, 0.0, 0.0, 0.05, 0.5, 1.0])
    verify = rng.choice(["unclear", "unclear", "always", "never"])
    missing_means = "listed" if not blocks and rng.random() < 0.3 else "item"
    # A service may deny a record that it lists; it is asked where the record is known to have been listed.
    refusals = [400, 422, 409, 404] if missing_means == "listed" and verify != "never" else [400, 422, 409]
    bad = {person: rng.choice(refusals) for person in people if rng.random() < bad_rate}
    poison = set(rng.sample(people, 1)) if rng.random() < 0.15 else set()
    fault_rate = rng.choice([0.0, 0.0, 0.02, 0.1, 0.4, 1.0])
    read_fault_rate = rng.choice([0.0, 0.0, 0.0, 0.3, 1.0])
    faults = rng.sample(list(Fault), rng.randrange(1, 4))
    lag_kind, lag, just_changed = _lag(Random(f"lag {seed}"), people)
    service = Service(
        blocks=blocks,
        listed=set(listed),
        bad=bad,
        poison=poison,
        most_items=rng.choice([10**9, 10**9, 5]),
        too_large_status=rng.choice([413, 413, 400]),
        repeats=rng.choice(["counts", "skips", "skips", "fails"]),
        itemised=rng.random() < 0.2,
        faults=_faults(Random(rng.random()), faults, fault_rate),
        read_fault=_read_faults(rng, read_fault_rate),
        lag=lag,
        lag_dice=Random(seed) if lag_kind == UNEVENLY else None,
        past=[(0, frozenset(listed ^ just_changed))] if just_changed else [],
    )
    if rng.random() < 0.08:
        service.status_from = (rng.randrange(20), rng.choice([401, 403, 404, 500, 400, 302, 429]))
    caller = FakeCaller(
        service,
        concurrency=rng.choice([1, 2, 4]),
        attempts=rng.choice([1, 1, 3]),
        tokens=rng.choice([50.0, 50.0, 5.0, 0.0]),
        rng=rng,
    )
    return Plan(
        seed,
        service,
        caller,
        _input(rng, people),
        rng.choice([1, 3, 8, 30]),
        verify,
        # A 404 for everything stands for a campaign that is not there.
        "run" if service.status_from and service.status_from[1] == 404 else missing_means,
        stream=rng.random() < 0.5,
        window=rng.choice([None, 5, 20]),
        is_async=rng.random() < 0.5,
        breaks_at=rng.randrange(len(people) + 1) if rng.random() < 0.1 else None,
        before=frozenset(listed),
        just_changed=frozenset(just_changed),
        kinds=(
            f"lists that show writes {lag_kind}{', and somebody else wrote before' * bool(just_changed)}",
            f"a service that {REPEATS[service.repeats]} what is so already",
            f"an answer that {'names each item' if service.itemised else 'is a count'}",
            f"{'blocks' if blocks else 'unblocks'}, verify={verify}",
            *(f"the fault: {fault.value}" for fault in (faults if fault_rate else ())),
            *(name for name, there in _also(service, read_fault_rate).items() if there),
        ),
        calm=not (fault_rate or read_fault_rate or poison or service.status_from),
    )


def _lag(rng: Random, people: Sequence[str]) -> tuple[str, int, set[str]]:
    """How late lists show a write, in words and in ticks, and whose state somebody changed the other way just now."""
    kind = rng.choice([AT_ONCE, AT_ONCE, EVENLY, UNEVENLY])
    if kind == AT_ONCE:
        return kind, 0, set()
    rate = rng.choice([0.0, 0.0, 0.2, 1.0])
    return kind, rng.choice([1, 3, 10, 1_000]), {person for person in people if rng.random() < rate}


def _also(service: Service, read_fault_rate: float) -> dict[str, bool]:
    return {
        "an item that breaks the service": bool(service.poison),
        "items that are refused": bool(service.bad),
        "batches that are too large": service.most_items < 10**9,
        "read-backs that fail": read_fault_rate > 0,
        "one answer to everything from some request on": service.status_from is not None,
    }


def _faults(dice: Random, kinds: Sequence[Fault], rate: float) -> Faults:
    return lambda number, keys: dice.choice(kinds) if dice.random() < rate else None


def _read_faults(rng: Random, rate: float) -> Callable[[int], WaleadError | None]:
    dice = Random(rng.random())
    errors = (PaginationError("the list cannot be read"), ConnectionFailedError("no connection"))
    return lambda number: dice.choice(errors) if dice.random() < rate else None


def _input(rng: Random, people: Sequence[str]) -> list[object]:
    items: list[object] = list(people)
    for _ in range(rng.choice([0, 0, 3, 20])):
        items.insert(rng.randrange(len(items) + 1), rng.choice([rng.choice(people).upper(), "no word", 7, None]))
    return items


async def carry_out(plan: Plan) -> tuple[list[Outcome], BaseException | None]:
    """Make the run: the outcomes, and what it raised."""
    bulk = Bulk(plan.service, plan.caller)
    bulk.operation.missing_means = plan.missing_means
    source: object = _async_source(plan) if plan.is_async else _source(plan)
    if plan.breaks_at is None and not plan.is_async and len(plan.items) % 2:
        # what is in memory is prepared ahead, and one clean batch needs no run
        source = list(plan.items)
    if plan.stream:
        return await bulk.drained(source, batch_size=plan.batch_size, verify=plan.verify, window=plan.window)
    try:
        report = await bulk.report(source, batch_size=plan.batch_size, verify=plan.verify, check=True)
    except WaleadError as error:
        return list(error.report.outcomes if error.report else ()), error
    except SourceBrokeError as error:
        return [], error
    return list(report.outcomes), None


def _source(plan: Plan) -> Iterator[object]:
    for position, item in enumerate(plan.items):
        if position == plan.breaks_at:
            raise SourceBrokeError
        yield item


async def _async_source(plan: Plan) -> AsyncIterator[object]:
    for item in _source(plan):
        if plan.caller.rng is not None and plan.caller.rng.random() < 0.1:
            await asyncio.sleep(0)
        yield item


async def check(seed: int) -> Counter[str]:
    """Make one run and check all that has to hold. Returns what ended how, to be counted."""
    plan = draw(seed)
    outcomes, raised = await carry_out(plan)
    for _ in range(3):
        # The event loop itself closes a source that was not read to its end.
        await asyncio.sleep(0)
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left, f"tasks are left: {left}"
    plan.service.do_what_is_late()
    _check_order(plan, outcomes, raised)
    firsts: dict[str, int] = {}
    for position, outcome in enumerate(outcomes):
        _check_outcome(plan, outcome, position, firsts)
    _check_calm(plan, outcomes)
    # Under an id that is given away while lists lag, the list still shows ours: nobody can tell.
    assert plan.service.lag or not plan.service.wronged, "somebody else's record was removed"
    _check_guesses(plan)
    _check_requests(plan)
    assert plan.caller.most_under_way <= plan.caller.concurrency
    found = Counter(outcome.status.value for outcome in outcomes)
    found.update(KIND + kind for kind in plan.kinds)
    found["items"] += len(outcomes)
    found["attempts"] += len(plan.service.attempts)
    found["read-backs"] += len(plan.service.reads)
    found["runs ended early"] += raised is not None and type(raised).__name__ != "BulkFailedError"
    return found


def _check_order(plan: Plan, outcomes: Sequence[Outcome], raised: BaseException | None) -> None:
    """One outcome for each item, in order; fewer only where a run or a source ended before its end."""
    given = plan.items if plan.breaks_at is None else plan.items[: plan.breaks_at]
    assert [outcome.item for outcome in outcomes] == given[: len(outcomes)]
    if isinstance(raised, SourceBrokeError):
        assert len(outcomes) == (len(given) if plan.stream else 0)
    elif raised is None or not plan.stream:
        assert len(outcomes) == len(given)


def _check_outcome(plan: Plan, outcome: Outcome, position: int, firsts: dict[str, int]) -> None:
    """A status says nothing but the truth."""
    service, key = plan.service, outcome.key
    valid = isinstance(outcome.item, str) and " " not in outcome.item
    assert (outcome.status is Status.INVALID) is not valid
    if not valid:
        return
    assert (outcome.status is Status.DUPLICATE) is (key in firsts)
    if key in firsts:
        assert f"(index {firsts[key]})" in (outcome.detail or "")
        return
    firsts[key] = position
    was_so = (key in plan.before) is service.blocks
    # Who was blocked or unblocked just before, and is not any more, may still be shown as wanted: nobody can tell.
    shown_so = key in plan.just_changed and any(read.present.get(key) is service.blocks for read in service.reads)
    match outcome.status:
        case Status.DONE:
            assert service.is_as_wanted(key) or shown_so
        case Status.ALREADY:
            assert (was_so and service.is_as_wanted(key)) or shown_so
        case Status.REFUSED:
            assert outcome.error is not None
            # "is so already" is not believed where it is not looked up, or where the list does not show it yet
            denied = service.repeats == "fails" and (plan.verify == "never" or key in plan.just_changed)
            by_gateway = isinstance(outcome.error, NotFoundError) and not outcome.error.is_json
            assert key in service.bad or service.status_from or denied or by_gateway
            # What is done after the last look into the list, nobody can tell.
            assert key not in service.changed - service.done_late
        case Status.NOT_SENT:
            assert outcome.error is not None
            assert key not in service.changed
        case Status.UNKNOWN:
            assert outcome.detail
            was_refused = service.repeats == "fails" or service.bad.get(key) == 409
            was_denied = "answered with 404" in outcome.detail
            assert (
                was_refused
                or was_denied
                or any(key in attempt.keys and not attempt.undone for attempt in service.attempts)
            )


def _check_calm(plan: Plan, outcomes: Sequence[Outcome]) -> None:
    """Where nothing goes wrong nobody is unknown, and where nobody is refused everybody is as wanted."""
    if not plan.calm:
        return
    found = {outcome.status for outcome in outcomes} - {Status.INVALID, Status.DUPLICATE}
    if plan.verify != "never" and not plan.service.lag:
        assert Status.UNKNOWN not in found
    service = plan.service
    if not service.bad and service.repeats != "fails" and service.most_items >= plan.batch_size:
        assert found <= {Status.DONE, Status.ALREADY, Status.UNKNOWN}


def _check_guesses(plan: Plan) -> None:
    """No unblock was sent again unless it is proven that the one before was not carried out."""
    if plan.service.blocks:
        return
    last: dict[str, Attempt] = {}
    for attempt in plan.service.attempts:
        for key in attempt.keys:
            before = last.get(key)
            if before is not None and not before.undone:
                shown = [
                    read
                    for read in plan.service.reads
                    if before.ended < read.began < attempt.at and read.present.get(key)
                ]
                assert shown, f"{key} was sent again on a guess"
            last[key] = attempt


def _check_requests(plan: Plan) -> None:
    """The requests are bounded by the work, whatever the service does."""
    work = len(plan.items) // plan.batch_size + 1
    if plan.service.most_items < plan.batch_size or plan.service.lag:
        # cut smaller, or sent again where a list that lags still shows them
        work += len(plan.items)
    # Each token allows a retry, or a bisection into four; each attempt earns a fifth of one.
    assert len(plan.service.attempts) <= 5 * (work + 50) + 3
    assert len(plan.service.reads) <= 2 * len(plan.service.attempts) + 2


def run_many(runs: int, seed: int) -> Counter[str]:
    """Make many runs, and count what ended how."""
    total: Counter[str] = Counter()

    async def all_of_them() -> None:
        for number in range(seed, seed + runs):
            try:
                total.update(await check(number))
            except BaseException as error:
                error.add_note(f"in the run with the seed {number}")
                raise

    asyncio.run(all_of_them())
    return total
