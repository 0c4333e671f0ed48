from __future__ import annotations

import attrs
import orjson
import pytest

from walead_async.testing import BadSetting, Reblock, Settings


def test_settings_take_enums_and_their_texts_alike():
    assert Settings(reblock=Reblock.RENEWS) == Settings().changed({"reblock": "renews"})


def test_what_json_has_as_a_list_becomes_a_tuple():
    changed = Settings().changed({"page_sizes": [3, 1], "campaigns": ["a"]})

    assert (changed.page_sizes, changed.campaigns) == ((3, 1), ("a",))


def test_settings_survive_the_way_through_json():
    settings = Settings(page_size=7, reblock=Reblock.ADDS, campaigns=("a", "b"))

    assert Settings().changed(orjson.loads(orjson.dumps(attrs.asdict(settings)))) == settings


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"pagesize": 3}, "no setting 'pagesize'; known are page_size"),
        ({"page_size": 0}, "page_size takes a whole number from 1, not 0"),
        ({"page_size": True}, "page_size takes a whole number"),
        ({"page_size": "3"}, "page_size takes a whole number"),
        ({"page_sizes": [1, 0]}, "page_sizes takes a list of whole numbers from 1"),
        ({"latency": -1}, "latency takes a number from 0"),
        ({"latency": float("nan")}, "latency takes a number from 0"),
        ({"rate_limit": 0}, "rate_limit takes a number above 0"),
        ({"batch_limit_status": 418}, "batch_limit_status takes 400 or 413"),
        ({"reblock": "perhaps"}, "reblock takes one of keeps, updates"),
        ({"search_minds_case": "yes"}, "search_minds_case takes true or false"),
        ({"campaigns": ["a", 1]}, "campaigns takes a list of names"),
        ({"clock_start": "2024-01-01T00:00:00"}, "clock_start takes an ISO 8601 time with its offset"),
        ({"bad_identifier": "("}, "bad_identifier takes a regular expression, not '('"),
    ],
)
def test_a_wrong_setting_is_named_with_what_it_takes(changes: dict[str, object], said: str):
    with pytest.raises(BadSetting, match=said.replace("(", r"\(")):
        Settings().changed(changes)


def test_a_bad_setting_is_a_value_error():
    assert issubclass(BadSetting, ValueError)
