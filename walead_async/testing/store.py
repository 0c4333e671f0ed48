"""All that the two services know: block lists in memory, and the file they may be kept in."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import tempfile
from array import array
from bisect import bisect_left, bisect_right, insort
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import orjson

from walead_async.testing.settings import BadSetting, IdentifierCase, SearchMatch, Settings, TieOrder, check_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = [
    "Clock",
    "EmulatedLead",
    "Keeper",
    "LeadList",
    "SearchText",
    "World",
    "as_text",
    "load",
    "milliseconds",
    "save",
]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def milliseconds(at: datetime) -> int:
    """An aware time as whole milliseconds since 1970."""
    return (at - EPOCH) // timedelta(milliseconds=1)


def as_text(created: int) -> str:
    """Milliseconds since 1970 as the services write a time: `2024-01-01T00:00:00.000Z`."""
    return (EPOCH + timedelta(milliseconds=created)).isoformat(timespec="milliseconds")[:-6] + "Z"


class Clock:
    """Hands out the `createdAt` of each new record: `ties` in a row share one, then it moves on by `step` seconds."""

    def __init__(self, start: datetime, *, step: float, ties: int) -> None:
        self.now = milliseconds(start)
        self.step = step
        self.ties = ties
        self._given = 0

    def next(self) -> int:
        """The time of one more record, in milliseconds since 1970."""
        if self._given >= self.ties:
            self.advance(self.step)
        self._given += 1
        return self.now

    def advance(self, seconds: float) -> None:
        """Move on; a negative number moves back, as a stepped clock does."""
        self.now += round(seconds * 1000)
        self._given = 0

    def resume(self, now: int) -> None:
        """Go on behind a record that was made at `now`, in milliseconds since 1970."""
        self.now = now
        self._given = self.ties

    def set(self, at: datetime) -> None:
        """Let the next record have this time, which must be aware."""
        self.now = milliseconds(at)
        self._given = 0


#: Stands before and after each name. A name that holds it could be found by a wrong text; by default none is taken.
MARK = "\0"


class SearchText:
    """An unchanging list of names that can be searched."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._texts: dict[bool, tuple[str, array[int]]] = {}

    def positions(self, wanted: str, match: SearchMatch, minds_case: bool) -> list[int]:
        """The positions of the names that match, in order."""
        if MARK in wanted:
            return []
        text, starts = self._text(minds_case)
        needle = wanted if minds_case else wanted.lower()
        if match is not SearchMatch.SUBSTRING:
            needle = MARK + needle
        if match is SearchMatch.WHOLE:
            needle += MARK
        found = []
        at = text.find(needle)
        while at >= 0:
            position = bisect_right(starts, at) - 1
            found.append(position)
            # The mark after this name is the mark before the next one.
            at = text.find(needle, starts[position + 1])
        return found

    def _text(self, minds_case: bool) -> tuple[str, array[int]]:
        """All names in one text, and where the mark before each stands; the last start is the closing mark."""
        if minds_case not in self._texts:
            names = self._names if minds_case else [name.lower() for name in self._names]
            starts = array("q", accumulate((len(name) + 1 for name in names), initial=0))
            self._texts[minds_case] = MARK + MARK.join(names) + MARK, starts
        return self._texts[minds_case]


#: Ids are 64-bit numbers in hexadecimal.
ID_SPACE = 1 << 64
ID_DIGITS = 16
#: From this many removals on, filtering the whole order once is cheaper than cutting each record out.
FILTERED = 32


@attrs.frozen
class EmulatedLead:
    """A record as a test sees it.

    `id` is "" in a campaign's list, which has none. `reason` is None if none was given. `created_at` is in UTC.
    """

    id: str
    public_identifier: str
    reason: str | None
    created_at: datetime


class LeadList:
    """A block list. To loop over it gives its records, oldest first; `len` counts them.

    `"john-doe" in leads` asks whether a person is blocked, by the rule for capitals of `settings.identifier_case`.
    Inside, a record is its serial number: they count from 0 and are never used again. A million leads take about
    300 MB.
    """

    # The id of a record is computed from its number and the seed, by a step that can be undone, so that ids look
    # random, do not sort as the records do, and need no index. Rendered records, names and times stand in lists by
    # number; the indexes by identifier and for searches are built on first use.

    def __init__(self, clock: Clock, *, seed: int = 0, workspace_id: str | None = None) -> None:
        """`workspace_id` None makes a campaign's list, whose records have no id."""
        self.clock = clock
        self.seed = seed
        self._workspace = None if workspace_id is None else orjson.dumps(workspace_id)
        self._random = random.Random(seed)
        self._id_start = self._random.getrandbits(64)
        self._id_step = self._random.getrandbits(64) | 1
        self._id_back = pow(self._id_step, -1, ID_SPACE)
        self._json: list[bytes | None] = []
        self._names: list[str] = []
        self._created = array("q")
        self._order = array("q")
        self._fold = False
        self._numbers: dict[str, tuple[int, ...]] | None = None
        self._search: SearchText | None = None

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[EmulatedLead]:
        """The records, oldest first."""
        for number in list(self._order):
            yield self.record(number)

    def __contains__(self, identifier: object) -> bool:
        return isinstance(identifier, str) and bool(self.numbers_of(identifier))

    @property
    def made(self) -> int:
        """How many records were ever made here, those that are gone included."""
        return len(self._json)

    def identifiers(self) -> list[str]:
        """The public identifiers, oldest record first."""
        return [self._names[number] for number in self._order]

    def ids(self) -> list[str]:
        """The record ids, oldest record first."""
        return [self.id_of(number) for number in self._order]

    def id_of(self, number: int) -> str:
        """The id of the record with this number."""
        return f"{(number * self._id_step + self._id_start) % ID_SPACE:0{ID_DIGITS}x}"

    def number_of(self, record_id: str) -> int | None:
        """The number of the record with this id, None if there is none now."""
        try:
            number = (int(record_id, 16) - self._id_start) * self._id_back % ID_SPACE
        except ValueError:
            return None
        if number >= len(self._json) or self._json[number] is None or self.id_of(number) != record_id:
            return None
        return number

    def fold_case(self, fold: bool) -> None:
        """Say whether two identifiers that differ in capitals only are one person."""
        if fold != self._fold:
            self._fold = fold
            self._numbers = None

    def numbers_of(self, identifier: str) -> tuple[int, ...]:
        """The numbers of a person's records; none if the person is not blocked."""
        return self._index().get(self._key(identifier), ())

    def add(self, identifier: str, reason: str | None = None, created_at: datetime | None = None) -> int:
        """Add one record, whoever is there already, and return its number.

        `created_at` is an aware time; None takes that of the emulator's clock.
        """
        number = len(self._json)
        created = self.clock.next() if created_at is None else milliseconds(created_at)
        self._json.append(self._rendered(number, identifier, reason, created))
        self._names.append(identifier)
        self._created.append(created)
        if self._numbers is not None:
            key = self._key(identifier)
            self._numbers[key] = (*self._numbers.get(key, ()), number)
        self._place(number)
        return number

    def renew(self, number: int, reason: str | None) -> None:
        """Give a record the clock's time and this reason; its id stays."""
        self._order.pop(self._position(number))
        self._created[number] = self.clock.next()
        self.give_reason(number, reason)
        self._place(number)

    def give_reason(self, number: int, reason: str | None) -> None:
        """Change the reason of a record."""
        self._json[number] = self._rendered(number, self._names[number], reason, self._created[number])

    def remove(self, numbers: Iterable[int]) -> int:
        """Remove records by number and return how many of them there were. Raises `IndexError` for one never used."""
        gone = {number for number in numbers if self._json[number] is not None}
        if len(gone) < FILTERED:
            for number in gone:
                self._order.pop(self._position(number))
        else:
            self._order = array("q", [number for number in self._order if number not in gone])
        for number in gone:
            self._forget(number)
        if gone:
            self._search = None
        return len(gone)

    def clear(self) -> None:
        """Remove every record."""
        self.remove(self._order)

    def record(self, number: int) -> EmulatedLead:
        """A record that is there, by its number, as a value."""
        fields = orjson.loads(self._json[number] or b"")
        return EmulatedLead(
            id=fields.get("id", ""),
            public_identifier=fields["publicIdentifier"],
            reason=fields["reason"],
            created_at=datetime.fromisoformat(fields["createdAt"]),
        )

    def at(self, position: int) -> int:
        """The number of the record at this position, oldest first; negative positions count from the newest.

        Raises `IndexError` if the list is shorter.
        """
        return self._order[position]

    def page(self, *, offset: int, size: int, newest_first: bool, ties: TieOrder = TieOrder.INSERTION) -> list[int]:
        """The records on one page of the list."""
        return self._window(self._order, offset, size, newest_first, ties)

    def found(
        self,
        text: str,
        match: SearchMatch,
        minds_case: bool,
        *,
        offset: int,
        size: int,
        newest_first: bool,
        ties: TieOrder = TieOrder.INSERTION,
    ) -> list[int]:
        """The records on one page of a search."""
        if self._search is None:
            self._search = SearchText(self.identifiers())
        hits = [self._order[position] for position in self._search.positions(text, match, minds_case)]
        return self._window(hits, offset, size, newest_first, ties)

    def rendered(self, numbers: Iterable[int]) -> bytes:
        """These records as a JSON array."""
        return b"[%b]" % b",".join([self._json[number] or b"" for number in numbers])

    def state(self) -> orjson.Fragment:
        """The records with their numbers as JSON, for `restore`."""
        records = b",".join([b"[%d,%b]" % (number, self._json[number] or b"") for number in self._order])
        return orjson.Fragment(b'{"made":%d,"records":[%b]}' % (self.made, records))

    def restore(self, state: Mapping[str, Any]) -> None:
        """Fill an empty list with what `state` gave. What is no state raises whatever comes of it."""
        made = state["made"]
        self._json = [None] * made
        self._names = [""] * made
        self._created = array("q", [0]) * made
        for number, fields in state["records"]:
            identifier, reason = fields["publicIdentifier"], fields["reason"]
            self._names[number] = identifier
            self._created[number] = milliseconds(datetime.fromisoformat(fields["createdAt"]))
            self._json[number] = self._rendered(number, identifier, reason, self._created[number])
            self._place(number)

    def _window(self, order: Sequence[int], offset: int, size: int, newest_first: bool, ties: TieOrder) -> list[int]:
        if newest_first:
            low, high = max(0, len(order) - offset - size), max(0, len(order) - offset)
        else:
            low, high = offset, min(offset + size, len(order))
        if low >= high:
            return []
        window = list(order[low:high]) if ties is TieOrder.INSERTION else self._retied(order, low, high, ties)
        return window[::-1] if newest_first else window

    def _retied(self, order: Sequence[int], low: int, high: int, ties: TieOrder) -> list[int]:
        """A window in which each group of equal times, seen whole, is put into another order."""
        created = self._created.__getitem__
        first = bisect_left(order, created(order[low]), key=created)
        last = bisect_right(order, created(order[high - 1]), key=created)
        if ties is TieOrder.BY_ID:
            among = {number: self.id_of(number) for number in order[first:last]}
            retied = sorted(order[first:last], key=lambda number: (created(number), among[number]))
        else:
            retied = sorted(order[first:last], key=lambda number: (created(number), self._random.random()))
        return retied[low - first : high - first]

    def _place(self, number: int) -> None:
        """Put a record into the order by its time; among equal times the greater number stands later."""
        if not self._order or (self._created[self._order[-1]] <= self._created[number] and self._order[-1] < number):
            self._order.append(number)
        else:
            insort(self._order, number, key=self._key_of)
        self._search = None

    def _position(self, number: int) -> int:
        return bisect_left(self._order, self._key_of(number), key=self._key_of)

    def _key_of(self, number: int) -> tuple[int, int]:
        return self._created[number], number

    def _key(self, identifier: str) -> str:
        return identifier.lower() if self._fold else identifier

    def _index(self) -> dict[str, tuple[int, ...]]:
        if self._numbers is None:
            self._numbers = {}
            for number in self._order:
                key = self._key(self._names[number])
                self._numbers[key] = (*self._numbers.get(key, ()), number)
        return self._numbers

    def _forget(self, number: int) -> None:
        self._json[number] = None
        if self._numbers is not None:
            key = self._key(self._names[number])
            left = tuple(other for other in self._numbers[key] if other != number)
            if left:
                self._numbers[key] = left
            else:
                del self._numbers[key]
        self._names[number] = ""

    def _rendered(self, number: int, identifier: str, reason: str | None, created: int) -> bytes:
        name, why = orjson.dumps(identifier), orjson.dumps(reason)
        at = as_text(created).encode()
        if self._workspace is None:
            return b'{"publicIdentifier":%b,"reason":%b,"createdAt":"%b"}' % (name, why, at)
        return b'{"id":"%b","publicIdentifier":%b,"reason":%b,"createdAt":"%b","workspaceId":%b}' % (
            self.id_of(number).encode(),
            name,
            why,
            at,
            self._workspace,
        )


#: The version of the saved state.
FORMAT = 1
#: Leads made by one number.
MOST_LEADS = 10_000_000


class World:
    """The state behind both services. Pure: no socket, no file, and no time but its own clock.

    `agents` maps an agent's id to its numbers, kept in the order of adding. Changing it by hand is allowed.
    """

    def __init__(
        self, settings: Settings, *, seed: int, api_key: str, uid: str, workspace_id: str = "emulator-workspace"
    ) -> None:
        self.seed = seed
        self.api_key = api_key
        self.uid = uid
        self.workspace_id = workspace_id
        self.settings = settings
        #: Counts changes, so that a keeper of files knows when to save.
        self.changes = 0
        self.clear()

    def clear(self) -> None:
        """Forget every lead, campaign and number, and set the clock and the luck back: what follows, repeats."""
        settings = self.settings
        self.random = random.Random(self.seed)
        self.clock = Clock(datetime.fromisoformat(settings.clock_start), step=settings.clock_step, ties=settings.ties)
        self.leads = LeadList(self.clock, seed=self.seed, workspace_id=self.workspace_id)
        self.campaigns: dict[str, LeadList] = {}
        self.agents: dict[str, dict[str, None]] = {}
        self._pages = 0
        #: The list of which a page was read last, and the records on that page.
        self.last_read: tuple[LeadList, list[int]] | None = None
        self._fold()
        self.changes += 1

    def take(self, settings: Settings) -> None:
        """Behave by other settings from now on. The records stay; a new `clock_start` sets the clock."""
        old, self.settings = self.settings, settings
        self.clock.step, self.clock.ties = settings.clock_step, settings.ties
        if settings.clock_start != old.clock_start:
            self.clock.set(datetime.fromisoformat(settings.clock_start))
        self._fold()

    def add_leads(
        self, leads: int | Iterable[str | tuple[str, str | None]], created_at: datetime | None = None
    ) -> list[str]:
        """Add records to the workspace's list; `Emulator.add_leads` says what it takes. Raises `BadSetting`."""
        if created_at is not None and created_at.tzinfo is None:
            raise BadSetting(f"createdAt needs an offset from UTC: {created_at.isoformat()!r}")
        if isinstance(leads, str):
            raise BadSetting(f"leads takes a number, or a list of identifiers such as [{leads!r}], not {leads!r}")
        if isinstance(leads, int):
            check_whole("leads", leads, MOST_LEADS)
            return [self.leads.id_of(number) for number in self.fill(leads, created_at)]
        pairs = ((lead, None) if isinstance(lead, str) else lead for lead in leads)
        added = [self.leads.add(identifier, reason, created_at) for identifier, reason in pairs]
        self.changes += 1
        return [self.leads.id_of(number) for number in added]

    def fill(self, leads: int, created_at: datetime | None = None, *, into: LeadList | None = None) -> range:
        """Add so many made-up records, by default to the workspace's list, and return their numbers."""
        filled = self.leads if into is None else into
        made = range(filled.made, filled.made + leads)
        for number in made:
            filled.add(f"lead-{number + 1:07d}", None, created_at)
        self.changes += 1
        return made

    def next_page_size(self) -> int:
        """The size of the next page of the workspace's list."""
        sizes = self.settings.page_sizes
        if not sizes:
            return self.settings.page_size
        self._pages += 1
        return sizes[(self._pages - 1) % len(sizes)]

    def campaign(self, campaign_id: str) -> LeadList:
        """The list of a campaign, begun when it is first asked for."""
        if campaign_id not in self.campaigns:
            self.campaigns[campaign_id] = LeadList(self.clock, seed=self.seed)
            self._fold()
        return self.campaigns[campaign_id]

    def agent(self, agent_id: str) -> dict[str, None]:
        """The numbers of an agent, begun when it is first asked for."""
        return self.agents.setdefault(agent_id, {})

    def state(self) -> bytes:
        """Everything that is known, as JSON; settings are no part of it."""
        return orjson.dumps(
            {
                "emulator": FORMAT,
                "seed": self.leads.seed,
                "clock": self.clock.now,
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
        self.leads = LeadList(self.clock, seed=state["seed"], workspace_id=self.workspace_id)
        self.leads.restore(state["leads"])
        for name, leads in state["campaigns"].items():
            self.campaign(name).restore(leads)
        self.agents = {name: dict.fromkeys(numbers) for name, numbers in state["agents"].items()}
        self.clock.resume(state["clock"])
        self._fold()

    def _fold(self) -> None:
        folded = self.settings.identifier_case is not IdentifierCase.MATTERS
        for leads in (self.leads, *self.campaigns.values()):
            leads.fold_case(folded)


log = logging.getLogger(__name__)

#: What comes of reading JSON that is not a state.
DAMAGED = (ValueError, TypeError, LookupError, AttributeError, OverflowError, MemoryError)


def load(world: World, path: Path) -> bool:
    """Take the state from a file; False if there is none. Raises `BadSetting` if it cannot be read."""
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise BadSetting(f"the state {str(path)!r} cannot be read: {error.strerror}") from None
    try:
        world.restore(orjson.loads(text))
    except DAMAGED:
        raise BadSetting(f"the state {str(path)!r} was not written by this emulator, or is damaged") from None
    return True


def save(state: bytes, path: Path) -> None:
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


class Keeper:
    """Saves a world: at most once in `pause` seconds while it changes, and at the end."""

    def __init__(self, world: World, path: Path, *, pause: float = 0.5) -> None:
        self._world = world
        self._path = path
        self._pause = pause
        self._saved = world.changes
        self._closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def notice(self) -> None:
        """Save soon, if something changed since the last time."""
        if self._world.changes != self._saved and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._save_soon())

    async def aclose(self) -> None:
        """Save for the last time. Raises `OSError` if the file cannot be written."""
        self._closing.set()
        if self._task is not None:
            await self._task
        # Tests change lists by hand, which nothing counts.
        await self._save()

    async def _save_soon(self) -> None:
        while self._world.changes != self._saved and not self._closing.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._pause):
                    await self._closing.wait()
            try:
                await self._save()
            except OSError as error:
                log.warning("the state was not saved to %s: %s", self._path, error.strerror)

    async def _save(self) -> None:
        self._saved = self._world.changes
        await asyncio.to_thread(save, self._world.state(), self._path)
