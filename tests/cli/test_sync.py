"""`walead sync` and `walead journal` as their contract has them: real processes, a real journal, the emulator."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from walead_async.cli.main import run
from walead_async.testing import Emulator, Settings

if TYPE_CHECKING:
    from programs import Walead

PLAN_KEYS = {
    "plan",
    "block",
    "unblock",
    "withheld",
    "already",
    "duplicate",
    "invalid",
    "kept",
    "reason_differs",
    "rows",
    "column",
    "invalid_rows",
    "rejected",
}
APPLY_KEYS = {"plan", "state", "counts", "verified", "missing", "extra", "kept", "withheld"}
#: A source with a duplicate, somebody who is blocked, a company and an e-mail address.
CONNECTIONS = """Notes:
"When exporting your connection data, you may notice that some of the email addresses are missing."

First Name,Last Name,URL,Email Address,Company,Position,Connected On
John,Doe,https://www.linkedin.com/in/john-doe,,Acme,CEO,01 Jan 2024
Acme,,https://www.linkedin.com/company/acme,,,,01 Jan 2024
John,Doe,https://www.linkedin.com/in/john-doe/?utm=1,,Acme,CEO,01 Jan 2024
Lead,One,https://www.linkedin.com/in/lead-0000001,,,,02 Jan 2024
Ann,,ann@example.com,,,,02 Jan 2024
"""


@pytest.fixture
def connections(tmp_path: Path) -> str:
    path = tmp_path / "Connections.csv"
    path.write_text(CONNECTIONS, encoding="utf-8")
    return str(path)


@pytest.fixture
def journal(tmp_path: Path, walead: Walead) -> Path:
    """Where WALEAD_JOURNAL leads."""
    walead.environment["WALEAD_JOURNAL"] = str(tmp_path / "J")
    return tmp_path / "J"


def listed(folder: Path, people: list[str], name: str = "crm.csv", *, end: str = "\n") -> str:
    """A source that holds these people."""
    path = folder / name
    path.write_text("public_identifier,reason\n" + "\n".join(f"{each},crm" for each in people) + end, encoding="utf-8")
    return str(path)


def text_of(path: Path | str) -> str:
    return Path(path).read_text(encoding="utf-8")


def written(path: Path | str, text: str) -> str:
    Path(path).write_text(text, encoding="utf-8")
    return str(path)


def modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


def changes(emulator: Emulator) -> list[str]:
    return [request.method for request in emulator.requests if request.method in {"POST", "DELETE"}]


async def planned(walead: Walead, *arguments: str) -> str:
    """The id of a plan that is made with these."""
    done = await walead("sync", "plan", *arguments, "--json")
    assert done.code == 0, done.err
    [plan] = done.values()
    return str(plan["plan"])


async def mirrored(walead: Walead, emulator: Emulator, folder: Path, people: int = 40) -> list[str]:
    """So many people, all of whom the journal itself has blocked."""
    emulator.blocked_leads.clear()
    names = [f"person-{number:04d}" for number in range(people)]
    done = await walead("sync", "run", listed(folder, names, "before.csv"), "--yes", "--settle", "0")
    assert done.code == 0, done.err
    return names


@pytest.mark.usefixtures("journal")
async def test_a_plan_says_what_it_found_and_sends_nothing(
    walead: Walead, emulator: Emulator, connections: str
) -> None:
    done = await walead("sync", "plan", connections, "--json")
    [plan] = done.values()
    assert set(plan) == PLAN_KEYS
    assert {name: plan[name] for name in ("rows", "block", "already", "duplicate", "invalid", "unblock", "column")} == {
        "rows": 5,
        "block": 1,
        "already": 1,
        "duplicate": 1,
        "invalid": 2,
        "unblock": 0,
        "column": "URL",
    }
    first, second = plan["invalid_rows"]  # type: ignore[misc]
    assert (first["line"], first["text"]) == (6, "https://www.linkedin.com/company/acme")
    assert "company" in first["why"]
    assert (second["line"], second["text"]) == (9, "ann@example.com")
    assert done.code == 0
    assert changes(emulator) == []


async def test_a_plan_is_a_table_for_people(walead: Walead, journal: Path, connections: str) -> None:
    done = await walead("sync", "plan", connections)
    assert done.code == 0
    assert re.search(r"^  rows +5  from 'URL'", done.out, re.MULTILINE)
    assert re.search(r"^  invalid +2  all of them: .*rejected.csv$", done.out, re.MULTILINE)
    assert re.search(r"^  line 6: 'https://www.linkedin.com/company/acme': a company page", done.out, re.MULTILINE)
    assert re.search(rf"^To carry it out: walead sync apply \S+ --journal {journal}$", done.out, re.MULTILINE)


async def test_rows_that_cannot_be_used_are_mended_and_loaded(
    walead: Walead, emulator: Emulator, journal: Path, connections: str
) -> None:
    [plan] = (await walead("sync", "plan", connections, "--json")).values()
    rejected = Path(str(plan["rejected"]))
    assert rejected == journal.with_name(f"J.{plan['plan']}.rejected.csv")
    header, *rows = text_of(rejected).splitlines()
    assert header == "line,public_identifier,reason,why"
    assert [row.split(",")[:2] for row in rows] == [
        ["6", "https://www.linkedin.com/company/acme"],
        ["9", "ann@example.com"],
    ]
    written(
        rejected, text_of(rejected).replace("/company/acme", "/in/acme-ceo").replace("ann@example.com", "ann-smith")
    )
    done = await walead("sync", "run", str(rejected), "--yes", "--settle", "0", "--json")
    assert done.code == 0, done.err
    assert {"acme-ceo", "ann-smith"} <= set(emulator.blocked_leads.identifiers())


@pytest.mark.usefixtures("journal")
async def test_every_file_is_its_owners_alone(walead: Walead, connections: str, tmp_path: Path) -> None:
    plan = await planned(walead, connections)
    assert (await walead("sync", "apply", plan, "--yes", "--settle", "0")).code == 1
    assert (await walead("sync", "report", plan, "--output", str(tmp_path / "r.html"))).code == 0
    made = {name: mode for name, mode in modes(tmp_path).items() if name != "Connections.csv"}
    assert set(made) == {"J", "J.lock", "J.write", f"J.{plan}.rejected.csv", "r.html"}
    assert set(made.values()) == {0o600}
    assert left(tmp_path, walead.environment["WALEAD_API_KEY"]) == []


async def test_an_apply_blocks_and_looks(walead: Walead, emulator: Emulator, journal: Path, tmp_path: Path) -> None:
    plan = await planned(walead, listed(tmp_path, ["jane", "lead-0000002"]), "--note", "May", "--by", "ann@crm")
    done = await walead("sync", "apply", plan, "--journal", str(journal), "--yes", "--settle", "0", "--json")
    [report] = done.values()
    assert report == {
        "plan": plan,
        "state": "verified",
        "counts": {"done": 1},
        "verified": True,
        "missing": 0,
        "extra": 0,
        "kept": 0,
        "withheld": 0,
    }
    assert set(report) == APPLY_KEYS
    assert done.code == 0
    assert emulator.blocked_leads.of("jane")[0].reason == "crm"
    [status] = (await walead("sync", "status", plan, "--json")).values()
    assert status == {"plan": plan, "state": "verified", "done": 1, "total": 1, "counts": {"done": 1}}
    words = (await walead("sync", "status")).out
    assert "ann@crm" in words
    assert "May" in words
    again = await walead("sync", "apply", plan, "--yes", "--settle", "0")
    assert (again.code, changes(emulator)) == (0, ["POST"])


@pytest.mark.usefixtures("journal")
@pytest.mark.parametrize("command", ["apply", "run"])
async def test_without_a_terminal_and_yes_nothing_is_sent(
    walead: Walead, emulator: Emulator, tmp_path: Path, command: str
) -> None:
    source = listed(tmp_path, ["jane"])
    plan = await planned(walead, source)
    before = len(emulator.requests)
    done = await walead("sync", command, plan if command == "apply" else source)
    assert done.code == 2
    assert "--yes" in done.err
    assert len(emulator.requests) == before
    assert len((await walead("sync", "status", "--json")).values()) == 1


@pytest.mark.usefixtures("journal")
@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 1)])
@pytest.mark.parametrize("command", ["apply", "run"])
async def test_on_a_terminal_it_asks(
    walead: Walead, emulator: Emulator, tmp_path: Path, command: str, answer: str, code: int
) -> None:
    source = listed(tmp_path, ["jane"])
    argument = await planned(walead, source) if command == "apply" else source
    keyboard, terminal = os.openpty()
    try:
        program = await walead.start("sync", command, argument, "--settle", "0", stdin=terminal)
        os.write(keyboard, f"{answer}\n".encode())
        done = await walead.end_of(program)
    finally:
        os.close(terminal)
        os.close(keyboard)
    assert done.code == code, done.err
    assert "?" in done.err
    assert changes(emulator) == ["POST"] * (answer == "y")


@pytest.mark.usefixtures("journal")
async def test_withheld_removals_are_named_and_released_up_to_a_ceiling(
    walead: Walead, emulator: Emulator, tmp_path: Path
) -> None:
    names = await mirrored(walead, emulator, tmp_path)
    plan = await planned(walead, listed(tmp_path, [*names[:25], "new"]), "--mode", "mirror")
    done = await walead("sync", "apply", plan, "--yes", "--settle", "0", "--json")
    [report] = done.values()
    assert (report["verified"], report["extra"], report["withheld"], done.code) == (True, 0, 15, 1)
    assert "new" in emulator.blocked_leads
    page = str(tmp_path / "r.html")
    assert (await walead("sync", "report", plan, "--output", page)).code == 0
    assert set(names[25:]) <= set(re.findall(r"<td>(person-\d+)</td>", text_of(page)))
    few = await walead("sync", "apply", plan, "--yes", "--settle", "0", "--allow-removals", "14")
    assert (few.code, "DELETE" in changes(emulator)) == (1, False)
    enough = await walead("sync", "apply", plan, "--yes", "--settle", "0", "--allow-removals", "15")
    assert enough.code == 0, enough.err
    assert set(emulator.blocked_leads.identifiers()) == {*names[:25], "new"}


@pytest.mark.usefixtures("journal")
@pytest.mark.parametrize(
    ("options", "end", "more", "words"),
    [
        (["--max-removals", "1"], "\n", "", "--max-removals"),
        (["--min-rows", "40"], "\n", "", "--min-rows"),
        ([], "\n", "https://www.linkedin.com/company/acme,\n", "--max-invalid"),
        ([], "", "", "line end"),
        ([], "\n", '"open,quote\n', "not read to its end"),
    ],
)
async def test_each_guard_withholds_and_blocks_all_the_same(
    walead: Walead, emulator: Emulator, tmp_path: Path, options: list[str], end: str, more: str, words: str
) -> None:
    names = await mirrored(walead, emulator, tmp_path)
    source = listed(tmp_path, [*names[:38], "new"], end=end)
    written(source, text_of(source) + more)
    done = await walead("sync", "run", source, "--mode", "mirror", "--yes", "--settle", "0", *options, "--json")
    [report] = done.values()
    assert (report["block"], report["unblock"], report["withheld"], done.code) == (1, 0, 2, 1)
    assert words in done.err
    assert "new" in emulator.blocked_leads
    assert set(names) <= set(emulator.blocked_leads.identifiers())


@pytest.mark.usefixtures("journal")
async def test_as_many_invalid_rows_as_are_allowed_are_no_failure(
    walead: Walead, emulator: Emulator, connections: str
) -> None:
    assert (await walead("sync", "run", connections, "--yes", "--settle", "0")).code == 1
    done = await walead("sync", "run", connections, "--yes", "--settle", "0", "--max-invalid", "2")
    assert done.code == 0, done.err


@pytest.mark.usefixtures("journal")
async def test_who_is_named_by_a_file_to_keep_or_by_nobody_of_the_journal_stays(
    walead: Walead, emulator: Emulator, tmp_path: Path
) -> None:
    names = await mirrored(walead, emulator, tmp_path)
    emulator.add_leads(["by-hand"])
    keep = written(tmp_path / "opted-out.txt", f"{names[0]}\n")
    source = listed(tmp_path, names[2:])
    options = ("--mode", "mirror", "--yes", "--settle", "0", "--keep", keep, "--json")
    done = await walead("sync", "run", source, *options)
    [report] = done.values()
    assert (report["kept"], report["withheld"], done.code) == (2, 0, 0)
    assert {names[0], "by-hand"} <= set(emulator.blocked_leads.identifiers())
    assert names[1] not in emulator.blocked_leads
    assert "--take-over" in done.err
    taken = await walead("sync", "run", source, *options, "--take-over")
    assert taken.code == 0, taken.err
    assert "by-hand" not in emulator.blocked_leads
    assert names[0] in emulator.blocked_leads


@pytest.mark.usefixtures("journal")
async def test_a_run_is_a_plan_and_an_apply_and_closes_what_it_covers(
    walead: Walead, emulator: Emulator, tmp_path: Path
) -> None:
    source = listed(tmp_path, ["jane"])
    open_plan = await planned(walead, source)
    done = await walead("sync", "run", source, "--yes", "--settle", "0", "--json")
    [report] = done.values()
    assert set(report) == PLAN_KEYS | APPLY_KEYS
    assert (report["state"], report["rows"], report["counts"], done.code) == ("verified", 1, {"done": 1}, 0)
    covered, _ = (await walead("sync", "status", "--json")).values()
    assert (covered["plan"], covered["state"]) == (open_plan, "closed")
    refused = await walead("sync", "apply", open_plan, "--yes")
    assert refused.code == 2
    assert "plan again" in refused.err


@pytest.mark.usefixtures("journal")
async def test_an_undo_is_a_plan_that_brings_back_reasons(walead: Walead, emulator: Emulator, tmp_path: Path) -> None:
    names = await mirrored(walead, emulator, tmp_path)
    before = {(lead.public_identifier, lead.reason) for lead in emulator.blocked_leads}
    ran = await walead("sync", "run", listed(tmp_path, [*names[1:], "new"]), "--mode", "mirror", "--yes", "--json")
    plan = str(ran.values()[0]["plan"])
    undone = await walead("sync", "undo", plan, "--json")
    assert undone.code == 0, undone.err
    new = str(undone.values()[0]["plan"])
    assert new != plan
    done = await walead("sync", "apply", new, "--yes", "--settle", "0")
    assert done.code == 0, done.err
    assert {(lead.public_identifier, lead.reason) for lead in emulator.blocked_leads} == before


@pytest.mark.usefixtures("journal")
async def test_a_source_is_standard_input(walead: Walead, emulator: Emulator) -> None:
    done = await walead("sync", "run", "-", "--yes", "--settle", "0", "--json", stdin="jane\njoe\n")
    assert done.code == 0, done.err
    assert {"jane", "joe"} <= set(emulator.blocked_leads.identifiers())
    assert done.values()[0]["column"] is None
    unasked = await walead("sync", "run", "-", stdin="jane\n")
    assert unasked.code == 2


@pytest.mark.usefixtures("journal")
async def test_a_source_that_breaks_off_is_planned_as_far_as_it_goes(
    walead: Walead, emulator: Emulator, tmp_path: Path
) -> None:
    source = written(tmp_path / "half.jsonl", '"jane"\n"jo')
    done = await walead("sync", "plan", source, "--json")
    [plan] = done.values()
    assert (plan["block"], done.code) == (1, 1)
    assert "line 2" in done.err
    ran = await walead("sync", "run", source, "--yes", "--settle", "0")
    assert ran.code == 1
    assert "jane" in emulator.blocked_leads


@pytest.mark.usefixtures("journal")
async def test_a_list_that_cannot_be_read_makes_no_plan(walead: Walead, emulator: Emulator, tmp_path: Path) -> None:
    emulator.faults.add("GET #2-:status=403")
    done = await walead("sync", "plan", listed(tmp_path, ["jane"]), "--json")
    assert (done.code, done.out) == (1, "")
    assert (await walead("sync", "status", "--json")).out == ""


@pytest.mark.usefixtures("journal")
async def test_an_outage_past_its_patience_stops_and_the_next_apply_goes_on(
    walead: Walead, emulator: Emulator, tmp_path: Path
) -> None:
    plan = await planned(walead, listed(tmp_path, ["jane"]))
    right, emulator.api_key = emulator.api_key, "another"
    done = await walead("sync", "apply", plan, "--yes", "--patience", "60", "--json")
    [report] = done.values()
    assert (report["state"], report["verified"], done.code) == ("stopped", False, 1)
    assert f"walead sync apply {plan}" in done.err
    emulator.api_key = right
    for fault, code in (("GET:status=503", 1), ("POST:reset", 3)):
        emulator.faults.add(fault)
        stopped = await walead("sync", "apply", plan, "--yes", "--patience", "0", "--json")
        assert (stopped.values()[0]["state"], stopped.code) == ("stopped", code)
        emulator.faults.clear()
    assert (await walead("sync", "apply", plan, "--yes", "--settle", "0")).code == 0
    assert "jane" in emulator.blocked_leads


@pytest.mark.usefixtures("journal")
async def test_a_list_that_shows_it_otherwise_is_not_verified(
    walead: Walead, emulator: Emulator, tmp_path: Path
) -> None:
    plan = await planned(walead, listed(tmp_path, ["jane"]))
    emulator.settings = Settings(stale=3600.0)
    done = await walead("sync", "apply", plan, "--yes", "--settle", "0.2", "--json")
    [report] = done.values()
    assert (report["state"], report["missing"], done.code) == ("unverified", 1, 1)
    assert "1 missing" in done.err


@pytest.mark.usefixtures("journal")
async def test_another_workspaces_plan_is_refused(walead: Walead, emulator: Emulator, tmp_path: Path) -> None:
    plan = await planned(walead, listed(tmp_path, ["jane"]))
    async with Emulator(seed=7, leads=3, api_key=emulator.api_key) as other:
        done = await walead("sync", "apply", plan, "--yes", WALEAD_BASE_URL=other.walead_url)
        assert done.code == 2
        assert "plan again" in done.err
        assert changes(other) == []


@pytest.mark.usefixtures("journal")
async def test_a_second_apply_is_refused_and_told_who_holds_the_journal(
    walead: Walead, emulator: Emulator, tmp_path: Path
) -> None:
    plan = await planned(walead, listed(tmp_path, ["jane"]))
    emulator.faults.add("POST:hang")
    first = await walead.start("sync", "apply", plan, "--yes")
    while "POST" not in changes(emulator):  # noqa: ASYNC110  # what is waited for is another process
        await asyncio.sleep(0.01)
    for command in (("sync", "apply", plan, "--yes"), ("journal", "erase", "jane", "--yes")):
        second = await walead(*command)
        assert second.code == 1
        assert f"process {first.pid}" in second.err
        assert socket.gethostname() in second.err
    [status] = (await walead("sync", "status", "--json")).values()
    assert status["state"] == "applying"
    first.kill()
    await walead.end_of(first)
    [status] = (await walead("sync", "status", "--json")).values()
    assert status["state"] == "stopped"
    emulator.faults.clear()
    assert (await walead("sync", "apply", plan, "--yes", "--settle", "0")).code == 0


@pytest.mark.usefixtures("journal")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_an_apply_with_a_tally(
    walead: Walead, emulator: Emulator, tmp_path: Path, number: signal.Signals
) -> None:
    names = [f"person-{number}" for number in range(6_000)]
    plan = await planned(walead, listed(tmp_path, names))
    emulator.faults.add("POST #9-:hang")
    program = await walead.start("sync", "apply", plan, "--yes", "--rate", "100")
    while len(changes(emulator)) < 9:  # noqa: ASYNC110  # what is waited for is another process
        await asyncio.sleep(0.01)
    program.send_signal(number)
    async with asyncio.timeout(2):
        done = await walead.end_of(program)
    assert done.code == 128 + number
    assert done.err.startswith("So far: ")
    assert re.search(rf"^{plan}: stopped: [\d,]+ of 6,000: ", done.err, re.MULTILINE)
    assert done.err.splitlines()[-1] == "walead: interrupted"
    emulator.faults.clear()
    assert (await walead("sync", "apply", plan, "--yes", "--settle", "0")).code == 0
    assert set(names) <= set(emulator.blocked_leads.identifiers())


@pytest.mark.usefixtures("journal")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_a_plan(walead: Walead, emulator: Emulator, tmp_path: Path, number: signal.Signals) -> None:
    emulator.faults.add("GET #3-:hang")
    program = await walead.start("sync", "plan", listed(tmp_path, ["jane"]))
    while len(emulator.requests) < 3:  # noqa: ASYNC110  # what is waited for is another process
        await asyncio.sleep(0.01)
    program.send_signal(number)
    async with asyncio.timeout(2):
        done = await walead.end_of(program)
    assert (done.code, done.out) == (128 + number, "")
    assert "No plan was made" in done.err
    emulator.faults.clear()
    assert (await walead("sync", "status", "--json")).out == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("plan", "SOURCE", "--campaign", "c", "--agent", "a"), "--campaign and --agent"),
        (("plan", "SOURCE", "--campaign", "c", "--mode", "mirror"), "--mode mirror"),
        (("plan", "SOURCE", "--agent", "all", "--mode", "mirror"), "--mode mirror"),
        (("plan", "SOURCE", "--uid", "u"), "--uid is for --agent"),
        (("plan", "SOURCE", "--keep", "f"), "--mode mirror"),
        (("plan", "SOURCE", "--take-over"), "--mode mirror"),
        (("plan", "SOURCE", "--max-removals", "3"), "--mode mirror"),
        (("plan", "SOURCE", "--max-invalid", "-1"), "--max-invalid"),
        (("plan", "SOURCE", "--column", "Nobody"), "--column"),
        (("plan", "SOURCE.doc"), ".csv"),
        (("run", "SOURCE", "--burst", "3", "--yes"), "--rate"),
        (("run", "SOURCE", "--patience", "-1", "--yes"), "--patience"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_asked_or_made(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    said: str,
) -> None:
    monkeypatch.setenv("WALEAD_API_KEY", "wk_secret_123")
    monkeypatch.setenv("WALEAD_BASE_URL", "http://127.0.0.1:1")
    source = listed(tmp_path, ["jane"])
    given = [each.replace("SOURCE", source) for each in arguments]
    assert run(["sync", *given, "--journal", str(tmp_path / "J"), "--json"]) == 2
    out, err = capsys.readouterr()
    assert (out, said in err) == ("", True)


@pytest.mark.usefixtures("journal")
async def test_a_plan_that_is_not_there_is_named(walead: Walead, emulator: Emulator, tmp_path: Path) -> None:
    await planned(walead, listed(tmp_path, ["jane"]))
    before = len(emulator.requests)
    for arguments in (("apply", "p", "--yes"), ("undo", "p"), ("report", "p", "--output", "r.html"), ("status", "p")):
        done = await walead("sync", *arguments)
        assert done.code == 2, done.err
        assert "no plan 'p': `walead sync status`" in done.err
    assert len(emulator.requests) == before


@pytest.mark.parametrize(
    "arguments",
    [
        ("sync", "status"),
        ("sync", "apply", "p", "--yes"),
        ("sync", "undo", "p"),
        ("sync", "report", "p", "--output", "r.html"),
        ("journal", "prune", "--before", "2026-01-01", "--yes"),
        ("journal", "erase", "jane", "--yes"),
    ],
)
def test_a_journal_that_is_not_there_is_not_made_by_looking(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert run(arguments) == 2
    assert "--journal" in capsys.readouterr().err
    for where in (tmp_path / "nobody" / "J", tmp_path / "J"):
        assert run([*arguments, "--journal", str(where)]) == 2
        assert "there is no journal" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fault", ["read-only", "damaged", "newer"])
async def test_a_journal_that_cannot_be_used_is_wrong_input(
    walead: Walead, emulator: Emulator, journal: Path, tmp_path: Path, fault: str
) -> None:
    plan = await planned(walead, listed(tmp_path, ["jane"]))
    spoil(journal, fault)
    for command in (("run", listed(tmp_path, ["jane"]), "--yes"), ("apply", plan, "--yes")):
        done = await walead("sync", *command)
        assert (done.code, fault in done.err or "version 99" in done.err) == (2, True), done.err
    assert changes(emulator) == []


def spoil(journal: Path, fault: str) -> None:
    """Make a journal unusable."""
    match fault:
        case "read-only":
            journal.chmod(0o400)
        case "damaged":
            whole = journal.read_bytes()
            journal.write_bytes(whole[:4096] + bytes(byte ^ 0x5A for byte in whole[4096:]))
        case _:
            with closing(sqlite3.connect(journal)) as db:
                db.execute("pragma user_version = 99")
                db.commit()


async def test_a_file_that_is_no_journal_is_left_as_it_is(walead: Walead, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    written(other, "not ours")
    for command in (("plan", listed(tmp_path, ["jane"])), ("status",), ("run", listed(tmp_path, ["jane"]), "--yes")):
        done = await walead("sync", *command, "--journal", str(other))
        assert done.code == 2, done.err
        assert str(other) in done.err
    assert text_of(other) == "not ours"


@pytest.mark.usefixtures("journal")
async def test_numbers_of_an_agent(walead: Walead, emulator: Emulator, tmp_path: Path) -> None:
    source = written(tmp_path / "numbers.csv", "number\n+1 415 555 0123\nnobody\n")
    done = await walead("sync", "run", source, "--agent", "a1", "--yes", "--settle", "0", "--max-invalid", "1")
    assert done.code == 0, done.err
    assert list(emulator.agents["a1"]) == ["+14155550123"]
    written(source, "number\n+14155550124\n")
    plan = await planned(walead, source, "--agent", "a1", "--mode", "mirror")
    assert (await walead("sync", "apply", plan, "--yes", "--settle", "0")).code == 0
    assert list(emulator.agents["a1"]) == ["+14155550124"]
    undone = await walead("sync", "undo", plan, "--json")
    again = str(undone.values()[0]["plan"])
    assert (await walead("sync", "apply", again, "--yes", "--settle", "0")).code == 0
    assert list(emulator.agents["a1"]) == ["+14155550123"]


@pytest.mark.usefixtures("journal")
async def test_a_campaign_is_added_to_and_not_undone(walead: Walead, emulator: Emulator, tmp_path: Path) -> None:
    ran = await walead("sync", "run", listed(tmp_path, ["jane"]), "--campaign", "c", "--yes", "--settle", "0", "--json")
    assert ran.code == 0, ran.err
    assert emulator.campaigns["c"].identifiers() == ["jane"]
    undone = await walead("sync", "undo", str(ran.values()[0]["plan"]))
    assert undone.code == 0
    assert "1 not undone: the API has no campaign unblock" in undone.out


def left(folder: Path, text: str) -> list[str]:
    """The files that hold this text."""
    return [path.name for path in folder.iterdir() if text.encode() in path.read_bytes()]


@pytest.mark.usefixtures("journal")
async def test_one_person_is_erased_and_no_byte_is_left(walead: Walead, emulator: Emulator, tmp_path: Path) -> None:
    lines = "jane-smith\njoe\nhttps://x.com/jane-smith\n"
    assert (await walead("sync", "run", "-", "--yes", "--settle", "0", stdin=lines)).code == 1
    assert left(tmp_path, "joe")
    unasked = await walead("journal", "erase", "jane-smith")
    assert (unasked.code, "--yes" in unasked.err) == (2, True)
    done = await walead("journal", "erase", "https://www.linkedin.com/in/Jane-Smith", "--yes", "--json")
    assert done.code == 0, done.err
    [removed] = done.values()
    assert set(removed) == {"items", "sources", "rejected"}
    assert (removed["items"], removed["rejected"]) == (1, 1)
    assert left(tmp_path, "jane-smith") == []
    assert left(tmp_path, "joe")
    assert "jane-smith" in emulator.blocked_leads


@pytest.mark.usefixtures("journal")
async def test_old_plans_are_pruned(walead: Walead, tmp_path: Path) -> None:
    assert (await walead("sync", "plan", "-", stdin="jane-smith\nx.com/jane\n")).code == 0
    unasked = await walead("journal", "prune", "--before", "2999-01-01")
    assert (unasked.code, "--yes" in unasked.err) == (2, True)
    assert (await walead("journal", "prune", "--before", "yesterday", "--yes")).code == 2
    early = await walead("journal", "prune", "--before", "2020-01-01", "--yes", "--json")
    assert early.values() == [{"plans": 0, "items": 0, "sources": 0, "files": 0}]
    done = await walead("journal", "prune", "--before", "2999-01-01T00:00:00+01:00", "--yes", "--json")
    assert done.values() == [{"plans": 1, "items": 1, "sources": 1, "files": 1}]
    assert left(tmp_path, "jane") == []
    assert (await walead("sync", "status")).out == ""
