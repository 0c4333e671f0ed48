"""The reading rule, sentence by sentence: what is asked for, what is yielded, and what the read says of it."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from moving_list import MovingList, Read, Record, at, reader_for

from walead_async.errors import PaginationError
from walead_async.models import Completeness
from walead_async.paging.reader import Ask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from walead_async.paging.reader import Decision, Reader

    Change = Callable[[MovingList, random.Random], object]

KINDS = ("ASC", "DESC", "NAMED")
LOOK = Ask(0, other_side=True)


def reading(
    records: MovingList,
    kind: str = "ASC",
    *,
    size: int = 100,
    window: int = 1,
    after: Change | None = None,
    most: int = 10**9,
) -> Read:
    """A read of pages of `size`. `after` changes the list after each of the first `most` answers."""
    rng = random.Random(7)

    def fetch(ask: Ask) -> list[Record]:
        page = records.answer(ask, size, kind)
        if after and read.requests <= most:
            after(records, rng)
        return page

    read = Read(reader_for(kind), fetch, window=window)
    return read


def give(reader: Reader[Record], *pages: tuple[Ask | int, Sequence[Record]]) -> Decision[Record]:
    """Give the reader these pages, each with what was asked for, and return what the last one led to."""
    for asked, page in pages:
        ask = asked if isinstance(asked, Ask) else Ask(asked)
        decision = reader.process_page(ask, page)
    return decision


def names(records: Iterable[Record]) -> str:
    return " ".join(record.id for record in records)


def removing(number: int) -> Change:
    def change(records: MovingList, rng: random.Random) -> None:
        for _ in range(min(number, len(records.records))):
            records.remove(rng.randrange(len(records.records)))

    return change


def adding(records: MovingList, rng: random.Random) -> None:
    records.add()


def renewing(records: MovingList, rng: random.Random) -> None:
    records.renew(rng.randrange(len(records.records)))


def dropping_the_last(records: MovingList, rng: random.Random) -> None:
    records.remove(-1)


# A list that stays as it is


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("window", [1, 2, 8, 32])
@pytest.mark.parametrize("length", [0, 1, 2, 3, 99, 100, 101, 196, 198, 1_000])
def test_a_quiet_list_is_read_whole_and_complete(kind: str, window: int, length: int) -> None:
    records = MovingList(range(length))
    read = reading(records, kind, window=window)
    assert read.run() == (records.records[::-1] if kind == "DESC" else records.records)
    assert (read.reader.verdict, read.reader.why) == (Completeness.COMPLETE, None)
    assert read.requests <= 1.02 * (length // 100 + 1) + window + 4


@pytest.mark.parametrize(("window", "most"), [(1, 107), (8, 114), (32, 138)])
@pytest.mark.parametrize("kind", ["ASC", "DESC"])
def test_a_long_quiet_list_takes_few_requests_more_than_the_plain_loop(kind: str, window: int, most: int) -> None:
    read = reading(MovingList(range(10_000)), kind, window=window)
    assert len(read.run()) == 10_000
    assert read.requests <= most


@pytest.mark.parametrize("ties", [2, 5, 30, 500])
@pytest.mark.parametrize("kind", ["ASC", "DESC"])
def test_records_that_share_their_dates_cost_requests_and_no_more(kind: str, ties: int) -> None:
    read = reading(MovingList(number // ties for number in range(10_000)), kind, window=8)
    assert len(read.run()) == 10_000
    assert read.reader.verdict is Completeness.COMPLETE
    assert read.requests <= 210


@pytest.mark.parametrize("guess", [1, 2, 7, 20, 50, 1_000])
def test_a_wrong_guess_of_the_page_size_costs_requests_and_nothing_else(guess: int) -> None:
    records = MovingList(range(200))
    read = Read(reader_for(page_size=guess), lambda ask: records.answer(ask, 20), window=8)
    assert read.run() == records.records
    assert read.reader.verdict is Completeness.COMPLETE
    assert read.requests < 40


def test_a_guess_that_no_page_reaches_is_given_up_and_pages_are_asked_for_ahead_again() -> None:
    records, reader = MovingList(range(200)), reader_for(page_size=1_000)
    give(reader, *((offset, records.page(offset, 20)) for offset in (0, 18, 36)))
    assert reader.stride == 18


def test_the_page_size_is_known_once_a_page_was_followed_by_more() -> None:
    records, reader = MovingList(range(30)), reader_for()
    give(reader, (0, records.page(0, 10)))
    assert reader.page_size is None
    give(reader, (8, records.page(8, 10)))
    assert reader.page_size == 10


def test_a_list_that_fits_into_one_page_teaches_no_page_size() -> None:
    read = reading(MovingList(range(42)), after=adding, most=1)
    assert len(read.run()) == 43
    assert read.reader.page_size is None


# 1: A page joins at offset 0, or if it begins with a record that was yielded


def test_everything_in_a_page_that_joins_and_was_not_yielded_is_new() -> None:
    records, reader = MovingList(range(30)), reader_for()
    assert names(give(reader, (0, records.page(0, 10))).records) == "r0 r1 r2 r3 r4 r5 r6 r7 r8 r9"
    decision = give(reader, (4, records.page(4, 10)))
    assert (names(decision.records), decision.accepted) == ("r10 r11 r12 r13", True)


def test_a_list_whose_every_record_was_removed_and_replaced_joins_at_offset_0() -> None:
    records, reader = MovingList(range(10)), reader_for()
    give(reader, (0, records.page(0, 10)))
    later = MovingList(range(20, 30))
    decision = give(reader, (0, later.records))
    assert (list(decision.records), decision.accepted) == (later.records, True)


# 2: After a page that does not join, step back


def test_after_a_page_that_does_not_join_the_reader_steps_back_twice_as_far_each_time_until_one_joins() -> None:
    records, reader = MovingList(range(300)), reader_for()
    give(reader, (0, records.page(0, 100)), (98, records.page(98, 100)))
    for _ in range(90):
        records.remove(0)
    decision = give(reader, (196, records.page(196, 100)))
    assert (list(decision.records), decision.accepted, decision.ask, decision.keep) == ([], False, (Ask(171),), None)
    assert (reader.width, reader.stride) == (1, 0)
    assert give(reader, (171, records.page(171, 100))).ask == (Ask(121),)
    decision = give(reader, (121, records.page(121, 100)))
    assert decision.ask == (Ask(21),)
    decision = give(reader, (21, records.page(21, 100)))
    assert names(decision.records[:2]) == "r198 r199"


def test_an_empty_answer_in_the_middle_is_not_the_end() -> None:
    records = MovingList(range(50))
    empty = iter([False, False, True, False, True])
    read = Read(reader_for(), lambda ask: [] if next(empty, False) else records.answer(ask, 10))
    assert read.run() == records.records
    assert (read.reader.verdict, read.reader.why) == (
        Completeness.CHANGED,
        "records that had been read were removed, so that a page began too far on",
    )


@pytest.mark.parametrize("window", [1, 8, 32])
@pytest.mark.parametrize("kind", ["ASC", "DESC"])
@pytest.mark.parametrize(
    ("change", "most"),
    [(removing(1), 220), (removing(10), 274), (adding, 150), (renewing, 220), (dropping_the_last, 230)],
    ids=["remove", "remove 10", "add", "renew", "last"],
)
def test_a_list_that_moves_between_any_two_requests_loses_and_doubles_nothing_and_ends_as_changed(
    change: Change, most: int, kind: str, window: int
) -> None:
    records = MovingList(range(10_000))
    read = reading(records, kind, window=window, after=change)
    got = read.run()
    assert len(set(got)) == len(got)
    assert records.faithful.keys() <= set(got)
    assert read.reader.verdict is Completeness.CHANGED
    assert read.requests <= most


@pytest.mark.parametrize("window", [1, 8])
def test_a_caller_who_unblocks_what_it_reads_misses_nobody(window: int) -> None:
    records = MovingList(range(10_000))
    read = reading(records, window=window)
    while not read.reader.ended:
        for record in read.step().records:
            records.records.remove(record)
    assert len(set(read.got)) == len(read.got) == 10_000
    assert read.reader.verdict is Completeness.CHANGED
    assert read.requests <= 215


@pytest.mark.parametrize("size", [2, 3, 4, 10])
def test_after_many_records_were_removed_at_once_the_rest_is_read_with_few_requests_more(size: int) -> None:
    records = MovingList(range(7 * size))
    read = Read(reader_for(), lambda ask: records.answer(ask, size), late=lambda: True)
    for _ in range(4):
        read.step()
    for _ in range(5 * size):
        records.remove(0)
    assert records.faithful.keys() <= set(read.run())
    assert read.reader.verdict is Completeness.CHANGED
    assert read.requests < 25


def test_thousands_of_records_added_before_those_that_were_read_are_passed_in_leaps() -> None:
    records = MovingList(range(1_000))
    read = reading(records, "DESC")
    read.step()
    for _ in range(20_000):
        records.add()
    assert names(read.run()) == " ".join(f"r{number}" for number in reversed(range(1_000)))
    assert read.reader.verdict is Completeness.CHANGED
    assert read.requests < 60


# 3: The next page shows records of one date whole


def test_the_next_page_begins_with_the_last_two_records_where_dates_differ() -> None:
    decision = give(reader_for(), (0, MovingList(range(10)).records))
    assert (decision.ask, decision.keep) == ((Ask(8),), 8)


def test_the_next_page_begins_one_record_below_those_that_share_the_last_date() -> None:
    decision = give(reader_for(), (0, MovingList([0, 1, 2, 3, 4, 5, 6, 9, 9, 9]).records))
    assert (decision.ask, decision.keep) == ((Ask(6),), 6)


def test_the_next_page_begins_with_the_last_two_if_more_than_half_a_page_shares_the_last_date() -> None:
    decision = give(reader_for(), (0, MovingList([0, 1, 2, 9, 9, 9, 9, 9, 9, 9]).records))
    assert (decision.ask, decision.keep) == ((Ask(8),), 8)


def test_records_of_one_date_that_come_in_another_order_are_read_whole() -> None:
    first = [Record(at(number), f"r{number}") for number in range(8)]
    a, b, c = (Record(at(9), name) for name in "abc")
    rest = [Record(at(number), f"r{number}") for number in range(10, 16)]
    reader = reader_for()
    assert give(reader, (0, [*first, a, b])).ask == (Ask(7),)
    assert list(give(reader, (7, [first[-1], c, a, b, *rest])).records) == [c, *rest]


def test_a_page_that_begins_inside_a_small_group_adds_nothing_until_the_group_is_seen_whole() -> None:
    first = [Record(at(number), f"r{number}") for number in range(9)]
    a, hidden = Record(at(9), "a"), Record(at(9), "hidden")
    rest = [Record(at(number), f"r{number}") for number in range(10, 19)]
    reader = reader_for()
    assert give(reader, (0, [*first, a])).ask == (Ask(8),)
    decision = give(reader, (8, [a, *rest]))
    assert (list(decision.records), decision.accepted, decision.ask) == ([], False, (Ask(7),))
    assert list(give(reader, (7, [*first[-1:], hidden, a, *rest[:7]])).records) == [hidden, *rest[:7]]


def test_a_group_larger_than_a_page_is_read_if_its_order_is_the_same_each_time() -> None:
    records = MovingList([0] * 500)
    read = reading(records, window=8)
    assert read.run() == records.records
    assert read.reader.verdict is Completeness.COMPLETE
    assert read.requests < 20


@pytest.mark.parametrize("kind", ["ASC", "DESC"])
def test_a_group_larger_than_a_page_in_another_order_each_time_cannot_be_read(kind: str) -> None:
    records, rng = MovingList([0] * 300), random.Random(1)
    read = Read(reader_for(kind), lambda ask: records.page(ask.offset, 100, shuffle=rng), window=4)
    with pytest.raises(PaginationError, match="more records share one createdAt than fit into half a page of 100"):
        read.run()
    assert read.requests < 30


def test_a_record_amid_a_large_group_that_had_been_read_leaves_the_read_unverified() -> None:
    group = [Record(at(0), name) for name in "abcdefghij"]
    reader = reader_for()
    give(reader, (0, group), (8, [group[8], Record(at(0), "new"), group[9], *MovingList(range(1, 8)).records]))
    assert "turned up between records of the same createdAt" in str(reader.why)


@pytest.mark.parametrize("length", [2, 3, 10, 60, 99])
def test_a_list_in_one_answer_is_complete_whatever_the_order_of_its_records_of_one_date(length: int) -> None:
    records, rng = MovingList([0] * length), random.Random(2)
    read = Read(reader_for(), lambda ask: records.page(ask.offset, 100, shuffle=rng), window=8)
    assert set(read.run()) == set(records.records)
    assert (len(read.got), read.reader.verdict) == (length, Completeness.COMPLETE)


# 4: The end is the last record alone


def test_after_a_short_page_the_last_record_and_one_past_it_are_asked_for_at_once_with_the_second_look() -> None:
    records, reader = MovingList(range(150)), reader_for()
    decision = give(reader, (0, records.page(0, 100)), (98, records.page(98, 100)))
    assert decision.ask == (LOOK, Ask(149), Ask(150))
    decision = give(reader, (LOOK, records.page(0, 100, descending=True)))
    assert (decision.ask, decision.keep, reader.ended) == ((Ask(149), Ask(150)), 149, False)
    give(reader, (149, records.page(149, 100)))
    assert (reader.ended, reader.verdict) == (True, Completeness.COMPLETE)


def test_after_a_short_page_that_ends_in_records_of_one_date_these_are_asked_for_whole() -> None:
    records, reader = MovingList([*range(147), 147, 147, 147]), reader_for()
    decision = give(reader, (0, records.page(0, 100)), (98, records.page(98, 100)))
    assert decision.ask == (LOOK, Ask(146), Ask(149), Ask(150))


def test_a_full_page_is_never_the_end() -> None:
    records, reader = MovingList(range(198)), reader_for()
    give(reader, (0, records.page(0, 100)), (98, records.page(98, 100)))
    assert not reader.ended
    assert give(reader, (196, records.page(196, 100))).ask == (LOOK, Ask(197), Ask(198))


def test_a_list_of_one_record_ends_if_nothing_stands_past_it_before_it_is_seen_once_more() -> None:
    read = reading(MovingList(range(1)))
    assert names(read.run()) == "r0"
    assert read.asked == [Ask(0), Ask(0), Ask(1), Ask(0)]
    assert read.reader.verdict is Completeness.COMPLETE


def test_a_list_of_one_record_that_is_emptied_meanwhile_has_changed() -> None:
    read = reading(MovingList(range(1)), after=removing(1))
    assert len(read.run()) == 1
    assert (read.reader.verdict, read.reader.why) == (
        Completeness.CHANGED,
        "every record that had been read was removed",
    )


def test_another_record_alone_at_the_end_than_the_last_one_read_is_a_change() -> None:
    records, reader = MovingList(range(150)), reader_for(second_look="no")
    give(reader, (0, records.page(0, 100)), (98, records.page(98, 100)), (149, records.page(148, 1)))
    assert (reader.verdict, reader.why) == (
        Completeness.CHANGED,
        "the last record that had been read was removed",
    )


def test_an_end_that_has_moved_on_by_one_is_seen_in_the_page_past_it_that_is_under_way() -> None:
    records, reader = MovingList(range(150)), reader_for("DESC")
    pages = [(offset, records.page(offset, 100, descending=True)) for offset in (0, 98)]
    give(reader, *pages, (LOOK, records.page(0, 100)))
    records.add()
    assert give(reader, (149, records.page(149, 100, descending=True))).keep == 150
    give(reader, (150, records.page(150, 100, descending=True)))
    assert (reader.ended, reader.verdict) == (True, Completeness.CHANGED)


def test_a_list_that_grows_between_any_two_requests_ends_once_all_that_stood_there_was_yielded() -> None:
    records = MovingList(range(250))
    read = reading(records, after=adding)
    assert read.run()[:250] == list(records.faithful)[:250]
    assert (read.reader.verdict, read.reader.why) == (
        Completeness.CHANGED,
        "the list changed each time its end was looked at",
    )
    assert read.requests < 15


@pytest.mark.parametrize("length", [30, 250])
@pytest.mark.parametrize("change", [removing(1), adding, dropping_the_last])
@pytest.mark.parametrize("kind", ["ASC", "DESC"])
def test_a_short_list_that_changes_between_any_two_requests_ends_as_changed(
    change: Change, kind: str, length: int
) -> None:
    records = MovingList(range(length))
    read = reading(records, kind, after=change)
    read.run()
    assert records.faithful.keys() <= set(read.got)
    assert read.reader.verdict is Completeness.CHANGED
    assert read.requests < 40


def test_an_end_that_moves_where_nothing_can_be_seen_from_the_other_side_leaves_the_read_unverified() -> None:
    records = MovingList(range(250))
    read = Read(reader_for(second_look="no"), lambda ask: (records.add(), records.answer(ask, 100))[1])
    read.run()
    assert (read.reader.verdict, read.reader.why) == (
        Completeness.UNVERIFIED,
        "the list changed each time its end was looked at",
    )


def test_a_list_that_was_emptied_meanwhile_has_changed() -> None:
    records = MovingList(range(30))
    read = reading(records, size=10, after=lambda records, rng: records.records.clear(), most=1)
    assert len(read.run()) == 10
    assert (read.reader.verdict, read.reader.why) == (
        Completeness.CHANGED,
        "records that had been read were removed, so that a page began too far on",
    )


def test_pages_that_vary_in_length_are_no_fault() -> None:
    records, rng = MovingList(range(1_000)), random.Random(3)
    read = Read(reader_for(), lambda ask: records.answer(ask, rng.randrange(30, 101)), window=4)
    assert read.run() == records.records
    assert read.reader.verdict is Completeness.COMPLETE


@pytest.mark.parametrize("seed", range(20))
def test_a_quiet_list_of_small_varying_pages_is_read_to_its_end(seed: int) -> None:
    records, rng = MovingList(range(200)), random.Random(seed)
    read = Read(reader_for("DESC"), lambda ask: records.answer(ask, rng.randrange(2, 5), "DESC"))
    assert read.run() == records.records[::-1]


@pytest.mark.parametrize("when", [1, 3])
def test_records_added_among_those_read_leave_an_ascending_read_unverified(when: int) -> None:
    records = MovingList(range(0, 500, 2))
    read = reading(records, after=lambda records, rng: read.requests == when and records.add(at(1)))
    assert set(read.run()) >= set(records.faithful)
    assert read.reader.verdict is Completeness.UNVERIFIED
    assert "the list ended at position 251, though 250 records were read" in str(read.reader.why)


# The second look from the other side


@pytest.mark.parametrize("kind", ["ASC", "DESC"])
def test_a_service_that_shows_the_first_thousand_only_is_never_said_to_be_read_completely(kind: str) -> None:
    records = MovingList(range(1_500))
    read = Read(reader_for(kind), lambda ask: records.answer(ask, max(0, min(100, 1_000 - ask.offset)), kind), window=8)
    assert len(read.run()) == 1_000
    assert (read.reader.verdict, read.reader.why) == (
        Completeness.UNVERIFIED,
        "seen from its other side the list goes on beyond the last record that any page shows",
    )
    assert read.asked.count(LOOK) == 2


@pytest.mark.parametrize("kind", ["ASC", "DESC"])
def test_a_service_that_filters_a_page_after_cutting_it_is_never_said_to_be_read_completely(kind: str) -> None:
    records = MovingList(range(1_000))
    hidden = set(records.records[400:550])

    def fetch(ask: Ask) -> list[Record]:
        return [record for record in records.answer(ask, 100, kind) if record not in hidden]

    read = Read(reader_for(kind), fetch, window=8)
    assert len(read.run()) < 850
    assert read.reader.verdict is Completeness.UNVERIFIED


def test_a_capped_service_whose_list_is_shorter_is_read_completely() -> None:
    records = MovingList(range(900))
    read = Read(reader_for(), lambda ask: records.answer(ask, max(0, min(100, 1_000 - ask.offset))), window=8)
    assert read.run() == records.records
    assert read.reader.verdict is Completeness.COMPLETE


def test_a_record_beyond_is_read_on_for_and_looked_for_no_more_once_a_record_as_far_was_yielded() -> None:
    records, reader = MovingList(range(150)), reader_for()
    give(reader, (0, records.page(0, 100)), (98, records.page(98, 100)))
    records.add()
    give(reader, (LOOK, records.page(0, 100, descending=True)))
    assert give(reader, (149, records.page(149, 100))).ask == (Ask(148),)
    assert names(give(reader, (148, records.page(148, 100))).records) == "r151"
    assert give(reader, (149, records.page(149, 100))).ask == (Ask(150), Ask(151))
    give(reader, (150, records.page(150, 100)))
    assert (reader.ended, reader.verdict) == (True, Completeness.COMPLETE)


def test_a_record_beyond_that_is_gone_when_it_is_looked_for_again_is_a_change() -> None:
    records, reader = MovingList(range(150)), reader_for()
    give(reader, (0, records.page(0, 100)), (98, records.page(98, 100)))
    give(reader, (LOOK, [Record(at(500), "gone"), *records.page(0, 99, descending=True)]))
    assert give(reader, (149, records.page(149, 100))).ask == (LOOK, Ask(149), Ask(150))
    give(reader, (LOOK, records.page(0, 100, descending=True)), (149, records.page(149, 100)))
    assert (reader.ended, reader.verdict) == (True, Completeness.COMPLETE)


def test_that_the_last_record_yielded_is_gone_is_a_change_like_any_other() -> None:
    records, reader = MovingList(range(150)), reader_for()
    give(reader, (0, records.page(0, 100)), (98, records.page(98, 100)))
    give(reader, (LOOK, records.page(1, 100, descending=True)), (149, records.page(149, 100)))
    assert (reader.verdict, reader.why) == (
        Completeness.CHANGED,
        "the last record that had been read was removed",
    )


def test_a_service_that_does_not_sort_the_other_side_leaves_the_read_unverified() -> None:
    records = MovingList(range(250))
    read = Read(reader_for(), lambda ask: records.page(ask.offset, 100))
    assert read.run() == records.records
    assert read.reader.verdict is Completeness.UNVERIFIED
    assert "could not be looked at from its other side" in str(read.reader.why)


@pytest.mark.parametrize(
    ("second_look", "length", "looks"),
    [
        ("no", 250, 0),
        ("long", 250, 1),
        ("always", 250, 1),
        ("long", 47, 0),
        ("long", 50, 1),  # a page of 50 may be a full one
        ("long", 100, 1),
        ("long", 0, 0),
        ("always", 47, 1),
        ("always", 0, 1),
    ],
)
def test_what_came_whole_in_one_answer_is_looked_at_again_only_if_it_must(
    second_look: str, length: int, looks: int
) -> None:
    records = MovingList(range(length))
    reader = reader_for(second_look=second_look)  # type: ignore[arg-type]
    read = Read(reader, lambda ask: records.answer(ask, 100))
    assert read.run() == records.records
    assert (read.reader.verdict, read.asked.count(LOOK)) == (Completeness.COMPLETE, looks)


def test_a_search_that_caps_what_it_finds_is_seen_through_if_absence_is_to_be_proven() -> None:
    records = MovingList(range(60))
    read = Read(reader_for(second_look="always"), lambda ask: records.answer(ask, max(0, 50 - ask.offset)))
    assert len(read.run()) == 50
    assert read.reader.verdict is Completeness.UNVERIFIED


def test_a_list_that_is_hidden_behind_its_first_page_is_not_called_complete() -> None:
    records = MovingList(range(2_300))
    hidden = set(records.records[100:1_900])
    read = Read(
        reader_for(), lambda ask: [record for record in records.answer(ask, 100) if record not in hidden], limit=200
    )
    read.run()
    assert read.reader.verdict is Completeness.UNVERIFIED


@pytest.mark.parametrize("size", [3, 5, 8, 100])
@pytest.mark.parametrize("window", [1, 8, 32])
@pytest.mark.parametrize("renews", [False, True])
def test_a_list_that_grows_at_every_request_has_an_end(size: int, window: int, renews: bool) -> None:
    records = MovingList(range(23))
    rng = random.Random(size * window)

    def fetch(ask: Ask) -> list[Record]:
        page = records.answer(ask, size)
        records.renew(rng.randrange(len(records.records))) if renews else records.add()
        return page

    read = Read(reader_for(), fetch, window=window, limit=2_000)
    got = read.run()
    assert read.reader.verdict is Completeness.CHANGED
    assert set(got) >= records.faithful.keys()


# 5: Pages fetched ahead are judged in order


def test_pages_are_asked_for_ahead_once_the_page_size_is_known_or_guessed() -> None:
    records, reader = MovingList(range(500)), reader_for()
    assert (reader.first, reader.stride) == ((Ask(0),), 0)
    give(reader, (0, records.page(0, 100)))
    assert reader.stride == 98
    assert reader_for(page_size=50).stride == 48


def test_pages_fetched_ahead_are_kept_as_long_as_they_join_whenever_they_were_fetched() -> None:
    records = MovingList(range(30))
    early = records.page(8, 10)
    for _ in range(5):
        records.remove(20)
    reader = reader_for(page_size=10)
    decision = give(reader, (0, records.page(0, 10)))
    assert decision.keep == 8
    assert names(give(reader, (8, early)).records) == "r10 r11 r12 r13 r14 r15 r16 r17"


def test_a_page_fetched_ahead_that_begins_above_what_is_asked_for_is_dropped_with_all_that_follow() -> None:
    records = MovingList([0, 1, 2, 3, 4, 5, 6, 9, 9, 9, *range(10, 40)])
    read = Read(reader_for(page_size=10), lambda ask: records.answer(ask, 10), window=3)
    read.step()
    assert read.asked == [Ask(0), Ask(8), Ask(16), Ask(24), Ask(6), *read.asked[5:]]
    assert read.dropped == 3
    assert read.run() == records.records


def test_after_a_page_that_does_not_join_the_window_is_one_page_and_doubles_again() -> None:
    records, reader = MovingList(range(1_000)), reader_for(page_size=100)
    give(reader, (0, records.page(0, 100)), (98, records.page(300, 100)))
    assert (reader.width, reader.stride) == (1, 0)
    give(reader, (73, records.page(73, 100)))
    assert reader.width == 2
    give(reader, (171, records.page(171, 100)))
    assert reader.width == 4


# What cannot be trusted


def test_a_service_that_repeats_one_page_for_ever_is_found_out() -> None:
    records = MovingList(range(300))
    read = Read(reader_for(), lambda ask: records.page(0, 100), window=8)
    with pytest.raises(PaginationError, match=r"64 requests .* pays no heed to the offset"):
        read.run()
    assert read.requests < 150


@pytest.mark.parametrize("kind", KINDS)
def test_pages_of_one_record_are_found_out(kind: str) -> None:
    read = reading(MovingList(range(5)), kind, size=1)
    with pytest.raises(PaginationError, match="gives one record a page"):
        read.run()
    assert read.requests < 20


def test_a_record_twice_in_a_page_is_found_out() -> None:
    records = MovingList(range(5))
    with pytest.raises(PaginationError, match="names a record twice in one page, at offset 0"):
        give(reader_for(), (0, [*records.records, records.records[-1]]))


@pytest.mark.parametrize(("kind", "wanted"), [("ASC", "oldest first"), ("DESC", "newest first")])
def test_a_page_out_of_order_is_found_out(kind: str, wanted: str) -> None:
    page = MovingList(range(5)).page(0, 5, descending=kind == "ASC")
    with pytest.raises(PaginationError, match=f"did not sort its page at offset 0 by createdAt, {wanted}"):
        give(reader_for(kind), (0, page))


def test_a_list_that_changes_faster_than_it_can_be_read_is_given_up() -> None:
    records = MovingList(range(1_000))

    def fetch(ask: Ask) -> list[Record]:
        for _ in range(500):
            records.add()
        return records.answer(ask, 10, "DESC")

    read = Read(reader_for("DESC"), fetch)
    with pytest.raises(PaginationError, match="changes faster than it can be read"):
        read.run()
    assert read.requests < 150


# A list without ids and without order


def test_a_campaign_list_that_moves_is_unverified_and_still_yields_nobody_twice() -> None:
    records = MovingList(range(1_000))
    read = reading(records, "NAMED", window=4, after=removing(3))
    got = read.run()
    assert len(set(got)) == len(got)
    assert records.faithful.keys() <= set(got)
    assert (read.reader.verdict, read.reader.why) == (
        Completeness.UNVERIFIED,
        "a list without ids moved while it was read: records may have been passed over",
    )


def test_a_campaign_list_is_not_looked_at_from_another_side() -> None:
    read = reading(MovingList(range(250)), "NAMED")
    read.run()
    assert LOOK not in read.asked


def test_a_name_twice_in_a_page_is_yielded_once_and_leaves_a_campaign_list_unverified() -> None:
    records, reader = MovingList(range(5)).records, reader_for("NAMED")
    assert list(give(reader, (0, [*records, records[2]])).records) == records
    assert "names somebody twice" in str(reader.why)


def test_a_campaign_list_that_ends_in_another_record_than_it_did_is_unverified() -> None:
    a, b, c = MovingList(range(3)).records
    reader = reader_for("NAMED")
    give(reader, (0, [a, b, c]), (2, [a]))
    assert (reader.ended, reader.verdict) == (True, Completeness.UNVERIFIED)


# Stopping and going on


@pytest.mark.parametrize("kind", KINDS)
def test_a_read_goes_on_after_the_last_record_that_was_taken(kind: str) -> None:
    records = MovingList(number // 3 for number in range(300))
    first = reading(records, kind, size=20, window=3)
    while len(first.got) < 100:
        first.step()
    mark = first.reader.mark(left=7)
    assert mark is not None
    taken = first.got[: len(first.got) - 7]
    for index in (3, 50, 250):
        records.remove(index)
    second = Read(reader_for(kind, start=mark), lambda ask: records.answer(ask, 20, kind))
    both = taken + second.run()
    assert len(set(both)) == len(both)
    assert records.faithful.keys() <= set(both)
    assert second.reader.count == len(both)


@pytest.mark.parametrize("left", range(10))
@pytest.mark.parametrize("steps", [1, 2])
def test_a_read_that_is_stopped_anywhere_in_a_quiet_list_goes_on_and_is_complete(steps: int, left: int) -> None:
    records = MovingList([0, 1, 1, 1, 2, 3, 3, 3, 4, 4, 4, 4, 5, 6, 6, 6])
    first = reading(records, size=10)
    for _ in range(steps):
        new = first.step().records
    left = min(left, len(new))
    mark = first.reader.mark(left)
    second = Read(reader_for(start=mark) if mark else reader_for(), lambda ask: records.answer(ask, 10))
    assert first.got[: len(first.got) - left] + second.run() == records.records
    assert (second.reader.verdict, second.reader.count) == (Completeness.COMPLETE, 16)


def test_a_read_that_goes_on_amid_a_group_larger_than_a_page_still_knows_all_of_it_that_was_read() -> None:
    records = MovingList([0] * 500)
    first = reading(records)
    for _ in range(3):
        first.step()
    mark = first.reader.mark(left=5)
    taken = first.got[:-5]
    for _ in range(250):
        records.remove(0)
    assert mark is not None
    both = taken + Read(reader_for(start=mark), lambda ask: records.answer(ask, 100)).run()
    assert len(set(both)) == len(both)
    assert records.faithful.keys() <= set(both)


def test_a_read_that_goes_on_in_the_middle_of_a_group_in_no_order_sees_the_whole_group() -> None:
    below = MovingList(range(4)).records
    a, b, c, d = (Record(at(9), name) for name in "abcd")
    first = reader_for()
    give(first, (0, [*below, a, b, c, d]))
    mark = first.mark(left=2)
    assert mark is not None
    second = reader_for(start=mark)
    assert second.first == (Ask(3),)
    assert names(give(second, (3, [below[3], d, c, b, a])).records) == "d c"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("length", [1, 2, 3, 10, 20])
def test_a_cursor_of_a_list_that_was_read_to_its_end_goes_on_to_a_complete_end(kind: str, length: int) -> None:
    records = MovingList(range(length))
    first = reading(records, kind, size=10)
    first.run()
    mark = first.reader.mark()
    assert mark is not None
    second = Read(reader_for(kind, start=mark), lambda ask: records.answer(ask, 10, kind))
    assert second.run() == []
    assert (second.reader.verdict, second.reader.count) == (Completeness.COMPLETE, length)


def test_there_is_no_mark_before_the_first_record() -> None:
    reader = reader_for()
    assert reader.mark() is None
    give(reader, (0, MovingList(range(5)).records))
    assert reader.mark(left=5) is None
    assert reader.mark(left=4) is not None


@pytest.mark.parametrize("kind", KINDS)
def test_a_read_that_is_stopped_before_its_first_answer_stands_where_it_began(kind: str) -> None:
    records = MovingList(range(7))
    first = reader_for(kind)
    give(first, (0, records.answer(Ask(0), 4, kind)))
    mark = first.mark()
    assert mark is not None
    again = reader_for(kind, start=mark).mark()
    assert again == mark
    second = Read(reader_for(kind, start=again), lambda ask: records.answer(ask, 4, kind))
    assert len(second.run()) == 3
    assert second.reader.verdict is Completeness.COMPLETE


def test_what_is_seen_against_a_read_before_it_has_anything_new_is_known_when_it_goes_on_again() -> None:
    first = reader_for()
    give(first, (0, MovingList(range(100)).records))
    mark = first.mark()
    assert mark is not None
    second = reader_for(start=mark)
    give(second, (98, []))
    again = second.mark()
    assert again is not None
    assert (again.offset, again.changed) == (98, second.why)


def test_what_is_known_against_a_read_is_still_known_when_it_goes_on() -> None:
    records = MovingList(range(300))
    first = reading(records, after=removing(5), most=2)
    for _ in range(3):
        first.step()
    mark = first.reader.mark()
    assert mark is not None
    second = Read(reader_for(start=mark), lambda ask: records.answer(ask, 100))
    second.run()
    assert second.reader.verdict is Completeness.CHANGED
    assert second.reader.why == first.reader.why
