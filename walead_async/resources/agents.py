"""The voice agents of a Phonely user, `/get-agents`, and the block list of each, `/agent-block-list`.

The vendor page of the latter is voice-agent-block-list.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING
from urllib.parse import quote

import orjson

from walead_async.bulk.api import bulk_report, bulk_stream
from walead_async.bulk.operation import Answer
from walead_async.errors import InvalidInputError
from walead_async.models import Status
from walead_async.paging.index import Indexed, block_index
from walead_async.paging.listing import Listing
from walead_async.paging.seen import Named
from walead_async.phones import phone_number
from walead_async.resources.items import number_entries
from walead_async.transport.decode import agents, number_change, numbers
from walead_async.transport.messages import DeadlineFrom, Request

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Collection, Coroutine, Iterable, Mapping, Sequence
    from datetime import datetime

    from walead_async.bulk.api import BulkStream
    from walead_async.bulk.operation import Entries, Missing, Verify
    from walead_async.models import AgentInfo, BulkReport, Row
    from walead_async.paging.index import BlockIndex
    from walead_async.paging.reader import Ask, SecondLook
    from walead_async.transport.messages import Caller, Response

__all__ = ["ALL", "Agent", "BlockList", "list_agents"]

PATH = "/agent-block-list"
#: What stands for every agent where people name one; it is no agent's id.
ALL = "all"
#: The vendor's words for a number that is as wanted: whether it was to be blocked, or not.
AS_WANTED = {True: "number already in block list", False: "number not found in block list"}


async def list_agents(caller: Caller, uid: str) -> list[AgentInfo]:
    """The voice agents of a user, in the order of the service; all stand in one answer."""
    # a question, whatever its method: it may be asked again
    request = Request("POST", "/get-agents", body=orjson.dumps({"uid": uid}))
    response = await caller.send(request, flow=object())
    return agents(response.body)


class Agent:
    """One voice agent of a Phonely user: its `id`, and its `block_list`. Made by `phones.agent(ID)`; sends nothing."""

    def __init__(self, caller: Caller, uid: str, agent_id: str, normalise: Callable[[object], str]) -> None:
        self.id = agent_id
        self.block_list: BlockList = BlockList(caller, uid, agent_id, normalise)

    def __repr__(self) -> str:
        return f"<Agent {self.id}>"


class BlockList:
    """The block list of one voice agent.

    No public page tells whether it stops calls that the agent makes, calls that it takes, or both.
    """

    def __init__(self, caller: Caller, uid: str, agent_id: str, normalise: Callable[[object], str]) -> None:
        self._caller = caller
        self._list = list_request(uid, agent_id)
        self._normalise = normalise
        self._change = {
            blocks: NumberOperation(caller, uid, agent_id, normalise, blocks=blocks) for blocks in (True, False)
        }

    def list(self) -> Listing[str]:
        """The numbers on this agent's block list; the service gives all of them in one answer.

        Where the service shows a write late, the latest changes may be missing, also if the verdict is COMPLETE.

        Raises, while it is read, `UnexpectedResponseError` and the errors of any request.
        """
        return Listing(NumberPages(self._caller, self._list))

    async def index(self) -> BlockIndex:
        """The numbers that this agent must not call, in memory; it is always read whole.

        Numbers are compared by their digits. Raises `UnexpectedResponseError` and the errors of any request.
        """
        return await block_index(
            Indexed(
                whole=lambda: NumberPages(self._caller, self._list),
                since=None,
                date=None,
                stored=lambda numbers: map(digits_of, numbers),
                key=self._digits,
                keys=lambda numbers: list(map(self._digits, numbers)),
            )
        )

    def _digits(self, number: object) -> str:
        return digits_of(self._normalise(number))

    async def block(
        self,
        numbers: Iterable[str | Row] | AsyncIterable[str | Row],
        *,
        batch_size: int = 500,
        verify: Verify = "unclear",
        check: bool = True,
    ) -> BulkReport:
        """Block numbers for this agent, and return what became of each, in the order given.

        A number that is blocked already ends as ALREADY, one the service finds wrong as REFUSED. E.164
        ("+14155550123") is recommended, not required. `batch_size` is the most numbers a request holds. Where the list
        shows a write late, an answer that does not name a number ends as UNKNOWN at worst: call again in a minute.

        Whether this stops calls that the agent makes, calls that it takes, or both, no public page tells: filter the
        contacts before they reach a campaign, too.

        Raises `BulkFailedError` (unless `check=False`), the error that ended the run, or `InvalidInputError` for a
        call that cannot be made.
        """
        operation = self._change[True]
        return await bulk_report(self._caller, operation, numbers, batch_size=batch_size, verify=verify, check=check)

    async def unblock(
        self,
        numbers: Iterable[str | Row] | AsyncIterable[str | Row],
        *,
        batch_size: int = 500,
        verify: Verify = "unclear",
        check: bool = True,
    ) -> BulkReport:
        """Unblock numbers for this agent, and return what became of each, in the order given.

        A number that is not blocked ends as ALREADY. Numbers have no record ids: if somebody blocks a number again
        while this call runs, the new block cannot be told from the old one, and may be removed. Where the list shows a
        write late, so may one that is made in the seconds after, if an answer is lost. Raises as `block`.
        """
        operation = self._change[False]
        return await bulk_report(self._caller, operation, numbers, batch_size=batch_size, verify=verify, check=check)

    def block_stream(
        self,
        numbers: Iterable[str | Row] | AsyncIterable[str | Row],
        *,
        batch_size: int = 500,
        verify: Verify = "unclear",
    ) -> BulkStream:
        """Block numbers of an input of any length, and yield each outcome in order, in bounded memory."""
        return bulk_stream(self._caller, self._change[True], numbers, batch_size=batch_size, verify=verify)

    def unblock_stream(
        self,
        numbers: Iterable[str | Row] | AsyncIterable[str | Row],
        *,
        batch_size: int = 500,
        verify: Verify = "unclear",
    ) -> BulkStream:
        """Unblock numbers of an input of any length, and yield each outcome in order, in bounded memory."""
        return bulk_stream(self._caller, self._change[False], numbers, batch_size=batch_size, verify=verify)


class NumberPages:
    """The agent's list: one answer, always."""

    path = PATH
    paged = filtered = False
    second_look: SecondLook = "no"
    beyond: Callable[[str], bool] | None = None
    page_size: int | None = None

    def __init__(self, caller: Caller, request: Request) -> None:
        self.caller = caller
        self.identity: str = f"{PATH}?{request.query}"
        self._request = request

    def seen(self, date: datetime | None = None, ids: Iterable[str] = ()) -> Named[str]:
        """Numbers are their own names."""
        return Named(str, ids=ids)

    def fetch(self, ask: Ask, *, flow: object, deadline_from: DeadlineFrom) -> Coroutine[object, object, Response]:
        """GET with uid and agentId."""
        return self.caller.send(self._request, flow=flow, deadline_from=deadline_from)

    def records(self, body: bytes) -> Sequence[str]:
        """The numbers, each once."""
        return list(dict.fromkeys(numbers(body)))


class NumberOperation:
    """Blocking or unblocking numbers of one agent."""

    path = PATH
    missing_means: Missing = "run"

    def __init__(
        self, caller: Caller, uid: str, agent_id: str, normalise: Callable[[object], str], *, blocks: bool
    ) -> None:
        self.blocks = blocks
        self._caller = caller
        self._normalise = normalise
        self._list = list_request(uid, agent_id)
        self._head = orjson.dumps({"uid": uid, "agentId": agent_id})[:-1] + b',"numbers":['

    def entries(self, items: Sequence[object]) -> Entries:
        """Numbers, normalised as the session was told to."""
        return number_entries(items, self._normalise)

    def request(self, encoded: Sequence[bytes]) -> Request:
        """POST or DELETE with uid, agentId and the numbers."""
        body = self._head + b",".join(encoded) + b"]}"
        return Request("POST" if self.blocks else "DELETE", PATH, body=body, repeatable=self.blocks)

    def answer(self, response: Response, keys: Sequence[str]) -> Answer:
        """What the lists `added` or `removed`, and above them `failed`, name; UNKNOWN where a reason is not plain."""
        change = number_change(response.body, "added" if self.blocks else "removed")
        done: tuple[Status, str | None] = (Status.DONE, None)
        said: dict[str, tuple[Status, str | None]] = dict.fromkeys(map(digits_of, change.changed), done)
        said.update((digits_of(number), self._failed(reason)) for number, reason in change.failed)
        named = {key: said[digits] for key in keys if (digits := digits_of(key)) in said}
        return Answer(named=named, message=change.message)

    def _failed(self, reason: str | None) -> tuple[Status, str | None]:
        said = (reason or "").strip(" .").lower()
        if said == AS_WANTED[self.blocks]:
            return Status.ALREADY, reason
        perhaps = ("already" if self.blocks else "not found") in said
        return (Status.UNKNOWN if perhaps else Status.REFUSED), reason

    async def present(self, items: Mapping[str, object]) -> Collection[str]:
        """Which of these numbers the agent's list holds now, in whatever way it writes them."""
        response = await self._caller.send(self._list, flow=self)
        blocked = {digits_of(number) for number in numbers(response.body)}
        return {key for key in items if digits_of(key) in blocked}


def list_request(uid: str, agent_id: str) -> Request:
    """GET with uid and agentId in the query."""
    return Request("GET", PATH, f"uid={quote(uid, safe='')}&agentId={quote(agent_id, safe='')}")


def digits_of(number: str) -> str:
    """The digits of a number, by which it is compared: the service may write it without its +, or with brackets."""
    with contextlib.suppress(InvalidInputError):  # the service may keep what we would not send
        number = phone_number(number)
    return "".join(filter(str.isdecimal, number)) or number
