"""Plans and items as the journal's tables have them: every statement on them stands here.

The states of an item: "open" (to be sent), "sent" (it may have gone out, and nothing is known), "withheld", "kept", and
the ends of a `Status`. Items stand in the parts of their keys, in the order (part, number).
"""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

import attrs

from walead_async.errors import InvalidInputError
from walead_async.jobs.parts import PARTS, decoded
from walead_async.jobs.store import microseconds
from walead_async.jobs.values import Mode, PlanState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from walead_async.jobs.database import Connection

__all__ = ["Event", "Item", "NewItem", "OpenItem", "RemarkableItem", "StoredPlan", "new_plan_id"]

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
    record: str
    state: str
    detail: str | None


class OpenItem(NamedTuple):
    """A change that is to be sent: `extra` is the reason of a block, and of a removal the record."""

    part: int
    number: int
    key: str
    extra: str


class RemarkableItem(NamedTuple):
    """A change of which there is something to say."""

    part: int
    number: int
    key: str
    reason: str
    record: str
    detail: str | None


class Event(NamedTuple):
    """Somebody did something `at` a moment. `detail` is told in words and numbers."""

    at: int
    by_whom: str
    what: str
    detail: Mapping[str, Any]


_ITEM = "part, number, action, key, record, state, detail"


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
    made: int | None
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
    "number, id, base_url, account, target, mode, source, made, undoes, state, made_at, by_whom, note, applied_at, "
    "sent_at, options_json, summary_json, result_json"
)


def new_plan_id() -> str:
    """A name that sorts by time and is easily told from others."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def _stored_plan(row: Sequence[Any]) -> StoredPlan:
    *fields, state, made_at, by_whom, note, applied_at, sent_at, options, summary, result = row
    number, plan_id, base_url, account, target, mode, source, made, undoes = fields
    return StoredPlan(
        number=number,
        id=plan_id,
        base_url=base_url,
        account=account,
        target=target,
        mode=mode,
        source=source,
        made=made,
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


def add_plan(db: Connection, plan_id: str, mode: Mode, owner: Sequence[str], values: Mapping[str, Any]) -> int:
    """Begin a plan, which nobody sees until `finish_plan`; returns its number.

    `owner` is base URL, account and target; `values` are further columns.
    """
    base_url, account, target = owner
    row = {"id": plan_id, "mode": mode, "base_url": base_url, "account": account, "target": target, **values}
    row |= {"state": "making", "made_at": microseconds()}
    statement = f"insert into plan ({', '.join(row)}) values ({', '.join('?' * len(row))}) returning number"
    ((number,),) = db.execute(statement, tuple(row.values())).fetchall()
    return int(number)


def finish_plan(db: Connection, number: int, plan_id: str, summary: Mapping[str, Any], by: str) -> None:
    """The plan is whole."""
    db.execute("update plan set state = 'planned', summary_json = ? where number = ?", (json.dumps(summary), number))
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
    db.execute(statement, (plan_id, microseconds(), by, what, json.dumps(detail, ensure_ascii=False)))


def events(db: Connection, plan_id: str) -> list[Event]:
    """What was done with a plan, in order."""
    found = db.execute("select at, by_whom, what, detail_json from event where plan = ? order by id", (plan_id,))
    return [Event(at, by, what, json.loads(detail)) for at, by, what, detail in found]


def source_of(db: Connection, digest: str) -> int | None:
    """The source that wants the same, if there is one."""
    row = db.execute("select id from source where kind = 'wanted' and digest = ?", (digest,)).fetchone()
    return None if row is None else int(row[0])


def add_source(
    db: Connection, kind: str, digest: str, bodies: Iterable[bytes], owner: Sequence[str] = ("", "", "")
) -> int:
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


def items_of_part(db: Connection, plan: int, part: int, *, without: str | None = None) -> list[Item]:
    """The changes of one part of a plan, perhaps without what `blocks_of_part` gives for a state."""
    others = "" if without is None else f" and not ({_BLOCK})"
    values = (plan, part) if without is None else (plan, part, without)
    found = db.execute(f"select {_ITEM} from item where plan = ? and part = ?{others} order by number", values)
    return list(map(Item._make, found))


_BLOCK = "action = 'block' and state = ? and detail is null"


def blocks_of_part(db: Connection, plan: int, part: int, state: str) -> list[str]:
    """Who is to be blocked, of one part of a plan, and is in this state without a word: the many."""
    found = db.execute(
        f"select key from item where plan = ? and part = ? and {_BLOCK} order by number", (plan, part, state)
    )
    return [key for (key,) in found]


def next_number(db: Connection, plan: int, part: int) -> int:
    """The number of the next change of a part."""
    found = db.execute("select coalesce(max(number), -1) + 1 from item where plan = ? and part = ?", (plan, part))
    return int(next(iter(found))[0])


def open_items(db: Connection, plan: int, action: str, after: tuple[int, int], count: int) -> list[OpenItem]:
    """The next changes that are to be sent."""
    item = f"part, number, key, {'reason' if action == 'block' else 'record'}"
    where = "plan = ? and (part, number) > (?, ?) and state = 'open' and action = ?"
    found = db.execute(
        f"select {item} from item where {where} order by part, number limit ?", (plan, *after, action, count)
    )
    return list(map(OpenItem._make, found))


def removals_that_went_out(db: Connection, plan: int) -> list[OpenItem]:
    """The removals of a plan that were sent, whatever became of them."""
    where = "plan = ? and action = 'unblock' and state in ('sent', 'unknown', 'done')"
    return list(map(OpenItem._make, db.execute(f"select part, number, key, record from item where {where}", (plan,))))


def remarkable_items(
    db: Connection, plan: int, action: str, state: str, after: tuple[int, int], count: int
) -> list[RemarkableItem]:
    """The next changes in a state; of those that ended as wanted, only those with something to say."""
    where = "plan = ? and (part, number) > (?, ?) and action = ? and state = ?"
    where += " and (state not in ('done', 'already') or detail is not null)"
    statement = (
        f"select part, number, key, reason, record, detail from item where {where} order by part, number limit ?"
    )
    return list(map(RemarkableItem._make, db.execute(statement, (plan, *after, action, state, count))))


def change_range(
    db: Connection, plan: int, action: str, first: tuple[int, int], last: tuple[int, int], before: str, after: str
) -> None:
    """Bring the items of a range from one state into another."""
    where = "plan = ? and (part, number) >= (?, ?) and (part, number) <= (?, ?) and action = ? and state = ?"
    db.execute(f"update item set state = ?, detail = null where {where}", (after, plan, *first, *last, action, before))


def mark_sent(db: Connection, plan: int, action: str, first: tuple[int, int], last: tuple[int, int]) -> None:
    """These open items may go out from now on."""
    change_range(db, plan, action, first, last, "open", "sent")
    note_sent(db, plan)


def note_sent(db: Connection, plan: int) -> None:
    """Requests of this plan went out until now."""
    db.execute("update plan set sent_at = ? where number = ?", (microseconds(), plan))


def give_ends(db: Connection, plan: int, ends: Iterable[tuple[Item | OpenItem, str, str | None]]) -> None:
    """Give items a state and a detail each."""
    rows = [(state, detail, plan, item.part, item.number) for item, state, detail in ends]
    db.executemany("update item set state = ?, detail = ? where plan = ? and part = ? and number = ?", rows)


def end_items(db: Connection, plan: int, action: str, ends: Sequence[tuple[Item | OpenItem, str, str | None]]) -> None:
    """Give sent items their ends, until when the plan has sent; those that were done in a row share a statement."""
    note_sent(db, plan)
    singles = []
    at = 0
    while at < len(ends):
        item, state, detail = ends[at]
        last = at
        if state == "done" and detail is None:
            while last + 1 < len(ends) and ends[last + 1][1] == "done" and ends[last + 1][2] is None:
                last += 1
        if last > at:
            first, end = (item.part, item.number), (ends[last][0].part, ends[last][0].number)
            change_range(db, plan, action, first, end, "sent", "done")
        else:
            singles.append(ends[at])
        at = last + 1
    give_ends(db, plan, singles)


def change_state(db: Connection, plan: int, action: str, before: str, after: str) -> None:
    """Bring all items of one kind from one state into another."""
    statement = "update item set state = ?, detail = null where plan = ? and action = ? and state = ?"
    db.execute(statement, (after, plan, action, before))


def release(db: Connection, plan: StoredPlan, by: str, count: int) -> None:
    """Somebody has looked at the withheld removals, and lets them go out."""
    change_state(db, plan.number, "unblock", "withheld", "open")
    add_event(db, plan.id, by, "released", {"removals": count})


def close_covered(db: Connection, plan_id: str, by: str) -> None:
    """Close the plans of the same list that were not finished: this one covers them."""
    (new,) = plans(db, plan_id)
    for plan in plans(db):
        if (
            plan.number < new.number
            and _is_of_same_list(plan, new)
            and plan.state in {PlanState.PLANNED, PlanState.APPLYING, PlanState.STOPPED}
        ):
            set_state(db, plan.number, PlanState.CLOSED)
            add_event(db, plan.id, by, "closed", {"covered_by": plan_id})


def counts(db: Connection, plan: int) -> dict[tuple[str, str], int]:
    """How many items of each action are in each state."""
    found = db.execute("select action, state, count(*) from item where plan = ? group by action, state", (plan,))
    return {(action, state): count for action, state, count in found}


def ours(db: Connection, owner: Sequence[str], part: int) -> tuple[dict[str, str], set[bytes]]:
    """The journal's own records in a part of a list.

    As `record_text`, with what was sent for each; and, of those that were taken over, as fingerprints of it.
    """
    statement = (
        "select part.body from plan join part on part.source = plan.made where plan.base_url = ? "
        "and plan.account = ? and plan.target = ? and part.number = ?"
    )
    lines = [line.decode() for (body,) in db.execute(statement, (*owner, part)).fetchall() for line in decoded(body)]
    texts = {text: sent for sent, _, text in (line.partition("\x1f") for line in lines)}
    statement = (
        "select part.body from source join part on part.source = source.id where source.kind = 'owned' "
        "and source.base_url = ? and source.account = ? and source.target = ? and part.number = ?"
    )
    bodies = [body for (body,) in db.execute(statement, (*owner, part))]
    return texts, set().union(*map(prints, bodies))


def fingerprint(text: str) -> bytes:
    """What stands for a text: nobody can be read from it."""
    return blake2b(text.encode(), digest_size=FINGERPRINT).digest()


def prints(body: bytes) -> set[bytes]:
    """The fingerprints of a part."""
    return {bytes(body[at : at + FINGERPRINT]) for at in range(0, len(body), FINGERPRINT)}


def drop_owned(db: Connection, owner: Sequence[str]) -> None:
    """Forget which records of a list were taken over."""
    old = "(select id from source where kind = 'owned' and base_url = ? and account = ? and target = ?)"
    db.execute(f"delete from part where source in {old}", tuple(owner))
    db.execute("delete from source where kind = 'owned' and base_url = ? and account = ? and target = ?", tuple(owner))


def later_plans(db: Connection, plan: StoredPlan) -> list[StoredPlan]:
    """The plans of the same list that were made or applied later; for an undo, later than the plan it takes back."""
    since = plan.number if plan.undoes is None else plan.undoes
    where = (
        "number not in (?, ?) and applied_at is not null and "
        "(number > ? or applied_at > (select made_at from plan where number = ?))"
    )
    values = (plan.number, since, since, since)
    found = map(_stored_plan, db.execute(f"select {_PLAN} from plan where {where}", values))
    return [later for later in found if _is_of_same_list(later, plan)]


def _is_of_same_list(one: StoredPlan, other: StoredPlan) -> bool:
    """Whether two plans may be of one list: an account that no record has shown may be any."""
    accounts = {one.account, other.account}
    return (one.base_url, one.target) == (other.base_url, other.target) and (len(accounts) == 1 or "" in accounts)


def blocked_keys(db: Connection, plan: int, part: int) -> list[str]:
    """Whom a plan was to block, in one part."""
    found = db.execute("select key from item where plan = ? and part = ? and action = 'block'", (plan, part))
    return [key for (key,) in found]


def keep_made(db: Connection, plan: StoredPlan, bodies: Sequence[bytes]) -> None:
    """Keep which records a plan has made, part by part."""
    (made,) = next(iter(db.execute("select made from plan where number = ?", (plan.number,))))
    if made is None:
        made = add_source(db, "made", plan.id, bodies)
        db.execute("update plan set made = ? where number = ?", (made, plan.number))
    else:
        rows = [(body, made, number) for number, body in enumerate(bodies)]
        db.executemany("update part set body = ? where source = ? and number = ?", rows)


def merge_owned(db: Connection, digest: str, bodies: Sequence[bytes], owner: Sequence[str]) -> None:
    """Add fingerprints, part by part, to those of the records of a list that are the journal's own."""
    statement = (
        "select part.number, part.body from source join part on part.source = source.id where source.kind = 'owned' "
        "and source.base_url = ? and source.account = ? and source.target = ?"
    )
    merged = list(map(prints, bodies))
    for number, body in db.execute(statement, tuple(owner)).fetchall():
        merged[number] |= prints(body)
    drop_owned(db, owner)
    add_source(db, "owned", digest, [b"".join(sorted(each)) for each in merged], owner)


def drop_plan(db: Connection, plan: StoredPlan) -> int:
    """Remove a plan with its items and events; returns how many items it had."""
    count = db.execute("delete from item where plan = ?", (plan.number,)).rowcount
    db.execute("delete from event where plan = ?", (plan.id,))
    db.execute("delete from part where source = ?", (plan.made,))
    # What came after the plan that it takes back is not known any more.
    db.execute("update plan set undoes = null, state = 'closed' where undoes = ?", (plan.number,))
    db.execute("delete from plan where number = ?", (plan.number,))
    db.execute("delete from source where id = ?", (plan.made,))
    return count


def drop_needless(db: Connection, before: int) -> int:
    """Remove the sources that no plan has, and events of no plan from before then; returns how many sources."""
    needless = (
        "select id from source where kind = 'wanted' and id not in (select source from plan where source is not null)"
    )
    ids = [row[0] for row in db.execute(needless).fetchall()]
    for source in ids:
        db.execute("delete from part where source = ?", (source,))
        db.execute("delete from source where id = ?", (source,))
    db.execute("delete from event where plan is null and at < ?", (before,))
    return len(ids)


def drop_items(db: Connection, plan: int, part: int, same: Callable[[str], bool]) -> int:
    """Remove the items of one person from a part of a plan; returns how many."""
    found = db.execute("select number, key from item where plan = ? and part = ?", (plan, part)).fetchall()
    numbers = [number for number, key in found if same(key)]
    for number in numbers:
        db.execute("delete from item where plan = ? and part = ? and number = ?", (plan, part, number))
    return len(numbers)


def sources_of_people(db: Connection) -> list[int]:
    """The sources that hold people: who is wanted, and who was blocked."""
    return [source for (source,) in db.execute("select id from source where kind in ('wanted', 'made')").fetchall()]


def replace_part(db: Connection, source: int, number: int, body: bytes) -> None:
    """A part has fewer people than when the source was read, so that the source is no other file's any more."""
    db.execute("update part set body = ? where source = ? and number = ?", (body, source, number))
    db.execute("update source set digest = '' where id = ? and kind = 'wanted'", (source,))


def replace_summary(db: Connection, plan: int, summary: str) -> None:
    """The preview of a plan shows less than it did."""
    db.execute("update plan set summary_json = ? where number = ?", (summary, plan))


def forget_texts(db: Connection, plan: StoredPlan, texts: Iterable[str]) -> None:
    """Forget what the service said where it holds one of these texts."""
    for text in texts:
        like = "%" + text.replace("!", "!!").replace("%", "!%").replace("_", "!_") + "%"
        db.execute(
            "update item set detail = null where plan = ? and lower(detail) like ? escape '!'", (plan.number, like)
        )
        db.execute(
            "update event set detail_json = '{}' where plan = ? and lower(detail_json) like ? escape '!'",
            (plan.id, like),
        )


def parts() -> range:
    """The numbers of all parts."""
    return range(PARTS)
