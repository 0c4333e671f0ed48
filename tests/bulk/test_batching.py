"""How items are cut into requests, and how duplicates are found."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest
from blocklist import FakeCaller, FakeOperation, Service
from hypothesis import given
from hypothesis import strategies as st

from walead_async.bulk.batching import Batch, Batcher, FirstPositions, Limits, SizeLimit, size_of
from walead_async.bulk.outcomes import Chunk
from walead_async.errors import WaleadError
from walead_async.models import Status

OPEN_FILES = Path("/proc/self/fd")


@given(st.lists(st.integers(1, 40), min_size=1, max_size=60), st.integers(1, 20), st.integers(1, 100))
def test_cut_batches_keep_both_limits_and_every_item_once_in_order(sizes: list[int], items: int, room: int) -> None:
    encoded = [b"x" * size for size in sizes]
    cuts = Limits(items, room).cut(encoded)
    assert [item for cut in cuts for item in encoded[cut]] == encoded
    for cut in cuts:
        batch = encoded[cut]
        assert len(batch) <= items
        assert size_of(batch) <= room or len(batch) == 1


def test_an_item_above_the_limit_stands_alone() -> None:
    assert Limits(500, 10).cut([b"a", b"b" * 50, b"c"]) == [slice(0, 1), slice(1, 2), slice(2, 3)]


@given(st.integers(2, 5_000), st.sampled_from([2, 4]))
def test_a_bisection_covers_everything_once_in_order_in_equal_parts(count: int, ways: int) -> None:
    chunk = Chunk(0, range(count), [str(number) for number in range(count)])
    parts = Batch(((chunk, range(count)),)).bisected(ways)
    assert [item for part in parts for item in part.items] == list(range(count))
    assert len(parts) == min(count, ways)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_a_413_halves_the_limit_which_doubles_again_below_what_was_refused() -> None:
    limit = SizeLimit(500)
    limit.refused(500)
    limit.refused(250)
    assert limit.now == 125
    for full in (125, 125, 125):
        limit.accepted(full)
        assert limit.now == 125
    limit = SizeLimit(500)
    limit.refused(300)
    limit.accepted(150)
    limit.refused(200)
    limit.refused(30)
    assert limit.now == 100
    limit.accepted(100)
    assert limit.now == 100


def test_a_request_that_did_not_fill_the_limit_proves_nothing() -> None:
    limit = SizeLimit(800)
    limit.refused(700)
    limit.now = 100
    limit.accepted(50)
    assert limit.now == 100
    limit.accepted(60)
    assert limit.now == 200


def test_a_413_for_fewer_items_than_went_through_before_is_not_about_their_number() -> None:
    limit = SizeLimit(500)
    limit.accepted(400)
    limit.refused(300)
    assert limit.now == 500


def test_one_heavy_item_does_not_make_later_batches_small() -> None:
    limits = Limits(500)
    heavy = Chunk(0, ["x"] * 500, ["x"] * 500)
    for count in (500, 250, 125, 62, 31, 15, 7, 3, 1):
        batch = Batch(((heavy, range(count)),))
        batch.size = 800_000
        limits.refused(batch)
    for count in (1, 3, 7, 15, 31, 62, 125, 250, 500, 500, 500):
        batch = Batch(((heavy, range(count)),))
        batch.size = count * 20
        limits.accepted(batch)
    assert limits.items.now == 500


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 600)), max_size=60))
def test_a_limit_is_never_below_one_nor_above_what_was_asked_for(steps: list[tuple[bool, int]]) -> None:
    limit = SizeLimit(500)
    for accepted, size in steps:
        (limit.accepted if accepted else limit.refused)(size)
        assert 1 <= limit.now <= 500


@given(st.lists(st.sampled_from(["a", "b", "c", "d", "e", "A", "no word", None]), max_size=60), st.integers(1, 4))
def test_whatever_is_given_every_key_is_in_one_batch_once_and_all_else_is_resolved(
    items: list[object], size: int
) -> None:
    batcher, limits = Batcher(FakeOperation(FakeCaller(Service())).entries), Limits(size)
    sent: list[str] = []
    chunks: list[Chunk] = []
    for first in range(0, len(items), 3):
        chunks.append(chunk := Chunk(first, items[first : first + 3]))
        batcher.add(chunk)
        for batch in batcher.take(limits, everything=first + 3 >= len(items)):
            assert 0 < len(batch) <= size
            sent += batch.keys
    assert sent == list(dict.fromkeys(item.lower() for item in items if item and item != "no word"))
    assert sum(chunk.pending for chunk in chunks) == len(sent)
    resolved = [result.status for chunk in chunks for result in chunk.results.values()]
    assert resolved.count(Status.INVALID) == sum(item in {"no word", None} for item in items)


@given(
    st.lists(st.lists(st.text("aä\udcff", max_size=3), min_size=1, max_size=8), max_size=12),
    st.sampled_from([0, 3, 1_000]),
)
def test_every_key_is_told_where_it_stood_first_in_memory_and_in_the_database(
    batches: list[list[str]], in_memory: int
) -> None:
    firsts = FirstPositions(in_memory)
    known: dict[str, int] = {}
    position = 0
    try:
        for keys in batches:
            positions = range(position, position + len(keys))
            expected = [known.setdefault(key, at) for key, at in zip(keys, positions, strict=True)]
            assert list(firsts.of(keys, positions)) == expected
            position += len(keys)
    finally:
        firsts.close()


def many_names(firsts: FirstPositions) -> None:
    """So many that SQLite cannot hold them all in memory."""
    for start in range(0, 400_000, 10_000):
        firsts.of([f"john-doe-{number}" for number in range(start, start + 10_000)], range(start, start + 10_000))


def open_files() -> dict[str, Path]:
    return {str(path.readlink()): path for path in list(OPEN_FILES.iterdir()) if path.exists()}


def test_the_file_of_a_long_input_has_no_name_and_holds_no_key() -> None:
    before = open_files()
    firsts = FirstPositions(1)
    many_names(firsts)
    [(name, file)] = [(name, file) for name, file in open_files().items() if name not in before]
    assert name.endswith(" (deleted)")
    content = file.read_bytes()
    assert len(content) > 100_000
    assert b"john-doe" not in content
    assert list(firsts.of(["john-doe-7"], [400_000])) == [7]
    firsts.close()
    assert open_files().keys() <= before.keys()


def test_a_full_disk_is_an_error_that_says_what_to_do() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    firsts = FirstPositions(1)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(WaleadError, match="SQLITE_TMPDIR"):
            many_names(firsts)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        firsts.close()


def test_two_runs_hash_with_different_keys() -> None:
    assert FirstPositions().hashed("a") != FirstPositions().hashed("a")
