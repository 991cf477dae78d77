"""Ends what a test session started, also after the session was killed.

python -m tests.session_end FOLDER        reads from a pipe that the session holds open, then ends every
                                          process that has a path in FOLDER in its command line or environment
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil

_GRACE = 10.0
"""Seconds for servers to end by themselves."""


@contextlib.contextmanager
def ending_with_this_process(folder: Path) -> Iterator[None]:
    """Until the end of the block, or of this process: processes with a path in `folder` end then."""
    command = [sys.executable, "-m", "tests.session_end", str(folder)]
    # A session of its own: Ctrl-C reaches every process of a terminal's group.
    with subprocess.Popen(
        command, cwd=Path(__file__).parents[1], stdin=subprocess.PIPE, start_new_session=True
    ):
        yield


def processes_of(folder: Path) -> list[psutil.Process]:
    """The processes with a path in a folder, apart from this one and those that it comes from."""
    me = psutil.Process()
    own = {me.pid, *(each.pid for each in me.parents())}
    return [each for each in psutil.process_iter() if each.pid not in own and _names(each, str(folder))]


def _names(process: psutil.Process, folder: str) -> bool:
    try:
        return any(f"{folder}/" in f"{each}/" for each in (*process.cmdline(), *process.environ().values()))
    except (psutil.Error, OSError):
        return False


def _end(processes: list[psutil.Process]) -> None:
    for kill in (psutil.Process.terminate, psutil.Process.kill):
        for each in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                kill(each)
        _, processes = psutil.wait_procs(processes, timeout=_GRACE)


if __name__ == "__main__":
    sys.stdin.buffer.read()
    _end(processes_of(Path(sys.argv[1])))
