"""Any other call of the same API: what a caller gives is checked, and becomes a request below the base URL."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING
from unicodedata import normalize
from urllib.parse import quote, unquote, urlencode

import orjson

from walead_async.errors import InvalidInputError
from walead_async.identifiers import kind_of
from walead_async.transport.messages import Request

if TYPE_CHECKING:
    from typing import TypeAlias

__all__ = ["Param", "other_call"]

#: What a parameter of a query may be; None leaves it out.
Param: TypeAlias = "str | int | float | bool | None"

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
#: Slashes with something between them, in what RFC 3986 allows in a path.
_PATH = re.compile(r"(?:/(?:[\w.~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})+)+/?", re.ASCII).fullmatch
#: What no part of a path may hold, however often it is encoded: it would end the part, the path or the request line.
_ENDS = re.compile(r"[/\\?#\x00-\x1f\x7f\ufffd]").search
#: How often a server or a gateway on the way might decode a path.
MAX_ENCODINGS = 8


def other_call(
    method: object, path: object, params: Mapping[str, Param] | None, json: object, *, repeatable: bool
) -> Request:
    """The request of these; GET may always be repeated. Raises `InvalidInputError`."""
    name = method.upper() if isinstance(method, str) else None
    if name not in METHODS:
        raise InvalidInputError(f"the method is one of {', '.join(METHODS)}, not {method!r}")
    if not isinstance(repeatable, bool):
        raise InvalidInputError(f"repeatable is True or False, not {repeatable!r}")
    body = None if json is None else _encoded(json)
    return Request(name, _checked_path(path), _query(params), body, repeatable or name == "GET")


def _checked_path(path: object) -> str:
    """A path below the base URL and nothing else, however a server may read it."""
    if not isinstance(path, str):
        raise InvalidInputError(f"the path is {kind_of(path)}, not text: give one such as /v1/campaigns/ID")
    if not path.startswith("/") or _PATH(path) is None:
        raise InvalidInputError(
            f"{path[:200]!r} is no path below the session's base URL: it begins with one slash, has neither host nor "
            "query (params= takes that), and urllib.parse.quote(part, safe='') writes what else an id may hold"
        )
    for part in path.removesuffix("/").split("/")[1:]:
        _refuse_what_leaves_its_place(part)
    return str.__str__(path)


def _refuse_what_leaves_its_place(part: str) -> None:
    """Raise for a part of a path that a server, decoding it, would take for another one, a query or a step up."""
    read = part
    for _ in range(MAX_ENCODINGS):
        # some servers leave out what follows a semicolon
        if read.partition(";")[0].strip() in {"", ".", ".."} or _ENDS(read):
            raise InvalidInputError(
                f"{part[:200]!r} in the path would lead elsewhere on the server: a part holds no '..', no slash, "
                "question mark or control character, encoded ones included"
            )
        if (decoded := normalize("NFKC", unquote(read))) == read:
            return
        read = decoded
    raise InvalidInputError(f"{part[:200]!r} in the path is percent-encoded more than {MAX_ENCODINGS - 1} times")


def _query(params: Mapping[str, Param] | None) -> str:
    if params is None:
        return ""
    if not isinstance(params, Mapping):
        raise InvalidInputError(f"params is a mapping of names to values, not {type(params).__name__}")
    pairs = [(name, _as_text(name, value)) for name, value in params.items() if value is not None]
    try:
        return urlencode(pairs, safe="", quote_via=quote)
    except UnicodeEncodeError:
        raise InvalidInputError("a parameter is not proper Unicode text") from None


def _as_text(name: object, value: object) -> str:
    if not isinstance(name, str) or not name:
        raise InvalidInputError(f"a parameter's name is text, not {name!r}")
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, (str, int, float)):
        raise InvalidInputError(f"the parameter {name!r} is {kind_of(value)}: give text or a number")
    return str.__str__(value) if isinstance(value, str) else str(value)


def _encoded(json: object) -> bytes:
    try:
        return orjson.dumps(json)
    except TypeError as error:
        why = str(error)
    # without orjson's error, which may hold what was given
    raise InvalidInputError(f"json cannot be written as JSON: {why}")
