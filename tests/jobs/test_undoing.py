"""Undo: what a plan was seen to have done is taken back, and nothing else."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from job_files import Files, blocked, changes, people

from walead_async import AsyncSession, VoiceAgentSession
from walead_async.errors import InvalidInputError
from walead_async.jobs import Journal, PlanState, apply, plan, prune, run, status, undo
from walead_async.jobs.undoing import TOO_LATE
from walead_async.testing import Emulator


async def test_undo_takes_back_blocks_and_removals_with_their_reasons(
    emulator: Emulator, session: AsyncSession, journal: Journal, files: Files
) -> None:
    emulator.add_leads([("by-hand", "written,\n\x1f")])
    await run(journal, session, files.csv(people(20), reason="two\nlines" if False else "asked"), settle=0.0)
    before = blocked(emulator)
    made, report = await run(
        journal, session, files.csv([*people(18), "new"], "b.csv"), mode="mirror", take_over=True, settle=0.0
    )
    assert (made.block, made.unblock, report.ok) == (1, 3, True)
    back = await undo(journal, session, made.id, note="wrong segment")
    assert (back.mode, back.block, back.unblock, back.not_undone, back.note) == ("undo", 3, 1, {}, "wrong segment")
    assert (await apply(journal, session, back.id, settle=0.0)).ok
    assert blocked(emulator) == before


async def test_an_undo_can_be_undone(emulator: Emulator, session: AsyncSession, journal: Journal, files: Files) -> None:
    await run(journal, session, files.csv(people(20), reason="asked"), settle=0.0)
    made, _ = await run(journal, session, files.csv([*people(18), "new"], "b.csv"), mode="mirror", settle=0.0)
    after = blocked(emulator)
    back = await undo(journal, session, made.id)
    assert (await apply(journal, session, back.id, settle=0.0)).ok
    assert blocked(emulator) != after
    forth = await undo(journal, session, back.id)
    assert (forth.block, forth.unblock) == (1, 2)
    assert (await apply(journal, session, forth.id, settle=0.0)).ok
    assert {name for name, _ in blocked(emulator)} == {name for name, _ in after}


async def test_only_records_that_were_not_there_before_are_removed(
    emulator: Emulator, session: AsyncSession, journal: Journal, files: Files
) -> None:
    emulator.add_leads(["ann"])
    made = await plan(journal, session, files.csv(["ann", "jane", "joe"]))
    emulator.add_leads(["joe"])
    assert (await apply(journal, session, made.id, settle=0.0)).ok
    back = await undo(journal, session, made.id)
    assert (back.block, back.unblock) == (0, 1)
    (jane,) = emulator.blocked_leads.of("jane")
    emulator.blocked_leads.change(jane, "again", renew=True)
    report = await apply(journal, session, back.id, settle=0.0)
    assert (report.verified, report.kept) == (True, 1)
    assert {name for name, _ in blocked(emulator)} == {"ann", "jane", "joe"}


async def test_a_record_of_later_is_not_the_plans(
    emulator: Emulator, session: AsyncSession, journal: Journal, files: Files
) -> None:
    made, _ = await run(journal, session, files.csv(["jane"]), settle=0.0)
    (jane,) = emulator.blocked_leads.of("jane")
    early = int((jane.created_at - timedelta(seconds=61)).timestamp() * 1_000_000)
    await journal.store.write(lambda db: db.execute("update plan set sent_at = ?", (early,)))
    back = await undo(journal, session, made.id)
    assert (back.unblock, back.not_undone) == (0, {TOO_LATE: 1})
    assert datetime.now(UTC) > jane.created_at


async def test_whom_a_later_plan_wanted_is_kept(
    emulator: Emulator, session: AsyncSession, journal: Journal, files: Files
) -> None:
    made, _ = await run(journal, session, files.csv(["jane", "joe"]), settle=0.0)
    await run(journal, session, files.csv(["jane"], "later.csv"), settle=0.0)
    back = await undo(journal, session, made.id)
    report = await apply(journal, session, back.id, settle=0.0)
    assert (report.verified, report.counts) == (True, {"done": 1, "kept": 1})
    assert blocked(emulator) == {("jane", None)}


async def test_an_unfinished_plan_is_seen_to_its_end_and_closed(
    emulator: Emulator, session: AsyncSession, journal: Journal, files: Files
) -> None:
    emulator.add_leads(["ann"])
    made = await plan(journal, session, files.csv(["ann", "jane", "joe"]))
    emulator.faults.add("POST#1:apply-then-hang")
    task = asyncio.create_task(apply(journal, session, made.id))
    while not changes(emulator):  # noqa: ASYNC110  # what is waited for is a request
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await status(journal))[0].state is PlanState.STOPPED
    back = await undo(journal, session, made.id)
    assert (back.unblock, (await status(journal, made.id))[0].state) == (2, PlanState.CLOSED)
    with pytest.raises(InvalidInputError, match="closed"):
        await apply(journal, session, made.id)
    assert (await apply(journal, session, back.id, settle=0.0)).ok
    assert blocked(emulator) == {("ann", None)}


async def test_a_plan_that_was_never_applied_has_nothing_to_undo(
    emulator: Emulator, session: AsyncSession, journal: Journal, files: Files
) -> None:
    made = await plan(journal, session, files.csv(["jane"]))
    back = await undo(journal, session, made.id)
    assert (back.block, back.unblock) == (0, 0)
    assert (await status(journal, made.id))[0].state is PlanState.CLOSED


async def test_a_campaigns_blocks_stay_and_that_is_said(
    emulator: Emulator, session: AsyncSession, journal: Journal, files: Files
) -> None:
    made, _ = await run(journal, session, files.csv(["jane"]), campaign="C", settle=0.0)
    back = await undo(journal, session, made.id)
    assert (back.unblock, back.not_undone) == (0, {"the API has no campaign unblock": 1})


@pytest.mark.parametrize("spelling", ["as-sent", "no-plus"])
async def test_an_agents_numbers_are_taken_back(
    emulator: Emulator, phones: VoiceAgentSession, journal: Journal, files: Files, spelling: str
) -> None:
    emulator.settings = emulator.settings.changed({"number_spelling": spelling})
    emulator.agents["A"] = {"+14155550001": None}
    source = files.text("number\n+14155550001\n+14155550002\n+14155550003\n")
    made = await plan(journal, phones, source, agent="A")
    emulator.agents["A"]["+14155550003"] = None
    assert (await apply(journal, phones, made.id, settle=0.0)).ok
    back = await undo(journal, phones, made.id)
    assert back.unblock == 1
    assert (await apply(journal, phones, back.id, settle=0.0)).ok
    assert set(emulator.agents["A"]) == {"+14155550001", "+14155550003"}


async def test_an_undo_is_refused_with_another_key(
    emulator: Emulator, session: AsyncSession, journal: Journal, files: Files
) -> None:
    made, _ = await run(journal, session, files.csv(["jane"]), settle=0.0)
    async with Emulator() as other, AsyncSession(other.api_key, base_url=other.walead_url) as elsewhere:
        with pytest.raises(InvalidInputError, match="plan again"):
            await undo(journal, elsewhere, made.id)


async def test_whom_the_plan_was_to_keep_its_undo_keeps(
    emulator: Emulator, session: AsyncSession, journal: Journal, files: Files
) -> None:
    keep = files.text("", "keep.txt")
    made, _ = await run(journal, session, files.csv(["ann", "joe"]), mode="mirror", keep=[keep], settle=0.0)
    back = await undo(journal, session, made.id)
    files.text("ann\n", "keep.txt")
    report = await apply(journal, session, back.id, settle=0.0)
    assert (report.verified, report.counts) == (True, {"done": 1, "kept": 1})
    assert {name for name, _ in blocked(emulator)} == {"ann"}


async def test_whom_a_later_plan_wanted_is_kept_also_if_its_source_is_not_kept_any_more(
    emulator: Emulator, session: AsyncSession, journal: Journal, files: Files
) -> None:
    made, _ = await run(journal, session, files.csv(["ann", "joe"]), settle=0.0)
    later, _ = await run(journal, session, files.csv(["ann"], "later.csv"), settle=0.0)
    back = await undo(journal, session, made.id)
    await journal.store.write(lambda db: db.execute("update plan set source = null where id = ?", (later.id,)))
    report = await apply(journal, session, back.id, settle=0.0)
    assert (report.verified, report.counts) == (True, {"kept": 2})


async def test_an_undo_of_what_was_pruned_since_is_not_applied(
    emulator: Emulator, session: AsyncSession, journal: Journal, files: Files
) -> None:
    made, _ = await run(journal, session, files.csv(["ann", "joe"]), settle=0.0)
    await run(journal, session, files.csv(["ann"], "later.csv"), settle=0.0)
    moment = datetime.now(UTC)
    back = await undo(journal, session, made.id)
    assert (await prune(journal, moment)).plans == 2
    with pytest.raises(InvalidInputError, match="closed"):
        await apply(journal, session, back.id, settle=0.0)
    assert {name for name, _ in blocked(emulator)} == {"ann", "joe"}
