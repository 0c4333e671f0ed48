"""Apply a plan: a list, the blocks, the removals, and a list again. To go on after `kill -9` is to apply again."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING, Literal

import attrs

from walead_async.errors import (
    InvalidInputError,
    JournalError,
    WaleadError,
)
from walead_async.jobs import optouts, records
from walead_async.jobs.activity import Activity
from walead_async.jobs.compare import Listed, lines_by_key, read_list
from walead_async.jobs.guards import KEEP_LISTED, LATER_PLAN, OPTED_OUT, REMOVED_AND_OPTED_OUT
from walead_async.jobs.journal import Journal, summed
from walead_async.jobs.locks import whoami
from walead_async.jobs.parts import SEPARATOR, encoded, unescaped
from walead_async.jobs.planning import Keep, PlanOptions, SourceFile, made_plan, read_keep, same_key
from walead_async.jobs.reconcile import VANISHED, Change, Found, Showed, ToSend, after_sending, before_sending
from walead_async.jobs.records import NewItem, OpenItem, StoredPlan
from walead_async.jobs.sending import Patience, Pull, is_outage
from walead_async.jobs.store import microseconds
from walead_async.jobs.targets import Session, Target, target_of
from walead_async.jobs.values import ApplyReport, Plan, PlanState, Progress, ProgressCallback
from walead_async.models import Completeness
from walead_async.paging.lookup import READ_TO_ITS_END

if TYPE_CHECKING:
    import os
    from collections.abc import Collection, Sequence

    from walead_async.jobs.database import Connection

__all__ = ["Applying", "apply", "run"]

SECOND = 1_000_000
DAY = 24 * 3600 * SECOND
#: How often requests and waits are written down, in seconds.
STRETCH = 10.0
#: Items that a list changes in one commit.
CHANGED_AT_ONCE = 5_000
#: How often the closing list is read again while something differs, in seconds: the first pause, and the longest.
FIRST_LOOK = 0.5
LONGEST_LOOK = 5.0


async def apply(
    journal: Journal,
    session: Session,
    plan_id: str,
    *,
    allow_removals: int = 0,
    patience: float = 30.0,
    settle: float = 15.0,
    by: str | None = None,
    progress: ProgressCallback | None = None,
) -> ApplyReport:
    """Bring the list to what a plan wants: list it, block, unblock, and list it again to see that it is so.

    Whoever is wanted and not on the fresh list is blocked, also if they were there at the plan; only records that stand
    as they stood at the plan are removed. An apply that was stopped, also by `kill -9`, is gone on with by calling this
    again; applied twice, nothing is sent.

    `allow_removals` releases the withheld removals if there are no more than that. In an outage it waits until nothing
    has moved for `patience` seconds, and is STOPPED then; a key that is not accepted stops it at once: `error` of what
    this returns says why. While the closing list differs it is read again until `settle` seconds after the last change,
    since lists may lag. `progress` is called in the event loop.

    Raises, before anything is sent, `InvalidInputError` for a plan that is not there, closed, stale, or of another base
    URL or account, and `JournalError` if another process works on the list (or on the journal, if it is a file; the
    text names it), or the journal cannot be written; later `JournalError` if the connection to a database is lost.
    """
    _check(allow_removals, patience, settle)
    (plan,) = await journal.store.read(lambda db: records.plans(db, plan_id))
    async with journal.working_on(session, plan.target) as take:
        await take(plan)
        applying = await Applying.begin(journal, session, plan_id, patience, settle, by, progress)
        return await applying.carry_out(allow_removals)


async def run(
    journal: Journal,
    session: Session,
    source: SourceFile,
    *,
    mode: Literal["add", "mirror"] = "add",
    column: str | Sequence[str] | None = None,
    encoding: str | None = None,
    campaign: str | None = None,
    agent: str | None = None,
    max_removals: int | None = None,
    max_invalid: int = 0,
    min_rows: int = 0,
    keep: Sequence[str | os.PathLike[str]] = (),
    take_over: bool = False,
    rejected: str | os.PathLike[str] | None = None,
    note: str | None = None,
    by: str | None = None,
    allow_removals: int = 0,
    patience: float = 30.0,
    settle: float = 15.0,
    progress: ProgressCallback | None = None,
) -> tuple[Plan, ApplyReport]:
    """`plan` and `apply` in one, with the options of both: the list is read once for both of them.

    A plan of the same list that was not finished is closed, since the new one covers it. Raises as they do.
    """
    _check(allow_removals, patience, settle)
    options = PlanOptions(
        mode=mode,
        column=column,
        encoding=encoding,
        campaign=campaign,
        agent=agent,
        max_removals=max_removals,
        max_invalid=max_invalid,
        min_rows=min_rows,
        keep=keep,
        take_over=take_over,
        rejected=rejected,
        note=note,
        by=by,
    )
    target = target_of(session, campaign, agent)
    async with journal.working_on(session, target.name) as take:
        made, listed = await made_plan(journal, session, source, options, progress)
        with ExitStack() as stack:
            stack.callback(listed.close)
            (plan,) = await journal.store.read(lambda db: records.plans(db, made.id))
            await take(plan)
            await journal.store.write(lambda db: records.close_covered(db, made.id, made.by))
            applying = await Applying.begin(journal, session, made.id, patience, settle, by, progress)
            return made, await applying.carry_out(allow_removals, listed)


def _check(allow_removals: int, patience: float, settle: float) -> None:
    if isinstance(allow_removals, bool) or not isinstance(allow_removals, int) or allow_removals < 0:
        raise InvalidInputError(f"allow_removals is a whole number from 0, not {allow_removals!r}")
    for name, seconds in (("patience", patience), ("settle", settle)):
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds < float("inf"):
            raise InvalidInputError(f"{name} is a number of seconds from 0, not {seconds!r}")


class Applying:
    """One apply of one plan, by the process that holds the journal's lock."""

    def __init__(
        self,
        journal: Journal,
        session: Session,
        plan: StoredPlan,
        target: Target,
        patience: float,
        settle: float,
        by: str | None,
        activity: Activity,
    ) -> None:
        self._store = journal.store
        self._journal = journal
        self._session = session
        self._plan = plan
        self._target = target
        self._patience = patience
        self._settle = settle
        self._by = by or whoami()
        self._activity = activity
        self._tell = activity.step
        self._begun = self._wrote = False
        self._sent_at = plan.sent_at or 0
        self._settled = 0
        # What is not stored yet: states of items, and items that join a part.
        self._changes: list[Change] = []
        self._new: list[tuple[int, Sequence[NewItem]]] = []

    @classmethod
    async def begin(
        cls,
        journal: Journal,
        session: Session,
        plan_id: str,
        patience: float,
        settle: float,
        by: str | None,
        progress: ProgressCallback | None,
    ) -> Applying:
        """Take a plan up. Raises `InvalidInputError` if it may not be applied with this session."""
        (plan,) = await journal.store.read(lambda db: records.plans(db, plan_id))
        activity = Activity(progress)
        target = target_of_plan(session.with_options(hooks=[activity]), plan)
        if plan.state is PlanState.CLOSED:
            raise InvalidInputError(f"the plan {plan.id} is closed, another one covers it: plan again")
        if plan.mode != "undo" and plan.source is None:
            raise InvalidInputError(f"the plan {plan.id} is older than its source is kept: plan again")
        if plan.mode == "mirror" and microseconds() - plan.made_at > DAY:
            raise InvalidInputError(
                f"the plan {plan.id} is older than a day, and what it would remove is stale: plan again"
            )
        return cls(journal, session, plan, target, patience, settle, by, activity)

    async def carry_out(self, allow_removals: int, listed: Listed | None = None) -> ApplyReport:
        """List, block, unblock, and list. `listed` is the list if it was just read."""
        recording = asyncio.create_task(self._record_activity())
        try:
            return await self._carried_out(allow_removals, listed)
        finally:
            recording.cancel()
            await asyncio.wait([recording])

    async def _carried_out(self, allow_removals: int, listed: Listed | None) -> ApplyReport:
        with ExitStack() as stack:
            try:
                opening = listed or await self._list("listing")
                stack.callback(opening.close)
                await self._check_account(opening)
                await self._store.write(lambda db: records.begin_apply(db, self._plan, self._by))
                self._begun = True
                withheld = (await self._counts()).get(("unblock", "withheld"), 0)
                if 0 < withheld <= allow_removals:
                    await self._store.write(lambda db: records.release(db, self._plan, self._by, withheld))
                closing = await self._send_all(opening, stack)
                return await self._verify(closing, stack)
            except WaleadError as error:
                if isinstance(error, JournalError):
                    error.unusable = error.unusable and not self._wrote
                    raise
                if isinstance(error, InvalidInputError) and not self._wrote:
                    raise
                return await self._stopped(error)

    async def _record_activity(self) -> None:
        """Write down now and then what requests and waits came to."""
        with suppress(JournalError):
            while True:
                await asyncio.sleep(STRETCH)
                done = self._activity.take()
                event = partial(records.add_event, plan_id=self._plan.id, by=self._by, what="activity", detail=done)
                await self._store.write(event)

    async def close(self) -> None:
        """See by a list what a plan that was not finished has done, and close it, so that it can be undone."""
        with ExitStack() as stack:
            listed = await self._list("listing")
            stack.callback(listed.close)
            await self._check_account(listed)
            result = await self._compare_closing(listed)
            await self._store.write(lambda db: records.set_state(db, self._plan.number, PlanState.CLOSED, result))

    async def _list(self, phase: str) -> Listed:
        """Read the list, however often that takes within the patience. Raises what ended it."""
        patience = Patience(self._patience)

        def told(count: int) -> None:
            patience.moved(count)
            self._tell(Progress(phase, count))

        while True:
            try:
                return await read_list(self._target, self._journal.folder, told)
            except WaleadError as error:
                if not is_outage(error):
                    raise
                self._tell(Progress("waiting", detail=str(error)))
                if not await patience.wait():
                    raise

    async def _check_account(self, listed: Listed) -> None:
        """Raise `InvalidInputError` if this is not the account that the plan was made for."""
        plan, shown = self._plan, listed.account or ""
        if plan.account and shown:
            if plan.account != shown:
                raise InvalidInputError(f"the plan {plan.id} is of {plan.account}, and this is {shown}: plan again")
        elif not await asyncio.to_thread(same_key, self._session, plan.options["key"]):
            raise InvalidInputError(
                f"the plan {plan.id} was made with another key, and no record shows that it is of the same account: "
                "plan again"
            )
        elif shown:
            await self._store.write(lambda db: records.set_account(db, plan.number, shown))
            self._plan = attrs.evolve(plan, account=shown)

    async def _counts(self) -> dict[tuple[str, str], int]:
        return await self._store.read(lambda db: records.counts(db, self._plan.number))

    async def _send_all(self, opening: Listed, stack: ExitStack) -> Listed | None:
        """Send what the list asks for, and after an outage list again. Returns the list if nothing was sent."""
        patience, first = Patience(self._patience), True
        listed: Listed | None = opening
        while True:
            if self._may_lag() and await self._removals_in_doubt():
                self._tell(Progress("waiting", detail="lists may lag behind the last change"))
                await asyncio.sleep(self._lag_left())
                listed = None
            if listed is None:
                listed = self._owned(await self._list("listing"), stack)
            blocks, removals = await self._reconcile(listed, first=first)
            blocks += await self._block_again()
            failure = await self._send("block", blocks)
            if failure is None and removals:
                failure = await self._send_removals() or await self._send("block", await self._block_again())
            if failure is None:
                return None if self._wrote else listed
            if not is_outage(failure):
                raise failure
            patience.moved(self._settled)
            self._tell(Progress("waiting", detail=str(failure)))
            if not await patience.wait():
                raise failure
            listed, first = None, False

    async def _removals_in_doubt(self) -> bool:
        """Whether removals may have gone out of which nothing is known: a list that lags would tell it wrongly."""
        counts = await self._counts()
        return bool(counts.get(("unblock", "sent")) or counts.get(("unblock", "unknown")))

    def _lag_left(self) -> float:
        """For how many seconds lists may still lag behind the last change."""
        return max(0.0, self._sent_at / SECOND + self._settle - microseconds() / SECOND)

    def _may_lag(self) -> bool:
        return self._lag_left() > 0

    def _owned(self, listed: Listed, stack: ExitStack) -> Listed:
        stack.callback(listed.close)
        return listed

    async def _send_removals(self) -> WaleadError | None:
        """Send the removals, but for those of people who are to be kept by now, however long the blocks took."""
        keep_files = self._plan.options.get("keep", ())
        with await read_keep(self._journal, self._target, keep_files) as keep:
            return await self._send("unblock", await self._keep_back(keep), keep)

    async def _keep_back(self, keep: Keep) -> int:
        """Keep open removals back by who is to be kept; returns how many are to be sent."""
        number, left = self._plan.number, 0
        if keep.unreadable:
            await self._store.write(lambda db: records.change_state(db, number, "unblock", "open", "withheld"))
            return 0
        part, listed = -1, set[bytes]()
        at = (-1, -1)
        while items := await self._store.read(
            partial(records.open_items, plan=number, action="unblock", after=at, count=CHANGED_AT_ONCE)
        ):
            at = items[-1].part, items[-1].number
            kept = []
            for item in items:
                if item.part != part:
                    part, listed = item.part, keep.part(item.part)
                key = self._target.key_of(item.key)
                if keep.opted_out(key):
                    kept.append((item, "kept", OPTED_OUT))
                elif keep.is_listed(key, listed):
                    kept.append((item, "kept", KEEP_LISTED))
            left += len(items) - len(kept)
            if kept:
                await self._store.write(partial(records.give_ends, plan=number, ends=kept))
        return left

    def _opted_out(self, db: Connection, items: Sequence[OpenItem], *, after: int) -> Collection[OpenItem]:
        """Those of these removals whose people the journal's outbox took after the opt-out of this id."""
        keys = set(map(self._target.key_of, optouts.taken_keys(db, self._target.kind, after=after)))
        return {item for item in items if self._target.key_of(item.key) in keys} if keys else ()

    async def _block_again(self) -> int:
        """Have whoever opted out while their removal was on its way blocked again; returns how many that are."""

        def find(db: Connection) -> Collection[OpenItem]:
            went_out = records.removals_that_went_out(db, self._plan.number)
            return self._opted_out(db, went_out, after=0) if went_out else ()

        found = await self._store.read(find)

        def change(db: Connection) -> None:
            records.give_ends(db, self._plan.number, [(item, "kept", REMOVED_AND_OPTED_OUT) for item in found])
            for item in found:
                first = records.next_number(db, self._plan.number, item.part)
                block = NewItem("block", item.key, unescaped(item.extra.rpartition("\x1f")[2]), "")
                records.add_items(db, self._plan.number, item.part, first, [block])

        if found:
            await self._store.write(change)
        return len(found)

    async def _reconcile(self, listed: Listed, *, first: bool) -> tuple[int, int]:
        """Bring the items to what the fresh list shows, and add whoever is wanted and not there.

        Returns how many blocks and removals are to be sent.
        """
        blocks = removals = 0
        later = await self._store.read(lambda db: records.later_plans(db, self._plan))
        compare = partial(self._to_send, listed, later, first, not self._may_lag())
        for part in records.parts():
            to_send, new = await self._store.read(partial(compare, part))
            blocks, removals = blocks + to_send.blocks, removals + to_send.removals
            await self._change(part, to_send.changes, new)
            self._tell(Progress("comparing", part + 1, len(records.parts())))
        await self._store_changes()
        return blocks, removals

    def _to_send(
        self,
        listed: Listed,
        later: Sequence[StoredPlan],
        first: bool,
        settled: bool,
        part: int,
        db: Connection,
    ) -> tuple[ToSend, list[NewItem]]:
        """What is to be sent of one part, and the items that join it; in the reader's thread."""
        found = Found(lines_by_key(listed.data(part)), listed.verdict in READ_TO_ITS_END)
        wanted = self._wanted(db, self._plan.source, part)
        key_of = self._target.key_of
        as_planned = records.blocks_of_part(db, self._plan.number, part, "open")
        if any(key_of(sent) in found.there for sent in as_planned):
            as_planned = []
        items = records.items_of_part(db, self._plan.number, part, without="open" if as_planned else None)
        removals = any(item.action == "unblock" for item in items)
        # whom a plan wanted whose source is not kept any more is not known: it may be anybody
        unknown_later = any(plan.source is None and plan.mode != "undo" for plan in later)
        wanted_later = self._wanted_later(db, later, part) if removals else frozenset()
        to_send = before_sending(
            items,
            wanted,
            found,
            key_of=key_of,
            why_kept=lambda key: LATER_PLAN if unknown_later or key in wanted_later else None,
            first=first,
            settled=settled,
            as_planned=frozenset(map(key_of, as_planned)),
        )
        return to_send, [NewItem("block", *self._target.item(key, wanted[key]), "") for key in to_send.missing]

    def _wanted(self, db: Connection, source: int | None, part: int) -> dict[bytes, bytes]:
        """Who is wanted by a source, of one part."""
        lines = [] if source is None else records.part(db, source, part)
        return {key: extra for key, _, extra in [line.partition(SEPARATOR) for line in lines]}

    def _wanted_later(self, db: Connection, later: Sequence[StoredPlan], part: int) -> Collection[bytes]:
        """Whom plans wanted that were applied later."""
        found: set[bytes] = set()
        for plan in later:
            found.update(self._wanted(db, plan.source, part))
            found.update(map(self._target.key_of, records.blocked_keys(db, plan.number, part)))
        return found

    async def _change(self, part: int, changes: Sequence[Change], new: Sequence[NewItem]) -> None:
        """Take what became of the items of one part, and those that join them; stored by `_store_changes` at last."""
        self._changes += changes
        if new:
            self._new.append((part, new))
        if len(self._changes) + sum(len(each) for _, each in self._new) >= CHANGED_AT_ONCE:
            await self._store_changes()

    async def _store_changes(self) -> None:
        changes, added = self._changes, self._new
        self._changes, self._new = [], []

        def change(db: Connection) -> None:
            records.give_ends(db, self._plan.number, changes)
            for part, new in added:
                first = records.next_number(db, self._plan.number, part)
                records.add_items(db, self._plan.number, part, first, new)

        if changes or added:
            await self._store.write(change)

    async def _send(self, action: str, total: int, keep: Keep | None = None) -> WaleadError | None:
        """Send all open items of one kind, `total`, in one stream. Returns what ended it early.

        Removals, given with `keep`, leave out whoever opted out since that was read.
        """
        if not total:
            return None
        target, blocks = self._target, action == "block"
        made_of = target.to_block if blocks else target.to_unblock
        opted_out = None if keep is None else partial(self._opted_out, after=keep.last)
        pull = Pull(self._store, self._plan.number, action, made_of, opted_out)
        stream = target.block(pull) if blocks else target.unblock(pull)
        done, failure = 0, None
        try:
            async for outcome in stream:
                pull.settled(outcome)
                if pull.due:
                    done += len(pull.ends)
                    await pull.write()
                    self._tell(Progress(f"{action}ing", done, total))
        except JournalError:
            raise
        except WaleadError as error:
            failure = error
        finally:
            await stream.aclose()
            # What is known is kept, also where somebody interrupts.
            await pull.close()
            # items are marked long before the last of them is sent
            self._sent_at = microseconds() if pull.sent else self._sent_at
            self._wrote = self._wrote or pull.sent
        self._settled += pull.count
        self._tell(Progress(f"{action}ing", done + len(pull.ends), total))
        return failure or pull.failure

    async def _verify(self, listed: Listed | None, stack: ExitStack) -> ApplyReport:
        """Compare a closing list with what is wanted; while it differs, read it again until lists have settled."""
        pause = FIRST_LOOK
        while True:
            if listed is None:
                listed = self._owned(await self._list("verifying"), stack)
                await self._check_account(listed)
            result = await self._compare_closing(listed)
            if result["verified"] or not self._may_lag():
                break
            self._tell(Progress("waiting", detail="the list may lag behind the last change"))
            await asyncio.sleep(min(pause, self._lag_left()))
            pause, listed = min(2 * pause, LONGEST_LOOK), None
        state = PlanState.VERIFIED if result["verified"] else PlanState.UNVERIFIED
        return await self._ended(state, result, None)

    async def _compare_closing(self, listed: Listed) -> dict[str, object]:
        """What a closing list shows; items get their last state by it."""
        missing = extra = removals = 0
        made: list[bytes] = []
        for part in records.parts():
            showed, new, body = await self._store.read(partial(self._showed, listed, part))
            missing, extra, removals = missing + showed.missing, extra + showed.extra, removals + showed.removals
            made.append(body)
            await self._change(part, showed.changes, new)
        await self._store_changes()
        await self._store.write(lambda db: records.keep_made(db, self._plan, made))
        (self._plan,) = await self._store.read(lambda db: records.plans(db, self._plan.id))
        # Presence is proven by any list that shows it, absence by a whole one alone.
        verified = not missing and not extra and (listed.verdict in READ_TO_ITS_END or not removals)
        return {"verified": verified, "missing": missing, "extra": extra, "verdict": listed.verdict.value}

    def _showed(self, listed: Listed, part: int, db: Connection) -> tuple[Showed, list[NewItem], bytes]:
        """What a closing list shows of one part, the items that join it, and what was made there; in the thread."""
        plan, key_of = self._plan, self._target.key_of
        found = Found(lines_by_key(listed.data(part)), listed.verdict in READ_TO_ITS_END)
        wanted = self._wanted(db, plan.source, part)
        made: dict[bytes, bytes] = {}
        for line in [] if plan.made is None else records.part(db, plan.made, part):
            key = key_of(line.partition(SEPARATOR)[0].decode())
            made[key] = made[key] + b"\n" + line if key in made else line
        as_answered = records.blocks_of_part(db, plan.number, part, "done")
        if not all(key_of(sent) in found.there for sent in as_answered):
            as_answered = []
        items = records.items_of_part(db, plan.number, part, without="done" if as_answered else None)
        showed = after_sending(items, wanted, found, key_of=key_of, made=made, as_answered=as_answered)
        new = [
            NewItem("block", *self._target.item(key, wanted[key]), "", "already", VANISHED) for key in showed.vanished
        ]
        return showed, new, encoded(showed.made)

    async def _stopped(self, error: WaleadError) -> ApplyReport:
        return await self._ended(PlanState.STOPPED, None, error)

    async def _ended(
        self, state: PlanState, result: dict[str, object] | None, error: WaleadError | None
    ) -> ApplyReport:
        done = self._activity.take()

        def end(db: Connection) -> dict[tuple[str, str], int]:
            records.add_event(db, self._plan.id, self._by, "activity", done)
            # What was seen of a finished plan stays true where a further apply of it could not begin.
            if self._begun or not self._plan.result:
                records.set_state(db, self._plan.number, state, result)
            counts = records.counts(db, self._plan.number)
            words = None if error is None else str(error)
            records.add_event(db, self._plan.id, self._by, state.value, {**(result or {}), "error": words})
            return counts

        counts = summed(await self._store.write(end))
        shown = result or {}
        summary = self._plan.summary
        return ApplyReport(
            plan=self._plan.id,
            state=state,
            counts=counts,
            verified=bool(shown.get("verified")),
            missing=int(str(shown.get("missing", 0))),
            extra=int(str(shown.get("extra", 0))),
            kept=counts.get("kept", 0) + int(summary.get("kept", 0)),
            withheld=counts.get("withheld", 0),
            invalid=int(summary.get("invalid", 0)),
            max_invalid=int(self._plan.options.get("max_invalid", 0)),
            verdict=Completeness(shown.get("verdict", "incomplete")),
            error=error,
        )


def target_of_plan(session: Session, plan: StoredPlan) -> Target:
    """The list of a plan. Raises `InvalidInputError` if the session is for another service, address or user."""
    kind, _, name = plan.target.partition(":")
    target = target_of(session, name if kind == "campaign" else None, name if kind == "agent" else None)
    if session.base_url != plan.base_url:
        raise InvalidInputError(
            f"the plan {plan.id} is for {plan.base_url}, and not for {session.base_url}: plan again"
        )
    if target.account is not None and plan.account and target.account != plan.account:
        raise InvalidInputError(f"the plan {plan.id} is of {plan.account}, and not of {target.account}: plan again")
    return target
