"""The reading rule, tried on every list of up to six records and every placement of up to three changes."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import pytest
from moving_list import MovingList, Read, Record, reader_for

from walead_async.models import Completeness

if TYPE_CHECKING:
    from collections.abc import Iterable

    from walead_async.paging.reader import Ask

#: A change and the position where it happens, and the same with the number of the request before which it happens.
Change = tuple[str, int]
Script = tuple[tuple[int, Change], ...]

ANYTHING = ("remove", "renew", "append", "tie")
KINDS = ("ASC", "DESC")
#: How many records share each date.
TIES = (1, 2, 3)


class Case(NamedTuple):
    """A list, and a way to read it. A `late` answer shows the list as it is when its turn to be judged comes."""

    length: int
    ties: int
    size: int
    window: int
    kind: str
    late: bool


def cases(lengths: Iterable[int], *, ties: Iterable[int], late: Iterable[bool] = (False, True)) -> list[Case]:
    return [Case(*values) for values in product(lengths, ties, (2, 3, 4), (1, 2, 3), KINDS, late)]


def changes(length: int, names: Iterable[str]) -> list[Change]:
    positions = {"remove": range(length), "renew": range(length), "append": range(1), "tie": range(1)}
    return [(name, position) for name in names for position in positions[name]]


def make(change: Change, records: MovingList) -> None:
    name, position = change
    if name == "remove":
        records.remove(position)
    elif name == "renew":
        records.renew(position)
    elif name == "tie" and records.records:
        records.add(records.records[-1].created_at)
    else:
        records.add()


def requests_of(case: Case, script: Script) -> int:
    """Read the list while the script changes it, check what was read, and return how many requests that took."""
    records = MovingList(number // case.ties for number in range(case.length))
    descending = case.kind == "DESC"

    def fetch(ask: Ask) -> list[Record]:
        for when, change in script:
            if when == read.requests - 1:
                make(change, records)
        return records.answer(ask, case.size, case.kind)

    read = Read(reader_for(case.kind), fetch, window=case.window, late=lambda: case.late, limit=200)
    got = read.run()
    where = f"{case} {script}"
    assert len(set(got)) == len(got), f"a record was yielded twice: {where}"
    assert records.faithful.keys() <= set(got), f"a record was lost: {where}"
    dates = [record.created_at for record in got]
    assert dates == sorted(dates, reverse=descending), where
    if not script:
        assert read.reader.verdict is Completeness.COMPLETE, where
        assert len(got) == case.length, where
    return read.requests


def try_scripts(case: Case, most: int, names: Iterable[str]) -> int:
    """Try every script of at most `most` changes that the reader lives to see, and return how many there are."""
    tried = 0
    scripts: list[Script] = [()]
    while scripts:
        script = scripts.pop()
        requests = requests_of(case, script)
        tried += 1
        if len(script) < most:
            first = script[-1][0] if script else 0
            scripts += [(*script, each) for each in product(range(first, requests), changes(case.length, names))]
    return tried


def test_any_one_change_to_up_to_six_records() -> None:
    assert sum(try_scripts(case, 1, ANYTHING) for case in cases(range(7), ties=TIES)) > 20_000


def test_any_two_changes_to_five_records() -> None:
    assert sum(try_scripts(case, 2, ["remove", "append"]) for case in cases([5], ties=[2], late=[False])) > 15_000


def test_any_three_removals_from_three_records() -> None:
    assert sum(try_scripts(case, 3, ["remove"]) for case in cases([3], ties=[1], late=[True])) > 10_000


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_any_two_changes_to_up_to_six_records() -> None:
    assert sum(try_scripts(case, 2, ANYTHING) for case in cases([4, 6], ties=TIES)) > 300_000


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_any_three_removals_from_five_records() -> None:
    assert sum(try_scripts(case, 3, ["remove"]) for case in cases([5], ties=[1, 2])) > 500_000


def test_an_empty_page_where_the_last_record_stood_is_no_sign_that_others_have_joined_it() -> None:
    case = Case(length=5, ties=2, size=2, window=1, kind="DESC", late=False)
    assert requests_of(case, ((3, ("remove", 4)), (9, ("remove", 2)), (13, ("remove", 0)))) < 20


def test_a_page_refused_where_the_last_record_stood_is_searched_for_like_any_other() -> None:
    case = Case(length=6, ties=3, size=2, window=1, kind="ASC", late=False)
    assert requests_of(case, ((4, ("renew", 2)), (9, ("renew", 4)))) < 30
