"""Measure `plan` of one repository whose tags all have an SBOM, compared with a bare client.

    .venv/bin/python bench/referrers.py [--tags 500 1000 2000] [--runs 3]

The registry is that of a sandbox of its own, which lists referrers as Azure does. Both programs run in turn.
The bare client sends what no client can leave out: it lists the tags, and reads the manifest and the list of
referrers of each tag and of each referrer. The whole `plan` process is measured.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from filled_registry import IMAGE, acr_transfer, machine, timed

from sandbox import lifecycle, shell_env
from sandbox.cloud import certificates
from sandbox.cloud.cloud import Cloud
from sandbox.cloud.definitions import SOURCE
from sandbox.cloud.paths import CHECKOUT, Paths

_AT_A_TIME = 32
_EMPTY = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": "", "size": 2}
_EMPTY["digest"] = f"sha256:{hashlib.sha256(b'{}').hexdigest()}"


def main() -> int:
    """Print one line for each number of tags."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tags", nargs="+", type=int, default=[500, 1000, 2000])
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    print(f"{machine()}\n  tags   bare client s   plan s   ratio   peak MiB")
    with sandbox() as cloud, tempfile.TemporaryDirectory() as folder:
        for tags in options.tags:
            repository = f"bench/signed{tags}"
            asyncio.run(_with_session(cloud, repository, partial(_Client.fill, tags=tags)))
            _measure(cloud, repository, Path(folder), options.runs, tags)
    return 0


@contextmanager
def sandbox() -> Iterator[Cloud]:
    """Start a sandbox with its environment, and stop it."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ACR_TRANSFER_SANDBOX"] = str(Path(folder, "state"))
        paths = Paths(state=Path(folder, "state"), cache=Paths.here().cache)
        try:
            subprocess.run(
                [sys.executable, "-m", "sandbox", "up"], check=True, cwd=CHECKOUT, capture_output=True
            )
            os.environ.update(shell_env.variables(paths))
            yield Cloud(SOURCE, paths)
        finally:
            lifecycle.down(paths)


def _measure(cloud: Cloud, repository: str, folder: Path, runs: int, tags: int) -> None:
    bare, plans, peaks = list[float](), list[float](), list[int]()
    for _ in range(runs):
        begun = time.monotonic()
        read = asyncio.run(_with_session(cloud, repository, _Client.read_all))
        bare.append(time.monotonic() - begun)
        host = cloud.login_server(SOURCE.registry)
        line = ("plan", "--registry", host, "--repository", repository, "--quiet")
        seconds, output = timed(acr_transfer(*line), folder)
        plans.append(seconds)
        peaks.append(int(output.split()[-1]))
        assert read == 2 * tags
        assert f"{read:,} artifacts: {read:,} new" in output
    ratio = statistics.median(plans) / statistics.median(bare)
    times = f"{statistics.median(bare):13.2f}   {statistics.median(plans):6.2f}   {ratio:5.2f}"
    print(f"{tags:6}   {times}   {max(peaks):8}", flush=True)


async def _with_session(
    cloud: Cloud, repository: str, step: Callable[[_Client], Coroutine[Any, Any, int]]
) -> int:
    async with _client(cloud, repository) as client:
        return await step(client)


@asynccontextmanager
async def _client(cloud: Cloud, repository: str) -> Any:
    trust = aiohttp.TCPConnector(limit=_AT_A_TIME, ssl=certificates.client_context(cloud.paths))
    headers = cloud.authorise(SOURCE.registry, repository)
    async with aiohttp.ClientSession(connector=trust, headers=headers) as session:
        yield _Client(session, f"https://{cloud.login_server(SOURCE.registry)}/v2/{repository}")


class _Client:
    """Bare requests to one repository."""

    def __init__(self, session: aiohttp.ClientSession, base: str) -> None:
        self._session, self._base = session, base
        self._lanes = asyncio.Semaphore(_AT_A_TIME)

    async def fill(self, tags: int) -> int:
        """Push this number of tags, each with an SBOM."""
        async with self._session.post(f"{self._base}/blobs/uploads/") as begun:
            place = begun.headers["Location"]
        address = self._base.partition("/v2/")[0]
        url = place if place.startswith("http") else address + place
        async with self._session.put(f"{url}&digest={_EMPTY['digest']}", data=b"{}") as response:
            response.raise_for_status()
        await asyncio.gather(*map(self._push_with_sbom, range(tags)))
        return tags

    async def _push_with_sbom(self, number: int) -> None:
        async with self._lanes:
            image = _manifest(number)
            await self._push(f"v{number}", image)
            digest = f"sha256:{hashlib.sha256(image).hexdigest()}"
            about = {"mediaType": IMAGE, "digest": digest, "size": len(image)}
            sbom = _manifest(number, subject=about, artifactType="application/spdx+json")
            await self._push(f"sha256:{hashlib.sha256(sbom).hexdigest()}", sbom)

    async def _push(self, reference: str, body: bytes) -> None:
        url, headers = f"{self._base}/manifests/{reference}", {"Content-Type": IMAGE}
        async with self._session.put(url, data=body, headers=headers) as response:
            response.raise_for_status()

    async def read_all(self) -> int:
        """Read all tags and their referrers; returns the number of manifests."""
        return sum(await asyncio.gather(*[self._read(tag) async for tag in self._tags()]))

    async def _tags(self) -> AsyncIterator[str]:
        """All tags, a page of 1,000 at a time: the most that a registry returns."""
        page = [""]
        while page := json.loads(await self._get(f"tags/list?n=1000&last={page[-1]}"))["tags"] or []:
            for tag in page:
                yield tag

    async def _read(self, tag: str) -> int:
        async with self._lanes:
            digest = f"sha256:{hashlib.sha256(await self._get(f'manifests/{tag}')).hexdigest()}"
            found = json.loads(await self._get(f"referrers/{digest}"))["manifests"]
            for each in found:
                await self._get(f"manifests/{each['digest']}")
                await self._get(f"referrers/{each['digest']}")
            return 1 + len(found)

    async def _get(self, path: str) -> bytes:
        async with self._session.get(f"{self._base}/{path}", headers={"Accept": IMAGE}) as response:
            response.raise_for_status()
            return await response.read()


def _manifest(number: int, **more: Any) -> bytes:
    document = {"schemaVersion": 2, "mediaType": IMAGE, "config": _EMPTY, "layers": [_EMPTY]}
    return json.dumps({**document, "annotations": {"number": str(number)}, **more}).encode()


if __name__ == "__main__":
    sys.exit(main())
