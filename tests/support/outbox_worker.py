"""A process of an application that takes opt-outs: `outbox_worker.py PATH URL KEY NAME HOW`.

It says each opt-out in a line: "202 person" once `block` has returned, "503 person why" if it raised. HOW is
"for-ever"; or "full": the disk is full after a while, and then has room again; or "forks": it forks, and the child goes
on.
"""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sys
from itertools import count

from walead_async import AsyncSession, Outbox, OutboxError, RetryPolicy
from walead_async.jobs.delivery import Pace


class QuickOutbox(Outbox):
    """An outbox that does not wait for long."""

    pace = Pace(gather=0.01, look=0.05, take_over=0.1, first=0.02, most=0.1, refused_key=0.1)


def say(*words: object) -> None:
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


async def take(outbox: Outbox, person: str) -> None:
    """What a handler does."""
    try:
        await outbox.block(person)
    except OutboxError as error:
        say("503", person, error)
    else:
        say("202", person)


async def handler(outbox: Outbox, name: str) -> None:
    for number in count():
        await take(outbox, f"{name}-{number}")
        await asyncio.sleep(0.002)


async def for_ever(outbox: Outbox, name: str) -> None:
    await asyncio.gather(*(handler(outbox, f"{name}-{each}") for each in range(3)))


async def full(outbox: Outbox, name: str) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    for turn, limit in enumerate((300_000, resource.RLIM_INFINITY)):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        for start in range(0, 2000, 50):
            people = [f"{name}-{turn}-{start + each}-{'x' * 80}" for each in range(50)]
            await asyncio.gather(*(take(outbox, person) for person in people))


async def forks(outbox: Outbox, name: str) -> None:
    await take(outbox, f"{name}-before")
    if os.fork():
        signal.pause()
    await take(outbox, f"{name}-child")
    say("child", os.getpid())
    signal.pause()


async def main(path: str, url: str, key: str, name: str, how: str) -> None:
    async with (
        AsyncSession(key, base_url=url, retry=RetryPolicy(attempts=1)) as session,
        QuickOutbox.open(path, session, drain=0) as outbox,
    ):
        say("ready")
        await {"for-ever": for_ever, "full": full, "forks": forks}[how](outbox, name)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
