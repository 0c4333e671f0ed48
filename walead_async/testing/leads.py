"""One block list in memory: ordered by `createdAt`, found by id and by identifier, its records kept as JSON."""

from __future__ import annotations

import random
from array import array
from bisect import bisect_left, bisect_right, insort
from datetime import datetime
from typing import TYPE_CHECKING, Any

import attrs
import orjson

from walead_async.testing.clock import as_text, milliseconds
from walead_async.testing.search import SearchText
from walead_async.testing.settings import SearchMatch, TieOrder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from walead_async.testing.clock import Clock

__all__ = ["EmulatedLead", "LeadList"]

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
