"""Standard input without standing still: a thread reads, and the event loop takes what has come."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable

__all__ = ["read_in_thread"]

T = TypeVar("T")

#: How many items the thread may be ahead.
AHEAD = 1000


async def read_in_thread(items: Iterable[T]) -> AsyncGenerator[T]:
    """Yield the items of an iterable that blocks, such as lines that somebody types, and raise what it raises.

    Nobody waits for the thread: where no more items are wanted, it ends after the read it is in, or with the program.
    """
    feed = _Feed(items, asyncio.get_running_loop())
    threading.Thread(target=feed.read, name="standard input", daemon=True).start()
    try:
        while not (feed.ended and not feed.items):
            while feed.items:
                item = feed.items.popleft()
                feed.room.release()
                yield item
            await feed.news()
    finally:
        feed.stop()
    if feed.error is not None:
        raise feed.error


class _Feed(Generic[T]):
    """What the thread has read and the loop has not taken."""

    def __init__(self, source: Iterable[T], loop: asyncio.AbstractEventLoop) -> None:
        self.items: deque[T] = deque()
        self.room = threading.Semaphore(AHEAD)
        self.ended = False
        self.wanted = True
        self.error: Exception | None = None
        self._source = source
        self._loop = loop
        self._came = asyncio.Event()

    async def news(self) -> None:
        """Return when there is an item, or the end."""
        # Cleared before the look, so that nothing which comes meanwhile is missed.
        self._came.clear()
        if not self.items and not self.ended:
            await self._came.wait()

    def stop(self) -> None:
        """Let the thread end where it waits for room, or behind its read."""
        self.wanted = False
        self.room.release()

    def read(self) -> None:
        """The thread's work."""
        try:
            for item in self._source:
                self.room.acquire()
                if not self.wanted:
                    return
                self.items.append(item)
                self._tell()
        except Exception as error:
            self.error = error
        self.ended = True
        self._tell()

    def _tell(self) -> None:
        if not self._came.is_set():
            # The loop may be closed by now: then nobody wants more.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._came.set)
