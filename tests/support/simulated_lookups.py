"""Seeded look-ups in lists that services search in every way that was met, each checked against the truth."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from walead_async.errors import PaginationError
from walead_async.models import BlockedLead
from walead_async.paging.lookup import Lookup, SearchCapabilities, key_of
from walead_async.paging.seen import Dated
from walead_async.transport.messages import DeadlineFrom, Response

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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


class Plan(NamedTuple):
    """What one run is made of."""

    seed: int
    search: str
    spelling: str
    people: int
    size: int
    cap: int | None


def plan_for(seed: int) -> Plan:
    rng = random.Random(seed)
    return Plan(
        seed=seed,
        search=rng.choice(list(SEARCHES)),
        spelling=rng.choice(list(SPELLINGS)),
        people=rng.choice([0, 1, 3, 10, 40, 120]),
        size=rng.choice([5, 10, 50]),
        cap=rng.choice([None, None, 3, 10]),
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
            for number, name in enumerate(sorted(people, key=lambda _: rng.random()))
        ]
        self.requests = 0
        self.page_size: int | None = None

    def pages(self, term: str | None) -> Any:
        return SearchedPages(self, term)

    def page(self, term: str | None, ask: Ask) -> list[BlockedLead]:
        leads = self.leads[::-1] if ask.other_side else self.leads
        place = slice(ask.offset, ask.offset + self.plan.size)
        if term is None:
            return leads[place]
        cut = "after it was cut" in self.plan.search
        searched = leads[place] if cut else leads
        found = [lead for lead in searched if SEARCHES[self.plan.search](lead.public_identifier, term)]
        return found if cut else found[: self.plan.cap][place]


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
        service.requests += 1
        number = service.requests
        await asyncio.sleep(0)
        page = self._answers[number] = service.page(self._term, ask)
        return Response(200, b"%d" % number + b" " * 100 * len(page))

    def records(self, body: bytes) -> Sequence[BlockedLead]:
        return self._answers[int(body)]


async def run(plan: Plan) -> tuple[str, int]:
    """Look people up, one by one and many at once, in one session. Returns the kind of service and the requests."""
    service = SearchedList(plan)
    lookup = Lookup(service.pages, SearchCapabilities(), concurrency=4)
    rng = random.Random(plan.seed + 2)
    there = {key_of(lead.public_identifier) for lead in service.leads}
    wanted = [*rng.sample(sorted(there), min(len(there), 5)), *rng.sample(NAMES, 3), "nobody", "jan", "-2"]
    for key in wanted:
        lead = await lookup.find(key)
        assert (lead is not None) == (key in there), f"{key} was said to be {'there' if lead else 'absent'}"
        assert lead is None or key_of(lead.public_identifier) == key
    for look_up in (lookup.find_any, lookup.records):
        found = await look_up(set(wanted))
        assert {key for key, records in found.items() if records} == there & set(wanted)
    return plan.search, service.requests


def run_many(runs: int, seed: int) -> Counter[tuple[str, str]]:
    """Make so many runs, and count them and their requests by kind. Raises `AssertionError` naming one that failed."""
    ends: Counter[tuple[str, str]] = Counter()
    for number in range(seed, seed + runs):
        plan = plan_for(number)
        try:
            kind, requests = asyncio.run(run(plan))
        except (AssertionError, PaginationError) as error:
            raise AssertionError(f"{error}: {plan}") from error
        ends[kind, "runs"] += 1
        ends[kind, "requests"] += requests
    return ends
