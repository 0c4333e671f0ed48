"""Sending again: tenacity's loop with our waits, our deadline and the session's budget."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, TypeVar

import tenacity
from tenacity.stop import stop_base
from tenacity.wait import wait_base

from walead_async.errors import RateLimitedError, ServerError, WaleadError
from walead_async.transport.responses import is_transient, proves_nothing_done

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from walead_async.config import RetryPolicy
    from walead_async.transport.client import RetryBudget

__all__ = ["may_send_again", "send_again"]

T = TypeVar("T")


def may_send_again(error: WaleadError, *, repeatable: bool) -> bool:
    """Whether a request that ended in this error may go out once more.

    A read or a block may, if another try can help. An unblock may only if it is proven that the service did not carry
    it out: somebody may have been blocked again meanwhile.
    """
    return is_transient(error) and (repeatable or proves_nothing_done(error))


def asked_wait(error: BaseException | None) -> float:
    """The pause the service asked for with this error, in seconds; 0 if none."""
    if isinstance(error, (RateLimitedError, ServerError)):
        return error.retry_after or 0.0
    return 0.0


class _Wait(wait_base):
    """Full jitter, and never less than the service asked for."""

    def __init__(self, policy: RetryPolicy) -> None:
        self._policy = policy

    def __call__(self, retry_state: tenacity.RetryCallState) -> float:
        doubled = self._policy.wait_initial * 2.0 ** min(retry_state.attempt_number - 1, 60)
        drawn = random.uniform(0.0, min(doubled, self._policy.wait_max))
        return max(drawn, asked_wait(retry_state.outcome.exception() if retry_state.outcome else None))


class _Stop(stop_base):
    """Stop when the attempts or the time are used up, or when the budget has no token for the retry."""

    def __init__(self, policy: RetryPolicy, budget: RetryBudget, time_left: Callable[[], float]) -> None:
        self._policy = policy
        self._budget = budget
        self._time_left = time_left

    def __call__(self, retry_state: tenacity.RetryCallState) -> bool:
        return (
            retry_state.attempt_number >= self._policy.attempts
            or retry_state.upcoming_sleep >= self._time_left()
            or not self._budget.take()
        )


async def send_again(
    first: WaleadError,
    attempt: Callable[[], Awaitable[T]],
    *,
    policy: RetryPolicy,
    budget: RetryBudget,
    repeatable: bool,
    time_left: Callable[[], float],
    scheduled: Callable[[int, float, BaseException], None],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> T:
    """Go on after a first attempt that failed: wait and send again as the policy says, and raise the last error.

    `time_left` gives the seconds until the deadline; `scheduled` is told of each retry with the number of the attempt
    that failed, the wait in seconds and the error.
    """
    failed: WaleadError | None = first

    async def next_attempt() -> T:
        nonlocal failed
        if failed is not None:
            # tenacity counts this as the first attempt: it was made before tenacity was needed.
            error, failed = failed, None
            raise error
        return await attempt()

    def before_sleep(state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if error is not None:
            scheduled(state.attempt_number, state.upcoming_sleep, error)

    loop = tenacity.AsyncRetrying(
        retry=tenacity.retry_if_exception(
            lambda error: isinstance(error, WaleadError) and may_send_again(error, repeatable=repeatable)
        ),
        wait=_Wait(policy),
        stop=_Stop(policy, budget, time_left),
        before_sleep=before_sleep,
        sleep=sleep,
        reraise=True,
    )
    return await loop(next_attempt)
