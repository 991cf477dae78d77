"""A killed engine leaves no process behind."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from sandbox.cloud.paths import Paths
from tests.engine.projects import Project
from tests.sandbox.faults.control import fault


def test_a_killed_engine_leaves_no_program_and_no_plugin(
    tmp_path: Path, checkout: Path, sandbox_environment: dict[str, str], paths: Paths
) -> None:
    project = Project.made(tmp_path, checkout, sandbox_environment)
    stack = project.source("killed-engine", ["shop/web:1.0.0"])
    with fault(paths, "source", "arm", method="GET", path="/tests-killed-engine", delay=20) as delayed:
        engine = psutil.Popen(
            ["pulumi", "up", "--stack", stack, "--yes", "--skip-preview"],
            cwd=project.folder,
            env=project.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _until(lambda: delayed() > 0)
        started = engine.children(recursive=True)
        assert {"language_host", "azure_native"} <= {_module(process) for process in started}
        engine.send_signal(signal.SIGKILL)
        engine.wait()
        _, alive = psutil.wait_procs(started, timeout=30)
        assert not alive
    project.run("pulumi", "cancel", "--stack", stack, "--yes")
    project.up(stack)


def _module(process: psutil.Process) -> str:
    """The last part of the module that a Python process runs: azure_native."""
    line = process.cmdline()
    return line[line.index("-m") + 1].rpartition(".")[2] if "-m" in line else ""


def _until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not done():
        assert time.monotonic() < end
        time.sleep(0.1)
