from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from walead_async.bulk.bisection import parts


@given(st.integers(2, 5_000), st.booleans())
def test_the_parts_cover_everything_once_in_order_and_each_is_smaller(count: int, too_large: bool) -> None:
    cut = parts(count, too_large=too_large)
    assert cut[0].start == 0
    assert cut[-1].stop == count
    assert all(one.stop == next_one.start for one, next_one in pairwise(cut))
    assert all(0 < part.stop - part.start < count for part in cut)


@given(st.integers(2, 5_000))
def test_the_parts_differ_by_one_item_at_most(count: int) -> None:
    sizes = {part.stop - part.start for part in parts(count, too_large=False)}
    assert max(sizes) - min(sizes) <= 1


def test_a_batch_that_was_too_large_is_halved() -> None:
    assert parts(500, too_large=True) == [slice(0, 250), slice(250, 500)]


def test_any_other_is_bisected_twice_at_once() -> None:
    assert parts(8, too_large=False) == [slice(0, 2), slice(2, 4), slice(4, 6), slice(6, 8)]
    assert len(parts(3, too_large=False)) == 3
