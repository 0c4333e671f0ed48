"""Answers that are right become models fast; answers that are wrong are explained, record and field."""

from __future__ import annotations

import contextlib
import copy
import pickle
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import attrs
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from walead_async.errors import UnexpectedResponseError
from walead_async.models import AgentInfo, BlockedLead, CampaignBlockedLead, CampaignInfo
from walead_async.transport.decode import (
    ChangeCount,
    NumberChange,
    agents,
    blocked_leads,
    campaign_info,
    campaign_leads,
    change_count,
    number_change,
    numbers,
)

RECORD: dict[str, Any] = {
    "id": "rec-1",
    "publicIdentifier": "john-doe",
    "reason": None,
    "createdAt": "2023-11-07T05:31:56Z",
    "workspaceId": "ws-1",
}
CAMPAIGN: dict[str, Any] = {"id": "c-1", "name": "Spring", "status": "active", "createdAt": RECORD["createdAt"]}
LEAD = BlockedLead("rec-1", "john-doe", None, datetime(2023, 11, 7, 5, 31, 56, tzinfo=UTC), "ws-1")


def test_a_page_becomes_leads_and_unknown_fields_are_kept_quiet() -> None:
    page = [RECORD, {**RECORD, "reason": "asked", "createdAt": "2023-11-07T07:31:56.5+02:00", "score": [1]}]
    first, second = blocked_leads(orjson.dumps(page))
    assert first == LEAD
    assert second.reason == "asked"
    assert second.created_at == datetime(2023, 11, 7, 5, 31, 56, 500_000, tzinfo=UTC)
    assert second.created_at.tzinfo is UTC


def test_a_campaign_record_has_no_id() -> None:
    (lead,) = campaign_leads(orjson.dumps([{"publicIdentifier": "a", "reason": "b", "createdAt": RECORD["createdAt"]}]))
    assert lead == CampaignBlockedLead("a", "b", LEAD.created_at)


@pytest.mark.parametrize("moment", ["2023-11-07t05:31:56z", "2023-11-07T05:31:56z", "20231107T053156Z"])
def test_a_date_in_an_unusual_spelling_is_read_all_the_same(moment: str) -> None:
    page = [RECORD, {**RECORD, "createdAt": moment}]
    assert blocked_leads(orjson.dumps(page)) == [LEAD, LEAD]
    assert campaign_leads(orjson.dumps(page))[1].created_at == LEAD.created_at


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"id": 7}, "record 1: id is a number, not text"),
        ({"id": None}, "record 1: id is null, not text"),
        ({"publicIdentifier": ["a"]}, r"record 1 \(id 'rec-1'\): publicIdentifier is an array, not text"),
        ({"reason": 5}, r"record 1 \(id 'rec-1'\): reason is a number, not text"),
        ({"reason": False}, r"reason is true or false, not text"),
        ({"createdAt": "yesterday"}, r"createdAt is not a date: 'yesterday'"),
        ({"createdAt": "2023-11-07"}, r"createdAt is a time without an offset from UTC"),
        ({"createdAt": "0001-01-01T00:00:00+05:00"}, "createdAt is not a date"),
        ({"createdAt": 1699335116}, "createdAt is a number, not a date"),
        ({"createdAt": None}, "createdAt is null, not a date"),
        ({"workspaceId": {}}, "workspaceId is an object, not text"),
    ],
)
def test_a_wrong_field_is_named_with_its_record(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(UnexpectedResponseError, match=words):
        blocked_leads(orjson.dumps([RECORD, {**RECORD, **wrong}]))


@pytest.mark.parametrize("field", [name for name in RECORD if name != "reason"])
def test_a_missing_field_is_named_with_its_record(field: str) -> None:
    record = {name: value for name, value in RECORD.items() if name != field}
    with pytest.raises(UnexpectedResponseError, match=f"{field} is missing"):
        blocked_leads(orjson.dumps([record]))


def test_a_reason_that_is_left_out_is_not_called_missing() -> None:
    record = {name: value for name, value in RECORD.items() if name != "reason"}
    assert blocked_leads(orjson.dumps([record])) == [LEAD]
    with pytest.raises(UnexpectedResponseError) as caught:
        blocked_leads(orjson.dumps([record, {**record, "workspaceId": 7}, {**record, "createdAt": None}]))
    wrong = "record 1 (id 'rec-1'): workspaceId is a number, not text; "
    wrong += "record 2 (id 'rec-1'): createdAt is null, not a date"
    assert str(caught.value) == f"the list cannot be read: {wrong}"
    with pytest.raises(UnexpectedResponseError) as caught:
        campaign_leads(orjson.dumps([{"createdAt": RECORD["createdAt"]}]))
    assert str(caught.value) == "the list cannot be read: record 0: publicIdentifier is missing"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "it is empty"),
        (b"null", "the list is null, not an array"),
        (b"{}", "the list is an object, not an array"),
        (b"[null]", "record 0 is null, not an object"),
        (b'["john-doe"]', "record 0 is text, not an object"),
        (b'[{"id": "r', "not JSON"),
        (b'[{"id": NaN}]', "not JSON"),
        (b'["\\ud800"]', "not JSON"),
        (b"<!DOCTYPE html>", "not JSON"),
        ('[{"id": "ü"}]'.encode("latin-1"), "not JSON"),
    ],
)
def test_what_is_no_page_is_said_in_words(body: bytes, words: str) -> None:
    with pytest.raises(UnexpectedResponseError, match=words):
        blocked_leads(body)


def test_a_campaign_becomes_a_frozen_value_and_unknown_fields_are_kept_quiet() -> None:
    info = campaign_info(orjson.dumps({**CAMPAIGN, "createdAt": "2023-11-07T07:31:56+02:00", "leads": [1]}))
    assert info == CampaignInfo("c-1", "Spring", "active", LEAD.created_at)
    assert info.created_at.tzinfo is UTC
    assert pickle.loads(pickle.dumps(info)) == info
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        info.name = "Autumn"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"id": 7}, "id is a number, not text"),
        ({"name": None}, "name is null, not text"),
        ({"status": True}, "status is true or false, not text"),
        ({"createdAt": "a @ .b"}, "createdAt is not a date: 'a @ .b'"),
        ({"createdAt": "2026-01-02T03:04:05"}, "createdAt is a time without an offset from UTC: '2026-01-02T03:04:05'"),
        ({"createdAt": None, "name": []}, "name is an array, not text; createdAt is null, not a date"),
    ],
)
def test_a_wrong_field_of_a_campaign_is_named(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(UnexpectedResponseError) as caught:
        campaign_info(orjson.dumps({**CAMPAIGN, **wrong}))
    assert str(caught.value) == f"the campaign cannot be read: {words}"
    assert caught.value.__context__ is None


@pytest.mark.parametrize("field", CAMPAIGN)
def test_a_missing_field_of_a_campaign_is_named(field: str) -> None:
    short = {name: value for name, value in CAMPAIGN.items() if name != field}
    with pytest.raises(UnexpectedResponseError, match=f"the campaign cannot be read: {field} is missing"):
        campaign_info(orjson.dumps(short))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "it is empty"),
        (b"null", "the campaign is null, not an object"),
        (b"[]", "the campaign is an array, not an object"),
        (b'"c-1"', "the campaign is text, not an object"),
        (b"<!DOCTYPE html>", "not JSON"),
    ],
)
def test_what_is_no_campaign_is_said_in_words(body: bytes, words: str) -> None:
    with pytest.raises(UnexpectedResponseError, match=words):
        campaign_info(body)


AGENT: dict[str, Any] = {
    "uid": "u-1",
    "agentId": "a-1",
    "name": "Front desk",
    "country": "US",
    "businessPhoneNumber": "+14155550100",
}


def test_agents_become_frozen_values_and_unknown_fields_are_kept_quiet() -> None:
    (agent,) = agents(orjson.dumps([{**AGENT, "voice": 3}]))
    assert agent == AgentInfo("a-1", "Front desk", "+14155550100", "US")
    assert pickle.loads(pickle.dumps(agent)) == agent
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        agent.name = "Back office"  # type: ignore[misc]


def test_agents_are_read_from_the_schema_of_organisations_too() -> None:
    assert agents(b'[{"orgId": "a-1", "name": "Front desk"}]') == [AgentInfo("a-1", "Front desk", None, None)]
    both = orjson.dumps([{**AGENT, "orgId": "o-1"}, {**AGENT, "agentId": None, "orgId": "a-2"}])
    assert [agent.id for agent in agents(both)] == ["a-1", "a-2"]


@pytest.mark.parametrize("wrong", [None, 7, True, [], {}])
def test_what_is_shown_of_an_agent_may_be_anything(wrong: object) -> None:
    told = dict.fromkeys(("name", "country", "businessPhoneNumber"), wrong)
    assert agents(orjson.dumps([{**AGENT, **told}])) == [AgentInfo("a-1", None, None, None)]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "it is empty"),
        (b"null", "the list of agents is null, not an array of agents"),
        (b"{}", "the list of agents is an object, not an array of agents"),
        (b'["a-1"]', "agent 0 of the list is text, not an object"),
        (b'[{"agentId": "a-1"}, {}]', "agent 1 of the list: its agentId is null, not text"),
        (b'[{"agentId": 7}]', "agent 0 of the list: its agentId is a number, not text"),
        (b'[{"agentId": "", "orgId": "o-1"}]', "agent 0 of the list: its agentId is empty"),
        (b"<!DOCTYPE html>", "not JSON"),
    ],
)
def test_what_is_no_list_of_agents_is_said_in_words(body: bytes, words: str) -> None:
    with pytest.raises(UnexpectedResponseError, match=words):
        agents(body)


@pytest.mark.parametrize("read", [blocked_leads, campaign_leads, campaign_info, numbers, agents])
def test_an_error_of_a_body_that_is_no_json_does_not_keep_the_body(read: Callable[[bytes], object]) -> None:
    with pytest.raises(UnexpectedResponseError) as caught:
        read(b'[{"id": "a secret"')
    assert caught.value.__context__ is None


def test_many_wrong_records_are_counted_not_listed() -> None:
    with pytest.raises(UnexpectedResponseError, match=r"and 95 more$"):
        blocked_leads(orjson.dumps([{**RECORD, "reason": 1}] * 100))


names = st.text() | st.sampled_from([*RECORD, *CAMPAIGN, *AGENT, "blocked", "failed"])
json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(names, inner),
)


@given(json)
def test_any_json_ends_in_models_or_in_our_error(found: object) -> None:
    body = orjson.dumps(found)
    for read in (
        blocked_leads,
        campaign_leads,
        campaign_info,
        numbers,
        agents,
        lambda body: change_count(body, "blocked"),
        lambda body: number_change(body, "added"),
    ):
        with contextlib.suppress(UnexpectedResponseError):
            read(body)


@pytest.mark.parametrize(
    ("body", "count", "message"),
    [
        (b'{"success": true, "message": "ok", "blocked": 3}', 3, "ok"),
        (b'{"success": false, "message": "no", "blocked": 3}', None, "no"),
        (b'{"blocked": 0}', 0, None),
        (b'{"success": true}', None, None),
        (b"", None, None),
    ],
)
def test_a_count_is_read_or_is_none(body: bytes, count: int | None, message: str | None) -> None:
    assert change_count(body, "blocked") == ChangeCount(count, message)


@pytest.mark.parametrize("body", [b"[]", b"null", b'{"blocked": "3"}', b'{"blocked": true}', b'{"success": 1}', b"{"])
def test_an_unreadable_count_leaves_open_whether_the_change_was_made(body: bytes) -> None:
    with pytest.raises(UnexpectedResponseError) as caught:
        change_count(body, "blocked")
    assert caught.value.maybe_applied is True


def test_numbers_come_in_an_object_or_bare() -> None:
    assert numbers(b'{"blockList": ["+1", "2"]}') == numbers(b'["+1", "2"]') == ["+1", "2"]
    with pytest.raises(UnexpectedResponseError, match="number 1 of the block list is a number, not text"):
        numbers(b'["+1", 2]')
    with pytest.raises(UnexpectedResponseError, match="the block list is null"):
        numbers(b'{"numbers": []}')


def test_a_change_of_numbers_names_each() -> None:
    body = b'{"message": "m", "added": ["+1"], "failed": [{"number": "x", "reason": "Invalid phone number format"}]}'
    expected = NumberChange(("+1",), (("x", "Invalid phone number format"),), "m")
    assert number_change(body, "added") == expected
    assert number_change(b'{"message": "m"}', "added") == NumberChange((), (), "m")
    for wrong in (b'{"added": "x"}', b'{"added": [1]}', b'{"failed": 1}', b'{"failed": ["+1"]}', b"[]"):
        with pytest.raises(UnexpectedResponseError) as caught:
            number_change(wrong, "added")
        assert caught.value.maybe_applied is True


def test_a_decoded_lead_is_in_every_way_one_that_was_made_by_hand() -> None:
    (lead,) = blocked_leads(orjson.dumps([RECORD]))
    assert type(lead) is BlockedLead
    assert (lead, hash(lead), repr(lead)) == (LEAD, hash(LEAD), repr(LEAD))
    assert attrs.asdict(lead) == attrs.asdict(LEAD)
    assert attrs.evolve(lead, reason="asked") == attrs.evolve(LEAD, reason="asked")
    assert copy.deepcopy(lead) == pickle.loads(pickle.dumps(lead)) == LEAD
    match lead:
        case BlockedLead("rec-1", name, reason=None):
            assert name == "john-doe"
        case _:
            pytest.fail("its fields have no places")


@pytest.mark.parametrize("name", ["id", "reason", "created_at", "nickname"])
def test_a_decoded_lead_cannot_be_changed(name: str) -> None:
    (lead,) = blocked_leads(orjson.dumps([RECORD]))
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(lead, name, "other")
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        delattr(lead, name)
    assert lead == LEAD


def test_a_bad_value_that_looks_like_a_place_is_told_with_its_own_record_and_field() -> None:
    record = {"id": "r1", "publicIdentifier": "a", "createdAt": "a @ record [9].b", "workspaceId": "w"}
    with pytest.raises(UnexpectedResponseError, match="record 0 \\(id 'r1'\\): createdAt is not a date"):
        blocked_leads(orjson.dumps([record]))
