"""Measure the preview of an unchanged source stack, compared with a bare program of as many resources.

    .venv/bin/python -m sandbox up && .venv/bin/python bench/preview.py [--artifacts 5000] [--repeat 5]

Needs a running sandbox. Destroys its stacks, but leaves its tags in the sandbox's source registry. The bare
program only registers azure-native PipelineRuns of 50 artifacts each. The previews alternate, and the medians
are compared. The exit code is 0 only if the first takes at most three times as long as the second.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import aiohttp

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sandbox import shell_env
from sandbox.cloud import certificates
from sandbox.cloud.cloud import Cloud
from sandbox.cloud.definitions import SOURCE
from sandbox.cloud.paths import Paths
from sandbox.registry.oci_client import OciClient, digest_of
from sandbox.samples import samples

ROOT = Path(__file__).resolve().parent.parent
LIMIT = 3
"""The largest ratio of the two medians."""

_BARE = """
import pulumi
from pulumi_azure_native import containerregistry

config = pulumi.Config()
for number in range(config.require_int("count")):
    tags = [(number * 50 + each) % config.require_int("tags") for each in range(50)]
    containerregistry.PipelineRun(
        f"run-{number}",
        registry_name=config.require("registry"),
        resource_group_name=config.require("group"),
        pipeline_run_name=f"bareRun{number}",
        request={
            "pipeline_resource_id": config.require("pipeline"),
            "artifacts": [f"bench/many:{tag}" for tag in tags],
            "target": {"type": "AzureStorageBlob", "name": f"bare-{number}"},
        },
        force_update_tag="1",
    )
"""
_PROJECT = {"name": "bare", "runtime": {"name": "python", "options": {"virtualenv": str(ROOT / ".venv")}}}


def main() -> int:
    """Deploy both stacks, measure their previews, destroy both."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--artifacts", type=int, default=5000, help="number of artifacts of the source stack")
    parser.add_argument("--repeat", type=int, default=5, help="number of previews of each program")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ours, bare = Path(folder, "ours"), Path(folder, "bare")
        asyncio.run(_tagged(given.artifacts))
        try:
            _up(ours, lambda: _ours(ours, given.artifacts))
            count = _resources(ours)
            pipeline = _pulumi(ours, "stack", "output", "exportPipelineId").strip()
            _up(bare, lambda: _bare(bare, count, given.artifacts, pipeline))
            pairs = [(_preview(ours), _preview(bare)) for _ in range(given.repeat)]
        finally:
            for each in (bare, ours):
                if each.exists():
                    _pulumi(each, "destroy", "--yes", "--skip-preview")
    first, second = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"{given.artifacts} artifacts, {count} resources: preview {first:.1f} s, bare {second:.1f} s")
    print(f"{first / second:.2f} times as long; the limit is {LIMIT}")
    return 0 if first <= LIMIT * second else 1


async def _tagged(count: int) -> None:
    """Push one small image with one tag per artifact."""
    cloud = Cloud(SOURCE, Paths.here())
    trust = aiohttp.TCPConnector(ssl=certificates.client_context(cloud.paths))
    async with aiohttp.ClientSession(connector=trust) as session:
        url = f"https://{cloud.login_server(SOURCE.registry)}"
        registry = OciClient(session, url, lambda repository: cloud.authorise(SOURCE.registry, repository))
        sample = next(each for each in samples() if each.tag)

        async def chunks(body: bytes):  # type: ignore[no-untyped-def]
            yield body

        for blob in sample.blobs:
            await registry.put_blob("bench/many", digest_of(blob), len(blob), chunks(blob))
        for start in range(0, count, 50):
            tags = [str(number) for number in range(start, min(start + 50, count))]
            await asyncio.gather(*(registry.put_manifest("bench/many", tag, sample.manifest) for tag in tags))


def _ours(folder: Path, count: int) -> None:
    for name in ("__main__.py", "Pulumi.yaml", "stack", "components", "acr_transfer", ".venv"):
        (folder / name).symlink_to(ROOT / name)
    settings = {
        "side": "source",
        "resourceGroup": "bench-preview",
        "registry": SOURCE.registry,
        "registryResourceGroup": SOURCE.registry_group,
        "pipeline": "benchPreview",
        "sasExpiry": "2099-12-31T00:00:00Z",
        "artifacts": [f"bench/many:{number}" for number in range(count)],
    }
    _stack(folder, {f"acr-transfer:{key}": value for key, value in settings.items()})


def _bare(folder: Path, count: int, tags: int, pipeline: str) -> None:
    (folder / "__main__.py").write_text(_BARE)
    (folder / "Pulumi.yaml").write_text(json.dumps(_PROJECT))
    place = {"bare:registry": SOURCE.registry, "bare:group": SOURCE.registry_group, "bare:pipeline": pipeline}
    _stack(folder, {"bare:count": count, "bare:tags": tags, **place})


def _stack(folder: Path, config: dict[str, object]) -> None:
    cloud = {
        "environment": SOURCE.name,
        "location": SOURCE.location,
        "subscriptionId": SOURCE.subscription,
        "tenantId": SOURCE.tenant,
    }
    whole = config | {f"azure-native:{key}": value for key, value in cloud.items()}
    (folder / "Pulumi.bench.yaml").write_text(json.dumps({"config": whole}))
    _pulumi(folder, "stack", "init", "bench")


def _up(folder: Path, lay_out: Callable[[], None]) -> None:
    folder.mkdir()
    lay_out()
    _pulumi(folder, "up", "--yes", "--skip-preview")


def _resources(folder: Path) -> int:
    state = json.loads(_pulumi(folder, "stack", "export"))
    return len(state["deployment"]["resources"]) - 1


def _preview(folder: Path) -> float:
    began = time.perf_counter()
    _pulumi(folder, "preview", "--expect-no-changes")
    return time.perf_counter() - began


def _pulumi(folder: Path, *arguments: str) -> str:
    found = shell_env.variables(Paths.here())
    command = ["pulumi", *arguments, "--non-interactive", *([] if "init" in arguments else ["-s", "bench"])]
    ended = subprocess.run(
        command, cwd=folder, env={**os.environ, **found}, capture_output=True, text=True, check=False
    )
    if ended.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{ended.stdout}{ended.stderr}")
    return ended.stdout


if __name__ == "__main__":
    sys.exit(main())
