"""Measure the time that the policy pack adds to a preview of 100 pipeline runs of 50 artifacts each.

    .venv/bin/python -m sandbox up && .venv/bin/python bench/policy.py [--repeat 7] [--profile baseline]

Needs a running sandbox, and deploys nothing. Previews a program of azure-native resources, alternately with
and without the pack; the first pair is a warm-up. The exit code is 0 only if the medians differ by at most
1.5 s.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sandbox import shell_env
from sandbox.cloud.definitions import SOURCE
from sandbox.cloud.paths import Paths

ROOT = Path(__file__).resolve().parent.parent
LIMIT = 1.5
"""The largest difference, in seconds."""

_PROGRAM = """
import pulumi
from pulumi_azure_native import containerregistry

place = {"registry_name": "contososource", "resource_group_name": "images"}
pipeline = containerregistry.ExportPipeline(
    "benchExport",
    **place,
    location="westeurope",
    identity={"type": "SystemAssigned"},
    target={
        "type": "AzureStorageBlobContainer",
        "uri": "https://bench.blob.core.windows.net/transfer",
        "key_vault_uri": "https://bench.vault.azure.net/secrets/bench",
    },
    options=["OverwriteBlobs"],
)
for number in range(pulumi.Config().require_int("runs")):
    containerregistry.PipelineRun(
        f"benchRun{number}",
        **place,
        request={
            "pipeline_resource_id": pipeline.id,
            "artifacts": [f"bench/many@sha256:{number * 50 + each:064x}" for each in range(50)],
            "target": {"type": "AzureStorageBlob", "name": f"bench-{number}"},
        },
        force_update_tag="1",
    )
"""
_PROJECT = {"name": "bench", "runtime": {"name": "python", "options": {"virtualenv": str(ROOT / ".venv")}}}


def main() -> int:
    """Preview alternately and print the medians."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=100, help="number of pipeline runs")
    parser.add_argument("--repeat", type=int, default=7, help="number of pairs of previews")
    parser.add_argument("--profile", default="baseline", help="profile of the pack")
    options = parser.parse_args()
    profile = ROOT / "policy" / "profiles" / f"{options.profile}.json"
    pack = ("--policy-pack", str(ROOT / "policy"), "--policy-pack-config", str(profile))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_project(folder, options.runs)
        pairs = [(_preview(folder, pack), _preview(folder)) for _ in range(options.repeat + 1)][1:]
    with_pack, without = (
        tuple(map(statistics.median, zip(*side, strict=True))) for side in zip(*pairs, strict=True)
    )
    longer = with_pack[0] - without[0]
    spread = ", ".join(f"{first[0] - second[0]:.2f}" for first, second in pairs)
    print(f"{options.runs} runs: {with_pack[0]:.2f} s with the pack, {without[0]:.2f} s without (medians)")
    print(f"{longer:.2f} s longer; the limit is {LIMIT} s (each pair: {spread})")
    # Other work on the machine changes wall-clock time, but hardly CPU time.
    print(f"CPU of all processes: {with_pack[1]:.2f} s with the pack, {without[1]:.2f} s without")
    return 0 if longer <= LIMIT else 1


def _write_project(folder: Path, runs: int) -> None:
    cloud = {"environment": SOURCE.name, "subscriptionId": SOURCE.subscription, "tenantId": SOURCE.tenant}
    config: dict[str, object] = {f"azure-native:{key}": value for key, value in cloud.items()}
    (folder / "__main__.py").write_text(_PROGRAM)
    (folder / "Pulumi.yaml").write_text(json.dumps(_PROJECT))
    (folder / "Pulumi.bench.yaml").write_text(json.dumps({"config": {**config, "bench:runs": runs}}))
    _pulumi(folder, "stack", "init", "bench")


def _preview(folder: Path, options: Sequence[str] = ()) -> tuple[float, float]:
    """Seconds of wall-clock time and of CPU time."""
    start, used = time.perf_counter(), _cpu()
    _pulumi(folder, "preview", "--stack", "bench", *options)
    return time.perf_counter() - start, _cpu() - used


def _cpu() -> float:
    """CPU seconds of all child processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _pulumi(folder: Path, *arguments: str) -> None:
    # A backend in the folder: the stack disappears with it.
    environment = shell_env.variables(Paths.here()) | {"PULUMI_BACKEND_URL": f"file://{folder}"}
    command = ["pulumi", *arguments, "--non-interactive"]
    ended = subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    if ended.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{ended.stdout}{ended.stderr}")


if __name__ == "__main__":
    sys.exit(main())
