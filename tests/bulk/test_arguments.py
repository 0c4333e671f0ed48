from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from walead_async.bulk.arguments import check_call
from walead_async.errors import InvalidInputError
from walead_async.models import LeadToBlock


@pytest.mark.parametrize(
    "items", ["john-doe", b"john-doe", bytearray(b"john"), {"john-doe": 1}, 7, None, LeadToBlock("a")]
)
def test_a_single_thing_in_place_of_a_list_is_refused(items: object) -> None:
    with pytest.raises(InvalidInputError, match="a bulk call takes"):
        check_call(items, 500, "unclear")


@pytest.mark.parametrize("items", [[], (), set()])
def test_an_empty_list_is_refused(items: object) -> None:
    with pytest.raises(InvalidInputError, match="at least one item"):
        check_call(items, 500, "unclear")


@pytest.mark.parametrize("batch_size", [0, -1, 1.5, "10", None, True])
def test_a_batch_size_is_a_whole_number_of_at_least_one(batch_size: object) -> None:
    with pytest.raises(InvalidInputError, match="batch_size"):
        check_call(["a"], batch_size, "unclear")


@pytest.mark.parametrize("verify", ["sometimes", None, True, ["always"]])
def test_verify_is_one_of_three_words(verify: object) -> None:
    with pytest.raises(InvalidInputError, match="unclear, always, never"):
        check_call(["a"], 500, verify)


def test_lists_generators_and_async_generators_are_taken() -> None:
    async def people() -> AsyncIterator[str]:
        yield "a"

    for items in (["a"], ("a",), {"a"}, iter(()), (name for name in ()), {"a": 1}.keys(), people()):
        check_call(items, 1, "never")
