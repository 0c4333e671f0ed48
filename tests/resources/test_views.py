"""A view of a session has its own patience, whatever was asked of the session before."""

from __future__ import annotations

from scripted import ScriptedServer, answer, answers

from walead_async import AsyncSession, RetryPolicy, ServerError

PATIENT = RetryPolicy(attempts=3, wait_initial=0.0)


async def attempts_of(session: AsyncSession, server: ScriptedServer) -> list[int]:
    """How many requests a call of each kind sends to a service that always fails."""
    counted = []
    for call in (
        session.blocked_leads.list().collect,
        session.campaign("c").blocked_leads.list().collect,
        session.campaign("c").get,
        lambda: session.blocked_leads.find("john-doe"),
    ):
        before = len(server.seen)
        try:
            await call()
        except ServerError:
            counted.append(len(server.seen) - before)
    return counted


async def test_a_view_and_a_view_of_a_view_ask_with_their_own_patience() -> None:
    async with (
        ScriptedServer(answers(answer(b"{}", status="500 Internal Server Error"))) as server,
        AsyncSession("wk_secret_123", base_url=server.url, retry=PATIENT) as session,
    ):
        assert await attempts_of(session, server) == [3, 3, 3, 3]
        hasty = session.with_options(retry=RetryPolicy.never())
        assert await attempts_of(hasty, server) == [1, 1, 1, 1]
        assert await attempts_of(hasty.with_options(retry=PATIENT), server) == [3, 3, 3, 3]
        assert await attempts_of(hasty, server) == [1, 1, 1, 1]
        assert await attempts_of(session, server) == [3, 3, 3, 3]
