"""Items on their way into a stream: marked as sent before they can go out, and given their ends as these are known."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from functools import partial
from typing import TYPE_CHECKING

from walead_async.errors import (
    APIError,
    ConfigurationError,
    InvalidInputError,
    JournalError,
    PaginationError,
    SessionClosedError,
    WaleadError,
)
from walead_async.jobs import records
from walead_async.jobs.guards import OPTED_OUT
from walead_async.models import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from walead_async.jobs.database import Connection
    from walead_async.jobs.records import OpenItem
    from walead_async.jobs.store import Store
    from walead_async.models import Outcome

__all__ = ["Patience", "Pull", "is_outage"]

#: Items that are marked as sent in one commit.
MARKED_AT_ONCE = 8_000
#: Outcomes are written once there are so many, or after so many seconds: a commit costs a wait for the disk.
WRITTEN_AT_ONCE = 8_000
WRITTEN_AFTER = 1.0
#: It is looked at whether to write them each time that so many have come.
LOOKED_AT = 250
#: The states of items whose outcome has another name.
STATES = {Status.NOT_SENT: "open", Status.DUPLICATE: "already"}
#: The pauses in an outage, in seconds: the first, and the longest.
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0


def is_outage(error: WaleadError) -> bool:
    """Whether it may be over in a while: no answer, a limit, a service that fails."""
    if isinstance(error, APIError):
        return error.status in {408, 425, 429} or not 400 <= error.status < 500
    return not isinstance(error, (ConfigurationError, InvalidInputError, SessionClosedError, JournalError))


class Patience:
    """How long an outage is waited for: pauses that double, until nothing has moved for so many seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._since: float | None = None
        self._pause = FIRST_PAUSE
        self._reached = 0

    def moved(self, reached: int) -> None:
        """So much is done; only more than ever before counts."""
        if reached > self._reached:
            self._reached, self._since, self._pause = reached, None, FIRST_PAUSE

    async def wait(self) -> bool:
        """Wait for a while; False at once if that would be in vain."""
        now = asyncio.get_running_loop().time()
        self._since = now if self._since is None else self._since
        left = self._since + self._seconds - now
        if left <= 0:
            return False
        await asyncio.sleep(min(self._pause, left))
        self._pause = min(2 * self._pause, LONGEST_PAUSE)
        return True


class Pull(AsyncIterator[object]):
    """What a stream takes: items that are marked as sent before it gets them, in the order of its outcomes.

    `made_of` makes what a bulk call takes of what is sent, and the reason or the record that goes with it. `opted_out`
    says, while items are marked, which of them opted out meanwhile: those are kept.
    """

    def __init__(
        self,
        store: Store,
        plan: int,
        action: str,
        made_of: Callable[[str, str], object],
        opted_out: Callable[[Connection, Sequence[OpenItem]], Collection[OpenItem]] | None = None,
    ) -> None:
        self._store = store
        self._plan = plan
        self._action = action
        self._made_of = made_of
        self._opted_out = opted_out
        self._taken: deque[OpenItem] = deque()
        # Items that are marked and not taken, the next one last.
        self._ahead: list[OpenItem] = []
        self._at = (-1, -1)
        # The items after those, which are marked meanwhile.
        self._marking: asyncio.Task[list[OpenItem]] | None = None
        self._writing: asyncio.Task[None] | None = None
        self._written_at = time.monotonic()
        self.ends: list[tuple[OpenItem, str, str | None]] = []
        #: How many ended as wanted, and why others may yet, if there are any.
        self.count: int = 0
        self.failure: WaleadError | None = None
        #: Whether any items were marked.
        self.sent: bool = False

    async def __anext__(self) -> object:
        if not self._ahead:
            self._mark()
            page = await self._marked()
            if not page:
                raise StopAsyncIteration
            self._ahead = page[::-1]
            self._mark()
        item = self._ahead.pop()
        self._taken.append(item)
        return self._made_of(item.key, item.extra)

    def _mark(self) -> None:
        if self._marking is None:
            self._marking = asyncio.create_task(self._mark_next())

    async def _mark_next(self) -> list[OpenItem]:
        """The next open items, which may go out once this returns: it is on the disk that they were sent."""
        plan, action = self._plan, self._action
        while True:
            at = self._at
            items = await self._store.read(
                partial(records.open_items, plan=plan, action=action, after=at, count=MARKED_AT_ONCE)
            )
            if not items:
                return []
            marked = await self._store.write(partial(self._mark_sent, items=items))
            self._at = items[-1].part, items[-1].number
            if marked:
                self.sent = True
                return marked

    def _mark_sent(self, db: Connection, items: list[OpenItem]) -> list[OpenItem]:
        """Mark these as sent but for those who opted out; returns what is to go out."""
        first, last = (items[0].part, items[0].number), (items[-1].part, items[-1].number)
        records.mark_sent(db, self._plan, self._action, first, last)
        kept = () if self._opted_out is None else self._opted_out(db, items)
        records.give_ends(db, self._plan, [(item, "kept", OPTED_OUT) for item in kept])
        return [item for item in items if item not in kept] if kept else items

    async def _marked(self) -> list[OpenItem]:
        """The items that are marked; a cancellation leaves them to whoever asks next."""
        if self._marking is None:
            return []
        page = await asyncio.shield(self._marking)
        self._marking = None
        return page

    def settled(self, outcome: Outcome) -> None:
        """The next item has its outcome."""
        item, status, detail = self._taken.popleft(), outcome.status, outcome.detail
        if status is Status.DONE:
            self.count += 1
            self.ends.append((item, "done", detail))
            return
        self.count += status is Status.ALREADY
        if detail is None and outcome.error is not None:
            detail = str(outcome.error)
        self.ends.append((item, STATES.get(status, status.value), detail))
        error = outcome.error
        if status in {Status.NOT_SENT, Status.UNKNOWN} and error is not None and is_outage(error):
            # a list that cannot be read to its end leaves them unknown, however long one waits
            self.failure = self.failure if isinstance(error, PaginationError) else error

    @property
    def due(self) -> bool:
        """Whether it is time to write the outcomes."""
        count = len(self.ends)
        if count % LOOKED_AT:
            return False
        return count >= WRITTEN_AT_ONCE or (count > 0 and time.monotonic() > self._written_at + WRITTEN_AFTER)

    async def write(self) -> None:
        """Write the outcomes that are known, while the stream goes on."""
        self._written_at = time.monotonic()
        if self._writing is not None:
            await self._writing
        ends, self.ends = self.ends, []
        self._writing = asyncio.create_task(self._end(ends))

    async def close(self) -> None:
        """Write what is known; what was marked and not taken is open again."""
        try:
            if self._writing is not None:
                await self._writing
            if self.ends:
                await self._end(self.ends)
        finally:
            left = [*self._ahead[::-1], *await self._marked()]
        if left:
            first, last = (left[0].part, left[0].number), (left[-1].part, left[-1].number)
            plan, action = self._plan, self._action
            await self._store.write(lambda db: records.change_range(db, plan, action, first, last, "sent", "open"))

    async def _end(self, ends: Sequence[tuple[OpenItem, str, str | None]]) -> None:
        await self._store.write(lambda db: records.end_items(db, self._plan, self._action, ends))
