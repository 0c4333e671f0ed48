"""Where the CPU time of this package's own work goes: a table of places for each kind of work."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from benchmarks.measure import printed, server
from benchmarks.rows import Subject
from benchmarks.sampler import KERNEL, PLACES
from benchmarks.tables import markdown

__all__ = ["Profile", "in_markdown", "in_words", "profiles"]


class Work(NamedTuple):
    """What is profiled, `times` times over, so that there is enough to sample. `each` is what the cost is told for."""

    title: str
    each: str
    subject: Subject
    size: int
    times: int
    quick: int
    records: bool = False
    in_each: int = 1


class Profile(NamedTuple):
    """What one work used: seconds of CPU for each place, and microseconds for each record, call or lead."""

    title: str
    each: str
    microseconds: float
    places: dict[str, float]

    def share(self, place: str) -> float:
        """The part of the CPU time that went to the place."""
        whole = sum(self.places.values())
        return self.places.get(place, 0.0) / whole if whole else 0.0


WORKS = (
    Work("list 100,000 records", "record", Subject("ours_list", ("window=8",)), 100_000, 8, 20_000, records=True),
    Work("find, 50 at once", "call", Subject("ours_find"), 10_000, 2, 500, records=True),
    Work("block one lead, 50 at once", "call", Subject("ours_block_one"), 10_000, 2, 500),
    Work("block 50,000 leads", "lead", Subject("ours_block"), 50_000, 30, 50_000),
    Work("decode pages", "record", Subject("ours_decode"), 3_000, 5, 1_000, in_each=100),
)

ORDER = list(dict.fromkeys([KERNEL, *(place for _, place in reversed(PLACES)), "Python itself"]))


def profiles(*, quick: bool) -> Iterator[Profile]:
    """Run each work under the sampler, without latency."""
    for work in WORKS:
        size, times = (work.quick, 1) if quick else (work.size, work.times)
        subject = work.subject._replace(options=(*work.subject.options, "sampled=1"))
        with server(size if work.records else 0) as url:
            runs = [printed(subject, url, size) for _ in range(times)]
        cpu = statistics.median(used["cpu"] for used in runs)
        places: dict[str, float] = {place: sum(used["places"].get(place, 0.0) for used in runs) for place in ORDER}
        yield Profile(work.title, work.each, cpu * 1e6 / size / work.in_each, places)


def in_words(found: Sequence[Profile]) -> str:
    """The table for the terminal."""
    lines = []
    for profile in found:
        lines.append(f"{profile.title}: {profile.microseconds:.2f} microseconds of CPU a {profile.each}")
        lines += [f"    {profile.share(place):6.1%}  {place}" for place in ORDER if profile.share(place)]
    return "\n".join(lines)


def in_markdown(found: Sequence[Profile]) -> str:
    """The table for the page: a line for each place, a column for each work."""
    seen = [place for place in ORDER if any(profile.share(place) >= 0.001 for profile in found)]
    shares = [(place, *(f"{profile.share(place):.0%}" for profile in found)) for place in seen]
    cost = ("microseconds of CPU", *(f"{profile.microseconds:.2f} a {profile.each}" for profile in found))
    return markdown(("where", *(profile.title for profile in found)), [*shares, cost])
