"""Measure `prove` of many artifacts, compared with loops of `crane digest` and `regctl manifest head`.

    .venv/bin/python bench/prove.py [--artifacts 1000] [--runs 3]

The registry is a real server on this machine, without TLS and login. Whole processes are measured. Tools that
are not on PATH are left out. `prove` reads and hashes every manifest; the other tools request only headers.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from filled_registry import acr_transfer, fill, machine, registry, timed

_LOOPS = {
    "crane": 'while read -r r; do crane digest --insecure "$r" || exit 1; done',
    "regctl": 'while read -r r; do regctl manifest head "$r" || exit 1; done',
}


def main() -> int:
    """Print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--artifacts", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    with registry() as base, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        references = fill(base, options.artifacts // 10, 10)
        print(f"{len(references)} artifacts; {machine()}")
        timed(acr_transfer("plan", "--registry", base, "--repository", "**", "--quiet"), folder)
        _measure(base, references, folder, options.runs)
    return 0


def _measure(base: str, references: list[str], folder: Path, runs: int) -> None:
    host = base.partition("://")[2]
    names = "".join(f"{host}/{reference}\n" for reference in references)
    peers = [peer for peer in _LOOPS if shutil.which(peer)]
    if "regctl" in peers:
        timed(["regctl", "registry", "set", "--tls", "disabled", host], folder)
    found: dict[str, list[float]] = {"acr-transfer prove": []}
    for _ in range(runs):
        line = acr_transfer("prove", "--lock", "transfer.lock.json", "--registry", base, "--quiet")
        found["acr-transfer prove"].append(timed(line, folder)[0])
        for peer in peers:
            seconds, _ = timed(["sh", "-c", _LOOPS[peer]], folder, names)
            found.setdefault(f"{peer} loop", []).append(seconds)
    own = statistics.median(found["acr-transfer prove"])
    for name, seconds in found.items():
        middle = statistics.median(seconds)
        times = f"{middle / own:5.1f} times"
        print(f"{name:20} {min(seconds):6.2f} {middle:6.2f} {max(seconds):6.2f} s (min, median, max) {times}")


if __name__ == "__main__":
    sys.exit(main())
