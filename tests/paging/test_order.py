"""The reading rule, one promise at a time."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from moving_list import MovingList, Read, Record, at, order_for

from walead_async.errors import PaginationError
from walead_async.models import Completeness

if TYPE_CHECKING:
    from collections.abc import Callable

    from walead_async.paging.reader import Order

Change = "Callable[[MovingList, random.Random], object]"
KINDS = ("ASC", "DESC", "NAMED")


def reading(
    records: MovingList,
    kind: str = "ASC",
    *,
    size: int = 100,
    window: int = 1,
    after: Callable[[MovingList, random.Random], object] | None = None,
    most: int = 10**9,
) -> Read:
    """A read of pages of `size`. `after` changes the list after each of the first `most` answers."""
    rng = random.Random(7)

    def fetch(offset: int) -> list[Record]:
        page = records.page(offset, size, descending=kind == "DESC")
        if after and reader.requests <= most:
            after(records, rng)
        return page

    reader = Read(order_for(kind), fetch, window=window)
    return reader


def judged(order: Order[Record], *pages: list[Record]) -> list[list[Record]]:
    """Give the order these answers, one at a time, and return what it yields."""
    new = []
    for page in pages:
        order.ahead()
        new.append(list(order.judge(page).records))
    return new


def removing(number: int) -> Callable[[MovingList, random.Random], object]:
    def change(records: MovingList, rng: random.Random) -> None:
        for _ in range(min(number, len(records.records))):
            records.remove(rng.randrange(len(records.records)))

    return change


def adding(records: MovingList, rng: random.Random) -> None:
    records.add()


def renewing(records: MovingList, rng: random.Random) -> None:
    records.renew(rng.randrange(len(records.records)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("window", [1, 2, 8, 32])
@pytest.mark.parametrize("length", [0, 1, 2, 99, 100, 101, 196, 198, 1_000])
def test_a_quiet_list_is_read_whole_and_complete(kind: str, window: int, length: int) -> None:
    records = MovingList(range(length))
    reader = reading(records, kind, window=window)
    assert reader.run() == (records.records[::-1] if kind == "DESC" else records.records)
    assert reader.order.verdict is Completeness.COMPLETE
    assert (reader.order.changed, reader.order.doubt) == (None, None)
    assert reader.requests <= 1.02 * (length // 100 + 1) + window + 3


@pytest.mark.parametrize("window", [1, 8, 32])
def test_a_long_quiet_list_takes_few_requests_more_than_the_plain_loop(window: int) -> None:
    reader = reading(MovingList(range(10_000)), window=window)
    assert len(reader.run()) == 10_000
    assert reader.requests <= 1.02 * 101 + window + 3


@pytest.mark.parametrize("window", [1, 8])
@pytest.mark.parametrize("kind", ["ASC", "DESC"])
@pytest.mark.parametrize(
    "change", [removing(1), removing(10), adding, renewing], ids=["remove", "remove 10", "add", "renew"]
)
def test_a_list_that_moves_under_the_reader_loses_and_doubles_nothing(
    change: Callable[[MovingList, random.Random], object], kind: str, window: int
) -> None:
    records = MovingList(range(10_000))
    reader = reading(records, kind, window=window, after=change)
    got = reader.run()
    assert len(set(got)) == len(got)
    assert records.faithful.keys() <= set(got)
    assert reader.order.verdict is Completeness.CHANGED
    assert reader.requests < 250


@pytest.mark.parametrize("window", [1, 8])
def test_a_caller_who_unblocks_what_it_reads_misses_nobody(window: int) -> None:
    records = MovingList(range(10_000))
    reader = reading(records, window=window)
    got: list[Record] = []
    while not reader.order.ended:
        for record in reader.step():
            got.append(record)
            records.records.remove(record)
    assert len(set(got)) == len(got) == 10_000
    assert reader.order.verdict is Completeness.CHANGED


def test_a_page_that_begins_with_an_unknown_record_is_read_again_from_further_back() -> None:
    records = MovingList(range(30))
    order = order_for()
    judged(order, records.page(0, 10))
    for _ in range(4):
        records.remove(0)
    assert order.ahead() == 8
    step = order.judge(records.page(8, 10))
    assert (list(step.records), step.accepted) == ([], False)
    again = order.ahead()
    assert again is not None
    assert again == 6
    assert order.width == 1


def test_after_a_refused_page_what_was_asked_ahead_is_dropped() -> None:
    records = MovingList(range(100))
    order = order_for(page_size=10)
    assert [order.ahead() for _ in range(4)] == [0, 8, 16, 24]
    order.judge(records.page(0, 10))
    step = order.judge(records.page(20, 10))
    assert (step.accepted, step.dropped, list(order.asked)) == (False, True, [])


def test_pages_asked_ahead_are_judged_whenever_they_were_fetched() -> None:
    records = MovingList(range(30))
    early = records.page(8, 10)
    for _ in range(5):
        records.remove(20)
    order = order_for(page_size=10)
    assert (order.ahead(), order.ahead()) == (0, 8)
    new = list(order.judge(records.page(0, 10)).records) + list(order.judge(early).records)
    assert [record.id for record in new] == [f"r{number}" for number in range(18)]


def test_a_page_that_lies_too_far_ahead_for_a_tie_group_waits_for_one_before_it() -> None:
    records = MovingList([0, 1, 2, 3, 4, 5, 6, 9, 9, 9, *range(10, 40)])
    order = order_for(page_size=10)
    assert [order.ahead() for _ in range(3)] == [0, 8, 16]
    step = order.judge(records.page(0, 10))
    assert (step.first, step.dropped) == (6, False)
    assert list(order.asked) == [6, 8, 16]


def test_a_tie_group_that_comes_in_another_order_is_read_whole() -> None:
    first = [Record(at(number), f"r{number}") for number in range(8)]
    a, b, c = (Record(at(9), name) for name in "abc")
    rest = [Record(at(number), f"r{number}") for number in range(10, 16)]
    order = order_for()
    assert judged(order, [*first, a, b])[0][-2:] == [a, b]
    assert order.ahead() == 7
    assert list(order.judge([first[-1], c, a, b, *rest]).records) == [c, *rest]


def test_a_page_that_begins_inside_a_small_tie_group_adds_nothing_until_the_group_is_seen_whole() -> None:
    first = [Record(at(number), f"r{number}") for number in range(9)]
    a, hidden = Record(at(9), "a"), Record(at(9), "hidden")
    rest = [Record(at(number), f"r{number}") for number in range(10, 19)]
    order = order_for()
    judged(order, [*first, a])
    assert order.ahead() == 8
    step = order.judge([a, *rest])
    assert (list(step.records), step.accepted) == ([], False)
    assert order.ahead() == 6
    assert list(order.judge([*first[-2:], hidden, a, *rest[:6]]).records) == [hidden, *rest[:6]]


def test_a_tie_group_larger_than_a_page_is_trusted_once_its_order_was_compared() -> None:
    records = MovingList([0] * 500)
    reader = reading(records, window=8)
    assert reader.run() == records.records
    assert reader.order.verdict is Completeness.COMPLETE
    assert reader.requests < 30


@pytest.mark.parametrize("kind", ["ASC", "DESC"])
def test_a_tie_group_larger_than_a_page_in_another_order_each_time_cannot_be_read(kind: str) -> None:
    records, rng = MovingList([0] * 300), random.Random(1)
    reader = Read(order_for(kind), lambda offset: records.page(offset, 100, shuffle=rng), window=4)
    with pytest.raises(PaginationError, match="more records share one createdAt than fit into a page of 100"):
        reader.run()
    assert reader.requests < 30


def test_a_shuffled_tie_group_that_outgrows_a_page_while_it_is_read_is_given_up() -> None:
    records, rng = MovingList([0] * 9), random.Random(4)

    def fetch(offset: int) -> list[Record]:
        records.add(records.records[-1].created_at)
        page = records.page(offset, 4, descending=True)
        return page[::-1] if rng.random() < 0.2 else page

    reader = Read(order_for("DESC"), fetch)
    with pytest.raises(PaginationError, match="share one createdAt"):
        reader.run()
    assert reader.requests < 40


@pytest.mark.parametrize("length", [2, 3, 10, 60, 99])
def test_a_list_in_one_answer_is_complete_whatever_the_order_of_its_ties(length: int) -> None:
    records, rng = MovingList([0] * length), random.Random(2)
    reader = Read(order_for(), lambda offset: records.page(offset, 100, shuffle=rng), window=8)
    assert set(reader.run()) == set(records.records)
    assert len(reader.got) == length


def test_a_list_that_grows_with_each_request_is_read_to_an_end() -> None:
    records = MovingList(range(250))
    reader = reading(records, after=adding)
    got = reader.run()
    assert got[:250] == list(records.faithful)[:250]
    assert (reader.order.verdict, reader.order.changed) == (
        Completeness.CHANGED,
        "the list grew at its end while it was read",
    )
    assert reader.requests < 25


def test_pages_cut_short_in_the_middle_leave_the_read_unverified() -> None:
    records, rng = MovingList(range(1_000)), random.Random(3)
    reader = Read(order_for(), lambda offset: records.page(offset, rng.randrange(30, 101)), window=4)
    assert reader.run() == records.records
    assert reader.order.verdict is Completeness.UNVERIFIED
    assert "cut short in the middle" in str(reader.order.doubt)


@pytest.mark.parametrize("seed", range(20))
def test_a_quiet_list_of_small_varying_pages_is_read_to_its_end(seed: int) -> None:
    records, rng = MovingList(range(200)), random.Random(seed)
    reader = Read(order_for("DESC"), lambda offset: records.page(offset, rng.randrange(2, 5), descending=True))
    assert reader.run() == records.records[::-1]


def test_records_added_among_those_read_leave_an_ascending_read_unverified() -> None:
    records = MovingList(range(0, 500, 2))
    reader = reading(records, after=lambda records, rng: records.add(at(1)), most=1)
    assert set(reader.run()) >= set(records.faithful)
    assert reader.order.verdict is Completeness.UNVERIFIED
    assert "the list ended at position 251, though 250 records were read" in str(reader.order.doubt)


def test_an_empty_answer_in_the_middle_is_not_the_end() -> None:
    records = MovingList(range(50))
    empty = iter([False, False, True, False, True])
    reader = Read(order_for(), lambda offset: [] if next(empty, False) else records.page(offset, 10))
    assert reader.run() == records.records
    assert reader.order.verdict is Completeness.CHANGED


def test_a_list_that_was_emptied_meanwhile_has_changed() -> None:
    records = MovingList(range(30))
    reader = reading(records, size=10, after=lambda records, rng: records.records.clear(), most=1)
    assert len(reader.run()) == 10
    assert reader.order.verdict is Completeness.CHANGED


def test_a_service_that_repeats_one_page_for_ever_is_found_out() -> None:
    records = MovingList(range(300))
    reader = Read(order_for(), lambda offset: records.page(0, 100), window=8)
    with pytest.raises(PaginationError, match="pays no heed to the offset"):
        reader.run()
    assert reader.requests < 150


def test_pages_of_one_record_are_found_out() -> None:
    records = MovingList(range(5))
    reader = reading(records, size=1)
    with pytest.raises(PaginationError, match="gives one record a page"):
        reader.run()
    assert reader.requests < 20


def test_a_record_twice_in_a_page_is_found_out() -> None:
    records = MovingList(range(5))
    with pytest.raises(PaginationError, match="names a record twice in one page, at offset 0"):
        judged(order_for(), [*records.records, records.records[-1]])


@pytest.mark.parametrize(("kind", "wanted"), [("ASC", "oldest first"), ("DESC", "newest first")])
def test_a_page_out_of_order_is_found_out(kind: str, wanted: str) -> None:
    page = MovingList(range(5)).page(0, 5, descending=kind == "ASC")
    with pytest.raises(PaginationError, match=f"did not sort its page at offset 0 by createdAt, {wanted}"):
        judged(order_for(kind), page)


def test_a_list_that_changes_faster_than_it_can_be_read_is_given_up() -> None:
    records = MovingList(range(1_000))

    def fetch(offset: int) -> list[Record]:
        for _ in range(500):
            records.add()
        return records.page(offset, 10, descending=True)

    reader = Read(order_for("DESC"), fetch)
    with pytest.raises(PaginationError, match=r"Go on later|Try again later"):
        reader.run()
    assert reader.requests < 150


def test_a_campaign_list_that_moves_is_unverified_and_still_yields_nobody_twice() -> None:
    records = MovingList(range(1_000))
    reader = reading(records, "NAMED", window=4, after=removing(3))
    got = reader.run()
    assert len(set(got)) == len(got)
    assert records.faithful.keys() <= set(got)
    assert reader.order.verdict is Completeness.UNVERIFIED


def test_a_name_twice_in_a_page_is_yielded_once_and_leaves_a_campaign_list_unverified() -> None:
    records = MovingList(range(5)).records
    order = order_for("NAMED")
    assert judged(order, [*records, records[2]])[0] == records
    assert "names somebody twice" in str(order.doubt)


@pytest.mark.parametrize("kind", KINDS)
def test_a_read_goes_on_after_the_last_record_that_was_taken(kind: str) -> None:
    records = MovingList(number // 3 for number in range(300))
    first = reading(records, kind, size=20, window=3)
    while len(first.got) < 100:
        first.step()
    mark = first.order.mark(left=7)
    assert mark is not None
    taken = first.got[: len(first.got) - 7]
    for index in (3, 50, 250):
        records.remove(index)
    second = Read(order_for(kind, start=mark), lambda offset: records.page(offset, 20, descending=kind == "DESC"))
    second.run()
    both = taken + second.got
    assert len(set(both)) == len(both)
    assert records.faithful.keys() <= set(both)


def test_there_is_no_mark_before_the_first_record() -> None:
    order = order_for()
    assert order.mark() is None
    judged(order, MovingList(range(5)).records)
    assert order.mark(left=5) is None
    assert order.mark(left=4) is not None


@pytest.mark.parametrize("kind", KINDS)
def test_a_read_that_is_stopped_before_its_first_answer_stands_where_it_began(kind: str) -> None:
    records = MovingList(range(7))
    first = order_for(kind)
    judged(first, records.page(0, 4, descending=kind == "DESC"))
    mark = first.mark()
    assert mark is not None
    again = order_for(kind, start=mark).mark()
    assert again == mark
    second = Read(order_for(kind, start=again), lambda offset: records.page(offset, 4, descending=kind == "DESC"))
    second.run()
    assert len(second.got) == 3
    assert second.order.verdict is Completeness.COMPLETE


def test_the_page_size_is_known_once_a_page_was_followed_by_more() -> None:
    records = MovingList(range(30))
    order = order_for()
    judged(order, records.page(0, 10))
    assert order.page_size is None
    judged(order, records.page(8, 10))
    assert order.page_size == 10


def test_a_wrong_guess_of_the_page_size_costs_requests_and_nothing_else() -> None:
    for guess in (1, 2, 7, 50, 1_000):
        records = MovingList(range(200))
        reader = Read(order_for(page_size=guess), lambda offset, page=records.page: page(offset, 20), window=8)
        assert reader.run() == records.records
        assert reader.order.verdict is Completeness.COMPLETE
        assert reader.requests < 50
