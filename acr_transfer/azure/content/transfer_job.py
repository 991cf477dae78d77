"""The work of one thread, as the event loop sees it: the bytes that have passed, the time limit, the end."""

import contextlib
import math
import threading
import time
from typing import Protocol

from azure.core.exceptions import ServiceResponseTimeoutError

from acr_transfer.azure import storage_limits
from acr_transfer.azure.throttle import RateLimit


class Closable(Protocol):
    """Something whose use by another thread can be ended at any time."""

    def abort(self) -> None:
        """End the running read or write of the other thread with an `OSError`."""


class TransferJob:
    """Counts the bytes of one transfer, and ends it: a thread cannot be cancelled, its sockets can.

    The thread calls `begin`, `check`, `use`, `passed` and `wait_for`, the event loop the others.
    """

    def __init__(self) -> None:
        self.moved = 0
        """Bytes that were received or sent."""

        self.delivered = 0
        """Bytes of content that were sent to the target."""

        self._begun = math.inf
        self._waited = 0.0
        self._ended = threading.Event()
        self._used: list[Closable] = []

    def begin(self) -> None:
        """Start the time limit."""
        self._begun = time.monotonic()
        self.check()

    def check(self) -> None:
        """Raise `ServiceResponseTimeoutError` if the event loop has ended the job."""
        if self._ended.is_set():
            raise ServiceResponseTimeoutError("the transfer was ended")

    def use(self, connection: Closable) -> None:
        """Name a connection that `end` must abort."""
        self._used.append(connection)
        self.check()

    def passed(self, size: int) -> None:
        """Count bytes that were received or sent."""
        self.moved += size

    def wait_for(self, limit: RateLimit, size: int) -> None:
        """Wait until the next `size` bytes keep the rate; the time limit does not count this time."""
        if seconds := limit.reserve(size):
            self._ended.wait(seconds)
            self._waited += seconds
            self.check()

    @property
    def seconds_left(self) -> float:
        """Seconds until the time limit: two minutes, and a second for each KiB that has passed."""
        allowed = storage_limits.ANSWER_SECONDS + self.moved / storage_limits.SLOWEST
        return self._begun + self._waited + allowed - time.monotonic()

    @property
    def ended(self) -> bool:
        """Whether the event loop has ended the job."""
        return self._ended.is_set()

    def end(self) -> None:
        """End the job soon: its connections are aborted, and it starts no other request."""
        self._ended.set()
        for connection in self._used:
            with contextlib.suppress(OSError):
                connection.abort()
