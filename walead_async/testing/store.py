"""All that the two services hold: block lists in memory, and the state file they may be kept in."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import os
import random
import re
import tempfile
import time
from bisect import bisect_left, bisect_right, insort
from collections import deque
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

import orjson

from walead_async.testing.settings import BadSetting, IdentifierCase, SearchMatch, Settings, TieOrder, check_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = ["MOST_LEADS", "Clock", "EmulatedLead", "LeadList", "StateFile", "Store"]

#: Leads made by one number.
MOST_LEADS = 10_000_000
#: How many of a list its repr shows.
SHOWN = 10
#: The version of the saved state.
FORMAT = 1
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)

log: logging.Logger = logging.getLogger(__name__)

T = TypeVar("T")


def _whole_milliseconds(at: datetime) -> datetime:
    return EPOCH + (at - EPOCH) // MILLISECOND * MILLISECOND


class Clock:
    """Hands out the `createdAt` of each new record: `ties` in a row share one, then it moves on by `step` seconds."""

    def __init__(self, start: datetime, *, step: float, ties: int) -> None:
        self.now: datetime = _whole_milliseconds(start)
        self.step = step
        self.ties = ties
        self._given = 0

    def next(self) -> datetime:
        """The time of one more record."""
        if self._given >= self.ties:
            self.now += timedelta(milliseconds=round(self.step * 1000))
            self._given = 0
        self._given += 1
        return self.now

    def set(self, at: datetime, *, given: int = 0) -> None:
        """Let the next record have this time, which must be aware. `given` records have it already."""
        self.now = _whole_milliseconds(at)
        self._given = given


class EmulatedLead(NamedTuple):
    """A record as a test sees it; records compare as they stand in the list.

    `created_at` is in UTC. `number` counts the records of a list as they were added, from 0. `id` is "" in a campaign's
    list, which has none. `reason` is None if none was given. `json` is the record as the service shows it.
    """

    created_at: datetime
    number: int
    id: str
    public_identifier: str
    reason: str | None
    json: bytes

    def __repr__(self) -> str:
        why = "" if self.reason is None else f", reason={self.reason!r}"
        number = f", id={self.id!r}" if self.id else ""
        return f"EmulatedLead({self.public_identifier!r}{why}{number}, created_at={self.created_at.isoformat()})"


class History(Generic[T]):
    """What a list held before each of its changes, for readers that are shown it late."""

    def __init__(self) -> None:
        self._past: deque[tuple[float, list[T]]] = deque()

    def note(self, rows: Iterable[T], stale: float) -> None:
        """Keep what a list holds just before it is changed; what is older than `stale` seconds is dropped."""
        self._drop(stale)
        self._past.append((time.monotonic(), list(rows)))

    def shown(self, rows: Sequence[T], stale: float) -> Sequence[T]:
        """What the list held `stale` seconds ago; `rows` is what it holds now."""
        self._drop(stale)
        return self._past[0][1] if self._past else rows

    def _drop(self, stale: float) -> None:
        while self._past and self._past[0][0] <= time.monotonic() - stale:
            self._past.popleft()


class LeadList:
    """A block list. To loop over it gives its records, oldest first; `len` counts them.

    `"john-doe" in leads` asks whether a person is blocked, by the rule for capitals of `settings.identifier_case`.
    `made` counts the records ever added, those that are gone included. A million records take about 600 MB.
    """

    def __init__(self, store: Store, workspace_id: str | None = None) -> None:
        """`workspace_id` None makes a campaign's list, whose records have no id."""
        self.made: int = 0
        self._store = store
        self._workspace = None if workspace_id is None else orjson.dumps(workspace_id)
        self._random = random.Random(f"ties/{store.seed}")
        self._order: list[EmulatedLead] = []
        self._by_id: dict[str, EmulatedLead] = {}
        self._free_ids: list[str] = []
        self.past: History[EmulatedLead] = History()
        # Made on first use: a list that is only read needs none.
        self._by_name: dict[str, list[EmulatedLead]] | None = None

    def __repr__(self) -> str:
        """How many there are and who they are, the last of a long list."""
        names = [repr(lead.public_identifier) for lead in self._order[-SHOWN:]]
        if len(self._order) > SHOWN:
            names.insert(0, "...")
        return f"<{len(self._order)} blocked: {', '.join(names) or 'nobody'}>"

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[EmulatedLead]:
        """The records, oldest first."""
        return iter(list(self._order))

    def __contains__(self, identifier: object) -> bool:
        return isinstance(identifier, str) and bool(self.of(identifier))

    def __getitem__(self, position: int) -> EmulatedLead:
        """The record at this position, oldest first; negative positions count from the newest."""
        return self._order[position]

    def identifiers(self) -> list[str]:
        """The public identifiers, oldest record first."""
        return [lead.public_identifier for lead in self._order]

    def ids(self) -> list[str]:
        """The record ids, oldest record first."""
        return [lead.id for lead in self._order]

    def of(self, identifier: str) -> list[EmulatedLead]:
        """A person's records in the order of adding; none if the person is not blocked."""
        if self._by_name is None:
            self._by_name = {}
            for lead in sorted(self._order, key=lambda lead: lead.number):
                self._by_name.setdefault(lead.public_identifier.lower(), []).append(lead)
        any_case = self._store.settings.identifier_case is not IdentifierCase.MATTERS
        alike = self._by_name.get(identifier.lower(), ())
        return [lead for lead in alike if any_case or lead.public_identifier == identifier]

    def by_id(self, record_id: str) -> EmulatedLead | None:
        """The record with this id, None if there is none now."""
        return self._by_id.get(record_id)

    def add(self, identifier: str, reason: str | None = None, created_at: datetime | None = None) -> EmulatedLead:
        """Add one record, whoever is there already, and return it.

        `created_at` is an aware time; None takes that of the emulator's clock.
        """
        number, self.made = self.made, self.made + 1
        record_id = "" if self._workspace is None else self._new_id(number)
        if self._free_ids and self._store.settings.reuse_ids:
            record_id = self._free_ids.pop()
        created = self._store.clock.next() if created_at is None else _whole_milliseconds(created_at)
        return self._place(created, number, record_id, identifier, reason)

    def change(self, lead: EmulatedLead, reason: str | None, *, renew: bool = False) -> None:
        """Give a record another reason, and with `renew` the clock's time; its id stays."""
        self._take_out(lead)
        created = self._store.clock.next() if renew else lead.created_at
        self._place(created, lead.number, lead.id, lead.public_identifier, reason)

    def remove(self, leads: Iterable[EmulatedLead]) -> int:
        """Remove these records and return how many of them there were."""
        gone = [lead.id for lead in leads if self._take_out(lead)]
        self._free_ids += filter(None, gone)
        return len(gone)

    def clear(self) -> None:
        """Remove every record."""
        self._order, self._by_id, self._by_name = [], {}, None

    def found(self, text: str, order: Sequence[EmulatedLead] | None = None) -> list[EmulatedLead]:
        """The records that a search finds, oldest first; in `order`, if that is given."""
        settings = self._store.settings
        fold = str if settings.search_minds_case or settings.search_lowers_term else str.lower
        wanted = text if settings.search_minds_case else text.lower()
        searched = self._order if order is None else order
        match settings.search:
            case SearchMatch.NOTHING:
                return []
            case SearchMatch.PREFIX:
                return [lead for lead in searched if fold(lead.public_identifier).startswith(wanted)]
            case SearchMatch.WHOLE:
                return [lead for lead in searched if fold(lead.public_identifier) == wanted]
            case SearchMatch.SUBSTRING:
                return [lead for lead in searched if wanted in fold(lead.public_identifier)]

    def page(self, offset: int, size: int, *, newest_first: bool, search: str = "") -> list[EmulatedLead]:
        """The records on one page of the list, or of what a search finds in it, as the service shows it now."""
        settings = self._store.settings
        order: Sequence[EmulatedLead] = self.past.shown(self._order, settings.stale)
        limits = [len(order), settings.offset_limit]
        if search and not settings.search_after_cut:
            order = self.found(search, order)
            limits = [len(order), settings.offset_limit, settings.search_limit]
        low, high = offset, min(offset + size, *(limit for limit in limits if limit is not None))
        if low >= high:
            return []
        turned = newest_first and settings.tie_order is not TieOrder.FIXED
        if turned:
            low, high = len(order) - high, len(order) - low
        elif newest_first:
            order = sorted(order, key=attrgetter("created_at"), reverse=True)
        window = self._retied(order, low, high)
        if settings.hidden_identifier is not None:
            hidden = re.compile(settings.hidden_identifier)
            window = [lead for lead in window if not hidden.search(lead.public_identifier)]
        if search and settings.search_after_cut:
            window = self.found(search, window)
        return window[::-1] if turned else window

    def state(self) -> orjson.Fragment:
        """The records with their numbers as JSON, for `restore`."""
        records = b",".join([b"[%d,%b]" % (lead.number, lead.json) for lead in self._order])
        return orjson.Fragment(b'{"made":%d,"records":[%b]}' % (self.made, records))

    def restore(self, state: Mapping[str, Any]) -> None:
        """Fill an empty list with what `state` gave. What is no state raises whatever comes of it."""
        for number, fields in state["records"]:
            created = _whole_milliseconds(datetime.fromisoformat(fields["createdAt"]))
            self._place(created, number, fields.get("id", ""), fields["publicIdentifier"], fields["reason"])
        self.made = int(state["made"])

    def _take_out(self, lead: EmulatedLead) -> bool:
        """Remove a record, if it is there."""
        at = bisect_left(self._order, lead)
        if at == len(self._order) or self._order[at] is not lead:
            return False
        del self._order[at]
        self._by_id.pop(lead.id, None)
        if self._by_name is not None:
            self._by_name[lead.public_identifier.lower()].remove(lead)
        return True

    def _new_id(self, number: int) -> str:
        """An id that looks random, and is the same again with the same seed."""
        return hashlib.blake2b(b"%d/%d" % (self._store.seed_of_ids, number), digest_size=8).hexdigest()

    def _place(
        self, created: datetime, number: int, record_id: str, identifier: str, reason: str | None
    ) -> EmulatedLead:
        """Make a record and put it where its time belongs; among equal times the greater number stands later."""
        name, why = orjson.dumps(identifier), orjson.dumps(reason)
        at = created.isoformat(timespec="milliseconds")[: -len("+00:00")].encode()
        json = b'{"publicIdentifier":%b,"reason":%b,"createdAt":"%bZ"}' % (name, why, at)
        if self._workspace is not None:
            json = b'{"id":"%b",%b,"workspaceId":%b}' % (record_id.encode(), json[1:-1], self._workspace)
        lead = EmulatedLead(created, number, record_id, identifier, reason, json)
        if not self._order or self._order[-1] < lead:
            self._order.append(lead)
        else:
            insort(self._order, lead)
        if record_id:
            self._by_id[record_id] = lead
        if self._by_name is not None:
            self._by_name.setdefault(identifier.lower(), []).append(lead)
        return lead

    def _retied(self, order: Sequence[EmulatedLead], low: int, high: int) -> list[EmulatedLead]:
        """A window in which each group of equal times, seen whole, is put into the order that the settings say."""
        ties = self._store.settings.tie_order
        if ties in {TieOrder.INSERTION, TieOrder.FIXED}:
            return list(order[low:high])
        created = attrgetter("created_at")
        first = bisect_left(order, order[low].created_at, key=created)
        last = bisect_right(order, order[high - 1].created_at, key=created)
        drawn = {
            lead.number: lead.id if ties is TieOrder.BY_ID else self._random.random() for lead in order[first:last]
        }
        retied = sorted(order[first:last], key=lambda lead: (lead.created_at, drawn[lead.number]))
        return retied[low - first : high - first]


class Store:
    """The state behind both services. Pure: no socket, no file, and, but for `settings.stale`, no time but its clock.

    `agents` maps an agent's id to its numbers, kept in the order of adding. `named_campaigns` maps a campaign's id to
    its name and status, where a test gave it some; `conversations` are what a test put there, and `hooks` the
    addresses that were subscribed. No state keeps these three. Changing all of it by hand is allowed.
    """

    def __init__(
        self, settings: Settings, *, seed: int, api_key: str, uid: str, workspace_id: str = "emulator-workspace"
    ) -> None:
        self.seed = seed
        self.api_key = api_key
        self.uid = uid
        self.workspace_id = workspace_id
        self.settings: Settings = settings
        #: Counts changes, so that a state file knows when to be written.
        self.changes: int = 0
        self.clear()

    def clear(self) -> None:
        """Forget every lead, campaign and number, and set the clock and the luck back: what follows, repeats."""
        settings = self.settings
        self.random: random.Random = random.Random(self.seed)
        self.clock: Clock = Clock(
            datetime.fromisoformat(settings.clock_start), step=settings.clock_step, ties=settings.ties
        )
        self.seed_of_ids: int = self.seed
        self.leads: LeadList = LeadList(self, self.workspace_id)
        self.campaigns: dict[str, LeadList] = {}
        self.named_campaigns: dict[str, tuple[str, str]] = {}
        self.conversations: list[dict[str, object]] = []
        self.hooks: list[dict[str, str]] = []
        self.agents: dict[str, dict[str, None]] = {}
        self._past_numbers: dict[str, History[str]] = {}
        #: The list of which a page was read last, and the records on that page.
        self.last_read: tuple[LeadList, list[EmulatedLead]] | None = None
        #: True if the agents were listed last.
        self.agents_read = False
        self._pages = 0
        self.changes += 1

    def take(self, settings: Settings) -> None:
        """Behave by other settings from now on. The records stay; a new `clock_start` sets the clock."""
        old, self.settings = self.settings, settings
        self.clock.step, self.clock.ties = settings.clock_step, settings.ties
        if settings.clock_start != old.clock_start:
            self.clock.set(datetime.fromisoformat(settings.clock_start))

    def add_leads(
        self,
        leads: int | Iterable[str | tuple[str, str | None]],
        created_at: datetime | None = None,
        *,
        into: LeadList | None = None,
    ) -> list[EmulatedLead]:
        """Add records, by default to the workspace's list; `Emulator.add_leads` says which. Raises `BadSetting`."""
        filled = self.leads if into is None else into
        if created_at is not None and created_at.tzinfo is None:
            raise BadSetting(f"createdAt needs an offset from UTC: {created_at.isoformat()!r}")
        if isinstance(leads, str):
            raise BadSetting(f"leads takes a number, or a list of identifiers such as [{leads!r}], not {leads!r}")
        if isinstance(leads, int):
            check_whole("leads", leads, MOST_LEADS)
            leads = [f"lead-{number:07d}" for number in range(filled.made + 1, filled.made + leads + 1)]
        self.changes += 1
        pairs = ((lead, None) if isinstance(lead, str) else lead for lead in leads)
        return [filled.add(identifier, reason, created_at) for identifier, reason in pairs]

    def next_page_size(self) -> int:
        """The size of the next page of the workspace's list."""
        sizes = self.settings.page_sizes or (self.settings.page_size,)
        self._pages += 1
        return sizes[(self._pages - 1) % len(sizes)]

    def campaign(self, campaign_id: str) -> LeadList:
        """The list of a campaign, begun when it is first asked for."""
        return self.campaigns.setdefault(campaign_id, LeadList(self))

    def agent_ids(self) -> list[str]:
        """The agents there are: those that the settings name, and those that have a list."""
        return list(dict.fromkeys([*(self.settings.agents or ()), *self.agents]))

    def numbers(self, agent_id: str) -> list[str]:
        """The numbers of an agent, as its list shows them now."""
        numbers = list(self.agents.get(agent_id, ()))
        past = self._past_numbers.get(agent_id)
        return numbers if past is None else list(past.shown(numbers, self.settings.stale))

    def remember(self) -> None:
        """Keep what every list holds, just before a change, if readers are to be shown it late."""
        stale = self.settings.stale
        if stale:
            for leads in (self.leads, *self.campaigns.values()):
                leads.past.note(leads, stale)
            for agent_id in self.agent_ids():
                self._past_numbers.setdefault(agent_id, History()).note(self.agents.get(agent_id, ()), stale)

    def state(self) -> bytes:
        """Everything that is known, as JSON; settings are no part of it."""
        return orjson.dumps(
            {
                "emulator": FORMAT,
                "seed": self.seed_of_ids,
                "clock": (self.clock.now - EPOCH) // MILLISECOND,
                "leads": self.leads.state(),
                "campaigns": {name: leads.state() for name, leads in self.campaigns.items()},
                "agents": {name: list(numbers) for name, numbers in self.agents.items()},
            }
        )

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take what `state` gave, its seed for ids included. What is no state raises whatever comes of it."""
        if state["emulator"] != FORMAT:
            raise ValueError("another format")
        self.clear()
        self.seed_of_ids = int(state["seed"])
        self.leads.restore(state["leads"])
        for name, leads in state["campaigns"].items():
            self.campaign(name).restore(leads)
        self.agents = {name: dict.fromkeys(numbers) for name, numbers in state["agents"].items()}
        # The last record was made at that time; the next one gets a later one.
        self.clock.set(EPOCH + state["clock"] * MILLISECOND, given=self.clock.ties)


class StateFile:
    """The file that a store is kept in: read at the start, written twice a second while it changes, and at the end."""

    PAUSE = 0.5

    def __init__(self, store: Store, path: Path) -> None:
        self._store = store
        self._path = path
        self._saved = store.changes
        self._end = asyncio.Event()

    @staticmethod
    def load(store: Store, path: Path) -> bool:
        """Take the state from a file; False if there is none. Raises `BadSetting` if it cannot be read."""
        try:
            text = path.read_bytes()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise BadSetting(f"the state {str(path)!r} cannot be read: {error.strerror}") from None
        try:
            store.restore(orjson.loads(text))
        except (ValueError, TypeError, LookupError, AttributeError, OverflowError):
            raise BadSetting(f"the state {str(path)!r} was not written by this emulator, or is damaged") from None
        return True

    async def keep(self) -> None:
        """Save what changes until `end` is called, and then once more. Raises `OSError` if the last one fails."""
        while not self._end.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._end.wait(), self.PAUSE)
            if self._store.changes != self._saved and not self._end.is_set():
                try:
                    await self._save()
                except OSError as error:
                    log.warning("the state was not saved to %s: %s", self._path, error.strerror)
        # Also if nothing was counted: tests change lists by hand.
        await self._save()

    def end(self) -> None:
        """Let `keep` come to its end."""
        self._end.set()

    async def _save(self) -> None:
        self._saved = self._store.changes
        await asyncio.to_thread(_write, self._store.state(), self._path)


def _write(state: bytes, path: Path) -> None:
    """Replace the file by this state: the old one stands until the new one is whole."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(state)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
