"""The OpenAPI file of both services."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

import orjson

from walead_async.testing.errors import BadSetting
from walead_async.testing.messages import Service

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["openapi"]


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
