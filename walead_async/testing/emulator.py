"""`Emulator`: both services on one port of 127.0.0.1, and everything a test wants to see and set."""

from __future__ import annotations

import asyncio
import logging
import posixpath
import signal
from typing import TYPE_CHECKING, Any, Self, TypeVar

from aiohttp import web

from walead_async.testing import control, phonely, walead
from walead_async.testing.handler import Handler
from walead_async.testing.settings import BadSetting, Service, Settings, check_whole
from walead_async.testing.store import MOST_LEADS, StateFile, Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime
    from pathlib import Path

    from walead_async.testing.drifts import Drift, DriftScript
    from walead_async.testing.faults import Fault, FaultScript
    from walead_async.testing.handler import LoggedRequest
    from walead_async.testing.store import LeadList

__all__ = ["Emulator", "run_emulator"]

HOST = "127.0.0.1"
#: Connections that may wait to be taken: thousands of callers begin at once.
BACKLOG = 4096
LARGEST_SEED = 2**63
CONTROL = "control"

log: logging.Logger = logging.getLogger(__name__)

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
        store = Store(settings or Settings(), seed=seed, api_key=api_key, uid=uid)
        self._handler = Handler(store)
        self._handler.faults.add(*_several("faults", faults))
        self._handler.drifts.add(*_several("drifts", drifts))
        if state is None or not StateFile.load(store, state):
            store.add_leads(leads)
        self._port = port
        self._state = state
        self._state_file: StateFile | None = None
        self._saving: asyncio.Task[None] | None = None
        self._runner: web.ServerRunner | None = None
        self._answering: set[asyncio.Transport] = set()

    def __repr__(self) -> str:
        state = "closed" if self._runner is None else f"on port {self._port}"
        return f"<Emulator {state}, {len(self.blocked_leads)} blocked, {len(self._handler.log)} requests>"

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
            self._state_file = StateFile(self._handler.store, self._state)
            self._saving = asyncio.create_task(self._state_file.keep())

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
        if self._state_file is not None and self._saving is not None:
            self._state_file.end()
            await self._saving

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
        return self._handler.store.api_key

    @api_key.setter
    def api_key(self, api_key: str) -> None:
        self._handler.store.api_key = api_key

    @property
    def uid(self) -> str:
        """A user id for Phonely. Any other is taken too, unless `settings.users` names those that may be."""
        return self._handler.store.uid

    @property
    def settings(self) -> Settings:
        """The settings in force; assign others at any time. The records stay, and the next request meets them."""
        return self._handler.store.settings

    @settings.setter
    def settings(self, settings: Settings) -> None:
        self._handler.take(settings)

    @property
    def requests(self) -> list[LoggedRequest]:
        """The requests to both services in the order of arrival, the last `settings.log_size` of them."""
        return list(self._handler.log)

    @property
    def faults(self) -> FaultScript:
        """The faults to play: `emulator.faults.add("DELETE#3:apply-then-close")`."""
        return self._handler.faults

    @property
    def drifts(self) -> DriftScript:
        """The changes that other people make meanwhile: `emulator.drifts.add("remove-random=1")`."""
        return self._handler.drifts

    def unfired_faults(self) -> list[Fault]:
        """The faults that were never played: a test that set them up did not test what it meant to."""
        return self._handler.faults.unfired()

    @property
    def blocked_leads(self) -> LeadList:
        """The workspace's list, as it is now."""
        return self._handler.store.leads

    @property
    def campaigns(self) -> dict[str, LeadList]:
        """The campaigns' lists by id, those that were ever blocked in."""
        return self._handler.store.campaigns

    @property
    def named_campaigns(self) -> dict[str, tuple[str, str]]:
        """The name and status of campaigns by id; one that is not here is `("Campaign {id}", "active")`.

        `emulator.named_campaigns["c1"] = ("Spring", "paused")` sets them. A state file does not keep them.
        """
        return self._handler.store.named_campaigns

    @property
    def conversations(self) -> list[dict[str, object]]:
        """The conversations, which the service gives by 15 a page: `emulator.conversations.append({"urn": "u-1"})`."""
        return self._handler.store.conversations

    @property
    def hooks(self) -> list[dict[str, str]]:
        """The addresses that are to be told of events: each a `url` and a `type`. Nothing is ever sent to them."""
        return self._handler.store.hooks

    @property
    def agents(self) -> dict[str, dict[str, None]]:
        """The numbers of each agent by its id; the keys of the inner dict are the numbers, in order."""
        return self._handler.store.agents

    def add_leads(
        self,
        leads: int | Iterable[str | tuple[str, str | None]],
        created_at: datetime | None = None,
        *,
        campaign: str | None = None,
    ) -> list[str]:
        """Add records to the workspace's list or a campaign's, whoever is there already, and return their ids.

        `leads` is a number, or identifiers, or pairs of identifier and reason. A number makes `lead-0000001` and so
        on, counted on from the records ever made. `created_at`, aware, is that of each; by default each has the time of
        the emulator's own clock, `settings.clock_step` seconds after the one before. Raises `BadSetting`.
        """
        store = self._handler.store
        into = store.leads if campaign is None else store.campaign(campaign)
        return [lead.id for lead in store.add_leads(leads, created_at, into=into)]

    def clear(self) -> None:
        """Begin anew: nothing in any list, script or log, the settings and the luck of the start. The key stays."""
        self._handler.clear()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        transport = request.transport
        if transport is None:
            raise ConnectionResetError("the caller is gone")
        self._answering.add(transport)
        try:
            path = _resolved(request.path)
            asked = request if path == request.path else request.clone(rel_url=request.rel_url.with_path(path))
            # The router reads no more of a request than any request has.
            route = await ROUTES.resolve(asked)  # type: ignore[arg-type]
            return await self._dispatch(request, path, route)
        finally:
            self._answering.discard(transport)

    async def _dispatch(
        self, request: web.BaseRequest, path: str, route: web.UrlMappingMatchInfo
    ) -> web.StreamResponse:
        first, _, below = path[1:].partition("/")
        if first == CONTROL:
            base_url = f"http://{HOST}:{self._port}"
            return await control.answer(self._handler, request, f"/{below}", route, base_url)
        if first in list(Service):
            return await self._handler.handle(request, Service(first), f"/{below}", route)
        return web.Response(status=404, text="there are /walead, /phonely and /control here\n")


def _routes() -> web.UrlDispatcher:
    """Every call of both services and of the control address, each with the function that carries it out."""
    routes = web.UrlDispatcher()
    rooms: dict[str, dict[tuple[str, str], Any]] = {
        Service.WALEAD: walead.CALLS,
        Service.PHONELY: phonely.CALLS,
        CONTROL: control.CALLS,
    }
    for room, calls in rooms.items():
        for (method, path), perform in calls.items():
            routes.add_route(method, f"/{room}{path}", perform)
    return routes


ROUTES = _routes()


def _several(name: str, given: Iterable[What]) -> Iterable[What]:
    """What was given, which must not be one bare text: it would be taken letter by letter."""
    if isinstance(given, str):
        raise BadSetting(f"{name} takes a list, such as [{given!r}]")
    return given


def _resolved(path: str) -> str:
    """A path without `.` and `..`, as the proxies in front of real services make it, and no / behind a control path."""
    resolved = posixpath.normpath(path) if "/." in path else path
    return resolved.rstrip("/") if resolved.startswith(f"/{CONTROL}") else resolved


def run_emulator(
    *,
    port: int,
    leads: int,
    page_size: int,
    latency: float,
    stale: float = 0.0,
    state: Path | None,
    faults: Sequence[str],
    drifts: Sequence[str],
    seed: int,
    ready: Callable[[dict[str, str]], None],
) -> None:
    """Serve an emulator until SIGINT or SIGTERM, as `walead emulator` does; only in the main thread.

    `page_size` (records), `latency` and `stale` (seconds) are those of `Settings`, the others those of `Emulator`.
    `ready` is called once requests are taken, with `walead_url`, `phonely_url`, `control_url` and `api_key`. A fault or
    drift that was never played is told at the end, as a warning of the logger `walead_async.testing.emulator`. Raises
    `BadSetting` for a wrong option, a port that is taken, or a state that cannot be read or saved.
    """
    emulator = Emulator(
        settings=Settings(page_size=page_size, latency=latency, stale=stale),
        leads=leads,
        seed=seed,
        port=port,
        state=state,
        faults=faults,
        drifts=drifts,
    )
    asyncio.run(_serve(emulator, ready))


async def _serve(emulator: Emulator, ready: Callable[[dict[str, str]], None]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        await emulator.start()
    except OSError as error:
        raise BadSetting(f"port {emulator.port} cannot be listened on: {error.strerror}") from None
    try:
        names = ("walead_url", "phonely_url", "control_url", "api_key")
        ready({name: getattr(emulator, name) for name in names})
        await stop.wait()
        for unfired in (*emulator.unfired_faults(), *emulator.drifts.unfired()):
            log.warning("never played: %s", unfired)
    finally:
        try:
            await emulator.aclose()
        except OSError as error:
            raise BadSetting(f"the state was not saved: {error.strerror}") from None
