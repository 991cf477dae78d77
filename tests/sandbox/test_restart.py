"""State and addresses survive a restart, all files are private, and a port in use is reported."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

from sandbox import lifecycle
from sandbox.cloud.cloud import Cloud
from sandbox.cloud.definitions import SOURCE
from sandbox.cloud.paths import CHECKOUT, Paths


def command(state: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the sandbox with a separate state."""
    environment = {**os.environ, "ACR_TRANSFER_SANDBOX": str(state)}
    whole = [sys.executable, "-m", "sandbox", *words]
    return subprocess.run(whole, cwd=CHECKOUT, env=environment, capture_output=True, check=False, text=True)


def test_addresses_survive_a_restart_and_a_port_in_use_is_reported(tmp_path: Path) -> None:
    state = tmp_path / "state"
    paths = Paths(state, Paths.here().cache)
    try:
        assert command(state, "up").returncode == 0
        assert command(state, "env").returncode == 0
        everything = [path for path in (state, *state.rglob("*")) if not path.is_symlink()]
        assert [path for path in everything if path.lstat().st_mode & 0o077] == []
        before = json.loads(command(state, "status", "--json").stdout)["clouds"]["source"]
        assert command(state, "down").returncode == 0
        assert command(state, "up").returncode == 0
        after = json.loads(command(state, "status", "--json").stdout)["clouds"]["source"]
        assert (before["arm"], before["registries"]) == (after["arm"], after["registries"])
        command(state, "down")
        with socket.socket() as taken:
            port = Cloud(SOURCE, paths).ports.of("management")
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(("127.0.0.1", port))
            taken.listen()
            refused = command(state, "up")
        assert refused.returncode == 1
        assert f"{port} (management)" in refused.stderr
        assert "up --fresh" in refused.stderr
        assert "Traceback" not in refused.stderr
    finally:
        lifecycle.down(paths)
