"""Bulk calls of real sessions over real connections: the runs, the resources and the transport together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from itertools import count

import pytest

from walead_async import AsyncSession, RetryPolicy, VoiceAgentSession
from walead_async.errors import AuthenticationError, ConnectionFailedError, PermissionDeniedError, ServerError
from walead_async.models import Status
from walead_async.testing import Emulator, Settings

PATH = "/v1/blocked-leads"
QUICK = RetryPolicy(wait_initial=0.0)
PEOPLE = [f"person-{number}" for number in range(1_000)]


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator() as running:
        yield running


@pytest.fixture
async def session(emulator: Emulator) -> AsyncIterator[AsyncSession]:
    async with AsyncSession(emulator.api_key, base_url=emulator.walead_url, retry=QUICK) as opened:
        yield opened


def requests(emulator: Emulator, method: str) -> list[int]:
    """Where in the emulator's log the requests of a method stand."""
    return [at for at, request in enumerate(emulator.requests) if request.method == method]


async def test_one_bad_lead_in_a_thousand_is_found_within_25_requests(
    emulator: Emulator, session: AsyncSession
) -> None:
    emulator.settings = Settings(bad_identifier="^person-617$")
    report = await session.blocked_leads.block(PEOPLE, check=False)
    assert len(emulator.requests) <= 25
    assert report.counts[Status.DONE] == 999
    assert [outcome.key for outcome in report.failures()] == ["person-617"]


@pytest.mark.parametrize("fault", ["apply-then-close", "apply-then-reset", "cut-body", "reset-in-body", "cut-json"])
async def test_a_block_cut_after_it_was_made_is_done(emulator: Emulator, session: AsyncSession, fault: str) -> None:
    emulator.faults.add(f"POST#1:{fault}")
    report = await session.blocked_leads.block(PEOPLE[:50])
    assert report.counts[Status.DONE] == 50
    assert sorted(emulator.blocked_leads.identifiers()) == sorted(PEOPLE[:50])
    assert requests(emulator, "POST")[0] < requests(emulator, "GET")[0]


@pytest.mark.parametrize("fault", ["apply-then-close", "apply-then-reset", "cut-body", "reset-in-body", "cut-json"])
async def test_an_unblock_cut_after_it_was_made_is_not_sent_a_second_time(
    emulator: Emulator, session: AsyncSession, fault: str
) -> None:
    emulator.add_leads(PEOPLE[:50])
    emulator.faults.add(f"DELETE#1:{fault}")
    report = await session.blocked_leads.unblock(emulator.blocked_leads.ids())
    assert report.counts[Status.DONE] == 50
    assert len(requests(emulator, "DELETE")) == 1
    assert requests(emulator, "DELETE")[0] < requests(emulator, "GET")[0]
    assert len(emulator.blocked_leads) == 0


@pytest.mark.parametrize("fault", ["close", "reset", "status=500", "status=408", "apply-part"])
async def test_an_unblock_that_was_not_made_is_sent_again_after_a_read_back(
    emulator: Emulator, session: AsyncSession, fault: str
) -> None:
    emulator.add_leads(PEOPLE[:50])
    emulator.faults.add(f"DELETE#1:{fault}")
    report = await session.blocked_leads.unblock(emulator.blocked_leads.ids())
    assert report.counts[Status.DONE] == 50
    first, second, *_ = requests(emulator, "DELETE")
    assert any(first < read < second for read in requests(emulator, "GET"))
    assert len(emulator.blocked_leads) == 0


async def test_a_401_in_the_middle_ends_the_run_with_its_report(emulator: Emulator, session: AsyncSession) -> None:
    emulator.faults.add("POST#3-:status=401")
    with pytest.raises(AuthenticationError) as caught:
        await session.blocked_leads.block(PEOPLE, batch_size=20)
    report = caught.value.report
    assert report is not None
    assert report.counts[Status.DONE] == 40 == len(emulator.blocked_leads)
    assert report.counts[Status.NOT_SENT] == 960
    assert len(emulator.requests) <= 2 + 8


async def test_a_campaign_without_a_licence_ends_the_run(emulator: Emulator, session: AsyncSession) -> None:
    emulator.settings = Settings(campaign_licence=False)
    with pytest.raises(PermissionDeniedError) as caught:
        await session.campaign("c1").blocked_leads.block(PEOPLE)
    assert caught.value.report is not None
    assert caught.value.report.counts[Status.NOT_SENT] == 1_000


async def test_a_service_that_always_fails_is_asked_a_bounded_number_of_times(
    emulator: Emulator, session: AsyncSession
) -> None:
    emulator.faults.add("status=500")
    with pytest.raises(ServerError) as caught:
        await session.blocked_leads.block(PEOPLE, batch_size=10)
    assert caught.value.report is not None
    assert len(emulator.requests) <= 20 + 8 * 5


async def test_a_service_that_is_away_has_been_sent_nothing() -> None:
    async with Emulator() as emulator:
        gone = emulator.walead_url
    async with AsyncSession("key", base_url=gone, retry=QUICK) as session:
        with pytest.raises(ConnectionFailedError) as caught:
            await session.blocked_leads.block(PEOPLE, batch_size=10)
    assert caught.value.report is not None
    assert caught.value.report.counts[Status.NOT_SENT] == 1_000


async def test_too_many_requests_slow_the_run_down_and_lose_nobody(emulator: Emulator, session: AsyncSession) -> None:
    emulator.faults.add("POST ~0.2:status=429/0")
    report = await session.blocked_leads.block(PEOPLE, batch_size=20)
    assert report.counts[Status.DONE] == 1_000


async def test_a_limit_of_items_is_learnt(emulator: Emulator, session: AsyncSession) -> None:
    for status in (413, 400):
        emulator.settings = Settings(batch_limit=100, batch_limit_status=status)
        people = [f"limited-{status}-{number}" for number in range(5_000)]
        before = len(emulator.requests)
        report = await session.blocked_leads.block(people)
        assert report.counts[Status.DONE] == 5_000
        assert len(emulator.requests) - before <= 250


async def test_people_blocked_already_are_already_by_one_listing(emulator: Emulator, session: AsyncSession) -> None:
    emulator.add_leads(PEOPLE)
    report = await session.blocked_leads.block(PEOPLE, batch_size=50)
    assert report.counts[Status.ALREADY] == 1_000
    assert len(requests(emulator, "POST")) == 20
    assert len(requests(emulator, "GET")) <= 25


async def test_an_id_that_is_no_record_is_already_and_points_to_unblocking_people(
    emulator: Emulator, session: AsyncSession
) -> None:
    report = await session.blocked_leads.unblock(["person-1"])
    assert report.outcomes[0].status is Status.ALREADY
    assert "unblock_identifiers" in (report.outcomes[0].detail or "")


async def test_people_are_unblocked_by_name_with_every_record(emulator: Emulator, session: AsyncSession) -> None:
    emulator.add_leads([*PEOPLE[:30], "person-1"])
    report = await session.blocked_leads.unblock_identifiers([*PEOPLE[:20], "nobody-at-all"])
    assert report.counts[Status.DONE] == 20
    assert report.outcomes[20].status is Status.ALREADY
    assert sorted(emulator.blocked_leads.identifiers()) == sorted(PEOPLE[20:30])


async def test_numbers_end_as_the_service_names_them(emulator: Emulator) -> None:
    async with VoiceAgentSession(
        emulator.api_key, uid=emulator.uid, base_url=emulator.phonely_url, retry=QUICK
    ) as phones:
        numbers = phones.agent("a1").block_list
        emulator.faults.add("POST#1:apply-then-close")
        first = await numbers.block(["+14155550123", "+14155550124"])
        again = await numbers.block(["+14155550123", "+14155550125"])
        gone = await numbers.unblock(["+14155550124", "+14155550199"])
    assert [outcome.status for outcome in first.outcomes] == [Status.DONE, Status.DONE]
    assert [outcome.status for outcome in again.outcomes] == [Status.ALREADY, Status.DONE]
    assert [outcome.status for outcome in gone.outcomes] == [Status.DONE, Status.ALREADY]


async def test_a_stream_left_by_break_sends_nothing_more(emulator: Emulator, session: AsyncSession) -> None:
    taken: list[str] = []

    def endless() -> Iterator[str]:
        for number in count():
            taken.append(f"endless-{number}")
            yield taken[-1]

    async for outcome in session.blocked_leads.block_stream(endless(), batch_size=10):
        assert outcome.status is Status.DONE
        break
    before = len(taken)
    await session.blocked_leads.find("nobody")
    assert len(taken) == before
    assert len(requests(emulator, "POST")) <= before / 10
