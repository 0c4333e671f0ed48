"""The columns of the fault matrix: each call of the two sessions, and what of its end agrees with the truth."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from enum import StrEnum
from typing import Literal

import attrs

import walead_async
from walead_async import AsyncSession, Completeness, Listing, VoiceAgentSession
from walead_async.errors import WaleadError
from walead_async.models import SETTLED, BulkReport, Outcome, Status
from walead_async.testing import Emulator

#: As if nothing had happened.
FINE = "fine"

PEOPLE = [f"person-{number}" for number in range(6)]
NUMBERS = [f"+1415555012{number}" for number in range(6)]
CAMPAIGN, AGENT = "c-1", "a-1"
#: Records that stand in each list before the call; a page of the workspace's list holds five.
BEFORE = 23
SOUGHT = "lead-0000003"

Session = AsyncSession | VoiceAgentSession


class Column(StrEnum):
    """The calls."""

    LIST = "list"
    NEWEST_FIRST = "list, newest first"
    FIND = "find"
    CAMPAIGN_LIST = "campaign list"
    AGENT_LIST = "agent list"
    BLOCK = "block"
    CAMPAIGN_BLOCK = "campaign block"
    AGENT_BLOCK = "agent block"
    UNBLOCK = "unblock by id"
    UNBLOCK_PEOPLE = "unblock by identifier"
    AGENT_UNBLOCK = "agent unblock"

    @property
    def method(self) -> str:
        """The method of the request that matters."""
        if self in READS:
            return "GET"
        return "POST" if self in BLOCKS else "DELETE"

    @property
    def of_agents(self) -> bool:
        """Whether the call is one of Phonely's."""
        return self in {Column.AGENT_LIST, Column.AGENT_BLOCK, Column.AGENT_UNBLOCK}


READS = (Column.LIST, Column.NEWEST_FIRST, Column.FIND, Column.CAMPAIGN_LIST, Column.AGENT_LIST)
BLOCKS = (Column.BLOCK, Column.CAMPAIGN_BLOCK, Column.AGENT_BLOCK)
UNBLOCKS = (Column.UNBLOCK, Column.UNBLOCK_PEOPLE, Column.AGENT_UNBLOCK)
#: The calls that a fault meets in ways of their own. The direction of a list makes a difference where it moves.
CALLS = tuple(column for column in Column if column is not Column.NEWEST_FIRST)


@attrs.frozen
class Ended:
    """How a call ended: in words, and with what of it is to be compared with the truth."""

    words: str
    error: BaseException | None = None
    report: BulkReport | None = None
    read: Sequence[object] = ()
    verdict: Completeness | None = None


@attrs.define
class Truth:
    """What the emulator held before the call, by what the call yields or is given."""

    emulator: Emulator
    column: Column
    before: list[object]
    ids: list[str]

    def now(self) -> list[object]:
        """What it holds now."""
        return _held(self.emulator, self.column)

    def is_listed(self, key: str) -> bool:
        """Whether this key stands in its list now."""
        if self.column is Column.UNBLOCK:
            return key in self.emulator.blocked_leads.ids()
        return key in self.now()


def prepare(emulator: Emulator, column: Column) -> Truth:
    """Fill the emulator with what the call is about."""
    emulator.add_leads(BEFORE)
    ids: list[str] = []
    if column in {Column.UNBLOCK, Column.UNBLOCK_PEOPLE}:
        ids = emulator.add_leads(PEOPLE)
    if column is Column.CAMPAIGN_LIST:
        emulator.add_leads([f"lead-{number}" for number in range(250)], campaign=CAMPAIGN)
    if column.of_agents:
        numbers = NUMBERS if column is not Column.AGENT_BLOCK else ()
        emulator.agents[AGENT] = dict.fromkeys(["+14155550199", *numbers])
    return Truth(emulator, column, _held(emulator, column), ids)


def _held(emulator: Emulator, column: Column) -> list[object]:
    if column in {Column.LIST, Column.NEWEST_FIRST, Column.FIND}:
        return [(lead.id, lead.created_at) for lead in emulator.blocked_leads]
    if column in {Column.CAMPAIGN_LIST, Column.CAMPAIGN_BLOCK}:
        return list(emulator.campaigns[CAMPAIGN].identifiers()) if CAMPAIGN in emulator.campaigns else []
    if column.of_agents:
        return list(emulator.agents.get(AGENT, ()))
    return list(emulator.blocked_leads.identifiers())


async def leave_connection(session: Session) -> None:
    """Ask once for something else, so that a connection stays open."""
    if isinstance(session, VoiceAgentSession):
        assert await session.agent("another").block_list.list().first() is None
    else:
        assert await session.campaign("another").blocked_leads.list().first() is None


async def make_call(session: Session, truth: Truth, batch_size: int, window: int = 8) -> Ended:
    """Make the call of a column, and put its end into words."""
    column = truth.column
    if column in READS:
        return await (_find(session) if column is Column.FIND else _read(listing(session, column, window)))
    call = change(session, truth, batch_size)
    try:
        report = await call
    except WaleadError as error:
        return Ended(_in_words(error.report, error), error, error.report)
    return Ended(_in_words(report, None), None, report)


def listing(session: Session, column: Column, window: int = 8) -> Listing[object]:
    """The listing of a column that reads one."""
    if isinstance(session, VoiceAgentSession):
        return session.agent(AGENT).block_list.list()  # type: ignore[return-value]
    if column is Column.CAMPAIGN_LIST:
        return session.campaign(CAMPAIGN).blocked_leads.list(window=window)  # type: ignore[return-value]
    sort: Literal["ASC", "DESC"] = "DESC" if column is Column.NEWEST_FIRST else "ASC"
    return session.blocked_leads.list(sort=sort, window=window)  # type: ignore[return-value]


def change(session: Session, truth: Truth, batch_size: int) -> Awaitable[BulkReport]:
    """The bulk call of a column, not begun."""
    column = truth.column
    if isinstance(session, VoiceAgentSession):
        numbers = session.agent(AGENT).block_list
        call = numbers.block if column is Column.AGENT_BLOCK else numbers.unblock
        return call(NUMBERS, batch_size=batch_size)
    if column is Column.CAMPAIGN_BLOCK:
        return session.campaign(CAMPAIGN).blocked_leads.block(PEOPLE, batch_size=batch_size)
    leads = session.blocked_leads
    if column is Column.BLOCK:
        return leads.block(PEOPLE, batch_size=batch_size)
    if column is Column.UNBLOCK:
        return leads.unblock(truth.ids, batch_size=batch_size)
    return leads.unblock_identifiers(PEOPLE, batch_size=batch_size)


async def _read(listing: Listing[object]) -> Ended:
    read: list[object] = []
    try:
        async for record in listing:
            read.append(record)  # noqa: PERF401 - what was read before an error counts too
    except WaleadError as error:
        return Ended(name_of(error), error, read=read)
    words = FINE if listing.verdict is Completeness.COMPLETE else listing.verdict.value
    return Ended(words, read=read, verdict=listing.verdict)


async def _find(session: Session) -> Ended:
    assert isinstance(session, AsyncSession)
    try:
        lead = await session.blocked_leads.find(SOUGHT)
    except WaleadError as error:
        return Ended(name_of(error), error)
    if lead is None:
        return Ended("not there")
    return Ended(FINE if lead.public_identifier == SOUGHT else "another record", read=[lead])


def _in_words(report: BulkReport | None, error: WaleadError | None) -> str:
    """The ends of the items, and before them the error that ended the run if one did."""
    ends = sorted({outcome.status.value for outcome in report.outcomes}) if report else []
    if error is None:
        return FINE if ends == [Status.DONE] else ", ".join(ends)
    run = name_of(error)
    return ", ".join(ends) if run == "BulkFailedError" else f"{run}: {', '.join(ends)}"


def name_of(error: WaleadError) -> str:
    """The public name of an error."""
    return next(kind.__name__ for kind in type(error).__mro__ if kind.__name__ in walead_async.__all__)


def identity(record: object) -> object:
    """What names a record that was read, as `Truth` names it."""
    if isinstance(record, str):
        return record
    return (record.id, record.created_at) if hasattr(record, "id") else record.public_identifier  # type: ignore[attr-defined]


def lies(truth: Truth, ended: Ended) -> list[str]:
    """What a call said that is not so; the invariants of every cell."""
    if truth.column in READS:
        return _lies_of_a_read(truth, ended)
    if ended.report is None:
        return ["an error of a bulk call without its report"]
    given = truth.ids if truth.column is Column.UNBLOCK else NUMBERS if truth.column.of_agents else PEOPLE
    found = []
    if [outcome.item for outcome in ended.report.outcomes] != given:
        found.append("the outcomes are not those of the items in their order")
    for outcome in ended.report.outcomes:
        found += _lies_of_an_outcome(truth, outcome)
    return found


def _lies_of_a_read(truth: Truth, ended: Ended) -> list[str]:
    read = [identity(record) for record in ended.read]
    found = []
    if made_up := set(read) - set(truth.before) - set(truth.now()):
        found.append(f"{len(made_up)} records were yielded that never stood there")
    if len(set(read)) < len(read):
        found.append("a record was yielded twice")
    if truth.column is Column.FIND:
        return found
    if ended.verdict in {Completeness.COMPLETE, Completeness.CHANGED}:
        faithful = set(truth.before) & set(truth.now())
        if lost := faithful - set(read):
            found.append(f"{len(lost)} records were lost without an error")
    return found


def _lies_of_an_outcome(truth: Truth, outcome: Outcome) -> list[str]:
    listed = truth.is_listed(outcome.key)
    as_wanted = listed is (truth.column in BLOCKS)
    if outcome.status in SETTLED and not as_wanted:
        return [f"{outcome.key} ended as {outcome.status.value}, and is not so"]
    if outcome.status in {Status.REFUSED, Status.NOT_SENT} and as_wanted:
        return [f"{outcome.key} ended as {outcome.status.value}, and was carried out"]
    return []


#: Statuses that prove that a request was not carried out.
PROOF = frozenset({400, 401, 403, 404, 409, 413, 422, 425, 429})


@attrs.frozen
class Sent:
    """One request, as the emulator or the proxy before it logged it."""

    method: str
    body: object
    status: int | None
    carried_out: bool


def unproven(requests: Sequence[Sent]) -> list[str]:
    """Unblocks that were sent again although the first may have been carried out, and nothing had shown otherwise."""
    found = []
    last: dict[object, int] = {}
    for at, request in enumerate(requests):
        if request.method != "DELETE":
            continue
        body = request.body
        for key in body if isinstance(body, list) else body["numbers"] if isinstance(body, dict) else []:
            if key in last:
                before = requests[last[key]]
                read_since = any(
                    other.method == "GET" and other.status == 200 for other in requests[last[key] + 1 : at]
                )
                if before.carried_out:
                    found.append(f"the unblock of {key} was sent again after it was carried out")
                elif before.status not in PROOF and not read_since:
                    found.append(f"the unblock of {key} was sent again without proof")
            last[key] = at
    return found
