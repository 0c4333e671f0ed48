"""What happens to one request of a service: log it, choose a fault, carry it out, answer it."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from email.utils import formatdate
from typing import TYPE_CHECKING

import orjson

from walead_async.testing import phonely, walead
from walead_async.testing.drifts import DriftScript
from walead_async.testing.faults import FaultScript
from walead_async.testing.log import LoggedRequest, without_secrets
from walead_async.testing.messages import Call, Refused, Reply, Service, refusal
from walead_async.testing.rate import Gate
from walead_async.testing.settings import RetryAfter
from walead_async.testing.spoil import SPOILERS
from walead_async.testing.vocabulary import Delivery, Effect, FaultName
from walead_async.testing.wire import deliver

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

    from walead_async.testing.faults import Fault
    from walead_async.testing.settings import Settings
    from walead_async.testing.world import World

__all__ = ["Front", "read_body"]

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
