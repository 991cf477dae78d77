"""Measures the memory of the sandbox while an export and an import move one large layer.

    .venv/bin/python bench/large_layer.py [--size 2G] [--limit 256]

Starts its own sandbox, pushes an image with one generated layer, exports it, and imports the blob into a
second registry. Prints the seconds of each step and the peak memory in MiB of the process that serves both
clouds (its VmHWM, reset before each step). Fails if a peak is above the limit. The temporary folder needs
three times the size of the layer.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from acr_transfer.cli.option_types import size
from sandbox import lifecycle
from sandbox.cloud.paths import CHECKOUT, Paths
from sandbox.registry.oci_client import OciClient, digest_of
from tests.sandbox.transfer.side import SandboxSide, manifest_of

_CHUNK = 1 << 20


def main() -> int:
    """Print one line per step; returns 1 if a peak is above the limit."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=size, default=size("2G"), help="size of the layer")
    parser.add_argument("--limit", type=int, default=256, help="limit of the peak memory in MiB")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths = Paths(Path(folder) / "state", Paths.here().cache)
        environment = {**os.environ, "ACR_TRANSFER_SANDBOX": str(paths.state)}
        subprocess.run([sys.executable, "-m", "sandbox", "up"], check=True, cwd=CHECKOUT, env=environment)
        try:
            peaks = _measured(paths, options.size)
        finally:
            lifecycle.down(paths)
    return int(max(peaks) > options.limit)


def _measured(paths: Paths, bytes_of_layer: int) -> list[float]:
    source = SandboxSide(paths, "source", "large").build()
    into = SandboxSide(paths, "source", "large")
    into.registry_name = "largelayer"
    body = {"location": into.definition.location, "sku": {"name": "Premium"}}
    into.arm("PUT", into.registry_path(), body)
    _push(source, bytes_of_layer)
    export, back = source.pipeline("export", "out"), into.pipeline("import", "out")
    print(f"one layer of {bytes_of_layer / (1 << 30):.2f} GiB", flush=True)
    return [
        _step(paths, "export", source, export, "large/app:1"),
        _step(paths, "import", into, back),
    ]


def _step(paths: Paths, name: str, side: SandboxSide, pipeline: str, *artifacts: str) -> float:
    process = Path("/proc") / str(lifecycle.require_running(paths)["process"])
    (process / "clear_refs").write_text("5")  # resets VmHWM
    started = time.monotonic()
    run = side.start(pipeline, "large", *artifacts)
    while (state := side.state(run)["response"])["status"] == "Running":
        time.sleep(0.5)
    assert state["status"] == "Succeeded", state
    line = next(each for each in (process / "status").read_text().splitlines() if each.startswith("VmHWM"))
    peak = int(line.split()[1]) / 1024
    print(f"{name}: {time.monotonic() - started:.1f} s, {peak:.0f} MiB peak", flush=True)
    return peak


def _push(side: SandboxSide, bytes_of_layer: int) -> None:
    seen = hashlib.sha256()
    for chunk in _chunks(bytes_of_layer):
        seen.update(chunk)
    digest = f"sha256:{seen.hexdigest()}"
    layer = {"mediaType": "application/octet-stream", "digest": digest, "size": bytes_of_layer}

    async def work(registry: OciClient) -> None:
        await registry.put_blob("large/app", digest_of(b"{}"), 2, _stream([b"{}"]))
        await registry.put_blob("large/app", digest, bytes_of_layer, _stream(_chunks(bytes_of_layer)))
        await registry.put_manifest("large/app", "1", manifest_of(b"", layers=[layer]))

    side.with_registry(work)


def _chunks(count: int) -> Iterator[bytes]:
    """The layer's bytes, generated on demand; no two MiB are equal."""
    for number in range(-(-count // _CHUNK)):
        chunk = hashlib.shake_128(str(number).encode()).digest(1 << 10) * (_CHUNK >> 10)
        yield chunk[: count - number * _CHUNK]


async def _stream(chunks: Iterator[bytes] | list[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


if __name__ == "__main__":
    sys.exit(main())
