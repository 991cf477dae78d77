"""Measure how full batches are, for a range of split proportions.

    .venv/bin/python bench/batches.py [--seeds 200] [--largest 3000] [--split 7/16 ...]

Prints, for each proportion, the mean fill over all sizes, and the worst fill with its size. The fill is
artifacts / (batches * 50). Each size from 51 on is measured with `seeds` random lists.
"""

import argparse
import random
import sys
from fractions import Fraction
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from acr_transfer.model.limits import ARTIFACTS_PER_RUN
from components.batches import leaves

_HASHES = 1 << 64


def main() -> int:
    """Print one line per proportion."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=200, help="random lists per size")
    parser.add_argument("--largest", type=int, default=3000, help="the largest size")
    parser.add_argument("--step", type=int, default=7, help="difference between two sizes")
    parser.add_argument(
        "--split", nargs="+", type=Fraction, default=_proportions(), help="proportions to try"
    )
    options = parser.parse_args()
    sizes = range(ARTIFACTS_PER_RUN + 1, options.largest + 1, options.step)
    print("split   mean    worst at 51..   worst from 250   worst from 500")
    for split in options.split:
        fills = {size: _fill(size, split, options.seeds) for size in sizes}
        worst = [
            min(((fill, size) for size, fill in fills.items() if size >= least), default=(1.0, 0))
            for least in (51, 250, 500)
        ]
        shown = "   ".join(f"{fill:.1%} ({size:4})" for fill, size in worst)
        print(f"{split!s:6} {sum(fills.values()) / len(fills):.1%}   {shown}", flush=True)
    return 0


def _proportions() -> list[Fraction]:
    return [Fraction(part, 16) for part in range(4, 9)]


def _fill(size: int, split: Fraction, seeds: int) -> float:
    found = 0
    for seed in range(seeds):
        values = random.Random(f"{seed} {size}")
        hashes = sorted(values.getrandbits(64) for _ in range(size))
        found += len(leaves(hashes, 0, size, 0, _HASHES, split=split))
    return size * seeds / (found * ARTIFACTS_PER_RUN)


if __name__ == "__main__":
    sys.exit(main())
