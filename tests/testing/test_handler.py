from __future__ import annotations

from email.utils import parsedate_to_datetime

import pytest
from asking import LIST, Start

from walead_async.testing import RetryAfter, Settings


async def test_the_log_holds_each_request_without_its_key(start: Start):
    ask = await start(leads=1)
    await ask.walead("GET", sort="ASC")
    await ask.block("a")
    await ask.walead("GET", key="wrong")
    first, second, third = ask.emulator.requests

    assert (first.service, first.method, first.path, dict(first.query)) == ("walead", "GET", LIST, {"sort": "ASC"})
    assert (second.method, second.body, second.status) == ("POST", {"leads": [{"publicIdentifier": "a"}]}, 200)
    assert [entry.authorized for entry in (first, second, third)] == [True, True, False]
    assert third.status == 401
    assert "accept" in first.headers
    assert ask.emulator.api_key not in repr(ask.emulator.requests)


async def test_the_log_forgets_the_oldest(start: Start):
    ask = await start(settings=Settings(log_size=2))
    for offset in range(3):
        await ask.walead("GET", offset=offset)

    assert [entry.query["offset"] for entry in ask.emulator.requests] == ["1", "2"]


async def test_a_fault_is_logged_with_its_request(start: Start):
    ask = await start(faults=["GET#2:status=503"])
    await ask.walead("GET")
    await ask.walead("GET")

    assert [(entry.status, entry.fault) for entry in ask.emulator.requests] == [(200, None), (503, "GET #2:status=503")]


@pytest.mark.parametrize(
    ("fault", "left"),
    [
        ("status=500", "abc"),
        ("success-false", "abc"),
        ("redirect=http://127.0.0.1:1/", "abc"),
        ("apply-then-status=500", "c"),
        ("apply-then-success-false", "c"),
        ("apply-twice", "c"),
        ("apply-part", "bc"),
        ("cut-json", "c"),
    ],
)
async def test_a_fault_carries_an_unblock_out_or_not(start: Start, fault: str, left: str):
    ask = await start(faults=[f"DELETE:{fault}"])
    ids = ask.emulator.add_leads([*"abc"])
    await ask.walead("DELETE", json=ids[:2])

    assert ask.emulator.blocked_leads.identifiers() == list(left)
    assert ask.emulator.unfired_faults() == []


async def test_apply_twice_gives_the_second_answer(start: Start):
    ask = await start(faults=["POST:apply-twice"])

    assert (await ask.block("a", "b")).json["blocked"] == 0


@pytest.mark.parametrize("key", ["emulator-key", "wrong"])
async def test_the_callers_key_may_come_back(start: Start, key: str):
    ask = await start(leads=1, faults=["GET#1:key-in-body", "GET#2:key-in-encoding"])
    in_body, in_encoding = [await ask.walead("GET", key=key) for _ in range(2)]

    assert key in in_body.body.decode()
    assert in_encoding.headers["Content-Encoding"] == key


async def test_a_fault_that_was_never_played_is_told(start: Start):
    ask = await start(faults=["DELETE#3:close", "GET:status=500"])
    await ask.walead("GET")

    assert [str(fault) for fault in ask.emulator.unfired_faults()] == ["DELETE #3:close"]


async def test_a_repeated_page_is_the_one_before_whatever_the_offset(start: Start):
    ask = await start(leads=9, settings=Settings(page_size=3), faults=["GET#2-:repeat-page"])
    pages = [(await ask.walead("GET", offset=offset)).names for offset in (0, 3, 6)]

    assert pages[0] == pages[1] == pages[2]


async def test_drifts_happen_between_the_pages(start: Start):
    ask = await start(leads=6, settings=Settings(page_size=2), drifts=["remove-oldest"])
    pages = [(await ask.walead("GET", sort="ASC", offset=offset)).names for offset in (0, 2)]

    assert pages == [["lead-0000001", "lead-0000002"], ["lead-0000004", "lead-0000005"]]


async def test_drifts_happen_between_the_pages_of_a_campaign(start: Start):
    ask = await start(leads=2, drifts=["remove-oldest"])
    path = "/v1/campaigns/c/blocked-leads"
    await ask.walead("POST", path, json={"publicIdentifiers": [*"abcdef"]})
    pages = [(await ask.walead("GET", path, skip=skip, take=2)).names for skip in (0, 2)]

    assert pages == [["a", "b"], ["d", "e"]]
    assert len(ask.emulator.blocked_leads) == 2


async def test_a_reader_that_unblocks_what_it_reads_can_be_played(start: Start):
    ask = await start(leads=6, settings=Settings(page_size=2), drifts=["unblock-what-was-read"])
    pages = [(await ask.walead("GET", sort="ASC", offset=offset)).names for offset in (0, 2)]

    assert pages == [["lead-0000001", "lead-0000002"], ["lead-0000005", "lead-0000006"]]


async def test_a_seed_repeats_the_run(start: Start):
    async def run() -> list[object]:
        ask = await start(leads=30, seed=4, faults=["GET~0.5:status=500"], drifts=["remove-random=2"])
        return [(answer.status, answer.body) for answer in [await ask.walead("GET") for _ in range(8)]]

    assert await run() == await run()


@pytest.mark.parametrize("form", RetryAfter)
async def test_requests_above_the_rate_are_a_429(start: Start, form: RetryAfter):
    ask = await start(settings=Settings(rate_limit=0.01, rate_burst=2, retry_after=form))
    answers = [await ask.walead("GET") for _ in range(3)]
    given = answers[2].headers.get("Retry-After")

    assert [answer.status for answer in answers] == [200, 200, 429]
    if form is RetryAfter.SECONDS:
        assert given is not None
        assert 90 <= int(given) <= 100
    elif form is RetryAfter.DATE:
        assert given is not None
        assert parsedate_to_datetime(given).tzinfo is not None
    else:
        assert given is None
