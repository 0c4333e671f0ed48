"""Undo: a plan like any other that takes back what another one was seen to have done."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from walead_async.jobs import guards, records
from walead_async.jobs.activity import Activity
from walead_async.jobs.applying import Applying, target_of_plan
from walead_async.jobs.locks import whoami
from walead_async.jobs.parts import unescaped
from walead_async.jobs.planning import store_items, summary_of
from walead_async.jobs.records import Item, NewItem, StoredPlan
from walead_async.jobs.targets import record_of
from walead_async.jobs.values import Plan, PlanState, ProgressCallback
from walead_async.models import Completeness

if TYPE_CHECKING:
    from collections.abc import Mapping

    from walead_async.jobs.journal import Journal
    from walead_async.jobs.targets import Session, Target

__all__ = ["undo"]

NOT_SHOWN = "no closing list shows the record that it made"
TOO_LATE = "the record is dated after the plan's last request, so it is somebody else's"


async def undo(
    journal: Journal,
    session: Session,
    plan_id: str,
    *,
    note: str | None = None,
    by: str | None = None,
    patience: float = 30.0,
    progress: ProgressCallback | None = None,
) -> Plan:
    """Make a plan that takes back what another one did, to be carried out by `apply`; nothing is sent here.

    Records that were not there before that plan and were there after it are to be removed, those that it removed are to
    be blocked again with their reasons; an undo can be undone too. A plan that was not finished is closed first, with a
    list that shows what it has done. `not_undone` of what this returns counts what stays as it is, and says why.

    Raises `InvalidInputError` for a plan that is not there, or of another base URL or account; `JournalError`; and the
    errors of a listing, which an outage is waited for up to `patience` seconds.
    """
    by = by or whoami()
    (plan,) = await journal.store.read(lambda db: records.plans(db, plan_id))
    async with journal.working_on(session, plan.target) as take:
        await take(plan)
        plan = await _closed(journal, session, plan_id, patience, by, progress)
        target = target_of_plan(session, plan)
        last_request = datetime.fromtimestamp((plan.sent_at or 0) / 1_000_000, UTC)
        not_undone: Counter[str] = Counter()
        parts: list[tuple[int, list[NewItem]]] = []
        for part in records.parts():
            items = await journal.store.read(partial(records.items_of_part, plan=plan.number, part=part))
            made_lines = await _made(journal, plan, part)
            if new := _undone(items, made_lines, target, last_request, not_undone):
                parts.append((part, new))
        made = Plan(
            id=records.new_plan_id(),
            mode="undo",
            target=plan.target,
            block=sum(item.action == "block" for _, items in parts for item in items),
            unblock=sum(item.action == "unblock" for _, items in parts for item in items),
            verdict=Completeness(plan.result.get("verdict", "incomplete")),
            not_undone=dict(not_undone),
            note=note,
            by=by,
        )
        owner = (plan.base_url, plan.account, plan.target)
        # whom the plan was to keep, its undo keeps as well
        options = json.dumps({"key": plan.options["key"], "keep": plan.options.get("keep", [])})
        values = {"by_whom": by, "note": note, "undoes": plan.number, "options_json": options}
        number = await journal.store.write(lambda db: records.add_plan(db, made.id, "undo", owner, values))
        await store_items(journal, number, parts)
        await journal.store.write(lambda db: records.finish_plan(db, number, made.id, summary_of(made), by))
        return made


async def _closed(
    journal: Journal, session: Session, plan_id: str, patience: float, by: str, progress: ProgressCallback | None
) -> StoredPlan:
    """The plan, with what a closing list showed of it."""
    (plan,) = await journal.store.read(lambda db: records.plans(db, plan_id))
    target = target_of_plan(session, plan)
    if plan.state is PlanState.PLANNED:
        await journal.store.write(lambda db: records.set_state(db, plan.number, PlanState.CLOSED))
    elif plan.applied_at is not None and (not plan.result or plan.state in {PlanState.APPLYING, PlanState.STOPPED}):
        await Applying(journal, session, plan, target, patience, 0.0, by, Activity(progress)).close()
    return (await journal.store.read(lambda db: records.plans(db, plan_id)))[0]


async def _made(journal: Journal, plan: StoredPlan, part: int) -> dict[str, list[str]]:
    """The records that a plan was seen to have made, each as `record_text`, by what was sent."""
    source = plan.made
    found: dict[str, list[str]] = {}
    if source is not None:
        for line in await journal.store.read(lambda db: records.part(db, source, part)):
            sent, _, text = line.decode().partition("\x1f")
            found.setdefault(sent, []).append(text)
    return found


def _undone(
    items: list[Item],
    made: Mapping[str, list[str]],
    target: Target,
    last_request: datetime,
    not_undone: Counter[str],
) -> list[NewItem]:
    """What takes these items back; what stays is counted by its reason."""
    removals: list[NewItem] = []
    blocks: dict[str, NewItem] = {}
    for item in items:
        if item.action == "unblock" and item.state == "done":
            reason = unescaped(item.record.rpartition("\x1f")[2])
            if item.key not in blocks or not blocks[item.key].reason:
                blocks[item.key] = NewItem("block", item.key, reason, "")
        if item.action != "block" or item.state not in {"done", "sent", "unknown"}:
            continue
        if target.no_removal:
            not_undone[target.no_removal] += 1
        elif item.state != "done" or item.key not in made:
            not_undone[NOT_SHOWN] += 1
        else:
            for text in made[item.key]:
                if target.has_ids and guards.dated_too_late(record_of(text).created_at, last_request):
                    not_undone[TOO_LATE] += 1
                else:
                    removals.append(NewItem("unblock", item.key, "", text))
    return [*blocks.values(), *removals]
