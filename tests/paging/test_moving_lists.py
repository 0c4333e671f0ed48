"""The reading rule against whatever Hypothesis makes of a list: changes, answers and stops in any order."""

from __future__ import annotations

from collections import deque

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from moving_list import MovingList, Record, reader_for

from walead_async.models import Completeness
from walead_async.paging.cursor import START, Mark, read_cursor, write_cursor
from walead_async.paging.reader import Ask

positions = st.integers(0, 10_000)


class MovingListMachine(RuleBasedStateMachine):
    """A reader with requests under way, and people who change the list between any two of its answers."""

    @initialize(
        kind=st.sampled_from(["ASC", "DESC"]),
        length=st.integers(0, 80),
        tied=st.integers(1, 12),
        size=st.integers(2, 12),
        window=st.integers(1, 4),
        guess=st.none() | st.integers(1, 15),
    )
    def begin(self, kind: str, length: int, tied: int, size: int, window: int, guess: int | None) -> None:
        self.kind, self.size, self.window, self.guess = kind, size, window, guess
        self.records = MovingList(number // tied for number in range(length))
        self.got: list[Record] = []
        self.changed = False
        self.start(START)

    def start(self, mark: Mark) -> None:
        self.reader = reader_for(self.kind, page_size=self.guess, start=mark)
        self.to_ask = deque(self.reader.first)
        self.under_way: deque[tuple[Ask, list[Record] | None]] = deque()
        self.last = 0

    def page(self, ask: Ask) -> list[Record]:
        return self.records.answer(ask, self.size, self.kind)

    @property
    def reading(self) -> bool:
        return not self.reader.ended

    @precondition(lambda self: self.reading)
    @rule()
    def ask(self) -> None:
        if len(self.under_way) >= min(self.window, self.reader.width):
            return
        if self.to_ask:
            ask = self.to_ask.popleft()
        elif self.reader.stride:
            ask = Ask(self.last + self.reader.stride)
        else:
            return
        self.last = ask.offset
        self.under_way.append((ask, None))

    @precondition(lambda self: self.reading and self.under_way)
    @rule(which=positions)
    def answer(self, which: int) -> None:
        """The service answers one of the requests under way, not always the first."""
        index = which % len(self.under_way)
        ask, page = self.under_way[index]
        self.under_way[index] = (ask, self.page(ask) if page is None else page)

    @precondition(lambda self: self.reading)
    @rule()
    def judge(self) -> None:
        if not self.under_way:
            self.ask()
        ask, page = self.under_way.popleft()
        decision = self.reader.process_page(ask, self.page(ask) if page is None else page)
        self.got += decision.records
        if not self.under_way or decision.keep is None or self.under_way[0][0].offset > decision.keep:
            self.under_way.clear()
            self.to_ask = deque(decision.ask)

    @precondition(lambda self: self.reading and self.under_way)
    @rule()
    def throttle(self) -> None:
        """The service refuses the first request under way: it is made once more, and all others are dropped."""
        self.to_ask = deque([self.under_way[0][0]])
        self.under_way.clear()

    @rule(where=positions)
    def remove(self, where: int) -> None:
        if self.records.records:
            self.records.remove(where % len(self.records.records))
            self.changed = True

    @rule()
    def add(self) -> None:
        self.records.add()
        self.changed = True

    @rule(where=positions)
    def renew(self, where: int) -> None:
        if self.records.records:
            self.records.renew(where % len(self.records.records))
            self.changed = True

    @precondition(lambda self: self.reading and self.reader.mark())
    @rule()
    def resume(self) -> None:
        """The reader is stopped, and goes on from its cursor in another process."""
        mark = self.reader.mark()
        assert mark is not None
        self.start(read_cursor(write_cursor(mark, self.kind), self.kind))

    @invariant()
    def nothing_is_yielded_twice(self) -> None:
        got = getattr(self, "got", [])
        assert len(set(got)) == len(got)

    def teardown(self) -> None:
        """From here on the list stays as it is, and the reader comes to its end."""
        if not hasattr(self, "reader"):
            return
        for _ in range(2_000):
            if not self.reading:
                break
            self.judge()
        assert not self.reading, "the read never ends"
        assert self.records.faithful.keys() <= set(self.got), "a record was lost"
        dates = [record.created_at for record in self.got]
        assert dates == sorted(dates, reverse=self.kind == "DESC")
        if not self.changed:
            assert self.reader.verdict is Completeness.COMPLETE


TestMovingLists = MovingListMachine.TestCase
TestMovingLists.settings = settings(stateful_step_count=40)
