"""How long a proof waits: reads are repeated until its time is over."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from acr_transfer.errors import ServiceError
from acr_transfer.progress import ProgressReporter

Found = TypeVar("Found")

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 15.0
"""Seconds between two attempts; they grow, because an import on Azure takes minutes."""


class Patience:
    """A time for repeated attempts, which begins when this is created.

    An attempt that begins in time may end later, by the repeats of its own requests.
    """

    def __init__(self, seconds: float, progress: ProgressReporter) -> None:
        self.progress = progress
        self._began, self._seconds, self._pause = time.monotonic(), seconds, _FIRST_PAUSE

    @property
    def seconds(self) -> float:
        """The time so far."""
        return time.monotonic() - self._began

    @property
    def left(self) -> float:
        """The seconds in which another attempt may begin; 0 at the end."""
        return max(0.0, self._seconds - self.seconds)

    async def pause(self, state: str) -> None:
        """Show the state, and wait before the next attempt."""
        self.progress.show(f"{state}; trying again for up to {self.left:.0f} s")
        await asyncio.sleep(min(self._pause, self.left))
        self._pause = min(self._pause * 1.5, _LONGEST_PAUSE)

    async def read(self, read: Callable[[], Awaitable[Found]]) -> Found:
        """Return what `read` returns; a service that fails is asked again until the time is over.

        Raises the last `ServiceError`, and at once one that no later attempt can change.
        """
        while True:
            try:
                return await read()
            except ServiceError as error:
                if error.is_final or not self.left:
                    raise
                failure = error
            await self.pause(str(failure))
