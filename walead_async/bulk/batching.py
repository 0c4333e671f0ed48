"""From items to requests: normalise, find duplicates, cut into batches by count and bytes, and queue them."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from itertools import islice, pairwise
from typing import TYPE_CHECKING

from walead_async.bulk.outcomes import Chunk, Result, duplicate_of
from walead_async.bulk.results import Known
from walead_async.errors import WaleadError
from walead_async.models import Status

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from walead_async.bulk.operation import Entries

__all__ = [
    "MAX_BYTES",
    "Batch",
    "Batcher",
    "Distinct",
    "FirstPositions",
    "Limits",
    "SendQueue",
    "SizeLimit",
    "places_of",
]

#: How many bytes of items one request takes at first: most servers take a body of a MiB.
MAX_BYTES = 900_000
#: A batch is sent although it is not full once so many times as many items, most of them unsendable, were taken for it.
MOSTLY_UNSENT = 4
#: How many items are taken at once, whatever the size of a batch: what a request holds is bounded in bytes, too.
MOST_TAKEN = 1_000
#: How many keys are kept in memory, whole. Beyond that all of them move to a database, as keyed hashes.
IN_MEMORY = 65_536
#: What SQLite may hold of it in memory, in KiB; the rest is in a file.
CACHE = 9_000


class Batch:
    """The items of one request, and what earlier attempts showed about them.

    - `places` names them: chunks with indexes in them.
    - `encoded` are the items as JSON while they are at hand, `size` their bytes, later those of the request.
    - `known` is whether they may have been carried out, `error` the last thing that was said of them.
    - `sends` counts the requests that left them open; `after_5xx`: they are part of the batch bisected after a 5xx.
    - `part_of` is the refused batch that these items are a part of, and `parts` how many of its own parts are not
      known to have gone through.
    """

    __slots__ = ("_length", "after_5xx", "encoded", "error", "known", "part_of", "parts", "places", "sends", "size")

    def __init__(self, places: Sequence[tuple[Chunk, Sequence[int]]], encoded: Sequence[bytes] = ()) -> None:
        self.places: Sequence[tuple[Chunk, Sequence[int]]] = places
        self.encoded: Sequence[bytes] = encoded
        self.size: int = size_of(encoded)
        self.known: Known = Known.NEW
        self.error: WaleadError | None = None
        self.sends: int = 0
        self.after_5xx: bool = False
        self.part_of: Batch | None = None
        self.parts: int = 0
        self._length = sum(len(indexes) for _, indexes in places)

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[tuple[Chunk, int]]:
        for chunk, indexes in self.places:
            for index in indexes:
                yield chunk, index

    @property
    def keys(self) -> Sequence[str]:
        """The keys of its items."""
        if len(self.places) == 1:
            chunk, indexes = self.places[0]
            if len(indexes) == len(chunk.keys):
                return chunk.keys
        return [chunk.keys[index] for chunk, index in self]

    @property
    def items(self) -> list[object]:
        """Its items as given."""
        return [chunk.items[index] for chunk, index in self]

    def resolve(self, result: Result) -> None:
        """Give all its items the same result."""
        for chunk, indexes in self.places:
            chunk.resolve(indexes, result)

    def cut(self, cuts: Iterable[slice]) -> list[Batch]:
        """Batches of its items at these slices, with the same known of them."""
        members = list(self)
        return [self.part(members[cut], self.encoded[cut]) for cut in cuts]

    def part(self, members: Iterable[tuple[Chunk, int]], encoded: Sequence[bytes] = ()) -> Batch:
        """Some of its items, with the same known of them."""
        batch = Batch(places_of(members), encoded)
        batch.known, batch.error, batch.sends, batch.after_5xx = self.known, self.error, self.sends, self.after_5xx
        return batch

    def bisected(self, ways: int) -> list[Batch]:
        """Its items in so many parts, or one for each item if there are fewer."""
        ways = min(len(self), ways)
        edges = [len(self) * part // ways for part in range(ways + 1)]
        return self.cut([slice(start, end) for start, end in pairwise(edges)])


def places_of(members: Iterable[tuple[Chunk, int]]) -> list[tuple[Chunk, list[int]]]:
    """These items, chunk by chunk."""
    places: list[tuple[Chunk, list[int]]] = []
    for chunk, index in members:
        if not places or places[-1][0] is not chunk:
            places.append((chunk, []))
        places[-1][1].append(index)
    return places


def size_of(encoded: Sequence[bytes]) -> int:
    """How many bytes these items take in a request, with what separates them."""
    return sum(map(len, encoded)) + len(encoded)


class SizeLimit:
    """How much one request may hold: halved after a 413, doubled while full ones go through, below what was refused."""

    def __init__(self, most: int) -> None:
        self.now: int = most
        self._most = most
        self._accepted = 0
        self._refused = most + 1

    def refused(self, size: int) -> None:
        """A request of this size was too large. If as much went through before, it was not this size."""
        if size > self._accepted:
            self._refused = min(self._refused, size)
            self.now = max(1, min(self.now, size // 2))

    def accepted(self, size: int) -> None:
        """A request of this size went through."""
        self._accepted = max(self._accepted, size)
        if size >= self._refused:
            self._refused = self._most + 1
        doubled = min(self._most, 2 * self.now)
        if 2 * size > self.now and doubled < self._refused:
            self.now = doubled


class Limits:
    """How many items, and how many bytes of them, may go into one request."""

    def __init__(self, batch_size: int, max_bytes: int = MAX_BYTES) -> None:
        self.items: SizeLimit = SizeLimit(batch_size)
        self.bytes: SizeLimit = SizeLimit(max_bytes)

    def refused(self, batch: Batch) -> None:
        """This batch was too large."""
        self.items.refused(len(batch))
        self.bytes.refused(batch.size)

    def accepted(self, batch: Batch) -> None:
        """This batch went through. If it is the last part of a refused one, that was refused for its size."""
        self.items.accepted(len(batch))
        self.bytes.accepted(batch.size)
        if batch.part_of is not None:
            batch.part_of.parts -= 1
            if not batch.part_of.parts:
                self.refused(batch.part_of)

    def hold(self, items: int, size: int) -> bool:
        """Whether so many items of so many bytes go into one request."""
        return items <= self.items.now and (size <= self.bytes.now or items == 1)

    def cut(self, encoded: Sequence[bytes]) -> list[slice]:
        """Cut items, given as bytes, into batches that keep both limits. An item above the limit stands alone."""
        most, room = self.items.now, self.bytes.now
        cuts: list[slice] = []
        start = size = 0
        for index, item in enumerate(encoded):
            cost = len(item) + 1
            if index > start and (index - start >= most or size + cost > room):
                cuts.append(slice(start, index))
                start, size = index, 0
            size += cost
        cuts.append(slice(start, len(encoded)))
        return cuts


class Batcher:
    """Normalises items, finds duplicates, and collects what can be sent until it fills a batch.

    `normalise` is the `entries` of an operation.
    """

    def __init__(self, normalise: Callable[[Sequence[object]], Entries]) -> None:
        self._normalise = normalise
        self._firsts = FirstPositions()
        self._open = Batch(())
        # How many items were taken for the open batch, those that cannot be sent included.
        self._taken = 0

    def missing(self, limits: Limits) -> int:
        """How many more items to take for the open batch; 0 if it is full."""
        most, count = limits.items.now, len(self._open)
        if count >= most or self._open.size >= limits.bytes.now or self._taken >= most * MOSTLY_UNSENT:
            return 0
        # A few more than are missing, so that duplicates do not make it take one by one.
        return min(MOST_TAKEN, max(most - count, most // 4))

    def add(self, chunk: Chunk) -> None:
        """Take the items of a chunk, and resolve those that cannot be sent. Raises what goes wrong with all of them."""
        chunk.keys, encoded, invalid, chunk.remarks = self._normalise(chunk.items)
        keys, count = chunk.keys, len(chunk.items)
        sendable: Sequence[int] = range(count)
        positions: Sequence[int] = range(chunk.first, chunk.first + count)
        if invalid:
            for at, why in invalid.items():
                chunk.resolve((at,), Result(Status.INVALID, str(why), why))
            sendable = [at for at in sendable if at not in invalid]
            keys, positions = [keys[at] for at in sendable], [positions[at] for at in sendable]
        firsts = self._firsts.of(keys, positions)
        if firsts is not positions:
            known = list(zip(sendable, positions, firsts, strict=True))
            for at, position, first in known:
                if first != position:
                    chunk.resolve((at,), duplicate_of(first))
            sendable = [at for at, position, first in known if first == position]
        if sendable:
            added = encoded if len(sendable) == count else [encoded[at] for at in sendable]
            self._open = Batch((*self._open.places, (chunk, sendable)), [*self._open.encoded, *added])
        self._taken += count if self._open else 0

    def take(self, limits: Limits, *, everything: bool) -> list[Batch]:
        """The batches that are full. What is left stays here to be filled up, unless `everything` is asked for."""
        if not self._open or not (everything or not self.missing(limits)):
            return []
        whole, self._open, self._taken = self._open, Batch(()), 0
        if limits.hold(len(whole), whole.size):
            return [whole]
        batches = whole.cut(limits.cut(whole.encoded))
        if len(batches) > 1 and not everything:
            self._open = batches.pop()
        return batches

    def close(self) -> None:
        """Forget the keys."""
        self._firsts.close()


class Distinct:
    """The keys of a whole input, each once, for calls that make something else of them than one batch after the other.

    `wanted` says where each key stands: a chunk of `chunks`, and the index in it. What cannot be sent, and what stood
    earlier in the input, has its result; each key gets its own by `resolve`.
    """

    def __init__(self, items: Sequence[object], normalise: Callable[[Sequence[object]], Entries]) -> None:
        self.chunks: list[Chunk] = []
        self.wanted: dict[str, tuple[Chunk, int]] = {}
        batcher, limits = Batcher(normalise), Limits(MOST_TAKEN)
        for first in range(0, len(items), MOST_TAKEN):
            chunk = Chunk(first, items[first : first + MOST_TAKEN])
            self.chunks.append(chunk)
            batcher.add(chunk)
            for batch in batcher.take(limits, everything=True):
                self.wanted.update(zip(batch.keys, batch, strict=True))
        batcher.close()

    def resolve(self, key: str, result: Result) -> None:
        """Give a key its result."""
        chunk, index = self.wanted[key]
        chunk.resolve((index,), result)

    def resolve_all(self, result: Result) -> None:
        """Give every key, none of which has one yet, the same result."""
        for key in self.wanted:
            self.resolve(key, result)


class SendQueue:
    """What waits to be sent: parts of a bisected batch, then what takes a retry token, then first attempts in order.

    An empty retry budget so stops retries and bisections, until other requests have earned new tokens.
    """

    def __init__(self, take_retry: Callable[[], bool]) -> None:
        self._take_retry = take_retry
        self._parts: list[Batch] = []
        self._retries: list[list[Batch]] = []
        self.first: deque[Batch] = deque()

    def again(self, batches: Iterable[Batch]) -> None:
        """Send these again, each for a retry token."""
        self._retries.extend([batch] for batch in reversed(list(batches)))

    def bisect(self, batch: Batch, ways: int) -> None:
        """Send this refused batch in parts, all of them for one retry token."""
        parts = batch.bisected(ways)
        batch.parts = len(parts)
        for part in parts:
            part.part_of = batch
        self._retries.append(parts[::-1])

    def next(self, limits: Limits) -> Batch | None:
        """The batch to send next, within these limits; None if none waits, or all that wait need a token."""
        if not self._parts and self._retries and self._take_retry():
            self._parts = self._retries.pop()
        if self._parts:
            return self._parts.pop()
        if not self.first:
            return None
        batch = self.first.popleft()
        if limits.hold(len(batch), batch.size):
            return batch
        # The limits are lower than they were when this batch was cut.
        batch, *rest = batch.cut(limits.cut(batch.encoded))
        self.first.extendleft(reversed(rest))
        return batch

    def take_all(self) -> list[Batch]:
        """Everything that waits; nothing is left."""
        batches = [*self._parts, *(batch for group in self._retries for batch in group), *self.first]
        self._parts, self._retries, self.first = [], [], deque()
        return batches


class FirstPositions:
    """Remembers where each key stood first: exact, whatever the input's length, in bounded memory.

    The first `in_memory` keys are held as they are. More move to a database of SQLite's own that has no name and is
    gone when it is closed or the process ends: as hashes of 128 bits with a random key, so that no person can be read
    from it, and for a million keys the odds that two share a hash are one in 10**26.
    """

    def __init__(self, in_memory: int = IN_MEMORY) -> None:
        self._limit = in_memory
        self._known: dict[str, int] = {}
        self._database: sqlite3.Connection | None = None
        self._hash = hashlib.blake2b(digest_size=16, key=os.urandom(32))

    def of(self, keys: Sequence[str], positions: Sequence[int]) -> Sequence[int]:
        """Where each of these keys, which stand at `positions`, stood first; `positions` itself if all are new.

        Raises `WaleadError` if the database cannot be written.
        """
        if self._database is not None:
            return self._stored(self._database, keys, positions)
        before = len(self._known)
        firsts = list(map(self._known.setdefault, keys, positions))
        all_new = len(self._known) == before + len(keys)
        if len(self._known) > self._limit:
            self._database = self._opened()
            known = iter(self._known.items())
            while some := list(islice(known, 1_000)):
                self._stored(self._database, *zip(*some, strict=True))
            self._known = {}
        return positions if all_new else firsts

    def _opened(self) -> sqlite3.Connection:
        import sqlite3  # loaded by long inputs only

        database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        for setting in (f"cache_size=-{CACHE}", "journal_mode=off", "synchronous=off"):
            database.execute(f"pragma {setting}")
        database.execute("create table first (key blob primary key, position integer not null) without rowid")
        database.execute("begin")
        return database

    def _stored(self, database: sqlite3.Connection, keys: Sequence[str], positions: Sequence[int]) -> Sequence[int]:
        hashes = list(map(self.hashed, keys))
        try:
            # In the order of the table, so that neighbours are written together.
            rows = sorted(zip(hashes, positions, strict=True))
            added = database.executemany("insert or ignore into first values (?, ?)", rows).rowcount
            if added == len(keys):
                return positions
            found = (database.execute("select position from first where key = ?", (key,)).fetchone() for key in hashes)
            return [row[0] for row in found]
        except database.Error as error:
            raise WaleadError(
                f"the temporary file that finds duplicates cannot be written ({error}): free some space, or let "
                "SQLITE_TMPDIR name a directory that has some"
            ) from error

    def hashed(self, key: str) -> bytes:
        """The keyed hash of a key."""
        keyed = self._hash.copy()
        keyed.update(key.encode("utf-8", "surrogatepass"))
        return keyed.digest()

    def close(self) -> None:
        """Forget all keys."""
        self._known = {}
        if self._database is not None:
            self._database.close()
            self._database = None
