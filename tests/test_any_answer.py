"""Whatever a service answers: a value, a report or an error of our tree comes of it, after boundedly many requests."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted import ScriptedServer, Seen, answer

from walead_async import (
    AgentInfo,
    AsyncSession,
    BlockedLead,
    BlockIndex,
    BulkReport,
    CampaignBlockedLead,
    CampaignInfo,
    MissingNumbers,
    RetryPolicy,
    Status,
    VoiceAgentSession,
    WaleadError,
)

KEY = "wk_secret_123"
PEOPLE = ["john-doe", "https://www.linkedin.com/in/jane-smith/", "ACoAAB12345"]
IDS = ["record-1", "record-2", "record-3"]
NUMBERS = ["+14155550123", "+14155550124", "0201 5550123"]

#: Each example is a server of its own, so a soak makes fewer of them than of pure properties.
EXAMPLES = settings(max_examples=min(1_000, settings.default.max_examples))

#: No call here makes more requests than this. Most are made where a list goes on for ever: a read of it gives up after
#: 63 pages without anything new, and a change may read it a few times.
MOST = 400

Call = Callable[[Any], Awaitable[object]]
QUESTIONS: dict[str, Call] = {
    "list": lambda walead: walead.blocked_leads.list().collect(),
    "list, newest first": lambda walead: walead.blocked_leads.list(sort="DESC", search="doe").collect(),
    "first of the list": lambda walead: walead.blocked_leads.list().first(),
    "list of a campaign": lambda walead: walead.campaign("C").blocked_leads.list().collect(),
    "campaign": lambda walead: walead.campaign("C").get(),
    "list of an agent": lambda phones: phones.agent("A").block_list.list().collect(),
    "agents": lambda phones: phones.agents(),
    "index": lambda walead: walead.blocked_leads.index(),
    "index of a campaign": lambda walead: walead.campaign("C").blocked_leads.index(),
    "index of an agent": lambda phones: phones.agent("A").block_list.index(),
    "missing somewhere": lambda phones: phones.everywhere.missing(),
    "find": lambda walead: walead.blocked_leads.find("john-doe"),
    "find many": lambda walead: walead.blocked_leads.find_many(PEOPLE),
}
CHANGES: dict[str, Call] = {
    "block": lambda walead: walead.blocked_leads.block(PEOPLE, reason="asked", check=False),
    "block, read back": lambda walead: walead.blocked_leads.block(PEOPLE, batch_size=2, verify="always", check=False),
    "unblock": lambda walead: walead.blocked_leads.unblock(IDS, check=False),
    "unblock people": lambda walead: walead.blocked_leads.unblock_identifiers(PEOPLE, check=False),
    "block in a campaign": lambda walead: walead.campaign("C").blocked_leads.block(PEOPLE, check=False),
    "block numbers": lambda phones: phones.agent("A").block_list.block(NUMBERS, check=False),
    "unblock numbers": lambda phones: phones.agent("A").block_list.unblock(NUMBERS, check=False),
    "block everywhere": lambda phones: phones.everywhere.block(NUMBERS, check=False),
}
#: The calls of `VoiceAgentSession`; the others are those of `AsyncSession`.
OF_AGENTS = {
    "list of an agent",
    "agents",
    "index of an agent",
    "missing somewhere",
    "block numbers",
    "unblock numbers",
    "block everywhere",
}
GIVEN = {name: NUMBERS if name in OF_AGENTS else IDS if name == "unblock" else PEOPLE for name in CHANGES}

SAYINGS = ["2024-01-01T00:00:00Z", "\ud800", KEY, f"the key {KEY}, which is wrong"]
TEXTS = st.text(max_size=12) | st.sampled_from([*PEOPLE, *IDS, *NUMBERS, *SAYINGS])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS
CHANGE_FIELDS = ["success", "message", "blocked", "unblocked", "added", "removed", "failed", "error", "statusCode"]
RECORD_FIELDS = ["id", "publicIdentifier", "reason", "createdAt", "workspaceId", "blockList", "number"]
CAMPAIGN_FIELDS = ["name", "status"]
AGENT_FIELDS = ["agentId", "orgId", "country", "businessPhoneNumber"]
FIELDS = st.sampled_from([*CHANGE_FIELDS, *RECORD_FIELDS, *CAMPAIGN_FIELDS, *AGENT_FIELDS])
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(FIELDS | TEXTS, inner, max_size=5),
    max_leaves=12,
)


def nearly(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with these fields; in some, one is missing or anything."""
    right = st.fixed_dictionaries(fields)
    wrong = st.builds(lambda made, name, value: {**made, name: value}, right, st.sampled_from([*fields]), ANYTHING)
    short = st.builds(lambda made, gone: {name: made[name] for name in made if name != gone}, right, FIELDS)
    return st.one_of(right, right, right, wrong, wrong, short)


MOMENTS = st.datetimes().map(lambda moment: moment.isoformat() + "Z") | st.just("2024-01-01T00:00:00.000Z")
PAGES = st.lists(
    nearly(
        id=st.sampled_from(IDS) | st.uuids().map(str),
        publicIdentifier=st.sampled_from(["john-doe", "John-Doe", "jane-smith", "ACoAAB12345", "else"]) | TEXTS,
        reason=st.none() | TEXTS,
        createdAt=MOMENTS,
        workspaceId=st.just("W"),
    ),
    max_size=5,
)
CAMPAIGNS = nearly(id=st.just("C"), name=TEXTS, status=st.just("active") | TEXTS, createdAt=MOMENTS)
AGENTS = st.lists(nearly(agentId=TEXTS, name=TEXTS, country=TEXTS, businessPhoneNumber=TEXTS), max_size=4)
COUNTS = nearly(success=st.booleans(), message=TEXTS, blocked=st.integers(-1, 4), unblocked=st.integers(-1, 4))
SOME_NUMBERS = st.lists(st.sampled_from(NUMBERS) | TEXTS, max_size=4)
FAILURES = st.lists(
    nearly(number=st.sampled_from(NUMBERS), reason=st.just("Number not found in block list") | TEXTS), max_size=4
)
NUMBERS_CHANGED = nearly(message=TEXTS, added=SOME_NUMBERS, removed=SOME_NUMBERS, failed=FAILURES)


def bodies(*likely: st.SearchStrategy[Any]) -> st.SearchStrategy[bytes]:
    """Most often what is likely, as JSON; or any JSON, JSON that breaks off, or bytes."""
    whole = st.one_of(*likely, *likely, ANYTHING).map(lambda value: json.dumps(value).encode())
    return whole | st.builds(lambda body, end: body[:end], whole, st.integers(0, 40)) | st.binary(max_size=20)


@attrs.frozen
class Said:
    """One answer of the service."""

    status: int
    body: bytes

    def wire(self) -> bytes:
        """The answer as bytes."""
        return answer(b"" if self.status == 304 else self.body, status=f"{self.status} So it is")


def is_read(seen: Seen) -> bool:
    """Whether this request asks, and changes nothing."""
    return seen.method == "GET" or seen.target.endswith("/get-agents")


@attrs.frozen
class Service:
    """Answers reads and changes in turn with what stands here, the last of each for ever."""

    reads: list[Said]
    changes: list[Said]

    def answer(self, seen: list[Seen]) -> bytes:
        """The answer to the last request."""
        read = is_read(seen[-1])
        said = self.reads if read else self.changes
        turn = sum(is_read(one) == read for one in seen) - 1
        return said[min(turn, len(said) - 1)].wire()


def turns(*likely: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Said]]:
    success = st.just(200) | st.sampled_from([200, 201, 202, 206])
    return st.lists(st.builds(Said, success | st.integers(300, 599), bodies(*likely)), min_size=1, max_size=4)


#: Services that are asked about people, and about numbers.
SERVICES = {
    False: st.builds(Service, reads=turns(PAGES, CAMPAIGNS), changes=turns(COUNTS)),
    True: st.builds(
        Service,
        reads=turns(SOME_NUMBERS, st.fixed_dictionaries({"blockList": SOME_NUMBERS}), AGENTS),
        changes=turns(NUMBERS_CHANGED),
    ),
}

#: What each service says if all is well, and a value of each kind to stand in the place of any of it.
RECORDS = [
    {"id": id_, "publicIdentifier": name, "reason": None, "createdAt": f"2024-01-0{day}T00:00:00Z", "workspaceId": "W"}
    for day, (id_, name) in enumerate(zip(IDS, ["john-doe", "jane-smith", "ACoAAB12345"], strict=True), 1)
]
AGENT = [{"uid": "U", "agentId": "A", "name": "Desk", "country": "US", "businessPhoneNumber": NUMBERS[0]}]
CAMPAIGN = {"id": "C", "name": "Spring", "status": "active", "createdAt": "2024-01-01T00:00:00Z"}
COUNT = {"success": True, "message": "so it is", "blocked": 3, "unblocked": 3}
FAILED = [{"number": NUMBERS[2], "reason": "Invalid phone number format"}]
CHANGED = {"message": "so it is", "added": NUMBERS[:2], "removed": NUMBERS[:2], "failed": FAILED}
KINDS: list[Any] = [None, True, False, 0, 5, -1, 1.5, 10**30, "", "x", KEY, [], [None], [5], ["x"], [{}], {}, {"x": 1}]


def spoilt(value: Any) -> Iterator[Any]:
    """This value with each part of it missing, or of another kind; also all of it."""
    yield from KINDS
    if isinstance(value, dict):
        for name, part in value.items():
            yield {other: value[other] for other in value if other != name}
            yield from ({**value, name: wrong} for wrong in spoilt(part))
    if isinstance(value, list) and value:
        yield from ([*value[:-1], wrong] for wrong in spoilt(value[-1]))


async def told(name: str, service: Service) -> tuple[object, int]:
    """What comes of a call to this service, a value or an error; and how many requests it took."""
    policy = RetryPolicy(attempts=2, wait_initial=0.0)

    async def script(writer: asyncio.StreamWriter, _: int) -> None:
        writer.write(service.answer(server.seen))
        await writer.drain()

    session: AsyncSession | VoiceAgentSession
    async with ScriptedServer(script) as server:
        if name in OF_AGENTS:
            session = VoiceAgentSession(KEY, uid="U", base_url=server.url, retry=policy)
        else:
            session = AsyncSession(KEY, base_url=server.url, retry=policy)
        async with session:
            try:
                value = await (QUESTIONS | CHANGES)[name](session)
            except WaleadError as error:
                value = error
        return value, len(server.seen)


def succeeded(said: list[Said]) -> bool:
    return any(one.status < 300 for one in said)


def check_secret(service: Service, error: WaleadError | None, report: BulkReport | None = None) -> None:
    """The key is not told on, unless it is what a list says in the place of a record's field."""
    if any(one.status < 300 and KEY.encode() in one.body for one in service.reads):
        return
    told: list[object] = [error, error and error.args, error and vars(error)]
    for outcome in report.outcomes if report else ():
        told += [outcome.detail, outcome.error, outcome.error and vars(outcome.error)]
    assert not [one for one in told if KEY in f"{one!s} {one!r}"]


def check_question(name: str, service: Service, value: object, requests: int) -> None:
    assert 1 <= requests <= MOST
    if isinstance(value, WaleadError):
        assert str(value)
        check_secret(service, value)
        return
    assert succeeded(service.reads)
    found = value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else [value]
    of_many = BlockIndex | MissingNumbers
    kinds = BlockedLead | CampaignBlockedLead | CampaignInfo | AgentInfo | of_many | str | None
    assert all(isinstance(one, kinds) for one in found)
    if name == "find" and isinstance(value, BlockedLead):
        assert value.public_identifier.lower() == "john-doe"


def check_change(name: str, service: Service, value: object, requests: int) -> None:
    assert 1 <= requests <= MOST
    report = value.report if isinstance(value, WaleadError) else value
    assert isinstance(report, BulkReport)
    check_secret(service, value if isinstance(value, WaleadError) else None, report)
    outcomes = list(report.outcomes)
    assert [outcome.item for outcome in outcomes] == GIVEN[name]
    assert Counter(outcome.status for outcome in outcomes) == Counter(report.counts)
    for outcome in outcomes:
        assert outcome.error is None or isinstance(outcome.error, WaleadError)
        assert outcome.detail or outcome.error or outcome.status in {Status.DONE, Status.ALREADY}
    if not succeeded(service.reads) and not succeeded(service.changes):
        assert not report.counts[Status.DONE]


@pytest.mark.parametrize("name", QUESTIONS)
@EXAMPLES
@given(drawn=st.data())
def test_any_answer_to_a_question_gives_a_value_or_an_error_of_ours(name: str, drawn: st.DataObject) -> None:
    service = drawn.draw(SERVICES[name in OF_AGENTS])
    check_question(name, service, *asyncio.run(told(name, service)))


@pytest.mark.parametrize("name", CHANGES)
@EXAMPLES
@given(drawn=st.data())
def test_any_answer_to_a_change_gives_a_report_or_an_error_of_ours(name: str, drawn: st.DataObject) -> None:
    service = drawn.draw(SERVICES[name in OF_AGENTS])
    check_change(name, service, *asyncio.run(told(name, service)))


@pytest.mark.parametrize("name", QUESTIONS)
async def test_an_answer_may_be_wrong_in_any_one_place(name: str) -> None:
    of_agents: Any = AGENT if name == "agents" else {"blockList": NUMBERS}
    right = of_agents if name in OF_AGENTS else CAMPAIGN if name == "campaign" else RECORDS
    for wrong in spoilt(right):
        service = Service([Said(200, json.dumps(wrong).encode()), Said(200, b"[]")], [])
        check_question(name, service, *await told(name, service))


@pytest.mark.parametrize("name", CHANGES)
async def test_an_answer_to_a_change_may_be_wrong_in_any_one_place(name: str) -> None:
    right, listed = (CHANGED, NUMBERS) if name in OF_AGENTS else (COUNT, RECORDS)
    reads = [Said(200, json.dumps(listed).encode()), Said(200, b"[]")]
    for wrong in spoilt(right):
        service = Service(reads, [Said(200, json.dumps(wrong).encode())])
        check_change(name, service, *await told(name, service))


@pytest.mark.parametrize("status", [200, 401, 422, 503])
@pytest.mark.parametrize("name", CHANGES)
async def test_an_answer_that_names_the_key_is_told_without_it(name: str, status: int) -> None:
    failed = [{"number": number, "reason": f"{KEY} is wrong"} for number in NUMBERS]
    said = {"success": False, "message": f"{KEY} is wrong", "error": KEY, "failed": failed}
    service = Service([Said(200, b"[]")], [Said(status, json.dumps(said).encode())])
    value, requests = await told(name, service)
    check_change(name, service, value, requests)
