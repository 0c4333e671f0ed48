"""What a command is given: arguments, a file, standard input; and where each item stood."""

from __future__ import annotations

import asyncio
import os
import threading
from contextlib import suppress
from itertools import chain
from typing import IO, TYPE_CHECKING, TypeVar

import click

from walead_async import files
from walead_async.errors import SourceError
from walead_async.models import Row

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence

    from walead_async.files.columns import Kind

__all__ = ["Inputs", "read_in_thread"]

T = TypeVar("T")

#: How many items the thread may be ahead.
AHEAD = 1000
STANDARD_INPUT = "-"


async def read_in_thread(items: Iterable[T]) -> AsyncGenerator[T]:
    """Yield the items of an iterable that blocks, such as lines that somebody types, and raise what it raises.

    Nobody waits for the thread: where no more items are wanted, it ends after the read it is in, or with the program.
    """
    loop = asyncio.get_running_loop()
    # An empty tuple is the end, and an error what ended it.
    came: asyncio.Queue[tuple[T] | tuple[()] | Exception] = asyncio.Queue()
    room = threading.Semaphore(AHEAD)
    wanted = True

    def read() -> None:
        end: tuple[()] | Exception = ()
        # The loop may be closed by now: then nobody wants more.
        with suppress(RuntimeError):
            try:
                for item in items:
                    room.acquire()
                    if not wanted:
                        return
                    loop.call_soon_threadsafe(came.put_nowait, (item,))
            except Exception as error:
                end = error
            loop.call_soon_threadsafe(came.put_nowait, end)

    threading.Thread(target=read, name="standard input", daemon=True).start()
    try:
        while found := await came.get():
            if isinstance(found, Exception):
                raise found
            room.release()
            yield found[0]
    finally:
        wanted = False
        room.release()


class Inputs:
    """The items of one command, in the order they were given: the arguments, then the file.

    `-` stands for the lines of standard input, among the arguments as well as for the file. Raises `click.UsageError`
    where nothing was given, or standard input twice.
    """

    def __init__(
        self,
        texts: Sequence[str],
        *,
        file: str | None,
        columns: Sequence[str],
        encoding: str | None,
        kind: Kind = "lead",
    ) -> None:
        sources = [*texts, *([file] if file is not None else [])]
        if not sources:
            raise click.UsageError("nothing was given: name them, or give --file F, or - for standard input")
        if sources.count(STANDARD_INPUT) > 1:
            raise click.UsageError("standard input can be read only once: give one -")
        if (columns or encoding is not None) and file in {None, STANDARD_INPUT}:
            raise click.UsageError("--column and --encoding tell how to read a file: give --file F")
        self.reads_standard_input: bool = STANDARD_INPUT in sources
        #: How many items there are, if only arguments were given.
        self.total: int | None = len(texts) if file is None and not self.reads_standard_input else None
        self._texts = [*texts, STANDARD_INPUT] if file == STANDARD_INPUT else texts
        self._file = None if file == STANDARD_INPUT else file
        self._columns = columns
        self._encoding = encoding
        #: What the rows of the file hold.
        self.kind: Kind = kind
        #: How many items were taken from here.
        self.taken: int = 0

    async def rows(self) -> AsyncGenerator[Row]:
        """Each item as a row; an argument's has line 0.

        Raises `SourceError`, before the first item for a file that cannot be read at all.
        """
        async for row in self._sources():
            self.taken += 1
            yield row

    async def _sources(self) -> AsyncGenerator[Row]:
        rows: Iterator[Row] = iter(())
        if self._file is not None:
            rows = files.rows(self._file, kind=self.kind, column=self._columns, encoding=self._encoding)
            # What is wrong with the whole file shows at its first row, before anything is sent.
            rows = chain([first], rows) if (first := next(rows, None)) is not None else rows
        for text in self._texts:
            if text == STANDARD_INPUT:
                async for row in read_in_thread(files.rows(_standard_input(), kind=self.kind)):
                    yield row
            else:
                yield Row(0, text)
        for row in rows:
            yield row


def _standard_input() -> IO[bytes]:
    """A reader of its own, which nobody closes: the thread may be inside it for as long as the program runs."""
    try:
        return os.fdopen(0, "rb", closefd=False)
    except OSError:
        raise SourceError("standard input is closed: give it something, or name a file") from None
