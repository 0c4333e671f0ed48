"""`Emulator`: both services on one port of 127.0.0.1, and everything a test wants to see and set."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Self

from aiohttp import web

from walead_async.testing import phonely, walead
from walead_async.testing.errors import BadSetting
from walead_async.testing.log import LoggedRequest, without_secrets
from walead_async.testing.messages import Call, Refused, Reply, Service, refusal
from walead_async.testing.settings import Settings
from walead_async.testing.world import World

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from walead_async.testing.leads import LeadList

__all__ = ["Emulator"]

HOST = "127.0.0.1"
KEY_HEADERS = {Service.WALEAD: "x-api-key", Service.PHONELY: "X-Authorization"}
CARRIERS = {Service.WALEAD: walead.carry_out, Service.PHONELY: phonely.carry_out}


class Emulator:
    """Both services, served on 127.0.0.1 as long as the `async with` block runs.

    `leads` records stand in the workspace's list at the start; the same `seed` gives the same ids, orders and faults
    again. `port` 0 takes a free one. Raises `BadSetting` for a wrong value.
    """

    def __init__(
        self,
        *,
        settings: Settings | None = None,
        leads: int = 0,
        seed: int = 0,
        api_key: str = "emulator-key",
        uid: str = "emulator-user",
        port: int = 0,
    ) -> None:
        if leads < 0:
            raise BadSetting(f"leads takes a number from 0, not {leads}")
        self._world = World(settings or Settings(), seed=seed, api_key=api_key, uid=uid)
        self._world.add_leads(leads)
        self._log: deque[LoggedRequest] = deque(maxlen=self.settings.log_size)
        self._port = port
        self._runner: web.ServerRunner | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def start(self) -> None:
        """Begin to listen. Raises `OSError` if the port is taken."""
        server = web.Server(self._handle, handler_cancellation=True, access_log=None)
        self._runner = web.ServerRunner(server, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def aclose(self) -> None:
        """Stop listening and drop every connection, also those that wait for an answer."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._port

    @property
    def walead_url(self) -> str:
        """The base URL of WaLead: `{walead_url}/v1/blocked-leads` is its list."""
        return f"http://{HOST}:{self._port}/walead"

    @property
    def phonely_url(self) -> str:
        """The base URL of Phonely: `{phonely_url}/agent-block-list` is its list."""
        return f"http://{HOST}:{self._port}/phonely"

    @property
    def control_url(self) -> str:
        """Where a program in any language sets and reads what this object does."""
        return f"http://{HOST}:{self._port}/control"

    @property
    def api_key(self) -> str:
        """The key that both services take."""
        return self._world.api_key

    @property
    def uid(self) -> str:
        """The user id that Phonely takes."""
        return self._world.uid

    @property
    def settings(self) -> Settings:
        """The settings in force; assign others at any time."""
        return self._world.settings

    @settings.setter
    def settings(self, settings: Settings) -> None:
        self._world.take(settings)
        self._log = deque(self._log, maxlen=settings.log_size)

    @property
    def requests(self) -> list[LoggedRequest]:
        """The requests to both services, in the order of arrival."""
        return list(self._log)

    @property
    def blocked_leads(self) -> LeadList:
        """The workspace's list."""
        return self._world.leads

    @property
    def campaigns(self) -> dict[str, LeadList]:
        """The campaigns' lists by id, those that were ever blocked in."""
        return self._world.campaigns

    @property
    def agents(self) -> dict[str, dict[str, None]]:
        """The numbers of each agent by its id; the keys of the inner dict are the numbers, in order."""
        return self._world.agents

    def add_leads(
        self, leads: int | Iterable[str | tuple[str, str | None]], created_at: datetime | None = None
    ) -> list[str]:
        """Add records to the workspace's list and return their ids; see `World.add_leads`."""
        return self._world.add_leads(leads, created_at)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        prefix, _, rest = request.path.removeprefix("/").partition("/")
        try:
            service = Service(prefix)
        except ValueError:
            return web.Response(status=404, text="there is /walead, /phonely and /control here\n")
        call = Call(
            service=service,
            method=request.method,
            path="/" + rest,
            query=request.query,
            key=request.headers.get(KEY_HEADERS[service]),
            body=await self._body(request),
        )
        entry = LoggedRequest(
            service=service,
            method=call.method,
            path=call.path,
            query=call.query,
            headers=without_secrets(request.headers),
            authorized=call.key == self.api_key,
            raw_body=call.body,
        )
        self._log.append(entry)
        reply = self._carry_out(call)
        if self.settings.latency:
            await asyncio.sleep(self.settings.latency)
        entry.status = reply.status
        return web.Response(
            status=reply.status, body=reply.body, headers={"Content-Type": reply.content_type, **reply.headers}
        )

    def _carry_out(self, call: Call) -> Reply:
        if len(call.body) > self.settings.body_limit:
            return refusal(413, "the body is too large", self.settings.error_body)
        try:
            return CARRIERS[call.service](self._world, call)
        except Refused as refused:
            return refusal(refused.status, refused.message, self.settings.error_body, refused.headers)

    async def _body(self, request: web.BaseRequest) -> bytes:
        """The body, or just more of it than the limit allows."""
        body = bytearray()
        while chunk := await request.content.readany():
            body += chunk
            if len(body) > self.settings.body_limit:
                break
        return bytes(body)
