"""Folders that appear whole or not at all, and one writer at a time."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from setup.progress import say


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold `file` as a lock; wait, and say so, while another run holds it.

    The system frees the lock when its holder ends, however it ends.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another set-up that holds {file}")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """Yield an empty folder beside `target`; it becomes `target` when the block succeeds, else it is removed.

    Only for a caller that holds the lock of `target`: what a killed run left beside it is removed first.
    """
    for left_over in target.parent.glob(f".{target.name}.partial-*"):
        remove(left_over)
    partial = target.parent / f".{target.name}.partial-{os.getpid()}"
    partial.mkdir(parents=True)
    try:
        yield partial
        remove(target)
        partial.rename(target)
    finally:
        remove(partial)


def remove(folder: Path) -> None:
    """Remove `folder` if it is there, also where a program (Go's module cache) made it read-only."""
    if not folder.is_dir():
        return
    try:
        shutil.rmtree(folder)
    except PermissionError:
        subprocess.run(["chmod", "-R", "u+w", str(folder)], check=True)
        shutil.rmtree(folder)
