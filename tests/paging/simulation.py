"""Reads simulated lists that move under the reader, looks people up in others, and prints how that ended.

`python tests/paging/simulation.py --runs 10000 --seed 0`
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

import simulated_lookups
from simulated_reads import DRIFTS, FAULTS, HIDDEN, SHOWN, run_many

KINDS = ("ASC", "DESC", "NAMED")
#: A session of look-ups for so many reads.
LOOKUPS = 10
ENDS = ("complete", "changed", "unverified", "error")


def main() -> None:
    parser = argparse.ArgumentParser(description="Simulated reads of changing lists, each checked against the truth.")
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    began = time.perf_counter()
    found = run_many(chosen.runs, chosen.seed)
    print(f"paging: {chosen.runs} reads from seed {chosen.seed} in {time.perf_counter() - began:.1f} s")
    print(f"  {found['total', 'requests', '']:,} requests, {found['total', 'changes', '']:,} changes to the lists;")
    print("  no record twice, none lost unless the read ended as unverified or with an error")
    print(f"  {'':28}" + "".join(f"{end:>12}" for end in ENDS))
    for group, names in (
        ("drift", DRIFTS),
        ("fault", FAULTS),
        ("hidden", HIDDEN),
        ("changes shown", SHOWN),
        ("order", KINDS),
    ):
        for name in names:
            print(f"  {f'{group} {name}':28}" + "".join(f"{found[group, name, end]:>12,}" for end in ENDS))
    lookups = max(1, chosen.runs // LOOKUPS)
    looked = simulated_lookups.run_many(lookups, chosen.seed)
    print(f"look-ups: {lookups} sessions; nobody was said to be absent, or blocked, who was not so in what was shown")
    for group in (simulated_lookups.SEARCHES, simulated_lookups.SPELLINGS, simulated_lookups.SHOWN):
        for kind in group:
            runs, requests, undecided = (looked[kind, what] for what in ("runs", "requests", "undecided"))
            print(f"  {kind:46}{runs:>8,} sessions{requests:>12,} requests{undecided:>8,} calls undecided")


if __name__ == "__main__":
    main()
