"""An index of who is blocked, over real sockets: never wrong about somebody who was there throughout."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from scripted import QUICK

from walead_async import (
    AsyncSession,
    BlockIndex,
    Completeness,
    InvalidInputError,
    NotFoundError,
    PaginationError,
    RetryPolicy,
    ServerError,
    UnexpectedResponseError,
    VoiceAgentSession,
)
from walead_async.paging.index import KeyedHashes
from walead_async.testing import Emulator, NumberSpelling, Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from walead_async.testing import LoggedRequest

OWN_ID = "ACoAABcDeFgHiJkLmNoPqRsTuVwXyZ0123456789"


@contextlib.asynccontextmanager
async def workspace(
    leads: int = 0, drifts: Iterable[str] = (), seed: int = 0, **settings: Any
) -> AsyncIterator[tuple[Emulator, AsyncSession]]:
    async with (
        Emulator(leads=leads, settings=Settings(**settings), seed=seed) as emulator,
        AsyncSession(emulator.api_key, base_url=emulator.walead_url, retry=RetryPolicy.never()) as session,
    ):
        for drift in drifts:
            emulator.drifts.add(drift)
        yield emulator, session


@contextlib.contextmanager
def asked(emulator: Emulator) -> Any:
    """The requests that are made meanwhile."""
    made: list[LoggedRequest] = []
    before = len(emulator.requests)
    yield made
    made += emulator.requests[before:]


def wrong(index: BlockIndex, people: Sequence[str]) -> list[str]:
    """Who of these is not in the index."""
    return [person for person, found in zip(people, index.blocked(people), strict=True) if not found]


async def test_it_is_asked_without_a_request_by_whatever_people_paste() -> None:
    async with workspace(250) as (emulator, session):
        emulator.add_leads(["John-Smith", "jürgen", OWN_ID, "https://www.linkedin.com/in/ann%C3%A9/"])
        index = await session.blocked_leads.index()
        with asked(emulator) as made:
            for there in ("lead-0000250", "JOHN-SMITH", "linkedin.com/in/J%C3%9CRGEN", OWN_ID, "anné", " @john-smith "):
                assert there in index
            for absent in ("lead-0000251", "john-smit", "nobody", OWN_ID[:-1] + "8"):
                assert absent not in index
            assert index.blocked(["lead-0000001", "nobody", "https://linkedin.com/in/lead-0000002"]) == [
                True,
                False,
                True,
            ]
            assert index.blocked(person for person in ["nobody"]) == [False]
            assert index.blocked([]) == []
        assert (made, len(index), index.verdict) == ([], 254, Completeness.COMPLETE)


@pytest.mark.parametrize("bad", ["jane@doe.example", "", "me", None, 7, ["john"], "linkedin.com/company/x"])
async def test_what_cannot_be_a_person_is_never_said_to_be_free(bad: Any) -> None:
    async with workspace(3) as (_, session):
        index = await session.blocked_leads.index()
        with pytest.raises(InvalidInputError):
            assert bad not in index
        with pytest.raises(InvalidInputError):
            index.blocked(["lead-0000001", bad])


@pytest.mark.parametrize("bad", ["john-doe", b"john-doe", {"john-doe": 1}, 5, None])
async def test_blocked_takes_a_list(bad: Any) -> None:
    async with workspace() as (_, session):
        index = await session.blocked_leads.index()
        with pytest.raises(InvalidInputError, match="takes a list"):
            index.blocked(bad)


async def test_an_empty_list_has_an_empty_index() -> None:
    async with workspace() as (emulator, session):
        index = await session.blocked_leads.index()
        assert ("john-doe" in index, len(index), index.verdict) == (False, 0, Completeness.COMPLETE)
        emulator.add_leads(["john-doe"])
        await index.refresh()
        assert "john-doe" in index


def reached(thing: object) -> list[object]:
    """Everything that a value holds, the value included."""
    found: dict[int, object] = {}
    waiting = [thing]
    while waiting:
        one = waiting.pop()
        if id(one) not in found and not isinstance(one, type):
            found[id(one)] = one
            waiting += gc.get_referents(one)
    return list(found.values())


def test_no_name_is_kept() -> None:
    people = KeyedHashes()
    people.update(["john-doe", "jürgen"])
    held = [one for one in reached(people) if isinstance(one, (str, bytes))]
    assert held
    assert not any(part in repr(one) for one in held for part in ("john", "doe", "jürgen", "j\\xc3"))


def test_two_indexes_share_no_hash() -> None:
    one, other = KeyedHashes(), KeyedHashes()
    for people in (one, other):
        people.update(["john-doe"])
        assert "john-doe" in people
    hashes = [{part for part in reached(people) if isinstance(part, bytes) and part} for people in (one, other)]
    assert hashes[0].isdisjoint(hashes[1])


def test_a_set_finds_what_was_added_and_nothing_else() -> None:
    people = KeyedHashes()
    added, others = [[f"{kind}-{number}" for number in range(50_000)] for kind in ("added", "other")]
    for _ in range(2):
        people.update(added)
    assert len(people) == 50_000
    assert all(text in people for text in added)
    assert not any(text in people for text in others)


async def test_a_refresh_costs_one_request_if_nothing_changed() -> None:
    async with workspace(1_000) as (emulator, session):
        before = datetime.now(UTC)
        index = await session.blocked_leads.index()
        first = index.read_at
        with asked(emulator) as made:
            await index.refresh()
        assert [dict(request.query) for request in made] == [{"sort": "DESC", "offset": "0"}]
        assert before <= first < index.read_at <= datetime.now(UTC)
        assert repr(index) == f"<BlockIndex of 1,000, COMPLETE, read at {index.read_at:%Y-%m-%d %H:%M:%S} UTC>"


@pytest.mark.parametrize("new", [1, 100, 300, 2_000])
async def test_who_is_new_is_in_it_after_a_refresh(new: int) -> None:
    async with workspace(1_000) as (emulator, session):
        index = await session.blocked_leads.index()
        people = [f"new-{number}" for number in range(new)]
        emulator.add_leads(people)
        assert "new-0" not in index
        with asked(emulator) as made:
            await index.refresh()
        assert wrong(index, people) == []
        assert len(made) <= 2 + new // 90 + (20 if new > 300 else 0)


async def test_somebody_blocked_again_above_new_people_hides_none_of_them() -> None:
    async with workspace(1_000, reblock="renews") as (emulator, session):
        index = await session.blocked_leads.index()
        emulator.add_leads(["new-1", "new-2"])
        await session.blocked_leads.block(["lead-0000500", "lead-0001000"])
        await index.refresh()
        assert wrong(index, ["new-1", "new-2", "lead-0000500", "lead-0001000"]) == []


async def test_a_record_that_turns_up_a_little_late_is_seen() -> None:
    async with workspace(1_000) as (emulator, session):
        index = await session.blocked_leads.index()
        newest = emulator.blocked_leads[-1].created_at
        emulator.add_leads(["late"], newest - timedelta(seconds=55))
        emulator.add_leads(["same-moment"], newest)
        await index.refresh()
        assert wrong(index, ["late", "same-moment"]) == []


async def test_who_was_unblocked_counts_as_blocked_until_the_list_is_read_whole() -> None:
    async with workspace(1_000) as (emulator, session):
        index = await session.blocked_leads.index()
        await session.blocked_leads.unblock_identifiers(["lead-0000007"])
        await index.refresh()
        assert "lead-0000007" in index
        with asked(emulator) as made:
            await index.refresh(full=0)
        assert ("lead-0000007" in index, len(index)) == (False, 999)
        assert len(made) > 9


@pytest.mark.parametrize("full", [-1, float("nan"), "3600", None, True])
async def test_full_is_a_number_of_seconds(full: Any) -> None:
    async with workspace() as (emulator, session):
        index = await session.blocked_leads.index()
        with asked(emulator) as made, pytest.raises(InvalidInputError, match="number of seconds"):
            await index.refresh(full=full)
        assert made == []


@pytest.mark.parametrize("fault", ["GET#3-:status=500", "GET#2-:wrong-type", "GET#2-:null", "GET#2-:repeat-page"])
async def test_there_is_no_index_of_a_list_that_was_not_read_to_its_end(fault: str) -> None:
    async with workspace(1_000) as (emulator, session):
        emulator.faults.add(fault)
        with pytest.raises((ServerError, UnexpectedResponseError, PaginationError)):
            await session.blocked_leads.index()


async def test_there_is_no_index_of_a_list_whose_end_is_not_shown() -> None:
    async with workspace(1_500, offset_limit=1_000) as (_, session):
        with pytest.raises(PaginationError, match="whether somebody is not blocked"):
            await session.blocked_leads.index()


@pytest.mark.parametrize("full", [0.0, 3600.0])
async def test_a_refresh_that_fails_leaves_everybody_in_it(full: float) -> None:
    async with workspace(1_000) as (emulator, session):
        index = await session.blocked_leads.index()
        read_at = index.read_at
        emulator.add_leads(["new-1"])
        emulator.faults.add("GET #1-2:status=500")
        with pytest.raises(ServerError):
            await index.refresh(full=full)
        assert (index.read_at, index.verdict) == (read_at, Completeness.COMPLETE)
        assert wrong(index, emulator.blocked_leads.identifiers()[:1_000]) == []
        emulator.faults.clear()
        await index.refresh(full=full)
        assert "new-1" in index


async def test_a_list_that_is_not_sorted_newest_first_is_read_whole() -> None:
    async with workspace(300) as (emulator, session):
        index = await session.blocked_leads.index()
        emulator.add_leads(["new-1"])
        emulator.faults.add("GET#1:disorder")
        with asked(emulator) as made:
            await index.refresh()
        assert "new-1" in index
        assert {request.query["sort"] for request in made[1:]} >= {"ASC"}


async def test_calls_that_wait_for_a_refresh_share_the_next_one() -> None:
    async with workspace(300, latency=0.01) as (emulator, session):
        index = await session.blocked_leads.index()
        with asked(emulator) as made:
            await asyncio.gather(*(index.refresh() for _ in range(20)))
        assert len(made) == 2


DRIFTS = ["remove-random", "reblock", "replace", "insert-newest=2"]


async def kept_right(
    emulator: Emulator, index: BlockIndex, people: Sequence[str], refreshes: int, *, full: float
) -> int:
    """Refresh an index under changes, and ask it meanwhile about people who were there at first. How often it was."""
    questions = 0

    async def ask() -> None:
        nonlocal questions
        while True:
            questions += 1
            some = [person for person in people[questions % 7 :: 7] if person in emulator.blocked_leads]
            assert wrong(index, some) == []
            await asyncio.sleep(0.001)

    asking = asyncio.create_task(ask())
    try:
        for _ in range(refreshes):
            there = set(emulator.blocked_leads.identifiers())
            await index.refresh(full=full)
            there &= set(emulator.blocked_leads.identifiers())
            assert wrong(index, sorted(there)) == []
    finally:
        asking.cancel()
        await asyncio.wait([asking])
    assert asking.cancelled(), asking.exception()
    return questions


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("full", "size", "often"), [(3600.0, 100, ""), (3600.0, 20, "%3:"), (0.0, 50, "")])
async def test_nobody_who_was_there_throughout_is_missed_while_others_change_the_list(
    seed: int, full: float, size: int, often: str
) -> None:
    async with workspace(600, seed=seed, page_size=size) as (emulator, session):
        index = await session.blocked_leads.index()
        people = emulator.blocked_leads.identifiers()
        for drift in DRIFTS:
            emulator.drifts.add(often + drift)
        emulator.add_leads([f"new-{number}" for number in range(4 * size)])
        assert await kept_right(emulator, index, people, 5, full=full) > 5
        assert index.blocked(["nobody", "new-4000"]) == [False, False]


@pytest.mark.parametrize("seed", range(10))
async def test_somebody_who_is_blocked_again_while_new_people_are_read_is_not_missed(seed: int) -> None:
    async with workspace(100, seed=seed, page_size=10, clock_step=30.0) as (emulator, session):
        index = await session.blocked_leads.index()
        emulator.add_leads([f"new-{number}" for number in range(60)])
        emulator.drifts.add("#1-4:reblock=5")
        await index.refresh()
        assert wrong(index, emulator.blocked_leads.identifiers()) == []


async def test_the_index_of_a_campaign_is_always_read_whole() -> None:
    async with workspace() as (emulator, session):
        emulator.add_leads([f"Person-{number}" for number in range(250)], campaign="c-1")
        emulator.add_leads(["elsewhere"], campaign="c-2")
        index = await session.campaign("c-1").blocked_leads.index()
        assert index.blocked(["person-7", "PERSON-249", "elsewhere", "nobody"]) == [True, True, False, False]
        await session.campaign("c-1").blocked_leads.block(["new-1"])
        with asked(emulator) as made:
            await index.refresh()
        assert ("new-1" in index, len(index)) == (True, 251)
        assert len(made) >= 3
        with pytest.raises(InvalidInputError):
            assert "jane@doe.example" not in index


async def test_the_index_of_a_campaign_whose_list_moves_is_none() -> None:
    async with workspace(drifts=["remove-oldest"], campaigns=("c-1",)) as (emulator, session):
        emulator.add_leads(1_000, campaign="c-1")
        with pytest.raises(PaginationError):
            await session.campaign("c-1").blocked_leads.index()
        with pytest.raises(NotFoundError):
            await session.campaign("c-2").blocked_leads.index()


@pytest.mark.parametrize("spelling", NumberSpelling)
async def test_the_index_of_an_agent_compares_digits(spelling: NumberSpelling) -> None:
    async with Emulator(settings=Settings(number_spelling=spelling)) as emulator:
        emulator.agents["a-1"] = dict.fromkeys(["+14155550101", "+14155550102"])
        emulator.agents["a-2"] = dict.fromkeys(["+14155550109"])
        async with VoiceAgentSession(
            emulator.api_key, uid=emulator.uid, base_url=emulator.phonely_url, retry=QUICK
        ) as phones:
            index = await phones.agent("a-1").block_list.index()
            assert index.blocked(["+1 (415) 555-0101", "+14155550109"]) == [True, False]
            with pytest.raises(InvalidInputError):
                assert "call me" not in index
            emulator.agents["a-1"]["+14155550103"] = None
            del emulator.agents["a-1"]["+14155550101"]
            await index.refresh()
            assert index.blocked(["+14155550101", "+14155550103"]) == [False, True]
            emulator.faults.add("GET:status=500")
            with pytest.raises(ServerError):
                await phones.agent("a-1").block_list.index()


async def test_an_index_of_another_session_s_patience() -> None:
    async with workspace(10) as (emulator, session):
        emulator.faults.add("GET#1:status=503")
        index = await session.with_options(retry=QUICK).blocked_leads.index()
        assert len(index) == 10


@pytest.mark.soak
@pytest.mark.timeout(1800)
async def test_an_index_of_a_million_people_under_ten_thousand_changes() -> None:
    async with workspace(1_000_000, page_size=1_000) as (emulator, session):
        index = await session.blocked_leads.index()
        people = emulator.blocked_leads.identifiers()
        assert len(index) == 1_000_000
        for drift in ("remove-random=5", "reblock=3", "insert-newest=2"):
            emulator.drifts.add(drift)
        changes = 0
        for full in (3600.0, 0.0, 3600.0, 3600.0):
            there = set(emulator.blocked_leads.identifiers())
            with asked(emulator) as made:
                refreshing = asyncio.create_task(index.refresh(full=full))
                while not refreshing.done():
                    assert wrong(index, [person for person in people[::997] if person in emulator.blocked_leads]) == []
                    await asyncio.sleep(0.05)
                await refreshing
            changes += 10 * len(made)
            there &= set(emulator.blocked_leads.identifiers())
            assert wrong(index, sorted(there)) == []
        assert changes >= 10_000
