"""Compare two registry clients: Microsoft's azure-containerregistry and that of acr-transfer.

    .venv/bin/python bench/registry_clients.py [--manifests 1000] [--runs 3]

Both read the same manifests from a real server on this machine, without login, in one process, with 32
concurrent requests.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from azure.containerregistry.aio import ContainerRegistryClient
from filled_registry import filled_registry, machine

from acr_transfer.concurrency import run_concurrently
from acr_transfer.registry.auth import DockerAuthenticator
from acr_transfer.registry.client import open_registry


def main() -> int:
    """Print one line per client."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--manifests", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    clients = {"azure-containerregistry": _microsofts, "acr-transfer": _own}
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in clients}
    with filled_registry(options.manifests // 10, 10) as (base, references):
        print(f"{len(references)} manifests; {machine()}")
        for _ in range(options.runs):
            for name, client in clients.items():
                begun, busy = time.monotonic(), time.process_time()
                asyncio.run(client(base, references))
                found[name].append((time.monotonic() - begun, time.process_time() - busy))
    for name, runs in found.items():
        wall, cpu = (statistics.median(values) for values in zip(*runs, strict=True))
        print(f"{name:24} {wall:6.2f} s, {cpu:6.2f} s of this process's CPU (medians)")
    return 0


async def _microsofts(base: str, references: list[str]) -> None:
    async with ContainerRegistryClient(base, None) as client:

        async def one(reference: str) -> None:
            name, _, tag = reference.partition(":")
            await client.get_manifest(name, tag, enforce_https=False)

        await run_concurrently(one, references, 32)


async def _own(base: str, references: list[str]) -> None:
    async with open_registry(base, DockerAuthenticator()) as registry:

        async def one(reference: str) -> None:
            name, _, tag = reference.partition(":")
            manifest = await registry.get(name, tag)
            assert manifest
            assert manifest.digest

        await run_concurrently(one, references, 32)


if __name__ == "__main__":
    sys.exit(main())
