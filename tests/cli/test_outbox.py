# ruff: noqa: ASYNC240  # small files

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from stores import on_disk

from walead_async import AsyncSession, Outbox, RetryPolicy
from walead_async.jobs.delivery import Pace
from walead_async.jobs.store import open_store

if TYPE_CHECKING:
    from pathlib import Path

    from programs import Walead

    from walead_async.testing import Emulator

KEY = "wk_secret_123"


class QuickOutbox(Outbox):
    """An outbox that does not wait for long."""

    pace = Pace(gather=0.01, look=0.05, take_over=0.1, first=0.02, most=0.1, refused_key=0.1)


@pytest.fixture
async def outbox(emulator: Emulator, where: str) -> str:
    """An outbox of which two were delivered, one failed and two wait."""
    emulator.settings = emulator.settings.changed({"campaigns": []})
    async with (
        AsyncSession(KEY, base_url=emulator.walead_url, retry=RetryPolicy(attempts=1)) as session,
        QuickOutbox.open(where, session, drain=0) as outbox,
    ):
        await (await outbox.block("done-one", reason="STOP")).settled()
        await (await outbox.block("failed-one", campaigns=["gone"])).settled()
        emulator.faults.add("status=503")
        await outbox.block("waiting-one", reason="by mail")
        await outbox.block("waiting-two")
    emulator.faults.clear()
    return where


async def test_status_counts_and_exits_with_1_if_something_failed(walead: Walead, outbox: str) -> None:
    done = await walead("outbox", "status", "--outbox", outbox, "--json")
    assert done.code == 1
    [status] = done.values()
    assert list(status) == ["depth", "oldest_seconds", "delivered", "failed", "last_error"]
    assert (status["depth"], status["delivered"], status["failed"]) == (2, 2, 1)
    assert "404" in str(status["last_error"])
    words = await walead("outbox", "status", "--outbox", outbox)
    assert words.out.startswith("2 wait, the oldest for ")
    assert "2 delivered, 1 failed" in words.out
    assert "walead: delivered by " in words.out


async def test_status_of_one_that_is_well_exits_with_0_and_with_an_old_one_with_1(
    walead: Walead, emulator: Emulator, tmp_path: Path
) -> None:
    path = tmp_path / "outbox.db"
    emulator.faults.add("status=503")
    async with (
        AsyncSession(KEY, base_url=emulator.walead_url) as session,
        QuickOutbox.open(path, session, drain=0) as box,
    ):
        await box.block("john-doe")
    assert (await walead("outbox", "status", "--outbox", str(path))).code == 0
    assert (await walead("outbox", "status", "--outbox", str(path), "--max-age", "3600")).code == 0
    old = await walead("outbox", "status", "--outbox", str(path), "--max-age", "0", "--json")
    assert old.code == 1
    assert "--max-age is 0" in old.err


async def test_list_prints_what_failed_or_what_waits(walead: Walead, outbox: str) -> None:
    done = await walead("outbox", "list", "--outbox", outbox, "--json")
    assert done.code == 0
    [failed] = done.values()
    assert list(failed) == ["key", "destination", "reason", "at", "state", "tries", "detail"]
    assert (failed["key"], failed["destination"], failed["state"]) == ("failed-one", "campaign:gone", "failed")
    assert failed["tries"] == 1
    assert "was answered with 404" in str(failed["detail"])
    at = datetime.fromisoformat(str(failed["at"]))
    assert datetime.now(UTC) - timedelta(minutes=5) < at <= datetime.now(UTC)
    waiting = (await walead("outbox", "list", "--outbox", outbox, "--pending", "--json")).values()
    assert [(each["key"], each["reason"], each["state"]) for each in waiting] == [
        ("waiting-one", "by mail", "pending"),
        ("waiting-two", None, "pending"),
    ]
    words = await walead("outbox", "list", "--outbox", outbox)
    assert words.out.startswith("failed-one ")


async def test_retry_has_what_failed_delivered_again(walead: Walead, outbox: str, emulator: Emulator) -> None:
    emulator.settings = emulator.settings.changed({"campaigns": ["gone"]})
    done = await walead("outbox", "retry", "--outbox", outbox, "--json")
    assert (done.code, done.values()) == (0, [{"retried": 1}])
    async with AsyncSession(KEY, base_url=emulator.walead_url) as session, QuickOutbox.open(outbox, session):
        pass
    assert emulator.campaigns["gone"].identifiers() == ["failed-one"]
    assert (await walead("outbox", "status", "--outbox", outbox)).code == 0


async def test_retry_takes_up_no_twin_of_what_waits(walead: Walead, outbox: str, emulator: Emulator) -> None:
    emulator.faults.add("status=503")
    async with (
        AsyncSession(KEY, base_url=emulator.walead_url) as session,
        QuickOutbox.open(outbox, session, drain=0) as box,
    ):
        await box.block("failed-one", campaigns=["gone"])
    assert (await walead("outbox", "retry", "--outbox", outbox, "--json")).values() == [{"retried": 0}]
    waiting = (await walead("outbox", "list", "--outbox", outbox, "--pending", "--json")).values()
    assert [each["destination"] for each in waiting if each["key"] == "failed-one"] == ["workspace", "campaign:gone"]


async def test_prune_removes_what_was_delivered_before(walead: Walead, outbox: str) -> None:
    past = await walead("outbox", "prune", "--outbox", outbox, "--before", "2020-01-01", "--yes", "--json")
    assert (past.code, past.values()) == (0, [{"removed": 0}])
    tomorrow = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%d}"
    done = await walead("outbox", "prune", "--outbox", outbox, "--before", tomorrow, "--yes", "--json")
    assert (done.code, done.values()) == (0, [{"removed": 2}])
    [status] = (await walead("outbox", "status", "--outbox", outbox, "--json")).values()
    assert (status["depth"], status["delivered"], status["failed"]) == (2, 0, 1)


async def test_erase_leaves_no_byte_of_a_person(walead: Walead, outbox: str) -> None:
    done = await walead(
        "outbox", "erase", "https://www.linkedin.com/in/Done-One/", "--outbox", outbox, "--yes", "--json"
    )
    assert (done.code, done.values()) == (0, [{"removed": 1}])
    again = await walead("outbox", "erase", "failed-one", "--outbox", outbox, "--yes")
    assert again.out == "2 opt-outs removed; nobody was unblocked\n"
    held = on_disk(outbox)
    assert b"done-one" not in held
    assert b"failed-one" not in held
    assert b"waiting-one" in held


async def test_erase_is_refused_while_an_opt_out_waits(walead: Walead, outbox: str) -> None:
    done = await walead("outbox", "erase", "waiting-one", "--outbox", outbox, "--yes")
    assert done.code == 1
    assert "waits to be delivered" in done.err
    assert len((await walead("outbox", "list", "--outbox", outbox, "--pending", "--json")).values()) == 2


async def test_prune_and_erase_are_refused_while_a_plan_is_applied(walead: Walead, outbox: str) -> None:
    async with open_store(outbox) as store, store.apply_lock():
        for command in (("erase", "done-one"), ("prune", "--before", "2030-01-01")):
            done = await walead("outbox", *command, "--outbox", outbox, "--yes")
            assert done.code == 1
            assert "is in use by " in done.err
        assert (await walead("outbox", "status", "--outbox", outbox)).code == 1


@pytest.mark.parametrize("command", [("erase", "done-one"), ("prune", "--before", "2030-01-01")])
async def test_without_yes_and_without_a_terminal_nothing_is_removed(
    walead: Walead, outbox: str, command: tuple[str, ...]
) -> None:
    done = await walead("outbox", *command, "--outbox", outbox)
    assert done.code == 2
    assert "give --yes; nothing was removed" in done.err


@pytest.mark.parametrize("command", ["status", "list", "retry"])
async def test_a_file_that_is_no_outbox_is_wrong_usage_and_left_alone(
    walead: Walead, tmp_path: Path, command: str
) -> None:
    missing = await walead("outbox", command, "--outbox", str(tmp_path / "no-such.db"))
    assert missing.code == 2
    assert "there is no outbox" in missing.err
    text = tmp_path / "people.csv"
    text.write_text("public_identifier\njohn-doe\n" * 100)
    wrong = await walead("outbox", command, "--outbox", str(text))
    assert wrong.code == 2
    assert "is no outbox, or it is damaged" in wrong.err
    assert {each.name for each in tmp_path.iterdir()} == {"people.csv"}
    assert text.read_text() == "public_identifier\njohn-doe\n" * 100


async def test_who_cannot_be_a_person_is_wrong_usage(walead: Walead, outbox: str) -> None:
    done = await walead("outbox", "erase", "https://www.linkedin.com/company/acme/", "--outbox", outbox, "--yes")
    assert done.code == 2
