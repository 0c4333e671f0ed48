from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from walead_async.testing import SearchMatch
from walead_async.testing.store import SearchText

MATCHES = {
    SearchMatch.SUBSTRING: lambda wanted, name: wanted in name,
    SearchMatch.PREFIX: lambda wanted, name: name.startswith(wanted),
    SearchMatch.WHOLE: lambda wanted, name: name == wanted,
}
names = st.text(st.sampled_from("aAbBßéİ-"), min_size=1, max_size=4)


@given(st.lists(names, max_size=8), names, st.sampled_from(SearchMatch), st.booleans())
def test_a_search_finds_what_a_plain_loop_finds(known: list[str], wanted: str, match: SearchMatch, minds_case: bool):
    fold = str if minds_case else str.lower
    expected = [place for place, name in enumerate(known) if MATCHES[match](fold(wanted), fold(name))]

    assert SearchText(known).positions(wanted, match, minds_case) == expected


@pytest.mark.parametrize("match", SearchMatch)
def test_the_mark_between_names_is_never_found(match: SearchMatch):
    assert SearchText(["a", "b"]).positions("\0", match, True) == []
