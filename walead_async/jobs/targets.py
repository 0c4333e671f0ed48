"""The list that a plan is about: a workspace's, a campaign's or a voice agent's, and how its records become lines."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

from walead_async.errors import InvalidInputError
from walead_async.identifiers import plain_lines, public_identifier
from walead_async.jobs.parts import SEPARATOR, escaped, unescaped
from walead_async.models import BlockedLead, Completeness, LeadToBlock, Page
from walead_async.phones import phone_number
from walead_async.resources.agents import ALL, digits_of
from walead_async.resources.items import check_reason
from walead_async.session import AsyncSession, VoiceAgentSession

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable, Callable, Sequence

    from walead_async.bulk.api import BulkStream
    from walead_async.models import CampaignBlockedLead, Outcome
    from walead_async.paging.listing import Listing
    from walead_async.resources.everywhere import Everywhere

__all__ = ["Line", "Session", "Target", "is_readable", "record_of", "record_text", "target_of"]

Session: TypeAlias = AsyncSession | VoiceAgentSession
#: The key by which people or numbers are compared, and a line of the part in which it stands.
Line: TypeAlias = tuple[bytes, bytes]

#: Before the key of a name that no source could hold: no key begins like this.
UNREADABLE = "\x1e"
#: How many numbers are blocked in all agents at a time.
AT_ONCE = 5000


class Pages(Protocol):
    """A list that is read by pages, as a `Listing` is."""

    @property
    def verdict(self) -> Completeness:
        """Whether it was read to its end."""
        ...

    @property
    def why(self) -> str | None:
        """What keeps the verdict from COMPLETE."""
        ...

    def pages(self) -> AsyncIterable[Page[Any]]:
        """Read it."""
        ...


class Target(Protocol):
    """One list: what a source and it are compared by, and how it is read and changed.

    A line of a source is a key with what comes with it: a person's reason, or a number as it is sent. A line of the
    list is the key of a record with its `record_text`. `kind` is that of the rows of a source. `no_removal` says
    why nothing can be removed there, None where it can; `has_ids` is False where records have none.
    """

    name: str
    kind: Literal["lead", "number"]
    no_removal: str | None
    has_ids: bool
    #: "workspace:ID" once a record has shown it, "uid:ID" for a voice agent's; None where nothing has shown it.
    account: str | None
    #: Gives texts that are their own keys as lines, None if they are not; None where there is no such short way.
    plain: Callable[[Sequence[str]], str | None] | None

    def line_of(self, text: str, reason: str | None) -> Line:
        """The key of a row, and its line. Raises `InvalidInputError` for what cannot be sent."""
        ...

    def pages(self) -> Pages:
        """The list."""
        ...

    def keys(self, records: Sequence[Any]) -> list[bytes]:
        """The keys of records."""
        ...

    def lines(self, records: Sequence[Any]) -> tuple[list[bytes], list[bytes]]:
        """The keys of records, and their lines."""
        ...

    def item(self, key: bytes, extra: bytes) -> tuple[str, str]:
        """What is sent for a line of a source, and the reason that goes with it ("" for none)."""
        ...

    def removal(self, key: bytes, text: str) -> str:
        """What is sent to remove the record of this key and `record_text`."""
        ...

    def key_of(self, sent: str) -> bytes:
        """The key of what was or is to be sent."""
        ...

    def to_block(self, sent: str, reason: str) -> object:
        """What a bulk call takes for what `item` made."""
        ...

    def to_unblock(self, sent: str, text: str) -> object:
        """What a bulk call takes to remove what is sent and has this `record_text`."""
        ...

    def block(self, items: AsyncIterable[Any]) -> BulkStream | AsyncGenerator[Outcome, None]:
        """Block these; each is what `to_block` made."""
        ...

    def unblock(self, items: AsyncIterable[Any]) -> BulkStream:
        """Remove these; each is what `to_unblock` made."""
        ...


def target_of(session: Session, campaign: str | None, agent: str | None) -> Target:
    """The list that is meant. Raises `InvalidInputError` where session, campaign and agent do not fit each other."""
    if campaign is not None and agent is not None:
        raise InvalidInputError("a plan is for a campaign or for an agent, not for both: make one plan for each")
    if agent is not None:
        if not isinstance(session, VoiceAgentSession):
            raise InvalidInputError("an agent's list needs a VoiceAgentSession")
        return _AllAgents(session) if agent.lower() == ALL else _Agent(session, agent)
    if not isinstance(session, AsyncSession):
        raise InvalidInputError("a VoiceAgentSession needs agent=...; a workspace's list needs an AsyncSession")
    return _Workspace(session) if campaign is None else _Campaign(session, campaign)


def is_readable(key: bytes) -> bool:
    """Whether a record of this key has a name that a source could hold."""
    return not key.startswith(UNREADABLE.encode())


def record_text(line: bytes) -> str:
    """What a line of the list says of its record beside the key: id, date, name as stored and reason."""
    return line.partition(SEPARATOR)[2].decode()


def record_of(text: str) -> BlockedLead:
    """The record of which this is the `record_text`."""
    record_id, created, name, reason = map(unescaped, text.split("\x1f"))
    return BlockedLead(record_id, name, reason or None, datetime.fromisoformat(created), "")


def _person(text: str, reason: str | None) -> Line:
    key = public_identifier(text).encode()
    if reason is None:
        return key, key
    check_reason(reason)
    return key, key + SEPARATOR + escaped(reason).encode()


def _readable_key(name: str) -> str:
    try:
        return public_identifier(name)
    except InvalidInputError:
        return UNREADABLE + escaped(name.lower())


def _keys_of(names: Sequence[str]) -> Sequence[str]:
    return names if plain_lines(names) is not None else list(map(_readable_key, names))


def _record_keys(records: Sequence[BlockedLead | CampaignBlockedLead]) -> list[bytes]:
    return (
        "\n".join(_keys_of([record.public_identifier for record in records])).encode().split(b"\n") if records else []
    )


def _record_lines(
    ids: Sequence[str], records: Sequence[BlockedLead | CampaignBlockedLead]
) -> tuple[list[bytes], list[bytes]]:
    if not records:
        return [], []
    names = [record.public_identifier for record in records]
    keys = _keys_of(names)
    lines = [
        f"{key}\x1f{record_id}\x1f{record.created_at.isoformat()}\x1f{name}\x1f{record.reason or ''}"
        for key, record_id, name, record in zip(keys, ids, names, records, strict=True)
    ]
    together = "\n".join(lines)
    odd = together.count("\n") >= len(lines) or together.count("\x1f") > 4 * len(lines) or "\x1e" in together
    if odd:
        lines = [
            "\x1f".join([key, *map(escaped, (record_id, record.created_at.isoformat(), name, record.reason or ""))])
            for key, record_id, name, record in zip(keys, ids, names, records, strict=True)
        ]
        together = "\n".join(lines)
    return "\n".join(keys).encode().split(b"\n"), together.encode().split(b"\n")


class _People:
    """A list of people, compared by their public identifiers."""

    kind: Literal["lead", "number"] = "lead"

    line_of = staticmethod(_person)
    plain: Callable[[Sequence[str]], str | None] | None = staticmethod(plain_lines)

    def item(self, key: bytes, extra: bytes) -> tuple[str, str]:
        return key.decode(), unescaped(extra.decode())

    def removal(self, key: bytes, text: str) -> str:
        return key.decode()

    def key_of(self, sent: str) -> bytes:
        return sent.encode()


class _Workspace(_People):
    """The workspace's list."""

    name = "workspace"
    no_removal: str | None = None
    has_ids = True

    def __init__(self, session: AsyncSession) -> None:
        self._leads = session.blocked_leads
        self.account: str | None = None

    def pages(self) -> Listing[Any]:
        return self._leads.list()

    def keys(self, records: Sequence[Any]) -> list[bytes]:
        if records:
            self.account = f"workspace:{records[0].workspace_id}"
        return _record_keys(records)

    def lines(self, records: Sequence[Any]) -> tuple[list[bytes], list[bytes]]:
        if records:
            self.account = f"workspace:{records[0].workspace_id}"
        return _record_lines([record.id for record in records], records)

    def to_block(self, sent: str, reason: str) -> str | LeadToBlock:
        return LeadToBlock(sent, reason) if reason else sent

    def to_unblock(self, sent: str, text: str) -> BlockedLead:
        return record_of(text)

    def block(self, items: AsyncIterable[Any]) -> BulkStream:
        return self._leads.block_stream(items)

    def unblock(self, items: AsyncIterable[Any]) -> BulkStream:
        return self._leads.unblock_stream(items)


class _Campaign(_People):
    """A campaign's list: it has no ids, and what is blocked there cannot be unblocked."""

    no_removal: str | None = "the API has no campaign unblock"
    has_ids = False

    def __init__(self, session: AsyncSession, campaign_id: str) -> None:
        self.name = f"campaign:{campaign_id}"
        self.account: str | None = None
        self._leads = session.campaign(campaign_id).blocked_leads

    keys = staticmethod(_record_keys)

    def pages(self) -> Listing[Any]:
        return self._leads.list()

    def lines(self, records: Sequence[Any]) -> tuple[list[bytes], list[bytes]]:
        return _record_lines([""] * len(records), records)

    def to_block(self, sent: str, reason: str) -> str:
        return sent

    def to_unblock(self, sent: str, text: str) -> str:
        return sent

    def block(self, items: AsyncIterable[Any]) -> BulkStream:
        return self._leads.block_stream(items)

    def unblock(self, items: AsyncIterable[Any]) -> BulkStream:
        raise InvalidInputError(str(self.no_removal))


def _digits_key(number: str) -> str:
    try:
        return digits_of(phone_number(number))
    except InvalidInputError:
        return UNREADABLE + escaped(number)


class _Numbers:
    """A list of numbers, without ids or reasons, compared by their digits."""

    kind: Literal["lead", "number"] = "number"
    has_ids = False
    plain: Callable[[Sequence[str]], str | None] | None = None

    def __init__(self, session: VoiceAgentSession, agent_id: str) -> None:
        self.name = f"agent:{agent_id}"
        self.account: str | None = f"uid:{session.uid}"
        self._normalise: Callable[[object], str] = session.everywhere.normalise

    def keys(self, records: Sequence[Any]) -> list[bytes]:
        return [_digits_key(number).encode() for number in records]

    def line_of(self, text: str, reason: str | None) -> Line:
        number = self._normalise(text)
        digits = digits_of(number).encode()
        return digits, digits + SEPARATOR + number.encode()

    def lines(self, records: Sequence[Any]) -> tuple[list[bytes], list[bytes]]:
        keys = self.keys(records)
        texts = [f"\x1f\x1f{escaped(number)}\x1f".encode() for number in records]
        return keys, [key + SEPARATOR + text for key, text in zip(keys, texts, strict=True)]

    def item(self, key: bytes, extra: bytes) -> tuple[str, str]:
        return (extra or key).decode(), ""

    def removal(self, key: bytes, text: str) -> str:
        return unescaped(text.split("\x1f")[2])

    def key_of(self, sent: str) -> bytes:
        return digits_of(sent).encode()

    def to_block(self, sent: str, reason: str) -> str:
        return sent

    def to_unblock(self, sent: str, text: str) -> str:
        return sent


class _Agent(_Numbers):
    """A voice agent's list."""

    no_removal: str | None = None

    def __init__(self, session: VoiceAgentSession, agent_id: str) -> None:
        super().__init__(session, agent_id)
        self._list = session.agent(agent_id).block_list

    def pages(self) -> Listing[Any]:
        return self._list.list()

    def block(self, items: AsyncIterable[Any]) -> BulkStream:
        return self._list.block_stream(items)

    def unblock(self, items: AsyncIterable[Any]) -> BulkStream:
        return self._list.unblock_stream(items)


class _AllAgents(_Numbers):
    """The lists of all voice agents of a user together: a number stands there if it stands in each."""

    no_removal: str | None = "numbers are unblocked in one agent at a time"

    def __init__(self, session: VoiceAgentSession) -> None:
        super().__init__(session, ALL)
        self._everywhere = session.everywhere

    def pages(self) -> Pages:
        return _HeldByAll(self._everywhere)

    async def block(self, items: AsyncIterable[Any]) -> AsyncGenerator[Outcome, None]:
        some: list[str] = []
        async for number in items:
            some.append(number)
            if len(some) == AT_ONCE:
                for outcome in await self._block(some):
                    yield outcome
                some = []
        for outcome in await self._block(some) if some else ():
            yield outcome

    async def _block(self, numbers: list[str]) -> Sequence[Outcome]:
        return (await self._everywhere.block(numbers, check=False)).outcomes

    def unblock(self, items: AsyncIterable[Any]) -> BulkStream:
        raise InvalidInputError(str(self.no_removal))


class _HeldByAll:
    """The numbers that every agent holds, as one page. Where an agent's list may not be read, none is known to be."""

    def __init__(self, everywhere: Everywhere) -> None:
        self._everywhere = everywhere
        self.verdict = Completeness.INCOMPLETE
        self.why: str | None = "the lists were not read yet"

    async def pages(self) -> AsyncGenerator[Page[str], None]:
        found = await self._everywhere.missing()
        if found.unread:
            self.verdict = Completeness.UNVERIFIED
            self.why = f"the lists of these agents may not be read: {', '.join(found.unread)}"
            return
        self.verdict, self.why = Completeness.COMPLETE, None
        yield Page(found.held, 0)
