"""What surrounds one call of the engine: how long it may take, that it may be given up, what it warns of."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

LIMIT = 2 * 3600.0
"""Seconds that a call may take where the program's `customTimeouts` say nothing."""

_CANCELLED = threading.Event()
_limit: ContextVar[float] = ContextVar("limit", default=LIMIT)
_warnings: ContextVar[list[str] | None] = ContextVar("warnings", default=None)


class ProviderError(Exception):
    """A call failed; the engine shows the message."""


@contextmanager
def call(limit: float) -> Iterator[list[str]]:
    """The time of one call, in its thread; the list is filled with what it warns of."""
    warnings: list[str] = []
    limits, lists = _limit.set(limit or LIMIT), _warnings.set(warnings)
    try:
        yield warnings
    finally:
        _limit.reset(limits)
        _warnings.reset(lists)


def warn(message: str) -> None:
    """Let the engine show a warning at the resource that the call is about."""
    found = _warnings.get()
    if found is not None:
        found.append(message)


def cancel() -> None:
    """Give up all calls that wait, and all that come."""
    _CANCELLED.set()


def pause(seconds: float) -> None:
    """Wait, unless the engine gives up meanwhile."""
    if _CANCELLED.wait(seconds):
        raise ProviderError("context canceled")


class Deadline:
    """The end of the time that this call has."""

    def __init__(self) -> None:
        self._end = time.monotonic() + _limit.get()

    def check(self) -> None:
        """Fail if it has passed."""
        if time.monotonic() > self._end:
            raise ProviderError("operation timed out")
