"""A plain client that asks an emulator, without retries and with a connection for each request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import attrs
import orjson

from walead_async.testing import Emulator

LIST = "/v1/blocked-leads"


@attrs.frozen
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def names(self) -> list[str]:
        return [record["publicIdentifier"] for record in self.json]


@attrs.frozen
class Asker:
    """A client without retries, each request on a connection of its own."""

    emulator: Emulator
    http: aiohttp.ClientSession

    async def walead(
        self, method: str, path: str = LIST, *, json: object = None, key: str | None = None, **query: object
    ) -> Answer:
        headers = {"x-api-key": self.emulator.api_key if key is None else key}
        return await self.send(method, self.emulator.walead_url + path, headers, json, query)

    async def phonely(
        self,
        method: str,
        path: str = "/agent-block-list",
        *,
        json: object = None,
        key: str | None = None,
        **query: object,
    ) -> Answer:
        headers = {"X-Authorization": self.emulator.api_key if key is None else key}
        return await self.send(method, self.emulator.phonely_url + path, headers, json, query)

    async def control(
        self, method: str, path: str, *, json: object = None, headers: dict[str, str] | None = None
    ) -> Answer:
        return await self.send(method, self.emulator.control_url + path, headers or {}, json, {})

    async def send(
        self, method: str, url: str, headers: dict[str, str], json: object, query: dict[str, object]
    ) -> Answer:
        body = None if json is None else orjson.dumps(json)
        params = {name: str(value) for name, value in query.items()}
        async with self.http.request(
            method, url, headers=headers, data=body, params=params, allow_redirects=False
        ) as answer:
            return Answer(answer.status, dict(answer.headers), await answer.read())

    async def block(self, *names: str) -> Answer:
        return await self.walead("POST", json={"leads": [{"publicIdentifier": name} for name in names]})


Start = Callable[..., Awaitable[Asker]]
