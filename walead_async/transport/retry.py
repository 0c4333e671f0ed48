"""Which errors allow a request to be sent again, the session's retry budget, and the loop that sends again."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from walead_async.errors import APIError, ConnectionFailedError, DeadlineExceededError, WaleadError
from walead_async.transport.responses import PermanentConnectionError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import tenacity

    from walead_async.config import RetryPolicy

__all__ = ["RetryQuota", "may_send_again", "send_again"]

T = TypeVar("T")

#: Statuses below 500 after which the service, asked the same again, may answer otherwise.
TRANSIENT = frozenset({408, 425, 429})
#: 5xx that say "never": not implemented, HTTP version not supported, network authentication required.
PERMANENT = frozenset({501, 505, 511})
#: Statuses after which even an unblock may be sent again, since the service did not carry it out.
NOT_CARRIED_OUT = frozenset({425, 429})


class RetryQuota:
    """The session's retry budget: a retry takes a token; each request adds `ratio` of one, up to `burst`.

    A request adds to it when it is sent first. If retries did too, a ratio of 0.2 would let a service that always
    fails have 1.25 times the requests.
    """

    __slots__ = ("_burst", "_ratio", "_tokens")

    def __init__(self, burst: float, ratio: float) -> None:
        self._burst = burst
        self._ratio = ratio
        self._tokens = float(burst)

    def refill(self) -> None:
        """A request goes out for the first time."""
        if self._tokens < self._burst:
            self._tokens = min(self._burst, self._tokens + self._ratio)

    def take(self) -> bool:
        """Take a token for one retry; False if there is none."""
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


def may_send_again(error: BaseException, *, repeatable: bool) -> bool:
    """Whether a request that ended in this error may go out once more.

    A read or a block may, if another try can help. An unblock may only if it is proven that the service did not carry
    it out: somebody may have been blocked again meanwhile.
    """
    if isinstance(error, APIError):
        transient = error.status in TRANSIENT or (error.status >= 500 and error.status not in PERMANENT)
        return transient and (repeatable or error.status in NOT_CARRIED_OUT)
    if not isinstance(error, (ConnectionFailedError, DeadlineExceededError)):
        return False
    return not isinstance(error, PermanentConnectionError) and (repeatable or not error.maybe_applied)


async def send_again(
    first: WaleadError,
    attempt: Callable[[], Awaitable[T]],
    *,
    policy: RetryPolicy,
    quota: RetryQuota,
    may_retry: Callable[[BaseException], bool],
    time_left: Callable[[], float],
    scheduled: Callable[[int, float, BaseException], None],
    sleep: Callable[[float], Awaitable[None]],
) -> T:
    """After a first attempt that failed: wait and send again as the policy says, and raise the last error.

    `time_left` gives the seconds until the deadline; `scheduled` is told of each retry with the number of the attempt
    that failed, the wait in seconds and the error, before `sleep` waits.
    """
    # tenacity costs a tenth of the import, and most sessions never need it.
    import tenacity

    jitter = tenacity.wait_random_exponential(multiplier=policy.wait_initial, max=policy.wait_max)
    made_before = [first]

    async def next_attempt() -> T:
        if made_before:
            # tenacity counts this as the first attempt, which was made without it.
            raise made_before.pop()
        return await attempt()

    def wait(state: tenacity.RetryCallState) -> float:
        asked = getattr(_error_of(state), "retry_after", None)
        return max(jitter(state), asked or 0.0)

    def stop(state: tenacity.RetryCallState) -> bool:
        spent = state.attempt_number >= policy.attempts or state.upcoming_sleep >= time_left()
        return spent or not quota.take()

    return await tenacity.AsyncRetrying(
        retry=tenacity.retry_if_exception(may_retry),
        wait=wait,
        stop=stop,
        before_sleep=lambda state: scheduled(state.attempt_number, state.upcoming_sleep, _error_of(state)),
        sleep=sleep,
        reraise=True,
    )(next_attempt)


def _error_of(state: tenacity.RetryCallState) -> BaseException:
    error = state.outcome.exception() if state.outcome else None
    assert error is not None, "only errors are tried again"
    return error
