"""What is given becomes keys and JSON the same way, whether a batch is plain or not."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from walead_async.errors import InvalidInputError
from walead_async.identifiers import plain_lines, public_identifier
from walead_async.models import LeadToBlock
from walead_async.resources.items import check_reason, identifier_entries, lead_entries

pasted = st.text(alphabet='abz09-_ AÄ\n"/', max_size=6) | st.sampled_from(
    ["john-doe", "x" * 100, "x" * 101, "me", "null", "nan", "acoaaa" + "b" * 30, "acoaab", "http", "menon"]
)


@given(st.lists(pasted, min_size=1, max_size=6), st.none() | st.text(max_size=5))
def test_a_plain_batch_is_what_its_items_are_one_by_one(items: list[str], reason: str | None) -> None:
    whole = lead_entries(items, reason)
    each = [lead_entries([LeadToBlock(item)], reason) for item in items]
    assert list(whole.keys) == [one.keys[0] for one in each]
    assert [item and orjson.loads(item) for item in whole.encoded] == [
        one.encoded[0] and orjson.loads(one.encoded[0]) for one in each
    ]
    assert [index in whole.invalid for index in range(len(items))] == [bool(one.invalid) for one in each]
    named = identifier_entries(items)
    assert list(named.keys) == list(whole.keys)
    assert [orjson.loads(item) if item else "" for item in named.encoded] == list(whole.keys)


@given(st.lists(pasted | st.none() | st.integers(), max_size=6))
def test_plain_lines_are_keys_of_themselves(items: list[object]) -> None:
    lines = plain_lines(items)
    if lines is not None and items:
        assert lines.split("\n") == items
        assert [public_identifier(item) for item in items] == items


@pytest.mark.parametrize("reason", [5, b"asked", ["asked"], "\ud800"])
def test_a_reason_that_is_not_text_is_refused(reason: object) -> None:
    with pytest.raises(InvalidInputError, match="reason"):
        check_reason(reason)
    entries = lead_entries([LeadToBlock("john-doe", reason)], None)  # type: ignore[arg-type]
    assert "reason" in str(entries.invalid[0])
