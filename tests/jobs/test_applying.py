"""Plans carried out against the emulator: what is sent, what is kept, what is verified, and what is refused."""

from __future__ import annotations

import asyncio
import fcntl
from pathlib import Path

import pytest
from job_files import Files, blocked, changes, people
from stores import stored

from walead_async import AsyncSession, RetryPolicy, VoiceAgentSession
from walead_async.errors import (
    AuthenticationError,
    ConnectionFailedError,
    InvalidInputError,
    JournalError,
    PermissionDeniedError,
    ServerError,
)
from walead_async.events import ResponseReceived
from walead_async.jobs import Journal, Plan, PlanState, Progress, apply, open_journal, plan, run, status, undo
from walead_async.jobs.database import Connection
from walead_async.jobs.guards import CHANGED, KEEP_LISTED, LATER_PLAN, OPTED_OUT, UNREADABLE_NAME
from walead_async.jobs.store import microseconds
from walead_async.models import Completeness
from walead_async.testing import Emulator, Settings

QUICK = RetryPolicy(attempts=1)


async def details(journal: Journal, state: str) -> dict[str, str | None]:
    """The items in a state, with what is said of them."""

    def question(db):  # type: ignore[no-untyped-def]
        return dict(db.execute("select key, detail from item where state = ?", (state,)).fetchall())

    found: dict[str, str | None] = await journal.store.read(question)
    return found


async def ours(journal: Journal, session: AsyncSession, files: Files, count: int = 20) -> None:
    """The journal's own plan has blocked so many people."""
    _, report = await run(journal, session, files.csv(people(count), "before.csv", "asked"), settle=0.0)
    assert report.ok


async def mirror(journal: Journal, session: AsyncSession, files: Files, count: int = 18) -> Plan:
    """A plan that would remove two of twenty."""
    made = await plan(journal, session, files.csv(people(count), "mirror.csv"), mode="mirror")
    assert made.unblock == 20 - count
    return made


async def test_an_add_blocks_whoever_is_wanted_with_their_reasons(
    emulator: Emulator, session: AsyncSession, journal: Journal, files: Files
) -> None:
    emulator.add_leads(["there"])
    made = await plan(journal, session, files.text("public_identifier,reason\njane,asked\njoe,\nthere,late\n"))
    seen = []
    report = await apply(journal, session, made.id, settle=0.0, progress=seen.append)
    assert (report.state, report.verified, report.ok) == (PlanState.VERIFIED, True, True)
    assert report.counts == {"done": 2}
    assert blocked(emulator) == {("there", None), ("jane", "asked"), ("joe", None)}
    assert {"listing", "comparing", "blocking", "verifying"} <= {each.phase for each in seen}
    (stands,) = await status(journal, made.id)
    assert (stands.state, stands.done, stands.total, stands.verified) == (PlanState.VERIFIED, 2, 2, True)


async def test_applied_twice_nothing_is_sent(
    emulator: Emulator, session: AsyncSession, journal: Journal, files: Files
) -> None:
    await ours(journal, session, files)
    made = await mirror(journal, session, files)
    assert (await apply(journal, session, made.id, settle=0.0)).ok
    since = len(emulator.requests)
    again = await apply(journal, session, made.id, settle=0.0)
    assert (again.ok, again.counts) == (True, {"done": 2})
    assert changes(emulator, since) == []


async def test_blocks_go_first(emulator: Emulator, session: AsyncSession, journal: Journal, files: Files) -> None:
    await ours(journal, session, files)
    since = len(emulator.requests)
    _, report = await run(journal, session, files.csv([*people(19), "new"]), mode="mirror", settle=0.0)
    assert report.ok
    assert changes(emulator, since) == ["POST", "DELETE"]


async def test_whoever_vanished_since_the_plan_is_blocked(
    emulator: Emulator, session: AsyncSession, journal: Journal, files: Files
) -> None:
    emulator.add_leads(["jane", "joe"])
    made = await plan(journal, session, files.csv(["jane", "joe"]))
    emulator.blocked_leads.remove(emulator.blocked_leads.of("joe"))
    report = await apply(journal, session, made.id, settle=0.0)
    assert (report.ok, report.counts) == (True, {"done": 1})
    assert set(emulator.blocked_leads.identifiers()) == {"jane", "joe"}


async def test_whoever_was_blocked_since_the_plan_is_not_blocked_again(
    emulator: Emulator, session: AsyncSession, journal: Journal, files: Files
) -> None:
    made = await plan(journal, session, files.csv(["jane"]))
    emulator.add_leads(["jane"])
    report = await apply(journal, session, made.id, settle=0.0)
    assert (report.ok, report.counts, changes(emulator)) == (True, {"already": 1}, [])


async def test_a_record_that_changed_since_the_plan_is_kept(
    emulator: Emulator, session: AsyncSession, journal: Journal, files: Files
) -> None:
    await ours(journal, session, files)
    made = await mirror(journal, session, files)
    (renewed,) = emulator.blocked_leads.of("person-00018")
    emulator.blocked_leads.change(renewed, "asked", renew=True)
    emulator.blocked_leads.remove(emulator.blocked_leads.of("person-00019"))
    emulator.add_leads(["person-00019"])
    since = len(emulator.requests)
    report = await apply(journal, session, made.id, settle=0.0)
    assert (report.verified, report.kept, changes(emulator, since)) == (True, 2, [])
    assert set((await details(journal, "kept")).values()) == {CHANGED}


async def test_a_record_that_is_gone_is_not_asked_to_be_removed(
    emulator: Emulator, session: AsyncSession, journal: Journal, files: Files
) -> None:
    await ours(journal, session, files)
    made = await mirror(journal, session, files, 19)
    emulator.blocked_leads.remove(emulator.blocked_leads.of("person-00019"))
    since = len(emulator.requests)
    report = await apply(journal, session, made.id, settle=0.0)
    assert (report.ok, report.counts, changes(emulator, since)) == (True, {"already": 1}, [])


async def test_who_is_to_be_kept_is_read_again(
    emulator: Emulator, session: AsyncSession, where: str, journal: Journal, files: Files
) -> None:
    await ours(journal, session, files)
    keep = files.text("", "keep.txt")
    made = await plan(journal, session, files.csv(people(17)), mode="mirror", keep=[keep])
    assert made.unblock == 3
    files.text("person-00019\n", "keep.txt")
    stored(
        where,
        "insert into optout (base_url, destination, key, at) values ('https://x', 'campaign:C', 'person-00018', 0)",
    )
    report = await apply(journal, session, made.id, settle=0.0)
    assert (report.verified, report.kept, report.counts) == (True, 2, {"done": 1, "kept": 2})
    assert await details(journal, "kept") == {"person-00018": OPTED_OUT, "person-00019": KEEP_LISTED}


async def test_a_file_of_people_to_keep_that_is_gone_withholds(
    emulator: Emulator, session: AsyncSession, journal: Journal, files: Files
) -> None:
    await ours(journal, session, files)
    keep = files.text("", "keep.txt")
    made = await plan(journal, session, files.csv([*people(18), "new"]), mode="mirror", keep=[keep])
    keep.unlink()
    report = await apply(journal, session, made.id, settle=0.0, allow_removals=5)
    assert (report.verified, report.withheld, report.ok) == (True, 2, False)
    assert ("new", None) in blocked(emulator)
    files.text("", "keep.txt")
    assert (await apply(journal, session, made.id, settle=0.0, allow_removals=2)).ok


async def test_removals_without_an_answer_are_withheld_too_if_who_is_to_be_kept_is_not_known(
    emulator: Emulator, session: AsyncSession, journal: Journal, files: Files
) -> None:
    await ours(journal, session, files)
    keep = files.text("", "keep.txt")
    made = await plan(journal, session, files.csv(people(18)), mode="mirror", keep=[keep])
    emulator.faults.add("DELETE:close")
    assert (await apply(journal, session, made.id, settle=0.0, patience=0.0)).state is PlanState.STOPPED
    emulator.faults.clear()
    keep.unlink()
    since = len(emulator.requests)
    report = await apply(journal, session, made.id, settle=0.0, allow_removals=5)
    assert (report.verified, report.withheld, changes(emulator, since)) == (True, 2, [])


async def test_withheld_removals_are_released_up_to_a_ceiling(
    emulator: Emulator, session: AsyncSession, journal: Journal, files: Files
) -> None:
    await ours(journal, session, files)
    made = await plan(journal, session, files.csv(people(5)), mode="mirror")
    assert made.withheld == 15
    for allowed in (0, 14):
        report = await apply(journal, session, made.id, settle=0.0, allow_removals=allowed)
        assert (report.verified, report.withheld, report.extra, report.ok) == (True, 15, 0, False)
    report = await apply(journal, session, made.id, settle=0.0, allow_removals=15)
    assert (report.ok, report.counts) == (True, {"done": 15})
    assert len(emulator.blocked_leads) == 5


async def test_whom_a_later_applied_plan_wanted_is_kept(
    emulator: Emulator, session: AsyncSession, journal: Journal, files: Files
) -> None:
    await ours(journal, session, files)
    made = await mirror(journal, session, files)
    later = await plan(journal, session, files.csv(["person-00019"], "later.csv"))
    never = await plan(journal, session, files.csv(["person-00018"], "never.csv"))
    assert (await apply(journal, session, later.id, settle=0.0)).counts == {}
    report = await apply(journal, session, made.id, settle=0.0)
    assert (report.verified, report.counts) == (True, {"done": 1, "kept": 1})
    assert await details(journal, "kept") == {"person-00019": LATER_PLAN}
    assert never.block == 0


async def test_what_another_workspace_wants_keeps_nobody_here(
    emulator: Emulator, session: AsyncSession, journal: Journal, files: Files
) -> None:
    await ours(journal, session, files)
    made = await mirror(journal, session, files)
    later = await plan(journal, session, files.csv(people(20), "later.csv"))
    assert (await apply(journal, session, later.id, settle=0.0)).ok
    other = "update plan set account = 'workspace:another' where id = ?"
    await journal.store.write(lambda db: db.execute(other, (later.id,)))
    report = await apply(journal, session, made.id, settle=0.0)
    assert (report.ok, report.counts) == (True, {"done": 2})


async def test_an_unfinished_plan_is_closed_by_a_run_and_then_refused(
    emulator: Emulator, session: AsyncSession, journal: Journal, files: Files
) -> None:
    made = await plan(journal, session, files.csv(["jane"]))
    other = await plan(journal, session, files.csv(["jane"]), campaign="C")
    await run(journal, session, files.csv(["joe"], "new.csv"), settle=0.0)
    with pytest.raises(InvalidInputError, match="closed"):
        await apply(journal, session, made.id)
    states = {each.plan: each.state for each in await status(journal)}
    assert (states[made.id], states[other.id]) == (PlanState.CLOSED, PlanState.PLANNED)


async def test_a_run_reads_the_list_twice(
    emulator: Emulator, session: AsyncSession, journal: Journal, files: Files
) -> None:
    emulator.add_leads(300)
    await run(journal, session, files.csv(["jane"]), settle=0.0)
    reads = [request.query for request in emulator.requests if request.method == "GET"]
    assert [query["offset"] for query in reads if query["sort"] == "ASC"].count("0") == 2
    assert "GET" in [request.method for request in emulator.requests][-1]


async def test_another_workspaces_key_is_refused(
    emulator: Emulator, session: AsyncSession, journal: Journal, files: Files
) -> None:
    emulator.add_leads(["there"])
    made = await plan(journal, session, files.csv(["jane"]))
    async with Emulator(seed=7, leads=1) as other:
        await refuses(journal, made, other, "another|account|plan again")


async def refuses(journal: Journal, made: Plan, other: Emulator, words: str, key: str | None = None) -> None:
    """The plan is refused by a session on this emulator, and nothing is sent there."""
    async with AsyncSession(key or other.api_key, base_url=other.walead_url, retry=QUICK) as session:
        with pytest.raises(InvalidInputError, match=words):
            await apply(journal, session, made.id)
    assert changes(other) == []


async def test_a_workspace_that_no_record_shows_is_told_by_the_key(
    emulator: Emulator, session: AsyncSession, journal: Journal, files: Files, tmp_path: Path
) -> None:
    made = await plan(journal, session, files.csv(["jane"]))
    port = emulator.port
    await emulator.aclose()
    async with Emulator(api_key="another-key", port=port) as other:
        await refuses(journal, made, other, "another key")
    async with Emulator(port=port) as same, AsyncSession(same.api_key, base_url=same.walead_url) as again:
        assert (await apply(journal, again, made.id, settle=0.0)).ok


async def test_a_workspace_whose_list_is_empty_now_is_told_by_the_key(
    emulator: Emulator, session: AsyncSession, journal: Journal, files: Files
) -> None:
    emulator.add_leads(["there"])
    made = await plan(journal, session, files.csv(["jane"]))
    port = emulator.port
    await emulator.aclose()
    async with Emulator(api_key="another-key", port=port) as other:
        await refuses(journal, made, other, "another key")


async def test_another_workspace_at_the_same_address_is_refused(
    emulator: Emulator, session: AsyncSession, journal: Journal, files: Files
) -> None:
    emulator.add_leads(["there"])
    made = await plan(journal, session, files.csv(["jane"]))
    await journal.store.write(lambda db: db.execute("update plan set account = 'workspace:another'"))
    await refuses(journal, made, emulator, "is of workspace:another")


async def test_a_run_closes_no_plan_of_another_workspace_at_the_same_address(
    emulator: Emulator, session: AsyncSession, journal: Journal, files: Files
) -> None:
    emulator.add_leads(["there"])
    made = await plan(journal, session, files.csv(["jane"]))
    await journal.store.write(lambda db: db.execute("update plan set account = 'workspace:another'"))
    await run(journal, session, files.csv(["joe"]), settle=0.0)
    (other, _) = await status(journal)
    assert (other.plan, other.state) == (made.id, PlanState.PLANNED)


async def test_another_user_is_refused(
    emulator: Emulator, phones: VoiceAgentSession, journal: Journal, files: Files
) -> None:
    made = await plan(journal, phones, files.text("number\n+14155550123\n"), agent="A")
    async with VoiceAgentSession(emulator.api_key, uid="another", base_url=emulator.phonely_url) as other:
        with pytest.raises(InvalidInputError, match="uid:another"):
            await apply(journal, other, made.id)


async def test_a_mirror_that_is_older_than_a_day_asks_for_a_new_plan(
    session: AsyncSession, journal: Journal, files: Files
) -> None:
    await ours(journal, session, files)
    made = await mirror(journal, session, files)
    added = await plan(journal, session, files.csv(["new"]))
    day = 24 * 3600 * 1_000_000
    await journal.store.write(lambda db: db.execute("update plan set made_at = made_at - ?", (day,)))
    with pytest.raises(InvalidInputError, match="older than a day"):
        await apply(journal, session, made.id)
    assert (await apply(journal, session, added.id, settle=0.0)).ok


async def test_a_plan_whose_source_is_not_kept_any_more_asks_for_a_new_one(
    session: AsyncSession, journal: Journal, files: Files
) -> None:
    old = await plan(journal, session, files.csv(["jane"]))
    month = 31 * 24 * 3600 * 1_000_000
    for table in ("plan", "source"):
        await journal.store.write(lambda db: db.execute(f"update {table} set made_at = made_at - ?", (month,)))  # noqa: B023
    new = await plan(journal, session, files.csv(["joe"], "joe.csv"))
    with pytest.raises(InvalidInputError, match="plan again"):
        await apply(journal, session, old.id)
    assert (await apply(journal, session, new.id, settle=0.0)).ok


async def test_one_process_applies_at_a_time(session: AsyncSession, where: str, journal: Journal, files: Files) -> None:
    made = await plan(journal, session, files.csv(["jane"]))
    async with open_journal(where) as other, other.store.apply_lock():
        with pytest.raises(JournalError, match=r"process \d+, since"):
            await apply(journal, session, made.id)
    assert (await apply(journal, session, made.id, settle=0.0)).ok


async def test_whoever_looks_whether_a_journal_is_worked_on_refuses_nobody(
    session: AsyncSession, file_journal: Journal, files: Files
) -> None:
    journal = file_journal
    made = await plan(journal, session, files.csv(["jane"]))
    assert (await apply(journal, session, made.id, settle=0.0)).ok
    with Path(f"{journal.where}.lock").open("rb") as looks:  # noqa: ASYNC230
        fcntl.flock(looks, fcntl.LOCK_SH)
        applying = asyncio.create_task(apply(journal, session, made.id, settle=0.0))
        await asyncio.sleep(0.01)
    assert (await applying).ok


async def test_an_outage_is_waited_for(
    emulator: Emulator, session: AsyncSession, journal: Journal, files: Files
) -> None:
    await ours(journal, session, files)
    emulator.faults.add("GET#1-4:status=503", "POST#1-3:status=503", "DELETE#1:status=500")
    seen = []
    source = files.csv([*people(19), "new"])
    made = await plan_after(journal, session, emulator, source)
    report = await apply(journal, session, made.id, settle=0.0, patience=60.0, progress=seen.append)
    assert (report.ok, report.counts) == (True, {"done": 2})
    assert "waiting" in {each.phase for each in seen}


async def plan_after(journal: Journal, session: AsyncSession, emulator: Emulator, source: Path) -> Plan:
    """A mirror's plan, made while the faults of the emulator wait."""
    faults = list(emulator.unfired_faults())
    emulator.faults.clear()
    made = await plan(journal, session, source, mode="mirror")
    emulator.faults.add(*faults)
    return made


@pytest.mark.parametrize(
    ("fault", "error"),
    [("POST:status=503", ServerError), ("POST:close", ConnectionFailedError), ("POST:apply-then-close", None)],
)
async def test_an_outage_past_the_patience_stops_and_the_next_apply_goes_on(
    emulator: Emulator,
    session: AsyncSession,
    journal: Journal,
    files: Files,
    fault: str,
    error: type[Exception] | None,
) -> None:
    made = await plan(journal, session, files.csv(people(30)))
    emulator.faults.add(fault)
    report = await apply(journal, session, made.id, settle=0.0, patience=0.0)
    if error is None:
        assert report.ok
    else:
        assert (report.state, report.verified, report.ok) == (PlanState.STOPPED, False, False)
        assert isinstance(report.error, error)
    emulator.faults.clear()
    report = await apply(journal, session, made.id, settle=0.0)
    assert (report.ok, report.counts) == (True, {"done": 30})


async def test_a_key_that_is_not_accepted_stops_at_once(
    emulator: Emulator, session: AsyncSession, journal: Journal, files: Files
) -> None:
    made = await plan(journal, session, files.csv(["jane"]))
    emulator.faults.add("POST:status=401")
    report = await apply(journal, session, made.id, patience=3600.0)
    assert report.state is PlanState.STOPPED
    assert isinstance(report.error, AuthenticationError)
    assert report.counts == {"not_sent": 1}
    (stands,) = await status(journal)
    assert stands.state is PlanState.STOPPED


async def test_an_apply_that_cannot_list_stops_and_leaves_a_finished_plan_as_it_was(
    emulator: Emulator, session: AsyncSession, journal: Journal, files: Files
) -> None:
    made = await plan(journal, session, files.csv(["jane"]))
    emulator.faults.add("GET:status=401")
    report = await apply(journal, session, made.id)
    assert (report.state, report.counts, report.ok) == (PlanState.STOPPED, {"not_sent": 1}, False)
    assert isinstance(report.error, AuthenticationError)
    assert (await status(journal))[0].state is PlanState.STOPPED
    emulator.faults.clear()
    assert (await apply(journal, session, made.id, settle=0.0)).ok
    emulator.faults.add("GET:status=401")
    assert (await apply(journal, session, made.id)).state is PlanState.STOPPED
    assert (await status(journal))[0].state is PlanState.VERIFIED


async def test_who_is_refused_is_told_and_missing(
    emulator: Emulator, session: AsyncSession, journal: Journal, files: Files
) -> None:
    emulator.settings = Settings(bad_identifier="^joe$")
    _, report = await run(journal, session, files.csv(["jane", "joe"]), settle=0.0)
    assert (report.state, report.missing, report.ok) == (PlanState.UNVERIFIED, 1, False)
    assert report.counts == {"done": 1, "refused": 1}
    assert "400" in ((await details(journal, "refused"))["joe"] or "")
    emulator.settings = Settings()
    assert (await apply(journal, session, report.plan, settle=0.0)).ok


@pytest.mark.parametrize("reblock", ["keeps", "updates", "renews", "replaces", "adds", "conflicts"])
async def test_re_blocks_of_every_kind_that_are_not_counted_end_verified(
    emulator: Emulator, session: AsyncSession, journal: Journal, files: Files, reblock: str
) -> None:
    emulator.settings = Settings(reblock=reblock)  # type: ignore[arg-type]
    made = await plan(journal, session, files.csv(people(40), reason="asked"))
    emulator.drifts.clear()
    emulator.faults.add("POST#1:apply-then-close")
    report = await apply(journal, session, made.id, settle=0.0)
    assert report.ok
    assert set(emulator.blocked_leads.identifiers()) == set(people(40))


async def test_lists_that_lag_are_waited_for(
    emulator: Emulator, session: AsyncSession, journal: Journal, files: Files
) -> None:
    await ours(journal, session, files)
    emulator.settings = Settings(stale=0.7)
    _, report = await run(journal, session, files.csv([*people(19), "new"]), mode="mirror", settle=10.0)
    assert (report.ok, report.counts) == (True, {"done": 2})


async def test_a_list_that_lags_longer_than_it_may_is_not_verified(
    emulator: Emulator, session: AsyncSession, journal: Journal, files: Files
) -> None:
    await ours(journal, session, files)
    emulator.settings = Settings(stale=3600.0)
    since = len(emulator.requests)
    _, report = await run(journal, session, files.csv([*people(19), "new"]), mode="mirror", settle=0.1)
    assert (report.state, report.missing, report.extra) == (PlanState.UNVERIFIED, 1, 1)
    assert report.counts == {"done": 2}
    assert changes(emulator, since) == ["POST", "DELETE"]
    assert len(await details(journal, "done")) == 21


async def test_a_removal_without_an_answer_waits_for_lists_to_settle_before_it_is_believed(
    emulator: Emulator, session: AsyncSession, journal: Journal, files: Files
) -> None:
    await ours(journal, session, files)
    made = await mirror(journal, session, files)
    emulator.settings = Settings(stale=0.6)
    emulator.faults.add("DELETE#1:apply-then-hang")
    task = asyncio.create_task(apply(journal, session, made.id, settle=2.0))
    while "DELETE" not in changes(emulator):  # noqa: ASYNC110  # what is waited for is a request
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    report = await apply(journal, session, made.id, settle=2.0)
    assert (report.ok, report.counts, changes(emulator).count("DELETE")) == (True, {"done": 2}, 1)


async def test_an_unverified_list_proves_presence_and_never_absence(
    emulator: Emulator, session: AsyncSession, journal: Journal, files: Files
) -> None:
    await ours(journal, session, files, 150)
    there = emulator.blocked_leads.identifiers()
    made = await plan(journal, session, files.csv(there[2:]), mode="mirror")
    few, many = [await plan(journal, session, files.csv(there[5:last], f"{last}.csv")) for last in (80, 130)]
    emulator.settings = Settings(offset_limit=100)
    report = await apply(journal, session, few.id, settle=0.0)
    assert (report.verdict, report.verified, report.ok) == (Completeness.UNVERIFIED, True, True)
    report = await apply(journal, session, many.id, settle=0.0)
    assert (report.verdict, report.verified, report.missing, report.unknown) == (
        Completeness.UNVERIFIED,
        False,
        30,
        True,
    )
    report = await apply(journal, session, made.id, settle=0.0)
    assert (report.verdict, report.verified, report.unknown) == (Completeness.UNVERIFIED, False, True)
    assert {name for name, _ in blocked(emulator)} == set(there[2:])


async def test_a_campaign_is_added_to(
    emulator: Emulator, session: AsyncSession, journal: Journal, files: Files
) -> None:
    emulator.add_leads(["ann"], campaign="C")
    emulator.add_leads(["jane"])
    made, report = await run(journal, session, files.csv(["ann", "jane", "joe"]), campaign="C", settle=0.0)
    assert (made.already, made.block, report.ok) == (1, 2, True)
    assert set(emulator.campaigns["C"].identifiers()) == {"ann", "jane", "joe"}


async def test_a_campaign_without_a_licence_stops_at_once(
    emulator: Emulator, session: AsyncSession, journal: Journal, files: Files
) -> None:
    emulator.settings = Settings(campaign_licence=False)
    _, report = await run(journal, session, files.csv(["ann"]), campaign="C", settle=0.0)
    assert isinstance(report.error, PermissionDeniedError)
    assert report.state is PlanState.STOPPED


@pytest.mark.parametrize("spelling", ["as-sent", "no-plus", "brackets"])
async def test_an_agents_numbers_are_mirrored(
    emulator: Emulator, phones: VoiceAgentSession, journal: Journal, files: Files, spelling: str
) -> None:
    emulator.settings = Settings(number_spelling=spelling)  # type: ignore[arg-type]
    numbers = [f"+1415555{number:04d}" for number in range(20)]
    _, first = await run(journal, phones, files.text("number\n" + "\n".join(numbers) + "\n"), agent="A", settle=0.0)
    emulator.agents["A"]["+14155559999"] = None
    source = files.text("number\n" + "\n".join(numbers[1:]) + "\n(+1) 415 555 0001\n")
    made, report = await run(journal, phones, source, agent="A", mode="mirror", settle=0.0)
    assert (first.ok, made.unblock, made.kept, made.already, made.duplicate) == (True, 1, 1, 19, 1)
    assert report.ok
    assert set(emulator.agents["A"]) == {*numbers[1:], "+14155559999"}


async def test_numbers_for_all_agents_are_verified_only_where_every_agent_holds_them(
    emulator: Emulator, phones: VoiceAgentSession, journal: Journal, files: Files
) -> None:
    emulator.settings = Settings(agents=("A", "B"))
    emulator.agents["A"] = {"+14155550001": None, "+14155550002": None}
    emulator.agents["B"] = {"+14155550001": None}
    source = files.text("number\n+14155550001\n+14155550002\n+14155550003\n")
    made, report = await run(journal, phones, source, agent="all", settle=0.0)
    assert (made.block, made.already, made.target) == (2, 1, "agent:all")
    assert report.ok
    assert set(emulator.agents["A"]) == set(emulator.agents["B"]) == {f"+1415555000{n}" for n in (1, 2, 3)}
    taken_back = await undo(journal, phones, made.id)
    assert (taken_back.unblock, sum(taken_back.not_undone.values())) == (0, 2)
    emulator.settings = Settings(agents=("A", "B", "C"))
    made, report = await run(journal, phones, source, agent="all", settle=0.0)
    assert (made.block, report.ok, len(emulator.agents["C"])) == (3, True, 3)
    emulator.settings = Settings(agents=("A", "B", "C", "D"), agents_without_access=("D",))
    made, report = await run(journal, phones, source, agent="all", settle=0.0)
    assert (made.block, report.ok, report.verified) == (3, False, False)
    assert report.counts["refused"] == 3


async def test_what_an_agent_lists_that_is_no_number_is_kept(
    emulator: Emulator, phones: VoiceAgentSession, journal: Journal, files: Files
) -> None:
    emulator.agents["A"] = dict.fromkeys(["+14155550001", "ext. 5", "two\nlines\x1f"])
    source = files.text("number\n+14155550002\n")
    made, report = await run(journal, phones, source, agent="A", mode="mirror", take_over=True, settle=0.0)
    assert (made.unblock, made.why_kept, report.ok) == (1, {UNREADABLE_NAME: 2}, True)
    assert set(emulator.agents["A"]) == {"+14155550002", "ext. 5", "two\nlines\x1f"}


async def test_more_invalid_rows_than_allowed_are_no_success(
    session: AsyncSession, journal: Journal, files: Files
) -> None:
    _, report = await run(journal, session, files.text("public_identifier\njane\na b\n"), settle=0.0)
    assert (report.verified, report.ok) == (True, False)
    _, report = await run(journal, session, files.text("public_identifier\njane\na b\n"), settle=0.0, max_invalid=1)
    assert report.ok


@pytest.mark.parametrize(
    ("options", "words"),
    [({"allow_removals": -1}, "allow_removals"), ({"patience": -1.0}, "patience"), ({"settle": "15"}, "settle")],
)
async def test_an_option_that_cannot_be_is_refused(
    session: AsyncSession, journal: Journal, options: dict[str, object], words: str
) -> None:
    with pytest.raises(InvalidInputError, match=words):
        await apply(journal, session, "any", **options)  # type: ignore[arg-type]


def take_opt_out(where: object, *keys: str, destination: str = "workspace") -> None:
    """What an outbox there takes now."""
    rows = ", ".join(f"('https://x', '{destination}', '{key}', 0)" for key in keys)
    stored(where, f"insert into optout (base_url, destination, key, at) values {rows}")


async def test_who_opts_out_while_a_plan_is_applied_is_kept(
    emulator: Emulator, session: AsyncSession, where: str, journal: Journal, files: Files, tmp_path: Path
) -> None:
    await ours(journal, session, files)
    async with open_journal(tmp_path / "outbox.db") as other:
        await other.store.write(lambda db: None)
    source = files.csv([*people(17), "new"], "mirror.csv")
    made = await plan(journal, session, source, mode="mirror", keep=[tmp_path / "outbox.db"])

    def at_the_blocks(step: Progress) -> None:
        if step.phase == "blocking":
            take_opt_out(where, "person-00019")
            take_opt_out(tmp_path / "outbox.db", "person-00018")

    report = await apply(journal, session, made.id, settle=0.0, progress=at_the_blocks)
    assert (report.verified, report.counts) == (True, {"done": 2, "kept": 2})
    assert await details(journal, "kept") == {"person-00018": KEEP_LISTED, "person-00019": OPTED_OUT}
    assert {name for name, _ in blocked(emulator)} == {*people(17), "person-00018", "person-00019", "new"}


async def test_who_opts_out_while_removals_go_out_is_kept(
    emulator: Emulator, session: AsyncSession, where: str, journal: Journal, files: Files
) -> None:
    """More removals than are marked in one go: an opt-out that comes amid them is seen before its turn."""
    emulator.add_leads(people(20_000))
    await plan(journal, session, files.csv(people(20_000)), mode="mirror", take_over=True)
    made = await plan(journal, session, files.csv(["jane"]), mode="mirror", max_removals=20_000)
    emulator.settings = Settings(latency=0.02)
    taken = []

    def at_the_removals(_: object) -> None:
        if "DELETE" in changes(emulator) and not taken:
            taken.extend(people(20_000))
            take_opt_out(where, *taken)

    watched = session.with_options(hooks=[at_the_removals])
    report = await apply(journal, watched, made.id, settle=0.0)
    assert (report.verified, report.kept) == (True, 20_000)
    assert {name for name, _ in blocked(emulator)} == {*people(20_000), "jane"}
    assert OPTED_OUT in (await details(journal, "kept")).values()


@pytest.mark.parametrize("killed", [False, True])
async def test_who_opted_out_while_the_removal_was_on_its_way_is_blocked_again(
    emulator: Emulator, session: AsyncSession, where: str, journal: Journal, files: Files, killed: bool
) -> None:
    await ours(journal, session, files)
    made = await mirror(journal, session, files)

    def after_the_removals(step: Progress) -> None:
        if step.phase == "unblocking":
            take_opt_out(where, "person-00019")

    report = await apply(journal, session, made.id, settle=0.0, progress=None if killed else after_the_removals)
    if killed:
        take_opt_out(where, "person-00019")
        report = await apply(journal, session, made.id, settle=0.0)
    assert (report.verified, report.counts) == (True, {"done": 2, "kept": 1})
    assert blocked(emulator) == {(name, "asked") for name in [*people(18), "person-00019"]}
    sent = len(emulator.requests)
    assert (await apply(journal, session, made.id, settle=0.0)).ok
    assert changes(emulator, sent) == []


async def test_whose_number_opted_out_while_its_removal_was_on_its_way_is_blocked_again(
    emulator: Emulator, phones: VoiceAgentSession, where: str, journal: Journal, files: Files
) -> None:
    numbers = [f"+1415555{number:04d}" for number in range(20)]
    await run(journal, phones, files.text("number\n" + "\n".join(numbers) + "\n"), agent="A", settle=0.0)
    source = files.text("number\n" + "\n".join(numbers[1:]) + "\n")

    def after_the_removals(step: Progress) -> None:
        if step.phase == "unblocking":
            take_opt_out(where, numbers[0], destination="agent:A")

    made, report = await run(journal, phones, source, agent="A", mode="mirror", settle=0.0, progress=after_the_removals)
    assert (made.unblock, report.verified, report.counts) == (1, True, {"done": 1, "kept": 1})
    assert set(emulator.agents["A"]) == set(numbers)


async def test_whom_an_older_plan_wanted_that_was_applied_later_is_kept(
    emulator: Emulator, session: AsyncSession, journal: Journal, files: Files
) -> None:
    await ours(journal, session, files)
    older = await plan(journal, session, files.csv(["person-00019"], "older.csv"))
    made = await mirror(journal, session, files)
    assert (await apply(journal, session, older.id, settle=0.0)).counts == {}
    report = await apply(journal, session, made.id, settle=0.0)
    assert (report.verified, report.counts) == (True, {"done": 1, "kept": 1})
    assert await details(journal, "kept") == {"person-00019": LATER_PLAN}


async def test_a_plans_last_request_is_when_it_went_out(
    emulator: Emulator, session: AsyncSession, journal: Journal, files: Files
) -> None:
    emulator.settings = Settings(latency=0.1)
    answered = []

    def hear(event: object) -> None:
        if isinstance(event, ResponseReceived) and event.method == "POST":
            answered.append(microseconds())

    made, _ = await run(journal, session.with_options(hooks=[hear]), files.csv(people(3)), settle=0.0)

    def question(db: Connection) -> int:
        return int(db.execute("select sent_at from plan where id = ?", (made.id,)).fetchall()[0][0])

    assert await journal.store.read(question) >= answered[-1]
