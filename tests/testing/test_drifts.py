from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from walead_async.testing import BadSetting, Drift, DriftName, When
from walead_async.testing.drifts import DriftScript
from walead_async.testing.store import Store

MakeStore = Callable[..., Store]


def after(store: Store, *drifts: str) -> list[str]:
    store.add_leads(6)
    store.last_read = (store.leads, store.leads.page(0, 3, newest_first=False))
    for drift in drifts:
        Drift.parse(drift).happen(store)
    return [name[-1] for name in store.leads.identifiers()]


@pytest.mark.parametrize(
    ("drift", "expected"),
    [
        ("remove-oldest", "23456"),
        ("remove-oldest=9", ""),
        ("remove-newest=2", "1234"),
        ("insert-newest=2", "12345678"),
        ("unblock-what-was-read", "456"),
        ("unblock-what-was-read=1", "23456"),
    ],
)
def test_a_drift_changes_the_list(store: MakeStore, drift: str, expected: str):
    assert after(store(), drift) == list(expected)


def test_a_drift_changes_the_list_that_was_read(store: MakeStore):
    made = store()
    made.add_leads(3)
    campaign = made.campaign("c")
    made.add_leads(3, into=campaign)
    made.last_read = (campaign, [])
    for drift in ("remove-oldest", "insert-newest", "replace", "insert-random", "reblock"):
        Drift.parse(drift).happen(made)

    assert made.leads.identifiers() == ["lead-0000001", "lead-0000002", "lead-0000003"]
    assert len(campaign) == 4
    assert "lead-0000001" not in campaign


def test_remove_random_takes_so_many_and_the_seed_decides_which(store: MakeStore):
    left = after(store(), "remove-random=2")

    assert len(left) == 4
    assert after(store(), "remove-random=2") == left


def test_reblock_moves_a_record_to_the_end_and_keeps_its_id(store: MakeStore):
    made = store()
    names = after(made, "reblock")

    assert sorted(names) == list("123456")
    assert names[-1] != "6"
    assert made.leads.made == 6


def test_replace_gives_a_person_a_new_record(store: MakeStore):
    made = store()
    names = after(made, "replace")

    assert sorted(names) == list("123456")
    assert made.leads.made == 7


def test_insert_random_adds_a_record_inside_the_list(store: MakeStore):
    names = after(store(), "insert-random")

    assert sorted(names) == list("1234567")
    assert names[-1] == "6"


@pytest.mark.parametrize("name", DriftName)
def test_the_page_tells_of_every_drift(name: DriftName):
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "test-your-program.md").read_text(encoding="utf-8")
    assert f"`{name}`" in page


@pytest.mark.parametrize("name", DriftName)
def test_an_empty_list_survives_every_drift(store: MakeStore, name: DriftName):
    made = store()
    Drift(name).happen(made)

    assert len(made.leads) == (1 if name is DriftName.INSERT_NEWEST else 0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("remove-random=1", Drift("remove-random", 1)),
        ("%3:insert-newest", Drift("insert-newest", when=When(every=3))),
        ("#2-5 x2:reblock=4", Drift("reblock", 4, when=When(first=2, last=5, count=2))),
    ],
)
def test_a_drift_is_read_from_text_and_written_to_it(text: str, expected: Drift):
    assert Drift.parse(text) == expected
    assert Drift.parse(str(expected)) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("remove-randm=1", "there is no drift 'remove-randm'; did you mean 'remove-random'?"),
        ("remove-random=0", "a number from 1 to 1000000, not 0"),
        ("remove-random=1000001", "a number from 1 to 1000000, not 1000001"),
        ("remove-random=" + "1" * 5_000, "is not a drift"),
        ("remove-random=x", "is not a drift"),
        ("", "is not a drift"),
        ("GET:reblock", "is not a drift"),
    ],
)
def test_a_text_that_is_no_drift_is_refused_with_the_reason(text: str, said: str):
    with pytest.raises(BadSetting) as raised:
        Drift.parse(text)

    assert said in str(raised.value)


def test_a_script_of_drifts_lets_happen_what_is_due(store: MakeStore):
    made = store()
    made.add_leads(6)
    script = DriftScript(0)
    script.add("#2:remove-oldest", "insert-newest")
    lengths = []
    for _ in range(3):
        script.happen(made)
        lengths.append(len(made.leads))

    assert lengths == [7, 7, 8]
