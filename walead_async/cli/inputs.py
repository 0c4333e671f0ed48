"""What a command is given: arguments, a file, standard input; and where each item stood."""

from __future__ import annotations

import asyncio
import os
import threading
from collections import deque
from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING, Generic, TypeVar

import click

from walead_async.errors import SourceError
from walead_async.files.delimited import Row
from walead_async.files.sources import Kind, read_leads
from walead_async.models import LeadToBlock

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence

__all__ = ["Given", "read_in_thread"]

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


STANDARD_INPUT = "-"


class Given:
    """The items of one command, in the order they were given: the arguments, then the file.

    `-` stands for the lines of standard input, among the arguments as well as for the file. Raises `click.UsageError`
    where nothing was given, or standard input twice.
    """

    def __init__(self, texts: Sequence[str], *, file: str | None, column: str | None, kind: Kind = "lead") -> None:
        sources = [*texts, *([file] if file is not None else [])]
        if not sources:
            raise click.UsageError("nothing was given: name them, or give --file F, or - for standard input")
        if sources.count(STANDARD_INPUT) > 1:
            raise click.UsageError("standard input can be read only once: give one -")
        if column is not None and file in {None, STANDARD_INPUT}:
            raise click.UsageError("--column names a column of a file: give --file F")
        self.reads_standard_input = STANDARD_INPUT in sources
        self._texts = texts
        self._file = file
        self._column = column
        self._kind: Kind = kind
        self._lines: deque[int | None] = deque()

    async def leads(self) -> AsyncGenerator[str | LeadToBlock]:
        """Each item, with its reason if its row has one. Raises as `texts` does."""
        async for row in self._rows():
            self._lines.append(row.line or None)
            yield row.text if row.reason is None else LeadToBlock(row.text, row.reason)

    async def texts(self) -> AsyncGenerator[str]:
        """Each item as it was written.

        Raises `SourceError`, before the first item for a file that cannot be read at all.
        """
        async for row in self._rows():
            self._lines.append(row.line or None)
            yield row.text

    @property
    def pending(self) -> int:
        """How many items were taken from here and not asked for by `next_line`."""
        return len(self._lines)

    def next_line(self) -> int | None:
        """The line in its file of the next item, in the order of the items; None for an argument."""
        return self._lines.popleft()

    async def _rows(self) -> AsyncGenerator[Row]:
        texts = list(self._texts)
        from_file: Iterator[Row] = iter(())
        if self._file == STANDARD_INPUT:
            texts.append(STANDARD_INPUT)
        elif self._file is not None:
            from_file = _begun(read_leads(self._file, column=self._column, kind=self._kind))
        for text in texts:
            if text == STANDARD_INPUT:
                async for row in _standard_input(self._kind):
                    yield row
            else:
                yield Row(0, text)
        for row in from_file:
            yield row


def _begun(rows: Iterator[Row]) -> Iterator[Row]:
    """The same rows, the first of them read: what is wrong with a whole file shows before anything is sent."""
    first = next(rows, None)
    return rows if first is None else chain((first,), rows)


async def _standard_input(kind: Kind) -> AsyncGenerator[Row]:
    # A reader of its own, which nobody closes: the thread may be inside it for as long as the program runs.
    try:
        stream = os.fdopen(0, "rb", closefd=False)
    except OSError:
        raise SourceError("standard input is closed: give it something, or name a file") from None
    async for row in read_in_thread(read_leads(stream, kind=kind)):
        yield row
