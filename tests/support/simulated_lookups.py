"""Seeded look-ups in lists that services search in every way that was met, each checked against the truth."""

from __future__ import annotations

import asyncio
import random
from collections import Counter, deque
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from walead_async.errors import PaginationError
from walead_async.models import BlockedLead
from walead_async.paging.lookup import Lookup, SearchCapabilities, key_of
from walead_async.paging.seen import Dated
from walead_async.transport.messages import DeadlineFrom, Response

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from walead_async.paging.reader import Ask, SecondLook

BEGAN = datetime(2024, 1, 1, tzinfo=UTC)

#: How a service searches: whether a name, as stored, is shown for a term.
SEARCHES = {
    "parts, in any case": lambda name, term: term.lower() in name.lower(),
    "parts, minds case": lambda name, term: term in name,
    "parts, lower-cases only what is searched for": lambda name, term: term.lower() in name,
    "whole names, in any case": lambda name, term: term.lower() == name.lower(),
    "whole names, minds case": lambda name, term: term == name,
    "beginnings, in any case": lambda name, term: name.lower().startswith(term.lower()),
    "parts, of a page after it was cut": lambda name, term: term.lower() in name.lower(),
    "nothing ever": lambda name, term: False,
    "everything": lambda name, term: True,
}
#: How a service stores the names that it is given.
SPELLINGS = {
    "as they are": lambda name: name,
    "with capitals": str.title,
    "some with capitals": lambda name: name.title() if len(name) % 2 else name,
    "as links": lambda name: f"https://www.linkedin.com/in/{name}/",
    "with spaces around": lambda name: f" {name} ",
    "percent-encoded": quote,
}
NAMES = ("jane-doe", "john", "john-doe", "jo", "anna-maria-2", "zoë", "jürgen-m", "x1", "ab-c", "lee", "li-na")
ENDINGS = ("", "-junior", "-jr")
#: What the list and its searches show: a list that stands still, one that people are added to and removed from, and one
#: that shows such changes some requests later, all at once or each request as it was some requests ago, or fewer.
SHOWN = ("nothing changes", "changes at once", "changes late", "changes unevenly late")


class Plan(NamedTuple):
    """What one run is made of."""

    seed: int
    search: str
    spelling: str
    people: int
    size: int
    cap: int | None
    shown: str
    lag: int


def plan_for(seed: int) -> Plan:
    rng, lag_rng = random.Random(seed), random.Random(f"lag {seed}")
    shown = lag_rng.choice(["nothing changes", *SHOWN])
    return Plan(
        seed=seed,
        search=rng.choice(list(SEARCHES)),
        spelling=rng.choice(list(SPELLINGS)),
        people=rng.choice([0, 1, 3, 10, 40, 120]),
        size=rng.choice([5, 10, 50]),
        cap=rng.choice([None, None, 3, 10]),
        shown=shown,
        lag=lag_rng.choice([1, 3, 20, 1_000]) if "late" in shown else 0,
    )


class SearchedList:
    """A workspace's list in memory; its pages, whole or searched. It is its own caller, and counts requests."""

    concurrency, observed = 4, False

    def __init__(self, plan: Plan) -> None:
        rng = random.Random(plan.seed + 1)
        self.plan = plan
        people = {rng.choice(NAMES) + rng.choice((*ENDINGS, f"-{number}")) for number in range(plan.people)}
        self.leads = [
            BlockedLead(f"r{number}", SPELLINGS[plan.spelling](name), None, BEGAN + timedelta(seconds=number), "w")
            for number, name in enumerate(sorted(sorted(people), key=lambda _: rng.random()))
        ]
        self.requests = 0
        self.page_size: int | None = None
        self._dice = random.Random(plan.seed + 3)
        self._made = len(self.leads)
        #: What was listed at each of the last requests.
        self._past = deque([self.leads], maxlen=plan.lag + 1)
        self.begin()
        for _ in range(3 if plan.lag else 0):
            self._change()

    def begin(self) -> None:
        """A call begins: from now on note which records stand in all that is shown, and who stands in any of it."""
        shown = [set(leads) for leads in {id(leads): leads for leads in self._past}.values()]
        self._always, self.ever = set.intersection(*shown), keys_of(set.union(*shown))

    @property
    def always(self) -> set[str]:
        """Who stood in all that was shown, by one and the same record."""
        return keys_of(self._always)

    def turn(self) -> None:
        """A request has arrived."""
        self.requests += 1
        if self.plan.shown != "nothing changes" and self._dice.random() < 0.3:
            self._change()
        else:
            self._past.append(self._past[-1])

    def _change(self) -> None:
        if self.leads and self._dice.random() < 0.5:
            gone = self._dice.choice(self.leads)
            self.leads = [lead for lead in self.leads if lead is not gone]
        else:
            self._made += 1
            name = SPELLINGS[self.plan.spelling](self._dice.choice(NAMES) + self._dice.choice((*ENDINGS, "-new")))
            at = BEGAN + timedelta(seconds=self._made)
            self.leads = [*self.leads, BlockedLead(f"r{self._made}", name, None, at, "w")]
        self._past.append(self.leads)
        self._always &= set(self.leads)
        self.ever |= keys_of(self.leads)

    def pages(self, term: str | None) -> Any:
        return SearchedPages(self, term)

    def page(self, term: str | None, ask: Ask) -> list[BlockedLead]:
        leads = self._past[self._dice.randrange(len(self._past)) if "unevenly" in self.plan.shown else 0]
        if ask.other_side:
            leads = leads[::-1]
        place = slice(ask.offset, ask.offset + self.plan.size)
        if term is None:
            return leads[place]
        cut = "after it was cut" in self.plan.search
        searched = leads[place] if cut else leads
        found = [lead for lead in searched if SEARCHES[self.plan.search](lead.public_identifier, term)]
        return found if cut else found[: self.plan.cap][place]


def keys_of(leads: Iterable[BlockedLead]) -> set[str]:
    """Who these are."""
    return {_key_of(lead.public_identifier) for lead in leads}


_key_of = cache(key_of)


class SearchedPages:
    """Pages of the list, or of what a search leaves of it. The number of a request stands for its answer."""

    path = identity = "/leads"
    paged = True
    second_look: SecondLook = "long"
    beyond = None

    def __init__(self, service: SearchedList, term: str | None) -> None:
        self.caller: Any = service
        self.filtered = term is not None
        self._service, self._term = service, term
        self._answers: dict[int, Sequence[BlockedLead]] = {}

    @property
    def page_size(self) -> int | None:
        return self._service.page_size

    @page_size.setter
    def page_size(self, size: int | None) -> None:
        if not self.filtered:
            self._service.page_size = size

    def seen(self, date: datetime | None = None, ids: Iterable[str] = ()) -> Dated[BlockedLead]:
        return Dated(date=date, ids=ids)

    async def fetch(self, ask: Ask, *, flow: object, deadline_from: DeadlineFrom) -> Response:
        service = self._service
        service.turn()
        number = service.requests
        await asyncio.sleep(0)
        page = self._answers[number] = service.page(self._term, ask)
        return Response(200, b"%d" % number + b" " * 100 * len(page))

    def records(self, body: bytes) -> Sequence[BlockedLead]:
        return self._answers[int(body)]


async def run(plan: Plan) -> tuple[int, int]:
    """Look people up, one by one and many at once, in one session. Returns the requests, and how often nobody can tell.

    Who stood in all that was shown during a call, and before it as far as it is shown late, is found, and who stood in
    nothing of it is absent. Of others either may be said.
    """
    service = SearchedList(plan)
    lookup = Lookup(service.pages, SearchCapabilities(), concurrency=4)
    rng = random.Random(plan.seed + 2)
    there = sorted(keys_of(service.leads))
    wanted = [*rng.sample(there, min(len(there), 5)), *rng.sample(NAMES, 3), "nobody", "jan", "-2"]

    async def find(keys: Iterable[str]) -> Mapping[str, Sequence[BlockedLead]]:
        return {key: (lead,) if (lead := await lookup.find(key)) else () for key in keys}

    undecided, once = 0, dict.fromkeys(wanted)
    calls = [*((find, {key}) for key in wanted), (lookup.find_any, once), (lookup.records, once)]
    for look_up, keys in calls:
        service.begin()
        try:
            found = await look_up(keys)
        except PaginationError:
            assert plan.shown != "nothing changes", "a list that stands still could not be read"
            undecided += 1
            continue
        assert found.keys() == set(keys)
        for key, leads in found.items():
            assert leads or key not in service.always, f"{key} was said to be absent"
            assert not leads or key in service.ever, f"{key} was said to be there"
            assert {key_of(lead.public_identifier) for lead in leads} <= {key}
    return service.requests, undecided


def run_many(runs: int, seed: int) -> Counter[tuple[str, str]]:
    """Make so many runs, and count them and their requests by kind. Raises `AssertionError` naming one that failed."""
    ends: Counter[tuple[str, str]] = Counter()
    for number in range(seed, seed + runs):
        plan = plan_for(number)
        try:
            requests, undecided = asyncio.run(run(plan))
        except AssertionError as error:
            raise AssertionError(f"{error}: {plan}") from error
        for kind in (plan.search, plan.spelling, plan.shown):
            ends[kind, "runs"] += 1
            ends[kind, "requests"] += requests
            ends[kind, "undecided"] += undecided
    return ends
