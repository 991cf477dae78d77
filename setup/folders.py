"""Folders that are created atomically, by one process at a time."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from setup.progress import say


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold `file` as a lock; report it when another run holds the lock, and wait.

    The system releases the lock when the process ends, also after a kill.
    """
    import fcntl  # On Windows, `main` ends with a message before it is needed.

    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another set-up, which holds {file}")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """Yield an empty folder beside `target`, which is renamed to `target` if the block succeeds.

    The caller must hold the lock of `target`: remains of a killed run are removed first.
    """
    for remains in target.parent.glob(f".{target.name}.partial-*"):
        remove(remains)
    partial = target.parent / f".{target.name}.partial-{os.getpid()}"
    partial.mkdir(parents=True)
    try:
        yield partial
        remove(target)
        partial.rename(target)
    finally:
        remove(partial)


def remove(folder: Path) -> None:
    """Remove `folder` if it exists, even if a program (Go's module cache) made it read-only."""
    if not folder.is_dir():
        return
    try:
        shutil.rmtree(folder)
    except PermissionError:
        subprocess.run(["chmod", "-R", "u+w", str(folder)], check=True)
        shutil.rmtree(folder)
