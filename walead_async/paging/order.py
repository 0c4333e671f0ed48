"""The reading rule: which offset to ask for, what a page adds, when the list has ended. Pure: nothing here awaits."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

from walead_async.errors import PaginationError
from walead_async.models import Completeness
from walead_async.paging.ending import Ending, Lengths, Tail
from walead_async.paging.pace import OVERLAP, Pace, Patience, WayBack
from walead_async.paging.step import START, Mark, Step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from walead_async.paging.memory import Memory, Taken

__all__ = ["Order"]

T = TypeVar("T")

REMOVED = "records that had been read were removed, so that a page began too far on"
EMPTIED = "every record that had been read was removed"
MOVED = "records that had been read stood at other positions"
GREW = "the list grew at its end while it was read"


class Order(Generic[T]):
    """One read of a list, decided page by page.

    Ask for the offsets that `ahead` gives, as many at once as wanted (`width` says how many are wise), and hand the
    answers to `judge` in the order of `asked`. `page_size` is a guess; `start` is where a resumed read goes on.
    """

    def __init__(self, memory: Memory[T], *, page_size: int | None = None, start: Mark = START) -> None:
        self._memory = memory
        self._pace = Pace()
        self._back = WayBack()
        self._patience = Patience()
        self._lengths = Lengths(appends=memory.appends, longest=start.longest)
        self._ending = Ending(appends=memory.appends)
        self.asked: deque[int] = deque()
        self.ended = False
        self.count = start.yielded
        self._changed = start.changed
        self._doubt = start.doubt
        #: Where the last record yielded stood when it was last seen.
        self._position = start.position
        self._risen = start.risen
        self._guess = page_size or 0
        self._agenda = deque([start.offset])
        self._open = page_size is not None
        self._judged = 0
        self._new: Sequence[T] = ()
        #: An offset where the list may have ended, and what to ask for after it.
        self._probe: int | None = None
        self._again = 0

    @property
    def width(self) -> int:
        """How many requests are wise at once."""
        return self._pace.width

    @property
    def page_size(self) -> int | None:
        """The length of a full page, None while none was seen to be full."""
        return self._lengths.longest if self._lengths.constant and self.count > len(self._new) else None

    @property
    def verdict(self) -> Completeness:
        """Whether the read had every record; INCOMPLETE until it has ended."""
        if not self.ended:
            return Completeness.INCOMPLETE
        if self.doubt:
            return Completeness.UNVERIFIED
        return Completeness.CHANGED if self._changed else Completeness.COMPLETE

    @property
    def changed(self) -> str | None:
        """In words, what was the first sign that the list changed."""
        return self._changed

    @property
    def doubt(self) -> str | None:
        """In words, which check could not be made."""
        if self._doubt or self._memory.doubt:
            return self._doubt or self._memory.doubt
        if self._lengths.cut(self.count) and not self._ending.outgrown:
            return f"pages were cut short in the middle of the list: the longest had {self._lengths.longest} records"
        if self._ending.restless or self._ending.outrun:
            return "the list changed each time its end was looked at"
        if self.ended and self._position >= self.count + (0 if self._memory.appends else self._risen):
            return (
                f"the list ended at position {self._position + 1}, though {self.count} records were read: the others"
                " were added among those that had been read, or the service does not keep its order"
            )
        return None

    def ahead(self) -> int | None:
        """The next offset to ask for; None if it depends on answers that are not there yet, or the list has ended."""
        if self._agenda:
            offset = self._agenda.popleft()
        elif self._open and self.asked:
            stride = self._pace.stride(self._lengths.longest or self._guess)
            if not stride:
                return None
            offset = self.asked[-1] + stride
        else:
            return None
        self.asked.append(offset)
        return offset

    def again(self) -> None:
        """Forget all requests under way: what was asked for first is to be asked for once more."""
        self._agenda = deque([self.asked[0]])
        self.asked.clear()

    def judge(self, records: Sequence[T]) -> Step[T]:
        """Judge the answer to the first of `asked`.

        Raises `PaginationError` if the list cannot be read without losing records.
        """
        offset = self.asked.popleft()
        self._judged += 1
        if records:
            self._lengths.measured(len(records), self.count)
            taken = self._memory.take(records, offset)
            step = self._refused(offset) if taken is None else self._accepted(offset, len(records), taken)
        else:
            step = self._empty(offset)
        if not self.ended:
            self._patience.spend(self._lengths.longest, self.count)
        return step

    def mark(self, left: int = 0) -> Mark | None:
        """Where the read stands if the last `left` records were not yielded yet; None before the first one."""
        kept, untouched = self._new[: len(self._new) - left], self._new[len(self._new) - left :]
        count = self.count - left
        if not count:
            return None
        date, ids = self._memory.held(kept, untouched)
        position = self._position - left
        half = max(1, self._lengths.longest // 2)
        overlap = OVERLAP if date is None else len(ids) + 1
        offset = max(0, position + 1 - min(overlap, half))
        return Mark(date, ids, offset, position, self._risen, count, self.page_size or 0, self._changed, self.doubt)

    def _empty(self, offset: int) -> Step[T]:
        """An empty answer: the end if it lies where the end was looked for, and a refused page anywhere else."""
        if not offset:
            if self.count:
                self._note_change(EMPTIED)
            self._position = -1
            return self._end(())
        if offset == self._probe:
            if self._ending.lone and self._memory.stable is not False:
                return self._end(())
            self._ending.ended_at(offset)
            return Step((), accepted=True, dropped=self._plan(self._again))
        return self._refused(offset)

    def _refused(self, offset: int) -> Step[T]:
        """A page that begins too far on: with a record not known, or not at all. Something before it was removed."""
        if offset == self._probe:
            return self._went_on()
        instead = self._ending.missed()
        if instead is not None:
            return Step((), accepted=False, dropped=self._plan(instead))
        self._note_change(REMOVED)
        if not self._memory.ordered:
            self._doubt = (
                "a page began with a record that had not been read, and the list has no stated order: whether one was"
                " passed over cannot be told"
            )
        self._pace.refused()
        step = max(self._lengths.longest // 4, self._pace.slack)
        return Step((), accepted=False, dropped=self._plan(self._back.refused(offset, step)))

    def _went_on(self) -> Step[T]:
        """The list goes on where it might have ended."""
        tail = self._ending.tail
        if tail and len(tail.ids) >= self._lengths.longest and self._memory.stable is False:
            raise PaginationError(
                f"more records share one createdAt than fit into a page of {self._lengths.longest}, and the service"
                " gives them in another order each time: such a list cannot be read without losing records"
            )
        self._ending.went_on()
        return Step((), accepted=False, dropped=self._plan(self._again))

    def _accepted(self, offset: int, size: int, taken: Taken[T]) -> Step[T]:
        """A page that joins what was yielded."""
        end = offset + size - 1
        if taken.new or taken.intact:
            self._sight(offset + taken.known - 1, taken)
        elif end >= self._position:
            self._note_change(MOVED)
        lap = self._overlap(taken.trail)
        limit = max(0, end + 1 - lap)
        if taken.new:
            return self._added(end, size, taken.new, lap, limit)
        if size < self._lengths.longest or size == 1 or limit <= offset:
            return self._stayed(Tail(offset, end, taken.ids))
        self._patience.walked(taken.ids[-1], end)
        self._pace.overshot()
        ask = self._back.walked(limit, size)
        if self._back.searching:
            return Step((), accepted=True, dropped=self._plan(ask))
        return self._go_on((), ask, ask)

    def _added(self, end: int, size: int, new: Sequence[T], lap: int, limit: int) -> Step[T]:
        """A page with new records."""
        first = self._judged == 1
        self._lengths.added(size, self.count, len(new))
        self._ending.added(len(new))
        self.count += len(new)
        self._position = end
        self._new = new
        self._patience.added()
        self._back.found()
        self._pace.added(lap, size)
        if self._ending.outgrown:
            self._note_change(GREW)
            return self._end(new)
        ask = max(0, limit - self._pace.slack)
        short = size < self._lengths.longest or (first and not self._looks_full(size))
        if short and self._lengths.constant:
            # both pages of the end at once, and before them the whole tie group
            whole = (ask,) if lap > OVERLAP or self._memory.stable is False else ()
            return Step(new, accepted=True, dropped=self._plan(*whole, end, end + 1))
        cut = self._lengths.cut(self.count)
        look = self._ending.look(end, len(new), cut=cut) if short else self._ending.look_far(end, size)
        if look is not None:
            dropped = self._plan(look)
            self._probe, self._again = look, ask
        elif short or (first and size > self._guess):
            dropped = self._plan(ask)
        else:
            self._open = True
            return self._go_on(new, ask, limit)
        self._open = look is None and not short
        return Step(new, accepted=True, dropped=dropped)

    def _stayed(self, tail: Tail) -> Step[T]:
        """A page with nothing new where the list may end."""
        stable = self._memory.stable is not False
        self._lengths.stayed()
        if self._ending.stayed(tail, stable=stable) or self._ending.restless:
            return self._end(())
        if stable and not self._ending.lone:
            return self._aim(tail.end)
        keep = bool(self.asked) and self.asked[0] == tail.end + 1
        dropped = False if keep else self._plan(tail.end + 1)
        self._open = False
        self._probe, self._again = tail.end + 1, tail.offset
        return Step((), accepted=True, dropped=dropped)

    def _aim(self, end: int) -> Step[T]:
        """Look for the last record alone, where it should stand."""
        aims = self._ending.aim(end, self._judged)
        self._probe = None
        self._open = False
        if aims == tuple(self.asked):
            return Step((), accepted=True)
        return Step((), accepted=True, dropped=self._plan(*aims))

    def _go_on(self, records: Sequence[T], ask: int, limit: int) -> Step[T]:
        """Keep what is under way if it joins at `limit` or below; otherwise ask for a page before it."""
        self._agenda.clear()
        self._probe = None
        if not self.asked:
            self._agenda.append(ask)
        elif self.asked[0] > limit:
            self.asked.appendleft(ask)
            return Step(records, accepted=True, first=ask)
        return Step(records, accepted=True)

    def _plan(self, *offsets: int) -> bool:
        """Ask for these offsets next, and for nothing that is under way: True if something is."""
        dropped = bool(self.asked)
        self.asked.clear()
        self._agenda = deque(offsets)
        self._open = False
        self._probe = None
        return dropped

    def _end(self, records: Sequence[T]) -> Step[T]:
        self.ended = True
        return Step(records, accepted=True, dropped=self._plan())

    def _sight(self, position: int, taken: Taken[T]) -> None:
        """The last record yielded was seen at `position`."""
        shift = self._position - position
        if shift or not taken.intact:
            self._note_change(MOVED)
        if taken.intact:
            self._risen += max(0, -shift)
        self._pace.shifted(shift, self._lengths.longest)
        if taken.new:
            self._ending.sighted(position, self._position)
        self._position = position

    def _overlap(self, trail: int) -> int:
        """How many records of a page the next one must begin with: the trailing tie group, and one below it."""
        whole, half = trail + 1, max(1, self._lengths.longest // 2)
        if whole <= half or self._memory.stable is False:
            return whole
        return min(OVERLAP, half) if self._memory.stable else half

    def _looks_full(self, size: int) -> bool:
        """Whether the first page looks like a full one: page sizes are round numbers."""
        return size >= self._guess if self._guess else size >= 10 and size % 5 == 0

    def _note_change(self, what: str) -> None:
        self._changed = self._changed or what
