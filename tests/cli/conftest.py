"""The real program, in a process of its own, against the emulator in the test's event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from programs import KEY, Walead

from walead_async.testing import Emulator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    """Both services with 250 people blocked, on three pages."""
    async with Emulator(leads=250, api_key=KEY) as emulator:
        yield emulator


@pytest.fixture
def walead(emulator: Emulator, tmp_path: Path) -> Walead:
    """The program."""
    return Walead(emulator, tmp_path)
