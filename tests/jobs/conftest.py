"""An emulator, sessions on it, a journal, and sources as people bring them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from job_files import Files

from walead_async import AsyncSession, RetryPolicy, VoiceAgentSession
from walead_async.jobs import Journal, open_journal
from walead_async.testing import Emulator

QUICK = RetryPolicy(attempts=2, wait_initial=0.0)


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator() as running:
        yield running


@pytest.fixture
async def session(emulator: Emulator) -> AsyncIterator[AsyncSession]:
    async with AsyncSession(emulator.api_key, base_url=emulator.walead_url, retry=QUICK) as opened:
        yield opened


@pytest.fixture
async def phones(emulator: Emulator) -> AsyncIterator[VoiceAgentSession]:
    async with VoiceAgentSession(
        emulator.api_key, uid=emulator.uid, base_url=emulator.phonely_url, retry=QUICK
    ) as opened:
        yield opened


@pytest.fixture
async def journal(where: str) -> AsyncIterator[Journal]:
    async with open_journal(where) as opened:
        yield opened


@pytest.fixture
async def file_journal(tmp_path: Path) -> AsyncIterator[Journal]:
    """A journal that is a file: rejected rows stand beside it."""
    async with open_journal(tmp_path / "J") as opened:
        yield opened


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)
