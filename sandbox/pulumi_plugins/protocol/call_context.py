"""The context of one call of the engine: its timeout and its cancellation."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

DEFAULT_TIMEOUT = 2 * 3600.0
"""Seconds that a call can take unless the program sets `customTimeouts`."""

_CANCELLED = threading.Event()
_timeout: ContextVar[float] = ContextVar("timeout", default=DEFAULT_TIMEOUT)


class ProviderError(Exception):
    """A call failed; the engine shows the message."""


@contextmanager
def call(timeout: float) -> Iterator[None]:
    """The context of a call in its thread."""
    token = _timeout.set(timeout or DEFAULT_TIMEOUT)
    try:
        yield
    finally:
        _timeout.reset(token)


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
