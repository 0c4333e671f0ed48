"""`--journal` and `--outbox` in PostgreSQL: the same commands, what is told of a database, and no password in it."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import pytest
from postgres_ways import Way
from stores import stored

if TYPE_CHECKING:
    from pathlib import Path

    from postgres_server import PostgresServer
    from programs import Walead

    from walead_async.testing import Emulator

SECRET = "horse-battery"


@pytest.fixture
def journal(postgres_server: PostgresServer, postgres_url: str, walead: Walead) -> str:
    """Where WALEAD_JOURNAL leads, with a password in it."""
    url = postgres_server.url(postgres_url.rpartition("/")[2], f"postgres:{SECRET}")
    walead.environment["WALEAD_JOURNAL"] = url
    return url


def listed(folder: Path, people: list[str]) -> str:
    path = folder / "crm.csv"
    path.write_text("public_identifier\n" + "".join(f"{each}\n" for each in people), encoding="utf-8")
    return str(path)


@pytest.mark.usefixtures("journal")
async def test_a_whole_job_with_a_journal_in_a_database(walead: Walead, emulator: Emulator, tmp_path: Path) -> None:
    emulator.blocked_leads.clear()
    source = listed(tmp_path, ["jane", "joe", "no body"])
    told = [await walead("sync", "plan", source)]
    assert told[0].code == 0
    [status] = (await walead("sync", "status", "--json")).values()
    plan = str(status["plan"])
    told += [
        await walead("sync", "apply", plan, "--yes", "--settle", "0"),
        await walead("sync", "status"),
        await walead("sync", "report", plan, "--output", str(tmp_path / "report.html")),
        await walead("sync", "undo", plan),
        await walead("journal", "erase", "jane", "--yes"),
        await walead("journal", "prune", "--before", "2999-01-01"),
        await walead("journal", "prune", "--before", "2999-01-01", "--yes"),
        await walead("sync", "status", "typo"),
    ]
    assert [done.code for done in told] == [0, 1, 0, 0, 0, 0, 2, 0, 2]  # a row is invalid
    assert sorted(emulator.blocked_leads.identifiers()) == ["jane", "joe"]
    assert "--journal postgresql://postgres@127.0.0.1" in told[0].out
    assert not [done for done in told if SECRET in done.out + done.err]
    assert sorted(os.listdir(tmp_path)) == ["crm.csv", "report.html"]  # noqa: PTH208  # a short list


async def test_rejected_rows_go_where_they_are_wanted(walead: Walead, journal: str, tmp_path: Path) -> None:
    place = str(tmp_path / "rejected.csv")
    done = await walead("sync", "plan", listed(tmp_path, ["jane", "no body"]), "--rejected", place, "--json")
    assert done.values()[0]["rejected"] == place
    assert "no body" in (tmp_path / "rejected.csv").read_text(encoding="utf-8")


async def test_a_database_that_is_away_is_named_and_nothing_is_sent(
    walead: Walead, emulator: Emulator, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    async with Way(postgres_server.port) as way:
        port = way.port
    url = f"postgresql://me:{SECRET}@127.0.0.1:{port}/acme"
    source = listed(tmp_path, ["jane"])
    commands = (
        ("sync", "plan", source, "--journal", url),
        ("sync", "run", source, "--yes", "--journal", url),
        ("sync", "status", "--journal", url),
        ("outbox", "status", "--outbox", url),
    )
    for command in commands:
        done = await walead(*command)
        assert done.code in {1, 2}
        assert f"'postgresql://127.0.0.1:{port}/acme' cannot be reached" in done.err
        assert SECRET not in done.out + done.err
    assert emulator.requests == []


@pytest.mark.parametrize("how", ["cut", "silent"])
async def test_an_apply_whose_connection_is_lost_sends_nothing_more_and_the_next_one_goes_on(
    how: str, walead: Walead, emulator: Emulator, postgres_server: PostgresServer, postgres_url: str, tmp_path: Path
) -> None:
    emulator.blocked_leads.clear()
    people = [f"person-{number:05d}" for number in range(3_000)]
    source = listed(tmp_path, people)
    done = await walead("sync", "plan", source, "--journal", postgres_url, "--json")
    plan = str(done.values()[0]["plan"])
    emulator.settings = emulator.settings.changed({"latency": 0.2, "batch_limit": 20})
    async with Way(postgres_server.port) as way:
        url = postgres_server.url(postgres_url.rpartition("/")[2], port=way.port)
        applying = asyncio.create_task(walead("sync", "apply", plan, "--yes", "--journal", url))
        while len(emulator.blocked_leads) < 200:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        lost = asyncio.get_running_loop().time()
        if how == "cut":
            await way.stop()
        way.silent = True
        seen, last = len(emulator.requests), lost
        while not applying.done():
            await asyncio.sleep(0.01)
            if len(emulator.requests) > seen:
                seen, last = len(emulator.requests), asyncio.get_running_loop().time()
        done = await applying
        await way.cut()
    assert done.code == 1, done.err
    assert "lost its connection" in done.err
    assert last - lost < 6
    assert 0 < len(emulator.blocked_leads) < len(people)
    emulator.settings = emulator.settings.changed({"latency": 0.0, "batch_limit": 500})
    again = await walead("sync", "apply", plan, "--yes", "--settle", "0", "--journal", postgres_url, "--json")
    assert again.code == 0, again.err
    assert again.values()[0]["verified"] is True
    assert sorted(emulator.blocked_leads.identifiers()) == people
    assert stored(postgres_url, "select count(*) from item where state <> 'done' and state <> 'already'") == [(0,)]


async def test_two_machines_apply_two_lists_at_once_and_never_one(
    walead: Walead, emulator: Emulator, journal: str, tmp_path: Path
) -> None:
    plans = []
    for options in ((), ("--campaign", "c1")):
        done = await walead("sync", "plan", listed(tmp_path, ["jane"]), *options, "--json")
        plans.append(str(done.values()[0]["plan"]))
    emulator.faults.add("POST:hang")
    first = asyncio.create_task(walead("sync", "apply", plans[0], "--yes"))
    while not [request for request in emulator.requests if request.method == "POST"]:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    refused = await walead("sync", "apply", plans[0], "--yes")
    assert refused.code == 1
    assert "is in use by " in refused.err
    emulator.faults.clear()
    other = await walead("sync", "apply", plans[1], "--yes", "--settle", "0", "--json")
    assert other.values()[0]["counts"] == {"done": 1}
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
