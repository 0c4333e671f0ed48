"""Answers that nobody wants: each fault of the body as a function from a good reply to a bad one."""

from __future__ import annotations

import gzip
import json
import zlib
from functools import lru_cache
from typing import TYPE_CHECKING

import attrs

from walead_async.testing.messages import JSON_TYPE, Reply, answer
from walead_async.testing.vocabulary import FaultName

if TYPE_CHECKING:
    from collections.abc import Callable

    from walead_async.testing.vocabulary import Option

__all__ = ["SPOILERS"]

#: A decoded JSON value.
Json = object
#: In an answer that is no list of records, the field that `missing-field` and `wrong-type` mean if none is named.
ANSWER_FIELDS = ("blocked", "unblocked", "added", "removed", "blockList", "message")
BLANKS = b" " * 1_000_000


def _status(reply: Reply, option: Option) -> Reply:
    headers = {} if option.retry_after is None else {"Retry-After": option.retry_after}
    if option.status < 300 or option.status == 304:
        return Reply(option.status, headers=headers)
    body = answer({"statusCode": option.status, "message": "a fault was asked for", "error": "Emulated"}).body
    return Reply(option.status, body, headers=headers)


def _html(reply: Reply, option: Option) -> Reply:
    page = f"<!DOCTYPE html><html><head><title>{option.status}</title></head><body><h1>Bad gateway</h1></body></html>"
    return attrs.evolve(_status(reply, option), body=page.encode(), content_type="text/html; charset=utf-8")


def _redirect(reply: Reply, option: Option) -> Reply:
    return Reply(option.status, headers={"Location": option.url})


def _success_false(reply: Reply, option: Option) -> Reply:
    value = _decoded(reply.body)
    refused = value if isinstance(value, dict) and reply.status < 300 else {}
    return answer({**refused, "success": False, "message": "something went wrong"})


def _server_error(reply: Reply, option: Option) -> Reply:
    return answer({"statusCode": 500, "message": "Internal server error"}, 500)


def _empty(reply: Reply, option: Option) -> Reply:
    return attrs.evolve(reply, body=b"")


def _null(reply: Reply, option: Option) -> Reply:
    return attrs.evolve(reply, body=b"null")


def _wrong_shape(reply: Reply, option: Option) -> Reply:
    value = _decoded(reply.body)
    return _encoded(reply, {"data": value} if isinstance(value, list) else [value])


def _cut_json(reply: Reply, option: Option) -> Reply:
    return attrs.evolve(reply, body=reply.body[: max(1, len(reply.body) // 2)])


def _cut_gzip(reply: Reply, option: Option) -> Reply:
    packed = gzip.compress(reply.body, mtime=0)
    return _gzipped(reply, packed[: len(packed) // 2])


def _zip_bomb(reply: Reply, option: Option) -> Reply:
    return _gzipped(reply, _bomb(reply.body[:1], int(option.number), reply.body[1:]))


def _huge_body(reply: Reply, option: Option) -> Reply:
    return attrs.evolve(reply, blanks=int(option.number))


def _extra_fields(reply: Reply, option: Option) -> Reply:
    value = _decoded(reply.body)
    extra = {"updatedAt": None, "tags": ["a", {"b": [1, 2]}], "__proto__": {"x": 1}}
    if isinstance(value, list):
        return _encoded(reply, [{**record, **extra} if isinstance(record, dict) else record for record in value])
    return _encoded(reply, {**value, **extra} if isinstance(value, dict) else value)


def _missing_field(reply: Reply, option: Option) -> Reply:
    def change(record: dict[str, Json], field: str) -> None:
        record.pop(field, None)

    return _with_field(reply, option.field, change)


def _wrong_type(reply: Reply, option: Option) -> Reply:
    def change(record: dict[str, Json], field: str) -> None:
        value = record.get(field)
        record[field] = 17 if value is None or isinstance(value, str) else str(value)

    return _with_field(reply, option.field, change)


def _bad_date(reply: Reply, option: Option) -> Reply:
    def change(record: dict[str, Json], field: str) -> None:
        record[field] = "yesterday"

    return _with_field(reply, "createdAt", change)


def _nan(reply: Reply, option: Option) -> Reply:
    return _with_value(reply, float("nan"))


def _lone_surrogate(reply: Reply, option: Option) -> Reply:
    return _with_value(reply, "\ud83d")


def _wrong_charset(reply: Reply, option: Option) -> Reply:
    return attrs.evolve(reply, content_type="application/json; charset=utf-16")


def _not_utf8(reply: Reply, option: Option) -> Reply:
    # Written as the escape by `json`; the byte alone is Latin-1 for an ä.
    spoilt = _with_value(reply, "\u00e4")
    return attrs.evolve(spoilt, body=spoilt.body.replace(b"\\u00e4", b"\xe4"), content_type=JSON_TYPE)


def _empty_page(reply: Reply, option: Option) -> Reply:
    return attrs.evolve(reply, body=b"[]")


def _short_page(reply: Reply, option: Option) -> Reply:
    return _of_records(reply, lambda records: records[: int(option.number)])


def _double_record(reply: Reply, option: Option) -> Reply:
    return _of_records(reply, lambda records: records + records[-1:])


def _disorder(reply: Reply, option: Option) -> Reply:
    return _of_records(reply, lambda records: records[::-1])


#: What each fault makes of the reply; those that are not here leave it alone.
SPOILERS: dict[FaultName, Callable[[Reply, Option], Reply]] = {
    FaultName.STATUS: _status,
    FaultName.HTML: _html,
    FaultName.REDIRECT: _redirect,
    FaultName.SUCCESS_FALSE: _success_false,
    FaultName.APPLY_THEN_STATUS: _status,
    FaultName.APPLY_THEN_SUCCESS_FALSE: _success_false,
    FaultName.APPLY_PART: _server_error,
    FaultName.EMPTY: _empty,
    FaultName.NULL: _null,
    FaultName.WRONG_SHAPE: _wrong_shape,
    FaultName.CUT_JSON: _cut_json,
    FaultName.CUT_GZIP: _cut_gzip,
    FaultName.ZIP_BOMB: _zip_bomb,
    FaultName.HUGE_BODY: _huge_body,
    FaultName.EXTRA_FIELDS: _extra_fields,
    FaultName.MISSING_FIELD: _missing_field,
    FaultName.WRONG_TYPE: _wrong_type,
    FaultName.BAD_DATE: _bad_date,
    FaultName.NAN: _nan,
    FaultName.LONE_SURROGATE: _lone_surrogate,
    FaultName.WRONG_CHARSET: _wrong_charset,
    FaultName.NOT_UTF8: _not_utf8,
    FaultName.EMPTY_PAGE: _empty_page,
    FaultName.SHORT_PAGE: _short_page,
    FaultName.DOUBLE_RECORD: _double_record,
    FaultName.DISORDER: _disorder,
}


def _decoded(body: bytes) -> Json:
    try:
        value: Json = json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")
    return value


def _encoded(reply: Reply, value: Json) -> Reply:
    return attrs.evolve(reply, body=json.dumps(value, separators=(",", ":")).encode())


def _with_field(reply: Reply, field: str | None, change: Callable[[dict[str, Json], str], None]) -> Reply:
    """The reply with a field changed: of the first record of a list, else of the answer itself.

    A list without records gets one whose only fields are those that the change makes.
    """
    value = _decoded(reply.body)
    if isinstance(value, list):
        if not value or not isinstance(value[0], dict):
            value[:1] = [{}]
        change(value[0], field or "publicIdentifier")
    elif isinstance(value, dict):
        change(value, field or next((name for name in ANSWER_FIELDS if name in value), "message"))
    return _encoded(reply, value)


def _with_value(reply: Reply, added: Json) -> Reply:
    """The reply with a value where a text belongs: an identifier, a message, a number of a list."""
    value = _decoded(reply.body)
    if isinstance(value, list):
        if value and isinstance(value[0], dict):
            value[0]["publicIdentifier"] = added
        else:
            value.append(added)
    elif isinstance(value, dict):
        numbers = value.get("blockList")
        if isinstance(numbers, list):
            numbers.append(added)
        else:
            value["message"] = added
    return _encoded(reply, value)


def _of_records(reply: Reply, change: Callable[[list[Json]], list[Json]]) -> Reply:
    value = _decoded(reply.body)
    return _encoded(reply, change(value)) if isinstance(value, list) else reply


def _gzipped(reply: Reply, body: bytes) -> Reply:
    return attrs.evolve(reply, body=body, headers={**reply.headers, "Content-Encoding": "gzip"})


@lru_cache(maxsize=4)
def _bomb(before: bytes, blanks: int, after: bytes) -> bytes:
    """A whole, valid gzip file of `before`, so many blanks, and `after`.

    Behind a full flush the compressor knows nothing of what came before: a block packed once can be repeated.
    """
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    blocks, rest = divmod(blanks, len(BLANKS))
    first = packer.compress(before) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(BLANKS) + packer.flush(zlib.Z_FULL_FLUSH)
    last = packer.compress(BLANKS[:rest] + after) + packer.flush(zlib.Z_FINISH)
    check = zlib.crc32(before)
    for _ in range(blocks):
        check = zlib.crc32(BLANKS, check)
    check = zlib.crc32(BLANKS[:rest] + after, check)
    size = (len(before) + blanks + len(after)) % (1 << 32)
    head = gzip.compress(b"", mtime=0)[:10]
    return head + first + block * blocks + last + check.to_bytes(4, "little") + size.to_bytes(4, "little")
