"""Prune and erase: who is removed leaves no byte in the files, and nobody is unblocked by it."""

from __future__ import annotations

import zlib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from job_files import Files, blocked, people
from stores import on_disk, stored

from walead_async import AsyncSession, VoiceAgentSession
from walead_async.errors import InvalidInputError, JournalError, OutboxError, SourceError
from walead_async.jobs import Journal, apply, erase, open_journal, optouts, plan, prune, run, status, undo
from walead_async.jobs.guards import KEEP_LISTED, OPTED_OUT
from walead_async.models import Status
from walead_async.testing import Emulator, Settings

LATER = timedelta(seconds=1)


def held(where: str, *texts: str) -> list[str]:
    """Which of these texts stand in the files of a journal or beside them, packed parts included."""
    bodies = stored(where, "select body from part join source on id = source where kind in ('wanted', 'made')")
    found = b"\n".join([on_disk(where), *(zlib.decompress(body) for (body,) in bodies)]).lower()  # type: ignore[arg-type]
    return [text for text in texts if text.encode() in found]


async def test_an_erased_person_leaves_no_byte(
    emulator: Emulator, session: AsyncSession, file_journal: Journal, files: Files
) -> None:
    journal, where = file_journal, file_journal.where
    emulator.settings = Settings(bad_identifier="jane-doe-smith")
    source = files.text("public_identifier,reason\njane-doe-smith,asked\njoe,asked\njane-doe-smith ann,bad\nc d,bad\n")
    made, _ = await run(journal, session, source, settle=0.0)
    emulator.settings = Settings()
    _, report = await run(journal, session, source, settle=0.0, max_invalid=2)
    assert report.ok
    assert made.rejected is not None
    report_of_it = await erase(journal, "https://www.linkedin.com/in/Jane-Doe-Smith/")
    assert (report_of_it.items, report_of_it.sources, report_of_it.rejected) == (2, 2, 2)
    assert held(where, "jane-doe-smith") == []
    assert "c d" in made.rejected.read_text()
    assert ("jane-doe-smith", "asked") in blocked(emulator)
    again = await plan(journal, session, files.csv(["joe"], "joe.csv"))
    assert again.already == 1


async def test_an_erased_number_leaves_no_byte(
    phones: VoiceAgentSession, where: str, journal: Journal, files: Files
) -> None:
    _, report = await run(journal, phones, files.text("number\n+14155550123\n+14155550124\n"), agent="A", settle=0.0)
    assert report.ok
    assert held(where, "4155550123") != []
    erased = await erase(journal, "+1 (415) 555-0123")
    assert (erased.items, erased.sources) == (1, 2)
    assert held(where, "4155550123") == []
    assert held(where, "4155550124") != []


async def test_whose_opt_out_is_pending_is_not_erased(
    session: AsyncSession, where: str, journal: Journal, files: Files
) -> None:
    await plan(journal, session, files.csv(["jane", "joe"]))
    for key, state in (("jane", "pending"), ("joe", "delivered")):
        statement = "insert into optout (base_url, destination, key, at, state) values ('x', 'workspace', ?, 0, ?)"
        stored(where, statement, (key, state))
    with pytest.raises(OutboxError, match="waits to be delivered"):
        await erase(journal, "jane")
    assert (await erase(journal, "joe")).items == 2
    assert [found.total for found in await status(journal)] == [1]


async def test_what_cannot_be_somebody_is_refused(session: AsyncSession, journal: Journal, files: Files) -> None:
    await plan(journal, session, files.csv(["jane"]))
    with pytest.raises(InvalidInputError):
        await erase(journal, "https://www.linkedin.com/company/acme")


async def test_pruned_plans_leave_no_byte_and_their_records_stay_the_journals_own(
    emulator: Emulator, session: AsyncSession, file_journal: Journal, files: Files
) -> None:
    journal, where = file_journal, file_journal.where
    made, _ = await run(
        journal, session, files.text("public_identifier\njane-doe-smith\njoe-doe\nzed quux\n"), settle=0.0
    )
    kept, _ = await run(journal, session, files.csv(["ann-doe"], "ann.csv"), settle=0.0)
    middle = (await status(journal, kept.id))[0].created_at
    report = await prune(journal, middle)
    assert (report.plans, report.items, report.sources, report.files) == (1, 2, 1, 1)
    assert held(where, "jane-doe-smith", "joe-doe", "zed quux") == []
    assert made.rejected is not None
    assert not made.rejected.exists()
    assert [found.plan for found in await status(journal)] == [kept.id]
    assert len(blocked(emulator)) == 3
    mirror = await plan(journal, session, files.csv(["ann-doe"]), mode="mirror")
    assert (mirror.unblock, mirror.kept) == (2, 0)


async def test_what_is_pruned_cannot_be_undone(session: AsyncSession, journal: Journal, files: Files) -> None:
    made, _ = await run(journal, session, files.csv(["jane"]), settle=0.0)
    assert (await prune(journal, datetime.now(UTC) + LATER)).plans == 1
    with pytest.raises(InvalidInputError, match="no plan"):
        await undo(journal, session, made.id)
    assert await status(journal) == []


async def test_a_day_begins_at_midnight_utc(session: AsyncSession, journal: Journal, files: Files) -> None:
    await plan(journal, session, files.csv(["jane"]))
    assert (await prune(journal, datetime.now(UTC).date())).plans == 0
    assert (await prune(journal, date(9999, 1, 1))).plans == 1
    with pytest.raises(InvalidInputError, match="zone"):
        await prune(journal, datetime(2026, 1, 1))  # it has no zone


async def test_nothing_is_removed_while_a_process_applies(
    session: AsyncSession, where: str, journal: Journal, files: Files
) -> None:
    await plan(journal, session, files.csv(["jane"]))
    async with open_journal(where) as other, other.store.apply_lock("acme", "workspace"):
        for call in (prune(journal, date(9999, 1, 1)), erase(journal, "jane")):
            with pytest.raises(JournalError, match="in use"):
                await call
    assert len(await status(journal)) == 1


async def test_nothing_is_made_by_removing_from_a_journal_that_is_not_there(journal: Journal) -> None:
    for call in (prune(journal, date(9999, 1, 1)), erase(journal, "jane")):
        with pytest.raises(JournalError, match="there is no journal"):
            await call
    with pytest.raises(JournalError, match="there is no journal"):
        await status(journal)


async def test_thirty_nights_leave_thirty_plans_that_can_be_undone(
    emulator: Emulator, session: AsyncSession, journal: Journal, files: Files
) -> None:
    for night in range(30):
        made, report = await run(
            journal, session, files.csv(people(200, night), f"{night}.csv"), mode="mirror", settle=0.0
        )
        assert report.ok
    assert {name for name, _ in blocked(emulator)} == set(people(200, 29))
    back = await undo(journal, session, made.id)
    assert (await apply(journal, session, back.id, settle=0.0)).ok
    assert {name for name, _ in blocked(emulator)} == set(people(200, 28))


@pytest.mark.parametrize("how", ["pruned", "erased", "erased-from-journal"])
@pytest.mark.parametrize("own", [True, False])
async def test_an_opt_out_that_was_removed_from_the_outbox_keeps_the_person_blocked(
    emulator: Emulator,
    session: AsyncSession,
    where: str,
    journal: Journal,
    files: Files,
    tmp_path: Path,
    how: str,
    own: bool,
) -> None:
    emulator.add_leads(["ann", *people(20)])
    await plan(journal, session, files.csv(people(20)), mode="mirror", take_over=True)
    other = where if own else str(tmp_path / "outbox.db")
    async with open_journal(other) as outbox:
        opt_out = optouts.OptOut("https://x", "", "workspace", "ann", None, None, 0)
        await outbox.store.write(lambda db: optouts.take(db, [opt_out]))
        await outbox.store.write(lambda db: optouts.settle(db, [optouts.Settled([1], "delivered", Status.DONE, None)]))
        if how == "pruned":
            assert await outbox.store.write(lambda db: optouts.prune(db, 1)) == 1
        elif how == "erased":
            assert await outbox.store.write(lambda db: optouts.erase(db, "ann")) == 1
        else:
            assert (await erase(outbox, "ann")).items >= 1
            assert (await erase(outbox, "ann")).items == 0
        await outbox.store.scrub()
    keep = [] if own else [other]
    made, report = await run(journal, session, files.csv(people(19)), mode="mirror", keep=keep, settle=0.0)
    assert (made.unblock, made.why_kept) == (1, {OPTED_OUT if own else KEEP_LISTED: 1})
    assert report.ok
    assert {name for name, _ in blocked(emulator)} == {"ann", *people(19)}


async def test_a_number_that_was_removed_from_the_outbox_stays_blocked(
    emulator: Emulator, phones: VoiceAgentSession, journal: Journal, files: Files
) -> None:
    numbers = [f"+1415555{number:04d}" for number in range(20)]
    await run(journal, phones, files.text("number\n" + "\n".join(numbers) + "\n"), agent="A", settle=0.0)
    opt_out = optouts.OptOut("https://x", "u", "agent:A", numbers[0], None, None, 0)
    await journal.store.write(lambda db: optouts.take(db, [opt_out]))
    await journal.store.write(lambda db: optouts.settle(db, [optouts.Settled([1], "delivered", Status.DONE, None)]))
    await journal.store.write(lambda db: optouts.prune(db, 1))
    source = files.text("number\n" + "\n".join(numbers[1:]) + "\n")
    made, _ = await run(journal, phones, source, agent="A", mode="mirror", settle=0.0)
    assert (made.unblock, made.why_kept) == (0, {OPTED_OUT: 1})


async def test_a_file_of_rejected_rows_that_a_later_plan_wrote_stays(
    session: AsyncSession, journal: Journal, files: Files, tmp_path: Path
) -> None:
    rejected = tmp_path / "bad.csv"
    source = files.csv(["jane", "https://www.linkedin.com/company/acme"])
    await plan(journal, session, source, rejected=rejected)
    moment = datetime.now(UTC)
    await plan(journal, session, source, rejected=rejected)
    removed = await prune(journal, moment)
    assert (removed.plans, removed.files, rejected.exists()) == (1, 0, True)
    removed = await prune(journal, datetime.now(UTC))
    assert (removed.plans, removed.files, rejected.exists()) == (1, 1, False)


@pytest.mark.parametrize("content", [b"line,\xff\xfe\n1,jane\n", b'a\n"' + b"x" * 200_000 + b'"\n'])
async def test_a_file_of_rejected_rows_that_cannot_be_read_is_told(
    session: AsyncSession, journal: Journal, files: Files, tmp_path: Path, content: bytes
) -> None:
    rejected = tmp_path / "bad.csv"
    source = files.csv(["jane", "https://www.linkedin.com/company/acme"])
    await plan(journal, session, source, rejected=rejected)
    rejected.write_bytes(content)
    with pytest.raises(SourceError, match=r"bad\.csv"):
        await erase(journal, "jane")
    assert rejected.read_bytes() == content
