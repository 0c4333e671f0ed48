"""What was asked of the emulator: one value a request, without keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping

    from walead_async.testing.messages import Service

__all__ = ["LoggedRequest", "without_secrets"]

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
