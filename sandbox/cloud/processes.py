"""Server processes: how they end."""

import asyncio
import contextlib
import ctypes
import signal
import sys
from collections.abc import Callable

START_TIMEOUT = 60.0
"""Seconds that a server may take to start on a busy machine."""


def end_with_parent() -> Callable[[], object] | None:
    """A `preexec_fn` by which Linux ends a server when its parent is killed; elsewhere `down` ends it."""
    if sys.platform != "linux":
        return None
    prctl, set_parent_death_signal = ctypes.CDLL(None).prctl, 1
    return lambda: prctl(set_parent_death_signal, signal.SIGTERM)


async def terminate(process: asyncio.subprocess.Process) -> None:
    """Terminate a process and wait for its end."""
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    await wait(process)


async def wait(process: asyncio.subprocess.Process) -> None:
    """Wait for the end of a process; kill it after 10 seconds."""
    with contextlib.suppress(ProcessLookupError):
        try:
            await asyncio.wait_for(process.wait(), 10)
        except TimeoutError:
            process.kill()
            await process.wait()
