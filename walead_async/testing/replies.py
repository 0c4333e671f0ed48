"""Plain values for one call of an emulated service: what was asked, what is answered."""

from __future__ import annotations

from enum import StrEnum
from http import HTTPStatus
from typing import TYPE_CHECKING

import attrs
import orjson

from walead_async.testing.settings import ErrorBody

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Call", "Refused", "Reply", "Service", "answer", "refusal"]

JSON_TYPE = "application/json; charset=utf-8"


class Service(StrEnum):
    """The two services: WaLead for LinkedIn messages, Phonely for voice agents."""

    WALEAD = "walead"
    PHONELY = "phonely"


@attrs.frozen
class Call:
    """A request to a service. `path` is decoded and stands below the service's base URL; `key` is the API key given."""

    service: Service
    method: str
    path: str
    query: Mapping[str, str]
    key: str | None
    body: bytes


@attrs.frozen
class Reply:
    """An answer, before it has a socket. So many `blanks` are sent behind the first byte of the body."""

    status: int
    body: bytes = b""
    content_type: str = JSON_TYPE
    headers: Mapping[str, str] = attrs.field(factory=dict)
    blanks: int = 0


class Refused(Exception):
    """A call that is answered with an error status."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers or {}


def answer(body: object, status: int = 200) -> Reply:
    """A reply with a JSON body."""
    return Reply(status, orjson.dumps(body))


def refusal(status: int, message: str, shape: ErrorBody, headers: Mapping[str, str] | None = None) -> Reply:
    """An error reply in one of the shapes that a service may use."""
    phrase = HTTPStatus(status).phrase
    bodies: dict[ErrorBody, object] = {
        ErrorBody.NEST: {"statusCode": status, "message": message, "error": phrase},
        ErrorBody.NEST_LIST: {"statusCode": status, "message": [message], "error": phrase},
        ErrorBody.SUCCESS: {"success": False, "message": message},
        ErrorBody.ERROR: {"error": message},
        ErrorBody.NESTED: {"error": {"code": phrase.upper().replace(" ", "_"), "message": message}},
    }
    if shape is ErrorBody.TEXT:
        return Reply(status, message.encode(), "text/plain; charset=utf-8", headers or {})
    if shape is ErrorBody.EMPTY:
        return Reply(status, b"", headers=headers or {})
    return Reply(status, orjson.dumps(bodies[shape]), headers=headers or {})
