"""A killed sandbox leaves no process, and continues with its state."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from sandbox import lifecycle
from sandbox.cloud import certificates
from sandbox.cloud.cloud import Cloud
from sandbox.cloud.definitions import SOURCE
from sandbox.cloud.paths import CHECKOUT, Paths
from sandbox.storage.azurite import Azurite


class Own:
    """A sandbox for one test."""

    def __init__(self, state: Path) -> None:
        self.paths = Paths(state, Paths.here().cache)

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "ACR_TRANSFER_SANDBOX": str(self.paths.state)}
        whole = [sys.executable, "-m", "sandbox", *words]
        return subprocess.run(
            whole, cwd=CHECKOUT, env=environment, capture_output=True, check=False, text=True
        )

    def up(self) -> None:
        ended = self.command("up")
        assert ended.returncode == 0, ended.stderr

    @property
    def server(self) -> psutil.Process:
        found = lifecycle.running(self.paths)
        assert found
        return psutil.Process(found["process"])

    def processes(self) -> list[psutil.Process]:
        """All processes of this sandbox, found by its folder in their command line or environment."""
        found = []
        for process in psutil.process_iter():
            try:
                words = [*process.cmdline(), *process.environ().values()]
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
            if process.pid != os.getpid() and any(str(self.paths.state) in each for each in words):
                found.append(process)
        return found


def kill(*processes: psutil.Process) -> None:
    """Kill a process, as `kill -9` does."""
    for process in processes:
        process.kill()
    psutil.wait_procs(processes, timeout=30)


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Own]:
    found = Own(tmp_path / "state")
    yield found
    lifecycle.down(found.paths)


def test_a_killed_sandbox_is_reported_leaves_no_process_and_starts_again(own: Own) -> None:
    own.up()
    before = json.loads(own.command("status", "--json").stdout)["clouds"]["source"]
    kill(own.server)
    status = own.command("status")
    assert status.returncode == 1
    assert "was killed" in status.stderr
    assert own.command("log").returncode == 0
    assert own.command("down").returncode == 0
    assert own.processes() == []
    own.up()
    after = json.loads(own.command("status", "--json").stdout)["clouds"]["source"]
    assert (after["arm"], after["registries"]) == (before["arm"], before["registries"])
    kill(own.server)
    own.up()  # immediately, while servers of the killed sandbox still run


def test_killed_servers_are_reported_and_a_restart_repairs_the_sandbox(own: Own) -> None:
    own.up()
    servers = [process for process in own.server.children() if process.name() in ("node", "registry")]
    assert len(servers) == 4
    kill(*servers)
    status = own.command("status")
    assert status.returncode == 1
    for side in ("source", "target"):
        assert f"{side}: storage;" in status.stderr
        assert f"{side}: registry-server/contoso{side}" in status.stderr
    assert own.command("down").returncode == 0
    assert own.processes() == []
    own.up()
    assert own.command("status").returncode == 0


def test_storage_stops_although_clients_keep_connections_open(tmp_path: Path) -> None:
    paths = Paths(tmp_path, Paths.here().cache)
    certificates.ensure(paths)
    cloud = Cloud(SOURCE, paths)
    storage = Azurite(cloud)

    async def work() -> int | None:
        await storage.start()
        kept = socket.create_connection(("127.0.0.1", cloud.ports.of("storage")))
        await storage.stop()
        kept.close()
        assert storage._process
        return storage._process.returncode

    assert asyncio.run(work()) == 0
