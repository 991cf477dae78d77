"""Measure `plan` of all tags of a registry, compared with a bare client, and for growing registries.

    .venv/bin/python bench/plan.py [--repositories 200] [--tags 50] [--runs 3] [--latency 20] [--login]

The registry is a real server on this machine, without TLS. The whole `plan` process is measured: it lists all
repositories and tags, reads every manifest, and writes the lock. The bare client sends the same requests with
32 connections, and does nothing with the responses. Both programs run in turn. `--latency` is the time that
each response of the registry takes longer, in milliseconds; with `--login`, each repository requires a token.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from bare_client import plan_requests, seconds_to_read
from filled_registry import acr_transfer, add_distance, compared, filled_registry, machine, timed


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repositories", type=int, default=200)
    parser.add_argument("--tags", type=int, default=50, help="tags per repository")
    parser.add_argument("--runs", type=int, default=3)
    add_distance(parser)
    options = parser.parse_args()
    filled = filled_registry(options.repositories, options.tags, latency=options.latency, login=options.login)
    with filled as (base, references), tempfile.TemporaryDirectory() as folder:
        print(f"{len(references)} tags in {options.repositories} repositories; {machine()}")
        _compare(base, references, Path(folder), options.runs)
        _measure_growth(base, options.repositories, Path(folder))
    return 0


def _compare(base: str, references: list[str], folder: Path, runs: int) -> None:
    line = acr_transfer("plan", "--registry", base, "--repository", "**", "--quiet")
    found: dict[str, list[float]] = {"bare client": [], "acr-transfer plan": []}
    peaks = []
    for _ in range(runs):
        found["bare client"].append(seconds_to_read(base, plan_requests(references)))
        seconds, output = timed(line, folder)
        found["acr-transfer plan"].append(seconds)
        peaks.append(int(output.split()[-1]))
    print(f"{compared(found)}\npeak {max(peaks)} MiB")


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
