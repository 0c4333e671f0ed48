"""The lines that `nox -s mutations` breaks are there to be broken, and so are the rows that have to notice."""

from __future__ import annotations

import pytest
from fault_rows import ROWS
from mutations import MUTATIONS, PACKAGE, Mutation


def test_they_are_ten() -> None:
    assert len({(mutation.file, mutation.line) for mutation in MUTATIONS}) == 10


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.promise)
def test_a_line_that_is_broken_stands_once_in_its_file(mutation: Mutation) -> None:
    assert (PACKAGE / mutation.file).read_text(encoding="utf-8").count(mutation.line) == 1
    assert mutation.row in {row.name for rows in ROWS.values() for row in rows}
