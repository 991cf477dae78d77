"""Starting the sandbox and stopping it.

Nothing of the clouds is imported here, so that `up` and `down` begin at once.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from sandbox.cloud.paths import CHECKOUT, Paths
from sandbox.http.azure_errors import SandboxError

_PATIENCE = 90.0
"""Seconds that both clouds may take to answer on a busy machine."""

_LAST_WORK = 10.0
"""Seconds that the serving process may take to end its servers, so that all they hold is on disk."""


def up(paths: Paths, *, fresh: bool = False) -> None:
    """Start both clouds and return when they answer; `fresh` forgets what an earlier one held."""
    if running(paths):
        raise SandboxError(
            "The sandbox is running already. Use it (`python -m sandbox env`), "
            "or stop it: `python -m sandbox down`."
        )
    down(paths)  # what an earlier one left behind if it was killed
    if fresh:
        shutil.rmtree(paths.state, ignore_errors=True)
    paths.state.mkdir(mode=0o700, parents=True, exist_ok=True)
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
    except BaseException:  # also Ctrl-C: nothing is left behind
        process.terminate()
        raise


def _await_start(paths: Paths, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        if running(paths):
            return
        if process.poll() is not None:
            raise SandboxError(f"The sandbox did not start.\n{_last_words(paths)}")
        time.sleep(0.05)
    raise SandboxError(f"The sandbox did not answer within {_PATIENCE:.0f} s.\n{_last_words(paths)}")


def _last_words(paths: Paths) -> str:
    lines = paths.log.read_text(errors="replace").splitlines()
    said = [line for line in lines if "SandboxError" in line]
    return (
        said[-1].partition("SandboxError: ")[2] if said else "\n".join(lines[-5:])
    ) + f"\nLog: {paths.log}"


def down(paths: Paths) -> bool:
    """Stop the sandbox; its state stays. Answers whether anything of it was running."""
    found = _process(paths)
    whole = [*found.children(recursive=True), found] if found else []
    if found:
        found.terminate()
        psutil.wait_procs([found], timeout=_LAST_WORK)
    left = {*whole, *_left_over(paths)}
    _, stubborn = psutil.wait_procs(left, timeout=3)
    for process in stubborn:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(stubborn, timeout=5)
    paths.running.unlink(missing_ok=True)
    return bool(left)


def _left_over(paths: Paths) -> list[psutil.Process]:
    """Servers of this sandbox that are there though the process that started them may be gone.

    Both kinds name a file of the sandbox's own state on their command line.
    """
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        ours = any(Path(word).is_relative_to(paths.state) for word in words[1:])
        if ours and Path(words[0]).name in ("node", "registry"):
            found.append(process)
    return found


def running(paths: Paths) -> dict[str, Any] | None:
    """What the serving process wrote down, where it still lives."""
    if not _process(paths):
        return None
    found: dict[str, Any] = json.loads(paths.running.read_text())
    return found


def require_running(paths: Paths) -> dict[str, Any]:
    """The same, or the error that says how to start it."""
    found = running(paths)
    if found:
        return found
    killed = paths.running.exists()
    ended = f"The sandbox was killed; its last words: {paths.log}" if killed else "The sandbox is not running"
    raise SandboxError(f"{ended}. Start it: `.venv/bin/python -m sandbox up`.")


def _process(paths: Paths) -> psutil.Process | None:
    """The serving process, if it is really the one that wrote the record."""
    try:
        record = json.loads(paths.running.read_text())
        process = psutil.Process(record["process"])
        lives = process.create_time() == record["started"] and process.status() != psutil.STATUS_ZOMBIE
        return process if lives else None
    except (OSError, ValueError, psutil.NoSuchProcess):
        return None
