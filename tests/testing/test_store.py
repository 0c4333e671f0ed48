from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from walead_async.testing import SearchMatch, Settings
from walead_async.testing.store import LeadList, Store

START = datetime(2024, 1, 1, tzinfo=UTC)
MakeStore = Callable[..., Store]


def made(names: str = "abcdefgh", **settings: object) -> LeadList:
    store = Store(Settings().changed(settings), seed=0, api_key="key", uid="user")
    store.add_leads([*names])
    return store.leads


def page(leads: LeadList, offset: int, size: int, *, newest_first: bool = False, search: str = "") -> str:
    shown = leads.page(offset, size, newest_first=newest_first, search=search)
    return "".join(lead.public_identifier for lead in shown)


def test_a_record_is_shown_as_the_vendor_shows_it(store: MakeStore):
    lead = store().leads.add('jürgen-"x"', "asked\n")

    assert orjson.loads(lead.json) == {
        "id": lead.id,
        "publicIdentifier": 'jürgen-"x"',
        "reason": "asked\n",
        "createdAt": "2024-01-01T00:00:00.000Z",
        "workspaceId": "emulator-workspace",
    }


def test_a_campaigns_record_has_no_id(store: MakeStore):
    lead = store().campaign("c").add("a")

    assert set(orjson.loads(lead.json)) == {"publicIdentifier", "reason", "createdAt"}


@pytest.mark.parametrize(
    ("offset", "newest_first", "expected"),
    [(0, False, "abc"), (6, False, "gh"), (8, False, ""), (0, True, "hgf"), (6, True, "ba"), (99, True, "")],
)
def test_a_page_is_cut_from_either_end(offset: int, newest_first: bool, expected: str):
    assert page(made(), offset, 3, newest_first=newest_first) == expected


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


@pytest.mark.parametrize("number", [1, 40])
def test_removed_records_are_gone_from_list_and_search(number: int):
    leads = made("")
    records = [leads.add(f"lead-{serial}") for serial in range(50)]
    assert "lead-0" in leads
    removed = leads.remove([*records[:number], *records[:number]])

    assert removed == number
    assert leads.identifiers() == [f"lead-{serial}" for serial in range(number, 50)]
    assert "lead-0" not in leads
    assert leads.by_id(records[0].id) is None
    assert leads.found("lead-0") == []


def test_a_renewed_record_moves_to_the_end_with_its_id():
    leads = made("abc")
    before = leads.ids()
    leads.change(leads[0], "again", renew=True)

    assert leads.ids() == [before[1], before[2], before[0]]
    assert leads[-1].reason == "again"


def test_unstable_ties_come_in_another_order_in_each_answer():
    leads = made(ties=8, tie_order="unstable")
    pages = [page(leads, 0, 8) for _ in range(5)]

    assert len(set(pages)) > 1
    assert {"".join(sorted(one)) for one in pages} == {"abcdefgh"}


def test_ties_by_id_are_stable_across_pages_and_sorted_by_id():
    leads = made(ties=4, tie_order="by-id")
    ids = [lead.id for offset in (0, 3, 6) for lead in leads.page(offset, 3, newest_first=False)]

    assert ids[:4] == sorted(leads.ids()[:4])
    assert ids[4:] == sorted(leads.ids()[4:])


def test_fixed_ties_come_in_the_same_order_from_both_sides():
    leads = made(ties=3, tie_order="fixed")
    oldest_first = [lead.id for offset in (0, 2, 4, 6) for lead in leads.page(offset, 2, newest_first=False)]
    newest_first = [lead.id for offset in (0, 2, 4, 6) for lead in leads.page(offset, 2, newest_first=True)]

    assert oldest_first == leads.ids()
    assert newest_first == oldest_first[6:] + oldest_first[3:6] + oldest_first[:3]


MATCHES = {
    SearchMatch.SUBSTRING: lambda wanted, name: wanted in name,
    SearchMatch.PREFIX: lambda wanted, name: name.startswith(wanted),
    SearchMatch.WHOLE: lambda wanted, name: name == wanted,
}


@given(
    st.lists(st.text("aAbBßéİ-", min_size=1, max_size=4), max_size=8),
    st.text("aAbBßéİ-", min_size=1, max_size=4),
    st.sampled_from([*MATCHES]),
    st.booleans(),
)
def test_a_search_finds_what_matches(known: list[str], wanted: str, match: SearchMatch, minds_case: bool):
    leads = made("", search=match, search_minds_case=minds_case)
    for name in known:
        leads.add(name)
    fold = str if minds_case else str.lower

    expected = [name for name in known if MATCHES[match](fold(wanted), fold(name))]
    assert [lead.public_identifier for lead in leads.found(wanted)] == expected


class LeadListAgainstAPlainList(RuleBasedStateMachine):
    """Whatever is done to it, the list agrees with a plain list of (time, number, name)."""

    def __init__(self) -> None:
        super().__init__()
        self.store = Store(Settings(ties=2), seed=0, api_key="key", uid="user")
        self.model: list[tuple[datetime, int, str]] = []

    @property
    def leads(self) -> LeadList:
        return self.store.leads

    @rule(name=st.sampled_from("aAbB"), late=st.none() | st.integers(0, 5))
    def add(self, name: str, late: int | None) -> None:
        lead = self.leads.add(name, None, None if late is None else START + timedelta(seconds=late))
        self.model.append((*lead[:2], name))

    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        gone = data.draw(st.sets(st.sampled_from(self.model), max_size=3)) if self.model else set()
        self.leads.remove([lead for lead in self.leads if lead.number in {number for _, number, _ in gone}])
        self.model = [entry for entry in self.model if entry not in gone]

    @rule(data=st.data())
    def renew(self, data: st.DataObject) -> None:
        if self.model:
            _, number, name = old = data.draw(st.sampled_from(self.model))
            self.leads.change(next(lead for lead in self.leads if lead.number == number), "r", renew=True)
            renewed = next(lead for lead in self.leads if lead.number == number)
            self.model.remove(old)
            self.model.append((renewed.created_at, number, name))

    @rule()
    def restore(self) -> None:
        self.store.restore(orjson.loads(self.store.state()))

    @invariant()
    def agree(self) -> None:
        self.model.sort()
        assert [(lead.created_at, lead.number, lead.public_identifier) for lead in self.leads] == self.model
        assert [self.leads.by_id(record_id) for record_id in self.leads.ids()] == list(self.leads)
        for name in "aAbB":
            there = {number for _, number, other in self.model if other == name}
            assert {lead.number for lead in self.leads.of(name)} == there


TestLeadListAgainstAPlainList = LeadListAgainstAPlainList.TestCase
