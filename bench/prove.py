"""Measure `prove` of many artifacts, compared with a bare client, `crane digest` and `regctl manifest head`.

    .venv/bin/python bench/prove.py [--artifacts 1000] [--runs 3] [--latency 20] [--login]

The registry is a real server on this machine, without TLS. Whole processes are measured, in turn. `prove` and
the bare client read every manifest and the lists of tags with 32 connections; the other tools request only
headers, one after the other. Tools that are not on PATH are left out, and all of them with `--latency` or
`--login`. `--latency` is the time that each response of the registry takes longer, in milliseconds; with
`--login`, each repository requires a token.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from bare_client import prove_requests, seconds_to_read
from filled_registry import acr_transfer, add_distance, compared, filled_registry, machine, timed

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
    parser.add_argument("--tags", type=int, default=10, help="artifacts per repository")
    parser.add_argument("--runs", type=int, default=3)
    add_distance(parser)
    options = parser.parse_args()
    filled = filled_registry(
        options.artifacts // options.tags, options.tags, latency=options.latency, login=options.login
    )
    with filled as (base, references), tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(f"{len(references)} artifacts; {machine()}")
        timed(acr_transfer("plan", "--registry", base, "--repository", "**", "--quiet"), folder)
        is_near = not (options.latency or options.login)
        peers = [peer for peer in _LOOPS if is_near and shutil.which(peer)]
        _measure(base, references, folder, options.runs, peers)
    return 0


def _measure(base: str, references: list[str], folder: Path, runs: int, peers: list[str]) -> None:
    host = base.partition("://")[2]
    names = "".join(f"{host}/{reference}\n" for reference in references)
    if "regctl" in peers:
        timed(["regctl", "registry", "set", "--tls", "disabled", host], folder)
    line = acr_transfer("prove", "--lock", "transfer.lock.json", "--registry", base, "--quiet")
    found: dict[str, list[float]] = {"bare client": [], "acr-transfer prove": []}
    peaks = []
    for _ in range(runs):
        found["bare client"].append(seconds_to_read(base, prove_requests(references)))
        seconds, output = timed(line, folder)
        found["acr-transfer prove"].append(seconds)
        peaks.append(int(output.split()[-1]))
        for peer in peers:
            seconds, _ = timed(["sh", "-c", _LOOPS[peer]], folder, names)
            found.setdefault(f"{peer} loop", []).append(seconds)
    print(f"{compared(found)}\npeak {max(peaks)} MiB")


if __name__ == "__main__":
    sys.exit(main())
