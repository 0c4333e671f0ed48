"""The control address: what a program in any language sets and reads, as JSON over HTTP."""

from __future__ import annotations

from datetime import datetime
from importlib import resources
from typing import TYPE_CHECKING

import attrs
import orjson
from aiohttp import web

from walead_async.testing.replies import Service
from walead_async.testing.settings import BadSetting
from walead_async.testing.store import MOST_LEADS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from walead_async.testing.handler import Front

__all__ = ["BODY_LIMIT", "answer", "openapi", "refused"]

#: Bytes of one request to the control address.
BODY_LIMIT = 64_000_000


def refused(request: web.BaseRequest, port: int) -> str | None:
    """Why this request is turned away, None if it is not.

    A page in a browser may not drive the emulator: not from another origin, and not under a name of its own that
    leads to 127.0.0.1.
    """
    hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost")}
    if request.headers.get("Host") not in hosts:
        return "the Host header must name 127.0.0.1 or localhost, with the port"
    origin = request.headers.get("Origin")
    if origin is not None and origin not in {f"http://{host}" for host in hosts}:
        return "requests of web pages are not taken"
    if request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
        return "requests of web pages are not taken"
    return None


def answer(front: Front, method: str, path: str, body: bytes, base_url: str) -> web.Response:
    """Do what a request to the control address asks. `base_url` is the emulator's own, without a path."""
    if path == "/openapi.json":
        return _json(200, openapi(servers={service: f"{base_url}/{service.value}" for service in Service}))
    methods = ROUTES.get(path.rstrip("/"))
    if methods is None:
        known = ", ".join(filter(None, ROUTES))
        return _json(404, {"error": f"there is no {path} below the control address, but {known} and /openapi.json"})
    act = methods.get(method)
    if act is None:
        allowed = ", ".join(methods)
        return _json(405, {"error": f"{method} is not allowed here, but {allowed}"}, {"Allow": allowed})
    try:
        wanted = orjson.loads(body) if method in ("PUT", "POST") else None
        return _json(200, act(front, wanted))
    except BadSetting as error:
        return _json(400, {"error": str(error)})
    except orjson.JSONDecodeError as error:
        return _json(400, {"error": f"the body is not JSON: {error}"})


def _json(status: int, value: object, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(value), content_type="application/json", headers=headers or {})


def _health(front: Front, _: object) -> object:
    return {"status": "ok", "leads": len(front.world.leads)}


def _settings(front: Front, _: object) -> object:
    return attrs.asdict(front.world.settings)


def _change_settings(front: Front, wanted: object) -> object:
    if not isinstance(wanted, dict):
        raise BadSetting("an object of settings by name is needed")
    front.take(front.world.settings.changed(wanted))
    return _settings(front, None)


def _faults(front: Front, _: object) -> object:
    return [{"fault": str(one.what), "seen": one.seen, "fired": one.fired} for one in front.faults]


def _add_faults(front: Front, wanted: object) -> object:
    front.faults.add(*_texts(wanted, "faults"))
    return _faults(front, None)


def _clear_faults(front: Front, _: object) -> object:
    front.faults.clear()
    return []


def _drifts(front: Front, _: object) -> object:
    return [{"drift": str(one.what), "seen": one.seen, "fired": one.fired} for one in front.drifts]


def _add_drifts(front: Front, wanted: object) -> object:
    front.drifts.add(*_texts(wanted, "drifts"))
    return _drifts(front, None)


def _clear_drifts(front: Front, _: object) -> object:
    front.drifts.clear()
    return []


def _requests(front: Front, _: object) -> object:
    return [entry.as_json() for entry in front.log]


def _clear_requests(front: Front, _: object) -> object:
    front.log.clear()
    return []


def _state(front: Front, _: object) -> object:
    return orjson.Fragment(front.world.state())


def _add_leads(front: Front, wanted: object) -> object:
    leads = wanted.get("leads") if isinstance(wanted, dict) else None
    if type(leads) is int and 0 <= leads <= MOST_LEADS:
        return {"ids": front.world.add_leads(leads)}
    if not isinstance(leads, list):
        raise BadSetting(f"leads takes a number up to {MOST_LEADS}, or a list of records")
    read = [_lead(lead) for lead in leads]
    ids = [front.world.add_leads([(name, reason)], created_at)[0] for name, reason, created_at in read]
    return {"ids": ids}


def _clear_leads(front: Front, _: object) -> object:
    front.world.leads.clear()
    front.world.changes += 1
    return {"ids": []}


def _clear(front: Front, _: object) -> object:
    front.clear()
    return {}


def _what_there_is(front: Front, _: object) -> object:
    return {**{path or "/": list(methods) for path, methods in ROUTES.items()}, "/openapi.json": ["GET"]}


#: What each path takes, by method.
ROUTES: dict[str, dict[str, Callable[[Front, object], object]]] = {
    "": {"GET": _what_there_is, "DELETE": _clear},
    "/health": {"GET": _health},
    "/settings": {"GET": _settings, "PUT": _change_settings},
    "/faults": {"GET": _faults, "POST": _add_faults, "DELETE": _clear_faults},
    "/drifts": {"GET": _drifts, "POST": _add_drifts, "DELETE": _clear_drifts},
    "/requests": {"GET": _requests, "DELETE": _clear_requests},
    "/leads": {"POST": _add_leads, "DELETE": _clear_leads},
    "/state": {"GET": _state},
}


def _texts(wanted: object, field: str) -> list[str]:
    texts = wanted.get(field) if isinstance(wanted, dict) else None
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise BadSetting(f'an object {{"{field}": ["…"]}} with a list of texts is needed')
    return texts


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
