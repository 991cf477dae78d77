"""Measure `plan` of all tags of a registry, compared with bare HEAD requests, and for growing registries.

    .venv/bin/python bench/plan.py [--repositories 200] [--tags 50] [--runs 3]

The registry is a real server on this machine, without TLS and login. The whole `plan` process is measured: it
lists all repositories and tags, reads every manifest, and writes the lock. Both programs run in turn.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

import aiohttp

sys.path.insert(0, str(Path(__file__).resolve().parent))

from filled_registry import IMAGE, acr_transfer, fill, machine, registry, timed

_AT_A_TIME = 32


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repositories", type=int, default=200)
    parser.add_argument("--tags", type=int, default=50, help="tags per repository")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    with registry() as base, tempfile.TemporaryDirectory() as folder:
        references = fill(base, options.repositories, options.tags)
        print(f"{len(references)} tags in {options.repositories} repositories; {machine()}")
        _compare_with_heads(base, references, Path(folder), options.runs)
        _measure_growth(base, options.repositories, Path(folder))
    return 0


def _compare_with_heads(base: str, references: list[str], folder: Path, runs: int) -> None:
    heads, plans, peaks = [], [], []
    for _ in range(runs):
        heads.append(asyncio.run(_head_all(base, references)))
        seconds, output = timed(
            acr_transfer("plan", "--registry", base, "--repository", "**", "--quiet"), folder
        )
        plans.append(seconds)
        peaks.append(int(output.split()[-1]))
    for name, found in (("bare HEAD of every tag", heads), ("acr-transfer plan", plans)):
        middle = statistics.median(found)
        print(f"{name:24} {min(found):6.2f} {middle:6.2f} {max(found):6.2f} s (min, median, max)")
    ratio = statistics.median(plans) / statistics.median(heads)
    print(f"ratio of the medians {ratio:.2f}; peak {max(peaks)} MiB")


async def _head_all(base: str, references: list[str]) -> float:
    lanes = asyncio.Semaphore(_AT_A_TIME)
    begun = time.monotonic()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=_AT_A_TIME)) as session:

        async def one(reference: str) -> None:
            name, _, tag = reference.partition(":")
            url = f"{base}/v2/{name}/manifests/{tag}"
            async with lanes, session.head(url, headers={"Accept": IMAGE}) as response:
                response.raise_for_status()

        await asyncio.gather(*map(one, references))
    return time.monotonic() - begun


def _measure_growth(base: str, repositories: int, folder: Path) -> None:
    print("tags    plan s   peak MiB   lock KiB")
    for part in (0.1, 0.25, 0.5, 1.0):
        names = [f"bench/r{number:04}" for number in range(max(1, int(repositories * part)))]
        line = [word for name in names for word in ("--repository", name)]
        seconds, output = timed(acr_transfer("plan", "--registry", base, *line, "--quiet"), folder)
        size = (folder / "transfer.lock.json").stat().st_size / 1024
        count = next(line for line in output.splitlines() if " artifacts: " in line).split()[0]
        print(f"{count:7} {seconds:6.2f}   {output.split()[-1]:>8}   {size:8.0f}")


if __name__ == "__main__":
    sys.exit(main())
