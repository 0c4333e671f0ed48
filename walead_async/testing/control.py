"""The control address: what a program in any language sets and reads, as JSON over HTTP."""

from __future__ import annotations

from datetime import datetime
from importlib import resources
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs
import orjson
from aiohttp import web

from walead_async.testing.handler import Handler, read_body
from walead_async.testing.settings import BadSetting, Service
from walead_async.testing.store import MOST_LEADS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from walead_async.testing.drifts import DriftScript
    from walead_async.testing.faults import FaultScript

__all__ = ["CALLS", "answer", "openapi"]

#: Bytes of one request to the control address.
BODY_LIMIT = 64_000_000


@attrs.frozen
class Command:
    """What a request asks of the emulator: its JSON body, and the address that it was sent to, without a path."""

    handler: Handler
    body: object
    base_url: str


Act: TypeAlias = "Callable[[Command], Awaitable[object]]"


async def what_there_is(command: Command) -> object:
    """GET the paths and their methods."""
    there: dict[str, list[str]] = {}
    for method, path in CALLS:
        there.setdefault(path or "/", []).append(method)
    return there


async def clear(command: Command) -> object:
    """DELETE everything: begin anew."""
    command.handler.clear()
    return {}


async def health(command: Command) -> object:
    """GET a sign that it serves."""
    return {"status": "ok", "leads": len(command.handler.store.leads)}


async def settings(command: Command) -> object:
    """GET all settings."""
    return attrs.asdict(command.handler.store.settings)


async def change_settings(command: Command) -> object:
    """PUT some settings by name."""
    if not isinstance(command.body, dict):
        raise BadSetting("an object of settings by name is needed")
    command.handler.take(command.handler.store.settings.changed(command.body))
    return await settings(command)


def _script_calls(name: str, of: Callable[[Handler], FaultScript | DriftScript]) -> dict[tuple[str, str], Act]:
    """GET, POST and DELETE of the faults or of the drifts: how often each was played, more of them, or none."""

    async def played(command: Command) -> object:
        return [{name: str(one.what), "seen": one.seen, "fired": one.fired} for one in of(command.handler)]

    async def add(command: Command) -> object:
        texts = command.body.get(f"{name}s") if isinstance(command.body, dict) else None
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise BadSetting(f'an object {{"{name}s": ["…"]}} with a list of texts is needed')
        of(command.handler).add(*texts)
        return await played(command)

    async def clear(command: Command) -> object:
        of(command.handler).clear()
        return []

    return {(method, f"/{name}s"): act for method, act in (("GET", played), ("POST", add), ("DELETE", clear))}


async def requests(command: Command) -> object:
    """GET the log."""
    return [entry.as_json() for entry in command.handler.log]


async def clear_requests(command: Command) -> object:
    """DELETE the log."""
    command.handler.log.clear()
    return []


async def add_leads(command: Command) -> object:
    """POST more records, by number or by name."""
    store = command.handler.store
    leads = command.body.get("leads") if isinstance(command.body, dict) else None
    if type(leads) is int and 0 <= leads <= MOST_LEADS:
        return {"ids": [lead.id for lead in store.add_leads(leads)]}
    if not isinstance(leads, list):
        raise BadSetting(f"leads takes a number up to {MOST_LEADS}, or a list of records")
    read = [_lead(lead) for lead in leads]
    return {"ids": [store.add_leads([(name, reason)], created_at)[0].id for name, reason, created_at in read]}


async def clear_leads(command: Command) -> object:
    """DELETE all records."""
    command.handler.store.leads.clear()
    return {"ids": []}


async def state(command: Command) -> object:
    """GET all lists."""
    return orjson.Fragment(command.handler.store.state())


async def served_openapi(command: Command) -> object:
    """GET the OpenAPI document with the emulator's own addresses."""
    return openapi(servers={service: f"{command.base_url}/{service.value}" for service in Service})


#: What each path takes, by method.
CALLS: dict[tuple[str, str], Act] = {
    ("GET", ""): what_there_is,
    ("DELETE", ""): clear,
    ("GET", "/health"): health,
    ("GET", "/settings"): settings,
    ("PUT", "/settings"): change_settings,
    **_script_calls("fault", lambda handler: handler.faults),
    **_script_calls("drift", lambda handler: handler.drifts),
    ("GET", "/requests"): requests,
    ("DELETE", "/requests"): clear_requests,
    ("POST", "/leads"): add_leads,
    ("DELETE", "/leads"): clear_leads,
    ("GET", "/state"): state,
    ("GET", "/openapi.json"): served_openapi,
}


async def answer(
    handler: Handler, request: web.BaseRequest, path: str, route: web.UrlMappingMatchInfo, base_url: str
) -> web.Response:
    """Do what a request to the control address asks."""
    if problem := _refused(request, base_url):
        return web.Response(status=403, text=problem + "\n")
    body = await read_body(request, BODY_LIMIT)
    if (missing := route.http_exception) is not None:
        known = ", ".join(dict.fromkeys(path for _, path in CALLS if path))
        allowed = missing.headers.get("Allow")
        if allowed is None:
            return _json(404, {"error": f"there is no {path} below the control address, but {known}"})
        return _json(405, {"error": f"{request.method} is not allowed here, but {allowed}"}, {"Allow": allowed})
    handler.store.changes += request.method != "GET"
    try:
        wanted = orjson.loads(body) if request.method in ("PUT", "POST") else None
        act: Any = route.handler
        return _json(200, await act(Command(handler, wanted, base_url)))
    except BadSetting as error:
        return _json(400, {"error": str(error)})
    except orjson.JSONDecodeError as error:
        return _json(400, {"error": f"the body is not JSON: {error}"})


def _refused(request: web.BaseRequest, base_url: str) -> str | None:
    """Why this request is turned away, None if it is not.

    A page in a browser may not drive the emulator: not from another origin, and not under a name of its own that
    leads to 127.0.0.1.
    """
    own = {base_url, base_url.replace("127.0.0.1", "localhost")}
    if f"http://{request.headers.get('Host')}" not in own:
        return "the Host header must name 127.0.0.1 or localhost, with the port"
    if request.headers.get("Origin") not in {None, *own}:
        return "requests of web pages are not taken"
    if request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
        return "requests of web pages are not taken"
    return None


def _json(status: int, value: object, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(value), content_type="application/json", headers=headers or {})


def _lead(lead: object) -> tuple[str, str | None, datetime | None]:
    """A lead as JSON: its identifier alone, or an object as the service's own list has it, without an id."""
    if isinstance(lead, str):
        return lead, None, None
    fields = lead if isinstance(lead, dict) else {}
    name, reason, created = (fields.get(field) for field in ("publicIdentifier", "reason", "createdAt"))
    if not isinstance(name, str) or not isinstance(reason, str | None):
        raise BadSetting(f'a lead is {{"publicIdentifier", "reason"?, "createdAt"?}} or an identifier, not {lead!r}')
    try:
        created_at = None if created is None else datetime.fromisoformat(created)
    except (TypeError, ValueError):
        raise BadSetting(f"createdAt takes an ISO 8601 time, not {created!r}") from None
    if created_at is not None and created_at.tzinfo is None:
        raise BadSetting(f"createdAt needs an offset from UTC: {created!r}")
    return name, reason, created_at


def openapi(service: Service | str | None = None, *, servers: Mapping[Service, str] | None = None) -> dict[str, object]:
    """The OpenAPI 3.1 document of both services, or of one of them, as plain values.

    What no vendor page says is marked with `x-unknown`. `servers` replaces the vendors' base URLs, one for each service
    that is asked for. Raises `BadSetting` for a service that is none.
    """
    if service is not None and service not in list(Service):
        raise BadSetting(f"there is no service {service!r}; known are {', '.join(Service)}")
    text = resources.files("walead_async.testing").joinpath("openapi.json").read_bytes()
    document: dict[str, object] = orjson.loads(text)
    paths = document["paths"]
    assert isinstance(paths, dict)
    kept = {path: item for path, item in paths.items() if service is None or item["x-service"] == service}
    for item in kept.values():
        if servers:
            item["servers"] = [{"url": servers[Service(item["x-service"])]}]
    document["paths"] = kept
    if service is not None and kept:
        document["servers"] = next(iter(kept.values()))["servers"]
    return document
