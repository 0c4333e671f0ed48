"""The columns of the fault matrix: each call of the two sessions, how it ended, and what of that end is not true."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Sequence
from enum import StrEnum
from typing import Literal
from urllib.parse import unquote

import aiohttp
import attrs

import walead_async
from walead_async import AsyncSession, BulkReport, Completeness, Listing, Outcome, Status, VoiceAgentSession
from walead_async.errors import WaleadError
from walead_async.testing import Emulator, Fault, FaultName

#: A call that ended as if nothing had happened.
FINE = "fine"

PEOPLE = [f"person-{number}" for number in range(6)]
NUMBERS = [f"+1415555012{number}" for number in range(6)]
CAMPAIGN, AGENT = "c-1", "a-1"
#: Records in the workspace's list before the call; a page holds five.
RECORDS = 23
SOUGHT = "lead-0000003"
#: Not blocked; a search for them finds others, whose names hold theirs.
NOBODY = ("lead-0000", "lead-000")
#: Blocked last: a search for this name finds everybody else, too, on pages before.
ALIKE = "lEad-00"
#: Blocked before them: shows a session that a search finds parts of names in any case, if it does.
CAPITAL = "aNna-berg"

Session = AsyncSession | VoiceAgentSession


class Column(StrEnum):
    """The calls."""

    LIST = "list"
    NEWEST_FIRST = "list, newest first"
    FIND = "find"
    FIND_NOBODY = "find nobody"
    FIND_ALIKE = "find one of many alike"
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
        """The HTTP method of the request that the call is about."""
        if self in READS:
            return "GET"
        return "POST" if self in BLOCKS else "DELETE"

    @property
    def of_agents(self) -> bool:
        """Whether the call is one of Phonely's."""
        return self in {Column.AGENT_LIST, Column.AGENT_BLOCK, Column.AGENT_UNBLOCK}


FINDS = (Column.FIND, Column.FIND_NOBODY, Column.FIND_ALIKE)
READS = (Column.LIST, Column.NEWEST_FIRST, *FINDS, Column.CAMPAIGN_LIST, Column.AGENT_LIST)
BLOCKS = (Column.BLOCK, Column.CAMPAIGN_BLOCK, Column.AGENT_BLOCK)
UNBLOCKS = (Column.UNBLOCK, Column.UNBLOCK_PEOPLE, Column.AGENT_UNBLOCK)


@attrs.frozen
class Ended:
    """How a call ended: in words, as the table has them, and with what is compared with the truth."""

    words: str
    error: WaleadError | None = None
    report: BulkReport | None = None
    read: Sequence[object] = ()
    verdict: Completeness | None = None


@attrs.define
class Truth:
    """What the emulator holds, before the call and now, in the terms that the call uses."""

    emulator: Emulator
    column: Column
    ids: list[str] = attrs.Factory(list)
    before: list[object] = attrs.Factory(list)

    async def prepare(self) -> None:
        """Fill the emulator with what the call is about."""
        self.emulator.add_leads(RECORDS)
        if self.column in {Column.UNBLOCK, Column.UNBLOCK_PEOPLE}:
            await self._post("/v1/blocked-leads", {"leads": [{"publicIdentifier": name} for name in PEOPLE]})
            self.ids = self.emulator.blocked_leads.ids()[-len(PEOPLE) :]
        if self.column is Column.FIND_ALIKE:
            await self._post("/v1/blocked-leads", {"leads": [{"publicIdentifier": name} for name in (CAPITAL, ALIKE)]})
        if self.column is Column.CAMPAIGN_LIST:
            names = [f"lead-{number}" for number in range(250)]
            await self._post(f"/v1/campaigns/{CAMPAIGN}/blocked-leads", {"publicIdentifiers": names})
        if self.column.of_agents:
            numbers = NUMBERS if self.column is not Column.AGENT_BLOCK else ()
            self.emulator.agents[AGENT] = dict.fromkeys(["+14155550199", *numbers])
        self.before = self.now()

    async def _post(self, path: str, body: object) -> None:
        """Let the service store something in its own way of writing."""
        async with aiohttp.ClientSession(headers={"x-api-key": self.emulator.api_key}) as http:
            (await http.post(self.emulator.walead_url + path, json=body, raise_for_status=True)).release()

    def now(self) -> list[object]:
        """What it holds now, and may be asked for: not who is hidden from every list."""
        if self.column in {Column.LIST, Column.NEWEST_FIRST, *FINDS}:
            hidden = re.compile(self.emulator.settings.hidden_identifier or "(?!)")
            leads = self.emulator.blocked_leads
            return [(lead.id, lead.created_at) for lead in leads if not hidden.search(lead.public_identifier)]
        if self.column in {Column.CAMPAIGN_LIST, Column.CAMPAIGN_BLOCK}:
            campaigns = self.emulator.campaigns
            return list(campaigns[CAMPAIGN].identifiers()) if CAMPAIGN in campaigns else []
        if self.column.of_agents:
            return list(self.emulator.agents.get(AGENT, ()))
        return [without_spelling(name) for name in self.emulator.blocked_leads.identifiers()]

    def is_listed(self, key: str) -> bool:
        """Whether this key stands in its list now."""
        if self.column is Column.UNBLOCK:
            return key in self.emulator.blocked_leads.ids()
        return key in self.now()


def without_spelling(name: str) -> str:
    """The name of a person who is stored as a link, percent-encoded, or with spaces around."""
    return unquote(name).strip().rstrip("/").rpartition("/")[2]


def identity(record: object) -> object:
    """What names a record that was read, as `Truth` names it: a number by its digits, however it is written."""
    if isinstance(record, str):
        return "+" + re.sub(r"\D", "", record)
    return (record.id, record.created_at) if hasattr(record, "id") else record.public_identifier  # type: ignore[attr-defined]


async def leave_connection(session: Session) -> None:
    """Ask once for something else, so that a connection stays open."""
    if isinstance(session, VoiceAgentSession):
        assert await session.agent("another").block_list.list().first() is None
    else:
        assert await session.campaign("another").blocked_leads.list().first() is None


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


async def make_call(session: Session, truth: Truth, batch_size: int = 500, window: int = 8) -> Ended:
    """Make the call of a column, and put its end into words."""
    if truth.column in FINDS:
        assert isinstance(session, AsyncSession)
        return await _find(session, truth.column)
    if truth.column in READS:
        return await _read(listing(session, truth.column, window))
    try:
        report = await change(session, truth, batch_size)
    except WaleadError as error:
        statuses = _statuses(error.report)
        words = statuses if _name(error) == "BulkFailedError" else f"{_name(error)}: {statuses}"
        return Ended(words, error, error.report)
    return Ended(FINE if _statuses(report) == Status.DONE else _statuses(report), None, report)


async def _find(session: AsyncSession, column: Column) -> Ended:
    """Look for somebody. Nobody is looked for first where that teaches the session what its service's search can."""
    sought = {Column.FIND: SOUGHT, Column.FIND_NOBODY: NOBODY[1], Column.FIND_ALIKE: ALIKE.lower()}[column]
    try:
        if column is not Column.FIND and (other := await session.blocked_leads.find(NOBODY[0])) is not None:
            return Ended("another record", read=[other])
        lead = await session.blocked_leads.find(sought)
    except WaleadError as error:
        return Ended(_name(error), error)
    if lead is None:
        return Ended(FINE if column is Column.FIND_NOBODY else "not there")
    same = without_spelling(lead.public_identifier).lower() == sought
    return Ended(FINE if same else "another record", read=[lead])


async def _read(listing: Listing[object]) -> Ended:
    read: list[object] = []
    try:
        async for record in listing:
            read.append(record)  # noqa: PERF401 - what was read before an error counts too
    except WaleadError as error:
        return Ended(_name(error), error, read=read)
    words = FINE if listing.verdict is Completeness.COMPLETE else listing.verdict.value
    return Ended(words, read=read, verdict=listing.verdict)


def _statuses(report: BulkReport | None) -> str:
    return ", ".join(sorted({outcome.status.value for outcome in report.outcomes})) if report else ""


def _name(error: WaleadError) -> str:
    """The public name of an error."""
    return next(kind.__name__ for kind in type(error).__mro__ if kind.__name__ in walead_async.__all__)


def untruths(truth: Truth, ended: Ended) -> list[str]:
    """What a call said that is not so: records lost, made up or doubled, and outcomes that the service contradicts."""
    if truth.column in READS:
        return _untruths_of_a_read(truth, ended)
    if ended.report is None:
        return ["an error of a bulk call without its report"]
    given = truth.ids if truth.column is Column.UNBLOCK else NUMBERS if truth.column.of_agents else PEOPLE
    found = [
        f"{other} is gone, and nobody asked for that" for other in set(truth.before) - {*truth.now(), *given, *PEOPLE}
    ]
    if [outcome.item for outcome in ended.report.outcomes] != given:
        found.append("the outcomes are not those of the items in their order")
    for outcome in ended.report.outcomes:
        found += _untruths_of_an_outcome(truth, outcome)
    return found


def _untruths_of_a_read(truth: Truth, ended: Ended) -> list[str]:
    read = [identity(record) for record in ended.read]
    before, now = set(truth.before), set(truth.now())
    found = []
    if made_up := set(read) - before - now:
        found.append(f"{len(made_up)} records were yielded that never stood there")
    if len(set(read)) < len(read):
        found.append("a record was yielded twice")
    claims_all = ended.verdict in {Completeness.COMPLETE, Completeness.CHANGED}
    if claims_all and (lost := (before & now) - set(read)):
        found.append(f"{len(lost)} records were lost without an error")
    return found


def _untruths_of_an_outcome(truth: Truth, outcome: Outcome) -> list[str]:
    as_wanted = truth.is_listed(outcome.key) is (truth.column in BLOCKS)
    if outcome.status in {Status.DONE, Status.ALREADY} and not as_wanted:
        return [f"{outcome.key} ended as {outcome.status.value}, and is not so"]
    if outcome.status in {Status.REFUSED, Status.NOT_SENT} and as_wanted:
        return [f"{outcome.key} ended as {outcome.status.value}, and was carried out"]
    return []


@attrs.frozen
class Sent:
    """One request, as the emulator or the proxy before it logged it."""

    method: str
    body: object
    status: int | None
    carried_out: bool


#: Statuses that prove that a request was not carried out.
PROOF = frozenset({400, 401, 403, 404, 409, 413, 422, 425, 429})

#: With these faults the emulator carries a request out in part at most.
NOT_CARRIED_OUT = {
    *(FaultName.STATUS, FaultName.HTML, FaultName.REDIRECT, FaultName.SUCCESS_FALSE),
    *(FaultName.CLOSE, FaultName.RESET, FaultName.HANG, FaultName.STOP_READING, FaultName.APPLY_PART),
}


def requests_of(emulator: Emulator) -> list[Sent]:
    """What arrived at the emulator, and whether it was carried out."""
    return [
        Sent(
            logged.method,
            logged.body,
            logged.status,
            Fault.parse(logged.fault).name not in NOT_CARRIED_OUT if logged.fault else logged.status == 200,
        )
        for logged in emulator.requests
    ]


def unproven(requests: Sequence[Sent], *, late: bool = False) -> list[str]:
    """Unblocks that were sent again although the first may have been carried out, and nothing had shown otherwise.

    Where lists show a change `late`, a read since then is believed all the same.
    """
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
                if before.carried_out and not (late and read_since):
                    found.append(f"the unblock of {key} was sent again after it was carried out")
                elif before.status not in PROOF and not read_since:
                    found.append(f"the unblock of {key} was sent again without proof")
            last[key] = at
    return found
