"""A registry server with small images, for the benchmarks that read registries."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
from distance import distant
from token_server import ISSUER, KEYS, token_server

ROOT = Path(__file__).resolve().parent.parent
IMAGE = "application/vnd.oci.image.manifest.v1+json"


@contextlib.contextmanager
def filled_registry(
    repositories: int, tags: int, *, latency: float = 0, login: bool = False
) -> Iterator[tuple[str, list[str]]]:
    """A registry on this machine without TLS; yields its base URL, and the references of its images.

    `latency`: milliseconds between the registry and its client; `login`: whether it requires tokens.
    """
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        with _registry(folder) as base:
            references = asyncio.run(_fill(base, repositories, tags))
        realm = stack.enter_context(token_server(folder)) if login else ""
        far_realm = stack.enter_context(distant(realm, latency)) if login else ""
        near = stack.enter_context(_registry(folder, far_realm))
        base = stack.enter_context(distant(near, latency))
        stack.enter_context(_token_host(base, far_realm))
        yield base, references


@contextlib.contextmanager
def _token_host(base: str, realm: str) -> Iterator[None]:
    """Let acr-transfer accept the tokens of another host."""
    os.environ["ACR_TRANSFER_TOKEN_HOSTS"] = f"{urlsplit(base).netloc}={urlsplit(realm).netloc}"
    try:
        yield
    finally:
        del os.environ["ACR_TRANSFER_TOKEN_HOSTS"]


@contextlib.contextmanager
def _registry(folder: Path, realm: str = "") -> Iterator[str]:
    """Start a registry over the images of a folder; yields its base URL."""
    cache = Path(
        os.environ.get("ACR_TRANSFER_CACHE")
        or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "acr-transfer"
    )
    found = sorted(cache.glob("registry/*/bin/registry"))
    if not found:
        raise SystemExit("the cache has no registry server: run `make install`")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    configuration = folder / "configuration.yml"
    configuration.write_text(_configuration(folder, port, realm))
    environment = {**os.environ, "OTEL_TRACES_EXPORTER": "none"}
    with subprocess.Popen(
        [found[-1], "serve", configuration], env=environment, stderr=subprocess.DEVNULL
    ) as server:
        try:
            _wait(port)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def _configuration(folder: Path, port: int, realm: str) -> str:
    keys = f'issuer: {ISSUER}, service: {ISSUER}, jwks: "{folder / KEYS}"'
    return (
        "version: 0.1\n"
        "log: {level: error, accesslog: {disabled: true}}\n"
        f'storage: {{filesystem: {{rootdirectory: "{folder}/images"}}, delete: {{enabled: true}}}}\n'
        f'http: {{addr: "127.0.0.1:{port}"}}\n'
        + (f'auth: {{token: {{realm: "{realm}/token", {keys}}}}}\n' if realm else "")
    )


def _wait(port: int) -> None:
    for _ in range(600):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise SystemExit("the registry server did not start")


async def _fill(base: str, repositories: int, tags: int) -> list[str]:
    lanes = asyncio.Semaphore(16)
    async with aiohttp.ClientSession() as session:

        async def one(number: int) -> list[str]:
            async with lanes:
                return await _repository(session, base, f"bench/r{number:04}", tags)

        filled = await asyncio.gather(*(one(number) for number in range(repositories)))
    return [reference for references in filled for reference in references]


async def _repository(session: aiohttp.ClientSession, base: str, name: str, tags: int) -> list[str]:
    parts = [await _blob(session, base, name, content) for content in (b"{}", b"layer of " + name.encode())]
    for tag in range(tags):
        manifest = {"schemaVersion": 2, "mediaType": IMAGE, "config": parts[0], "layers": parts[1:]}
        body = json.dumps({**manifest, "annotations": {"number": f"{name} {tag}"}}).encode()
        url = f"{base}/v2/{name}/manifests/v{tag}"
        async with session.put(url, data=body, headers={"Content-Type": IMAGE}) as response:
            response.raise_for_status()
    return [f"{name}:v{tag}" for tag in range(tags)]


async def _blob(session: aiohttp.ClientSession, base: str, name: str, content: bytes) -> dict[str, object]:
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    async with session.post(f"{base}/v2/{name}/blobs/uploads/") as begun:
        place = begun.headers["Location"]
    async with session.put(f"{place}&digest={digest}", data=content) as response:
        response.raise_for_status()
    return {"mediaType": "application/octet-stream", "digest": digest, "size": len(content)}


def timed(command: Sequence[str], folder: Path, stdin: str = "") -> tuple[float, str]:
    """Run a command that must succeed; returns its seconds and its standard output."""
    # Like an installed command: compiled once, not in each run.
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": ""}
    begun = time.monotonic()
    done = subprocess.run(
        command, cwd=folder, env=environment, input=stdin, capture_output=True, text=True, check=False
    )
    seconds = time.monotonic() - begun
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr}")
    return seconds, done.stdout


def acr_transfer(*line: str) -> list[str]:
    """A command line of acr-transfer that prints its peak memory in MiB at the end of its output."""
    # The peak that `resource` has includes the parent's memory at the start.
    program = (
        "import sys; from acr_transfer.__main__ import main; code = main();"
        "status = open('/proc/self/status').read().split('VmHWM:')[1];"
        "print(f'peak {int(status.split()[0]) / 1024:.0f}'); sys.exit(code)"
    )
    return [sys.executable, "-c", program, *line]


def machine() -> str:
    """The machine and its load, for the table."""
    load = os.getloadavg()[0]
    what = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}"
    return f"{what}, Python {platform.python_version()}, 1-minute load {load:.1f}"


def add_distance(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `filled_registry`."""
    parser.add_argument("--latency", type=float, default=0, metavar="MS", help="of each response")
    parser.add_argument("--login", action="store_true", help="require a token for each repository")


def compared(found: Mapping[str, Sequence[float]]) -> str:
    """A table of the seconds of programs; the medians are compared with that of the first."""
    first = statistics.median(next(iter(found.values())))
    return "\n".join(
        f"{name:20} {min(seconds):6.2f} {statistics.median(seconds):6.2f} {max(seconds):6.2f} s "
        f"(min, median, max), {statistics.median(seconds) / first:5.2f} times"
        for name, seconds in found.items()
    )
