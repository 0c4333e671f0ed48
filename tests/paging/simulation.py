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
from simulated_reads import DRIFTS, FAULTS, HIDDEN, run_many

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
    print(f"  {'':18}" + "".join(f"{end:>12}" for end in ENDS))
    for group, names in (("drift", DRIFTS), ("fault", FAULTS), ("hidden", HIDDEN)):
        for name in names:
            print(f"  {group} {name:12}" + "".join(f"{found[group, name, end]:>12,}" for end in ENDS))
    lookups = max(1, chosen.runs // LOOKUPS)
    looked = simulated_lookups.run_many(lookups, chosen.seed)
    print(f"look-ups: {lookups} sessions; nobody who is blocked was said to be absent, and nobody else to be blocked")
    for kind in simulated_lookups.SEARCHES:
        print(f"  {kind:46}{looked[kind, 'runs']:>8,} sessions{looked[kind, 'requests']:>12,} requests")


if __name__ == "__main__":
    main()
