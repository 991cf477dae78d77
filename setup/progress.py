"""What a user sees while something takes long: lines on stderr."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

QUIET_SECONDS = 30.0
"""Seconds between two lines where stderr is a file, such as a build server's log."""


def say(message: str) -> None:
    """Write one line on stderr."""
    print(f"setup: {message}", file=sys.stderr, flush=True)


@contextmanager
def step(what: str, about: str) -> Iterator[None]:
    """Say what begins and about how long it takes, how long it has run, and that it is done."""
    say(f"{what} (about {about})")
    started, done = time.monotonic(), threading.Event()
    ticker = threading.Thread(target=_tick, args=(what, started, done), daemon=True)
    ticker.start()
    try:
        yield
    finally:
        done.set()
        ticker.join()
    say(f"{what}: done in {time.monotonic() - started:.0f} s")


def _tick(what: str, started: float, done: threading.Event) -> None:
    terminal = sys.stderr.isatty()
    while not done.wait(1.0 if terminal else QUIET_SECONDS):
        elapsed = f"{what}: {time.monotonic() - started:.0f} s"
        if terminal:
            print(f"\r\033[Ksetup: {elapsed}", end="", file=sys.stderr, flush=True)
        else:
            say(elapsed)
    if terminal:
        print("\r\033[K", end="", file=sys.stderr, flush=True)
