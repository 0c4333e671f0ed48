from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from walead_async.bulk.batches import BatchLimits, Limit, size_of


def limits(items: int, size: int = 10**6) -> BatchLimits:
    return BatchLimits.starting_at(items, size)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=60), st.integers(1, 20), st.integers(1, 100))
def test_cut_batches_keep_both_limits_and_every_item_once_in_order(sizes: list[int], items: int, room: int) -> None:
    wires = [b"x" * size for size in sizes]
    cuts = limits(items, room).cut(wires)
    assert [wire for cut in cuts for wire in wires[cut]] == wires
    for cut in cuts:
        batch = wires[cut]
        assert len(batch) <= items
        assert size_of(batch) <= room or len(batch) == 1


def test_a_short_input_is_one_batch() -> None:
    assert limits(500).cut([b"a", b"b"]) == [slice(0, 2)]


def test_an_item_above_the_limit_stands_alone() -> None:
    assert limits(500, 10).cut([b"a", b"b" * 50, b"c"]) == [slice(0, 1), slice(1, 2), slice(2, 3)]


def test_a_413_halves_what_later_batches_hold() -> None:
    lowered = limits(500).after_too_large(500, 20_000)
    assert lowered.items.now == 250
    assert lowered.size.now == 10_000


def test_a_413_for_fewer_items_than_went_through_before_lowers_the_bytes_alone() -> None:
    known = limits(500).after_success(400, 16_000).after_too_large(300, 90_000)
    assert known.items.now == 500
    assert known.size.now == 45_000


def test_one_heavy_item_does_not_make_batches_of_one() -> None:
    known = limits(500).after_too_large(500, 300_000).after_success(250, 10_000)
    for items, size in ((250, 290_000), (125, 285_000), (2, 280_000), (1, 279_950)):
        known = known.after_too_large(items, size)
    assert known.items.now == 265
    assert known.size.now == 139_975


def test_a_limit_grows_back_slowly_and_stays_below_what_was_too_large() -> None:
    limit = Limit(500, 500).lowered(500)
    seen = [limit.now]
    for _ in range(40):
        limit = limit.grown(limit.now)
        seen.append(limit.now)
    assert seen[:3] == [250, 265, 281]
    assert limit.now == 437


def test_a_batch_that_did_not_fill_the_limit_proves_nothing() -> None:
    assert Limit(500, 500).lowered(500).grown(100).now == 250


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 600)), max_size=60))
def test_a_limit_is_never_below_one_nor_above_what_was_asked_for(steps: list[tuple[bool, int]]) -> None:
    limit = Limit(500, 500)
    for went_through, taken in steps:
        limit = limit.grown(taken) if went_through else limit.lowered(taken)
        assert 1 <= limit.now <= 500
