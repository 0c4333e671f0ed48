"""Plans and items as the journal's tables have them: every statement on them stands here.

The states of an item: "open" (to be sent), "sent" (it may have gone out, and nothing is known), "withheld", "kept", and
the ends of a `Status`. Items stand in the parts of their keys, in the order (part, number).
"""

from __future__ import annotations

import getpass
import json
import os
import secrets
import socket
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import attrs

from walead_async.errors import InvalidInputError
from walead_async.jobs.parts import PARTS, decoded
from walead_async.jobs.store import microseconds
from walead_async.jobs.values import Mode, PlanState

if TYPE_CHECKING:
    from walead_async.jobs.store import Connection

__all__ = ["Item", "NewItem", "StoredPlan", "myself", "new_plan_id"]

FINGERPRINT = 16


class NewItem(NamedTuple):
    """A change to be made: `record` is the `record_text` of a record to remove, "" for a block."""

    action: str
    key: str
    reason: str
    record: str
    state: str = "open"
    detail: str | None = None


class Item(NamedTuple):
    """A change as it stands."""

    part: int
    number: int
    action: str
    key: str
    reason: str
    record: str
    state: str
    detail: str | None


_ITEM = "part, number, action, key, reason, record, state, detail"


@attrs.frozen(kw_only=True)
class StoredPlan:
    """A row of `plan`. Moments are microseconds since 1970."""

    number: int
    id: str
    base_url: str
    account: str
    target: str
    mode: Mode
    source: int | None
    undoes: int | None
    state: PlanState
    made_at: int
    by_whom: str
    note: str | None
    applied_at: int | None
    sent_at: int | None
    options: Mapping[str, Any]
    summary: Mapping[str, Any]
    result: Mapping[str, Any]


_PLAN = (
    "number, id, base_url, account, target, mode, source, undoes, state, made_at, by_whom, note, applied_at, sent_at, "
    "options_json, summary_json, result_json"
)


def new_plan_id() -> str:
    """A name that sorts by time and is easily told from others."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def myself() -> str:
    """Who runs this: user@host."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError, ImportError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def _stored_plan(row: Sequence[Any]) -> StoredPlan:
    *fields, state, made_at, by_whom, note, applied_at, sent_at, options, summary, result = row
    number, plan_id, base_url, account, target, mode, source, undoes = fields
    return StoredPlan(
        number=number,
        id=plan_id,
        base_url=base_url,
        account=account,
        target=target,
        mode=mode,
        source=source,
        undoes=undoes,
        state=PlanState(state),
        made_at=made_at,
        by_whom=by_whom,
        note=note,
        applied_at=applied_at,
        sent_at=sent_at,
        options=json.loads(options),
        summary=json.loads(summary),
        result=json.loads(result),
    )


def plans(db: Connection, plan_id: str | None = None) -> list[StoredPlan]:
    """All plans that are whole, the oldest first, or the one of this name. Raises `InvalidInputError`."""
    where, values = ("", ()) if plan_id is None else (" and id = ?", (plan_id,))
    rows = db.execute(f"select {_PLAN} from plan where state <> 'making'{where} order by number", values).fetchall()
    if plan_id is not None and not rows:
        raise InvalidInputError(f"the journal has no plan {plan_id!r}: `walead sync status` lists them")
    return list(map(_stored_plan, rows))


def add_plan(db: Connection, values: Mapping[str, Any]) -> int:
    """Begin a plan, which nobody sees until `finish_plan`; returns its number."""
    values = {"state": "making", "made_at": microseconds(), "options_json": "{}", **values}
    marks = ", ".join("?" * len(values))
    statement = f"insert into plan ({', '.join(values)}) values ({marks}) returning number"
    ((number,),) = db.execute(statement, tuple(values.values())).fetchall()
    return int(number)


def finish_plan(db: Connection, number: int, plan_id: str, summary: Mapping[str, Any], by: str) -> None:
    """The plan is whole."""
    db.execute(
        "update plan set state = 'planned', summary_json = ? where number = ?", (json.dumps(summary), number)
    )
    add_event(db, plan_id, by, "planned", {})


def drop_unfinished(db: Connection, before: int) -> None:
    """Remove what plans left that were never made whole, since their process ended."""
    old = "(select number from plan where state = 'making' and made_at < ?)"
    db.execute(f"delete from item where plan in {old}", (before,))
    db.execute("delete from plan where state = 'making' and made_at < ?", (before,))


def set_state(db: Connection, number: int, state: PlanState, result: Mapping[str, Any] | None = None) -> None:
    """A plan has come so far; `result` is what a closing listing showed."""
    if result is None:
        db.execute("update plan set state = ? where number = ?", (state.value, number))
    else:
        statement = "update plan set state = ?, result_json = ? where number = ?"
        db.execute(statement, (state.value, json.dumps(result), number))


def begin_apply(db: Connection, plan: StoredPlan, by: str) -> None:
    """Somebody applies this plan now."""
    statement = "update plan set state = 'applying', applied_at = ? where number = ?"
    db.execute(statement, (microseconds(), plan.number))
    add_event(db, plan.id, by, "applying", {})


def set_account(db: Connection, number: int, account: str) -> None:
    """A record has shown to which workspace the list belongs."""
    db.execute("update plan set account = ? where number = ?", (account, number))


def add_event(db: Connection, plan_id: str | None, by: str, what: str, detail: Mapping[str, object]) -> None:
    """Somebody did something. `detail` names no person."""
    statement = "insert into event (plan, at, by_whom, what, detail_json) values (?, ?, ?, ?, ?)"
    db.execute(statement, (plan_id, microseconds(), by, what, json.dumps(detail)))


def source_of(db: Connection, digest: str) -> int | None:
    """The source that wants the same, if there is one."""
    row = db.execute("select id from source where kind = 'wanted' and digest = ?", (digest,)).fetchone()
    return None if row is None else int(row[0])


def add_source(db: Connection, kind: str, digest: str, bodies: Iterable[bytes], owner: Sequence[str] = ("", "", "")) -> int:
    """Keep a source of this kind; `owner` is base URL, account and target of an `owned` one. Returns its id."""
    statement = (
        "insert into source (kind, digest, base_url, account, target, made_at) values (?, ?, ?, ?, ?, ?) returning id"
    )
    ((source,),) = db.execute(statement, (kind, digest, *owner, microseconds())).fetchall()
    rows = [(source, number, body) for number, body in enumerate(bodies)]
    db.executemany("insert into part (source, number, body) values (?, ?, ?)", rows)
    return int(source)


def part(db: Connection, source: int, number: int) -> list[bytes]:
    """The lines of a part of a source. Raises `JournalError` if it is damaged."""
    row = db.execute("select body from part where source = ? and number = ?", (source, number)).fetchone()
    return decoded(row[0]) if row else []


def drop_sources(db: Connection, before: int) -> int:
    """Remove the sources that no plan made since then needs; returns how many."""
    needed = "select source from plan where source is not null and made_at >= ?"
    old = f"select id from source where kind = 'wanted' and made_at < ? and id not in ({needed})"
    ids = [row[0] for row in db.execute(old, (before, before)).fetchall()]
    for source in ids:
        db.execute("update plan set source = null where source = ?", (source,))
        db.execute("delete from part where source = ?", (source,))
        db.execute("delete from source where id = ?", (source,))
    return len(ids)


def add_items(db: Connection, plan: int, part: int, first: int, items: Iterable[NewItem]) -> None:
    """Add changes to a part of a plan, numbered from `first`."""
    rows = [(plan, part, number, *item) for number, item in enumerate(items, first)]
    columns = "plan, part, number, action, key, reason, record, state, detail"
    db.executemany(f"insert into item ({columns}) values (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)


def items_of_part(db: Connection, plan: int, part: int) -> list[Item]:
    """The changes of one part of a plan."""
    found = db.execute(f"select {_ITEM} from item where plan = ? and part = ? order by number", (plan, part))
    return list(map(Item._make, found))


def open_items(db: Connection, plan: int, action: str, after: tuple[int, int], count: int) -> list[Item]:
    """The next changes that are to be sent."""
    where = "plan = ? and (part, number) > (?, ?) and state = 'open' and action = ?"
    found = db.execute(f"select {_ITEM} from item where {where} order by part, number limit ?", (plan, *after, action, count))
    return list(map(Item._make, found))


def change_range(
    db: Connection, plan: int, action: str, first: tuple[int, int], last: tuple[int, int], before: str, after: str
) -> None:
    """Bring the items of a range from one state into another."""
    where = "plan = ? and (part, number) >= (?, ?) and (part, number) <= (?, ?) and action = ? and state = ?"
    db.execute(f"update item set state = ?, detail = null where {where}", (after, plan, *first, *last, action, before))


def mark_sent(db: Connection, plan: int, action: str, first: tuple[int, int], last: tuple[int, int]) -> None:
    """These open items may go out from now on."""
    change_range(db, plan, action, first, last, "open", "sent")
    db.execute("update plan set sent_at = ? where number = ?", (microseconds(), plan))


def change_items(db: Connection, plan: int, changes: Iterable[tuple[str, str | None, str, int, int]]) -> None:
    """Give items a state, a detail and a record: each change is (state, detail, record, part, number)."""
    rows = [(state, detail, record, plan, part, number) for state, detail, record, part, number in changes]
    statement = "update item set state = ?, detail = ?, record = ? where plan = ? and part = ? and number = ?"
    db.executemany(statement, rows)


def end_items(db: Connection, plan: int, ends: Iterable[tuple[str, str | None, int, int]]) -> None:
    """Give items their ends: each is (state, detail, part, number)."""
    rows = [(state, detail, plan, part, number) for state, detail, part, number in ends]
    db.executemany("update item set state = ?, detail = ? where plan = ? and part = ? and number = ?", rows)


def change_state(db: Connection, plan: int, before: str, after: str) -> None:
    """Bring all items of a plan from one state into another."""
    db.execute("update item set state = ?, detail = null where plan = ? and state = ?", (after, plan, before))


def counts(db: Connection, plan: int) -> dict[tuple[str, str], int]:
    """How many items of each action are in each state."""
    found = db.execute("select action, state, count(*) from item where plan = ? group by action, state", (plan,))
    return {(action, state): count for action, state, count in found}


def ours(db: Connection, owner: Sequence[str], part: int) -> tuple[set[str], set[bytes]]:
    """The journal's own records in a part of a list: as `record_text`, and as fingerprints of it."""
    statement = (
        "select item.record from plan join item on item.plan = plan.number where plan.base_url = ? and plan.account = ? "
        "and plan.target = ? and item.part = ? and item.action = 'block' and item.record <> ''"
    )
    texts = {text for (found,) in db.execute(statement, (*owner, part)) for text in found.split("\n")}
    statement = (
        "select part.body from source join part on part.source = source.id where source.kind = 'owned' "
        "and source.base_url = ? and source.account = ? and source.target = ? and part.number = ?"
    )
    bodies = [body for (body,) in db.execute(statement, (*owner, part))]
    prints = {bytes(body[at : at + FINGERPRINT]) for body in bodies for at in range(0, len(body), FINGERPRINT)}
    return texts, prints


def drop_owned(db: Connection, owner: Sequence[str]) -> None:
    """Forget which records of a list were taken over."""
    old = "(select id from source where kind = 'owned' and base_url = ? and account = ? and target = ?)"
    db.execute(f"delete from part where source in {old}", tuple(owner))
    db.execute("delete from source where kind = 'owned' and base_url = ? and account = ? and target = ?", tuple(owner))


def opted_out(db: Connection, kind: str) -> list[str]:
    """The keys of everybody, or of every number, whom the outbox in this file has taken."""
    where = "destination like 'agent:%'" if kind == "number" else "destination not like 'agent:%'"
    return [key for (key,) in db.execute(f"select distinct key from optout where {where}")]


def later_plans(db: Connection, plan: StoredPlan) -> list[StoredPlan]:
    """The plans of the same list that were applied later; for an undo, later than the plan that it takes back."""
    since = plan.number if plan.undoes is None else plan.undoes
    where = "target = ? and base_url = ? and number > ? and number <> ? and applied_at is not null"
    found = db.execute(f"select {_PLAN} from plan where {where}", (plan.target, plan.base_url, since, plan.number))
    return list(map(_stored_plan, found))


def blocked_keys(db: Connection, plan: int, part: int) -> list[str]:
    """Whom a plan was to block, in one part."""
    found = db.execute("select key from item where plan = ? and part = ? and action = 'block'", (plan, part))
    return [key for (key,) in found]


def parts() -> range:
    """The numbers of all parts."""
    return range(PARTS)
