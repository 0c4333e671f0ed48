"""One call: its turn at the limiter, its attempts, its answer or its error."""

from __future__ import annotations

import asyncio
import copy
import logging
from typing import TYPE_CHECKING

from walead_async.errors import AuthenticationError, DeadlineExceededError, SessionClosedError, WaleadError
from walead_async.transport.messages import DeadlineFrom, Response
from walead_async.transport.responses import api_error, request_id_of
from walead_async.transport.retry import RetryQuota, may_send_again, send_again
from walead_async.transport.secrets import SHORTEST_IN_RECORDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Self

    from walead_async.config import RetryPolicy, Timeouts
    from walead_async.events import Event
    from walead_async.transport.http import Http, Reply
    from walead_async.transport.limiter import Limiter
    from walead_async.transport.messages import Request
    from walead_async.transport.secrets import KeySource, SecretText

__all__ = ["Client"]

logger: logging.Logger = logging.getLogger("walead_async")


class Client:
    """What sends a session's calls: the HTTP client, the key, the limiter, the retry budget and the hooks.

    It is what listings and bulk runs call (`messages.Caller`).
    """

    def __init__(
        self,
        http: Http,
        key: KeySource,
        limiter: Limiter,
        *,
        policy: RetryPolicy,
        timeouts: Timeouts,
        hooks: Iterable[Callable[[Event], object]] = (),
    ) -> None:
        self.http = http
        self.key = key
        self.limiter = limiter
        self.quota: RetryQuota = RetryQuota(policy.budget_burst, policy.budget_ratio)
        self.policy = policy
        self.timeouts = timeouts
        self._hooks = tuple(hooks)

    def view(
        self, policy: RetryPolicy | None, timeouts: Timeouts | None, hooks: Iterable[Callable[[Event], object]]
    ) -> Self:
        """A view of this client with another patience and further hooks. All else is shared, the budget too."""
        view = copy.copy(self)
        view.policy = policy or self.policy
        view.timeouts = timeouts or self.timeouts
        view._hooks = (*self._hooks, *hooks)
        return view

    @property
    def concurrency(self) -> int:
        """How many requests of this session may be under way at once."""
        return self.limiter.concurrency

    @property
    def observed(self) -> bool:
        """Whether anybody listens to events, so that none is made in vain."""
        return bool(self._hooks) or logger.isEnabledFor(logging.DEBUG)

    def take_retry(self) -> bool:
        """Take one token of the session's retry budget; False if it is spent."""
        return self.quota.take()

    def emit(self, event: Event) -> None:
        """Tell every hook, and the log at level DEBUG. A hook that raises breaks nothing."""
        logger.debug("%s", event)
        for hook in self._hooks:
            try:
                hook(event)
            except (Exception, asyncio.CancelledError):  # a hook awaits nothing, so that nobody has cancelled it
                logger.exception("a hook of the session failed on %s", type(event).__name__)

    async def send(self, request: Request, *, flow: object, deadline_from: DeadlineFrom = "call") -> Response:
        """Send one request, with its retries, and return its answer (`messages.Caller.send`).

        Raises the errors of our tree. Whether an error came from the last attempt or the first, its `maybe_applied`
        is True if any attempt may have been carried out.
        """
        call = _Call(self, request, flow, self.http.usable())
        if not self.limiter.try_enter():
            await call.wait_for_turn(deadline_from=deadline_from)
        self.quota.refill()
        try:
            return await call.attempt()
        except WaleadError as error:
            first = error
        if self.policy.attempts == 1 or not call.may_send_again(first):
            raise first
        return await send_again(
            first,
            call.turn_and_attempt,
            policy=self.policy,
            quota=self.quota,
            may_retry=call.may_send_again,
            time_left=call.time_left,
            scheduled=call.tell_of_retry,
            sleep=call.sleep,
        )

    async def close(self) -> None:
        """Close the connections that were opened here. Calls under way end with `SessionClosedError`."""
        await self.http.close()


class _Call:
    """One request with what its attempts have shown so far."""

    __slots__ = (
        "_attempts",
        "_client",
        "_deadline",
        "_flow",
        "_loop",
        "_maybe_applied",
        "_request",
        "_throttled",
        "_with_old_key",
    )

    def __init__(self, client: Client, request: Request, flow: object, loop: asyncio.AbstractEventLoop) -> None:
        self._client = client
        self._request = request
        self._flow = flow
        self._loop = loop
        self._deadline = loop.time() + client.policy.deadline
        self._attempts = 0
        self._maybe_applied = False
        self._throttled = False
        # The first refusal of a key that was replaced while the request was under way.
        self._with_old_key: WaleadError | None = None

    def time_left(self) -> float:
        """Seconds until the deadline of this call."""
        return self._deadline - self._loop.time()

    def may_send_again(self, error: BaseException) -> bool:
        """Whether this call may go out once more after this error."""
        return error is self._with_old_key or may_send_again(error, repeatable=self._request.repeatable)

    async def wait_for_turn(self, *, deadline_from: DeadlineFrom) -> None:
        """Wait at the limiter. The deadline may begin at the end of the wait, and else began before it."""
        client = self._client
        began = self._loop.time()
        try:
            async with asyncio.timeout_at(None if deadline_from == "turn" else self._deadline):
                await client.http.unless_closed(client.limiter.enter(self._flow))
        except TimeoutError:
            error = self._too_late("other requests, the rate limit or a pause that the service asked for came first")
            raise error from None
        try:
            client.http.usable()
            if deadline_from == "turn":
                self._deadline = self._loop.time() + client.policy.deadline
            if client.observed:
                from walead_async.events import LimitWaited

                client.emit(LimitWaited(self._request.method, self._request.path, self._loop.time() - began))
        except BaseException:
            client.limiter.leave()
            raise

    def _too_late(self, why: str) -> DeadlineExceededError:
        limit = f"the deadline of {self._client.policy.deadline:g} s"
        return DeadlineExceededError(f"{limit} passed before the request went out: {why}")

    async def sleep(self, seconds: float) -> None:
        """Wait before it is sent again."""
        try:
            await self._client.http.unless_closed(asyncio.sleep(seconds))
        except WaleadError as error:
            self._count_in(error)
            raise

    async def turn_and_attempt(self) -> Response:
        """Wait for another turn and send it again."""
        try:
            self._client.http.usable()
            if not self._client.limiter.try_enter():
                await self.wait_for_turn(deadline_from="call")
        except WaleadError as error:
            self._count_in(error)
            raise
        return await self.attempt()

    async def attempt(self) -> Response:
        """Send it once, and return the answer or raise the error. The turn at the limiter is given back in any case."""
        client, request = self._client, self._request
        ticket = client.limiter.admitted
        began = self._loop.time()
        try:
            if began >= self._deadline:
                raise self._too_late("the waits before it took too long")
            self._attempts += 1
            key = client.key.current()
            exchange = self._told_exchange if client.observed else client.http.exchange
            reply = await exchange(request, key, client.timeouts, self._deadline, began)
            if 200 <= reply.status < 300:
                client.limiter.succeeded()
                body = client.key.hide_in_body(reply.body, shortest=SHORTEST_IN_RECORDS)
                return Response(reply.status, body, self._maybe_applied, self._throttled)
            refusal = self._refusal(reply, key, ticket)
            # What the service said must not stay in the frames that a traceback shows.
            del reply
            raise refusal
        except WaleadError as error:
            self._count_in(error)
            if client.http.closed and not isinstance(error, SessionClosedError):
                closed = SessionClosedError("this session was closed while a request was under way")
                self._count_in(closed)
                raise closed from None
            raise
        finally:
            client.limiter.leave()

    def _count_in(self, error: WaleadError) -> None:
        """An earlier attempt may have been carried out, whatever the last one shows."""
        self._maybe_applied = error.maybe_applied = self._maybe_applied or error.maybe_applied
        error.attempts = self._attempts

    def _refusal(self, reply: Reply, key: SecretText, ticket: int) -> WaleadError:
        """The error for an answer that is none of 2xx. The limiter is told if the service asks for patience."""
        client = self._client
        body = client.key.hide_in_body(reply.body)
        error = api_error(self._request, reply.status, reply.headers, body, hide=client.key.hide)
        if error.status in {429, 503}:
            self._throttled = True
            client.limiter.throttled(ticket, error.retry_after)
        if isinstance(error, AuthenticationError) and self._with_old_key is None and client.key.was_replaced(key):
            self._with_old_key = error
        return error

    async def _told_exchange(
        self, request: Request, key: SecretText, timeouts: Timeouts, deadline: float, began: float
    ) -> Reply:
        """`Http.exchange` with its events. They are loaded here: a tenth of what this package adds to an import."""
        from walead_async.events import RequestFailed, RequestSent, ResponseReceived

        client, call = self._client, (request.method, request.path, self._attempts)
        client.emit(RequestSent(*call, len(request.body or b""), client.http.host, client.http.port))
        try:
            reply = await client.http.exchange(request, key, timeouts, deadline, began)
        except BaseException as error:
            client.emit(RequestFailed(*call, self._loop.time() - began, type(error).__name__))
            raise
        request_id = request_id_of(reply.headers, hide=client.key.hide)
        seconds = self._loop.time() - began
        client.emit(ResponseReceived(*call, reply.status, seconds, len(reply.body), request_id))
        return reply

    def tell_of_retry(self, attempt: int, wait: float, error: BaseException) -> None:
        """Tell whoever listens that it is sent again in `wait` seconds."""
        if self._client.observed:
            from walead_async.events import RetryScheduled

            request = self._request
            self._client.emit(RetryScheduled(request.method, request.path, attempt, wait, type(error).__name__))
