"""Buffers for blocks that are used again: a new one of 8 MiB costs 2,000 page faults."""

from collections.abc import Iterator
from contextlib import contextmanager

_KEPT = 4
"""Buffers that are kept for the next block."""


class Buffers:
    """Keeps a few buffers of the last length; all belong to the event loop's thread."""

    def __init__(self) -> None:
        self._idle: list[bytearray] = []

    @contextmanager
    def taken(self, length: int) -> Iterator[memoryview]:
        """A buffer of `length` bytes with any content, until the end of the block."""
        if self._idle and len(self._idle[-1]) != length:
            self._idle.clear()
        buffer = self._idle.pop() if self._idle else bytearray(length)
        try:
            yield memoryview(buffer)
        finally:
            if len(self._idle) < _KEPT and (not self._idle or len(self._idle[-1]) == length):
                self._idle.append(buffer)
