"""A journal: the file or database that a job goes on from, what stands in it, and how people are removed from it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from walead_async.jobs import records
from walead_async.jobs.store import open_store
from walead_async.jobs.values import PlanState, PlanStatus

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from pathlib import Path

    from walead_async.jobs.database import Connection
    from walead_async.jobs.records import StoredPlan
    from walead_async.jobs.store import Store
    from walead_async.jobs.targets import Session

__all__ = ["Journal", "open_journal", "status", "summed"]

#: The states of an item that is as wanted, or is left as it is for a reason.
ENDED_WELL = frozenset({"done", "already", "kept"})
#: What a key is hashed with, by which the lock on a list is known.
LOCK_SALT = b"walead lock"
#: What is told of items whose end is not known.
TOLD = {"open": "not_sent", "sent": "unknown"}


class Journal:
    """An open journal. It belongs to the event loop that opened it, and is closed by the block that opened it."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def __repr__(self) -> str:
        return f"<Journal {self.where!r}>"

    @property
    def where(self) -> str:
        """The path of the file, or the address of the database without user and password."""
        return self.store.where

    @property
    def folder(self) -> Path | None:
        """Where temporary files stand, None for the system's own folder."""
        return self.store.database.folder

    @asynccontextmanager
    async def locked(self) -> AsyncIterator[None]:
        """Hold the lock that excludes all others. Raises `JournalError` if another process works, or it is absent."""
        await self.store.read(lambda db: None)
        async with self.store.apply_lock():
            yield

    @asynccontextmanager
    async def working_on(self, session: Session, target: str) -> AsyncIterator[Callable[[StoredPlan], Awaitable[None]]]:
        """Hold the lock of the one process that works on a list; a SQLite file has one for all lists.

        The list is known by the session's key, and by its account once the function that the block is given is called
        with a plan. Raises `JournalError` if another process has it.
        """
        key = await asyncio.to_thread(session.key_hash, LOCK_SALT)
        async with self.store.apply_lock(session.base_url, key, target) as take:

            async def take_plan(plan: StoredPlan) -> None:
                await take(plan.id)
                if plan.account:
                    await take(plan.base_url, plan.account, plan.target)

            yield take_plan

    async def is_applied(self, plan_id: str) -> bool:
        """Whether a process applies this plan now, or, in a SQLite file, any plan."""
        return await self.store.lock("apply", plan_id).is_held()


@asynccontextmanager
async def open_journal(where: str | os.PathLike[str]) -> AsyncIterator[Journal]:
    """Open the journal in this file or database: `async with open_journal("nightly.db") as journal`.

    `where` is a path, or `postgresql://host/database` for a journal that several machines share.

    A file that does not exist is made by the first plan, and by nothing else: what only reads says that there is none.
    It has mode 0600. Raises `JournalError` for a file that is not a journal, damaged, newer than this program, or
    cannot be written; it is left as it is.
    """
    async with open_store(where) as store:
        yield Journal(store)


async def status(journal: Journal, plan_id: str | None = None) -> list[PlanStatus]:
    """How far each plan has come, the oldest first, or only the one of this id.

    Raises `InvalidInputError` if there is no such plan, `JournalError` if there is no journal or it cannot be read.
    """

    def question(db: Connection) -> list[tuple[StoredPlan, Mapping[tuple[str, str], int]]]:
        return [(plan, records.counts(db, plan.number)) for plan in records.plans(db, plan_id)]

    found = await journal.store.read(question)
    return [
        _status_of(plan, counts, applied=plan.state is PlanState.APPLYING and await journal.is_applied(plan.id))
        for plan, counts in found
    ]


def _status_of(plan: StoredPlan, counts: Mapping[tuple[str, str], int], *, applied: bool) -> PlanStatus:
    state = plan.state
    if state is PlanState.APPLYING and not applied:
        state = PlanState.STOPPED
    done = sum(count for (_, end), count in counts.items() if end in ENDED_WELL)
    return PlanStatus(
        plan=plan.id,
        state=state,
        done=done,
        total=sum(counts.values()),
        counts=summed(counts),
        mode=plan.mode,
        target=plan.target,
        created_at=datetime.fromtimestamp(plan.made_at / 1_000_000, UTC),
        by=plan.by_whom,
        note=plan.note,
        verified=bool(plan.result.get("verified")),
        missing=int(plan.result.get("missing", 0)),
        extra=int(plan.result.get("extra", 0)),
    )


def summed(counts: Mapping[tuple[str, str], int]) -> dict[str, int]:
    """Items by how they ended, as people are told: what waits is "not_sent", what may have gone out "unknown"."""
    found: dict[str, int] = {}
    for (_, state), count in sorted(counts.items()):
        end = TOLD.get(state, state)
        found[end] = found.get(end, 0) + count
    return found
