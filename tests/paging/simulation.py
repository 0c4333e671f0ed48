"""Reads simulated lists that move under the reader, and prints how the reads ended.

`python tests/paging/simulation.py --runs 10000 --seed 0`
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from simulated_reads import DRIFTS, FAULTS, HIDDEN, run_many

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


if __name__ == "__main__":
    main()
