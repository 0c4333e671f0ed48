"""Makes seeded bulk runs against a service that knows the truth, and prints what became of them.

`python tests/bulk/simulation.py --runs 10000 --seed 0`
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from bulk_runs import KIND, run_many


def main() -> None:
    parser = argparse.ArgumentParser(description="Simulated bulk runs with faults, each checked against the truth.")
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    began = time.perf_counter()
    found = run_many(chosen.runs, chosen.seed)
    print(f"bulk: {chosen.runs} runs from seed {chosen.seed} in {time.perf_counter() - began:.1f} s, all as promised")
    kinds = [name for name in found if name.startswith(KIND)]
    for name in (*(name for name, _ in found.most_common() if name not in kinds), *sorted(kinds)):
        print(f"  {found[name]:>10,} {name}")


if __name__ == "__main__":
    main()
