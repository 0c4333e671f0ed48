from __future__ import annotations

from datetime import UTC, datetime, timedelta

import orjson
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from walead_async.testing import SearchMatch, TieOrder
from walead_async.testing.store import Clock, LeadList

START = datetime(2024, 1, 1, tzinfo=UTC)


def made(names: str = "abcdefgh", *, ties: int = 1, seed: int = 0) -> LeadList:
    leads = LeadList(Clock(START, step=1, ties=ties), seed=seed, workspace_id="w")
    for name in names:
        leads.add(name)
    return leads


def names(leads: LeadList, numbers: list[int]) -> str:
    return "".join(record["publicIdentifier"] for record in orjson.loads(leads.rendered(numbers)))


def test_a_record_is_rendered_as_the_vendor_shows_it():
    leads = LeadList(Clock(START, step=1, ties=1), workspace_id="w")
    leads.add('jürgen-"x"', "asked\n")

    assert orjson.loads(leads.rendered(leads.page(offset=0, size=5, newest_first=False))) == [
        {
            "id": leads.ids()[0],
            "publicIdentifier": 'jürgen-"x"',
            "reason": "asked\n",
            "createdAt": "2024-01-01T00:00:00.000Z",
            "workspaceId": "w",
        }
    ]


def test_a_campaigns_record_has_no_id():
    leads = LeadList(Clock(START, step=1, ties=1))
    leads.add("a")

    assert set(orjson.loads(leads.rendered([0]))[0]) == {"publicIdentifier", "reason", "createdAt"}


@pytest.mark.parametrize(
    ("offset", "newest_first", "expected"),
    [(0, False, "abc"), (6, False, "gh"), (8, False, ""), (0, True, "hgf"), (6, True, "ba"), (99, True, "")],
)
def test_a_page_is_cut_from_either_end(offset: int, newest_first: bool, expected: str):
    leads = made()

    assert names(leads, leads.page(offset=offset, size=3, newest_first=newest_first)) == expected


def test_a_given_time_puts_a_record_where_it_belongs():
    leads = made("ac")
    leads.add("b", created_at=START + timedelta(seconds=0.5))

    assert leads.identifiers() == ["a", "b", "c"]


def test_among_equal_times_the_later_record_stands_later():
    leads = made("ab")
    leads.add("z", created_at=START)

    assert leads.identifiers() == ["a", "z", "b"]


def test_ids_neither_repeat_nor_sort_as_the_records_do():
    ids = made("x" * 200).ids()

    assert len(set(ids)) == 200
    assert ids != sorted(ids)


def test_the_seed_decides_the_ids():
    assert made(seed=1).ids() == made(seed=1).ids()
    assert made(seed=1).ids() != made(seed=2).ids()


@pytest.mark.parametrize("wrong", ["", "x", "0", "0x1", "é", "00000000000000000000"])
def test_an_id_that_was_never_given_is_unknown(wrong: str):
    assert made().number_of(wrong) is None


def test_an_id_in_another_spelling_is_unknown():
    leads = made()

    assert leads.number_of(leads.ids()[3].upper() + " ") is None


@pytest.mark.parametrize("number", [1, 40])
def test_removed_records_are_gone_from_order_index_and_search(number: int):
    leads = LeadList(Clock(START, step=1, ties=1), workspace_id="w")
    for serial in range(50):
        leads.add(f"lead-{serial}")
    assert "lead-0" in leads
    removed = leads.remove([*range(number), *range(number)])

    assert removed == number
    assert leads.identifiers() == [f"lead-{serial}" for serial in range(number, 50)]
    assert "lead-0" not in leads
    assert leads.remove(range(number)) == 0
    assert leads.found("lead-0", SearchMatch.WHOLE, True, offset=0, size=9, newest_first=False) == []


def test_a_renewed_record_moves_to_the_end_with_its_id():
    leads = made("abc")
    before = leads.ids()
    leads.renew(0, "again")

    assert leads.ids() == [before[1], before[2], before[0]]
    assert list(leads)[-1].reason == "again"


def test_unstable_ties_come_in_another_order_in_each_answer():
    leads = made("abcdefgh", ties=8)

    def page() -> str:
        return names(leads, leads.page(offset=0, size=8, newest_first=False, ties=TieOrder.UNSTABLE))

    pages = [page() for _ in range(5)]

    assert len(set(pages)) > 1
    assert {"".join(sorted(one)) for one in pages} == {"abcdefgh"}


def test_ties_by_id_are_stable_across_pages_and_sorted_by_id():
    leads = made("abcdefgh", ties=4)
    pages = [leads.page(offset=offset, size=3, newest_first=False, ties=TieOrder.BY_ID) for offset in (0, 3, 6)]
    ids = [leads.id_of(number) for page in pages for number in page]

    assert ids[:4] == sorted(leads.ids()[:4])
    assert ids[4:] == sorted(leads.ids()[4:])


def test_capitals_matter_only_as_long_as_they_are_not_folded():
    leads = made("A")
    before = "a" in leads
    leads.fold_case(True)

    assert (before, "a" in leads) == (False, True)


class LeadListAgainstAPlainList(RuleBasedStateMachine):
    """Whatever is done to it, the list agrees with a plain list of (time, serial, name, id)."""

    def __init__(self) -> None:
        super().__init__()
        self.leads = LeadList(Clock(START, step=1, ties=2), workspace_id="w")
        self.model: list[tuple[datetime, int, str]] = []

    @rule(name=st.sampled_from("aAbB"), late=st.none() | st.integers(0, 5))
    def add(self, name: str, late: int | None) -> None:
        created_at = None if late is None else START + timedelta(seconds=late)
        number = self.leads.add(name, None, created_at)
        self.model.append((self.leads.record(number).created_at, number, name))

    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        gone = data.draw(st.sets(st.sampled_from(self.model), max_size=3)) if self.model else set()
        self.leads.remove(number for _, number, _ in gone)
        self.model = [entry for entry in self.model if entry not in gone]

    @rule(data=st.data())
    def renew(self, data: st.DataObject) -> None:
        if self.model:
            old = data.draw(st.sampled_from(self.model))
            self.leads.renew(old[1], "r")
            self.model.remove(old)
            self.model.append((self.leads.record(old[1]).created_at, *old[1:]))

    @rule()
    def restore(self) -> None:
        restored = LeadList(self.leads.clock, workspace_id="w")
        restored.restore(orjson.loads(orjson.dumps(self.leads.state())))
        self.leads = restored

    @invariant()
    def agree(self) -> None:
        self.model.sort()
        assert self.leads.identifiers() == [name for _, _, name in self.model]
        assert [lead.created_at for lead in self.leads] == [at for at, _, _ in self.model]
        assert [self.leads.number_of(record_id) for record_id in self.leads.ids()] == [
            number for _, number, _ in self.model
        ]
        for name in "aAbB":
            there = [number for _, number, other in self.model if other == name]
            assert sorted(self.leads.numbers_of(name)) == sorted(there)
            found = self.leads.found(name, SearchMatch.WHOLE, True, offset=0, size=99, newest_first=False)
            assert found == there


TestLeadListAgainstAPlainList = LeadListAgainstAPlainList.TestCase
