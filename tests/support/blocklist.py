"""A service that keeps a block list and knows the truth, and bulk runs on it without a network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Callable, Collection, Iterable, Mapping, Sequence
from enum import Enum
from random import Random

import attrs
import orjson

from walead_async.bulk.api import BulkStream, bulk_report, bulk_stream
from walead_async.bulk.operation import Answer, Entries, Missing, Verify
from walead_async.bulk.runner import Runner
from walead_async.errors import (
    APIError,
    AuthenticationError,
    ConflictError,
    ConnectionFailedError,
    InvalidInputError,
    InvalidRequestError,
    NotFoundError,
    PayloadTooLargeError,
    PermissionDeniedError,
    RateLimitedError,
    ServerError,
    UnexpectedResponseError,
    WaleadError,
)
from walead_async.events import Event
from walead_async.models import BulkReport, Outcome, Status
from walead_async.transport.messages import DeadlineFrom, Request, Response

PATH = "/v1/blocked-leads"

ERRORS: dict[int, type[APIError]] = {
    400: InvalidRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    413: PayloadTooLargeError,
    422: InvalidRequestError,
    429: RateLimitedError,
}


class Fault(Enum):
    """What can happen to one attempt."""

    NO_CONNECTION = "no byte was sent"
    CUT_BEFORE = "the connection broke, and nothing was done"
    CUT_AFTER = "the connection broke after it was done"
    CUT_LATE = "the connection broke, and it was done a little later"
    FAILED = "500, and nothing was done"
    FAILED_IN_PART = "500, and a part was done"
    FAILED_AFTER = "500, and it was done"
    TIMED_OUT_AFTER = "408, and it was done"
    REDIRECTED_AFTER = "302, and it was done"
    REUSED_AFTER = "the connection broke after it was done, and what it removed is somebody else's record by now"
    GATEWAY = "404 of a gateway, and nothing was done"
    TOO_EARLY = "425"
    TOO_MANY = "429"
    GARBAGE = "200 with a body that cannot be read, and it was done"
    NO_SUCCESS = "200 with success: false, and nothing was done"
    NO_COUNT = "200 without a count, and it was done"
    ONE_LESS = "200 with a count that leaves one out, and that one was not done"
    ONE_MORE = "200 with a count that is too high, and it was done"


@attrs.define
class Attempt:
    """One attempt as the service, or the wire, saw it. `undone`: the client was told that nothing was carried out."""

    at: int
    keys: list[str]
    ended: int = 0
    undone: bool = False


@attrs.define
class Read:
    """One read-back: when it began, and what it showed."""

    began: int
    present: Mapping[str, bool]


#: Decides on the fault of the nth attempt (from 0) for these keys; None for none.
Faults = Callable[[int, Sequence[str]], Fault | None]


@attrs.define
class Service:
    """The block list, with the habits that nobody knows of the real one."""

    blocks: bool = True
    listed: set[str] = attrs.Factory(set)
    bad: Mapping[str, int] = attrs.Factory(dict)
    poison: Collection[str] = ()
    most_items: int = 10**9
    too_large_status: int = 413
    #: What it does with a person who is as wanted already: "counts", "skips" (not counted) or "fails" (409 or 404).
    repeats: str = "skips"
    itemised: bool = False
    #: A status that every request is answered with from the nth on.
    status_from: tuple[int, int] | None = None
    faults: Faults = lambda number, keys: None
    read_fault: Callable[[int], WaleadError | None] = lambda number: None
    #: So many ticks ago is what a list shows; or, thrown anew for each read, as many at most.
    lag: int = 0
    lag_dice: Random | None = None
    #: What was listed before each change, and when that was.
    past: list[tuple[int, frozenset[str]]] = attrs.Factory(list)
    attempts: list[Attempt] = attrs.Factory(list)
    reads: list[Read] = attrs.Factory(list)
    #: What was changed by requests of ours.
    changed: set[str] = attrs.Factory(set)
    late: list[list[str]] = attrs.Factory(list)
    done_late: set[str] = attrs.Factory(set)
    #: Records of other people under ids that were ours, and those of them that were removed.
    others: set[str] = attrs.Factory(set)
    wronged: set[str] = attrs.Factory(set)
    now: int = 0

    def is_as_wanted(self, key: str) -> bool:
        return (key in self.listed) is self.blocks

    def change(self, keys: Sequence[str]) -> int:
        """Carry it out, and count whom it changed."""
        if not self.blocks:
            self.wronged.update(self.others.intersection(keys))
        changed = [key for key in dict.fromkeys(keys) if not self.is_as_wanted(key)]
        if self.lag and changed:
            self.past.append((self.now, frozenset(self.listed)))
        self.changed.update(changed)
        (self.listed.update if self.blocks else self.listed.difference_update)(changed)
        return len(changed)

    def shown(self) -> Collection[str]:
        """What the list shows now, which may be what it held some time ago."""
        then = self.now - (self.lag_dice.randrange(self.lag + 1) if self.lag_dice else self.lag)
        return next((listed for changed_at, listed in self.past if changed_at >= then), self.listed)

    def tick(self) -> int:
        self.now += 1
        return self.now

    def do_what_is_late(self) -> None:
        for keys in self.late:
            self.change([key for key in keys if key not in self.bad])
            self.done_late.update(keys)
        self.late.clear()

    def receive(self, request: Request) -> Response:
        """One attempt: the answer, or the error that the client sees. Its `undone` is noted."""
        keys = orjson.loads(request.body or b"[]")
        number = len(self.attempts)
        self.attempts.append(attempt := Attempt(self.tick(), keys))
        try:
            return self._receive(number, keys)
        except WaleadError as error:
            attempt.undone = not error.maybe_applied
            raise
        finally:
            attempt.ended = self.tick()

    def _receive(self, number: int, keys: list[str]) -> Response:
        if self.status_from is not None and number >= self.status_from[0]:
            raise error_of(self.status_from[1])
        fault = self.faults(number, keys)
        if fault is Fault.NO_CONNECTION:
            raise ConnectionFailedError("no connection")
        if fault is Fault.TOO_EARLY:
            raise error_of(425)
        if fault is Fault.TOO_MANY:
            raise error_of(429)
        if fault is Fault.GATEWAY and not self.blocks:
            error = error_of(404)
            error.is_json = False
            raise error
        if fault in {Fault.CUT_BEFORE, Fault.GATEWAY}:
            raise broken()
        if fault is Fault.CUT_LATE:
            self.late.append(keys)
            raise broken()
        if fault is Fault.FAILED or any(key in self.poison for key in keys):
            raise error_of(500)
        self._refuse(keys)
        if fault is Fault.NO_SUCCESS:
            return Response(200, orjson.dumps({"ends": {}} if self.itemised else {"count": None}))
        if fault is Fault.FAILED_IN_PART:
            self.change(keys[: len(keys) // 2])
            raise error_of(500)
        if fault is Fault.ONE_LESS:
            return self._carry_out(keys[:-1])
        before = self.listed.copy()
        response = self._carry_out(keys)
        if fault is Fault.REUSED_AFTER:
            self.others.update(before - self.listed)
            raise broken()
        if fault is Fault.CUT_AFTER:
            raise broken()
        if fault is Fault.REDIRECTED_AFTER:
            raise error_of(302)
        if fault is Fault.FAILED_AFTER:
            raise error_of(500)
        if fault is Fault.TIMED_OUT_AFTER:
            raise error_of(408)
        if fault is Fault.GARBAGE:
            return Response(200, b"<html>")
        if fault is Fault.NO_COUNT:
            return Response(200, b"{}")
        if fault is Fault.ONE_MORE:
            return Response(200, orjson.dumps({"count": len(keys) + 1}))
        return response

    def _refuse(self, keys: Sequence[str]) -> None:
        if len(keys) > self.most_items:
            raise error_of(self.too_large_status)
        if self.itemised:
            return
        for key in keys:
            if key in self.bad:
                raise error_of(self.bad[key])
        if self.repeats == "fails" and any(self.is_as_wanted(key) for key in keys):
            raise error_of(409 if self.blocks else 404)

    def _carry_out(self, keys: list[str]) -> Response:
        if self.itemised:
            return self._answer_by_name(keys)
        count = self.change(keys)
        return Response(200, orjson.dumps({"count": len(keys) if self.repeats == "counts" else count}))

    def _answer_by_name(self, keys: Sequence[str]) -> Response:
        ends = {}
        for key in keys:
            if key in self.bad:
                ends[key] = ("refused", "bad number")
            else:
                ends[key] = ("done", None) if self.change([key]) else ("already", "was so")
        return Response(200, orjson.dumps({"ends": ends}))


def error_of(status: int) -> APIError:
    error = ERRORS.get(status, ServerError if status >= 500 else APIError)(
        "no", status=status, method="POST", path=PATH
    )
    error.maybe_applied = status >= 500 or status == 408 or status < 400
    error.is_json = True
    return error


def broken() -> ConnectionFailedError:
    error = ConnectionFailedError("the connection broke")
    error.maybe_applied = True
    return error


@attrs.define
class FakeCaller:
    """A transport without a network: attempts, retries and a budget, as the real one."""

    service: Service
    concurrency: int = 4
    attempts: int = 1
    tokens: float = 50.0
    ratio: float = 0.2
    #: Draws how long each request takes, in turns of the event loop; None: no turn at all.
    rng: Random | None = None
    sent: list[Request] = attrs.Factory(list)
    deadlines: list[DeadlineFrom] = attrs.Factory(list)
    events: list[Event] = attrs.Factory(list)
    under_way: int = 0
    most_under_way: int = 0

    async def pause(self) -> None:
        for _ in range(self.rng.randrange(4) if self.rng else 0):
            await asyncio.sleep(0)

    async def send(self, request: Request, *, flow: object, deadline_from: DeadlineFrom = "call") -> Response:
        self.sent.append(request)
        self.deadlines.append(deadline_from)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            return await self._attempt(request)
        finally:
            self.under_way -= 1

    async def _attempt(self, request: Request) -> Response:
        maybe_applied = False
        attempt = 0
        while True:
            attempt += 1
            await self.pause()
            self.tokens = min(50.0, self.tokens + self.ratio)
            try:
                response = self.service.receive(request)
            except WaleadError as error:
                failure = error
            else:
                await self.pause()
                return response._replace(maybe_repeated=maybe_applied)
            proven = not failure.maybe_applied
            maybe_applied = failure.maybe_applied = maybe_applied or failure.maybe_applied
            failure.attempts = attempt
            may_repeat = transient(failure) and (request.repeatable or proven)
            if attempt >= self.attempts or not may_repeat or not self.take_retry():
                await self.pause()
                raise failure

    @property
    def observed(self) -> bool:
        return True

    def take_retry(self) -> bool:
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True

    def emit(self, event: Event) -> None:
        self.events.append(event)

    async def read(self, keys: Collection[str]) -> dict[str, bool]:
        """Which of these keys are listed, at one moment between the call and its answer."""
        service = self.service
        began = service.tick()
        await self.pause()
        if (error := service.read_fault(len(service.reads))) is not None:
            service.reads.append(Read(began, {}))
            raise error
        shown = service.shown()
        found = {key: key in shown for key in keys}
        service.reads.append(Read(began, found))
        service.do_what_is_late()
        await self.pause()
        return found


def transient(error: WaleadError) -> bool:
    if isinstance(error, APIError):
        return error.status in {408, 425, 429} or error.status >= 500
    return isinstance(error, ConnectionFailedError)


@attrs.define
class FakeOperation:
    """Blocks or unblocks words: a word is lower-cased, anything with a space or that is no text is invalid."""

    caller: FakeCaller
    missing_means: Missing = "item"
    path: str = PATH

    @property
    def blocks(self) -> bool:
        return self.caller.service.blocks

    def entries(self, items: Sequence[object]) -> Entries:
        keys: list[str] = []
        invalid: dict[int, InvalidInputError] = {}
        for index, item in enumerate(items):
            if isinstance(item, str) and item and " " not in item:
                keys.append(item.lower())
            else:
                keys.append("")
                invalid[index] = InvalidInputError(f"{item!r} is no word")
        return Entries(keys, [orjson.dumps(key) if key else b"" for key in keys], invalid)

    def request(self, encoded: Sequence[bytes]) -> Request:
        body = b"[%s]" % b",".join(encoded)
        return Request("POST" if self.blocks else "DELETE", self.path, body=body, repeatable=self.blocks)

    def answer(self, response: Response, keys: Sequence[str]) -> Answer:
        try:
            said = orjson.loads(response.body)
        except orjson.JSONDecodeError:
            error = UnexpectedResponseError("the answer is not JSON")
            error.maybe_applied = True
            raise error from None
        if "ends" in said:
            return Answer(named={key: (Status(status), words) for key, (status, words) in said["ends"].items()})
        return Answer(count=said.get("count"))

    async def present(self, items: Mapping[str, object]) -> Collection[str]:
        shown = await self.caller.read(items.keys())
        return {key for key, listed in shown.items() if listed}


class Bulk:
    """Bulk calls on one service."""

    def __init__(self, service: Service, caller: FakeCaller | None = None, **options: object) -> None:
        self.service = service
        self.caller = caller or FakeCaller(service, rng=Random(7), **options)
        self.operation = FakeOperation(self.caller)

    async def report(
        self,
        items: Iterable[object] | AsyncIterable[object],
        *,
        batch_size: int = 500,
        verify: Verify = "unclear",
        check: bool = False,
    ) -> BulkReport:
        return await bulk_report(self.caller, self.operation, items, batch_size=batch_size, verify=verify, check=check)

    def stream(
        self,
        items: Iterable[object] | AsyncIterable[object],
        *,
        batch_size: int = 500,
        verify: Verify = "unclear",
        window: int | None = None,
    ) -> BulkStream:
        """A stream as a resource makes it, or one that holds fewer items."""
        if window is None:
            return bulk_stream(self.caller, self.operation, items, batch_size=batch_size, verify=verify)
        return BulkStream(Runner(self.caller, self.operation, items, batch_size, verify, window=window))

    async def drained(
        self,
        items: Iterable[object] | AsyncIterable[object],
        *,
        batch_size: int = 500,
        verify: Verify = "unclear",
        window: int | None = None,
    ) -> tuple[list[Outcome], Exception | None]:
        """All that a stream yields, and what it raises in the end."""
        seen: list[Outcome] = []
        stream = self.stream(items, batch_size=batch_size, verify=verify, window=window)
        try:
            while True:
                seen.append(await anext(stream))
        except StopAsyncIteration:
            return seen, None
        except Exception as error:
            return seen, error

    @property
    def sent(self) -> list[list[str]]:
        """The keys of each attempt, in the order sent."""
        return [attempt.keys for attempt in self.service.attempts]
