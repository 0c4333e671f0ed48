"""The outbox in PostgreSQL: in the caller's own transaction, and while the database is restarted or pods are killed."""

from __future__ import annotations

import ast
import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest
from outbox_processes import KEY, QuickOutbox, Worker, delivered, sent
from postgres_server import PostgresServer
from postgres_ways import Way
from stores import stored

from walead_async import AsyncSession, InvalidInputError, OutboxError, Outcome, RetryPolicy, Status
from walead_async.testing import Emulator


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator(api_key=KEY) as emulator:
        yield emulator


@pytest.fixture
async def session(emulator: Emulator) -> AsyncIterator[AsyncSession]:
    async with AsyncSession(KEY, base_url=emulator.walead_url, retry=RetryPolicy(attempts=1)) as session:
        yield session


async def test_an_opt_out_is_stored_in_the_callers_own_transaction(
    postgres_url: str, emulator: Emulator, session: AsyncSession
) -> None:
    stored(postgres_url, "create table account (name text)")
    async with (
        QuickOutbox.open(postgres_url, session) as outbox,
        await psycopg.AsyncConnection.connect(postgres_url) as connection,
    ):
        await connection.execute("insert into account values ('john')")
        receipt = await outbox.block("john-doe", reason="account deleted", campaigns=["c1"], connection=connection)
        waiting = asyncio.create_task(receipt.settled())
        await (await outbox.block("jane-doe")).settled()
        assert not waiting.done()
        assert stored(postgres_url, "select key from optout where key = 'john-doe'") == []
        await connection.commit()
        assert (await waiting).status is Status.DONE
    assert emulator.blocked_leads.identifiers() == ["jane-doe", "john-doe"]
    assert emulator.campaigns["c1"].identifiers() == ["john-doe"]
    assert stored(postgres_url, "select name from account") == [("john",)]


@pytest.mark.parametrize("to", ["the beginning", "a savepoint"])
async def test_what_is_rolled_back_is_not_stored_and_told_of(
    to: str, postgres_url: str, emulator: Emulator, session: AsyncSession
) -> None:
    async with (
        QuickOutbox.open(postgres_url, session) as outbox,
        await psycopg.AsyncConnection.connect(postgres_url) as connection,
    ):
        await connection.execute("savepoint here")
        receipt = await outbox.block("john-doe", connection=connection)
        await connection.execute("rollback" if to == "the beginning" else "rollback to here")
        await connection.commit()
        outcome = await receipt.settled()
        assert (outcome.status, "was rolled back" in str(outcome.detail)) == (Status.NOT_SENT, True)
        assert (await outbox.status()).depth == 0
    assert "john-doe" not in emulator.blocked_leads


async def test_the_same_person_is_one_opt_out_in_a_transaction_too(
    postgres_url: str, emulator: Emulator, session: AsyncSession
) -> None:
    emulator.faults.add("status=503")
    async with (
        QuickOutbox.open(postgres_url, session, drain=0) as outbox,
        await psycopg.AsyncConnection.connect(postgres_url) as connection,
    ):
        await outbox.block("john-doe")
        for _ in range(2):
            await outbox.block("john-doe", connection=connection)
            await outbox.block("john-doe", idempotency_key="event-1", connection=connection)
        await connection.commit()
        assert (await outbox.status()).depth == 2


async def test_a_connection_that_cannot_be_joined_is_refused(
    postgres_server: PostgresServer, postgres_url: str, tmp_path: Path, session: AsyncSession
) -> None:
    other = postgres_server.url(postgres_server.make_database())
    async with (
        QuickOutbox.open(postgres_url, session) as outbox,
        QuickOutbox.open(other, session),
        QuickOutbox.open(tmp_path / "outbox.db", session) as file,
        await psycopg.AsyncConnection.connect(postgres_url) as connection,
        await psycopg.AsyncConnection.connect(other) as elsewhere,
    ):
        with pytest.raises(InvalidInputError, match="of another database than the outbox 'postgresql:"):
            await outbox.block("john-doe", connection=elsewhere)
        with pytest.raises(InvalidInputError, match="connection= is for an outbox in PostgreSQL"):
            await file.block("john-doe", connection=connection)
        with pytest.raises(InvalidInputError, match="is a psycopg AsyncConnection, not"):
            await outbox.block("john-doe", connection="postgresql://")  # type: ignore[arg-type]
        with pytest.raises(psycopg.errors.SyntaxError):
            await connection.execute("nonsense")
        with pytest.raises(OutboxError, match="transaction is aborted"):
            await outbox.block("john-doe", connection=connection)
        await connection.close()
        with pytest.raises(OutboxError, match="connection is closed"):
            await outbox.block("john-doe", connection=connection)
        assert (await outbox.status()).depth == 0


async def test_a_depth_above_the_limit_is_refused_in_a_transaction_too(
    postgres_url: str, emulator: Emulator, session: AsyncSession
) -> None:
    emulator.faults.add("status=503")
    async with (
        QuickOutbox.open(postgres_url, session, drain=0, max_depth=2) as outbox,
        await psycopg.AsyncConnection.connect(postgres_url) as connection,
    ):
        await outbox.block("one")
        await outbox.block("two", connection=connection)
        await connection.commit()
        with pytest.raises(OutboxError, match="may hold 2: try again later"):
            await outbox.block("three", connection=connection)
        assert (await outbox.status()).depth == 2


async def test_a_pod_whose_connections_are_cut_hands_the_delivery_over_and_goes_on(
    postgres_server: PostgresServer, postgres_url: str, emulator: Emulator, session: AsyncSession
) -> None:
    name = postgres_url.rpartition("/")[2]
    async with Way(postgres_server.port) as way:
        url = postgres_server.url(name, port=way.port)
        async with QuickOutbox.open(url, session) as first, QuickOutbox.open(postgres_url, session) as second:
            await (await first.block("one")).settled()
            for turn in range(3):
                await way.cut()
                receipt = await second.block(f"two-{turn}")
                # what the other has blocked, and could not write down, is there already
                assert (await receipt.settled()).status in {Status.DONE, Status.ALREADY}
                assert (await _taken(first, f"three-{turn}")).status in {Status.DONE, Status.ALREADY}
    blocked = emulator.blocked_leads.identifiers()
    assert sorted(blocked) == sorted({"one", *(f"{word}-{turn}" for word in ("two", "three") for turn in range(3))})


async def _taken(outbox: QuickOutbox, person: str) -> Outcome:
    """What a sender does who tries again after a 503."""
    while True:
        try:
            return await (await outbox.block(person)).settled()
        except OutboxError:
            await asyncio.sleep(0.01)


@pytest.mark.timeout(120)
async def test_pods_over_restarts_of_the_database_lose_no_202(
    postgres_server: PostgresServer, postgres_url: str, emulator: Emulator
) -> None:
    emulator.faults.add("status=503")
    pods = [await Worker.start(postgres_url, emulator, f"pod-{number}") for number in range(2)]
    for pod in pods:
        await pod.says("202")
    confirmed: list[tuple[set[object], int]] = []
    for turn in range(3):
        await asyncio.sleep(0.3)
        await asyncio.to_thread(postgres_server.stop)
        if turn:
            emulator.faults.clear()
            await pods[0].kill()
        await asyncio.to_thread(postgres_server.start)
        confirmed.append((delivered(postgres_url), len(emulator.requests)))
        if turn:
            pods.append(await Worker.start(postgres_url, emulator, f"pod-{turn}-again"))
            pods = [*pods[1:], pods[0]]
            await pods[1].says("202")
    await asyncio.sleep(0.5)
    taken = set().union(*(pod.taken() for pod in pods))
    for pod in pods:
        await pod.kill()
    async with (
        AsyncSession(KEY, base_url=emulator.walead_url) as session,
        QuickOutbox.open(postgres_url, session) as outbox,
    ):
        while (await outbox.status()).depth:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert len(taken) > 50
    assert taken <= set(emulator.blocked_leads.identifiers())
    for before, requests in confirmed:
        assert not before & sent(emulator, requests), "what was confirmed was sent again"


async def test_the_snippet_of_the_page_works(
    postgres_url: str, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "postgresql.md").read_text(encoding="utf-8")
    (snippet,) = re.findall(r"```py\n(.*?)```", page, re.DOTALL)
    assert "postgresql://walead@127.0.0.1/walead" in snippet
    stored(postgres_url, "create table account (name text)")
    monkeypatch.setenv("WALEAD_API_KEY", KEY)
    monkeypatch.setenv("WALEAD_BASE_URL", emulator.walead_url)
    code = compile(
        snippet.replace("postgresql://walead@127.0.0.1/walead", postgres_url),
        "postgresql.md",
        "exec",
        ast.PyCF_ALLOW_TOP_LEVEL_AWAIT,
    )
    names: dict[str, object] = {}
    await eval(code, names)
    assert "john-doe" in emulator.blocked_leads
