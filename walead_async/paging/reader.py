"""The reading rule: which offset to ask for, what a page adds, when the list has ended. Pure: nothing here awaits."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from walead_async.errors import PaginationError
from walead_async.models import Completeness

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from walead_async.paging.seen import Memory, Taken

__all__ = [
    "EMPTIED",
    "GREW",
    "MOVED",
    "OVERLAP",
    "REMOVED",
    "START",
    "Ending",
    "Findings",
    "Lengths",
    "Mark",
    "Order",
    "Pace",
    "Patience",
    "Step",
    "Tail",
    "WayBack",
    "doubled",
    "looks_full",
    "no_progress",
    "one_a_page",
    "same_page",
    "shuffled",
    "unsorted",
]

T = TypeVar("T")


class Step(NamedTuple, Generic[T]):
    """What a page led to: the records to yield, and whether it was accepted.

    With `dropped` the answers to all other requests under way are of no use. `first` is an offset to ask for and to
    judge before them.
    """

    records: Sequence[T]
    accepted: bool
    dropped: bool = False
    first: int | None = None


class Mark(NamedTuple):
    """Where a read stands: what a cursor holds, and what a resumed read begins with.

    `date` and `ids` are the memory's; `offset` is where the next page begins, `position` where the last record stood,
    `risen` by how many positions records were seen to move up; `yielded` records were, and the longest page had
    `longest`. `changed` and `doubt` say what is known so far against COMPLETE.
    """

    date: datetime | None
    ids: list[str]
    offset: int
    position: int
    risen: int
    yielded: int
    longest: int
    changed: str | None = None
    doubt: str | None = None


#: A read that has not begun.
START = Mark(date=None, ids=[], offset=0, position=-1, risen=0, yielded=0, longest=0)


def doubled(offset: int) -> PaginationError:
    """A record stands twice in one page."""
    return PaginationError(
        f"the service names a record twice in one page, at offset {offset}: positions in such a list cannot be trusted."
        " Read it again; if it stays so, tell the service's support"
    )


def unsorted(offset: int, *, descending: bool) -> PaginationError:
    """A page is not in the order that was asked for."""
    wanted = "newest first" if descending else "oldest first"
    return PaginationError(
        f"the service did not sort its page at offset {offset} by createdAt, {wanted}, as it was asked to: the list"
        " cannot be read without losing records. Read it again; if it stays so, try the other `sort`"
    )


def shuffled(longest: int) -> PaginationError:
    """A tie group comes in another order each time, and does not fit into a page."""
    return PaginationError(
        f"more records share one createdAt than fit into a page of {longest}, and the service gives them in another"
        " order each time: such a list cannot be read without losing records. Tell the service's support"
    )


def one_a_page() -> PaginationError:
    """All pages have one record."""
    return PaginationError(
        "the service gives one record a page, so that no page can be seen to follow another: such a list cannot be read"
        " without losing records. Tell the service's support"
    )


def same_page(times: int) -> PaginationError:
    """Different offsets lead to the same page."""
    return PaginationError(
        f"{times} pages in a row from different offsets ended in the same record: the service pays no heed to the"
        " offset, or the list grows in front as fast as it is read. Try again later; if it stays so, tell the service's"
        " support"
    )


def no_progress(requests: int) -> PaginationError:
    """Nothing new for too long."""
    return PaginationError(
        f"{requests} requests in a row brought no new record and no end: the list changes faster than it can be read,"
        " or the service does not page by offset. Go on later, from the listing's cursor"
    )


#: Records that an overlap has where dates differ: the last one, and the one below it.
OVERLAP = 2


class Lengths:
    """How long pages are, and whether a short one can be relied upon to be the last.

    It cannot, once a page shorter than the longest was followed by more records: the list grew meanwhile, or pages are
    cut short in its middle.
    """

    def __init__(self, *, appends: bool, longest: int = 0) -> None:
        self.longest = longest
        self._appends = appends
        self._first_page = 0
        self._short = False
        #: How many records were yielded when a short page was first followed by more, and pages with new ones since.
        self._followed_from: int | None = None
        self._pages_after = 0

    @property
    def constant(self) -> bool:
        """True as long as no short page was followed by more records."""
        return self._followed_from is None

    def cut(self, count: int) -> bool:
        """True if pages were cut short in the middle of the list, of which `count` records were yielded.

        Where new records stand at the end, few records a page after a short one mean that the list grew there.
        """
        if self._followed_from is None:
            return False
        after = count - self._followed_from
        return not self._appends or (after >= self.longest and after * 4 > self.longest * self._pages_after)

    def measured(self, size: int, count: int) -> None:
        """A page of `size` records came when `count` were yielded."""
        if size <= self.longest:
            return
        if count and self.longest:
            # the pages before were short ones, and were followed by more
            self._followed_from = min(self._first_page, self._followed_from or self._first_page)
        self.longest = size

    def added(self, size: int, before: int, new: int) -> None:
        """A page of `size` records held `new` new ones, after `before` that were yielded."""
        if self._short and self._followed_from is None:
            self._followed_from = before
        self._first_page = self._first_page or new
        self._short = size < self.longest
        self._pages_after += self._followed_from is not None

    def stayed(self) -> None:
        """A page held nothing new, and may be the end."""
        self._short = True

    @property
    def half(self) -> int:
        """Half a page: the most that two pages overlap by, so that the order of a large tie group can be compared."""
        return max(1, self.longest // 2)

    def overlap(self, trail: int, *, stable: bool | None) -> int:
        """How many records of a page the next one must begin with: the trailing tie group, and one below it.

        `trail` is how large the group is, `stable` whether its order can be trusted.
        """
        whole = trail + 1
        if whole <= self.half or stable is False:
            return whole
        return min(OVERLAP, self.half) if stable else self.half

    def resumed(self, wanted: int) -> int:
        """How many known records a resumed read begins with, of the `wanted` ones: the group of the last and one below.

        The rest of a page that was handed out in part is not known any more, and with it the order of that group. So
        the group is seen whole again where a page holds it and leaves room for something new.
        """
        return wanted if wanted < self.longest else min(wanted, self.half)


def looks_full(size: int) -> bool:
    """Whether a first page of `size` records looks like a full one: page sizes are round numbers."""
    return size >= 10 and size % 5 == 0


REMOVED = "records that had been read were removed, so that a page began too far on"
EMPTIED = "every record that had been read was removed"
MOVED = "records that had been read stood at other positions"
GREW = "the list grew at its end while it was read"
UNJOINED = "a page did not join what had been read, in a list without a stated order: records may have been passed over"


class Findings:
    """Counts and positions of one read, and the first sign of a change and of a doubt, in words.

    `count` records were yielded. The last one stood at `position` when it was last seen, and was seen to move up by
    `risen` positions in all, which is what records do when others are added before them.
    """

    def __init__(self, start: Mark) -> None:
        self.count = start.yielded
        self.position = start.position
        self.risen = start.risen
        self.changed = start.changed
        self.doubt = start.doubt

    def note_change(self, what: str) -> None:
        """The list changed."""
        self.changed = self.changed or what

    def note_unjoined(self) -> None:
        """A page cannot be told to join what was read before."""
        self.doubt = self.doubt or UNJOINED

    def sighted(self, position: int, *, intact: bool, firm: bool) -> int:
        """The last record yielded stands at `position`, or would: by how much it has moved down.

        `intact` says that all records remembered stand there, `firm` that the position can be relied upon.
        """
        shift = self.position - position
        if shift or not intact:
            self.note_change(MOVED)
        if firm:
            self.risen += max(0, -shift)
        self.position = position
        return shift

    def too_far(self, *, appends: bool) -> str | None:
        """A doubt, if the list ends further on than the records yielded reach.

        Where new records stand at the end (`appends`), none should have been added before those that were yielded.
        """
        if self.position < self.count + (0 if appends else self.risen):
            return None
        return (
            f"the list ended at position {self.position + 1}, though {self.count} records were read: the others were"
            " added among those that had been read, or the service does not keep its order"
        )


#: Requests without progress after which a list cannot be read, and the same if every page has one record.
STUCK = 64
STUCK_ON_ONE = 8
#: After so many pages without a shift, half of it is reckoned with.
CALM = 8
UNLIMITED = 1 << 30


class Pace:
    """What recent pages say about the next ones: how long ties are, and how far records shift between two requests.

    `width` is how many requests are wise at once, `slack` how much further back than need be a page is asked for.
    """

    def __init__(self) -> None:
        self.width = UNLIMITED
        self.slack = 0
        self._calm = 0
        self._lap = OVERLAP

    def stride(self, size: int) -> int:
        """From the offset of one page of `size` records to that of the next, 0 if reading ahead is not worth while."""
        stride = size - min(self._lap, max(1, size // 2)) - self.slack
        return stride if stride >= max(1, size // 4) else 0

    def added(self, lap: int, size: int) -> None:
        """A page with new records was accepted, and the next one must overlap it by `lap`.

        An overlap of more than a quarter of a page is cheaper to ask for when it is needed than to plan for.
        """
        self.width = min(self.width * 2, UNLIMITED)
        if lap <= size // 4:
            self._lap = max(lap, OVERLAP, self._lap - max(1, self._lap // 8))

    def shifted(self, shift: int, size: int) -> None:
        """Records stood `shift` positions further down than expected: reckon with twice that for a while."""
        if shift > 0:
            self.slack = max(self.slack, min(2 * shift, shift + max(1, size // 4), 2 * size))
            self._calm = 0
            return
        self._calm += 1
        if self._calm == CALM:
            self.slack //= 2
            self._calm = 0

    def overshot(self) -> None:
        """A page held nothing new: it began further back than there was need for."""
        self.slack //= 2

    def refused(self) -> None:
        """A page began too far on: one request at a time, until pages are accepted again."""
        self.width = 1


class WayBack:
    """The search for an offset that is low enough, after a page was refused: step back, doubling, then bisect."""

    def __init__(self) -> None:
        self._low: int | None = None
        self._high: int | None = None
        self._step = 0
        self._leap = 0

    @property
    def searching(self) -> bool:
        """True between a refused page and the next one with new records."""
        return self._high is not None

    def refused(self, offset: int, step: int) -> int:
        """The page at `offset` began too far on: where to ask next, `step` further back at first."""
        self._high = offset
        self._leap = 0
        if self._low is not None and self._low < offset:
            return (self._low + offset) // 2
        self._low = None
        self._step = self._step * 2 or max(1, step)
        return max(0, offset - self._step)

    def walked(self, limit: int, size: int) -> int:
        """A page held nothing new, and `limit` is the last offset that joins it: where to ask next."""
        self._low = limit
        self._step = 0
        if self._high is None:
            # records were added before what was yielded, it cannot be known how many
            leap, self._leap = self._leap, self._leap * 2 or size
            return limit + leap
        return (limit + self._high) // 2 if self._high - limit > size else limit

    def found(self) -> None:
        """A page with new records was accepted."""
        self._low = self._high = None
        self._step = self._leap = 0


class Patience:
    """Counts requests without progress, and gives the read up when there are too many."""

    def __init__(self) -> None:
        self._judged = 0
        self._stuck = 0
        self._idle = 0
        self._walked: tuple[str, int] = ("", -1)
        self._repeats = 0

    @property
    def repeating(self) -> bool:
        """True if different offsets have led to the same last record, more than once."""
        return self._repeats > 1

    def added(self) -> None:
        """A page held new records."""
        self._stuck = self._idle = self._repeats = 0
        self._walked = ("", -1)

    def walked(self, last: str, end: int) -> None:
        """A page of known records ended in `last` at the position `end`. Walking on over them is progress."""
        if last == self._walked[0]:
            self._repeats += end != self._walked[1]
        elif end > self._walked[1]:
            self._stuck = 0
        self._walked = (last, end)

    def spend(self, longest: int, count: int) -> None:
        """One more request was judged. Raises `PaginationError` if there have been too many without progress."""
        self._judged += 1
        self._stuck += 1
        self._idle += 1
        if longest == 1 and (self._stuck >= STUCK_ON_ONE or self._judged > STUCK):
            raise one_a_page()
        if self._stuck < STUCK and self._idle < STUCK + 4 * count // max(longest, 1):
            return
        raise same_page(self._repeats) if self._repeats > self._stuck // 2 else no_progress(self._idle)


#: Pages between two looks for an end that may run away, where pages are cut short.
CUT_PAGES = 8
#: Pages before the first look for such an end amid full pages, of a size below TINY and of others.
TINY_PAGES, PAGES = 64, 1024
TINY = 10
#: So often a moving end is aimed at, before it is taken as it is.
TRIES = 16


class Tail(NamedTuple):
    """An accepted page with nothing new: its offset, the position of its last record, and the ids it shows."""

    offset: int
    end: int
    ids: tuple[str, ...]

    def same_as(self, other: Tail | None) -> bool:
        """True if the other page shows the same records at the same positions, whatever their order."""
        return other is not None and self[:2] == other[:2] and set(self.ids) == set(other.ids)


class Ending:
    """The search for the end, which is proven in one of three ways.

    A lone record that is known: no page but the last has only one. It is looked for where the last record should stand,
    and an empty answer, or the same record once more, must follow it.

    Where records of one time change their order, or all pages have one record, a lone one proves nothing: there the
    same page must be seen before and after an empty answer one past it.

    Where records are added at the end as fast as they are read: the list was empty from `line` on when somebody
    looked; in a page that was asked for afterwards the last record yielded stood `left + 1` below that; so once more
    than `left` further records are yielded, all that stood there then are, and the list grew.
    """

    def __init__(self, *, appends: bool) -> None:
        self.tail: Tail | None = None
        self._appends = appends
        self._seen: tuple[int, int] | None = None
        self._rate = 0
        self._tries = 0
        self._since_look = 0
        self._reach = 0
        self._far_looks = 0
        self._line: int | None = None
        self._left: int | None = None
        self._unsure = False
        self._whole = False

    @property
    def lone(self) -> str | None:
        """The record that stood alone in the last page."""
        return self.tail.ids[0] if self.tail is not None and len(self.tail.ids) == 1 else None

    @property
    def restless(self) -> bool:
        """True if the end never held still, so that it was not proven."""
        return self._tries > TRIES

    @property
    def outgrown(self) -> bool:
        """True if more records were yielded than stood in the list when it was seen to end."""
        return self._left is not None and self._left < 0

    @property
    def outrun(self) -> bool:
        """True if the list was outgrown, though its records may have been added anywhere."""
        return self.outgrown and (self._unsure or not self._appends)

    def added(self, new: int) -> None:
        """A page held `new` new records."""
        self._since_look += 1
        if self._left is not None:
            self._left -= new
        self.tail = self._seen = None
        self._tries = 0
        self._whole = False

    def hides(self, ties: int, half: int, *, whole: bool) -> bool:
        """A page with nothing new shows the end: whether there may be more in the tie group, which it shows a part of.

        A service that keeps no order in the group may show known records last, and others before them. So the group,
        of which `ties` records are known, must be seen `whole` once, if it fits into `half` a page; of a larger one the
        order is compared.
        """
        self._whole = self._whole or whole
        return 1 < ties < half and not self._whole

    def stayed(self, tail: Tail, *, lone_is_last: bool) -> bool:
        """A page held nothing new, and may be the end: True if it is proven to be."""
        before, lone, self.tail = self.tail, self.lone, tail
        if lone_is_last:
            return lone == tail.ids[-1]
        return self._line == tail.end + 1 and tail.same_as(before)

    def aim(self, end: int, judged: int) -> tuple[int, ...]:
        """Where to look for the last record alone, and one past it.

        It was seen at the position `end`, in the answer number `judged`; if it moves, it should be where it is heading.
        """
        if self._seen and judged > self._seen[1]:
            self._rate = round((end - self._seen[0]) / (judged - self._seen[1]))
            self._tries += 1
        self._seen = (end, judged)
        return (max(0, end + self._rate),) if self._rate else (end, end + 1)

    def missed(self) -> int | None:
        """The last record was not where it was headed: where to look instead; None if it was not heading up."""
        if not self._seen or self._rate <= 0:
            return None
        self._rate = 0
        self._tries += 1
        return self._seen[0]

    def ended_at(self, offset: int) -> None:
        """The list was empty at `offset`."""
        self._line = offset
        self._left = None
        self._reach = 0
        self._tries += 1

    def went_on(self) -> None:
        """The list was not empty where somebody looked for its end: look further on the next time."""
        self.tail = None
        self._reach = 2 * self._reach + 1

    def sighted(self, position: int, expected: int) -> None:
        """A page with new records showed the last record yielded at `position`; it was `expected` where it stood."""
        if self._line is None or self._left is not None:
            return
        # records may have been added before it since somebody looked, or removed
        left = max(0, self._line - 1 - min(position, expected))
        self._left = 2 * left if self._unsure else left

    def look(self, end: int, new: int, *, cut: bool) -> int | None:
        """Where to look for an end that runs away, after a short page with `new` records that ended at position `end`.

        None: not now. Each look reaches further than the one before it.
        """
        if self._left is not None or (cut and self._since_look < CUT_PAGES):
            return None
        self._since_look = 0
        self._unsure = cut
        return end + 1 + max(2 * new, self._reach)

    def look_far(self, end: int, size: int) -> int | None:
        """The same after a full page of `size` records: each time after twice as many pages, and twice as far on."""
        patience = TINY_PAGES if size < TINY else PAGES
        if self._left is not None or self._since_look < patience << self._far_looks:
            return None
        self._since_look = 0
        self._far_looks += 1
        self._unsure = True
        return (end + 1) << self._far_looks


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
