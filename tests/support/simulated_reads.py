"""Seeded reads of lists that change, from servers that keep the rules or break them, each checked against the truth."""

from __future__ import annotations

import random
from collections import Counter, deque
from typing import Literal, NamedTuple

from moving_list import MovingList, Read, Record, page_of, reader_for

from walead_async.errors import PaginationError
from walead_async.models import Completeness
from walead_async.paging.cursor import START, read_cursor, write_cursor
from walead_async.paging.reader import Ask

DRIFTS = ("none", "remove", "oldest", "newest", "add", "tie", "past", "renew", "replace", "read", "mixed")
FAULTS = ("none", "empty", "repeat", "cut", "varying", "unstable", "double", "disorder", "stuck", "ones")
#: What a service may not show: what lies beyond offset plus page, a stretch of records, or the list's other side.
HIDDEN = ("nothing", "beyond", "stretch", "side")
#: When the list shows a change: some requests later, or at each request as it was some requests ago, or fewer.
SHOWN = ("at once", "late", "unevenly late")
#: After so many changes a list stays as it is.
MOST_CHANGES = 500
#: So many turns of changes are made before the first request where lists lag.
BEFORE = 5
#: How often one run is stopped and resumed at most.
STOPS = 5


class Plan(NamedTuple):
    """What one run is made of."""

    seed: int
    kind: str
    drift: str
    fault: str
    length: int
    tied: int
    size: int
    window: int
    late: float
    rate: float
    stops: float
    remembered: bool
    hidden: str
    second_look: Literal["long", "always"]
    shown: str
    lag: int
    #: Records of one date stand in the same order, whichever way the list is sorted.
    fixed: bool


def plan_for(seed: int) -> Plan:
    rng, lag_rng = random.Random(seed), random.Random(f"lag {seed}")
    shown = lag_rng.choice(["at once", *SHOWN])
    size = rng.choice([4, 5, 8, 10, 20, 50])
    fault = rng.choice((*FAULTS, "none", "none"))
    kind = rng.choice(["ASC", "ASC", "DESC", "DESC", "NAMED"])
    if fault == "unstable":
        # a tie group that fits into half a page is read without trust in its order
        kind, size = rng.choice(["ASC", "DESC"]), rng.choice([10, 20, 50])
    plan = Plan(
        seed=seed,
        kind=kind,
        drift=rng.choice(DRIFTS),
        fault=fault,
        length=rng.choice([0, 1, 2, 3, 5, 9, 10, 20, 33, 60, 100, 250]),
        tied=rng.randrange(1, max(2, size // 2 - 1)) if fault == "unstable" else rng.choice([1, 1, 2, 5, 30]),
        size=size,
        window=rng.choice([1, 1, 2, 3, 8, 32]),
        late=rng.choice([0.0, 0.5, 1.0]),
        rate=rng.choice([0.1, 0.5, 1.0, min(3.0, size / 4)]),
        stops=rng.choice([0.0, 0.0, 0.1]),
        remembered=rng.random() < 0.3,
        # a list without ids has no other side that would tell
        hidden="nothing" if kind == "NAMED" else rng.choice(["nothing", "nothing", "nothing", *HIDDEN]),
        second_look=rng.choice(["long", "always"]),
        shown=shown,
        lag=0 if shown == "at once" else lag_rng.choice([1, 2, 5, 20, 1_000]),
        fixed=rng.random() < 0.3 and fault != "unstable",
    )
    # of records of one date nobody can tell the order, and so whether a service pays heed to `sort`
    alike = plan.tied > 1 or plan.drift in {"tie", "past", "mixed"}
    return plan._replace(hidden="nothing") if plan.hidden == "side" and alike else plan


class Server:
    """A list that drifts, behind a service that has a fault."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.random = random.Random(plan.seed + 1)
        self.list = MovingList(number // plan.tied for number in range(plan.length))
        self.requests = 0
        self.drifted = 0
        self.met = 0
        self._last: list[Record] = []
        #: A stretch of at least one page that lies at least two pages from both ends.
        stretch = range(2 * plan.size, plan.length - 2 * plan.size) if plan.hidden == "stretch" else range(0)
        self._stretch = {self.list.records[index] for index in stretch} if len(stretch) >= plan.size else set()
        for record in self._stretch:
            self.list.faithful.pop(record)
        #: What the list held before each of the last requests. It changed before the first one, too.
        self._past = deque([list(self.list.records)], maxlen=plan.lag + 1)
        self._lag_dice = random.Random(plan.seed + 3)
        for _ in range(min(plan.lag, BEFORE)):
            self._drift()
            self._past.append(list(self.list.records))

    def page(self, ask: Ask) -> list[Record]:
        self._drift()
        if self.plan.lag:
            self._past.append(list(self.list.records))
        self.requests += 1
        page = self._honest(ask)
        answer = self._spoil(self._hide(page, ask), ask)
        self.met += answer != page
        self._last = page
        return answer

    def _descending(self, ask: Ask) -> bool:
        return (self.plan.kind == "DESC") != (ask.other_side and self.plan.hidden != "side")

    def _honest(self, ask: Ask) -> list[Record]:
        plan = self.plan
        size = self.random.randrange(2, plan.size + 1) if plan.fault == "varying" else plan.size
        shuffle = self.random if plan.fault == "unstable" else None
        return page_of(
            self._shown(), ask.offset, size, descending=self._descending(ask), shuffle=shuffle, fixed=plan.fixed
        )

    def _shown(self) -> list[Record]:
        """What the list shows now, which may be what it held some requests ago."""
        if not self.plan.lag:
            return self.list.records
        uneven = self.plan.shown == "unevenly late"
        return self._past[self._lag_dice.randrange(len(self._past)) if uneven else 0]

    def _hide(self, page: list[Record], ask: Ask) -> list[Record]:
        if self.plan.hidden == "beyond":
            # the cap of a service that shows only the first thousand
            return page[: max(0, 3 * self.plan.size - ask.offset)]
        return [record for record in page if record not in self._stretch]

    def _spoil(self, page: list[Record], ask: Ask) -> list[Record]:
        fault, rare = self.plan.fault, self.random.random() < 0.2
        if fault == "empty" and rare and ask.offset:
            return []
        if fault == "repeat" and rare and ask.offset:
            return self._last
        if fault == "cut" and rare:
            return page[: self.random.randrange(2, self.plan.size + 1)]
        if fault == "double" and rare and page:
            return [*page, page[-1]]
        if fault == "disorder" and rare and len(page) > 1:
            return page[::-1]
        if fault == "stuck":
            return self.list.page(0, self.plan.size, descending=self._descending(ask))
        return page[:1] if fault == "ones" else page

    def _drift(self) -> None:
        calm = self.plan.drift == "none" or self.plan.fault == "stuck" or self.drifted > MOST_CHANGES
        rate = 0.0 if calm else self.plan.rate
        while rate > 0:
            if self.random.random() < rate:
                self._change(self.plan.drift)
            rate -= 1

    def _change(self, drift: str) -> None:
        records = self.list
        if drift == "mixed":
            drift = self.random.choice(DRIFTS[1:-1])
        self.drifted += 1
        somewhere = self.random.randrange(len(records.records)) if records.records else 0
        if drift == "remove":
            records.remove(somewhere)
        elif drift in {"oldest", "newest"}:
            records.remove(0 if drift == "oldest" else -1)
        elif drift in {"renew", "replace"} and records.records:
            records.renew(somewhere) if drift == "renew" else (records.remove(somewhere), records.add())
        elif drift == "read":
            for record in self._last[: self.random.randrange(1, 4)]:
                if record in records.faithful:
                    records.remove(records.records.index(record))
        elif drift in {"tie", "past"} and records.records:
            records.add(records.records[-1 if drift == "tie" else somewhere].created_at)
        else:
            records.add()


def run(plan: Plan) -> tuple[str, Server, int]:
    """Make one read, stopping and going on where the plan says so, and check it. Returns its end and its requests."""
    server = Server(plan)
    rng = random.Random(plan.seed + 2)
    mark, got, requests, stopped = START, list[Record](), 0, 0
    while True:
        guess = plan.size if plan.remembered else None
        reader = reader_for(plan.kind, page_size=guess, start=mark, second_look=plan.second_look)
        read = Read(reader, server.page, window=plan.window, late=lambda: rng.random() < plan.late, limit=20_000)
        end, left = _read(read, rng, plan.stops if stopped < STOPS else 0.0)
        got += read.got[: len(read.got) - left]
        requests += read.requests
        if end != "stopped":
            break
        stopped += 1
        mark = reader.mark(left) or START
        mark = read_cursor(write_cursor(mark, plan.kind), plan.kind)
        server.page(Ask(0))
    check(plan, server, got, end)
    return end, server, requests


def _read(read: Read, rng: random.Random, stops: float) -> tuple[str, int]:
    """Read to the end, or stop somewhere in a page: how it ended, and how many records were judged and not taken."""
    try:
        while not read.reader.ended:
            records = read.step().records
            if records and rng.random() < stops:
                return "stopped", rng.randrange(len(records) + 1)
            assert read.requests < read.limit, "the read never ends"
    except PaginationError:
        return "error", 0
    return read.reader.verdict.value, 0


def check(plan: Plan, server: Server, got: list[Record], end: str) -> None:
    """Nothing twice; nothing lost, unless the read says that it may be; and nothing said that is not so."""
    assert len(set(got)) == len(got), "a record was yielded twice"
    lost = server.list.faithful.keys() - set(got)
    if plan.hidden == "stretch" and (not got or (plan.second_look == "long" and len(got) <= plan.size)):
        # what lies behind a list that came whole in one answer is not looked for
        lost = set()
    of_one_date = plan.tied >= plan.length or (server.drifted and plan.tied > plan.size)
    if plan.hidden != "nothing" and plan.fixed and of_one_date:
        # records of one date alone, in one order from both sides: nothing shows what is hidden
        lost = set()
    if plan.fault == "ones" and plan.shown == "unevenly late":
        # no two pages of one record need be of one state of the list
        lost = set()
    undisturbed = not server.drifted and not server.met and plan.fault != "varying" and plan.hidden != "side"
    if end in {Completeness.COMPLETE.value, Completeness.CHANGED.value}:
        assert not lost, f"{len(lost)} records were lost, and the read ended as {end}"
    if plan.kind != "NAMED":
        dates = [record.created_at for record in got]
        assert dates == sorted(dates, reverse=plan.kind == "DESC"), "the order was lost"
    if undisturbed and plan.fault != "unstable":
        assert end == Completeness.COMPLETE.value, f"a quiet list ended as {end}"
        assert len(got) == plan.length
    if end == "error":
        assert plan.fault != "none" or server.drifted, "a list that could be read was not"


def run_many(runs: int, seed: int) -> Counter[tuple[str, str, str]]:
    """Make so many runs, and count their ends by fault and drift. Raises `AssertionError` naming one that failed."""
    ends: Counter[tuple[str, str, str]] = Counter()
    for number in range(seed, seed + runs):
        plan = plan_for(number)
        try:
            end, server, requests = run(plan)
        except AssertionError as error:
            raise AssertionError(f"{error}: {plan}") from error
        ends["fault", plan.fault, end] += 1
        ends["hidden", plan.hidden, end] += 1
        ends["drift", plan.drift, end] += 1
        ends["order", plan.kind, end] += 1
        ends["changes shown", plan.shown, end] += 1
        ends["total", "requests", ""] += requests
        ends["total", "changes", ""] += server.drifted
    return ends
