"""One call with its retries, deadline, budget and events, against a server on a real socket."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import urlsplit

import attrs
import pytest
from scripted import Connect, Serve, answer, answers

from walead_async.config import RetryPolicy, Timeouts
from walead_async.errors import (
    APIError,
    AuthenticationError,
    ConfigurationError,
    ConflictError,
    ConnectionFailedError,
    DeadlineExceededError,
    InvalidRequestError,
    NotFoundError,
    PayloadTooLargeError,
    PermissionDeniedError,
    RateLimitedError,
    ServerError,
    SessionClosedError,
    WaleadError,
)
from walead_async.events import LimitWaited, RequestFailed, RequestSent, ResponseReceived, RetryScheduled
from walead_async.transport.messages import Request

GET = Request("GET", "/v1/blocked-leads")
BLOCK = Request("POST", "/v1/blocked-leads", body=b"{}")
UNBLOCK = Request("DELETE", "/v1/blocked-leads", body=b'["r1"]', repeatable=False)
QUICK = RetryPolicy(wait_initial=0.0, deadline=20.0)


def failing(status: int, *headers: str, body: bytes = b'{"message": "no"}') -> bytes:
    return answer(body, *headers, status=f"{status} Status")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, APIError),
        (400, InvalidRequestError),
        (401, AuthenticationError),
        (402, APIError),
        (403, PermissionDeniedError),
        (404, NotFoundError),
        (408, APIError),
        (409, ConflictError),
        (413, PayloadTooLargeError),
        (422, InvalidRequestError),
        (425, APIError),
        (429, RateLimitedError),
        (500, ServerError),
        (599, ServerError),
    ],
)
async def test_a_status_becomes_its_error(serve: Serve, connect: Connect, status: int, kind: type[APIError]) -> None:
    server = await serve(answers(failing(status, "X-Request-Id: r-17")))
    with pytest.raises(kind) as caught:
        await connect(server.url, retry=RetryPolicy.never()).send(GET, flow=object())
    error = caught.value
    assert type(error) is kind
    assert (error.status, error.message, error.request_id) == (status, "no", "r-17")
    assert (error.method, error.path) == ("GET", "/v1/blocked-leads")


@pytest.mark.parametrize("request_", [GET, BLOCK], ids=["read", "block"])
@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
async def test_a_read_and_a_block_are_sent_again(
    serve: Serve, connect: Connect, request_: Request, status: int
) -> None:
    server = await serve(answers(failing(status), failing(status), answer(b'["there"]')))
    response = await connect(server.url).send(request_, flow=object())
    assert response.body == b'["there"]'
    assert response.maybe_repeated is (status not in {425, 429})
    assert response.throttled is (status in {429, 503})
    assert [(seen.method, seen.body) for seen in server.seen] == [(request_.method, request_.body or b"")] * 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 422, 501, 505])
async def test_what_cannot_help_is_not_sent_again(serve: Serve, connect: Connect, status: int) -> None:
    server = await serve(answers(failing(status)))
    with pytest.raises(APIError):
        await connect(server.url).send(GET, flow=object())
    assert len(server.seen) == 1


@pytest.mark.parametrize(("status", "requests"), [(408, 1), (500, 1), (502, 1), (503, 1), (504, 1), (425, 5), (429, 5)])
async def test_an_unblock_is_sent_again_only_if_it_was_not_carried_out(
    serve: Serve, connect: Connect, status: int, requests: int
) -> None:
    server = await serve(answers(failing(status)))
    with pytest.raises(APIError) as caught:
        await connect(server.url).send(UNBLOCK, flow=object())
    assert len(server.seen) == requests
    assert caught.value.maybe_applied is (requests == 1)


async def test_an_earlier_attempt_that_may_have_been_carried_out_counts(serve: Serve, connect: Connect) -> None:
    server = await serve(answers(failing(502), failing(400)))
    with pytest.raises(InvalidRequestError) as caught:
        await connect(server.url).send(BLOCK, flow=object())
    assert caught.value.maybe_applied is True


async def test_attempts_end(serve: Serve, connect: Connect) -> None:
    server = await serve(answers(failing(500)))
    with pytest.raises(ServerError):
        await connect(server.url, retry=attrs.evolve(QUICK, attempts=3)).send(GET, flow=object())
    assert len(server.seen) == 3


async def test_a_pause_beyond_the_deadline_is_not_waited_for(serve: Serve, connect: Connect) -> None:
    server = await serve(answers(failing(429, "Retry-After: 3600")))
    with pytest.raises(RateLimitedError) as caught:
        await connect(server.url).send(GET, flow=object())
    assert caught.value.retry_after == 3600
    assert len(server.seen) == 1


@pytest.mark.parametrize("pause", ["0", "-5", "soon", "", "Wed, 21 Oct 2015 07:28:00 GMT", "99999999999999999999999x"])
async def test_a_pause_that_is_over_or_nonsense_is_no_pause(serve: Serve, connect: Connect, pause: str) -> None:
    server = await serve(answers(failing(429, f"Retry-After: {pause}"), answer()))
    assert (await connect(server.url).send(GET, flow=object())).throttled is True
    assert len(server.seen) == 2


async def test_a_pause_until_a_date_goes_by_the_clock_of_the_service(serve: Serve, connect: Connect) -> None:
    there = datetime.now(UTC) - timedelta(days=400)
    until = format_datetime(there + timedelta(hours=1), usegmt=True)
    server = await serve(answers(failing(503, f"Retry-After: {until}", f"Date: {format_datetime(there, usegmt=True)}")))
    with pytest.raises(ServerError) as caught:
        await connect(server.url).send(GET, flow=object())
    assert caught.value.retry_after == 3600


async def test_a_spent_budget_ends_retries_but_not_first_attempts(serve: Serve, connect: Connect) -> None:
    server = await serve(answers(failing(500)))
    client = connect(server.url, retry=attrs.evolve(QUICK, budget_burst=10, budget_ratio=0.2))
    for _ in range(100):
        with pytest.raises(ServerError):
            await client.send(GET, flow=object())
    # 10 tokens at the start, then one for every five requests, however often each is sent
    assert 100 + 10 <= len(server.seen) <= 100 * 1.2 + 10


async def test_other_patience_shares_the_budget_and_the_connections(serve: Serve, connect: Connect) -> None:
    server = await serve(answers(failing(500)))
    client = connect(server.url, retry=attrs.evolve(QUICK, budget_burst=4, budget_ratio=0))
    with pytest.raises(ServerError):
        await client.send(GET, flow=object())
    other = client.view(attrs.evolve(QUICK, budget_burst=50), None, ())
    with pytest.raises(ServerError):
        await other.send(GET, flow=object())
    assert len(server.seen) == 6
    assert server.connections == 1


async def test_a_rotated_key_is_taken_up_at_the_next_request(serve: Serve, connect: Connect) -> None:
    server = await serve(answers(answer()))
    keys = iter(["first", "second"])
    client = connect(server.url, key=lambda: next(keys))
    await client.send(GET, flow=object())
    await client.send(GET, flow=object())
    with pytest.raises(ConfigurationError, match="raised StopIteration"):
        await client.send(GET, flow=object())
    assert [seen.headers["x-api-key"] for seen in server.seen] == ["first", "second"]


def rotating(*keys: str) -> Callable[[], str]:
    """A function that gives these keys in turn, the last one for ever."""
    left = list(keys)
    return lambda: left.pop(0) if len(left) > 1 else left[0]


@pytest.mark.parametrize("request_", [GET, BLOCK, UNBLOCK], ids=["read", "block", "unblock"])
async def test_a_401_to_a_key_that_was_replaced_meanwhile_is_asked_again_once_with_the_new_one(
    serve: Serve, connect: Connect, request_: Request
) -> None:
    server = await serve(answers(failing(401), answer(b"{}")))
    response = await connect(server.url, key=rotating("old-key-1", "new-key-2")).send(request_, flow=object())
    assert [seen.headers["x-api-key"] for seen in server.seen] == ["old-key-1", "new-key-2"]
    assert response.maybe_repeated is False


@pytest.mark.parametrize(
    ("keys", "attempts", "sent"),
    [(["key-1"], 5, 1), (["key-1", "key-2", "key-3", "key-4"], 5, 2), (["key-1", "key-2"], 1, 1)],
    ids=["it was not replaced", "it is replaced again and again", "one attempt is all there is"],
)
async def test_a_401_that_stays_is_raised(
    serve: Serve, connect: Connect, keys: list[str], attempts: int, sent: int
) -> None:
    server = await serve(answers(failing(401)))
    with pytest.raises(AuthenticationError) as caught:
        await connect(server.url, key=rotating(*keys), retry=attrs.evolve(QUICK, attempts=attempts)).send(
            GET, flow=object()
        )
    assert len(server.seen) == caught.value.attempts == sent


async def test_hooks_are_told_of_an_attempt_that_gets_no_answer(serve: Serve, connect: Connect) -> None:
    async def never_answers(writer: asyncio.StreamWriter, number: int) -> None:
        await asyncio.Event().wait()

    told: list[object] = []
    server = await serve(never_answers)
    client = connect(server.url, retry=RetryPolicy.never(), timeouts=Timeouts(read=0.05), hooks=(told.append,))
    with pytest.raises(DeadlineExceededError):
        await client.send(GET, flow=object())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await client.send(GET, flow=object())
    failed = [event for event in told if isinstance(event, RequestFailed)]
    assert [(event.method, event.path, event.attempt) for event in failed] == [("GET", "/v1/blocked-leads", 1)] * 2
    assert [event.cause for event in failed] == ["DeadlineExceededError", "CancelledError"]
    assert failed[0].seconds >= 0.05
    assert sum(isinstance(event, RequestSent) for event in told) == 2


@pytest.mark.parametrize(
    "bug", [RuntimeError("a hook with a bug"), asyncio.CancelledError()], ids=["a bug", "cancelled"]
)
async def test_hooks_are_told_what_happens_and_a_failing_hook_breaks_nothing(
    serve: Serve, connect: Connect, caplog: pytest.LogCaptureFixture, bug: BaseException
) -> None:
    told: list[object] = []

    def fails(event: object) -> None:
        raise bug

    server = await serve(answers(failing(500, "X-Request-Id: a"), answer(b"[1]", "Request-Id: b")))
    await connect(server.url, hooks=(fails, told.append)).send(BLOCK, flow=object())
    path = "/v1/blocked-leads"
    assert told[0] == RequestSent("POST", path, 1, 2, "127.0.0.1", urlsplit(server.url).port or 0)
    assert attrs.evolve(told[1], seconds=0.0) == ResponseReceived("POST", path, 1, 500, 0.0, 17, "a")  # type: ignore[type-var]
    assert told[2] == RetryScheduled("POST", path, 1, 0.0, "ServerError")
    assert attrs.evolve(told[4], seconds=0.0) == ResponseReceived("POST", path, 2, 200, 0.0, 3, "b")  # type: ignore[type-var]
    assert len(told) == 5
    assert "a hook of the session failed on RequestSent" in caplog.text


async def test_the_log_tells_of_each_attempt_without_key_or_query(
    serve: Serve, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server = await serve(answers(failing(500), answer()))
    await connect(server.url).send(Request("GET", "/v1/blocked-leads", "search=jane-doe"), flow=object())
    assert "RetryScheduled" in caplog.text
    assert "status=200" in caplog.text
    assert "wk_secret_123" not in caplog.text
    assert "jane-doe" not in caplog.text


async def test_a_single_call_that_gets_no_turn_ends_at_its_deadline(serve: Serve, connect: Connect) -> None:
    async def never(writer: asyncio.StreamWriter, number: int) -> None:
        await asyncio.Event().wait()

    server = await serve(never)
    client = connect(server.url, concurrency=1)
    slow = asyncio.create_task(client.send(GET, flow=object()))
    await server.arrived.wait()
    handler = client.view(RetryPolicy(deadline=0.05), None, ())
    with pytest.raises(DeadlineExceededError, match="before the request went out") as caught:
        await handler.send(UNBLOCK, flow=object())
    assert caught.value.maybe_applied is False
    slow.cancel()
    with pytest.raises(asyncio.CancelledError):
        await slow
    assert len(server.seen) == 1


async def test_a_call_may_have_its_deadline_from_its_turn_on(serve: Serve, connect: Connect) -> None:
    release = asyncio.Event()

    async def waits_once(writer: asyncio.StreamWriter, number: int) -> None:
        if number == 0:
            await release.wait()
        writer.write(answer())
        await writer.drain()

    told: list[object] = []
    server = await serve(waits_once)
    client = connect(server.url, concurrency=1, hooks=(told.append,))
    first = asyncio.create_task(client.send(GET, flow=object()))
    await server.arrived.wait()
    patient = client.view(RetryPolicy(deadline=0.05), None, ())
    second = asyncio.create_task(patient.send(GET, flow=object(), deadline_from="turn"))
    await asyncio.wait([second], timeout=0.2)
    assert not second.done()
    release.set()
    assert (await second).status == (await first).status == 200
    assert any(isinstance(event, LimitWaited) and event.seconds > 0.05 for event in told)


async def test_a_closed_session_is_named_before_anything_is_sent(serve: Serve, connect: Connect) -> None:
    server = await serve(answers(answer()))
    client = connect(server.url)
    await client.close()
    await client.close()
    with pytest.raises(SessionClosedError, match="open a new one"):
        await client.send(GET, flow=object())
    assert server.seen == []


async def test_closing_ends_the_calls_under_way_and_those_that_wait(serve: Serve, connect: Connect) -> None:
    async def never(writer: asyncio.StreamWriter, number: int) -> None:
        await asyncio.Event().wait()

    server = await serve(never)
    client = connect(server.url, concurrency=1)
    calls = [asyncio.create_task(client.send(UNBLOCK, flow=object())) for _ in range(3)]
    await server.arrived.wait()
    await client.close()
    ends = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(end) for end in ends] == [SessionClosedError] * 3
    assert [end.maybe_applied for end in ends if isinstance(end, WaleadError)] == [True, False, False]


class NotYet:
    """A rate limiter that lets nobody through."""

    async def acquire(self) -> None:
        await asyncio.Event().wait()


async def test_closing_ends_a_wait_at_a_rate_limiter(serve: Serve, connect: Connect) -> None:
    server = await serve(answers(answer()))
    client = connect(server.url, limiter=NotYet())
    calls = [asyncio.create_task(client.send(GET, flow=flow, deadline_from="turn")) for flow in ("a", "b")]
    await asyncio.sleep(0)
    await client.close()
    ends = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(end) for end in ends] == [SessionClosedError] * 2
    assert server.seen == []


@pytest.mark.parametrize(("request_", "maybe_applied"), [(GET, True), (BLOCK, True), (UNBLOCK, False)])
async def test_closing_ends_a_wait_before_a_retry_and_a_pause_that_the_service_asked_for(
    serve: Serve, connect: Connect, request_: Request, maybe_applied: bool
) -> None:
    server = await serve(answers(failing(503 if maybe_applied else 429, "Retry-After: 1000")))
    retrying: asyncio.Queue[object] = asyncio.Queue()
    client = connect(
        server.url,
        retry=RetryPolicy(deadline=10_000.0),
        hooks=(lambda event: retrying.put_nowait(event) if isinstance(event, RetryScheduled) else None,),
    )
    sent = asyncio.create_task(client.send(request_, flow=object()))
    await retrying.get()
    paused = asyncio.create_task(client.send(request_, flow=object(), deadline_from="turn"))
    await asyncio.sleep(0)
    await client.close()
    ends = await asyncio.gather(sent, paused, return_exceptions=True)
    assert [type(end) for end in ends] == [SessionClosedError] * 2
    assert [end.maybe_applied for end in ends if isinstance(end, WaleadError)] == [maybe_applied, False]


async def test_another_event_loop_is_refused(serve: Serve, connect: Connect) -> None:
    server = await serve(answers(answer()))
    client = connect(server.url)
    await client.send(GET, flow=object())
    raised: list[BaseException] = []

    def elsewhere() -> None:
        try:
            asyncio.run(client.send(GET, flow=object()))
        except SessionClosedError as error:
            raised.append(error)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    await asyncio.to_thread(thread.join)
    assert "another event loop" in str(raised[0])


async def test_2000_callers_at_once_all_end(serve: Serve, connect: Connect) -> None:
    async def fails_a_tenth(writer: asyncio.StreamWriter, number: int) -> None:
        writer.write(failing(500) if number % 10 == 3 else answer())
        await writer.drain()

    server = await serve(fails_a_tenth)
    client = connect(server.url, retry=attrs.evolve(QUICK, deadline=55))
    ends = await asyncio.gather(*(client.send(GET, flow=object()) for _ in range(2000)), return_exceptions=True)
    assert {type(end).__name__ for end in ends} <= {"Response", "ServerError"}
    assert sum(not isinstance(end, BaseException) for end in ends) > 1900
    assert server.connections <= 8


async def test_a_cancelled_call_gives_its_turn_back(serve: Serve, connect: Connect) -> None:
    async def hangs_first(writer: asyncio.StreamWriter, number: int) -> None:
        if number == 0:
            await asyncio.Event().wait()
        writer.write(answer())
        await writer.drain()

    server = await serve(hangs_first)
    client = connect(server.url, concurrency=1)
    first = asyncio.create_task(client.send(GET, flow=object()))
    await server.arrived.wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert (await client.send(GET, flow=object())).status == 200


async def test_the_connection_that_broke_is_named_after_the_retries(connect: Connect) -> None:
    with pytest.raises(ConnectionFailedError, match="no connection"):
        await connect("http://127.0.0.1:9").send(GET, flow=object())


@pytest.mark.parametrize("request_", [GET, BLOCK], ids=["read", "block"])
async def test_a_key_that_an_answer_echoes_is_hidden(serve: Serve, connect: Connect, request_: Request) -> None:
    server = await serve(answers(answer(b'{"success": false, "message": "bad key wk_secret_123"}')))
    response = await connect(server.url).send(request_, flow=object())
    assert response.body == b'{"success": false, "message": "bad key ***"}'
