"""Progress messages on stderr."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

QUIET_SECONDS = 30.0
"""Seconds between two messages if stderr is not a terminal."""


def say(message: str) -> None:
    """Write a message to stderr."""
    print(f"setup: {message}", file=sys.stderr, flush=True)


@contextmanager
def step(name: str, duration: str) -> Iterator[None]:
    """Report the start with the expected duration, the elapsed time, and the end."""
    say(f"{name} (about {duration})")
    started, done = time.monotonic(), threading.Event()
    ticker = threading.Thread(target=_tick, args=(name, started, done), daemon=True)
    ticker.start()
    try:
        yield
    finally:
        done.set()
        ticker.join()
    say(f"{name}: done in {time.monotonic() - started:.0f} s")


def _tick(name: str, started: float, done: threading.Event) -> None:
    terminal = sys.stderr.isatty()
    while not done.wait(1.0 if terminal else QUIET_SECONDS):
        elapsed = f"{name}: {time.monotonic() - started:.0f} s"
        if terminal:
            print(f"\r\033[Ksetup: {elapsed}", end="", file=sys.stderr, flush=True)
        else:
            say(elapsed)
    if terminal:
        print("\r\033[K", end="", file=sys.stderr, flush=True)
