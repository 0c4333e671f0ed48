"""What a list says of items, before anything is sent and after."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pytest

from walead_async.jobs import guards
from walead_async.jobs.reconcile import (
    BLOCKED_MEANWHILE,
    GONE_BEFORE,
    NOT_ON_CLOSING_LIST,
    NOT_SEEN,
    STILL_LISTED,
    Found,
    Showed,
    after_sending,
    before_sending,
)
from walead_async.jobs.records import Item

RECORD = "id-1\x1f2026-01-01T00:00:00+00:00\x1fjane\x1fasked"
RENEWED = RECORD.replace("2026", "2027")
REPLACED = RENEWED.replace("id-1", "id-2")


def item(action: str, state: str, record: str = "", key: str = "jane") -> Item:
    return Item(0, 0, action, key, record, state, None)


def listed(*records: str, whole: bool = True) -> Found:
    return Found({b"jane": b"\n".join(b"jane\x1f" + text.encode() for text in records)} if records else {}, whole)


def before(
    given: Item, found: Found, *, first: bool = True, settled: bool = True, why: str | None = None
) -> tuple[str, str | None]:
    to_send = before_sending(
        [given], (), found, key_of=str.encode, why_kept=lambda _: why, first=first, settled=settled
    )
    changes = to_send.changes
    assert (to_send.blocks + to_send.removals == 1) is ((changes[0] if changes else given).state == "open")
    return (changes[0].state, changes[0].detail) if changes else (given.state, given.detail)


def test_whoever_is_wanted_and_not_listed_is_blocked_also_without_an_item() -> None:
    to_send = before_sending(
        [item("block", "open")],
        {b"jane": b"", b"joe": b"", b"ann": b""},
        Found({b"ann": b"ann\x1f"}, True),
        key_of=str.encode,
        why_kept=lambda _: None,
        first=True,
        settled=True,
    )
    assert to_send == ([], [b"joe"], 2, 0)


@pytest.mark.parametrize("state", ["open", "sent", "unknown", "done", "already", "refused"])
def test_a_block_that_is_not_listed_is_sent_again_by_the_next_apply(state: str) -> None:
    assert before(item("block", state), listed()) == ("open", None)


def test_within_an_apply_a_refusal_and_an_answer_are_believed() -> None:
    assert before(item("block", "refused"), listed(), first=False)[0] == "refused"
    assert before(item("block", "done"), listed(), first=False)[0] == "done"
    assert before(item("block", "sent"), listed(), first=False)[0] == "open"


def test_a_block_that_is_listed_is_not_sent() -> None:
    assert before(item("block", "open"), listed(RECORD)) == ("already", BLOCKED_MEANWHILE)
    assert before(item("block", "sent"), listed(RECORD)) == ("done", None)
    assert before(item("block", "done"), listed(RECORD)) == ("done", None)


@pytest.mark.parametrize("state", ["open", "sent", "unknown", "refused", "already"])
def test_a_record_that_stands_as_it_stood_is_removed(state: str) -> None:
    assert before(item("unblock", state, RECORD), listed(RECORD)) == ("open", None)


def test_a_removal_that_was_answered_is_sent_again_only_once_lists_have_settled() -> None:
    given = item("unblock", "done", RECORD)
    assert before(given, listed(RECORD), settled=False) == ("done", None)
    assert before(given, listed(RECORD), first=False) == ("done", None)
    assert before(given, listed(RECORD)) == ("open", None)


@pytest.mark.parametrize("state", ["open", "sent", "unknown"])
def test_a_record_that_changed_is_kept(state: str) -> None:
    assert before(item("unblock", state, RECORD), listed(RENEWED)) == ("kept", guards.CHANGED)
    assert before(item("unblock", state, RECORD), listed(RECORD.replace("asked", "asked twice")))[0] == "kept"


def test_a_record_that_another_one_replaced_is_kept_or_was_removed_by_us() -> None:
    assert before(item("unblock", "open", RECORD), listed(REPLACED)) == ("kept", guards.CHANGED)
    assert before(item("unblock", "sent", RECORD), listed(REPLACED)) == ("done", None)


@pytest.mark.parametrize("state", ["open", "sent", "unknown", "refused"])
def test_whom_somebody_wants_kept_stays(state: str) -> None:
    assert before(item("unblock", state, RECORD), listed(RECORD), why="named") == ("kept", "named")


@pytest.mark.parametrize("state", ["withheld", "kept"])
def test_what_is_withheld_or_kept_is_left_alone(state: str) -> None:
    assert before(item("unblock", state, RECORD), listed(RECORD)) == (state, None)
    assert before(item("unblock", state, RECORD), listed()) == (state, None)


def test_a_record_that_is_gone() -> None:
    assert before(item("unblock", "open", RECORD), listed()) == ("already", GONE_BEFORE)
    assert before(item("unblock", "sent", RECORD), listed()) == ("done", None)
    assert before(item("unblock", "sent", RECORD), listed(whole=False)) == ("unknown", NOT_SEEN)
    assert before(item("unblock", "open", RECORD), listed(whole=False)) == ("unknown", NOT_SEEN)


def test_a_number_has_no_id_and_is_what_it_is() -> None:
    assert before(item("unblock", "open", "\x1f\x1f+1415\x1f"), listed("\x1f\x1f+1415\x1f")) == ("open", None)


def after(
    given: Item, found: Found, wanted: Collection[bytes] = (), made: Mapping[bytes, bytes] | None = None
) -> Showed:
    return after_sending([given], wanted, found, key_of=str.encode, made=made or {})


def test_the_records_of_a_block_that_was_done_are_the_plans_own() -> None:
    showed = after(item("block", "done"), listed(RECORD, REPLACED), {b"jane": b""})
    assert (showed.missing, showed.extra, showed.vanished, showed.changes) == (0, 0, [], [])
    assert b"\n".join(showed.made) == b"jane\x1f%b\njane\x1f%b" % (RECORD.encode(), REPLACED.encode())


def test_a_record_that_comes_later_is_not_the_plans_own() -> None:
    made = {b"jane": b"jane\x1f" + RECORD.encode()}
    assert after(item("block", "done"), listed(REPLACED), made=made).made == [made[b"jane"]]
    assert after(item("block", "already"), listed(RECORD), {b"jane": b""}).made == []


def test_a_number_is_kept_as_it_was_sent() -> None:
    showed = after_sending(
        [item("block", "done", key="+1415")],
        (),
        Found({b"1415": b"1415\x1f\x1f\x1f(1) 415\x1f"}, True),
        key_of=lambda sent: sent.strip("+").encode(),
        made={},
    )
    assert showed.made == [b"+1415\x1f\x1f\x1f(1) 415\x1f"]


def test_a_block_without_an_answer_that_is_listed_was_done() -> None:
    showed = after(item("block", "sent"), listed(RECORD))
    assert [(each.state, each.detail) for each in showed.changes] == [("done", None)]
    assert len(showed.made) == 1


def test_who_is_missing_is_named() -> None:
    showed = after(item("block", "done"), listed(), {b"jane": b"", b"joe": b""})
    assert (showed.missing, showed.vanished) == (2, [b"joe"])
    assert (showed.changes[0].state, showed.changes[0].detail) == ("done", NOT_ON_CLOSING_LIST)


def test_a_removal_that_still_stands_is_extra() -> None:
    showed = after(item("unblock", "done", RECORD), listed(RECORD))
    assert (showed.extra, showed.changes[0].detail) == (1, STILL_LISTED)
    for state in ("withheld", "kept"):
        assert after(item("unblock", state, RECORD), listed(RECORD)).extra == 0


def test_whoever_was_blocked_later_is_not_extra() -> None:
    showed = after(item("unblock", "done", RECORD), listed(REPLACED))
    assert (showed.extra, showed.changes) == (0, [])


def test_what_became_of_a_removal_without_an_answer_is_told_by_a_whole_list_alone() -> None:
    given = item("unblock", "unknown", RECORD)
    assert after(given, listed()).changes[0].state == "done"
    assert after(given, listed(whole=False)).changes == []
    assert after(given, listed(RENEWED)).changes[0].state == "kept"
