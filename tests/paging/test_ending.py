"""What proves the end of a list."""

from __future__ import annotations

from walead_async.paging.reader import Ending, Tail


def test_the_last_record_alone_and_once_more_is_the_end() -> None:
    ending = Ending(appends=True)
    assert not ending.stayed(Tail(9, 9, ("a",)), lone_is_last=True)
    assert ending.lone == "a"
    assert ending.stayed(Tail(9, 10, ("b", "a")), lone_is_last=True)


def test_another_record_alone_is_not_the_end() -> None:
    ending = Ending(appends=True)
    assert not ending.stayed(Tail(9, 9, ("a",)), lone_is_last=True)
    assert not ending.stayed(Tail(9, 9, ("b",)), lone_is_last=True)


def test_where_ties_are_shuffled_the_same_page_before_and_after_an_empty_answer_is_the_end() -> None:
    ending = Ending(appends=True)
    assert not ending.stayed(Tail(5, 7, ("a", "b", "c")), lone_is_last=False)
    ending.ended_at(8)
    assert ending.stayed(Tail(5, 7, ("c", "a", "b")), lone_is_last=False)


def test_where_ties_are_shuffled_other_records_after_an_empty_answer_are_not_the_end() -> None:
    ending = Ending(appends=True)
    assert not ending.stayed(Tail(5, 7, ("a", "b", "c")), lone_is_last=False)
    ending.ended_at(8)
    assert not ending.stayed(Tail(5, 7, ("a", "b", "d")), lone_is_last=False)


def test_the_last_record_is_looked_for_where_it_is_heading() -> None:
    ending = Ending(appends=True)
    assert ending.aim(20, judged=5) == (20, 21)
    assert ending.aim(26, judged=7) == (29,)
    assert ending.missed() == 26
    assert ending.missed() is None


def test_a_list_is_outgrown_by_more_records_than_stood_in_it_and_not_before() -> None:
    ending = Ending(appends=True)
    assert ending.look(49, 2, cut=False) == 54
    ending.ended_at(54)
    ending.sighted(position=49, expected=49)
    ending.added(4)
    assert not ending.outgrown
    ending.added(1)
    assert (ending.outgrown, ending.outrun) == (True, False)


def test_records_removed_before_the_last_one_move_the_line_away() -> None:
    ending = Ending(appends=True)
    ending.ended_at(54)
    ending.sighted(position=47, expected=49)
    ending.added(6)
    assert not ending.outgrown


def test_a_list_whose_new_records_may_stand_anywhere_is_outrun() -> None:
    ending = Ending(appends=False)
    ending.ended_at(54)
    ending.sighted(position=49, expected=49)
    ending.added(5)
    assert ending.outrun
