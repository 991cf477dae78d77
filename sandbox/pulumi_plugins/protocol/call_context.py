"""The context of one call of the engine: its timeout, its cancellation and its warnings."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

DEFAULT_TIMEOUT = 2 * 3600.0
"""Seconds that a call can take unless the program sets `customTimeouts`."""

_CANCELLED = threading.Event()
_timeout: ContextVar[float] = ContextVar("timeout", default=DEFAULT_TIMEOUT)
_warnings: ContextVar[list[str] | None] = ContextVar("warnings", default=None)


class ProviderError(Exception):
    """A call failed; the engine shows the message."""


@contextmanager
def call(timeout: float) -> Iterator[list[str]]:
    """The context of a call in its thread; yields the list that collects its warnings."""
    warnings: list[str] = []
    timeouts, lists = _timeout.set(timeout or DEFAULT_TIMEOUT), _warnings.set(warnings)
    try:
        yield warnings
    finally:
        _timeout.reset(timeouts)
        _warnings.reset(lists)


def warn(message: str) -> None:
    """Show a warning at the call's resource."""
    warnings = _warnings.get()
    if warnings is not None:
        warnings.append(message)


def cancel() -> None:
    """Cancel all waiting and future calls."""
    _CANCELLED.set()


def pause(seconds: float) -> None:
    """Wait; raises ProviderError if the engine cancels."""
    if _CANCELLED.wait(seconds):
        raise ProviderError("context canceled")


class Deadline:
    """The end of the current call's timeout."""

    def __init__(self) -> None:
        self._end = time.monotonic() + _timeout.get()

    def check(self) -> None:
        """Raise ProviderError after the deadline."""
        if time.monotonic() > self._end:
            raise ProviderError("operation timed out")
