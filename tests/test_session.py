"""Sessions: what they refuse before anything is sent, what they share, and when they are closed."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import traceback
from enum import Enum
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from scripted import ScriptedServer

import walead_async
from walead_async import (
    AsyncSession,
    BlockedLead,
    ConfigurationError,
    InvalidInputError,
    RateLimit,
    RetryPolicy,
    SessionClosedError,
    Status,
    Timeouts,
    VoiceAgentSession,
    WaleadError,
)
from walead_async.testing import Emulator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

KEY = "wk_secret_123"


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator(api_key=KEY) as running:
        yield running


@pytest.fixture
async def session(emulator: Emulator) -> AsyncIterator[AsyncSession]:
    async with AsyncSession(KEY, base_url=emulator.walead_url) as opened:
        yield opened


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (None, "WALEAD_API_KEY"),
        ("", "empty"),
        ("  ", "empty"),
        ("wk_secret_123\n", "line break"),
        ("wk_secret_123\r\nX-Evil: 1", "line break"),
        ("wk_secret_ü", "character that no key has"),
        (b"wk_secret_123", "must be text, not bytes"),
        (7, "must be text, not int"),
    ],
)
def test_a_key_that_cannot_be_one_is_refused_and_not_shown(key: str | None, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as caught:
        AsyncSession(key)
    frames = traceback.TracebackException.from_exception(caught.value, capture_locals=True).stack
    shown = "".join(str(frame.locals) for frame in frames if "walead_async" in frame.filename)
    assert "wk_secret" not in str(caught.value)
    assert "wk_secret" not in shown.replace(repr(b"wk_secret_123"), "")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"base_url": "http://walead.example"}, "in the clear"),
        ({"base_url": 5}, "must be text"),
        ({"concurrency": 0}, "at least 1"),
        ({"concurrency": 2.5}, "whole number"),
        ({"concurrency": True}, "whole number"),
        ({"retry": 3}, "RetryPolicy"),
        ({"timeouts": 30}, "Timeouts"),
        ({"rate_limit": 10}, "RateLimit"),
        ({"rate_limit": object()}, "acquire"),
        ({"http": object()}, "aiohttp.ClientSession"),
        ({"proxy": "nonsense"}, "HTTP proxy"),
        ({"ssl": False}, "SSLContext"),
        ({"ssl": ""}, "SSLContext"),
        ({"ssl": "a\0b"}, "cannot be used"),
        ({"hooks": ["print"]}, "functions"),
        ({"hooks": 7}, "functions"),
        ({"hooks": [asyncio.sleep]}, "async"),
    ],
)
def test_an_option_that_is_wrong_is_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        AsyncSession(KEY, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda: RetryPolicy(attempts=0),
            r"RetryPolicy\(attempts=...\) takes a finite whole number of at least 1, not 0",
        ),
        (lambda: RetryPolicy(attempts=1.5), "attempts.* whole number"),  # type: ignore[arg-type]
        (lambda: RetryPolicy(attempts=True), "attempts.* whole number"),
        (lambda: RetryPolicy(deadline=0), "deadline.* above 0"),
        (lambda: RetryPolicy(deadline=float("inf")), "deadline.* finite"),
        (lambda: RetryPolicy(deadline=10**400), "deadline.* finite"),
        (lambda: RetryPolicy(wait_max=-1), "wait_max.* at least 0"),
        (lambda: RetryPolicy(budget_ratio=float("nan")), "budget_ratio.* finite"),
        (lambda: Timeouts(read=0), r"Timeouts\(read=...\) takes a finite number above 0, not 0"),
        (lambda: Timeouts(connect="5"), "connect.* number above 0, not '5'"),  # type: ignore[arg-type]
        (lambda: RateLimit(0), "requests.* above 0"),
        (lambda: RateLimit(10, per=0), "per.* above 0"),
        (lambda: RateLimit(10, burst=0), "burst.* at least 1"),
    ],
)
def test_a_number_out_of_range_is_refused(make: Callable[[], object], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        make()


@pytest.mark.parametrize("bad", ["", ".", "..", "a/b", "a b", "a\n", "a%2fb", "ü", "a?b", "x" * 201, None, 7])
def test_an_id_that_would_change_the_path_is_refused(bad: str) -> None:
    session = AsyncSession(KEY)
    with pytest.raises(InvalidInputError, match="campaign id"):
        session.campaign(bad)


@pytest.mark.parametrize("bad", ["", "a b", "a\n", "\u00a0a", "a\x00", "\ud800", "x" * 201, None, 7])
def test_what_cannot_be_an_agent_or_a_user_is_refused(bad: str) -> None:
    phones = VoiceAgentSession(KEY, uid="u")
    with pytest.raises(InvalidInputError, match="agent id"):
        phones.agent(bad)
    if bad is not None:
        with pytest.raises(InvalidInputError, match="uid"):
            VoiceAgentSession(KEY, uid=bad)


@pytest.mark.parametrize("odd", ["auth0|6f1c", "a/b", "..", "a&uid=b#c?d", "50%25+1", "ü-李"])
async def test_agents_and_users_may_be_called_what_a_query_can_quote(emulator: Emulator, odd: str) -> None:
    async with VoiceAgentSession(KEY, uid=odd, base_url=emulator.phonely_url) as phones:
        block_list = phones.agent(odd).block_list
        await block_list.block(["+14155550123"])
        assert await block_list.list().collect() == ["+14155550123"]
    assert emulator.agents == {odd: {"+14155550123": None}}


@pytest.mark.parametrize("options", [{"region": "CH"}, {"region": "CH", "validate_numbers": True}])
async def test_a_region_makes_national_numbers_e164(emulator: Emulator, options: dict[str, Any]) -> None:
    async with VoiceAgentSession(KEY, uid="u", base_url=emulator.phonely_url, **options) as phones:
        given = ["044 668 18 00", "+41 44 668 18 00", "+1 415 555 0123", "044 66"]
        report = await phones.agent("a").block_list.block(given, check=False)
        assert [(outcome.key, outcome.status, outcome.detail is None) for outcome in report.outcomes] == [
            ("+41446681800", Status.DONE, True),
            ("+41446681800", Status.DUPLICATE, False),
            ("+14155550123", Status.DONE, True),
            ("", Status.INVALID, False),
        ]
        assert set(emulator.agents["a"]) == {"+41446681800", "+14155550123"}
        await phones.agent("a").block_list.unblock(["0446681800"])
    assert set(emulator.agents["a"]) == {"+14155550123"}


@pytest.mark.parametrize("region", ["ch", "Switzerland", "", "XX", 41, ["CH"]])
def test_a_region_that_is_no_country_is_refused_before_anything_is_sent(region: str) -> None:
    with pytest.raises(ConfigurationError, match="no country"):
        VoiceAgentSession(KEY, uid="u", region=region)


def test_a_region_without_its_extra_says_what_to_install() -> None:
    program = (
        "import sys; sys.modules['phonenumbers'] = None\n"
        "from walead_async import ConfigurationError, VoiceAgentSession\n"
        "try: VoiceAgentSession('k', uid='u', region='CH')\n"
        "except ConfigurationError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "walead_async[phone]" in done.stdout


def test_a_voice_agent_session_needs_a_uid() -> None:
    with pytest.raises(ConfigurationError, match="PHONELY_UID"):
        VoiceAgentSession(KEY)


def test_key_uid_and_address_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WALEAD_API_KEY", KEY)
    monkeypatch.setenv("WALEAD_BASE_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("PHONELY_API_KEY", KEY)
    monkeypatch.setenv("PHONELY_UID", "u")
    assert repr(AsyncSession()) == "<AsyncSession open http://127.0.0.1:1>"
    assert repr(VoiceAgentSession()) == "<VoiceAgentSession open https://app.phonely.ai/api>"


class Table:
    """Iterates over the names of its columns, as data frames do."""

    columns = ("name", "email")

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)


@pytest.mark.parametrize("leads", ["john-doe", b"john-doe", {"john-doe": "asked"}, 7, None, Table()])
async def test_what_is_not_a_list_of_leads_is_refused(session: AsyncSession, emulator: Emulator, leads: object) -> None:
    calls = [
        session.blocked_leads.block(leads),  # type: ignore[arg-type]
        session.blocked_leads.unblock(leads),  # type: ignore[arg-type]
        session.blocked_leads.unblock_identifiers(leads),  # type: ignore[arg-type]
        session.blocked_leads.find_many(leads),  # type: ignore[arg-type]
        session.campaign("c").blocked_leads.block(leads),  # type: ignore[arg-type]
    ]
    for call in calls:
        with pytest.raises(InvalidInputError, match="list"):
            await call
    for stream in (session.blocked_leads.block_stream, session.blocked_leads.unblock_stream):
        with pytest.raises(InvalidInputError, match="list"):
            stream(leads)  # type: ignore[arg-type]
    assert emulator.requests == []


async def test_a_wrong_batch_size_a_wrong_reason_and_the_like_are_refused(
    session: AsyncSession, emulator: Emulator
) -> None:
    with pytest.raises(InvalidInputError, match="batch_size"):
        await session.blocked_leads.block(["a"], batch_size=0)
    with pytest.raises(InvalidInputError, match="verify"):
        await session.blocked_leads.block(["a"], verify="sometimes")  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="reason"):
        await session.blocked_leads.block(["a"], reason=5)  # type: ignore[arg-type]
    for sort in ("UP", ["ASC"], None):
        with pytest.raises(InvalidInputError, match="sort"):
            session.blocked_leads.list(sort=sort)  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="window"):
        session.blocked_leads.list(window=0)
    with pytest.raises(InvalidInputError, match="search"):
        session.blocked_leads.list(search=5)  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError):
        await session.blocked_leads.find("https://www.linkedin.com/company/acme")
    assert emulator.requests == []


class Named(str, Enum):  # noqa: UP042  # a StrEnum prints as what it says
    """Text that prints as its name and not as what it says."""

    KEY = KEY
    CAMPAIGN = "camp-eu"
    NEWEST = "DESC"
    PERSON = "john-doe"


async def test_text_of_another_class_is_sent_as_what_it_says(emulator: Emulator) -> None:
    async with AsyncSession(Named.KEY, base_url=emulator.walead_url) as session:
        await session.campaign(Named.CAMPAIGN).blocked_leads.block([Named.PERSON], check=False)
        await session.blocked_leads.block([Named.PERSON], reason=Named.CAMPAIGN)
        leads = await session.blocked_leads.list(sort=Named.NEWEST, search=Named.PERSON).collect()
    assert [(lead.public_identifier, lead.reason) for lead in leads] == [("john-doe", "camp-eu")]
    assert emulator.requests[0].path.endswith("/v1/campaigns/camp-eu/blocked-leads")
    assert {request.query.get("sort") for request in emulator.requests if request.method == "GET"} == {"DESC"}


async def test_a_key_function_is_plain_and_its_key_is_checked_before_anything_is_sent(emulator: Emulator) -> None:
    async def later() -> str:
        return KEY

    with pytest.raises(ConfigurationError, match="plain"):
        AsyncSession(later)  # type: ignore[arg-type]
    async with AsyncSession(lambda: "", base_url=emulator.walead_url) as session:
        with pytest.raises(ConfigurationError, match="empty"):
            await session.blocked_leads.find("john-doe")
    assert emulator.requests == []


async def test_a_rate_limiter_that_fails_ends_the_run_and_its_report_names_everybody(emulator: Emulator) -> None:
    class Shared:
        calls = 0

        async def acquire(self) -> None:
            self.calls += 1
            if self.calls > 3:
                raise OSError("valkey is away")

    people = [f"person-{number}" for number in range(10)]
    async with AsyncSession(KEY, base_url=emulator.walead_url, rate_limit=Shared(), concurrency=1) as session:
        report = await session.blocked_leads.block(people, batch_size=2, check=False)
        assert [outcome.status for outcome in report.outcomes] == [Status.DONE] * 6 + [Status.NOT_SENT] * 4
        assert "valkey is away" in str(report.outcomes[-1].error)
        with pytest.raises(WaleadError, match="rate limiter failed") as caught:
            await session.blocked_leads.block(people)
    assert caught.value.report is not None
    assert caught.value.report.counts[Status.NOT_SENT] == 10


async def test_a_lead_that_cannot_be_one_ends_as_invalid_and_is_not_sent(
    session: AsyncSession, emulator: Emulator
) -> None:
    items = ["john-doe", "jane@doe.example", "", None, {"publicIdentifier": "x"}]
    report = await session.blocked_leads.block(items, check=False)  # type: ignore[arg-type]
    assert [outcome.status for outcome in report.outcomes] == [Status.DONE, *[Status.INVALID] * 4]
    assert "e-mail address" in (report.outcomes[1].detail or "")
    assert [request.body for request in emulator.requests if request.method == "POST"] == [
        {"leads": [{"publicIdentifier": "john-doe"}]}
    ]


async def test_a_closed_session_sends_nothing(emulator: Emulator) -> None:
    session = AsyncSession(KEY, base_url=emulator.walead_url)
    await session.aclose()
    await session.aclose()
    with pytest.raises(SessionClosedError):
        await session.blocked_leads.find("john-doe")
    with pytest.raises(SessionClosedError):
        await session.blocked_leads.block(["john-doe"])
    with pytest.raises(SessionClosedError):
        await session.blocked_leads.list().collect()
    with pytest.raises(SessionClosedError):
        await session.__aenter__()
    assert emulator.requests == []


async def test_other_options_are_a_view_that_owns_nothing(session: AsyncSession, emulator: Emulator) -> None:
    async with session.with_options(retry=RetryPolicy.never(), timeouts=Timeouts(total=2)) as quick:
        assert await quick.blocked_leads.find("john-doe") is None
    await session.blocked_leads.block(["john-doe"])
    lead = await session.with_options(retry=RetryPolicy(deadline=2)).blocked_leads.find("JOHN-DOE")
    assert isinstance(lead, BlockedLead)
    for wrong in (2, False, ""):
        with pytest.raises(ConfigurationError):
            session.with_options(retry=wrong)  # type: ignore[arg-type]
        with pytest.raises(ConfigurationError):
            session.with_options(timeouts=wrong)  # type: ignore[arg-type]


async def test_hooks_of_a_view_hear_of_its_calls_alone(emulator: Emulator) -> None:
    own: list[walead_async.events.Event] = []
    views: list[walead_async.events.Event] = []
    async with AsyncSession(KEY, base_url=emulator.walead_url, hooks=[own.append]) as session:
        await session.with_options(hooks=[views.append]).blocked_leads.block(["john-doe"])
        assert own == views != []
        await session.blocked_leads.block(["jane-smith"])
        assert len(own) == 2 * len(views)
        with pytest.raises(ConfigurationError):
            session.with_options(hooks=["no function"])  # type: ignore[list-item]


async def test_a_borrowed_http_session_stays_open(emulator: Emulator) -> None:
    async with aiohttp.ClientSession() as http:
        async with AsyncSession(KEY, base_url=emulator.walead_url, http=http) as session:
            await session.blocked_leads.block(["john-doe"])
        assert not http.closed


async def test_every_call_works_with_the_public_names_only(emulator: Emulator) -> None:
    async with walead_async.AsyncSession(KEY, base_url=emulator.walead_url) as session:
        leads = session.blocked_leads
        await leads.block(["john-doe", walead_async.LeadToBlock("jane-smith", "asked")], reason="nightly")
        records = await leads.list().collect()
        assert [(lead.public_identifier, lead.reason) for lead in records] == [
            ("john-doe", "nightly"),
            ("jane-smith", "asked"),
        ]
        await leads.unblock([records[0].id])
        await leads.unblock_identifiers(["https://linkedin.com/in/Jane-Smith"])
        assert await leads.find_many(["john-doe", "jane-smith"]) == {"john-doe": None, "jane-smith": None}
        campaign = session.campaign("c-1").blocked_leads
        await campaign.block(["john-doe"])
        assert [lead.public_identifier async for lead in campaign.list()] == ["john-doe"]
        assert isinstance(await session.campaign("c-1").get(), walead_async.CampaignInfo)
        hook = {"url": "https://app.example/hooks", "type": "message_received"}
        for method, path, json in (
            ("PUT", "/v1/campaigns/c-1/pause", None),
            ("PUT", "/v1/campaigns/c-1/activate", None),
            ("GET", "/v1/conversations", None),
            ("POST", "/v1/zapier/hooks/subscribe", hook),
            ("GET", "/v1/hooks/list", None),
            ("DELETE", "/v1/zapier/hooks/unsubscribe", hook),
        ):
            response = await session.request(method, path, json=json)
            assert isinstance(response, walead_async.Response)
            assert response.status == 200
    async with walead_async.VoiceAgentSession(KEY, uid=emulator.uid, base_url=emulator.phonely_url) as phones:
        numbers = phones.agent("a-1").block_list
        await numbers.block(["+1 415 555 0123", "+14155550124"])
        await numbers.unblock(["+14155550124"])
        assert await numbers.list().collect() == ["+14155550123"]
        assert [type(agent) for agent in await phones.agents()] == [walead_async.AgentInfo]


async def never_answers(writer: asyncio.StreamWriter, number: int) -> None:
    await asyncio.Event().wait()


async def test_what_may_have_been_blocked_is_unknown_if_the_session_is_closed_before_it_is_sent_again() -> None:
    waits = asyncio.Event()

    def told(event: object) -> None:
        if isinstance(event, walead_async.RetryScheduled):
            waits.set()

    patience = {"timeouts": Timeouts(read=0.05), "retry": RetryPolicy(wait_initial=1.0)}
    async with ScriptedServer(never_answers) as server:
        session = AsyncSession(KEY, base_url=server.url, hooks=[told], **patience)  # type: ignore[arg-type]
        call = asyncio.create_task(session.blocked_leads.block(["ann", "bob"], check=False))
        await waits.wait()
        await session.aclose()
        report = await call
    assert report.counts[Status.UNKNOWN] == 2


async def test_closing_a_session_ends_its_calls_over_a_borrowed_client() -> None:
    async with ScriptedServer(never_answers) as server, aiohttp.ClientSession() as client:
        session = AsyncSession(KEY, base_url=server.url, http=client, retry=RetryPolicy.never())
        call = asyncio.create_task(session.blocked_leads.find("john-doe"))
        await server.arrived.wait()
        await session.aclose()
        with pytest.raises(SessionClosedError):
            await call
        assert not client.closed
