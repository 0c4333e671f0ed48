"""What looking people up costs: at most twice the cheaper way, and one listing more if somebody is absent."""

from __future__ import annotations

import math
from itertools import product
from typing import TYPE_CHECKING

import pytest
from lead_service import LeadService

from walead_async.models import Completeness
from walead_async.paging.lookup import key_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from walead_async.paging.lookup import Lookup

PEOPLE = (1, 2, 5, 20, 64, 100)


def present(length: int, people: int) -> tuple[list[str], list[str]]:
    """People who stand all over the list: who is on it, and who is looked for."""
    names = [f"f-{number:05d}" for number in range(length)]
    return names, [names[number * length // people] for number in range(min(people, length))]


def other_case(length: int, people: int) -> tuple[list[str], list[str]]:
    """People whom the service spells in the other case."""
    return [*others(length), *(f"Up-{number:04d}" for number in range(people))], sought(people)


def absent(length: int, people: int) -> tuple[list[str], list[str]]:
    """People of whom there is no trace."""
    return others(length), sought(people)


def decoys(length: int, people: int) -> tuple[list[str], list[str]]:
    """People who are absent, though others' names hold theirs."""
    return [*others(length), *(f"up-{number:04d}-decoy" for number in range(people))], sought(people)


def decoys_in_the_other_case(length: int, people: int) -> tuple[list[str], list[str]]:
    """The same, and the people are there in the other case."""
    names = [name for number in range(people) for name in (f"up-{number:04d}-decoy", f"UP-{number:04d}")]
    return [*others(length), *names], sought(people)


def behind_decoys(length: int, people: int) -> tuple[list[str], list[str]]:
    """People who stand on the second page of a search for them."""
    names = [name for number in range(people) for name in [*many_decoys(number), f"up-{number:04d}"]]
    return [*others(length), *names], sought(people)


def only_many_decoys(length: int, people: int) -> tuple[list[str], list[str]]:
    """People who are absent, though searches for them fill two pages."""
    return [*others(length), *(name for number in range(people) for name in many_decoys(number))], sought(people)


def mixed(length: int, people: int) -> tuple[list[str], list[str]]:
    """Some of each."""
    names, wanted = decoys(length, people)
    names += [f"up-{number:04d}" for number in range(0, people, 3)]
    return [*names, *(f"UP-{number:04d}" for number in range(1, people, 3))], wanted


def others(length: int) -> list[str]:
    return [f"f-{number:05d}" for number in range(length)]


def sought(people: int) -> list[str]:
    return [f"up-{number:04d}" for number in range(people)]


def many_decoys(number: int) -> list[str]:
    return [f"up-{number:04d}-{decoy}" for decoy in range(15)]


async def requests_of_searches(service: LeadService, wanted: list[str]) -> float:
    """What it costs to search for each, up to the person or to the end; infinite if that misses somebody who is there.

    Each search is read one request at a time. Up to the page that shows the person, each page costs one.
    """
    there = {key_of(lead.public_identifier) for lead in service.leads}
    cost: float = 0
    for key in wanted:
        listing = service.listing(key, window=1)
        pages = [page async for page in listing.pages()]
        shown = [any(key_of(lead.public_identifier) == key for lead in page.records) for page in pages]
        if key in there and not any(shown):
            return math.inf
        cost += shown.index(True) + 1 if key in there else listing.requests
    return cost


async def warm_up(service: LeadService, lookup: Lookup) -> None:
    """What a session may have learnt: the page size, and how the service searches."""
    await service.listing().collect()
    await lookup.find(service.leads[0].public_identifier.lower())
    await lookup.find("nobody-at-all")


@pytest.mark.parametrize("length", [0, 45, 300])
@pytest.mark.parametrize("ties", [1, 3])
@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize(
    "case",
    [present, other_case, absent, decoys, decoys_in_the_other_case, behind_decoys, only_many_decoys, mixed],
)
async def test_everybody_is_found_or_proven_absent_within_the_bound(
    length: int, ties: int, whole: bool, case: Callable[[int, int], tuple[list[str], list[str]]]
) -> None:
    for people in PEOPLE:
        names, wanted = case(length, people)
        for warm, minds_case in product((False, True), repeat=2):
            service = LeadService(names, ties=ties, whole=whole, minds_case=minds_case)
            lookup = service.lookup()
            if warm and names:
                await warm_up(service, lookup)
            known = service.page_size
            listing = service.listing()
            await listing.collect()
            assert listing.verdict is Completeness.COMPLETE
            searches = await requests_of_searches(service, wanted)
            service.page_size = known
            service.searched.clear()
            found = await lookup.find_any(wanted)
            there = {key_of(name) for name in names}
            assert {key: bool(records) for key, records in found.items()} == {key: key in there for key in wanted}
            assert all(key_of(lead.public_identifier) == key for key in found for lead in found[key])
            bound = 2 * min(searches, listing.requests) + (0 if there.issuperset(wanted) else listing.requests)
            assert len(service.searched) <= bound, (people, warm, minds_case)
