"""The reading rule: which offset to ask for, what a page adds, when the list has ended. Pure: nothing here awaits."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

from walead_async.models import Completeness
from walead_async.paging.ending import Ending, Tail
from walead_async.paging.findings import EMPTIED, GREW, MOVED, REMOVED, Findings
from walead_async.paging.lengths import OVERLAP, Lengths, looks_full
from walead_async.paging.pace import Pace, Patience, WayBack
from walead_async.paging.step import START, Mark, Step
from walead_async.paging.unreadable import shuffled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from walead_async.paging.taken import Memory, Taken

__all__ = ["Order"]

T = TypeVar("T")


class Order(Generic[T]):
    """One read of a list, decided page by page.

    Ask for the offsets that `ahead` gives, as many at once as wanted (`width` says how many are wise), and hand the
    answers to `judge` in the order of `asked`. `page_size` is a guess; `start` is where a resumed read goes on.
    """

    def __init__(self, memory: Memory[T], *, page_size: int | None = None, start: Mark = START) -> None:
        self._memory, self._start = memory, start
        self._found = Findings(start)
        self._lengths = Lengths(appends=memory.appends, longest=start.longest)
        self._ending = Ending(appends=memory.appends)
        self._pace = Pace()
        self._back = WayBack()
        self._patience = Patience()
        self.asked: deque[int] = deque()
        self.ended, self._judged = False, 0
        self._agenda = deque([start.offset])  # what to ask for next; `_open`: more may be reckoned from the last one
        self._open, self._guess = page_size is not None, page_size or 0
        #: Where the list may have ended, what to ask for after a look there, and where the last record is looked for.
        self._probe: int | None = None
        self._again, self._lone = 0, -1
        self._new: Sequence[T] = ()  # the records of the last page that added some

    @property
    def width(self) -> int:
        """How many requests are wise at once."""
        return self._pace.width

    @property
    def count(self) -> int:
        """How many records were yielded, those before the read was resumed included."""
        return self._found.count

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
        return Completeness.CHANGED if self.changed else Completeness.COMPLETE

    @property
    def changed(self) -> str | None:
        """In words, what was the first sign that the list changed."""
        return self._found.changed or (None if self._lengths.constant else GREW)

    @property
    def doubt(self) -> str | None:
        """In words, which check could not be made."""
        doubt = self._found.doubt or self._memory.doubt
        if not doubt and self._lengths.cut(self.count) and not self._ending.outgrown:
            doubt = f"pages were cut short in the middle of the list: the longest had {self._lengths.longest} records"
        if not doubt and (self._ending.restless or self._ending.outrun):
            doubt = "the list changed each time its end was looked at"
        return doubt or (self._found.too_far(appends=self._memory.appends) if self.ended else None)

    def ahead(self) -> int | None:
        """The next offset to ask for; None if it depends on answers that are not there yet, or the list has ended."""
        if self._agenda:
            offset = self._agenda.popleft()
        else:
            stride = self._pace.stride(self._lengths.longest or self._guess) if self._open and self.asked else 0
            if not stride:
                return None
            offset = self.asked[-1] + stride
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
        step = self._judge_page(offset, records) if records else self._judge_empty(offset)
        if not self.ended:
            self._patience.spend(self._lengths.longest, self.count)
        return step

    def mark(self, left: int = 0) -> Mark | None:
        """Where the read stands if the last `left` records were not yielded yet; None before the first one."""
        if not self._judged:
            return self._start if self.count else None
        kept, untouched = self._new[: len(self._new) - left], self._new[len(self._new) - left :]
        if self.count == left:
            return None
        date, ids = self._memory.held(kept, untouched)
        overlap = OVERLAP if date is None else len(ids) + 1
        position = self._found.position - left
        return Mark(
            date=date,
            ids=ids,
            offset=max(0, position + 1 - self._lengths.resumed(overlap)),
            position=position,
            risen=self._found.risen,
            yielded=self.count - left,
            longest=self.page_size or 0,
            changed=self.changed,
            doubt=self.doubt,
        )

    def _judge_page(self, offset: int, records: Sequence[T]) -> Step[T]:
        self._lengths.measured(len(records), self.count)
        # a tie group that fits into half a page must be seen whole, since its order may not be stable
        taken = self._memory.take(records, offset, whole=self._memory.ties < self._lengths.half)
        if self._memory.stable is False and self._memory.ties > self._lengths.longest:
            raise shuffled(self._lengths.longest)
        if taken is None:
            return self._refused(offset, records)
        return self._accepted(offset, len(records), taken)

    def _judge_empty(self, offset: int) -> Step[T]:
        """An empty answer: the end if it lies where the end was looked for, and a refused page anywhere else."""
        if not offset:
            if self.count:
                self._found.note_change(EMPTIED)
            self._found.position = -1
            return self._end(())
        if offset != self._probe:
            return self._refused(offset, ())
        if self._ending.lone and self._lone_is_last:
            return self._end(())
        self._ending.ended_at(offset)
        return Step((), accepted=True, dropped=self._plan(self._again))

    def _refused(self, offset: int, records: Sequence[T]) -> Step[T]:
        """A page that begins too far on. Something before it was removed, or the end is not where it was looked for."""
        if offset == self._probe:
            return self._went_on()
        instead = self._ending.missed()
        if instead is None and records and offset == self._lone:
            # the last record was looked for alone, and others have joined it
            instead = max(0, offset - self._memory.ties)
        if instead is not None:
            return Step((), accepted=False, dropped=self._plan(instead))
        self._found.note_change(REMOVED)
        if records and not self._memory.ordered and not self._memory.knows(records[0]):
            self._found.note_unjoined()
        self._pace.refused()
        back = self._back.refused(offset, max(self._lengths.longest // 4, self._pace.slack))
        return Step((), accepted=False, dropped=self._plan(back))

    def _went_on(self) -> Step[T]:
        """The list goes on where it might have ended."""
        tail = self._ending.tail
        if tail and len(tail.ids) >= self._lengths.longest and self._memory.stable is False:
            raise shuffled(self._lengths.longest)
        self._ending.went_on()
        return Step((), accepted=False, dropped=self._plan(self._again))

    def _accepted(self, offset: int, size: int, taken: Taken[T]) -> Step[T]:
        """A page that joins what was yielded."""
        end = offset + size - 1
        self._sight(offset + taken.known - 1, end, taken)
        lap = self._lengths.overlap(taken.trail, stable=self._memory.stable)
        limit = max(0, end + 1 - lap)
        if taken.new:
            return self._added(end, size, taken.new, lap, limit)
        short = size < self._lengths.longest or size == 1
        if not short:
            self._patience.walked(taken.ids[-1], end)
        if short or limit <= offset or (taken.intact and self._patience.repeating):
            ties, whole = self._memory.ties, taken.whole or self._memory.stable is True
            if short and self._ending.hides(ties, self._lengths.half, whole=whole):
                return Step((), accepted=True, dropped=self._plan(max(0, offset - ties)))
            return self._stayed(Tail(offset, end, taken.ids), short=short)
        self._pace.overshot()
        ask = self._back.walked(limit, size)
        if self._back.searching:
            return Step((), accepted=True, dropped=self._plan(ask))
        return self._go_on((), ask, ask)

    def _sight(self, position: int, end: int, taken: Taken[T]) -> None:
        """A page that ends at `end` shows the last record yielded at `position`, or what is left before it."""
        expected = self._found.position
        seen = taken.new or taken.intact
        joined = taken.intact and (taken.known > 1 or position == expected)
        if (seen or end >= expected or len(taken.ids) < self._lengths.longest) and not (joined or self._memory.ordered):
            self._found.note_unjoined()
        if seen:
            shift = self._found.sighted(position, intact=taken.intact, firm=taken.firm)
            self._pace.shifted(shift, self._lengths.longest)
        elif end >= expected:
            self._found.note_change(MOVED)
        if taken.new:
            self._ending.sighted(position, expected)

    def _added(self, end: int, size: int, new: Sequence[T], lap: int, limit: int) -> Step[T]:
        """A page with new records."""
        self._lengths.added(size, self.count, len(new))
        self._ending.added(len(new))
        self._found.count += len(new)
        self._found.position = end
        self._new = new
        self._patience.added()
        self._back.found()
        self._pace.added(lap, size)
        if self._ending.outgrown:
            self._found.note_change(GREW)
            return self._end(new)
        return self._after(end, size, new, max(0, limit - self._pace.slack), limit)

    def _after(self, end: int, size: int, new: Sequence[T], ask: int, limit: int) -> Step[T]:
        """Where to go from a page with new records: on, or to look for the end."""
        first = self._judged == 1
        full = size >= self._guess if self._guess else looks_full(size)
        short = size < self._lengths.longest or (first and not full)
        if short and self._lengths.constant:
            # both pages of the end at once, and before them the whole tie group
            whole = (ask,) if end + 1 - limit > OVERLAP or self._memory.stable is False else ()
            dropped, self._lone = self._plan(*whole, end, end + 1), end
            return Step(new, accepted=True, dropped=dropped)
        cut = self._lengths.cut(self.count)
        look = self._ending.look(end, len(new), cut=cut) if short else self._ending.look_far(end, size)
        if look is None and not short and not (first and size > self._guess):
            self._open = True
            return self._go_on(new, ask, limit)
        dropped = self._plan(ask if look is None else look)
        self._probe, self._again = look, ask
        self._open = look is None and not short
        return Step(new, accepted=True, dropped=dropped)

    def _stayed(self, tail: Tail, *, short: bool) -> Step[T]:
        """A page with nothing new where the list may end."""
        self._lengths.stayed()
        if self._ending.stayed(tail, lone_is_last=self._lone_is_last) or (short and self._ending.restless):
            return self._end(())
        alone = bool(self._ending.lone) or not self._lone_is_last
        aims = (tail.end + 1,) if alone else self._ending.aim(tail.end, self._judged)
        dropped = self._plan(*aims) if tuple(self.asked)[: len(aims)] != aims else False
        self._open = False
        self._probe, self._again, self._lone = (tail.end + 1 if alone else None), tail.offset, tail.end
        return Step((), accepted=True, dropped=dropped)

    def _go_on(self, records: Sequence[T], ask: int, limit: int) -> Step[T]:
        """Keep what is under way if it joins at `limit` or below; otherwise ask for a page before it."""
        self._agenda.clear()
        self._probe, self._lone = None, -1
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
        self._probe, self._lone = None, -1
        return dropped

    def _end(self, records: Sequence[T]) -> Step[T]:
        self.ended = True
        return Step(records, accepted=True, dropped=self._plan())

    @property
    def _lone_is_last(self) -> bool:
        """Whether a page of one known record can only be the last one."""
        return self._lengths.longest > 1 and self._memory.stable is not False
