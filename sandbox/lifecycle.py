"""Starts and stops the sandbox.

This module does not import the clouds, so that `up` and `down` start fast.
"""

import contextlib
import json
import os
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from sandbox.cloud.paths import CHECKOUT, Paths
from sandbox.http.azure_errors import SandboxError

_START_TIMEOUT = 90.0
"""Seconds for the start of both clouds on a busy machine."""

_STOP_TIMEOUT = 10.0
"""Seconds for the serving process to stop its servers, which then write their content to disk."""


def up(paths: Paths, *, fresh: bool = False) -> None:
    """Start both clouds and return when they answer; `fresh` deletes their previous state."""
    if running(paths):
        raise SandboxError(
            "The sandbox is already running. Use it (`python -m sandbox env`), "
            "or stop it: `python -m sandbox down`."
        )
    down(paths)  # servers that a killed sandbox left running
    _make_private(paths.state)
    if fresh:
        shutil.rmtree(paths.state, ignore_errors=True)
        _make_private(paths.state)
    paths.registry(), paths.azurite()
    with paths.log.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "sandbox", "serve"],
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _await_start(paths, process)
    except BaseException:  # also after Ctrl-C
        process.terminate()
        raise


def _make_private(state: Path) -> None:
    """Create the state folder, or remove the rights of others from an existing one and its content."""
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    _require_own(state)
    for path in (state, *state.rglob("*")):
        mode = path.lstat().st_mode
        if not stat.S_ISLNK(mode) and mode & 0o077:
            path.chmod(stat.S_IMODE(mode) & 0o700)


def _require_own(state: Path) -> None:
    """Raise SandboxError if the state folder is a link or another user's: others could replace the state."""
    other = "Name a folder of your own: `ACR_TRANSFER_SANDBOX=<folder> python -m sandbox up`."
    if state.is_symlink():
        raise SandboxError(f"The state folder {state} is a link. {other}")
    if state.exists() and state.stat().st_uid != os.geteuid():
        raise SandboxError(f"The state folder {state} belongs to another user. {other}")


def _await_start(paths: Paths, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _START_TIMEOUT
    while time.monotonic() < end:
        if running(paths):
            return
        if process.poll() is not None:
            raise SandboxError(f"The sandbox did not start.\n{_last_output(paths)}")
        time.sleep(0.05)
    raise SandboxError(f"The sandbox did not answer within {_START_TIMEOUT:.0f} s.\n{_last_output(paths)}")


def _last_output(paths: Paths) -> str:
    lines = paths.log.read_text(errors="replace").splitlines()
    errors = [line.partition("SandboxError: ")[2] for line in lines if "SandboxError: " in line]
    return f"{errors[-1] if errors else chr(10).join(lines[-5:])}\nLog: {paths.log}"


def down(paths: Paths) -> bool:
    """Stop the sandbox and keep its state; returns whether anything was running."""
    found = _process(paths)
    processes = [*found.children(recursive=True), found] if found else []
    if found:
        found.terminate()
        psutil.wait_procs([found], timeout=_STOP_TIMEOUT)
    remaining = {*processes, *_left_over(paths)}
    _, alive = psutil.wait_procs(remaining, timeout=3)
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=5)
    paths.running.unlink(missing_ok=True)
    return bool(remaining)


def _left_over(paths: Paths) -> list[psutil.Process]:
    """Servers of this sandbox, also of a killed one.

    The command line of each server contains a file of the sandbox's state.
    """
    found = []
    for process in psutil.process_iter(["cmdline"]):
        arguments = process.info["cmdline"] or []
        ours = any(Path(argument).is_relative_to(paths.state) for argument in arguments[1:])
        if ours and Path(arguments[0]).name in ("node", "registry"):
            found.append(process)
    return found


def running(paths: Paths) -> dict[str, Any] | None:
    """The record of the serving process; None if it is not running."""
    if not _process(paths):
        return None
    found: dict[str, Any] = json.loads(paths.running.read_text())
    return found


def require_running(paths: Paths) -> dict[str, Any]:
    """The record of the serving process; raises SandboxError if it is not running."""
    found = running(paths)
    if found:
        return found
    killed = f"The sandbox was killed (log: {paths.log})"
    state = killed if paths.running.exists() else "The sandbox is not running"
    raise SandboxError(f"{state}. Start it: `.venv/bin/python -m sandbox up`.")


def _process(paths: Paths) -> psutil.Process | None:
    """The serving process; None if it ended, or another process has its ID."""
    _require_own(paths.state)
    try:
        record = json.loads(paths.running.read_text())
        process = psutil.Process(record["process"])
        lives = process.create_time() == record["started"] and process.status() != psutil.STATUS_ZOMBIE
        return process if lives else None
    except (OSError, ValueError, psutil.NoSuchProcess):
        return None
