"""A journal: the file that a job goes on from, what stands in it, and how people are removed from it."""

from __future__ import annotations

import asyncio
import fcntl
import os
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from walead_async.errors import JournalError
from walead_async.jobs import records
from walead_async.jobs.store import open_store
from walead_async.jobs.values import PlanState, PlanStatus

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from walead_async.jobs.records import StoredPlan
    from walead_async.jobs.store import Connection, Store

__all__ = ["Journal", "open_journal", "status", "summed"]

#: A look whether a journal is worked on takes less than this, in seconds.
LOOK = 0.05
#: The states of an item that is as wanted, or is left as it is for a reason.
ENDED_WELL = frozenset({"done", "already", "kept"})
#: What is told of items whose end is not known.
TOLD = {"open": "not_sent", "sent": "unknown"}


class Journal:
    """An open journal. It belongs to the event loop that opened it, and is closed by the block that opened it."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def __repr__(self) -> str:
        return f"<Journal {str(self.path)!r}>"

    @property
    def path(self) -> Path:
        """The file."""
        return self.store.path

    @asynccontextmanager
    async def locked(self, *, must_exist: bool = True) -> AsyncIterator[None]:
        """Hold the lock of the one process that works on it. Raises `JournalError` if another does, or it is absent."""
        if must_exist:
            await self.store.read(lambda db: None)
        with ExitStack() as stack:
            try:
                stack.enter_context(self.store.apply_lock())
            except JournalError:
                # `is_applied` of somebody who only looks holds it for a moment
                await asyncio.sleep(LOOK)
                stack.enter_context(self.store.apply_lock())
            yield

    def is_applied(self) -> bool:
        """Whether a process works on it now."""
        try:
            number = os.open(self.store.lock("lock").path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(number, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(number)
        return False


@asynccontextmanager
async def open_journal(where: str | os.PathLike[str]) -> AsyncIterator[Journal]:
    """Open the journal in this file: `async with open_journal("nightly.db") as journal`.

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
    applied = any(plan.state is PlanState.APPLYING for plan, _ in found) and journal.is_applied()
    return [_status_of(plan, counts, applied=applied) for plan, counts in found]


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
