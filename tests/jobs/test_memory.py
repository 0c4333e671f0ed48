"""Memory is bounded, whatever the length of source and list: measured in processes of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# At the end, so that the package which is tested is still the installed one.
sys.path.append(str(ROOT))


def growth(subject: str, url: str, work: int) -> float:
    """The peak of a benchmark's subject, less what it held after the first hundredth of its work, in MB."""
    from benchmarks.measure import printed
    from benchmarks.rows import Subject

    used = printed(Subject(subject), url, work)
    assert used["done"] == work
    return float(used["growth"]) / 1_000_000


@pytest.mark.soak
@pytest.mark.timeout(1_800)
def test_a_plan_of_a_million_grows_by_a_hundred_megabytes_at_most() -> None:
    from benchmarks.measure import server

    with server(1_000_000) as url:
        assert growth("ours_plan", url, 1_000_000) <= 100


def test_two_long_lists_are_compared_in_the_memory_of_a_part() -> None:
    few, many = (growth("ours_compare", "none", work) for work in (100_000, 400_000))
    assert many <= 24
    assert many <= few + 8


def test_importing_jobs_loads_no_more_than_it_is_used_for() -> None:
    program = "import sys, walead_async.jobs; print(*[n for n in sys.modules if n.startswith('walead_async.')])"
    shown = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert shown.stdout.split() == ["walead_async._version", "walead_async.jobs"]
