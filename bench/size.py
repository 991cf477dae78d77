"""Measure a whole transfer at growing sizes: time, memory of every process, and requests for each artifact.

    .venv/bin/python bench/size.py [--sizes 50 500 5000]

Starts a sandbox of its own for each size, and pushes as many images, each with its own manifest. Then it
plans them, deploys both stacks, copies, imports and proves, and previews the unchanged stacks. Beside `plan`
and `prove` stands a bare client that asks for every manifest with 32 connections. The exit code is 0 only if
every process stays under 512 MB and no step takes twice the time for each artifact at the largest size.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sandbox import lifecycle, shell_env
from sandbox.cloud import certificates
from sandbox.cloud.cloud import Cloud
from sandbox.cloud.definitions import CLOUDS, SOURCE, TARGET, CloudDefinition
from sandbox.cloud.paths import Paths
from sandbox.faults.control import send_order, set_fault
from sandbox.faults.fault import InjectedFault
from sandbox.registry.oci_client import MANIFEST_TYPES, Manifest, OciClient, digest_of
from sandbox.samples import samples

ROOT = Path(__file__).resolve().parent.parent
MOST_MEMORY = 512_000_000
"""Bytes; the most of any process."""

_COUNTED = ("arm", "registry", "storage")
_AT_A_TIME = 32
_REPOSITORY = "bench/size"
_PLAIN = ("--yes", "--skip-preview", "--suppress-progress", "--color", "never")


@dataclass
class Step:
    """One command of the transfer."""

    name: str
    seconds: float
    requests: int
    memory: dict[str, int] = field(default_factory=dict)
    """The most bytes of each kind of process."""


def main() -> int:
    """Print a table for each size, and the growth."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", nargs="+", type=int, default=[50, 500, 5000])
    found = {size: _measure(size) for size in parser.parse_args().sizes}
    for size, steps in found.items():
        _print(size, steps)
    return _judge(found)


def _measure(size: int) -> list[Step]:
    with tempfile.TemporaryDirectory() as folder:
        paths = Paths(state=Path(folder, "state"), cache=Paths.here().cache)
        os.environ["ACR_TRANSFER_SANDBOX"] = str(paths.state)
        lifecycle.up(paths)
        try:
            return _Transfer(size, paths, Path(folder, "project")).measure()
        finally:
            lifecycle.down(paths)


class _Transfer:
    """One transfer of `size` artifacts in a sandbox of its own."""

    def __init__(self, size: int, paths: Paths, project: Path) -> None:
        self.size, self.paths, self.project = size, paths, project
        self.steps: list[Step] = []
        self.counters = [(side, _counter(paths, side, name)) for side in _sides() for name in _COUNTED]

    def measure(self) -> list[Step]:
        asyncio.run(_push(self.size, Cloud(SOURCE, self.paths)))
        for side in _sides():
            send_order(self.paths, side, "grants", seconds=0)
        self._lay_out()
        self._run("acr-transfer", "plan", "--rules", "transfer.toml", "--source", "source")
        self._bare("manifests of the source", SOURCE)
        self._run("pulumi", "up", "--stack", "source", *_PLAIN)
        self._run("pulumi", "up", "--stack", "target", *_PLAIN)
        self._run("acr-transfer", "hop")
        self._await_imports()
        self._run("acr-transfer", "prove")
        self._bare("manifests of the target", TARGET)
        for side in _sides():
            self._run("pulumi", "preview", "--stack", side, "--expect-no-changes")
        self._run("acr-transfer", "doctor")
        return self.steps

    def _lay_out(self) -> None:
        self.project.mkdir()
        for name in ("__main__.py", "Pulumi.yaml", "stack", "components", "acr_transfer", ".venv"):
            (self.project / name).symlink_to(ROOT / name)
        (self.project / "transfer.toml").write_text(f'[[rule]]\nrepositories = ["{_REPOSITORY}"]\n')
        ends = {"sasExpiry": "2099-12-31T00:00:00Z"}
        self._stack(SOURCE, {**ends, "lock": "transfer.lock.json", "pipeline": "sizes"})
        self._stack(TARGET, {**ends, "source": "source", "pipeline": "sizes"})

    def _stack(self, cloud: CloudDefinition, own: dict[str, object]) -> None:
        registry = {"registry": cloud.registry, "registryResourceGroup": cloud.registry_group}
        given = {"side": cloud.side, "resourceGroup": "bench-size", "roleWaitSeconds": 0, **registry, **own}
        azure = {"environment": cloud.name, "location": cloud.location}
        azure |= {"subscriptionId": cloud.subscription, "tenantId": cloud.tenant}
        config: dict[str, object] = {f"acr-transfer:{key}": value for key, value in given.items()}
        config |= {f"azure-native:{key}": value for key, value in azure.items()}
        (self.project / f"Pulumi.{cloud.side}.yaml").write_text(json.dumps({"config": config}))
        self._command("pulumi", "stack", "init", cloud.side)

    def _run(self, *command: str) -> None:
        """Run a command and keep its figures."""
        with self._measured(" ".join(command[:2] + command[3:4] if "--stack" in command else command[:2])):
            self._command(*command)

    def _command(self, *command: str) -> None:
        environment = {**os.environ, **shell_env.variables(self.paths)}
        ended = subprocess.run(
            command, cwd=self.project, env=environment, capture_output=True, text=True, check=False
        )
        if ended.returncode:
            raise SystemExit(f"{' '.join(command)} failed:\n{ended.stdout}{ended.stderr}")

    def _bare(self, what: str, cloud: CloudDefinition) -> None:
        with self._measured(f"bare client: {what}"):
            asyncio.run(_read_all(self.size, Cloud(cloud, self.paths)))

    def _await_imports(self) -> None:
        """The trigger imports; its time is the sandbox's, so only the wait is shown."""
        with self._measured("imports by the trigger"):
            self._command("acr-transfer", "prove", "--wait", "1200", "--quiet")

    @contextmanager
    def _measured(self, name: str) -> Iterator[None]:
        before, begun = self._requests(), time.monotonic()
        with _memory(self.paths) as memory:
            yield
        step = Step(name, time.monotonic() - begun, self._requests() - before, memory)
        self.steps.append(step)
        print(f"  {self.size}: {name}: {step.seconds:.1f} s", file=sys.stderr, flush=True)

    def _requests(self) -> int:
        counts = {
            (side, fault["id"]): int(fault["applied"])
            for side in _sides()
            for fault in send_order(self.paths, side, "list")["faults"]
        }
        return sum(counts[key] for key in self.counters)


def _sides() -> Sequence[str]:
    return [cloud.side for cloud in CLOUDS]


def _counter(paths: Paths, side: str, endpoint: str) -> int:
    """A fault without noticeable effect, which counts the requests."""
    return set_fault(paths, side, InjectedFault(endpoint=endpoint, delay=1e-6))


@contextmanager
def _memory(paths: Paths) -> Iterator[dict[str, int]]:
    """The most memory of each kind of process of this program and of the sandbox, sampled every 0.1 s."""
    most: dict[str, int] = {}
    ended = threading.Event()
    found = lifecycle.running(paths)
    assert found
    roots = [psutil.Process(), psutil.Process(found["process"])]

    def sample() -> None:
        while not ended.wait(0.1):
            for process in [roots[1], *(each for root in roots for each in root.children(recursive=True))]:
                try:
                    kind = _kind(process.cmdline())
                    most[kind] = max(most.get(kind, 0), process.memory_info().rss)
                except psutil.Error:
                    continue

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        yield most
    finally:
        ended.set()
        sampler.join()


_KINDS = (
    ("language_host", "language host"),
    ("pulumi_plugins.azure_native", "azure-native stand-in"),
    ("random_provider", "random provider"),
    ("pulumi-language-python-exec", "program"),
    ("-m acr_transfer", "acr-transfer"),
    ("-m sandbox serve", "sandbox"),
    ("azurite", "Azurite"),
    ("registry", "registry"),
    ("pulumi", "Pulumi engine"),
)
"""Words of a command line, and the name of the process; the first that is found counts."""


def _kind(line: Sequence[str]) -> str:
    text = " ".join(line)
    return next((name for words, name in _KINDS if words in text), "other")


async def _push(count: int, cloud: Cloud) -> None:
    """Push images that share their blobs; each has its own manifest."""
    sample = next(each for each in samples() if each.tag)

    async def chunks(body: bytes):  # type: ignore[no-untyped-def]
        yield body

    async with _registry(cloud) as client:
        for blob in sample.blobs:
            await client.put_blob(_REPOSITORY, digest_of(blob), len(blob), chunks(blob))

        async def one(number: int) -> None:
            body = json.dumps({**sample.manifest.content, "annotations": {"number": str(number)}}).encode()
            manifest = Manifest(sample.manifest.media_type, body)
            await client.put_manifest(_REPOSITORY, f"v{number}", manifest)

        for start in range(0, count, 50):
            await asyncio.gather(*map(one, range(start, min(start + 50, count))))


async def _read_all(count: int, cloud: Cloud) -> None:
    lanes = asyncio.Semaphore(_AT_A_TIME)
    registry = cloud.definition.registry
    base = f"https://{cloud.login_server(registry)}/v2/{_REPOSITORY}/manifests"
    headers = {**cloud.authorise(registry, _REPOSITORY), "Accept": ", ".join(MANIFEST_TYPES)}
    trust = aiohttp.TCPConnector(limit=_AT_A_TIME, ssl=certificates.client_context(cloud.paths))
    async with aiohttp.ClientSession(connector=trust, headers=headers) as session:

        async def one(number: int) -> None:
            async with lanes, session.get(f"{base}/v{number}") as response:
                response.raise_for_status()
                await response.read()

        await asyncio.gather(*map(one, range(count)))


@asynccontextmanager
async def _registry(cloud: Cloud) -> AsyncIterator[OciClient]:
    """A client of the cloud's registry that may push."""
    registry = cloud.definition.registry
    trust = aiohttp.TCPConnector(ssl=certificates.client_context(cloud.paths))
    async with aiohttp.ClientSession(connector=trust) as session:
        url = f"https://{cloud.login_server(registry)}"
        yield OciClient(session, url, lambda *names: cloud.authorise(registry, *names))


def _print(size: int, steps: Sequence[Step]) -> None:
    print(f"\n{size:,} artifacts\n")
    print("| step | seconds | ms per artifact | requests per artifact | most memory |")
    print("| --- | --: | --: | --: | --- |")
    for step in steps:
        kind, most = max(step.memory.items(), key=lambda item: item[1], default=("", 0))
        print(
            f"| {step.name} | {step.seconds:.1f} | {step.seconds / size * 1000:.1f} "
            f"| {step.requests / size:.2f} | {most / 1e6:.0f} MB ({kind}) |"
        )


def _judge(found: dict[int, list[Step]]) -> int:
    """Print what is too large or grows too fast; returns the exit code."""
    large = [
        f"{kind} took {most / 1e6:.0f} MB in {step.name} of {size:,}"
        for size, steps in found.items()
        for step in steps
        for kind, most in step.memory.items()
        if most > MOST_MEMORY
    ]
    *_, before, last = [1, *sorted(found)]
    pairs = zip(found.get(before, found[last]), found[last], strict=True)
    steep = [
        f"{many.name} is not linear" for few, many in pairs if many.seconds / last > 2 * few.seconds / before
    ]
    print(*large, *steep, sep="\n")
    return 1 if large or steep else 0


if __name__ == "__main__":
    sys.exit(main())
