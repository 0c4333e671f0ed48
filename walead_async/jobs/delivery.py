"""Delivers what an outbox holds for one service, in the one process that has the service's lock."""

from __future__ import annotations

import asyncio
import copy
import logging
from contextlib import aclosing, suppress
from functools import partial
from typing import TYPE_CHECKING

import attrs

from walead_async.errors import (
    APIError,
    AuthenticationError,
    ConnectionFailedError,
    DeadlineExceededError,
    NotFoundError,
    OutboxError,
    PermissionDeniedError,
    WaleadError,
)
from walead_async.jobs import optouts
from walead_async.jobs.optouts import WORKSPACE, Pending, Settled
from walead_async.models import SETTLED, LeadToBlock, Status
from walead_async.resources.agents import ALL

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence

    from walead_async.bulk.api import BulkStream
    from walead_async.jobs.store import Store
    from walead_async.models import Outcome
    from walead_async.session import AsyncSession, VoiceAgentSession

__all__ = ["Delivery", "Pace", "PhonelyDelivery", "WaleadDelivery"]

log: logging.Logger = logging.getLogger("walead_async.outbox")

#: Opt-outs of one destination that are read at a time, and those that are tried while it does not answer.
MOST = 5000
FEW = 100


@attrs.frozen
class Pace:
    """How long a delivery waits, in seconds.

    `gather`: for more opt-outs before the first go out. `look`: between looks for those of other processes.
    `take_over`: between tries for the lock. `first` and `most`: after a failed attempt, doubled each time.
    `refused_key`: after the key was not accepted. `told`: between log records about that.
    """

    gather: float = 0.05
    look: float = 0.2
    take_over: float = 1.0
    first: float = 0.2
    most: float = 60.0
    refused_key: float = 60.0
    told: float = 3600.0


class Delivery:
    """Delivers the opt-outs of one service, as long as `run` runs.

    `tell` is called with what was settled once it is on the disk, and with what the service or the connection said.
    """

    service: str

    def __init__(
        self, store: Store, pace: Pace, base_url: str, tell: Callable[[Settled, WaleadError | None], object]
    ) -> None:
        self.base_url = base_url
        #: Whose lists these are: the workspace's id or Phonely's user id, "" as long as it is not known.
        self.account: str = ""
        #: Why nothing may be delivered at all, if so.
        self.refusal: OutboxError | None = None
        self._store = store
        self._pace = pace
        self._tell = tell
        self._lock = store.lock(f"{self.service}.deliver")
        # Why the lock cannot be taken, as it was logged.
        self._untaken = ""
        # What each destination that cannot be delivered to said last.
        self._errors: dict[str, str] = {}
        self._key_told = float("-inf")
        self._woken = asyncio.Event()
        # Once a drain has begun: when it is over, by the loop's clock, and which destinations are not waited for.
        self._drained_by: float | None = None
        self._draining = asyncio.Event()
        self._given_up: set[str] = set()

    def stream(self, destination: str, people: Mapping[str, str | None]) -> BulkStream | AsyncGenerator[Outcome, None]:
        """The run that blocks these keys there, each with its reason; their outcomes in order."""
        raise NotImplementedError

    async def judge(self, destination: str, error: WaleadError) -> tuple[bool, WaleadError]:
        """Whether what ended a run will never be otherwise for this destination, and what ended it."""
        raise NotImplementedError

    async def check_account(self) -> None:
        """Raise the error if the session's account is not the one that the opt-outs are for, or that is not known."""

    def learn_from(self, told: Mapping[str, object]) -> None:
        """What the process that delivers knows of the account, if it is on the same base URL."""

    def wake(self) -> None:
        """There is something to deliver."""
        self._woken.set()

    def drain(self, until: float) -> None:
        """Deliver what there is, and wait for nothing beyond this moment of the loop's clock; then `run` ends."""
        self._drained_by = until
        self._draining.set()
        self._woken.set()

    async def run(self) -> None:
        """Deliver whenever this process has the lock, until it is cancelled or has drained."""
        while True:
            try:
                while not await self._take_lock():
                    if self._drained_by is not None:
                        return  # another process goes on
                    await _wait_for(self._draining, self._pace.take_over)
                async with self._store.while_held(self._lock), asyncio.TaskGroup() as deliveries:
                    await self._deliver_all(deliveries)
                return
            except OutboxError as error:
                log.warning("the delivery to %s is interrupted: %s", self.service, error)
            except Exception as error:
                # Whoever takes opt-outs must not answer 202 for days while nothing is delivered.
                name = type(error).__name__
                self.refusal = OutboxError(f"the delivery has ended unexpectedly ({name}): start it again")
                log.error("%s: %s", self.service, self.refusal)
                return
            finally:
                await self._lock.release()

    async def _take_lock(self) -> bool:
        try:
            if await self._lock.take():
                self._untaken = ""
                self.publish()
                return True
            self.learn_from(await self._lock.told())
        except OutboxError as error:
            if self._untaken != str(error):
                self._untaken = str(error)
                log.error("the lock %s cannot be taken: %s", self._lock.name, error)
        return False

    def publish(self) -> None:
        """Let other processes see what this one knows."""
        self._lock.tell({"base_url": self.base_url, "account": self.account, "errors": self._errors})

    async def _deliver_all(self, deliveries: asyncio.TaskGroup) -> None:
        """Keep a delivery going for each destination that has something pending."""
        at_work: set[str] = set()

        def ended(task: asyncio.Task[None]) -> None:
            at_work.discard(task.get_name())
            if self._drained_by is not None:
                self._woken.set()

        while True:
            self._woken.clear()
            try:
                waiting = await self._store.read(optouts.destinations)
            except Exception as error:
                log.error("the outbox cannot be read: %s", error if isinstance(error, OutboxError) else type(error))
                await asyncio.sleep(self._pace.take_over)
                continue
            mine = {destination for destination in waiting if optouts.service_of(destination) == self.service}
            if self._drained_by is not None and mine <= self._given_up:
                return
            for destination in sorted(mine - at_work - self._given_up):
                at_work.add(destination)
                deliveries.create_task(self._deliver(destination), name=destination).add_done_callback(ended)
            await _wait_for(self._woken, self._pace.look)

    async def _deliver(self, destination: str) -> None:
        """Deliver what is pending for one destination, until nothing is."""
        failures = after = 0
        full = worked = False
        while True:
            if not full:
                await asyncio.sleep(self._pace.gather)
            try:
                limit = FEW if failures else MOST
                read = partial(
                    optouts.pending,
                    destination=destination,
                    base_url=self.base_url,
                    account=self.account,
                    after=after,
                    limit=limit,
                )
                waiting = await self._store.read(read)
                full = len(waiting) == limit
                if not waiting and after:
                    after = 0
                    continue
                if not waiting:
                    if not worked and self._drained_by is not None:
                        self._given_up.add(destination)  # all that is pending there is another session's
                    return
                worked = True
                # What is never answered must not hold up those who came later.
                after = waiting[-1].id if full else 0
                await self.check_account()
                settled, error = await self._attempt(destination, waiting)
            except WaleadError as failure:
                settled, error = False, failure
            except Exception as failure:
                log.error("a delivery to %s failed unexpectedly: %s", destination, type(failure).__name__)
                settled, error = False, OutboxError(f"a delivery failed unexpectedly ({type(failure).__name__})")
            self._note(destination, error)
            if settled:
                failures = after = 0
                continue
            failures += 1
            refused = isinstance(error, AuthenticationError) or error is self.refusal
            wait = self._pace.refused_key if refused else min(self._pace.first * 2 ** (failures - 1), self._pace.most)
            if not await self._pause(wait):
                self._given_up.add(destination)
                return

    async def _attempt(self, destination: str, waiting: Sequence[Pending]) -> tuple[bool, WaleadError | None]:
        """Send these; whether any was settled, and what ended the run or was refused, None if all went well."""
        people: dict[str, list[int]] = {}
        reasons: dict[str, str | None] = {}
        for number, key, reason in waiting:
            if key in people:
                people[key].append(number)
                reasons[key] = reasons[key] or reason
            else:
                people[key], reasons[key] = [number], reason
        unsettled = iter(people.values())
        commits = _Commits(self._store, self._tell)
        left: list[tuple[list[int], Outcome]] = []
        refusal: WaleadError | None = None
        error: WaleadError | None = None
        try:
            async with aclosing(self.stream(destination, reasons)) as outcomes:
                async for outcome in outcomes:
                    ids = next(unsettled)
                    if (state := STATES.get(outcome.status)) is None:
                        left.append((ids, outcome))
                    else:
                        refusal = refusal or outcome.error
                        commits.add(ids, state, outcome.status, outcome.detail, outcome.error)
        except WaleadError as ended_by:
            error = ended_by
        finally:
            commits.hand_over()
        hopeless = False
        if error is not None:
            hopeless, error = await self.judge(destination, error)
        if hopeless:
            for ids in (*(ids for ids, _ in left), *unsettled):
                commits.add(ids, "failed", Status.REFUSED, str(error), error)
        else:
            for ids, outcome in left:
                commits.add(ids, "pending", outcome.status, outcome.detail, outcome.error)
                refusal = refusal or outcome.error
        return await commits.stored() > 0, error or refusal

    def _note(self, destination: str, error: WaleadError | None) -> None:
        """Keep what a destination said, for `status`, and log what somebody has to see to."""
        if error is None:
            if self._errors.pop(destination, None) is not None:
                log.info("delivery to %s goes on", destination)
                self.publish()
            return
        if isinstance(error, AuthenticationError):
            self._tell_of_key()
        elif destination not in self._errors:
            log.warning("a delivery to %s did not succeed: %s", destination, in_short(error))
        if self._errors.get(destination) != (said := in_short(error)):
            self._errors[destination] = said
            self.publish()

    def _tell_of_key(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._key_told >= self._pace.told:
            self._key_told = now
            log.error("%s does not accept the API key: opt-outs are kept, and none is delivered", self.service)

    async def _pause(self, seconds: float) -> bool:
        """Wait so long, or until a drain begins; False if that would outlast the drain."""
        if self._drained_by is None:
            await _wait_for(self._draining, seconds)
        elif asyncio.get_running_loop().time() + seconds > self._drained_by:
            return False
        else:
            await asyncio.sleep(seconds)
        return True


#: What an outcome makes of an opt-out; the others leave it pending.
STATES = dict.fromkeys(SETTLED, "delivered") | {Status.REFUSED: "failed", Status.INVALID: "failed"}


class _Commits:
    """Writes down what was settled, whenever the run waits for the service."""

    def __init__(self, store: Store, tell: Callable[[Settled, WaleadError | None], object]) -> None:
        self._store = store
        self._tell = tell
        self._loop = asyncio.get_running_loop()
        self._gathered: dict[tuple[str, Status, str | None], tuple[Settled, WaleadError | None]] = {}
        self._stored: list[asyncio.Future[None]] = []
        self._settled = 0

    def add(self, ids: list[int], state: str, status: Status, detail: str | None, said: WaleadError | None) -> None:
        """This is to be written down of these opt-outs."""
        if not self._gathered:
            # The loop comes to it when the run has no more outcomes at hand.
            self._loop.call_soon(self.hand_over)
        alike = self._gathered.get((state, status, detail))
        if alike is None:
            self._gathered[state, status, detail] = (Settled([*ids], state, status, detail), said)
        else:
            alike[0].ids.extend(ids)
        if state != "pending":
            self._settled += 1

    def hand_over(self) -> None:
        """Have what was gathered written."""
        groups, self._gathered = [*self._gathered.values()], {}
        if groups:
            with suppress(OutboxError):  # closed meanwhile: what was not written down is sent again
                future = self._store.write(partial(optouts.settle, settled=[settled for settled, _ in groups]))
                future.add_done_callback(partial(self._written, groups))
                self._stored.append(future)

    def _written(self, groups: Sequence[tuple[Settled, WaleadError | None]], future: asyncio.Future[None]) -> None:
        if not future.cancelled() and future.exception() is None:
            for settled, said in groups:
                self._tell(settled, said)

    async def stored(self) -> int:
        """Wait until everything is on the disk; how many were settled. Raises `OutboxError`."""
        self.hand_over()
        for future in self._stored:
            await future
        return self._settled


class WaleadDelivery(Delivery):
    """Delivers to the workspace and its campaigns."""

    service = "walead"

    def __init__(
        self,
        store: Store,
        pace: Pace,
        session: AsyncSession,
        tell: Callable[[Settled, WaleadError | None], object],
    ) -> None:
        super().__init__(store, pace, session._base_url, tell)
        self._session = session
        self._checking = asyncio.Lock()
        self._check_at = float("-inf")

    def stream(self, destination: str, people: Mapping[str, str | None]) -> BulkStream:
        """`POST` to the workspace's list or a campaign's."""
        if destination == WORKSPACE:
            reasons = set(people.values())
            if len(reasons) == 1:
                return self._session.blocked_leads.block_stream(list(people), reason=reasons.pop())
            return self._session.blocked_leads.block_stream([LeadToBlock(*person) for person in people.items()])
        campaign = self._session.campaign(destination.removeprefix("campaign:"))
        return campaign.blocked_leads.block_stream(list(people))

    async def judge(self, destination: str, error: WaleadError) -> tuple[bool, WaleadError]:
        """A campaign that is not there, or that this licence may not block in, stays so."""
        if isinstance(error, AuthenticationError):
            self._check_at = float("-inf")  # the next key may be another workspace's
        return destination != WORKSPACE and isinstance(error, (NotFoundError, PermissionDeniedError)), error

    async def check_account(self) -> None:
        """Compare the workspace that the session's records show with the one that the opt-outs are for."""
        async with self._checking:
            now = asyncio.get_running_loop().time()
            if now < self._check_at:
                return
            known = {
                account
                for service, base_url, account in await self._store.read(optouts.accounts)
                if service == self.service and base_url == self.base_url and account
            }
            try:
                lead = await self._session.blocked_leads.list().first()
            except AuthenticationError:
                raise
            except WaleadError:
                if known:
                    raise
                self._check_at = now + self._pace.refused_key
                return
            if lead is None:
                return
            if others := known - {lead.workspace_id}:
                raise self.refuse(lead.workspace_id, others)
            self.refusal = None
            self.account = lead.workspace_id
            self._check_at = float("inf")
            self.publish()
            await self._store.write(partial(optouts.stamp, base_url=self.base_url, workspace=self.account))
            await self._store.write(partial(optouts.forget_digests, base_url=self.base_url, workspace=self.account))

    def refuse(self, workspace: str, others: Collection[str]) -> OutboxError:
        """Nothing may be delivered: the session is of another workspace than the opt-outs that wait."""
        kept = ", ".join(sorted(others))
        self.refusal = OutboxError(
            f"the outbox {self._store.where!r} holds opt-outs for the workspace {kept}, and this session's key is "
            f"of the workspace {workspace}: deliver them with a key of their own workspace, or name another file"
        )
        return self.refusal

    def learn_from(self, told: Mapping[str, object]) -> None:
        """The process that delivers has seen the workspace's id."""
        account = told.get("account")
        if told.get("base_url") == self.base_url and isinstance(account, str):
            self.account: str = account


class PhonelyDelivery(Delivery):
    """Delivers to the agents of a user."""

    service = "phonely"

    def __init__(
        self,
        store: Store,
        pace: Pace,
        phones: VoiceAgentSession,
        tell: Callable[[Settled, WaleadError | None], object],
    ) -> None:
        super().__init__(store, pace, phones._base_url, tell)
        self._phones = phones
        self.account: str = phones._uid

    def stream(self, destination: str, people: Mapping[str, str | None]) -> BulkStream | AsyncGenerator[Outcome, None]:
        """`POST` to an agent's list, or to those of all agents."""
        agent_id = destination.removeprefix("agent:")
        if agent_id == ALL:
            return self._everywhere(list(people))
        return self._phones.agent(agent_id).block_list.block_stream(list(people))

    async def _everywhere(self, numbers: list[str]) -> AsyncGenerator[Outcome, None]:
        report = await self._phones.everywhere.block(numbers, check=False)
        for outcome in report.outcomes:
            yield outcome

    async def judge(self, destination: str, error: WaleadError) -> tuple[bool, WaleadError]:
        """A 401 means that the key is bad or that it has no access to this agent: only the list of agents can tell."""
        if destination == f"agent:{ALL}":
            return False, error  # what ended it is that the agents could not be listed
        if isinstance(error, AuthenticationError):
            try:
                await self._phones.agents()
            except WaleadError as why:
                return False, why
            return True, error
        return isinstance(error, (NotFoundError, PermissionDeniedError)), error


def in_short(error: WaleadError) -> str:
    """What went wrong, without the service's own words: they may name a person."""
    if isinstance(error, APIError):
        error = copy.copy(error)
        error.message = ""
        return str(error)
    if isinstance(error, (ConnectionFailedError, DeadlineExceededError, OutboxError)):
        return str(error)
    return type(error).__name__


async def _wait_for(event: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
