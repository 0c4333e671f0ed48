"""Who is blocked, in memory: an index of a whole list, for those who ask often."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from walead_async.errors import InvalidInputError, PaginationError
from walead_async.models import Completeness
from walead_async.paging.cursor import START
from walead_async.paging.lookup import READ_TO_ITS_END, read_to_its_end
from walead_async.paging.paginator import Paginator

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from walead_async.paging.paginator import PageSource

__all__ = ["BlockIndex", "Indexed", "KeyedHashes", "block_index"]

T = TypeVar("T")

#: How far below the newest date known a refresh reads: a record may turn up late.
LATE = timedelta(minutes=1)
NEVER = datetime.min.replace(tzinfo=UTC) + LATE
#: So often what is new is read again while it changes meanwhile; then the whole list is.
PASSES = 4
WINDOW = 8
#: After so many pages of what is new there is much of it: only then is more asked for ahead.
FEW = 4
#: Hashes stand in so many parts: 30 in each for a million people, which are searched through in no time.
PARTS = 1 << 15
#: Bytes of a hash. In which part it stands is another 15 bits.
HASH = 14
#: So many bits tell of nearly everybody who is not there that they are not, before anything is hashed.
BITS = 1 << 24


class KeyedHashes:
    """A set of texts, of which it holds nothing but hashes with a secret of its own, 16 bytes for each text.

    A text that was added is always found. In a set of a million one that was not added is found with odds of one in
    10**32.
    """

    __slots__ = ("_bits", "_count", "_hash", "_parts")

    def __init__(self) -> None:
        # as salt and person the secret makes a hash cost half of what it does as key
        self._hash = blake2b(digest_size=HASH, salt=os.urandom(16), person=os.urandom(16))
        self._parts = [b""] * PARTS
        self._bits = bytearray(BITS >> 3)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def update(self, texts: Iterable[str]) -> None:
        """Add texts."""
        parts, bits = self._parts, self._bits
        for text in texts:
            place, digest = hash(text) % BITS, self._digest(text)
            bits[place >> 3] |= 1 << (place & 7)
            if digest not in parts[place % PARTS]:
                parts[place % PARTS] += digest
                self._count += 1

    def __contains__(self, text: str) -> bool:
        return self.holds((text,))[0]

    def holds(self, texts: Iterable[str]) -> list[bool]:
        """Whether each of these texts is in the set."""
        parts, bits, digest = self._parts, self._bits, self._digest
        return [
            bits[(place := hash(text) % BITS) >> 3] >> (place & 7) & 1 == 1 and digest(text) in parts[place % PARTS]
            for text in texts
        ]

    def _digest(self, text: str) -> bytes:
        hashed = self._hash.copy()
        hashed.update(text.encode())
        return hashed.digest()


class Indexed(NamedTuple, Generic[T]):
    """A list that an index can be made of.

    `whole` gives it as pages, oldest first if it has an order; `since` what is not older than a moment, newest first,
    and `date` the moment of a record: both None for a list without an order. `stored` gives the keys of records,
    however the service writes them; `key` is that of something that is asked for, `keys` are those of many. These
    raise `InvalidInputError` for what cannot be one.
    """

    whole: Callable[[], PageSource[T]]
    since: Callable[[datetime], PageSource[T]] | None
    date: Callable[[T], datetime] | None
    stored: Callable[[Sequence[T]], Iterable[str]]
    key: Callable[[object], str]
    keys: Callable[[Sequence[object]], Sequence[str]]


class BlockIndex:
    """Who is blocked, in memory: asked without a request, as often as one likes, and refreshed with one.

    `"john-doe" in index` takes an identifier or a profile URL, and of a voice agent's index a number; what cannot be
    one is an `InvalidInputError`. It holds 16 bytes a person, and no names; `len` is how many people it holds. It knows
    the list as it was when it was read: whoever was blocked throughout the last refresh is in it, and whoever was
    unblocked stays in it until the list is read whole again.

    Any number of tasks may ask, also while one of them refreshes it.
    """

    def __init__(self, indexed: Indexed[Any]) -> None:
        self._list = indexed
        self._people = KeyedHashes()
        self._newest = NEVER
        self._verdict = Completeness.INCOMPLETE
        self._read_at = NEVER
        # by the clock of the loop: when the last reading began, and the last one of the whole list
        self._began = self._began_whole = float("-inf")
        self._turn = asyncio.Lock()

    def __repr__(self) -> str:
        return f"<BlockIndex of {len(self):,}, {self._verdict.name}, read at {self._read_at:%Y-%m-%d %H:%M:%S} UTC>"

    def __len__(self) -> int:
        return len(self._people)

    def __contains__(self, item: object) -> bool:
        return self._list.key(item) in self._people

    def blocked(self, items: Iterable[str]) -> list[bool]:
        """Whether each of these is blocked, in the order given. Raises `InvalidInputError` for the first bad one."""
        if isinstance(items, (str, bytes, bytearray, Mapping)) or not isinstance(items, Iterable):
            raise InvalidInputError(f"blocked takes a list of them, not a single {type(items).__name__}")
        return self._people.holds(self._list.keys(list(items)))

    def look_up(self, items: Sequence[object]) -> Sequence[bool | InvalidInputError]:
        """Whether each of these is blocked, and for one that cannot be one, why not: nothing raises for an item."""
        try:
            return self._people.holds(self._list.keys(items))
        except InvalidInputError:
            return [self._look_up_one(item) for item in items]

    def _look_up_one(self, item: object) -> bool | InvalidInputError:
        try:
            return item in self
        except InvalidInputError as error:
            return error

    @property
    def verdict(self) -> Completeness:
        """What the last reading was worth: COMPLETE or CHANGED. Of anything else no index is made."""
        return self._verdict

    @property
    def read_at(self) -> datetime:
        """When the last reading began, in UTC: the index tells who was blocked then."""
        return self._read_at

    async def refresh(self, *, full: float = 3600.0) -> None:
        """Read what is new, or the whole list if its last whole reading is older than `full` seconds.

        What is new costs one request if it fits into one answer. Removals show only when the list is read whole; until
        then whoever was unblocked counts as blocked. A campaign's and an agent's list have no order, and are always
        read whole. A call that had to wait for another one, which began after it, asks for nothing itself.

        Raises `InvalidInputError` for a wrong `full`, and the errors of a listing; then nobody leaves the index.
        """
        if isinstance(full, bool) or not isinstance(full, (int, float)) or not full >= 0:
            raise InvalidInputError(f"full is a number of seconds from 0, not {full!r}")
        clock = asyncio.get_running_loop().time
        asked = clock()
        async with self._turn:
            began, now = clock(), datetime.now(UTC)
            whole_is_due = began - self._began_whole > full
            if self._began >= asked and not whole_is_due:
                return
            if whole_is_due or not await self._read_new():
                await self._read_whole()
                self._began_whole = began
            self._began, self._read_at = began, now

    async def _read_whole(self) -> None:
        """Read the whole list. It takes the place of what the index holds once it was read to its end."""
        people, newest, source = KeyedHashes(), NEVER, self._list

        def take(records: Sequence[object]) -> None:
            nonlocal newest
            people.update(source.stored(records))
            if source.date is not None:
                newest = max(newest, *map(source.date, records))

        self._verdict = await read_to_its_end(source.whole(), take)
        self._people, self._newest = people, newest

    async def _read_new(self) -> bool:
        """Read what is newer than what is known. False if that cannot be told: then the whole list has to be read.

        Read newest first, a record that is blocked again goes from the part that was not read before the part that
        was. So what is new is read until it holds still, each time down to what the time before began with. What came
        in one answer held still.
        """
        source = self._list
        if source.since is None or source.date is None:
            return False
        for _ in range(PASSES):
            paginator = Paginator(source.since(self._newest - LATE), window=WINDOW, start=START)
            try:
                while (page := await paginator.next(ahead=paginator.requests >= FEW)) is not None:
                    # who was blocked is in the index at once, whatever becomes of the rest
                    self._people.update(source.stored(page.records))
                    self._newest = max(self._newest, *map(source.date, page.records))
            except PaginationError:
                return False
            finally:
                await paginator.aclose()
            if paginator.verdict not in READ_TO_ITS_END:
                return False
            if paginator.verdict is Completeness.COMPLETE or paginator.requests == 1:
                self._verdict = paginator.verdict
                return True
        return False


async def block_index(indexed: Indexed[T]) -> BlockIndex:
    """An index of this list, which is read whole. Raises the errors of a listing; then there is no index."""
    index = BlockIndex(indexed)
    await index.refresh()
    return index
