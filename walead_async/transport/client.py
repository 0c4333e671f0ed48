"""One call: its turn at the limiter, its attempts, its answer or its error; and what a session shares."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from walead_async.errors import DeadlineExceededError, SessionClosedError, WaleadError
from walead_async.transport.messages import Response
from walead_async.transport.responses import api_error, request_id_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from walead_async.config import RetryPolicy, Timeouts
    from walead_async.events import Event
    from walead_async.transport.http import Http, Reply
    from walead_async.transport.limiter import Gate
    from walead_async.transport.messages import Request
    from walead_async.transport.secrets import KeySource

__all__ = ["Connection", "RetryBudget", "Transport"]

logger = logging.getLogger("walead_async")


class Connection:
    """What every view of one session shares: the HTTP client, the key, the gate, the retry budget and the hooks."""

    def __init__(
        self,
        http: Http,
        key: KeySource,
        gate: Gate,
        *,
        concurrency: int,
        policy: RetryPolicy,
        hooks: Sequence[Callable[[Event], object]],
    ) -> None:
        self.http = http
        self.key = key
        self.gate = gate
        self.concurrency = concurrency
        self.budget = RetryBudget(policy.budget_burst, policy.budget_ratio)
        self.hooks = tuple(hooks)
        self.closed = False
        self._loop: asyncio.AbstractEventLoop | None = None

    def usable(self) -> asyncio.AbstractEventLoop:
        """The running loop. Raises `SessionClosedError` if the session is closed, or belongs to another loop."""
        if self.closed:
            raise SessionClosedError("this session is closed: open a new one")
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            if self._loop is not None:
                raise SessionClosedError("this session belongs to another event loop: open one in each loop")
            self._loop = loop
        return loop

    @property
    def observed(self) -> bool:
        """Whether anybody listens, so that events need not be made in vain."""
        return bool(self.hooks) or logger.isEnabledFor(logging.DEBUG)

    def emit(self, event: Event) -> None:
        """Tell every hook, and the log at level DEBUG. A hook that raises breaks nothing."""
        logger.debug("%s", event)
        for hook in self.hooks:
            try:
                hook(event)
            except Exception:
                logger.exception("a hook of the session failed on %s", type(event).__name__)

    async def close(self) -> None:
        """Close the connections that were opened here. Calls under way end with `SessionClosedError`."""
        self.closed = True
        self.gate.close()
        await self.http.close()


class Transport:
    """A view of a connection with its own patience. It is what listings and bulk runs call (`messages.Caller`)."""

    def __init__(self, connection: Connection, policy: RetryPolicy, timeouts: Timeouts) -> None:
        self.connection = connection
        self._policy = policy
        self._timeouts = timeouts

    def with_patience(self, policy: RetryPolicy | None, timeouts: Timeouts | None) -> Transport:
        """The same connection with another policy or other time-outs."""
        return Transport(self.connection, policy or self._policy, timeouts or self._timeouts)

    @property
    def concurrency(self) -> int:
        """How many requests of this session may be under way at once."""
        return self.connection.concurrency

    @property
    def observed(self) -> bool:
        """Whether anybody listens to events, so that none is made in vain."""
        return self.connection.observed

    def take_retry(self) -> bool:
        """Take one token of the session's retry budget; False if it is spent."""
        return self.connection.budget.take()

    def emit(self, event: Event) -> None:
        """Tell the session's hooks and the log of something that happened."""
        if self.connection.observed:
            self.connection.emit(event)

    async def send(self, request: Request, *, lane: object, patient: bool = False) -> Response:
        """Send one request, with its retries, and return its answer (`messages.Caller.send`).

        Raises the errors of our tree. Whether an error came from the last attempt or the first, its `maybe_applied`
        is True if any attempt may have been carried out.
        """
        connection = self.connection
        call = _Call(connection, request, self._policy, self._timeouts, lane, connection.usable())
        if not connection.gate.try_enter():
            await call.wait_for_turn(patient=patient)
        connection.budget.sent()
        try:
            return await call.attempt()
        except WaleadError as error:
            first = error
        return await call.retry(first)


class _Call:
    """One request with what its attempts have shown so far."""

    __slots__ = (
        "_attempts",
        "_connection",
        "_deadline",
        "_lane",
        "_loop",
        "_maybe_applied",
        "_policy",
        "_request",
        "_throttled",
        "_timeouts",
    )

    def __init__(
        self,
        connection: Connection,
        request: Request,
        policy: RetryPolicy,
        timeouts: Timeouts,
        lane: object,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._connection = connection
        self._request = request
        self._policy = policy
        self._timeouts = timeouts
        self._lane = lane
        self._loop = loop
        self._deadline = self._loop.time() + policy.deadline
        self._attempts = 0
        self._maybe_applied = False
        self._throttled = False

    def time_left(self) -> float:
        """Seconds until the deadline of this call."""
        return self._deadline - self._loop.time()

    async def wait_for_turn(self, *, patient: bool) -> None:
        """Wait at the gate. Patient calls have their deadline from the end of the wait, the others from before."""
        began = self._loop.time()
        try:
            async with asyncio.timeout_at(None if patient else self._deadline):
                await self._connection.gate.enter(self._lane)
        except TimeoutError:
            error = self._too_late("other requests, the rate limit or a pause that the service asked for came first")
            raise error from None
        try:
            self._connection.usable()
            if patient:
                self._deadline = self._loop.time() + self._policy.deadline
            if self._connection.observed:
                self._tell_of_wait(self._loop.time() - began)
        except BaseException:
            self._connection.gate.leave()
            raise

    def _too_late(self, why: str) -> DeadlineExceededError:
        limit = f"the deadline of {self._policy.deadline:g} s"
        return DeadlineExceededError(f"{limit} passed before the request went out: {why}")

    async def attempt(self) -> Response:
        """Send it once, and return the answer or raise the error. The turn at the gate is given back in any case."""
        connection, request = self._connection, self._request
        gate = connection.gate
        ticket = gate.ticket
        began = self._loop.time()
        try:
            if began >= self._deadline:
                raise self._too_late("the waits before it took too long")
            self._attempts += 1
            key = connection.key.current()
            observed = connection.observed
            if observed:
                self._tell_of_request()
            reply = await connection.http.exchange(request, key, self._timeouts, self._deadline, began)
            if observed:
                self._tell_of_response(reply, self._loop.time() - began)
            if 200 <= reply.status < 300:
                gate.succeeded()
                body = connection.key.hide_in_answer(reply.body) if request.body else reply.body
                return Response(reply.status, body, self._maybe_applied, self._throttled)
            refusal = self._refusal(reply, ticket)
            # A service may echo the key: its answer must not stay in the frames that a traceback shows.
            del reply
            raise refusal
        except WaleadError as error:
            self._count_in(error)
            if connection.closed and not isinstance(error, SessionClosedError):
                closed = SessionClosedError("this session was closed while a request was under way")
                self._count_in(closed)
                raise closed from None
            raise
        finally:
            gate.leave()

    def _count_in(self, error: WaleadError) -> None:
        """An earlier attempt may have been carried out, whatever the last one shows."""
        self._maybe_applied = error.maybe_applied = self._maybe_applied or error.maybe_applied
        error.attempts = self._attempts

    def _refusal(self, reply: Reply, ticket: int) -> WaleadError:
        """The error for an answer that is none of 2xx. The gate is told if the service asks for patience."""
        connection = self._connection
        error = api_error(self._request, reply.status, reply.headers, reply.body, hide=connection.key.hide)
        if error.status in {429, 503}:
            self._throttled = True
            connection.gate.throttled(ticket, getattr(error, "retry_after", None))
        return error

    async def retry(self, first: WaleadError) -> Response:
        """After a first attempt that failed: send again as the policy says, or raise the error."""
        if self._policy.attempts == 1:
            raise first
        # tenacity costs a tenth of the import, and most sessions never need it.
        from walead_async.transport.retry import may_send_again, send_again

        if not may_send_again(first, repeatable=self._request.repeatable):
            raise first
        return await send_again(
            first,
            self._turn_and_attempt,
            policy=self._policy,
            budget=self._connection.budget,
            repeatable=self._request.repeatable,
            time_left=self.time_left,
            scheduled=self._tell_of_retry,
        )

    async def _turn_and_attempt(self) -> Response:
        try:
            self._connection.usable()
            if not self._connection.gate.try_enter():
                await self.wait_for_turn(patient=False)
        except WaleadError as error:
            self._count_in(error)
            raise
        return await self.attempt()

    # Events are loaded where somebody listens: they would be a tenth of what this package adds to an import.

    def _tell_of_wait(self, waited: float) -> None:
        from walead_async.events import LimitWaited

        self._connection.emit(LimitWaited(self._request.method, self._request.path, waited))

    def _tell_of_request(self) -> None:
        from walead_async.events import RequestSent

        request = self._request
        size = len(request.body) if request.body else 0
        self._connection.emit(RequestSent(request.method, request.path, self._attempts, size))

    def _tell_of_response(self, reply: Reply, elapsed: float) -> None:
        from walead_async.events import ResponseReceived

        request, size = self._request, len(reply.body)
        name = request_id_of(reply.headers, hide=self._connection.key.hide)
        event = ResponseReceived(request.method, request.path, self._attempts, reply.status, elapsed, size, name)
        self._connection.emit(event)

    def _tell_of_retry(self, attempt: int, wait: float, error: BaseException) -> None:
        if self._connection.observed:
            from walead_async.events import RetryScheduled

            request = self._request
            self._connection.emit(RetryScheduled(request.method, request.path, attempt, wait, type(error).__name__))


class RetryBudget:
    """A retry takes a token; each request adds `ratio` of one, up to `burst`, when it is sent first.

    If retries added to it too, a ratio of 0.2 would let a service that always fails have 1.25 times the requests.
    """

    __slots__ = ("_burst", "_ratio", "_tokens")

    def __init__(self, burst: float, ratio: float) -> None:
        self._burst = burst
        self._ratio = ratio
        self._tokens = float(burst)

    def sent(self) -> None:
        """A request goes out for the first time."""
        if self._tokens < self._burst:
            self._tokens = min(self._burst, self._tokens + self._ratio)

    def take(self) -> bool:
        """Take a token for one retry; False if there is none."""
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
