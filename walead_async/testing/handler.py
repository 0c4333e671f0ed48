"""One request of an emulated service: log it, choose a fault, carry it out, put the answer on the connection."""

from __future__ import annotations

import asyncio
import math
import socket
import struct
import time
from collections import deque
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING

import attrs
import orjson
from aiohttp import web

from walead_async.testing import phonely, walead
from walead_async.testing.drifts import DriftScript
from walead_async.testing.faults import SPOILERS, Delivery, Effect, FaultName, FaultScript
from walead_async.testing.replies import Call, Refused, Reply, Service, refusal
from walead_async.testing.settings import Gate, RetryAfter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from walead_async.testing.faults import Fault
    from walead_async.testing.settings import Settings
    from walead_async.testing.store import World

__all__ = [
    "Front",
    "LoggedRequest",
    "deliver",
    "read_body",
    "without_secrets",
]


SECRET = frozenset({"x-api-key", "x-authorization", "authorization", "proxy-authorization", "cookie"})


@attrs.define
class LoggedRequest:
    """A request as it arrived, and how it ended.

    `path` stands below the service's base URL and is decoded, `query` holds the parameters behind it. `headers` have
    lower-case names and no secret; `authorized` says whether the right key came with them. `raw_body` is the body as it
    came, at most a little more of it than `settings.body_limit`. `status` is that of the answer: None as long as there
    is none, and for ever if it was held back. `fault` is the fault that was played on it, as text.
    """

    service: Service
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    authorized: bool
    raw_body: bytes
    status: int | None = None
    fault: str | None = None

    @property
    def body(self) -> object:
        """The JSON body; None if there is none, or it is not JSON."""
        try:
            body: object = orjson.loads(self.raw_body)
        except orjson.JSONDecodeError:
            return None
        return body

    def as_json(self) -> dict[str, object]:
        """This request as plain values, with `body` in place of `raw_body`; so the control address gives it."""
        return {
            "service": self.service.value,
            "method": self.method,
            "path": self.path,
            "query": dict(self.query),
            "headers": dict(self.headers),
            "authorized": self.authorized,
            "body": self.body,
            "status": self.status,
            "fault": self.fault,
        }


def without_secrets(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers with lower-case names, less those that carry a key."""
    return {lowered: value for name, value in headers.items() if (lowered := name.lower()) not in SECRET}


#: With this "linger" the operating system answers a close with a reset.
RESET_ON_CLOSE = struct.pack("ii", 1, 0)
BLANKS = b" " * 65_536


async def deliver(request: web.BaseRequest, reply: Reply, delivery: Delivery, pause: float) -> web.StreamResponse:
    """Answer a request. `pause` is the seconds between two bytes of a slow body."""
    if delivery is Delivery.WHOLE:
        return await _padded(request, reply) if reply.blanks else _whole(reply)
    if delivery is Delivery.SLOW_BODY:
        return await _slow(request, reply, pause)
    transport = request.transport
    if transport is None:
        raise ConnectionResetError("the caller is gone")
    if delivery is Delivery.CLOSE_AFTER:
        transport.write(_head(reply) + reply.body)
        transport.close()
    elif delivery is not Delivery.HANG:
        _break_off(transport, reply, delivery)
    return await _end()


def _whole(reply: Reply) -> web.Response:
    return web.Response(
        status=reply.status, body=reply.body, headers={"Content-Type": reply.content_type, **reply.headers}
    )


async def _padded(request: web.BaseRequest, reply: Reply) -> web.StreamResponse:
    """Send the answer with its blanks, a piece at a time, as fast as the caller reads."""
    response = await _begun(request, reply)
    await response.write(reply.body[:1])
    for _ in range(reply.blanks // len(BLANKS)):
        await response.write(BLANKS)
    await response.write(BLANKS[: reply.blanks % len(BLANKS)] + reply.body[1:])
    return response


async def _slow(request: web.BaseRequest, reply: Reply, pause: float) -> web.StreamResponse:
    response = await _begun(request, reply)
    for byte in reply.body:
        await asyncio.sleep(pause)
        await response.write(bytes((byte,)))
    return response


async def _begun(request: web.BaseRequest, reply: Reply) -> web.StreamResponse:
    """An answer whose headers are sent."""
    headers = {"Content-Type": reply.content_type, **reply.headers}
    response = web.StreamResponse(status=reply.status, headers=headers)
    response.content_length = len(reply.body) + reply.blanks
    await response.prepare(request)
    return response


def _break_off(transport: asyncio.Transport, reply: Reply, delivery: Delivery) -> None:
    """Write as much of the answer as is meant, then close or reset."""
    head, body = _head(reply), reply.body
    sent = {
        Delivery.CLOSE: b"",
        Delivery.RESET: b"",
        Delivery.RESET_IN_HEAD: head[: len(head) // 2],
        Delivery.RESET_BEFORE_BODY: head,
        Delivery.RESET_IN_BODY: head + body[: len(body) // 2],
        Delivery.RESET_AFTER_BODY: head + body,
        Delivery.CUT_BODY: head + body[: len(body) // 2],
    }[delivery]
    if sent:
        transport.write(sent)
    if delivery in (Delivery.CLOSE, Delivery.CUT_BODY):
        transport.close()
        return
    connection: socket.socket = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    transport.abort()


async def _end() -> web.StreamResponse:
    """Wait until the server ends this handler, which it does when the connection is gone or the emulator closes."""
    never: asyncio.Future[web.StreamResponse] = asyncio.get_running_loop().create_future()
    return await never


def _head(reply: Reply) -> bytes:
    """Status line and headers of an answer on a connection that is said to stay open."""
    try:
        phrase = HTTPStatus(reply.status).phrase
    except ValueError:
        phrase = "Unknown"
    headers = {"Content-Type": reply.content_type, **reply.headers, "Content-Length": str(len(reply.body))}
    lines = [f"HTTP/1.1 {reply.status} {phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


KEY_HEADERS = {Service.WALEAD: "x-api-key", Service.PHONELY: "X-Authorization"}
CARRIERS = {Service.WALEAD: walead.carry_out, Service.PHONELY: phonely.carry_out}


class Front:
    """Both services before their sockets: the world, the scripts and the log."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._first_settings = world.settings
        self.faults = FaultScript(world.seed)
        self.drifts = DriftScript(world.seed)
        self.log: deque[LoggedRequest] = deque()
        self._last_read: dict[tuple[Service, str], Reply] = {}
        self._gate: Gate | None = None
        self.take(world.settings)

    def take(self, settings: Settings) -> None:
        """Behave by these settings from now on."""
        self.world.take(settings)
        self.log = deque(self.log, maxlen=settings.log_size)
        self._gate = Gate(settings.rate_limit, settings.rate_burst) if settings.rate_limit else None

    def clear(self) -> None:
        """Forget the state, the scripts and the log, and go back to the first settings."""
        self.take(self._first_settings)
        self.world.clear()
        self.faults.clear()
        self.drifts.clear()
        self.log.clear()
        self._last_read.clear()

    async def handle(self, request: web.BaseRequest, service: Service, path: str) -> web.StreamResponse:
        """Answer one request. It is carried out when it has arrived, before any wait: its order is that of arrival."""
        body = await read_body(request, self.world.settings.body_limit)
        call = Call(service, request.method, path, request.query, request.headers.get(KEY_HEADERS[service]), body)
        entry = self._logged(call, request.headers)
        reply = self._limited()
        fault = None if reply else self.faults.choose(call)
        if reply is None:
            reply = self._carried_out(call, fault)
        latency = self.world.settings.latency
        if latency:
            await asyncio.sleep(latency)
        if fault is None:
            entry.status = reply.status
            return await deliver(request, reply, Delivery.WHOLE, 0.0)
        entry.fault = str(fault)
        entry.status = None if fault.kind.delivery.silent else reply.status
        return await deliver(request, reply, fault.kind.delivery, fault.option.number)

    def _logged(self, call: Call, headers: Mapping[str, str]) -> LoggedRequest:
        entry = LoggedRequest(
            service=call.service,
            method=call.method,
            path=call.path,
            query=call.query,
            headers=without_secrets(headers),
            authorized=call.key == self.world.api_key,
            raw_body=call.body,
        )
        self.log.append(entry)
        return entry

    def _limited(self) -> Reply | None:
        """The 429 of the rate limit, if this request comes too early."""
        wait = self._gate.wait(time.monotonic()) if self._gate else 0.0
        if not wait:
            return None
        settings = self.world.settings
        seconds = math.ceil(wait)
        headers = {
            RetryAfter.SECONDS: {"Retry-After": str(seconds)},
            RetryAfter.DATE: {"Retry-After": formatdate(time.time() + seconds, usegmt=True)},
            RetryAfter.ABSENT: {},
        }[settings.retry_after]
        return refusal(429, "Too many requests", settings.error_body, headers)

    def _carried_out(self, call: Call, fault: Fault | None) -> Reply:
        """The reply to a call, with the effect and the body that its fault asks for."""
        if fault is None:
            reply = self._reply(call)
        elif fault.kind.effect is Effect.NONE:
            reply = Reply(200)
        elif fault.kind.effect is Effect.PART:
            reply = self._reply(_halved(call))
        else:
            reply = self._reply(call)
            if fault.kind.effect is Effect.TWICE:
                reply = self._reply(call)
            elif fault.name is FaultName.REPEAT_PAGE and call.method == "GET":
                reply = self._last_read.get((call.service, call.path), reply)
        if call.method == "GET":
            self._last_read[call.service, call.path] = reply
        spoil = SPOILERS.get(fault.name) if fault else None
        return spoil(reply, fault.option) if fault and spoil else reply

    def _reply(self, call: Call) -> Reply:
        """Carry a call out, with the changes that other people make right after a read."""
        settings = self.world.settings
        if len(call.body) > settings.body_limit:
            return refusal(413, "the body is too large", settings.error_body)
        self.world.last_read = None
        try:
            reply = CARRIERS[call.service](self.world, call)
        except Refused as refused:
            return refusal(refused.status, refused.message, settings.error_body, refused.headers)
        if self.world.last_read is not None:
            self.drifts.happen(self.world)
        return reply


async def read_body(request: web.BaseRequest, limit: int) -> bytes:
    """The body, or just more of it than the limit allows."""
    body = bytearray()
    while len(body) <= limit and (chunk := await request.content.readany()):
        body += chunk
    return bytes(body)


def _halved(call: Call) -> Call:
    """The same call with the first half of its items."""
    try:
        body = orjson.loads(call.body)
    except orjson.JSONDecodeError:
        return call
    if isinstance(body, list):
        body = body[: len(body) // 2]
    elif isinstance(body, dict):
        body = {name: value[: len(value) // 2] if isinstance(value, list) else value for name, value in body.items()}
    return Call(call.service, call.method, call.path, call.query, call.key, orjson.dumps(body))
