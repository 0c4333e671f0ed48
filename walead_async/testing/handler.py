"""One request of an emulated service: log it, choose a fault, carry it out, put the answer on the connection."""

from __future__ import annotations

import asyncio
import math
import socket
import struct
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlencode

import attrs
import orjson
from aiohttp import web

from walead_async.testing.drifts import DriftScript
from walead_async.testing.faults import Delivery, Effect, End, Fault, FaultName, FaultScript, Reply
from walead_async.testing.settings import ErrorBody, RetryAfter, Service, Settings

if TYPE_CHECKING:
    from walead_async.testing.store import Store

__all__ = ["Handler", "LoggedRequest", "Perform", "Refused", "Throttle", "check_size", "read_body"]

KEY_HEADERS = {Service.WALEAD: "x-api-key", Service.PHONELY: "X-Authorization"}
NO_KEY = {
    Service.WALEAD: "Unauthorized: the x-api-key header is missing or wrong",
    Service.PHONELY: "Invalid or missing API key",
}


class Refused(Exception):
    """A call that is answered with an error status; then nothing was changed."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers: Mapping[str, str] = headers or {}

    def reply(self, shape: ErrorBody) -> Reply:
        """The answer, in one of the shapes that a service may use."""
        status, message, phrase = self.status, self.message, HTTPStatus(self.status).phrase
        if shape is ErrorBody.TEXT:
            return Reply(status, message.encode(), "text/plain; charset=utf-8", self.headers)
        if shape is ErrorBody.EMPTY:
            return Reply(status, headers=self.headers)
        bodies: dict[ErrorBody, object] = {
            ErrorBody.NEST: {"statusCode": status, "message": message, "error": phrase},
            ErrorBody.NEST_LIST: {"statusCode": status, "message": [message], "error": phrase},
            ErrorBody.SUCCESS: {"success": False, "message": message},
            ErrorBody.ERROR: {"error": message},
            ErrorBody.NESTED: {"error": {"code": phrase.upper().replace(" ", "_"), "message": message}},
        }
        return Reply.of(bodies[shape], status, self.headers)


#: What carries a call out: it takes the store, the request, and by name the parts of the path that the vendor names.
Perform: TypeAlias = Callable[..., Awaitable[Reply]]


class Throttle:
    """Lets `rate` requests a second through, `burst` of them at once."""

    def __init__(self, rate: float, burst: int) -> None:
        self._interval = 1 / rate
        self._slack = (burst - 1) / rate
        self._due = 0.0

    def wait(self, now: float) -> float:
        """0.0 if a request may pass now, which is then counted; else the seconds until one may."""
        due = max(self._due, now)
        early = due - self._slack - now
        if early > 0:
            return early
        self._due = due + self._interval
        return 0.0


#: How many bytes of a request's body its repr shows.
BODY_SHOWN = 200
SECRET = frozenset({"x-api-key", "x-authorization", "authorization", "proxy-authorization", "cookie"})


@attrs.define(repr=False)
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

    def __repr__(self) -> str:
        """The request in a line, with the beginning of its body, and how it ended."""
        query = f"?{urlencode(self.query)}" if self.query else ""
        body = self.raw_body[:BODY_SHOWN].decode("utf-8", "replace")
        more = "..." if len(self.raw_body) > BODY_SHOWN else ""
        ended = "no answer" if self.status is None else self.status
        fault = f" by {self.fault!r}" if self.fault is not None else ""
        sent = f" {body}{more}" if body else ""
        return f"<{self.service.value} {self.method} {self.path}{query}{sent} -> {ended}{fault}>"

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
        fields = attrs.asdict(self, recurse=False, filter=lambda field, _: field.name != "raw_body")
        return {**fields, "query": dict(self.query), "body": self.body}

    def halved(self) -> LoggedRequest:
        """The same request with the first half of its items."""
        body = self.body
        if isinstance(body, list):
            body = body[: len(body) // 2]
        elif isinstance(body, dict):
            body = {name: one[: len(one) // 2] if isinstance(one, list) else one for name, one in body.items()}
        return attrs.evolve(self, raw_body=orjson.dumps(body))


def without_secrets(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers with lower-case names, less those that carry a key."""
    return {lowered: value for name, value in headers.items() if (lowered := name.lower()) not in SECRET}


#: With this "linger" the operating system answers a close with a reset.
RESET_ON_CLOSE = struct.pack("ii", 1, 0)
BLANKS = b" " * 65_536
#: Seconds after an answer until one comes that nobody asked for.
IDLE = 0.01


async def deliver(request: web.BaseRequest, reply: Reply, delivery: Delivery, pause: float) -> web.StreamResponse:
    """Answer a request. `pause` is the seconds between two bytes of a slow body."""
    headers = {"Content-Type": reply.content_type, **reply.headers}
    if delivery.slowly or reply.blanks:
        return await _streamed(request, reply, headers, pause if delivery.slowly else None)
    transport = request.transport
    if transport is None:
        raise ConnectionResetError("the caller is gone")
    if delivery.again:
        asyncio.get_running_loop().call_later(IDLE, _write_again, transport, _head(reply, headers) + reply.body)
    if delivery.end is End.KEEP:
        return web.Response(status=reply.status, body=reply.body, headers=headers)
    head = _head(reply, headers)
    transport.write(head[: int(len(head) * delivery.headers)] + reply.body[: int(len(reply.body) * delivery.body)])
    if delivery.end is End.CLOSE:
        transport.close()
    elif delivery.end is End.RESET:
        connection: socket.socket = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        transport.abort()
    # The server ends this handler when the connection is gone or the emulator closes.
    never: asyncio.Future[web.StreamResponse] = asyncio.get_running_loop().create_future()
    return await never


async def _streamed(
    request: web.BaseRequest, reply: Reply, headers: Mapping[str, str], pause: float | None
) -> web.StreamResponse:
    """Send a body byte by byte, or with its blanks behind the first byte, as fast as the caller reads."""
    response = web.StreamResponse(status=reply.status, headers=headers)
    response.content_length = len(reply.body) + reply.blanks
    await response.prepare(request)
    if pause is not None:
        for byte in reply.body:
            await asyncio.sleep(pause)
            await response.write(bytes((byte,)))
        return response
    await response.write(reply.body[:1])
    for left in range(reply.blanks, 0, -len(BLANKS)):
        await response.write(BLANKS[:left])
    await response.write(reply.body[1:])
    return response


def _head(reply: Reply, headers: Mapping[str, str]) -> bytes:
    """Status line and headers of an answer on a connection that is said to stay open."""
    try:
        phrase = HTTPStatus(reply.status).phrase
    except ValueError:
        phrase = "Unknown"
    lines = [f"HTTP/1.1 {reply.status} {phrase}", *(f"{name}: {text}" for name, text in headers.items())]
    return "\r\n".join([*lines, f"Content-Length: {len(reply.body)}", "", ""]).encode()


def _write_again(transport: asyncio.Transport, answer: bytes) -> None:
    if not transport.is_closing():
        transport.write(answer)


class Handler:
    """Both services before their sockets: what they hold, the scripts of faults and drifts, and the log."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._first_settings = store.settings
        self.faults: FaultScript = FaultScript(store.seed)
        self.drifts: DriftScript = DriftScript(store.seed)
        self.log: deque[LoggedRequest] = deque()
        self._last_read: dict[tuple[Service, str], Reply] = {}
        self._throttle: Throttle | None = None
        self.take(store.settings)

    def take(self, settings: Settings) -> None:
        """Behave by these settings from now on."""
        self.store.take(settings)
        self.log = deque(self.log, maxlen=settings.log_size)
        self._throttle = Throttle(settings.rate_limit, settings.rate_burst) if settings.rate_limit else None

    def clear(self) -> None:
        """Forget the state, the scripts and the log, and go back to the first settings."""
        self.take(self._first_settings)
        self.store.clear()
        self.faults.clear()
        self.drifts.clear()
        self.log.clear()
        self._last_read.clear()

    async def handle(
        self, request: web.BaseRequest, service: Service, path: str, route: web.UrlMappingMatchInfo
    ) -> web.StreamResponse:
        """Answer one request. It is carried out when it has arrived, before any wait: its order is that of arrival."""
        settings = self.store.settings
        key = request.headers.get(KEY_HEADERS[service])
        call = LoggedRequest(
            service=service,
            method=request.method,
            path=path,
            query=request.query,
            headers=without_secrets(request.headers),
            authorized=key == self.store.api_key,
            raw_body=b"",
        )
        wait = self._throttle.wait(time.monotonic()) if self._throttle else 0.0
        fault = None if wait else self.faults.choose(call)
        if fault is None or not fault.kind.delivery.deaf:
            call.raw_body = await read_body(request, settings.body_limit)
        self.log.append(call)
        reply = self._too_early(wait) if wait else await self._carried_out(call, route, fault)
        if settings.latency:
            await asyncio.sleep(settings.latency)
        if fault is None:
            call.status = reply.status
            return await deliver(request, reply, Delivery(), 0.0)
        call.fault = str(fault)
        reply = fault.changed(reply, key or "")
        call.status = None if fault.kind.delivery.silent else reply.status
        return await deliver(request, reply, fault.kind.delivery, fault.option.number)

    def _too_early(self, wait: float) -> Reply:
        """The 429 of the rate limit for a request that comes so many seconds too early."""
        seconds = math.ceil(wait)
        headers = {
            RetryAfter.SECONDS: {"Retry-After": str(seconds)},
            RetryAfter.DATE: {"Retry-After": formatdate(time.time() + seconds, usegmt=True)},
            RetryAfter.ABSENT: {},
        }[self.store.settings.retry_after]
        return Refused(429, "Too many requests", headers).reply(self.store.settings.error_body)

    async def _carried_out(self, call: LoggedRequest, route: web.UrlMappingMatchInfo, fault: Fault | None) -> Reply:
        """The reply to a call, with the effect that its fault asks for."""
        effect = Effect.ONCE if fault is None else fault.kind.effect
        reply = Reply(200)
        for _ in range(math.ceil(effect.value)):
            reply = await self._reply(call, route, halved=effect is Effect.PART)
        if call.method == "GET":
            if fault is not None and fault.name is FaultName.REPEAT_PAGE:
                reply = self._last_read.get((call.service, call.path), reply)
            self._last_read[call.service, call.path] = reply
        return reply

    async def _reply(self, call: LoggedRequest, route: web.UrlMappingMatchInfo, *, halved: bool) -> Reply:
        """Carry a call out, with the changes that other people make right after a read."""
        store = self.store
        store.last_read, store.agents_read = None, False
        try:
            if len(call.raw_body) > store.settings.body_limit:
                raise Refused(413, "the body is too large")
            if not call.authorized:
                raise Refused(401, NO_KEY[call.service])
            if (missing := route.http_exception) is not None:
                allowed = {name: text for name, text in missing.headers.items() if name == "Allow"}
                raise Refused(missing.status, f"Cannot {call.method} {call.path}", allowed)
            # The router takes any coroutine function; these are the ones in `CALLS`.
            perform: Perform = route.handler  # type: ignore[assignment]
            reply = await perform(store, call.halved() if halved else call, **route)
        except Refused as refused:
            return refused.reply(store.settings.error_body)
        if call.method != "GET":
            store.changes += 1
        if store.last_read is not None or store.agents_read:
            self.drifts.happen(store)
        return reply


def check_size(settings: Settings, items: list[str] | list[object]) -> None:
    """Raise `Refused` if so many items are more than one call may have."""
    if settings.batch_limit is not None and len(items) > settings.batch_limit:
        raise Refused(settings.batch_limit_status, f"at most {settings.batch_limit} items may be sent at once")


async def read_body(request: web.BaseRequest, limit: int) -> bytes:
    """The body, or just more of it than the limit allows."""
    body = bytearray()
    while len(body) <= limit and (chunk := await request.content.readany()):
        body += chunk
    return bytes(body)
