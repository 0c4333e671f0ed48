from __future__ import annotations

import gzip
import json
import zlib

import orjson
import pytest

from walead_async.testing import Fault, FaultName
from walead_async.testing.faults import Reply

RECORDS = [
    {"id": str(number), "publicIdentifier": f"lead-{number}", "reason": None, "createdAt": "2024-01-01T00:00:00Z"}
    for number in range(3)
]
PAGE = Reply.of(RECORDS)
BLOCKED = Reply.of({"success": True, "message": "fine", "blocked": 2})
NUMBERS = Reply.of({"blockList": ["+1"]})


def changed(name: FaultName, reply: Reply, value: str | None = None) -> Reply:
    return Fault(name, value).changed(reply)


def decoded(name: FaultName, reply: Reply, value: str | None = None) -> object:
    return json.loads(changed(name, reply, value).body)


@pytest.mark.parametrize(
    ("name", "reply", "value", "expected"),
    [
        (FaultName.NULL, PAGE, None, None),
        (FaultName.WRONG_SHAPE, PAGE, None, {"data": RECORDS}),
        (FaultName.WRONG_SHAPE, NUMBERS, None, [{"blockList": ["+1"]}]),
        (FaultName.MISSING_FIELD, BLOCKED, None, {"success": True, "message": "fine"}),
        (FaultName.MISSING_FIELD, NUMBERS, None, {}),
        (FaultName.MISSING_FIELD, Reply.of([]), None, [{}]),
        (FaultName.MISSING_FIELD, BLOCKED, "success", {"message": "fine", "blocked": 2}),
        (FaultName.WRONG_TYPE, BLOCKED, None, {"success": True, "message": "fine", "blocked": "2"}),
        (FaultName.WRONG_TYPE, NUMBERS, None, {"blockList": "['+1']"}),
        (FaultName.EMPTY_PAGE, PAGE, None, []),
        (FaultName.SHORT_PAGE, PAGE, None, RECORDS[:1]),
        (FaultName.SHORT_PAGE, PAGE, "2", RECORDS[:2]),
        (FaultName.DOUBLE_RECORD, PAGE, None, [*RECORDS, RECORDS[-1]]),
        (FaultName.DISORDER, PAGE, None, RECORDS[::-1]),
        (FaultName.DISORDER, BLOCKED, None, {"success": True, "message": "fine", "blocked": 2}),
        (
            FaultName.APPLY_THEN_SUCCESS_FALSE,
            BLOCKED,
            None,
            {"success": False, "message": "something went wrong", "blocked": 2},
        ),
    ],
)
def test_a_fault_of_the_body_gives_this_answer(name: FaultName, reply: Reply, value: str | None, expected: object):
    assert decoded(name, reply, value) == expected


@pytest.mark.parametrize(
    ("name", "value", "change"),
    [
        (FaultName.MISSING_FIELD, None, {"publicIdentifier"}),
        (FaultName.MISSING_FIELD, "id", {"id"}),
        (FaultName.WRONG_TYPE, None, {"publicIdentifier"}),
        (FaultName.WRONG_TYPE, "reason", {"reason"}),
        (FaultName.BAD_DATE, None, {"createdAt"}),
        (FaultName.LONE_SURROGATE, None, {"publicIdentifier"}),
        (FaultName.NAN, None, {"publicIdentifier"}),
    ],
)
def test_a_fault_of_a_record_changes_one_field_of_the_first(name: FaultName, value: str | None, change: set[str]):
    first, *others = decoded(name, PAGE, value)  # type: ignore[misc]  # a list of records

    assert {field for field in RECORDS[0] if first.get(field, "gone") != RECORDS[0][field]} == change
    assert others == RECORDS[1:]


def test_extra_fields_leave_the_known_ones_as_they_are():
    for before, after in zip(RECORDS, decoded(FaultName.EXTRA_FIELDS, PAGE), strict=True):  # type: ignore[call-overload]
        assert {field: after[field] for field in before} == before
        assert set(after) > set(before)


@pytest.mark.parametrize("reply", [PAGE, BLOCKED, NUMBERS, Reply.of([]), Reply.of(["+1"])])
@pytest.mark.parametrize("name", [FaultName.NAN, FaultName.LONE_SURROGATE, FaultName.CUT_JSON, FaultName.NOT_UTF8])
def test_a_strict_reader_takes_none_of_these(name: FaultName, reply: Reply):
    body = changed(name, reply).body

    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(body)


def test_gzip_that_is_cut_unpacks_to_a_part():
    reply = changed(FaultName.CUT_GZIP, PAGE)
    unpacker = zlib.decompressobj(31)
    part = unpacker.decompress(reply.body)

    assert PAGE.body.startswith(part)
    assert not unpacker.eof
    assert reply.headers["Content-Encoding"] == "gzip"


@pytest.mark.parametrize("reply", [PAGE, BLOCKED])
def test_a_zip_bomb_is_small_and_unpacks_to_valid_json_of_its_size(reply: Reply):
    packed = changed(FaultName.ZIP_BOMB, reply, "3500K").body
    unpacked = gzip.decompress(packed)

    assert len(packed) < 6_000
    assert len(unpacked) == 3_500_000 + len(reply.body)
    assert orjson.loads(unpacked) == orjson.loads(reply.body)


def test_a_huge_body_is_told_and_not_made():
    reply = changed(FaultName.HUGE_BODY, PAGE)

    assert (reply.blanks, reply.body) == (100_000_000, PAGE.body)


@pytest.mark.parametrize(
    ("name", "value", "status", "headers"),
    [
        (FaultName.STATUS, "429/2", 429, {"Retry-After": "2"}),
        (FaultName.STATUS, "503", 503, {}),
        (FaultName.HTML, "502/soon", 502, {"Retry-After": "soon"}),
        (FaultName.REDIRECT, "http://a.example/", 302, {"Location": "http://a.example/"}),
        (FaultName.REDIRECT, "301/http://a.example/", 301, {"Location": "http://a.example/"}),
    ],
)
def test_a_status_comes_with_its_header(name: FaultName, value: str, status: int, headers: dict[str, str]):
    reply = changed(name, Reply(200), value)

    assert (reply.status, dict(reply.headers)) == (status, headers)


def test_a_status_of_success_has_no_body():
    assert changed(FaultName.STATUS, Reply(200), "204").body == b""


def test_a_wrong_charset_is_claimed_for_the_same_bytes():
    reply = changed(FaultName.WRONG_CHARSET, PAGE)

    assert (reply.content_type, reply.body) == ("application/json; charset=utf-16", PAGE.body)


def test_a_byte_order_mark_stands_before_the_same_json():
    assert changed(FaultName.BOM, PAGE).body == b"\xef\xbb\xbf" + PAGE.body


def test_gzip_of_two_members_unpacks_to_the_whole_body():
    reply = changed(FaultName.GZIP_MEMBERS, PAGE)
    first = zlib.decompressobj(31)

    assert PAGE.body.startswith(first.decompress(reply.body))
    assert first.unused_data
    assert gzip.decompress(reply.body) == PAGE.body


@pytest.mark.parametrize("coding", ["utf-8", "none"])
def test_a_content_encoding_is_claimed_for_the_same_bytes(coding: str):
    reply = changed(FaultName.CONTENT_ENCODING, PAGE, coding)

    assert (reply.headers["Content-Encoding"], reply.body) == (coding, PAGE.body)


@pytest.mark.parametrize(("value", "length"), [(None, 9_000), ("20K", 20_000)])
def test_a_long_header_is_added(value: str | None, length: int):
    assert len(changed(FaultName.LONG_HEADER, PAGE, value).headers["X-Padding"]) == length


def test_dates_are_written_in_lower_case():
    records = json.loads(changed(FaultName.LOWER_CASE_DATES, PAGE).body)

    assert [record["createdAt"] for record in records] == ["2024-01-01t00:00:00z"] * 3
    assert [record["publicIdentifier"] for record in records] == ["lead-0", "lead-1", "lead-2"]
