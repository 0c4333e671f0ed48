"""The reading rule: which page of a list to ask for, what it adds, and when the list has ended. Nothing here awaits.

1. A page joins if it is asked for at offset 0, or begins with a record that was yielded.
2. After a page that does not join, step back, twice as far each time, until one does.
3. The next page begins one record below those that share the last date.
4. The end is the last record alone, and nothing beyond it where the list is looked at from its other side.
5. Pages fetched ahead are judged in order; one that begins too far on is dropped with all that follow it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Literal, NamedTuple, TypeAlias, TypeVar

from walead_async.errors import PaginationError
from walead_async.models import Completeness
from walead_async.paging.cursor import START, Mark

if TYPE_CHECKING:
    from collections.abc import Sequence

    from walead_async.paging.seen import Compared, Dated, Named

__all__ = ["Ask", "Decision", "Reader", "SecondLook", "looks_full"]

T = TypeVar("T")

#: When a list is looked at from its other side: never, unless it came whole in one answer, or then too.
SecondLook: TypeAlias = Literal["no", "long", "always"]

#: Records that two pages share where dates differ: the first proves that the page joins, the second that it stands.
OVERLAP = 2
#: So many requests in a row may bring nothing new.
PATIENCE = 64
#: So often a record may stand alone where others follow it, and no page shows it together with another.
ALONE = 3
#: So often an end that moves is looked at: once everything was yielded, and where nothing can prove that.
LOOKS, LOOKS_UNPROVED = 3, 16
WIDEST = 1 << 30
#: The farthest that one step goes on over known records: services take offsets up to 2**53.
FARTHEST = 1 << 40

REMOVED = "records that had been read were removed, so that a page began too far on"
EMPTIED = "every record that had been read was removed"
GONE = "the last record that had been read was removed"
MOVED = "records that had been read stood at other positions"
RESTLESS = "the list changed each time its end was looked at"
UNJOINED = "a list without ids moved while it was read: records may have been passed over"
GOES_ON = "seen from its other side the list goes on beyond the last record that any page shows"
BLANK = "seen from its other side the list is empty, though its pages show records"
NO_OTHER_SIDE = "the list could not be looked at from its other side: the service does not sort it as asked"


class Ask(NamedTuple):
    """A page to ask for. With `other_side` in the opposite order: the second look."""

    offset: int
    other_side: bool = False


class Decision(NamedTuple, Generic[T]):
    """What a page led to.

    `records` are new, and to be yielded; `accepted` is False if the page did not join. The requests under way are kept
    if the first of them begins at `keep` or below. If not, or if `keep` is None, or if there are none, they are
    dropped, and `ask` is asked for next, in this order.
    """

    records: Sequence[T]
    accepted: bool
    ask: tuple[Ask, ...] = ()
    keep: int | None = None


class Reader(Generic[T]):
    """One read of a list, decided page by page.

    Ask for `first`, give each answer to `process_page` in the order of asking, and do what its decision says. While
    `stride` is not 0, pages may be asked for ahead: the next one so far from the last, `width` at once.

    `page_size` is a guess, `start` where a resumed read goes on. `second_look` says when the list is looked at from its
    other side: "no", it cannot be; "long", unless it came whole in one answer; "always", then too.
    """

    def __init__(
        self,
        seen: Dated[T] | Named[T],
        *,
        page_size: int | None = None,
        start: Mark = START,
        second_look: SecondLook = "no",
    ) -> None:
        self._seen, self._start, self._second_look = seen, start, second_look
        self.first: tuple[Ask, ...] = (Ask(start.offset),)
        self.count: int = start.yielded
        self.ended: bool = False
        self.changed, self.doubt = start.changed, start.doubt
        #: Where the last record yielded stood, the longest page, the new records of the last page that had some.
        self._position, self._longest = start.position, start.longest
        self._new: Sequence[T] = ()
        self._guess, self._full = page_size or 0, False
        # reading ahead: whether it is wise now, how wide, and with which overlap
        self.width: int = WIDEST
        self._ahead, self._overlap = page_size is not None, float(OVERLAP)
        # without progress: requests in a row, and how far the last step went back, or on over known records
        self._idle = self._back = self._leap = 0
        # the end: whether the last page was short, and one before though more followed; looks at it; a record alone
        self._short = self._cut = False
        self._ends = 0
        self._past: int | None = None
        self._nothing_past = False
        # the second look: how often, whether it was passed or showed nothing; what it showed, and what follows
        self._looks, self._proved, self._blank = 0, False, False
        #: It showed only records of the last date, and not the last one first: both sides have one order.
        self._tied = False
        self._beyond: Sequence[T] = ()
        self._then: tuple[Ask, ...] = ()

    @property
    def stride(self) -> int:
        """From the last offset asked for to the next that may be asked for ahead; 0 if none may be."""
        return max(0, (self._longest or self._guess) - int(self._overlap)) if self._ahead else 0

    @property
    def page_size(self) -> int | None:
        """The length of a full page, None while none was seen to be full."""
        return self._longest if self._full else None

    @property
    def verdict(self) -> Completeness:
        """Whether every record was yielded; INCOMPLETE until the read has ended."""
        if not self.ended:
            return Completeness.INCOMPLETE
        if self.doubt:
            return Completeness.UNVERIFIED
        return Completeness.CHANGED if self.changed else Completeness.COMPLETE

    @property
    def why(self) -> str | None:
        """In words, which check could not be made, or else the first sign of a change."""
        return self.doubt or self.changed

    def mark(self, left: int = 0) -> Mark | None:
        """Where the read stands if the last `left` records were not yielded yet; None before the first one."""
        if self.count == left:
            return None
        if not self._new:
            return self._start._replace(changed=self.changed, doubt=self.doubt)
        kept = len(self._new) - left
        date, ids = self._seen.held(self._new[:kept], self._new[kept:])
        # what was not yielded is forgotten, and with it the order of its group: begin before that if a page holds it
        overlap = OVERLAP if date is None or len(ids) + 1 >= self._longest else len(ids) + 1
        position = self._position - left
        return Mark(
            date=date,
            ids=ids,
            offset=max(0, position + 1 - overlap),
            position=position,
            yielded=self.count - left,
            longest=self._longest,
            changed=self.changed,
            doubt=self.doubt,
        )

    def process_page(self, ask: Ask, records: Sequence[T]) -> Decision[T]:
        """Judge a page. Raises `PaginationError` if the list cannot be read without losing records."""
        if ask.other_side:
            return self._looked_from_other_side(records)
        offset = ask.offset
        if offset == self._past:
            return self._looked_past(offset, records)
        if not records:
            return self._refused(offset) if offset else self._emptied()
        page = self._seen.compare(records, offset, self._position + 1 - offset)
        if offset and not page.joins:
            return self._refused(offset)
        self._longest = max(self._longest, len(records))
        if page.new:
            return self._added(offset, len(records), page)
        return self._nothing_new(offset, records, page)

    def _added(self, offset: int, size: int, page: Compared[T]) -> Decision[T]:
        """A page that joins and holds new records."""
        if offset and page.inside:
            if self._seen.group < self._half:
                # others of that date may stand before it
                return self._again(offset)
            if not page.ordered:
                raise _shuffled(self._longest)
        first, end = not self.count, offset + size - 1
        self._stood(page, end)
        if self._short:
            self._cut, self._guess = True, 0
        elif not first:
            self._full = True
        self._seen.add(page)
        self._new, self.count = page.new, self.count + len(page.new)
        self._idle = self._back = self._leap = 0
        self._past, self._nothing_past = None, False
        self.width = min(2 * self.width, WIDEST)
        if self._beyond and self._seen.knows(self._beyond[0]):
            # of a group that it belongs to there may be others: then look again
            alone = self._seen.group == len(self._beyond) == 1
            self._proved = alone or not self._seen.is_last_date(self._beyond[0])
            self._beyond, self._looks = (), 0
        overlap = self._seen.group + 1 if self._seen.group < self._half else min(OVERLAP, self._half)
        needed = overlap + 2 * max(0, page.moved)
        self._plan(needed)
        limit = max(0, end + 1 - overlap)
        self._short = size < max(self._longest, self._guess) or (first and not self._guess and not looks_full(size))
        if self._end_moves(len(page.new)):
            return self._end(page.new)
        # more is yielded than stands there: the list may grow as fast as it is read
        growing = self.count > 2 * (end + 1) + PATIENCE
        if ((self._cut and self._short) or growing) and self._wants_second_look and not self._looks:
            # no short page will show the end: what stands there now is to be passed
            self._then = (Ask(limit),)
            return self._decide(page.new, self._other_side, *self._then, ahead=False)
        if not self._short:
            return self._decide(page.new, Ask(max(0, end + 1 - needed)), keep=limit)
        if self._cut:
            return self._decide(page.new, Ask(limit), ahead=False, keep=limit)
        return self._look_at_end(page.new, end, limit if overlap > OVERLAP else None)

    def _nothing_new(self, offset: int, records: Sequence[T], page: Compared[T]) -> Decision[T]:
        """A page that joins, of known records only."""
        self._spend()
        end, self._back = offset + len(records) - 1, 0
        if len(records) == 1:
            self._stood(page, end)
            return self._alone(offset, records[0])
        if len(records) < self._longest:
            self._stood(page, end)
            self._short = True
            if self._end_moves(0):
                return self._end()
            return self._look_at_end((), end, None)
        # it began further back than need be, or records were added before it
        if not self._leap:
            self._overlap = max(OVERLAP, self._overlap / 2)
            back = int(self._overlap) - OVERLAP
            self._leap = 0 if back else len(records)
            return self._decide((), Ask(max(0, end - back)), ahead=self._ahead, keep=end)
        ask, self._leap = end + self._leap, min(2 * self._leap, FARTHEST)
        return self._decide((), Ask(ask), ahead=False)

    def _refused(self, offset: int) -> Decision[T]:
        """A page that does not join, or is empty: something before it was removed. Step back, further each time."""
        self._spend()
        self.changed = self.changed or REMOVED
        self._note_moved()
        self.width, self._leap = 1, 0
        self._back = 2 * self._back or max(1, self._longest // 4)
        return self._decide((), Ask(max(0, offset - self._back)), accepted=False, ahead=False)

    def _again(self, offset: int) -> Decision[T]:
        """The page is good, but shows only a part of the records of one date: ask for it from before them."""
        self._spend()
        self._back = 2 * self._back or self._seen.group
        return self._decide((), Ask(max(0, offset - self._back)), accepted=False, ahead=False)

    def _decide(
        self,
        records: Sequence[T],
        *ask: Ask,
        accepted: bool = True,
        ahead: bool = True,
        keep: int | None = None,
    ) -> Decision[T]:
        self._ahead = ahead
        return Decision(records, accepted, ask, keep)

    # the end

    def _look_at_end(self, new: Sequence[T], end: int, group: int | None) -> Decision[T]:
        """Ask for the last record alone and for the page past it, before them for the whole `group` that it is in.

        First of all look from the other side, so that what is yielded after that can be compared with it.
        """
        asks = [Ask(end), Ask(end + 1)]
        if group is not None:
            asks.insert(0, Ask(group))
        self._then = tuple(asks)
        if self._wants_second_look:
            return self._decide(new, self._other_side, *asks, ahead=False)
        return self._decide(new, *asks, ahead=False, keep=asks[0].offset)

    def _alone(self, offset: int, record: T) -> Decision[T]:
        """A known record alone: no page but the last has only one."""
        if self._seen.has_order and not self._seen.is_last_date(record):
            self.changed = self.changed or GONE
        if self._longest == 1 and not self._nothing_past:
            if self._idle > ALONE:
                raise _one_a_page()
            self._past = offset + 1
            return self._decide((), Ask(offset + 1), ahead=False, keep=offset + 1)
        return self._at_end(offset)

    def _at_end(self, position: int) -> Decision[T]:
        """The list ends at this position, so far as its pages show."""
        self._position = position
        if self._wants_second_look:
            return self._look_at_end((), max(0, position), None)
        if self._beyond:
            self.doubt = self.doubt or GOES_ON
        return self._end()

    def _looked_past(self, offset: int, records: Sequence[T]) -> Decision[T]:
        """The page past a record that stands alone, where no page had more: a list of one record, or pages of one."""
        self._past, self._nothing_past = None, not records
        return self._decide((), Ask(offset - 1), ahead=False)

    def _looked_from_other_side(self, records: Sequence[T]) -> Decision[T]:
        """The second look: whether the list goes on beyond what was yielded."""
        self._looks += 1
        beyond = self._seen.beyond(records)
        if beyond is None:
            self.doubt = self.doubt or NO_OTHER_SIDE
        elif beyond:
            self._beyond = beyond
        elif not self._tied and records and self._seen.is_last_date(records[-1]) and not self._seen.is_last(records[0]):
            # others of that date would stand behind those that were yielded: look from there
            self._tied, self._looks = True, self._looks - 1
        elif records or self._position < 0:
            self._beyond, self._proved = (), True
            if self.count and not (records and self._seen.is_last_date(records[0])):
                self.changed = self.changed or GONE
        elif self._blank:
            self.doubt, self._proved = self.doubt or BLANK, True
        else:
            # emptied meanwhile, or hidden from that side: it is looked at once more
            self._blank, self._looks = True, self._looks - 1
        return self._decide((), *self._then, ahead=False, keep=self._then[0].offset)

    @property
    def _other_side(self) -> Ask:
        return Ask(self._seen.group - 1 if self._tied else 0, other_side=True)

    @property
    def _wants_second_look(self) -> bool:
        """Whether to look from the other side now: once, and once more if nothing came of what it showed."""
        if self._proved or self._second_look == "no" or self._looks > bool(self._beyond):
            return False
        # a list that came whole in one answer, shorter than a full page, and did not change, needs none
        one = len(self._new)
        whole = self.count == one and not (one >= self._guess if self._guess else looks_full(one))
        return self._second_look == "always" or self.changed is not None or not whole

    def _end_moves(self, new: int) -> bool:
        """Whether the read ends with this page because the end was never seen to hold still."""
        if self._proved:
            # all that stood there when it was looked at from its other side was yielded
            # pages of one record do not show in which order the other side came
            self._ends += self._short or self._longest > 1
            if self._ends > (LOOKS if self._short else LOOKS_UNPROVED):
                self.changed = self.changed or RESTLESS
                return True
        elif not self._short:
            self._ends = 0
        elif not self._wants_second_look:
            # where a second look is made, what is new leads to what it showed; else pages may only be cut short
            few = not new or (self._second_look == "no" and 4 * new <= self._longest)
            self._ends = self._ends + 1 if few else 0
            if self._ends > LOOKS_UNPROVED:
                self.doubt = self.doubt or (GOES_ON if self._beyond else RESTLESS)
                return True
        return False

    def _emptied(self) -> Decision[T]:
        """The list is empty. Where that is all that was seen of it, it is asked for once more."""
        if not self.count and not self._idle:
            self._spend()
            return self._decide((), Ask(0), ahead=False)
        if self.count:
            self.changed = self.changed or EMPTIED
        return self._at_end(-1)

    def _end(self, new: Sequence[T] = ()) -> Decision[T]:
        # records that are added to a descending list stand before those that were yielded
        if self._position >= self.count and not (self._seen.descending and self.changed) and self._seen.has_order:
            self.doubt = self.doubt or (
                f"the list ended at position {self._position + 1}, though {self.count} records were read: the others"
                " were added among those that had been read, or the service does not keep its order"
            )
        self.ended = True
        return self._decide(new, ahead=False)

    # what was seen to move

    @property
    def _half(self) -> int:
        """Half a page: a larger group of one date is read by its last records, and their order compared."""
        return max(1, self._longest // 2)

    def _stood(self, page: Compared[T], end: int) -> None:
        """Compare where the records of a page stand, and note that the last one yielded stands at `end` now."""
        self.doubt = self.doubt or page.doubt
        self._position = end
        if not page.stands:
            self._note_moved()

    def _note_moved(self) -> None:
        self.changed = self.changed or MOVED
        if not self._seen.has_order:
            self.doubt = self.doubt or UNJOINED

    def _plan(self, needed: int) -> None:
        """Plan the overlap of the next pages by what this one needed: somewhat more at once, less bit by bit."""
        if needed > self._overlap:
            self._overlap = min(needed + self._longest // 8, max(needed, self._half))
        else:
            self._overlap -= (self._overlap - needed) / 16

    def _spend(self) -> None:
        self._idle += 1
        if self._idle >= PATIENCE:
            raise _no_progress()


def looks_full(size: int) -> bool:
    """Whether a first page of `size` records looks like a full one: page sizes are round numbers."""
    return size >= 10 and size % 5 == 0


def _shuffled(longest: int) -> PaginationError:
    return PaginationError(
        f"more records share one createdAt than fit into half a page of {longest}, and the service gives them in"
        " another order each time: such a list cannot be read without losing records. Tell the service's support"
    )


def _one_a_page() -> PaginationError:
    return PaginationError(
        "the service gives one record a page, so that no page can be seen to follow another: such a list cannot be read"
        " without losing records. Tell the service's support"
    )


def _no_progress() -> PaginationError:
    return PaginationError(
        f"{PATIENCE} requests in a row brought no new record and no end: the list changes faster than it can be read,"
        " or the service pays no heed to the offset. Go on later, from the listing's cursor; if it stays so, tell the"
        " service's support"
    )
