"""The report of a plan: it names whoever is not as wanted, and nothing that people wrote can become a part of it."""

from __future__ import annotations

import re
import stat
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from job_files import Files, people

from walead_async import AsyncSession, RetryPolicy
from walead_async.errors import InvalidInputError, SourceError
from walead_async.jobs import Journal, apply, plan, report, run
from walead_async.testing import Emulator, Settings

HOSTILE = "</td><script>alert('x')</script><img src=https://example.com/x.png> \u202e&amp; \x07 \"quoted\""


class Page(HTMLParser):
    """What a browser sees of a report."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.source = path.read_text(encoding="utf-8")
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.rows: list[list[str]] = []
        self._in_cell = False
        self.feed(self.source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag == "tr":
            self.rows.append([])
        if tag == "td":
            self.rows[-1].append("")
        self._in_cell = tag == "td"

    def handle_endtag(self, tag: str) -> None:
        self._in_cell = False

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.rows[-1][-1] += data

    def told_of(self, first: str) -> list[str]:
        """The cells of the row that begins with this."""
        [row] = [row for row in self.rows if row[:1] == [first]]
        return row


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


async def reported(journal: Journal, plan_id: str, folder: Path) -> Page:
    await report(journal, plan_id, folder / "report.html")
    return Page(folder / "report.html")


async def test_whoever_is_not_as_wanted_is_named_with_the_reason(
    emulator: Emulator, session: AsyncSession, journal: Journal, files: Files, tmp_path: Path
) -> None:
    await run(journal, session, files.csv(people(40), "before.csv", "asked"), settle=0.0)
    kept = files.text("person-00003\n", "keep.txt")
    source = files.csv([*people(20, first=20), "refused-one", "jane", "https://www.linkedin.com/company/acme"])
    made = await plan(journal, session, source, mode="mirror")
    emulator.settings = Settings(bad_identifier="refused-one")
    await apply(journal, session, made.id, settle=0.0)
    page = await reported(journal, made.id, tmp_path)
    assert page.told_of("refused-one")[-1]
    withheld = [page.told_of(person) for person in people(20)]
    assert {cells[1] for cells in withheld} == {"asked"}
    assert all(re.fullmatch(r"\w+", cells[2]) and re.match(r"20\d\d-", cells[3]) for cells in withheld)
    assert "20 removals are more than 5% of a list of 40" in page.source
    assert page.told_of("24")[1:2] == ["https://www.linkedin.com/company/acme"]
    assert ["jane"] not in [row[:1] for row in page.rows], "who is done is not named"
    later = await plan(journal, session, files.csv(people(39, first=1)), mode="mirror", keep=[kept])
    kept.write_text("person-00000\n", encoding="utf-8")
    await apply(journal, session, later.id, settle=0.0)
    assert (await reported(journal, later.id, tmp_path)).told_of("person-00000")[-1].startswith("named by a file")


async def test_who_is_missing_and_what_still_stands_is_named(
    emulator: Emulator, session: AsyncSession, journal: Journal, files: Files, tmp_path: Path
) -> None:
    await run(journal, session, files.csv(people(40)), settle=0.0)
    made = await plan(journal, session, files.csv([*people(39), "new"]), mode="mirror")
    emulator.settings = Settings(stale=3600.0)
    ended = await apply(journal, session, made.id, settle=0.1)
    assert (ended.missing, ended.extra) == (1, 1)
    page = await reported(journal, made.id, tmp_path)
    assert "not on the closing list" in page.told_of("new")[-1]
    assert "still stands" in page.told_of("person-00039")[-1]
    assert "1 wanted, and not on the closing list" in page.source
    assert "Nobody." not in page.source


async def test_what_people_wrote_is_text_and_nothing_else(
    session: AsyncSession, journal: Journal, files: Files, tmp_path: Path
) -> None:
    quoted = HOSTILE.replace('"', '""')
    source = files.text(f'public_identifier,reason\njane,"{quoted}"\n"{quoted}",\n')
    made = await plan(journal, session, source, note=HOSTILE, by=HOSTILE)
    page = await reported(journal, made.id, tmp_path)
    told = HOSTILE.replace("\u202e", "\\u202e").replace("\x07", "\\x07")
    assert page.told_of("jane")[1] == told
    assert page.told_of("3")[1] == told
    assert page.tags.isdisjoint({"script", "img", "link", "iframe", "object", "a", "form"})
    assert page.attributes.isdisjoint({"src", "href", "style", "onload", "onclick", "srcset"})
    assert "url(" not in page.source
    assert "@import" not in page.source
    assert "\u202e" not in page.source
    assert "\x07" not in page.source


async def test_requests_and_waits_are_drawn(
    emulator: Emulator, session: AsyncSession, journal: Journal, files: Files, tmp_path: Path
) -> None:
    emulator.faults.add("POST#1:status=503")
    made, ended = await run(journal, session, files.csv(people(1_200)), settle=0.0)
    assert ended.ok
    page = await reported(journal, made.id, tmp_path)
    assert re.search(r"Requests a second, up to [\d,.]+ \(\d+ answered, 1 failed\)", page.source)
    assert re.search(r"Items a second, up to [\d,.]+ \(1,200 settled\)", page.source)
    assert "1,200 to block: 1,200 done" in page.source
    assert "Nobody." in page.source
    drawn = [ElementTree.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", page.source, re.DOTALL)]
    assert [drawing.get("role") for drawing in drawn] == ["img"] * 4
    assert [row[2] for row in page.rows if len(row) == 4] == ["planned", "applying", "verified"]


async def test_an_outage_is_seen_as_a_pause(emulator: Emulator, journal: Journal, files: Files, tmp_path: Path) -> None:
    options = RetryPolicy.never()
    async with AsyncSession(emulator.api_key, base_url=emulator.walead_url, retry=options) as session:
        made = await plan(journal, session, files.csv(["jane"]))
        emulator.faults.add("GET#1:status=503")
        assert (await apply(journal, session, made.id, settle=0.0)).ok
    page = await reported(journal, made.id, tmp_path)
    [paused] = set(re.findall(r"s waited, ([\d.]+) s paused", page.source))
    assert float(paused) > 0


async def test_a_plan_that_was_never_applied_has_a_report(
    session: AsyncSession, journal: Journal, files: Files, tmp_path: Path
) -> None:
    made = await plan(journal, session, files.csv(["jane"]))
    page = await reported(journal, made.id, tmp_path)
    assert "Nothing was recorded" in page.source
    assert page.told_of("jane")[0] == "jane"
    with pytest.raises(InvalidInputError, match="no plan"):
        await report(journal, "nobody", tmp_path / "none.html")


async def test_the_file_is_its_owners_and_appears_when_it_is_whole(
    session: AsyncSession, journal: Journal, files: Files, tmp_path: Path
) -> None:
    made = await plan(journal, session, files.csv(["jane"]))
    page = tmp_path / "report.html"
    page.write_text("an older one", encoding="utf-8")
    await report(journal, made.id, page)
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    before = names_in(tmp_path)
    with pytest.raises(SourceError, match="cannot be written"):
        await report(journal, made.id, tmp_path / "nowhere" / "report.html")
    assert names_in(tmp_path) == before
