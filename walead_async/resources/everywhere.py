"""The block lists of all voice agents of a Phonely user together: blocking in each, and telling where they differ."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable
from functools import partial
from typing import TYPE_CHECKING

from walead_async.bulk.api import bulk_report, check_call
from walead_async.bulk.batching import Distinct
from walead_async.bulk.outcomes import DONE, Result, report_of
from walead_async.errors import APIError, WaleadError
from walead_async.models import SETTLED, MissingNumbers, Outcome, Status
from walead_async.phones import NOT_INTERNATIONAL
from walead_async.resources.agents import BlockList, NumberOperation, digits_of, list_agents
from walead_async.resources.items import number_entries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from walead_async.bulk.operation import Verify
    from walead_async.models import AgentInfo, BulkReport, Row
    from walead_async.transport.messages import Caller

__all__ = ["Everywhere"]

#: How often the agents are listed while each listing shows new ones: then these are left, and named.
LISTINGS = 6
#: What the service says of an agent that the key may not use, or that is gone.
NO_ACCESS = frozenset({401, 403, 404})
#: What a number ends as if an agent may lack it, the worst first.
WORST_FIRST = (Status.UNKNOWN, Status.REFUSED, Status.NOT_SENT, Status.INVALID)

NO_AGENT = "the user has no voice agent, so that there is no list to block it in"
NOT_LISTED = "the voice agents could not be listed, so nothing was sent"
CREATED_MEANWHILE = "the agent was created while the number was blocked in the others"


class Everywhere:
    """The block lists of all voice agents of a user.

    An agent has its own list, and nothing says whether a new agent gets the list of another: one that is created after
    a call here holds nothing of it. Block again, or compare with `missing`, every night.
    """

    def __init__(self, caller: Caller, uid: str, normalise: Callable[[object], str]) -> None:
        self._caller = caller
        self._uid = uid
        #: Makes the number that is sent of what is pasted; raises `InvalidInputError`.
        self.normalise: Callable[[object], str] = normalise

    async def block(
        self,
        numbers: Iterable[str | Row] | AsyncIterable[str | Row],
        *,
        batch_size: int = 500,
        verify: Verify = "unclear",
        check: bool = True,
    ) -> BulkReport:
        """Block numbers in every agent of the user, and return what became of each, in the order given.

        The agents are worked on side by side, under the session's one limit, and listed once more at the end: what was
        created meanwhile gets the numbers too. A number is DONE only if every agent holds it, ALREADY if all held it
        before; any other end's `detail` names the agents that do not, with the reason. Where the user has no agent,
        numbers are REFUSED. An agent that is created later holds nothing. `batch_size` and `verify` are as for one
        agent.

        Raises `BulkFailedError` if a number is not blocked everywhere (unless `check=False`); the error of listing the
        agents, with `.report`: before anything is sent in any case, at the end unless `check=False`;
        `InvalidInputError` for a call that cannot be made.
        """
        check_call(numbers, batch_size, verify)
        items, source_error = await _taken(numbers)
        wanted = Distinct(items, partial(number_entries, normalise=self.normalise))
        ended_by = source_error
        if wanted.wanted:
            ended_by = await self._block(wanted, batch_size, verify, check=check) or source_error
        report = report_of(wanted.chunks)
        if isinstance(ended_by, WaleadError):
            ended_by.report = report
        if ended_by is not None and (check or ended_by is source_error):
            raise ended_by
        if check:
            report.raise_for_failures()
        return report

    async def _block(self, wanted: Distinct, batch_size: int, verify: Verify, *, check: bool) -> Exception | None:
        """Block these in every agent and give each its result. Returns the error of the last listing, if it failed."""
        keys = list(wanted.wanted)
        reports: dict[str, BulkReport] = {}

        async def block_in(agent: AgentInfo) -> None:
            operation = NumberOperation(self._caller, self._uid, agent.id, self.normalise, blocks=True)
            reports[agent.id] = await bulk_report(
                self._caller, operation, keys, batch_size=batch_size, verify=verify, check=False
            )

        failure: WaleadError | None = None
        try:
            agents = await list_agents(self._caller, self._uid)
        except WaleadError as error:
            wanted.resolve_all(Result(Status.NOT_SENT, NOT_LISTED, error))
            error.report = report_of(wanted.chunks)
            raise
        for _ in range(LISTINGS - 1):
            new = {agent.id: agent for agent in agents if agent.id not in reports}
            if not new:
                break
            async with asyncio.TaskGroup() as group:
                for agent in new.values():
                    group.create_task(block_in(agent))
            try:
                agents = await list_agents(self._caller, self._uid)
            except WaleadError as error:
                failure = error
                break
        if not agents:
            wanted.resolve_all(Result(Status.REFUSED, NO_AGENT))
            return None
        outcomes = [_outcomes_of(reports.get(agent.id), keys) for agent in agents]
        for key, *ends in zip(keys, *outcomes, strict=True):
            result = _result(agents, ends)
            if failure is not None and result.status in SETTLED:
                held = f"the {len(agents)} agents that were known hold it; whether there are others by now is unknown"
                result = Result(Status.UNKNOWN, held, failure)
            wanted.resolve(key, result)
        return failure

    async def missing(self) -> MissingNumbers:
        """Compare the lists of all agents: which numbers stand in some and not in others.

        An agent whose list may not be read (401, 403) or that is gone (404) is named in `unread`. To mend what is
        missing, give `numbers` to `block`.

        Raises the error of an agent if no list may be read, `UnexpectedResponseError`, and the errors of any request.
        """
        agents = {agent.id: agent for agent in await list_agents(self._caller, self._uid)}
        lists: dict[str, dict[str, str]] = {}
        failures: dict[str, WaleadError] = {}

        async def read(agent_id: str) -> None:
            block_list = BlockList(self._caller, self._uid, agent_id, self.normalise)
            try:
                lists[agent_id] = {digits_of(number): number for number in await block_list.list().collect()}
            except WaleadError as error:
                failures[agent_id] = error

        async with asyncio.TaskGroup() as group:
            for agent_id in agents:
                group.create_task(read(agent_id))
        for error in failures.values():
            if not lists or not _says_no_access(error):
                raise error
        written: dict[str, str] = {}
        for numbers in lists.values():
            for digits, number in numbers.items():
                # of two ways to write it the one with its country code is the better one to send
                if digits not in written or (number.startswith("+") and not written[digits].startswith("+")):
                    written[digits] = number
        lacking = {
            number: tuple(agents[agent_id] for agent_id in agents if digits not in lists.get(agent_id, (digits,)))
            for digits, number in written.items()
        }
        held = tuple(number for number, those in lacking.items() if not those)
        return MissingNumbers({number: those for number, those in lacking.items() if those}, failures, held)


async def _taken(numbers: Iterable[object] | AsyncIterable[object]) -> tuple[list[object], Exception | None]:
    """All that a source gives, and what it raised after that: what was taken is blocked all the same."""
    items: list[object] = []
    try:
        if isinstance(numbers, AsyncIterable):
            async for item in numbers:
                items.append(item)  # noqa: PERF401  # what came before it fails stays
        else:
            items.extend(numbers)
    except Exception as error:
        return items, error
    return items, None


def _outcomes_of(report: BulkReport | None, keys: Sequence[str]) -> Iterable[Outcome]:
    """What became of each number in one agent; nothing in one that was created too late."""
    if report is not None:
        return report.outcomes
    return (Outcome(key, key, Status.NOT_SENT, CREATED_MEANWHILE) for key in keys)


def _result(agents: Sequence[AgentInfo], ends: Sequence[Outcome]) -> Result:
    """What became of a number, given its end in each agent."""
    lacking = {agent.id: end for agent, end in zip(agents, ends, strict=True) if end.status not in SETTLED}
    if lacking:
        return _not_everywhere({agent.id: agent for agent in agents}, lacking)
    if all(end.status is Status.ALREADY for end in ends):
        return Result(Status.ALREADY, "was blocked in every agent before")
    return DONE


def _not_everywhere(agents: Mapping[str, AgentInfo], lacking: Mapping[str, Outcome]) -> Result:
    worst = min(lacking.values(), key=lambda end: WORST_FIRST.index(_status(end)))
    each = [f"{_named(agents[agent_id])}: {_why(end)}" for agent_id, end in lacking.items()]
    maybe = "may lack it" if _status(worst) is Status.UNKNOWN else "do not hold it"
    return Result(_status(worst), f"{len(lacking)} of {len(agents)} agents {maybe}: {'; '.join(each)}", worst.error)


def _status(end: Outcome) -> Status:
    """An agent that turned the whole batch away has refused the number."""
    return Status.REFUSED if end.status is Status.NOT_SENT and _says_no_access(end.error) else end.status


def _why(end: Outcome) -> str:
    # where a run ended, the detail says no more than that
    first, second = (end.error, end.detail) if end.status is Status.NOT_SENT else (end.detail, end.error)
    # the number's own outcome says that, once
    return str(first or second or "no reason known").removesuffix(f"; {NOT_INTERNATIONAL}")


def _says_no_access(error: Exception | None) -> bool:
    return isinstance(error, APIError) and error.status in NO_ACCESS


def _named(agent: AgentInfo) -> str:
    return f"{agent.id} ({agent.name})" if agent.name else agent.id
