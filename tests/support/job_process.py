"""A process that applies a plan, to be killed: `python job_process.py JOURNAL URL KEY PLAN SETTLE`."""

from __future__ import annotations

import asyncio
import sys

from walead_async import AsyncSession
from walead_async.jobs import apply, open_journal


async def main(where: str, url: str, key: str, plan_id: str, settle: str) -> int:
    async with AsyncSession(key, base_url=url) as session, open_journal(where) as journal:
        report = await apply(journal, session, plan_id, settle=float(settle), patience=60.0)
    return 0 if report.ok else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))
