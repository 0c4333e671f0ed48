from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.figures import Figure
from benchmarks.rows import ROWS
from benchmarks.tables import rewrite, rows_in_markdown

FIGURE = Figure(7.02, [6.9, 7.02, 7.1], True, 1.0, 7.02, 210, 201, 0.05, False)


def test_a_row_says_its_figure_its_spread_and_its_gate() -> None:
    last = rows_in_markdown([(ROWS[0], FIGURE)]).splitlines()[-1]
    assert last == (
        "| list 20,000 records, window 8 | the plain aiohttp loop | **7.02 times faster** | 6.90 to 7.10 "
        "| at least 6.80 | 5% busy |"
    )


def test_a_missed_gate_and_a_busy_server_are_told() -> None:
    said = rows_in_markdown([(ROWS[0], FIGURE._replace(met=False, server_load=0.8, server_busy=True))])
    assert "at least 6.80, **missed** | 80% busy, TOO MUCH |" in said


def test_a_marked_block_is_replaced_and_the_rest_of_the_page_stays(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n\n<!-- table -->\nold\n<!-- end of table -->\n\nafter\n", encoding="utf-8")
    rewrite(page, "table", "new \\1")
    rewrite(page, "table", "newer \\1\n")
    assert page.read_text(encoding="utf-8") == (
        "before\n\n<!-- table -->\n\nnewer \\1\n\n<!-- end of table -->\n\nafter\n"
    )


def test_a_page_without_the_block_is_not_written(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("no block", encoding="utf-8")
    with pytest.raises(ValueError, match="has no block between"):
        rewrite(page, "table", "new")
    assert page.read_text(encoding="utf-8") == "no block"
