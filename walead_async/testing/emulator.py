"""`Emulator`: both services on one port of 127.0.0.1, and everything a test wants to see and set."""

from __future__ import annotations

import asyncio
import posixpath
from typing import TYPE_CHECKING, Self, TypeVar

from aiohttp import web

from walead_async.testing import control
from walead_async.testing.handler import Front, read_body
from walead_async.testing.replies import Service
from walead_async.testing.settings import BadSetting, Settings, check_whole
from walead_async.testing.store import MOST_LEADS, Keeper, World, load

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from pathlib import Path

    from walead_async.testing.drifts import Drift, DriftScript
    from walead_async.testing.faults import Fault, FaultScript
    from walead_async.testing.handler import LoggedRequest
    from walead_async.testing.store import LeadList

__all__ = ["Emulator"]

HOST = "127.0.0.1"
#: Connections that may wait to be taken: thousands of callers begin at once.
BACKLOG = 4096
LARGEST_SEED = 2**63
SERVICES = {service.value: service for service in Service}

What = TypeVar("What")


class Emulator:
    """Both services, served on 127.0.0.1 as long as the `async with` block runs.

    `settings` say how they behave where no vendor page does. `leads` records stand in the workspace's list at the
    start, `lead-0000001` and so on, at most 10,000,000. The same `seed`, a whole number from 0, gives the same ids,
    orders, faults and drifts again. `api_key` is the one key that both services take, `uid` a user id for Phonely.
    `port` 0 takes a free one. `state` is a file that keeps the records: if it exists, it is read and `leads` adds
    nothing; it is written as they change and at the end. `faults` and `drifts` are played from the first request on,
    given as values or as text. Raises `BadSetting` for a wrong value, and for a state that cannot be read.
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
        state: Path | None = None,
        faults: Iterable[Fault | str] = (),
        drifts: Iterable[Drift | str] = (),
    ) -> None:
        check_whole("leads", leads, MOST_LEADS)
        check_whole("port", port, 65_535)
        check_whole("seed", seed, LARGEST_SEED)
        if state is not None and not state.parent.is_dir():
            raise BadSetting(f"there is no directory {str(state.parent)!r} for the state")
        self._front = Front(World(settings or Settings(), seed=seed, api_key=api_key, uid=uid))
        self._front.faults.add(*_several("faults", faults))
        self._front.drifts.add(*_several("drifts", drifts))
        if state is None or not load(self._front.world, state):
            self._front.world.fill(leads)
        self._port = port
        self._state = state
        self._keeper: Keeper | None = None
        self._runner: web.ServerRunner | None = None
        self._answering: set[asyncio.Transport] = set()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def start(self) -> None:
        """Begin to listen, as `async with` does. Raises `OSError` if the port is taken, `BadSetting` if it listens."""
        if self._runner is not None:
            raise BadSetting("this emulator is serving already: use it as it is, or make another")
        server = web.Server(self._handle, handler_cancellation=True, access_log=None)
        runner = web.ServerRunner(server, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, HOST, self._port, backlog=BACKLOG).start()
        except BaseException:
            await runner.cleanup()
            raise
        self._runner = runner
        self._port = runner.addresses[0][1]
        if self._state is not None:
            self._keeper = Keeper(self._front.world, self._state)

    async def aclose(self) -> None:
        """Stop listening, drop every connection, also those that wait for an answer, and save the state; twice is once.

        What it holds can still be read. Raises `OSError` if the state cannot be saved.
        """
        runner, self._runner = self._runner, None
        if runner is None:
            return
        # A handler ends when its connection is gone; a closed one would first send all that a slow reader left.
        for transport in self._answering:
            transport.abort()
        await runner.cleanup()
        # The transports close their sockets in the next round of the event loop.
        await asyncio.sleep(0)
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            await keeper.aclose()

    @property
    def port(self) -> int:
        """The port it listens on; before the start, the one that was asked for."""
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
        """The key that both services take; assign another to see an old one refused."""
        return self._front.world.api_key

    @api_key.setter
    def api_key(self, api_key: str) -> None:
        self._front.world.api_key = api_key

    @property
    def uid(self) -> str:
        """A user id for Phonely. Any other is taken too, unless `settings.users` names those that may be."""
        return self._front.world.uid

    @property
    def settings(self) -> Settings:
        """The settings in force; assign others at any time. The records stay, and the next request meets them."""
        return self._front.world.settings

    @settings.setter
    def settings(self, settings: Settings) -> None:
        self._front.take(settings)

    @property
    def requests(self) -> list[LoggedRequest]:
        """The requests to both services in the order of arrival, the last `settings.log_size` of them."""
        return list(self._front.log)

    @property
    def faults(self) -> FaultScript:
        """The faults to play: `emulator.faults.add("DELETE#3:apply-then-close")`."""
        return self._front.faults

    @property
    def drifts(self) -> DriftScript:
        """The changes that other people make meanwhile: `emulator.drifts.add("remove-random=1")`."""
        return self._front.drifts

    def unfired_faults(self) -> list[Fault]:
        """The faults that were never played: a test that set them up did not test what it meant to."""
        return self._front.faults.unfired()

    @property
    def blocked_leads(self) -> LeadList:
        """The workspace's list, as it is now."""
        return self._front.world.leads

    @property
    def campaigns(self) -> dict[str, LeadList]:
        """The campaigns' lists by id, those that were ever blocked in."""
        return self._front.world.campaigns

    @property
    def agents(self) -> dict[str, dict[str, None]]:
        """The numbers of each agent by its id; the keys of the inner dict are the numbers, in order."""
        return self._front.world.agents

    def add_leads(
        self, leads: int | Iterable[str | tuple[str, str | None]], created_at: datetime | None = None
    ) -> list[str]:
        """Add records to the workspace's list, whoever is there already, and return their ids.

        `leads` is a number, or identifiers, or pairs of identifier and reason. A number makes `lead-0000001` and so
        on, counted on from the records ever made. `created_at`, aware, is that of each; by default each has the time of
        the emulator's own clock, `settings.clock_step` seconds after the one before. Raises `BadSetting`.
        """
        return self._front.world.add_leads(leads, created_at)

    def clear(self) -> None:
        """Begin anew: nothing in any list, script or log, the settings and the luck of the start. The key stays."""
        self._front.clear()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        transport = request.transport
        if transport is None:
            raise ConnectionResetError("the caller is gone")
        self._answering.add(transport)
        try:
            return await self._dispatch(request)
        finally:
            self._answering.discard(transport)
            if self._keeper is not None:
                self._keeper.notice()

    async def _dispatch(self, request: web.BaseRequest) -> web.StreamResponse:
        name, _, path = _resolved(request.path)[1:].partition("/")
        if name in SERVICES:
            return await self._front.handle(request, SERVICES[name], "/" + path)
        if name != "control":
            return web.Response(status=404, text="there are /walead, /phonely and /control here\n")
        problem = control.refused(request, self._port)
        if problem is not None:
            return web.Response(status=403, text=problem + "\n")
        body = await read_body(request, control.BODY_LIMIT)
        return control.answer(self._front, request.method, "/" + path, body, f"http://{HOST}:{self._port}")


def _several(name: str, given: Iterable[What]) -> Iterable[What]:
    """What was given, which must not be one bare text: it would be taken letter by letter."""
    if isinstance(given, str):
        raise BadSetting(f"{name} takes a list, such as [{given!r}]")
    return given


def _resolved(path: str) -> str:
    """A path without `.` and `..`, as the proxies in front of real services make it."""
    return posixpath.normpath(path) if "/." in path else path
