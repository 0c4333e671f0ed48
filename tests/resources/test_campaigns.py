"""A campaign is asked for what it is called and how it stands, of an emulator and of services that answer otherwise."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from scripted import QUICK, ScriptedServer, answer, answers

from walead_async import (
    AsyncSession,
    AuthenticationError,
    CampaignInfo,
    InvalidInputError,
    NotFoundError,
    UnexpectedResponseError,
)
from walead_async.testing import Emulator, Settings

MADE = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator(settings=Settings(campaigns=("c-1", "c-2"))) as running:
        yield running


@pytest.fixture
async def session(emulator: Emulator) -> AsyncIterator[AsyncSession]:
    async with AsyncSession(emulator.api_key, base_url=emulator.walead_url) as opened:
        yield opened


async def test_a_campaign_tells_its_name_its_status_and_when_it_was_created(
    emulator: Emulator, session: AsyncSession
) -> None:
    emulator.named_campaigns["c-2"] = ("Frühling", "paused")
    assert await session.campaign("c-1").get() == CampaignInfo("c-1", "Campaign c-1", "active", MADE)
    assert await session.campaign("c-2").get() == CampaignInfo("c-2", "Frühling", "paused", MADE)
    asked = [(request.method, request.path, dict(request.query), request.raw_body) for request in emulator.requests]
    assert asked == [("GET", "/v1/campaigns/c-1", {}, b""), ("GET", "/v1/campaigns/c-2", {}, b"")]


async def test_each_call_asks_anew(emulator: Emulator, session: AsyncSession) -> None:
    campaign = session.campaign("c-1")
    seen = []
    for status in ("active", "paused"):
        emulator.named_campaigns["c-1"] = ("Spring", status)
        seen.append((await campaign.get()).status)
    assert seen == ["active", "paused"]


async def test_an_unknown_campaign_is_not_found(session: AsyncSession) -> None:
    with pytest.raises(NotFoundError, match="GET /v1/campaigns/c-9 was answered with 404: Campaign not found"):
        await session.campaign("c-9").get()


async def test_a_wrong_key_is_told(emulator: Emulator) -> None:
    async with AsyncSession("another", base_url=emulator.walead_url) as session:
        with pytest.raises(AuthenticationError):
            await session.campaign("c-1").get()


@pytest.mark.parametrize("bad", ["", "..", "c-1/blocked-leads", "c 1", None])
async def test_an_id_that_cannot_be_one_sends_nothing(emulator: Emulator, session: AsyncSession, bad: Any) -> None:
    with pytest.raises(InvalidInputError, match="campaign id"):
        await session.campaign(bad).get()
    assert emulator.requests == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"[]", "the campaign is an array, not an object"),
        (b"{}", "id is missing; name is missing; status is missing; createdAt is missing"),
        (b'{"id": "c", "name": null, "status": "", "createdAt": "2026-01-02T03:04:05Z"}', "name is null, not text"),
        (b"<html>", "not JSON"),
        (b"", "it is empty"),
    ],
)
async def test_an_answer_that_is_no_campaign_is_told_and_asked_for_once(body: bytes, words: str) -> None:
    async with (
        ScriptedServer(answers(answer(body))) as server,
        AsyncSession("wk_secret_123", base_url=server.url, retry=QUICK) as session,
    ):
        with pytest.raises(UnexpectedResponseError, match=words):
            await session.campaign("c").get()
    assert len(server.seen) == 1


async def test_a_failure_of_the_service_is_tried_again_and_words_and_fields_nobody_knows_are_taken() -> None:
    body = '{"id": "c", "name": "", "status": "Läuft?", "createdAt": "2026-01-02T05:04:05+02:00", "leads": 3}'.encode()
    script = answers(answer(b"", status="503 Not Now"), answer(body))
    async with (
        ScriptedServer(script) as server,
        AsyncSession("wk_secret_123", base_url=server.url, retry=QUICK) as session,
    ):
        info = await session.campaign("c").get()
    assert info == CampaignInfo("c", "", "Läuft?", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    assert len(server.seen) == 2
