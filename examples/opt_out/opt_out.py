"""Blocks everybody who asked to be left alone: `python opt_out.py < profiles.txt`, a LinkedIn profile a line."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable

from walead_async import AsyncSession


async def opt_out(session: AsyncSession, profiles: Iterable[str]) -> list[str]:
    """Block these people, and return, with the reason, who is not blocked for certain."""
    report = await session.blocked_leads.block(profiles, reason="asked us to stop", check=False)
    return [f"{outcome.item}: {outcome.detail}" for outcome in report.failures()]


async def main() -> int:
    """Block who stands on standard input; 1 if somebody has to be looked at by hand."""
    async with AsyncSession() as session:
        left = await opt_out(session, sys.stdin.read().splitlines())
    print("\n".join(left))
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
