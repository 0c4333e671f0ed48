"""The outbox in one process: what it takes, keeps, delivers and tells, with the services up, down and odd."""

# ruff: noqa: ASYNC240  # small files

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from stores import stored

from walead_async import (
    AsyncSession,
    ConfigurationError,
    InvalidInputError,
    Outbox,
    OutboxError,
    RetryPolicy,
    Status,
    VoiceAgentSession,
)
from walead_async.jobs.delivery import Pace
from walead_async.testing import Emulator

KEY = "wk_secret_123"
PEOPLE = [f"person-{number:05d}" for number in range(1000)]


class QuickOutbox(Outbox):
    """An outbox that does not wait for long."""

    pace = Pace(gather=0.01, look=0.05, take_over=0.1, first=0.02, most=0.1, refused_key=0.1)


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator(api_key=KEY) as emulator:
        yield emulator


@pytest.fixture
async def session(emulator: Emulator) -> AsyncIterator[AsyncSession]:
    async with AsyncSession(KEY, base_url=emulator.walead_url, retry=RetryPolicy(attempts=1)) as session:
        yield session


@pytest.fixture
async def phones(emulator: Emulator) -> AsyncIterator[VoiceAgentSession]:
    async with VoiceAgentSession(
        KEY, uid=emulator.uid, base_url=emulator.phonely_url, retry=RetryPolicy(attempts=1)
    ) as phones:
        yield phones


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.db"


def rows(where: str, columns: str = "key, destination, reason, state") -> list[tuple[object, ...]]:
    """What the outbox holds."""
    return stored(where, f"select {columns} from optout order by id")


def posts(emulator: Emulator, path: str = "/v1/blocked-leads") -> list[object]:
    """The bodies of the blocks that the service was sent."""
    return [request.body for request in emulator.requests if request.method == "POST" and request.path == path]


async def until(what: Callable[[], object]) -> None:
    """Wait until this is so; the test's own time-out ends it if it never is."""
    while not what():  # noqa: ASYNC110
        await asyncio.sleep(0.005)


async def told(outbox: Outbox, words: str) -> str:
    """The last error, once there is one with these words in it."""
    while (said := (await outbox.status()).last_error) is None or words not in said:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    return said


def refused_key(emulator: Emulator) -> bool:
    """Whether somebody asked for the agents with another key."""
    return any(request.path == "/get-agents" and not request.authorized for request in emulator.requests)


@contextlib.asynccontextmanager
async def service_down(emulator: Emulator) -> AsyncIterator[None]:
    """The API answers 503 meanwhile."""
    emulator.faults.add("status=503")
    yield
    emulator.faults.clear()


async def test_an_opt_out_reaches_every_list_that_it_names(
    where: str, emulator: Emulator, session: AsyncSession, phones: VoiceAgentSession
) -> None:
    async with QuickOutbox.open(where, session, phones=phones) as outbox:
        receipt = await outbox.block(
            "https://www.linkedin.com/in/John-Doe/",
            reason="STOP",
            campaigns=["c1", "c2"],
            numbers=[("a1", "+1 (415) 555-0123")],
        )
        outcome = await receipt.settled()
        assert (outcome.item, outcome.key, outcome.status) == (
            "https://www.linkedin.com/in/John-Doe/",
            "john-doe",
            Status.DONE,
        )
        assert [each.key for each in receipt.outcomes()] == ["john-doe"] * 3 + ["+14155550123"]
    assert [(lead.public_identifier, lead.reason) for lead in emulator.blocked_leads] == [("john-doe", "STOP")]
    assert {name: leads.identifiers() for name, leads in emulator.campaigns.items()} == {
        "c1": ["john-doe"],
        "c2": ["john-doe"],
    }
    assert list(emulator.agents["a1"]) == ["+14155550123"]


async def test_a_receipt_tells_how_it_stands_without_waiting(
    where: str, emulator: Emulator, session: AsyncSession
) -> None:
    async with QuickOutbox.open(where, session) as outbox:
        async with service_down(emulator):
            receipt = await outbox.block("john-doe")
            [outcome] = receipt.outcomes()
            assert (outcome.status, outcome.detail) == (Status.NOT_SENT, "it is stored, and waits to be delivered")
            assert rows(where) == [("john-doe", "workspace", None, "pending")]
        assert (await receipt.settled()).status is Status.DONE
        [outcome] = receipt.outcomes()
        assert outcome.status is Status.DONE
        assert rows(where) == [("john-doe", "workspace", None, "delivered")]


async def test_who_was_blocked_before_is_already(where: str, emulator: Emulator, session: AsyncSession) -> None:
    emulator.add_leads(["john-doe"])
    async with QuickOutbox.open(where, session) as outbox:
        receipt = await outbox.block("john-doe")
        assert (await receipt.settled()).status is Status.ALREADY


INVALID: dict[str, Callable[[Outbox], object]] = {
    "an empty identifier": lambda outbox: outbox.block(""),
    "a company": lambda outbox: outbox.block("https://www.linkedin.com/company/acme/"),
    "no text": lambda outbox: outbox.block(None),  # type: ignore[arg-type]
    "an unsafe campaign": lambda outbox: outbox.block("john-doe", campaigns=["../x"]),
    "one campaign without a list": lambda outbox: outbox.block("john-doe", campaigns="c1"),
    "an empty number": lambda outbox: outbox.block("john-doe", numbers=[("a1", "")]),
    "no pair": lambda outbox: outbox.block("john-doe", numbers=["+14155550123"]),  # type: ignore[list-item]
    "an unsafe agent": lambda outbox: outbox.block("john-doe", numbers=[("a 1", "+14155550123")]),
    "a reason that is no text": lambda outbox: outbox.block("john-doe", reason=7),  # type: ignore[arg-type]
    "half a letter": lambda outbox: outbox.block("john-doe", reason="\ud800"),
    "an empty idempotency key": lambda outbox: outbox.block("john-doe", idempotency_key=""),
    "an odd idempotency key": lambda outbox: outbox.block("john-doe", idempotency_key="\ud800"),
}


@pytest.mark.parametrize("kind", INVALID)
async def test_what_cannot_be_is_refused_and_nothing_is_stored(
    kind: str, where: str, session: AsyncSession, phones: VoiceAgentSession
) -> None:
    async with QuickOutbox.open(where, session, phones=phones) as outbox:
        with pytest.raises(InvalidInputError):
            await INVALID[kind](outbox)  # type: ignore[misc]
    assert rows(where) == []


async def test_numbers_need_a_session_of_phonely(where: str, session: AsyncSession) -> None:
    async with QuickOutbox.open(where, session) as outbox:
        with pytest.raises(InvalidInputError, match="open the outbox with phones="):
            await outbox.block("john-doe", numbers=[("a1", "+14155550123")])
    assert rows(where) == []


@pytest.mark.parametrize(
    "options",
    [{"drain": -1}, {"drain": True}, {"drain": float("inf")}, {"max_depth": 0}, {"max_depth": 1.5}, {"phones": "key"}],
)
async def test_a_wrong_option_is_told_at_once(options: dict[str, object], where: str, session: AsyncSession) -> None:
    with pytest.raises(ConfigurationError):
        Outbox.open(where, session, **options)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="AsyncSession"):
        Outbox.open(where, "key")  # type: ignore[arg-type]


async def test_a_file_that_is_not_ours_is_refused_at_the_opening(path: Path, session: AsyncSession) -> None:
    path.write_text("public_identifier\njohn-doe\n" * 100)
    with pytest.raises(OutboxError, match="is no outbox, or it is damaged"):
        async with QuickOutbox.open(path, session):
            pass
    assert path.read_text() == "public_identifier\njohn-doe\n" * 100


async def test_a_read_only_file_is_refused_at_the_opening(path: Path, session: AsyncSession) -> None:
    async with QuickOutbox.open(path, session):
        pass
    path.chmod(0o400)
    with pytest.raises(OutboxError, match="is read-only"):
        async with QuickOutbox.open(path, session):
            pass


async def test_use_before_and_after_is_refused(where: str, session: AsyncSession) -> None:
    outbox = QuickOutbox.open(where, session)
    with pytest.raises(OutboxError, match="is not open"):
        await outbox.block("john-doe")
    async with outbox:
        receipt = await outbox.block("john-doe")
        await receipt.settled()
    for call in (lambda: outbox.block("jane-doe"), outbox.status):
        with pytest.raises(OutboxError, match="is closed"):
            await call()
    assert (await receipt.settled()).status is Status.DONE


async def test_an_idempotency_key_makes_one_opt_out_of_a_person_also_after_delivery(
    where: str, emulator: Emulator, session: AsyncSession
) -> None:
    async with QuickOutbox.open(where, session) as outbox:
        first = await outbox.block("john-doe", idempotency_key="event-1")
        await first.settled()
        again = await outbox.block("john-doe", reason="other", idempotency_key="event-1")
        assert again.outcomes()[0].status is Status.DONE
        other = await outbox.block("jane-doe", idempotency_key="event-1")
        await other.settled()
        campaign = await outbox.block("john-doe", campaigns=["c1"], idempotency_key="event-1")
        await campaign.settled()
    async with QuickOutbox.open(where, session) as outbox:
        again = await outbox.block("john-doe", idempotency_key="event-1")
        assert (await again.settled()).status is Status.DONE
    assert rows(where, "key, destination") == [
        ("john-doe", "workspace"),
        ("jane-doe", "workspace"),
        ("john-doe", "campaign:c1"),
    ]
    assert len(posts(emulator)) == 2


async def test_without_a_key_only_an_identical_one_that_waits_is_merged(
    where: str, emulator: Emulator, session: AsyncSession
) -> None:
    async with QuickOutbox.open(where, session) as outbox:
        async with service_down(emulator):
            first = await outbox.block("john-doe", reason="STOP")
            [(at,)] = rows(where, "at")
            again = await outbox.block("John-Doe", reason="STOP")
            assert rows(where, "at") == [(at,)]
            other = await outbox.block("john-doe", reason="by mail")
            assert [reason for _, _, reason, _ in rows(where)] == ["STOP", "by mail"]
        for receipt in (first, again, other):
            assert (await receipt.settled()).status in {Status.DONE, Status.ALREADY}
        await (await outbox.block("john-doe", reason="STOP")).settled()
        assert len(rows(where)) == 3


async def test_who_comes_several_times_at_once_is_one_opt_out(
    where: str, emulator: Emulator, session: AsyncSession
) -> None:
    async with QuickOutbox.open(where, session) as outbox:
        calls = [outbox.block("john-doe", campaigns=["c1", "c1"]) for _ in range(5)]
        calls += [outbox.block("jane-doe", idempotency_key="event-1") for _ in range(5)]
        receipts = await asyncio.gather(*calls)
        for receipt in receipts:
            assert (await receipt.settled()).status is Status.DONE
        assert [len(receipt.outcomes()) for receipt in receipts] == [3] * 5 + [1] * 5
    assert sorted(row[:2] for row in rows(where)) == [
        ("jane-doe", "workspace"),
        ("john-doe", "campaign:c1"),
        ("john-doe", "workspace"),
    ]


async def test_what_an_earlier_process_left_is_taken_up(where: str, emulator: Emulator, session: AsyncSession) -> None:
    async with service_down(emulator), QuickOutbox.open(where, session, drain=0) as outbox:
        receipt = await outbox.block("john-doe")
        waiting = asyncio.ensure_future(receipt.settled())
        await asyncio.sleep(0)
    with pytest.raises(OutboxError, match="is closed: it is stored, and delivered the next time"):
        await waiting
    assert "john-doe" not in emulator.blocked_leads
    async with QuickOutbox.open(where, session) as outbox:
        await until(lambda: "john-doe" in emulator.blocked_leads)
    assert rows(where) == [("john-doe", "workspace", None, "delivered")]


async def test_the_end_drains(where: str, emulator: Emulator, session: AsyncSession) -> None:
    emulator.settings = emulator.settings.changed({"latency": 0.05})
    async with QuickOutbox.open(where, session) as outbox:
        await asyncio.gather(*map(outbox.block, PEOPLE))
    assert {state for *_, state in rows(where)} == {"delivered"}
    assert len(emulator.blocked_leads) == len(PEOPLE)


async def test_a_drain_with_the_service_down_keeps_everything(
    where: str, emulator: Emulator, session: AsyncSession
) -> None:
    loop = asyncio.get_running_loop()
    async with service_down(emulator):
        async with QuickOutbox.open(where, session, drain=0.5) as outbox:
            await outbox.block("john-doe")
            ending = loop.time()
        # it may end sooner, and not much later
        assert loop.time() - ending < 5.0
    assert rows(where) == [("john-doe", "workspace", None, "pending")]


async def test_a_depth_above_the_limit_is_refused_and_the_rest_is_kept(
    where: str, emulator: Emulator, session: AsyncSession
) -> None:
    async with service_down(emulator), QuickOutbox.open(where, session, drain=0, max_depth=10) as outbox:
        told = await asyncio.gather(*map(outbox.block, PEOPLE[:15]), return_exceptions=True)
        refused = [each for each in told if isinstance(each, OutboxError)]
        assert len(refused) == 5
        assert "may hold 10: try again later" in str(refused[0])
        assert (await outbox.status()).depth == 10
    async with QuickOutbox.open(where, session, max_depth=10) as outbox:
        while (await outbox.status()).depth:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        for person in PEOPLE[10:15]:
            await (await outbox.block(person)).settled()
    assert len(rows(where)) == 15


async def test_a_key_that_is_not_accepted_keeps_everything_and_is_told(
    where: str, emulator: Emulator, session: AsyncSession, caplog: pytest.LogCaptureFixture
) -> None:
    emulator.api_key = "another-key"
    async with QuickOutbox.open(where, session) as outbox:
        receipt = await outbox.block("john-doe")
        await told(outbox, "")
        status = await outbox.status()
        assert (status.depth, status.failed) == (1, 0)
        assert status.oldest_seconds is not None
        assert "401, the API key was not accepted" in (status.last_error or "")
        errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
        assert [record.getMessage() for record in errors] == [
            "walead does not accept the API key: opt-outs are kept, and none is delivered"
        ]
        emulator.api_key = KEY
        assert (await receipt.settled()).status is Status.DONE
        assert (await outbox.status()).last_error is None
    assert "john-doe" not in "".join(record.getMessage() for record in caplog.records if record.name != "asyncio")


async def test_a_campaign_that_is_gone_fails_by_name_and_holds_up_nobody(
    where: str, emulator: Emulator, session: AsyncSession
) -> None:
    emulator.settings = emulator.settings.changed({"campaigns": ["c1"]})
    async with QuickOutbox.open(where, session) as outbox:
        receipts = await asyncio.gather(*(outbox.block(each, campaigns=["gone", "c1"]) for each in PEOPLE[:50]))
        for receipt in receipts:
            outcome = await receipt.settled()
            assert outcome.status is Status.REFUSED
            assert [each.status for each in receipt.outcomes()] == [Status.DONE, Status.REFUSED, Status.DONE]
            assert "/v1/campaigns/gone/blocked-leads was answered with 404" in (outcome.detail or "")
        status = await outbox.status()
        assert (status.depth, status.delivered, status.failed) == (0, 100, 50)
        assert "404" in (status.last_error or "")
    assert emulator.campaigns["c1"].identifiers() == PEOPLE[:50]


async def test_a_licence_that_does_not_allow_campaigns_fails_them(
    where: str, emulator: Emulator, session: AsyncSession
) -> None:
    emulator.settings = emulator.settings.changed({"campaign_licence": False})
    async with QuickOutbox.open(where, session) as outbox:
        receipt = await outbox.block("john-doe", campaigns=["c1"])
        await receipt.settled()
        assert [each.status for each in receipt.outcomes()] == [Status.DONE, Status.REFUSED]


async def test_one_who_is_refused_fails_alone(where: str, emulator: Emulator, session: AsyncSession) -> None:
    emulator.settings = emulator.settings.changed({"bad_identifier": "^person-00007$"})
    async with QuickOutbox.open(where, session) as outbox:
        receipts = await asyncio.gather(*map(outbox.block, PEOPLE[:20]))
        outcomes = [await receipt.settled() for receipt in receipts]
    assert [outcome.key for outcome in outcomes if outcome.status is Status.REFUSED] == ["person-00007"]
    assert len(emulator.blocked_leads) == 19


@pytest.mark.parametrize("named", ["all", "All"])
async def test_a_number_for_all_agents_is_delivered_only_when_every_agent_holds_it(
    named: str, path: Path, emulator: Emulator, session: AsyncSession, phones: VoiceAgentSession
) -> None:
    emulator.settings = emulator.settings.changed({"agents": ["a1", "a2"]})
    emulator.faults.add("POST /agent-block-list#1:status=503")
    async with QuickOutbox.open(path, session, phones=phones) as outbox:
        receipt = await outbox.block("john-doe", numbers=[(named, "+14155550123")])
        assert (await receipt.settled()).status is Status.DONE
        assert {name: list(numbers) for name, numbers in emulator.agents.items()} == {
            "a1": ["+14155550123"],
            "a2": ["+14155550123"],
        }
        emulator.settings = emulator.settings.changed({"agents_without_access": ["a2"]})
        failed = await outbox.block("jane-doe", numbers=[(named, "+14155550124")])
        outcome = await failed.settled()
        assert outcome.status is Status.REFUSED
        assert outcome.detail is not None
        assert "1 of 2 agents do not hold it: a2" in outcome.detail
        emulator.api_key = "another-key"
        waiting = await outbox.block("ann-lee", numbers=[(named, "+14155550125")])
        await until(lambda: refused_key(emulator))
        assert (await outbox.status()).failed == 1
        emulator.api_key = KEY
        emulator.settings = emulator.settings.changed({"agents_without_access": []})
        await waiting.settled()
        assert [each.status for each in waiting.outcomes()] == [Status.DONE, Status.DONE]


async def test_a_401_of_one_agent_fails_its_numbers_while_the_key_is_good(
    where: str, emulator: Emulator, session: AsyncSession, phones: VoiceAgentSession
) -> None:
    emulator.settings = emulator.settings.changed({"agents": ["a1", "a2"], "agents_without_access": ["a2"]})
    async with QuickOutbox.open(where, session, phones=phones) as outbox:
        numbers = [("a1", "+14155550123"), ("a2", "+14155550123"), ("gone", "+14155550123")]
        receipt = await outbox.block("john-doe", numbers=numbers)
        await receipt.settled()
        ends = [Status.DONE, Status.DONE, Status.REFUSED, Status.REFUSED]
        assert [each.status for each in receipt.outcomes()] == ends
        emulator.api_key = "another-key"
        waiting = await outbox.block("jane-doe", numbers=[("a1", "+14155550124")])
        await until(lambda: refused_key(emulator))
        assert (await outbox.status()).failed == 2
        emulator.api_key = KEY
        await waiting.settled()
        assert [each.status for each in waiting.outcomes()] == [Status.DONE, Status.DONE]


async def test_a_session_of_another_base_url_is_refused_with_both_names(
    where: str, emulator: Emulator, session: AsyncSession
) -> None:
    async with service_down(emulator), QuickOutbox.open(where, session, drain=0) as outbox:
        await outbox.block("john-doe")
    async with Emulator(api_key=KEY) as other, AsyncSession(KEY, base_url=other.walead_url) as wrong:
        with pytest.raises(OutboxError, match=rf"{emulator.walead_url}.*{other.walead_url}"):
            async with QuickOutbox.open(where, wrong):
                pass
        assert not other.requests
    async with QuickOutbox.open(where, session) as outbox:
        await until(lambda: "john-doe" in emulator.blocked_leads)
    async with Emulator(api_key=KEY) as other, AsyncSession(KEY, base_url=other.walead_url) as moved:
        async with QuickOutbox.open(where, moved) as outbox:
            await outbox.block("jane-doe")
        assert other.blocked_leads.identifiers() == ["jane-doe"]


async def test_a_session_of_another_user_is_refused_with_both_names(
    where: str, emulator: Emulator, session: AsyncSession, phones: VoiceAgentSession
) -> None:
    async with service_down(emulator), QuickOutbox.open(where, session, phones=phones, drain=0) as outbox:
        await outbox.block("john-doe", numbers=[("a1", "+14155550123")])
    async with VoiceAgentSession(KEY, uid="somebody-else", base_url=emulator.phonely_url) as wrong:
        with pytest.raises(OutboxError, match=f"of the user {emulator.uid}.* of somebody-else"):
            async with QuickOutbox.open(where, session, phones=wrong):
                pass


def belongs_to(where: str, workspace: str) -> None:
    """The same address, and what waits was taken while its records showed another workspace."""
    stored(where, "update optout set account = ? where state = 'pending'", (workspace,))


async def test_a_key_of_another_workspace_is_refused_with_both_names(
    where: str, emulator: Emulator, session: AsyncSession
) -> None:
    emulator.add_leads(["somebody"])
    async with service_down(emulator), QuickOutbox.open(where, session, drain=0) as outbox:
        await outbox.block("john-doe")
    belongs_to(where, "workspace-b")
    before = len(posts(emulator))
    with pytest.raises(OutboxError, match=r"for the workspace workspace-b.* of the workspace emulator-workspace"):
        async with QuickOutbox.open(where, session):
            pass
    assert len(posts(emulator)) == before
    belongs_to(where, "emulator-workspace")
    async with QuickOutbox.open(where, session):
        await until(lambda: "john-doe" in emulator.blocked_leads)


async def test_the_workspace_is_looked_at_before_anything_is_sent_if_the_opening_could_not(
    where: str, emulator: Emulator, session: AsyncSession
) -> None:
    emulator.add_leads(["somebody"])
    async with service_down(emulator), QuickOutbox.open(where, session, drain=0) as outbox:
        await outbox.block("john-doe")
    belongs_to(where, "workspace-b")
    before = len(posts(emulator))
    async with contextlib.AsyncExitStack() as stack:
        async with service_down(emulator):
            outbox = await stack.enter_async_context(QuickOutbox.open(where, session, drain=0))
        await told(outbox, "workspace-b")
        with pytest.raises(OutboxError, match="workspace-b"):
            await outbox.block("jane-doe")
    assert len(posts(emulator)) == before


async def test_the_workspace_is_remembered_with_what_waits(
    where: str, emulator: Emulator, session: AsyncSession
) -> None:
    emulator.add_leads(["somebody"])
    async with QuickOutbox.open(where, session, drain=0) as outbox:
        await (await outbox.block("john-doe")).settled()
        async with service_down(emulator):
            await outbox.block("jane-doe")
            assert rows(where, "key, account")[-1] == ("jane-doe", "emulator-workspace")


async def test_cancelling_who_waits_changes_nothing(where: str, emulator: Emulator, session: AsyncSession) -> None:
    async with QuickOutbox.open(where, session) as outbox:
        async with service_down(emulator):
            receipt = await outbox.block("john-doe")
            waiting = [asyncio.ensure_future(receipt.settled()) for _ in range(3)]
            await asyncio.sleep(0.05)
            waiting[0].cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting[0]
        assert [(await each).status for each in waiting[1:]] == [Status.DONE] * 2


async def test_a_receipt_of_a_process_that_does_not_deliver_is_settled_too(
    where: str, emulator: Emulator, session: AsyncSession
) -> None:
    async with QuickOutbox.open(where, session), QuickOutbox.open(where, session) as other:
        receipt = await other.block("john-doe", campaigns=["c1"])
        assert (await receipt.settled()).status is Status.DONE
        assert {outcome.status for outcome in receipt.outcomes()} == {Status.DONE}


async def test_another_one_takes_over_when_the_one_that_delivers_ends(
    where: str, emulator: Emulator, session: AsyncSession
) -> None:
    async with QuickOutbox.open(where, session) as other:
        async with QuickOutbox.open(where, session) as first:
            await (await first.block("john-doe")).settled()
        await (await other.block("jane-doe")).settled()
    assert emulator.blocked_leads.identifiers() == ["john-doe", "jane-doe"]


async def test_who_is_never_answered_for_holds_up_nobody(where: str) -> None:
    blocked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        names = [lead["publicIdentifier"] for lead in (await request.json())["leads"]]
        if any(name.startswith("silent") for name in names):
            return web.Response(status=500)
        blocked.extend(names)
        return web.json_response({"success": True, "blocked": len(names)})

    async def listing(request: web.Request) -> web.Response:
        return web.json_response([])

    app = web.Application()
    app.router.add_post("/v1/blocked-leads", answer)
    app.router.add_get("/v1/blocked-leads", listing)
    async with contextlib.AsyncExitStack() as stack:
        server = await stack.enter_async_context(TestServer(app))
        session = AsyncSession(KEY, base_url=str(server.make_url("/")), retry=RetryPolicy(attempts=1))
        await stack.enter_async_context(session)
        outbox = await stack.enter_async_context(QuickOutbox.open(where, session, drain=0))
        await asyncio.gather(*(outbox.block(f"silent-{number}") for number in range(150)))
        await told(outbox, "500")
        await (await outbox.block("john-doe")).settled()
        assert blocked == ["john-doe"]
        assert (await outbox.status()).depth == 150


async def test_a_service_that_is_down_is_asked_ever_less_often(
    where: str, emulator: Emulator, session: AsyncSession
) -> None:
    class PatientOutbox(QuickOutbox):
        pace = Pace(gather=0.0, look=0.01, first=0.05, most=60.0)

    loop = asyncio.get_running_loop()
    emulator.faults.add("POST:status=429")
    async with PatientOutbox.open(where, session, drain=0) as outbox:
        await asyncio.gather(*map(outbox.block, PEOPLE[:100]))
        await until(lambda: posts(emulator))
        began = loop.time()
        await until(lambda: len(posts(emulator)) >= 5)
        # 0.05 + 0.1 + 0.2 + 0.4 s
        assert loop.time() - began > 0.7


async def test_a_service_that_hangs_holds_up_no_handler(where: str, emulator: Emulator, session: AsyncSession) -> None:
    emulator.faults.add("hang")
    async with QuickOutbox.open(where, session, drain=0.1) as outbox:
        for person in PEOPLE[:50]:
            await outbox.block(person)
        assert (await outbox.status()).depth == 50
    emulator.faults.clear()
    async with QuickOutbox.open(where, session) as outbox:
        await until(lambda: len(emulator.blocked_leads) == 50)


async def test_status_counts_a_hundred_thousand_that_wait(
    path: Path, emulator: Emulator, session: AsyncSession
) -> None:
    async with service_down(emulator), QuickOutbox.open(path, session, drain=0) as outbox:
        await outbox.block("john-doe", campaigns=["c1"])
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.executemany(
                "insert into optout (base_url, destination, key, at) values (?, 'workspace', ?, 1)",
                ((emulator.walead_url, f"person-{number}") for number in range(100_000)),
            )
            connection.commit()
        status = await outbox.status()
        assert status.depth == 100_002
        assert status.oldest_seconds is not None
        assert 0 < status.oldest_seconds < 3600
        assert "walead" in status.deliverers


async def test_the_key_stands_nowhere_in_the_files(path: Path, emulator: Emulator, session: AsyncSession) -> None:
    emulator.api_key = "another-key"
    async with QuickOutbox.open(path, session, drain=0) as outbox:
        await outbox.block("john-doe", idempotency_key="event-1")
        await told(outbox, "")
        for name in sorted(each.name for each in path.parent.iterdir()):
            assert KEY.encode() not in (path.parent / name).read_bytes()


async def test_no_log_names_a_person(
    where: str, emulator: Emulator, session: AsyncSession, phones: VoiceAgentSession, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    emulator.settings = emulator.settings.changed({"bad_identifier": "^jane-doe$", "campaigns": [], "agents": ["a1"]})
    async with QuickOutbox.open(where, session, phones=phones) as outbox:
        numbers = [("a1", "+14155550123"), ("gone", "+14155550123")]
        async with service_down(emulator):
            receipt = await outbox.block("john-doe", campaigns=["c1"], numbers=numbers)
            await told(outbox, "")
        await receipt.settled()
        await (await outbox.block("jane-doe")).settled()
    assert any(record.name == "walead_async.outbox" for record in caplog.records)
    for name in ("john-doe", "jane-doe", "4155550123", KEY):
        assert name not in caplog.text
