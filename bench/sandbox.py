"""Measure the sandbox: start, idle memory, a response of Azure Resource Manager, stop.

    .venv/bin/python bench/sandbox.py [--repeat 5]

Creates its own sandbox and removes it. The first start only warms the caches. RSS is the sum of the resident
memory of all processes of both clouds and counts a shared page once per process; PSS divides shared pages
among the processes. The exit code is 0 only if the medians are below the limits.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil
import requests

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sandbox import lifecycle
from sandbox.cloud.definitions import SOURCE
from sandbox.cloud.paths import CHECKOUT, Paths

LIMITS = {"up (s)": 5.0, "memory, RSS (MB)": 600.0, "ARM GET (ms)": 5.0, "down (s)": 5.0}
_GETS = 300
_REST = 3.0
"""Seconds until a started sandbox is idle."""


def main() -> int:
    """Print a table; returns 1 if a median is not below its limit."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeat", type=int, default=5, help="measured starts and stops (default 5)")
    repeat = parser.parse_args().repeat
    with tempfile.TemporaryDirectory() as folder:
        paths = Paths(Path(folder) / "state", Paths.here().cache)
        try:
            found = list(_rounds(paths, repeat))
        finally:
            lifecycle.down(paths)
    print(f"load at the end: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(f"{'':20}{'median':>9}{'min':>9}{'max':>9}{'limit':>9}")
    within = True
    for name in found[0]:
        values = [each[name] for each in found]
        median, limit = statistics.median(values), LIMITS.get(name)
        within &= limit is None or median < limit
        shown = f"{limit:9.1f}" if limit else ""
        print(f"{name:20}{median:9.2f}{min(values):9.2f}{max(values):9.2f}{shown}")
    return 0 if within else 1


def _rounds(paths: Paths, repeat: int) -> Iterator[Mapping[str, float]]:
    _timed(paths, "up")
    _timed(paths, "down")
    for _ in range(repeat):
        up = _timed(paths, "up")
        time.sleep(_REST)
        memory = _memory(paths)
        get = _get(paths)
        yield {"up (s)": up, **memory, "ARM GET (ms)": get, "down (s)": _timed(paths, "down")}


def _timed(paths: Paths, *words: str) -> float:
    environment = {**os.environ, "ACR_TRANSFER_SANDBOX": str(paths.state)}
    begun = time.monotonic()
    command = [sys.executable, "-m", "sandbox", *words]
    subprocess.run(command, cwd=CHECKOUT, env=environment, check=True, capture_output=True)
    return time.monotonic() - begun


def _memory(paths: Paths) -> Mapping[str, float]:
    server = psutil.Process(lifecycle.require_running(paths)["process"])
    held = [process.memory_full_info() for process in [server, *server.children(recursive=True)]]
    resident, own = sum(each.rss for each in held), sum(getattr(each, "pss", each.uss) for each in held)
    return {"memory, RSS (MB)": resident / 1e6, "memory, PSS (MB)": own / 1e6}


def _get(paths: Paths) -> float:
    """The median of sequential GET requests for a registry over one connection, in milliseconds."""
    environment = {**os.environ, "ACR_TRANSFER_SANDBOX": str(paths.state)}
    command = [sys.executable, "-m", "sandbox", "status", "--json"]
    output = subprocess.run(command, cwd=CHECKOUT, env=environment, check=True, capture_output=True).stdout
    cloud = json.loads(output)["clouds"]["source"]
    group = f"/subscriptions/{SOURCE.subscription}/resourceGroups/{SOURCE.registry_group}"
    registry = f"{group}/providers/Microsoft.ContainerRegistry/registries/{SOURCE.registry}"
    url, times = f"{cloud['arm']}{registry}?api-version=2023-01-01-preview", []
    with requests.Session() as session:
        session.trust_env, session.verify = False, cloud["ca"]
        session.headers["Authorization"] = f"Bearer {cloud['token']}"
        for _ in range(_GETS):
            begun = time.monotonic()
            session.get(url, timeout=60).raise_for_status()
            times.append(time.monotonic() - begun)
    return statistics.median(times) * 1000


if __name__ == "__main__":
    sys.exit(main())
