"""The tasks that fetch the pages of one read, each one page after the other, and how a page is waited for."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from walead_async.errors import WaleadError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from walead_async.transport.messages import Response

__all__ = ["Asked", "Readers"]


class Asked:
    """A request of the read, with its number and offset: under way until it has an answer or an error.

    `last` says that the answer looks as if the list ended there.
    """

    __slots__ = ("answer", "error", "last", "number", "offset")

    def __init__(self, number: int, offset: int) -> None:
        self.number = number
        self.offset = offset
        self.last = False
        self.answer: Response | None = None
        self.error: BaseException | None = None


class Readers:
    """Tasks that have requests answered by `fetch`.

    A reader whose answer is there asks for what `ahead` gives at once, before anything is decoded, if somebody waits
    for a page and nothing says that the list may end. `failed`: a request failed, so that no more is asked for until
    its turn comes. `over`: everything was ended.
    """

    def __init__(
        self, fetch: Callable[[Asked], Coroutine[object, object, Response]], ahead: Callable[[], Asked | None]
    ) -> None:
        self._fetch = fetch
        self._ahead = ahead
        self.under_way: set[Asked] = set()
        self.failed = self.over = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._expected: Asked | None = None
        self._arrived: asyncio.Future[None] | None = None
        #: How many answers that may be the last were not judged yet, and the length of the longest answer.
        self._lasts = 0
        self._longest = 0

    @property
    def expecting(self) -> bool:
        """Whether somebody waits for a page, and takes what arrives at once."""
        return self._expected is not None

    def expect(self, asked: Asked) -> None:
        """This page is what is judged next."""
        self._expected = asked

    async def arrival(self) -> None:
        """Wait for the page that is expected. Raises `WaleadError` if another task ends the read meanwhile."""
        asked = self._expected
        assert asked is not None
        if asked in self.under_way:
            self._arrived = asyncio.get_running_loop().create_future()
            try:
                await self._arrived
            finally:
                self._arrived = None
        self._expected = None
        self._lasts -= asked.last
        if isinstance(asked.error, asyncio.CancelledError):
            raise WaleadError("the read was ended from outside while a page was waited for: loop over the list anew")

    def start(self, asked: Asked) -> None:
        """Have a request answered in a task."""
        self.under_way.add(asked)
        if self.over:
            # another task has ended the read meanwhile
            self._ended(asked, asyncio.CancelledError())
            return
        task = asyncio.create_task(self._read(asked))
        self._tasks.add(task)
        task.add_done_callback(partial(self._gone, asked))

    async def here(self, asked: Asked) -> None:
        """Have a request answered without a task."""
        self.under_way.add(asked)
        try:
            asked.answer = await self._fetch(asked)
        except BaseException as error:
            self._ended(asked, error)
            if not isinstance(error, Exception):
                raise
        else:
            self._ended(asked, None)

    def drop(self) -> None:
        """End the requests under way: their answers are of no use."""
        for task in self._tasks:
            task.cancel()
        self.under_way.clear()
        self.failed = False
        self._lasts = 0

    def abandon(self) -> None:
        """End everything, at once, from any thread and without waiting for it."""
        self.over = True
        for task in list(self._tasks):
            loop = task.get_loop()
            if loop.is_closed():
                continue
            if _running(loop):
                task.cancel()
            else:
                loop.call_soon_threadsafe(task.cancel)

    async def aclose(self) -> None:
        """End everything, and wait until it has ended."""
        self.abandon()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _read(self, first: Asked) -> None:
        """What a reader does: have a page fetched, and another one as long as that is wise."""
        asked: Asked | None = first
        while asked is not None:
            await self.here(asked)
            self._look_at(asked)
            asked = self._ahead() if self._expected is not None and not self._lasts else None

    def _look_at(self, asked: Asked) -> None:
        """See whether an answer that nobody has decoded yet looks like a page amid others.

        If not, nobody asks for more on their own until it is judged: the list may end there, or the service may want
        patience.
        """
        length = len(asked.answer.body) if asked.answer is not None else 0
        self._longest = max(self._longest, length)
        if asked.answer is None or asked.answer.throttled or 2 * length <= self._longest:
            asked.last = True
            self._lasts += 1

    def _gone(self, first: Asked, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if first in self.under_way:
            # the task was cancelled before its first step
            self._ended(first, asyncio.CancelledError())

    def _ended(self, asked: Asked, error: BaseException | None) -> None:
        """A request is no longer under way: tell who waits for it."""
        asked.error = error
        if asked in self.under_way:
            self.under_way.discard(asked)
            self.failed = self.failed or error is not None
        if asked is self._expected and self._arrived is not None and not self._arrived.done():
            self._arrived.set_result(None)


def _running(loop: asyncio.AbstractEventLoop) -> bool:
    """True if the caller runs in this loop."""
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False
