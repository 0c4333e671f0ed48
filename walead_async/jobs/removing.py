"""Remove people from a journal: old plans, or one person; no byte of what was removed is left in the file."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from contextlib import suppress
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from walead_async.errors import InvalidInputError, SourceError
from walead_async.files.export import beside, put_in_place, told
from walead_async.identifiers import public_identifier
from walead_async.jobs import optouts, records
from walead_async.jobs.locks import whoami
from walead_async.jobs.parts import SEPARATOR, encoded, part_of
from walead_async.jobs.planning import fingerprints
from walead_async.jobs.values import EraseReport, PruneReport
from walead_async.phones import phone_number
from walead_async.resources.agents import digits_of

if TYPE_CHECKING:
    from walead_async.jobs.database import Connection
    from walead_async.jobs.journal import Journal
    from walead_async.jobs.records import StoredPlan

__all__ = ["erase", "prune"]


async def prune(journal: Journal, before: date | datetime) -> PruneReport:
    """Remove the plans made before a day (from 00:00 UTC) or a time with a zone, with their people and rejected rows.

    They cannot be undone afterwards. Which records are the journal's own is remembered, without names. Nobody is
    unblocked, and no opt-out is touched. Raises `InvalidInputError` for a time without a zone, `JournalError` if a
    process works on the journal, there is none, or it cannot be written.
    """
    if not isinstance(before, datetime):
        before = datetime(before.year, before.month, before.day, tzinfo=UTC)
    if before.tzinfo is None:
        raise InvalidInputError(f"before is a day, or a time with a zone, not {before!r}")
    moment = int(before.timestamp() * 1_000_000)
    store = journal.store
    async with journal.locked():
        old = [plan for plan in await store.read(records.plans) if plan.made_at < moment]
        # the plans of many nights may share a file
        stay = {_rejected(plan) for plan in await store.read(records.plans) if plan.made_at >= moment}
        items = files = 0
        for plan in old:
            await _keep_ownership(journal, plan)
            items += await store.write(partial(records.drop_plan, plan=plan))
            files += _rejected(plan) not in stay and await asyncio.to_thread(_unlink, plan)
        sources = await store.write(lambda db: records.drop_needless(db, moment))
        await store.write(lambda db: records.add_event(db, None, whoami(), "pruned", {"plans": len(old)}))
        await store.scrub()
    return PruneReport(plans=len(old), items=items, sources=sources, files=files)


async def _keep_ownership(journal: Journal, plan: StoredPlan) -> None:
    """Remember which records a plan made, as fingerprints."""
    if plan.made is None:
        return
    owner = (plan.base_url, plan.account, plan.target)
    found: dict[int, set[str]] = {}
    for part in records.parts():
        lines = await journal.store.read(partial(records.part, source=plan.made, number=part))
        found[part] = {line.partition(SEPARATOR)[2].decode() for line in lines}

    def keep(db: Connection) -> None:
        bodies = [fingerprints(found[part]) for part in records.parts()]
        records.merge_owned(db, plan.id, bodies, owner)

    await journal.store.write(keep)


def _rejected(plan: StoredPlan) -> Path | None:
    name = plan.summary.get("rejected")
    return Path(str(name)) if name else None


def _unlink(plan: StoredPlan) -> bool:
    path = _rejected(plan)
    if path is None:
        return False
    with told(path), suppress(FileNotFoundError):
        path.unlink()
        return True
    return False


async def erase(journal: Journal, identifier: str) -> EraseReport:
    """Remove one person, or one phone number, from all plans, sources and files of rejected rows.

    It cannot be undone afterwards what was done to them, and nobody is unblocked. Raises `InvalidInputError` for what
    is neither, `OutboxError` while an opt-out of theirs waits to be delivered, `SourceError` for a file of
    rejected rows that cannot be read, and `JournalError` as `prune`.
    """
    keys: dict[str, str] = {}
    for kind, normalise in (("lead", public_identifier), ("number", phone_number)):
        with suppress(InvalidInputError):
            keys[kind] = normalise(identifier)
    if not keys:
        public_identifier(identifier)
    texts = {identifier.strip().casefold(), *(key.casefold() for key in keys.values())}
    store = journal.store
    async with journal.locked():
        items = await store.write(lambda db: optouts.erase(db, identifier))
        plans = await store.read(records.plans)
        rejected = 0
        for path in {path for plan in plans if (path := _rejected(plan)) is not None}:
            rejected += await asyncio.to_thread(_without_rows, path, texts)
        sources = 0
        for kind, key in keys.items():
            compared = key if kind == "lead" else digits_of(key)
            items += await store.write(partial(_without_items, plans=plans, key=key, compared=compared))
            sources += await store.write(partial(_without_key, key=key, compared=compared))
        for plan in plans:
            await store.write(partial(_without_texts, plan=plan, texts=texts))
        await store.write(lambda db: records.add_event(db, None, whoami(), "erased", {"items": items}))
        await store.scrub()
    return EraseReport(items=items, sources=sources, rejected=rejected)


def _without_items(db: Connection, plans: list[StoredPlan], key: str, compared: str) -> int:
    part = part_of(compared.encode())
    same = partial(_is_same, key=key, compared=compared)
    return sum(records.drop_items(db, plan.number, part, same) for plan in plans)


def _is_same(found: str, key: str, compared: str) -> bool:
    """Whether this is the person, or the number in whatever spelling."""
    if found in {key, compared} or key == compared:
        return found in {key, compared}
    with suppress(InvalidInputError):
        return digits_of(phone_number(found)) == compared
    return False


def _without_key(db: Connection, key: str, compared: str) -> int:
    changed = 0
    number = part_of(compared.encode())
    for source in records.sources_of_people(db):
        lines = records.part(db, source, number)
        left = [line for line in lines if not _is_same(line.partition(SEPARATOR)[0].decode(), key, compared)]
        if len(left) < len(lines):
            records.replace_part(db, source, number, encoded(left))
            changed += 1
    return changed


def _without_texts(db: Connection, plan: StoredPlan, texts: set[str]) -> None:
    """Take texts out of what is told of a plan: rows that were shown, and what the service said."""
    summary = dict(plan.summary)
    shown = [row for row in summary.get("invalid_rows", ()) if not _holds(row["text"], texts)]
    summary["invalid_rows"] = shown
    cut = summary.get("cut")
    if cut and _holds(cut["text"], texts):
        summary["cut"] = None
    ended = summary.get("ended_early")
    if ended and _holds(ended, texts):
        summary["ended_early"] = "not told any more"
    records.replace_summary(db, plan.number, json.dumps(summary))
    records.forget_texts(db, plan, texts)


def _holds(cell: str, texts: set[str]) -> bool:
    folded = cell.casefold()
    return any(text in folded for text in texts)


def _without_rows(path: Path, texts: set[str]) -> int:
    """Write a file of rejected rows anew without those that hold one of these texts; returns how many went."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
    except FileNotFoundError:
        return 0
    except (OSError, ValueError, csv.Error) as error:
        raise SourceError(
            f"{path}: these rejected rows cannot be read ({error}), so that nobody is erased from "
            "them: remove the file, and erase again"
        ) from None
    left = [row for at, row in enumerate(rows) if at == 0 or not any(_holds(cell, texts) for cell in row)]
    if len(left) == len(rows):
        return 0
    text = io.StringIO(newline="")
    csv.writer(text).writerows(left)
    with told(path), beside(path) as (file, unfinished):
        file.write(text.getvalue().encode())
        put_in_place(file, unfinished, path)
    return len(rows) - len(left)
