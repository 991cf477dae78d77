"""Measure how long lists, locks and hand-overs take to read, and batches to compute, for growing sizes.

    .venv/bin/python bench/artifacts.py [--sizes 1000 10000 100000]

Prints the CPU seconds of each step for each size. A step takes linear time if its time per artifact is
about the same for all sizes.
"""

import argparse
import hashlib
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from acr_transfer.model.artifact_list import parse_artifact_list
from acr_transfer.model.documents.handover import Handover
from acr_transfer.model.documents.lock import Lock, LockedArtifact
from components.batches import batches


def main() -> int:
    """Print one line for each size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", nargs="+", type=int, default=[1_000, 10_000, 100_000])
    options = parser.parse_args()
    print("artifacts     list  batches     lock  hand-over    microseconds per artifact, all four steps")
    for size in options.sizes:
        seconds = _steps(size)
        columns = f"{seconds[0]:7.2f}  {seconds[1]:7.2f}  {seconds[2]:7.2f}  {seconds[3]:9.2f}"
        print(f"{size:9}  {columns}    {sum(seconds) / size * 1e6:.1f}", flush=True)
    return 0


def _steps(size: int) -> list[float]:
    names = [f"team{number % 97}/app{number}:1.{number % 13}" for number in range(size)]
    lock = _lock(names)
    artifacts = parse_artifact_list("\n".join(names), "contoso")
    computed = batches(artifacts)
    blobs = [{"name": batch.name, "artifacts": batch.references} for batch in computed]
    handover = Handover.of("images.example", "https://a.example/transfer", blobs, lock.artifacts)
    content = lock.content().decode()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "handover.json")
        handover.write(path)
        return [
            _seconds(lambda: parse_artifact_list("\n".join(names), "contoso")),
            _seconds(lambda: batches(artifacts)),
            _seconds(lambda: [each.artifact for each in Lock.parse(content).artifacts]),
            _seconds(lambda: Handover.read(path)),
        ]


def _lock(names: list[str]) -> Lock:
    kind = "application/vnd.oci.image.manifest.v1+json"
    entries = [
        LockedArtifact(
            reference=name, digest=_digest(name), media_type=kind, size=1 << 20, children=(), referrers=()
        )
        for name in names
    ]
    return Lock.of("images.example", entries)


def _digest(name: str) -> str:
    return f"sha256:{hashlib.sha256(name.encode()).hexdigest()}"


def _seconds(step: Callable[[], object]) -> float:
    before = time.process_time()
    step()
    return time.process_time() - before


if __name__ == "__main__":
    sys.exit(main())
