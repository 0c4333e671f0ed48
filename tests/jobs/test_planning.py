"""Plans of real sources against the emulator: what they count, what they withhold and keep, and what they refuse."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from job_files import Files, changes, people
from stores import stored

from walead_async import AsyncSession, VoiceAgentSession
from walead_async.errors import InvalidInputError, JournalError, ServerError, SourceError, WaleadError
from walead_async.files import rows
from walead_async.files.export import export_leads
from walead_async.jobs import Journal, PlanState, apply, open_journal, plan, status
from walead_async.jobs.guards import KEEP_LISTED, NOT_OURS, OPTED_OUT, UNREADABLE_NAME
from walead_async.models import Completeness
from walead_async.testing import Emulator, Settings


async def test_a_plan_counts_and_sends_nothing(
    emulator: Emulator, session: AsyncSession, journal: Journal, files: Files
) -> None:
    emulator.add_leads([("ann", "asked"), ("bob", None), ("eve", None)])
    source = files.text(
        "Name,LinkedIn URL,Reason\nA,ann,another\nB,linkedin.com/in/Bob,\nJ,jane,asked\nJ,Jane,\n,,\nX,a b,\n"
    )
    seen = []
    made = await plan(journal, session, source, note="tonight", by="ops@crm", progress=seen.append)
    assert (made.block, made.already, made.duplicate, made.invalid, made.reason_differs) == (1, 2, 1, 2, 1)
    assert (made.rows, made.listed, made.unblock, made.withheld, made.kept) == (6, 3, 0, 0, 0)
    assert (made.verdict, made.note, made.by, made.target) == (Completeness.COMPLETE, "tonight", "ops@crm", "workspace")
    assert [(row.line, row.text) for row in made.invalid_rows] == [(6, ""), (7, "a b")]
    assert changes(emulator) == []
    (stands,) = await status(journal)
    assert (stands.plan, stands.state, stands.done, stands.total) == (made.id, PlanState.PLANNED, 0, 1)
    assert [each.phase for each in seen][:2] == ["reading", "listing"]


async def test_rejected_rows_are_mended_and_loaded_again(
    session: AsyncSession, file_journal: Journal, files: Files, tmp_path: Path
) -> None:
    journal = file_journal
    made = await plan(journal, session, files.text("public_identifier,reason\njane,asked\n=a b,later\n"))
    assert made.rejected == tmp_path / f"J.{made.id}.rejected.csv"
    (row,) = rows(made.rejected)
    assert (row.text, row.reason) == ("=a b", "later")
    made.rejected.write_text(made.rejected.read_text().replace("'=a b", "joe"), encoding="utf-8")
    mended = await plan(journal, session, made.rejected)
    assert (mended.block, mended.invalid, mended.rejected) == (2 - 1, 0, None)


async def test_rejected_rows_go_where_they_are_wanted(
    session: AsyncSession, journal: Journal, files: Files, tmp_path: Path
) -> None:
    made = await plan(journal, session, files.text("public_identifier\na b\n"), rejected=tmp_path / "bad.csv")
    assert made.rejected == tmp_path / "bad.csv"
    assert [row.text for row in rows(tmp_path / "bad.csv")] == ["a b"]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet", ".xlsx"])
async def test_an_export_reads_back_to_the_same_people(
    emulator: Emulator, session: AsyncSession, journal: Journal, tmp_path: Path, suffix: str
) -> None:
    emulator.add_leads([("ann", "=1+1"), ("-bob", None), ("jürgen", "two\nlines")])
    await export_leads(tmp_path / f"export{suffix}", session.blocked_leads.list())
    made = await plan(journal, session, tmp_path / f"export{suffix}", mode="mirror", take_over=True)
    assert (made.already, made.block, made.unblock, made.reason_differs) == (3, 0, 0, 0)


async def test_a_source_comes_from_another_program(session: AsyncSession, journal: Journal, emulator: Emulator) -> None:
    made = await plan(journal, session, io.BytesIO(b"jane\njoe\n"))
    assert (made.block, made.cut) == (2, None)
    cut = await plan(journal, session, io.BytesIO(b"jane\njo"))
    assert cut.cut is not None
    assert (cut.block, cut.cut.line, cut.cut.text) == (2, 2, "jo")


async def removals(journal: Journal, session: AsyncSession, files: Files, count: int) -> None:
    """The journal's own plan has blocked so many people."""
    made = await plan(journal, session, files.csv(people(count), "before.csv"))
    report = await apply(journal, session, made.id, settle=0.0)
    assert report.ok


async def test_a_mirror_plans_removals_of_the_journals_own_records(
    emulator: Emulator, session: AsyncSession, journal: Journal, files: Files
) -> None:
    emulator.add_leads(["by-hand"])
    await removals(journal, session, files, 20)
    made = await plan(journal, session, files.csv(people(18)), mode="mirror")
    assert (made.unblock, made.withheld, made.kept) == (2, 0, 1)
    assert made.why_kept == {NOT_OURS: 1}


@pytest.mark.parametrize(
    ("content", "options", "words"),
    [
        ("", {}, "no row"),
        ("public_identifier\n", {}, "no row"),
        ("public_identifier\nperson-00000\na b\n", {}, "1 invalid rows"),
        ("public_identifier\nperson-00000\n", {"min_rows": 2}, "min-rows"),
        ("public_identifier\nperson-00000\nperso", {}, "no line end"),
        ('public_identifier\nperson-00000\n"open\n', {}, "not read to its end"),
        ("public_identifier\nperson-00000\n", {"max_removals": 2}, "max-removals"),
    ],
)
async def test_a_source_in_doubt_blocks_and_removes_nobody(
    emulator: Emulator,
    session: AsyncSession,
    journal: Journal,
    files: Files,
    content: str,
    options: dict[str, int],
    words: str,
) -> None:
    await removals(journal, session, files, 4)
    made = await plan(journal, session, files.text(content.replace("perso\n", "perso")), mode="mirror", **options)  # type: ignore[arg-type]
    assert made.unblock == 0
    assert made.withheld in {3, 4}
    assert any(words in why for why in made.why_withheld), made.why_withheld
    report = await apply(journal, session, made.id, settle=0.0)
    assert (report.verified, report.extra, report.withheld, report.ok) == (True, 0, made.withheld, False)
    assert "DELETE" not in changes(emulator)


async def test_many_removals_are_withheld_by_default(
    emulator: Emulator, session: AsyncSession, journal: Journal, files: Files
) -> None:
    await removals(journal, session, files, 200)
    made = await plan(journal, session, files.csv([*people(189), "new"]), mode="mirror")
    assert (made.block, made.unblock, made.withheld) == (1, 0, 11)
    assert (await plan(journal, session, files.csv(people(190)), mode="mirror")).unblock == 10
    assert (await plan(journal, session, files.csv(people(189)), mode="mirror", max_removals=11)).unblock == 11


async def test_a_list_that_could_not_be_verified_withholds(
    emulator: Emulator, session: AsyncSession, journal: Journal, files: Files
) -> None:
    await removals(journal, session, files, 150)
    emulator.settings = Settings(offset_limit=100)
    made = await plan(journal, session, files.csv(emulator.blocked_leads.identifiers()[2:]), mode="mirror")
    assert (made.verdict, made.unblock, made.withheld) == (Completeness.UNVERIFIED, 0, 2)
    (why,) = made.why_withheld
    assert "verified" in why


async def test_a_list_that_fails_makes_no_plan(
    emulator: Emulator, session: AsyncSession, journal: Journal, files: Files
) -> None:
    emulator.faults.add("GET:status=500")
    with pytest.raises(ServerError):
        await plan(journal, session, files.csv(["jane", "a b"]))
    assert await status(journal) == []
    assert [path.name for path in files.folder.iterdir() if path.suffix == ".csv"] == ["crm.csv"]


async def test_who_is_named_by_a_file_of_people_to_keep_stays(
    emulator: Emulator, session: AsyncSession, journal: Journal, files: Files
) -> None:
    await removals(journal, session, files, 4)
    keep = files.text("Person-00003\n", "keep.txt")
    made = await plan(journal, session, files.csv(people(2)), mode="mirror", keep=[keep])
    assert (made.unblock, made.why_kept) == (1, {KEEP_LISTED: 1})


@pytest.mark.parametrize("content", ["person-00009\na b\n", "person-0000", None])
async def test_a_file_of_people_to_keep_that_is_not_whole_withholds(
    session: AsyncSession, journal: Journal, files: Files, content: str | None
) -> None:
    await removals(journal, session, files, 4)
    keep = files.folder / "keep.txt"
    if content is not None:
        files.text(content, "keep.txt")
    made = await plan(journal, session, files.csv(people(2)), mode="mirror", keep=[keep])
    assert (made.unblock, made.withheld) == (0, 2)
    assert "keep.txt" in made.why_withheld[0]


def take_opt_out(where: object, key: str) -> None:
    """What an outbox there has taken."""
    stored(where, "insert into optout (base_url, destination, key, at) values ('https://x', 'workspace', ?, 0)", (key,))


async def test_who_opted_out_by_the_journals_own_outbox_stays(
    session: AsyncSession, where: str, journal: Journal, files: Files
) -> None:
    await removals(journal, session, files, 4)
    take_opt_out(where, "person-00002")
    made = await plan(journal, session, files.csv(people(2)), mode="mirror")
    assert (made.unblock, made.why_kept) == (1, {OPTED_OUT: 1})


async def test_who_opted_out_by_another_outbox_stays(
    session: AsyncSession, journal: Journal, files: Files, tmp_path: Path
) -> None:
    await removals(journal, session, files, 4)
    async with open_journal(tmp_path / "outbox.db") as other:
        await other.store.write(lambda db: None)
    take_opt_out(tmp_path / "outbox.db", "person-00002")
    made = await plan(journal, session, files.csv(people(2)), mode="mirror", keep=[tmp_path / "outbox.db"])
    assert (made.unblock, made.why_kept) == (1, {KEEP_LISTED: 1})


async def test_a_take_over_is_for_good_and_for_what_stands_there_then(
    emulator: Emulator, session: AsyncSession, journal: Journal, files: Files
) -> None:
    emulator.add_leads(["by-hand", *people(3)])
    source = files.csv(people(3))
    first = await plan(journal, session, source, mode="mirror", take_over=True)
    assert (first.unblock, first.kept) == (1, 0)
    emulator.add_leads(["later-by-hand"])
    second = await plan(journal, session, source, mode="mirror")
    assert (second.unblock, second.why_kept) == (1, {NOT_OURS: 1})


async def test_a_name_that_no_source_could_hold_is_kept(
    emulator: Emulator, session: AsyncSession, journal: Journal, files: Files
) -> None:
    emulator.add_leads(["https://www.linkedin.com/company/acme", "two\nlines\x1f", "jane"])
    made = await plan(journal, session, files.csv(["jane"]), mode="mirror", take_over=True)
    assert (made.already, made.unblock, made.why_kept) == (1, 0, {UNREADABLE_NAME: 2})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"mode": "sync"}, "mode is"),
        ({"mode": "mirror", "campaign": "C"}, "campaign"),
        ({"campaign": "C", "agent": "A"}, "not for both"),
        ({"agent": "A"}, "VoiceAgentSession"),
        ({"take_over": True}, "mirror"),
        ({"keep": ["a.csv"]}, "mirror"),
        ({"mode": "mirror", "keep": "a.csv"}, "list of files"),
        ({"max_invalid": -1}, "max_invalid"),
        ({"mode": "mirror", "max_removals": True}, "max_removals"),
        ({"min_rows": 1.5}, "min_rows"),
    ],
)
async def test_a_call_that_cannot_be_made_is_refused_before_anything_is_read(
    emulator: Emulator, session: AsyncSession, journal: Journal, files: Files, options: dict[str, object], words: str
) -> None:
    with pytest.raises(InvalidInputError, match=words):
        await plan(journal, session, files.csv(["jane"]), **options)  # type: ignore[arg-type]
    assert emulator.requests == []
    with pytest.raises(JournalError, match="there is no journal"):
        await status(journal)


async def test_all_agents_together_cannot_be_a_mirror(
    phones: VoiceAgentSession, journal: Journal, files: Files
) -> None:
    with pytest.raises(InvalidInputError, match="one agent at a time"):
        await plan(journal, phones, files.text("number\n+14155550123\n"), agent="all", mode="mirror")


@pytest.mark.parametrize(
    ("name", "content"),
    [("crm.pdf", "x"), ("crm.csv", "name,age\njane,7\n"), ("crm.csv", "LinkedIn URL,linkedin link\na,b\n")],
)
async def test_a_file_that_cannot_be_used_makes_no_plan(
    session: AsyncSession, journal: Journal, files: Files, name: str, content: str
) -> None:
    with pytest.raises(SourceError):
        await plan(journal, session, files.text(content, name))
    with pytest.raises(SourceError):
        await plan(journal, session, files.folder / "absent.csv")
    assert await status(journal) == []


async def test_a_journal_that_does_not_exist_is_not_made_by_reading(tmp_path: Path, session: AsyncSession) -> None:
    async with open_journal(tmp_path / "absent") as journal:
        with pytest.raises(JournalError, match="there is no journal"):
            await status(journal)
        with pytest.raises(WaleadError):
            await apply(journal, session, "20260101-000000-abcd")
    assert not (tmp_path / "absent").exists()


async def test_a_plan_that_is_not_there_is_named(session: AsyncSession, journal: Journal, files: Files) -> None:
    await plan(journal, session, files.csv(["jane"]))
    for call in (status(journal, "typo"), apply(journal, session, "typo")):
        with pytest.raises(InvalidInputError, match="no plan 'typo'"):
            await call


async def test_a_plan_whose_process_ended_while_it_was_made_is_not_seen_and_goes_after_a_day(
    session: AsyncSession, journal: Journal, files: Files
) -> None:
    half = await plan(journal, session, files.csv(people(3)))
    await journal.store.write(lambda db: db.execute("update plan set state = 'making'"))
    with pytest.raises(InvalidInputError, match="no plan"):
        await apply(journal, session, half.id)
    assert await status(journal) == []
    await plan(journal, session, files.csv(["jane"], "a.csv"))
    items = "select count(*) from item"
    assert await journal.store.read(lambda db: db.execute(items).fetchone()) == (4,)
    day = 25 * 3600 * 1_000_000
    await journal.store.write(
        lambda db: db.execute("update plan set made_at = made_at - ? where state = 'making'", (day,))
    )
    await plan(journal, session, files.csv(["joe"], "b.csv"))
    assert await journal.store.read(lambda db: db.execute(items).fetchone()) == (2,)


async def test_the_same_source_is_stored_once(session: AsyncSession, journal: Journal, files: Files) -> None:
    for name in ("one.csv", "two.csv"):
        await plan(journal, session, files.csv(people(3), name))
    found = await journal.store.read(lambda db: db.execute("select count(*) from source").fetchone())
    assert found == (1,)


async def test_no_key_and_no_temporary_file_is_left(
    emulator: Emulator, session: AsyncSession, journal: Journal, files: Files
) -> None:
    made = await plan(journal, session, files.csv(people(300)))
    await apply(journal, session, made.id, settle=0.0)
    assert {path.name for path in files.folder.iterdir()} <= {"J", "J-wal", "J-shm", "J.lock", "J.write", "crm.csv"}
    for path in files.folder.iterdir():
        assert emulator.api_key.encode() not in path.read_bytes()


@pytest.mark.parametrize("taken", ["crm.csv", "keep.csv", "J", "link.csv"])
async def test_rejected_rows_take_the_place_of_nothing_that_is_read(
    session: AsyncSession, file_journal: Journal, files: Files, tmp_path: Path, taken: str
) -> None:
    source = files.csv(["jane", "https://www.linkedin.com/company/acme"])
    keep = files.csv(["joe"], "keep.csv")
    (tmp_path / "link.csv").symlink_to(source)
    await file_journal.store.write(lambda db: None)
    before = {path.name: path.read_bytes() for path in (source, keep)}
    with pytest.raises(InvalidInputError, match="take the place"):
        await plan(file_journal, session, source, mode="mirror", keep=[keep], rejected=tmp_path / taken)
    assert {path.name: path.read_bytes() for path in (source, keep)} == before


async def test_where_rejected_rows_are_is_told_from_any_folder(
    session: AsyncSession, journal: Journal, files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source = files.csv(["jane", "https://www.linkedin.com/company/acme"])
    made = await plan(journal, session, source, rejected="bad.csv")
    assert made.rejected == tmp_path / "bad.csv"
