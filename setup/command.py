"""Runs other programs. Their output goes to a log; a user sees it only after a failure."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from setup.errors import CommandError
from setup.paths import cache


def run(
    command: Sequence[str], *, log: str, folder: Path | None = None, env: Mapping[str, str] | None = None
) -> None:
    """Run `command` in `folder` with `env` added to the environment; raise `CommandError` if it fails.

    The output replaces the file `log` in the cache's folder `logs`. When this process is stopped, the command
    and all its child processes are stopped too.
    """
    file = cache() / "logs" / f"{log}.log"
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=os.environ | dict(env or {}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            exit_code = process.wait()
        finally:
            _stop(process)
    if exit_code:
        raise CommandError(command, exit_code, file.read_text(errors="replace"), file)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Stop a command that still runs, with its whole process group."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
