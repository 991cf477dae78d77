"""Limits for a copy: requests in flight, bytes in memory, bytes a second."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeVar

from acr_transfer.retry import TRIES

Item = TypeVar("Item")
Result = TypeVar("Result")

MEMORY = 40 * 1024 * 1024
"""Bytes of content in memory at any moment, for all blobs together; a larger block is copied alone."""

MAX_IN_FLIGHT = 16
"""Blocks in flight while no service throttles."""


class RateLimit:
    """Keeps a rate in bytes a second; None means without a limit."""

    def __init__(self, rate: float | None) -> None:
        self.rate = rate
        self._free_at = 0.0
        self._turn = threading.Lock()

    async def wait(self, size: int) -> None:
        """Wait until the next `size` bytes keep the rate."""
        if seconds := self.reserve(size):
            await asyncio.sleep(seconds)

    def reserve(self, size: int) -> float:
        """The seconds after which the next `size` bytes keep the rate; the caller, any thread, must wait."""
        if not self.rate:
            return 0.0
        with self._turn:
            now = time.monotonic()
            start = max(self._free_at, now)
            self._free_at = start + size / self.rate
        return start - now


class Throttle:
    """Admits blocks: bounded in memory, and fewer at a time when a service throttles.

    A throttling response (429, 503) halves the number of blocks in flight and pauses all requests for the
    time that the service requests; after each full round without one, the number grows by one.
    """

    def __init__(
        self, cap: float | None = None, max_in_flight: int = MAX_IN_FLIGHT, tries: int = TRIES
    ) -> None:
        """`cap`: bytes a second in each direction, or None; `tries`: the attempts for one request."""
        self.tries = tries
        self.reading, self.sending = RateLimit(cap), RateLimit(cap)
        self.throttled_responses = 0
        self.limit = self._max = max_in_flight
        """The number of blocks that may be in flight now."""

        self._in_flight = self._held = self._successes = 0
        self._paused_until = self._halved_at = 0.0
        self._turn, self._changed = asyncio.Lock(), asyncio.Event()

    async def run(
        self,
        step: Callable[[Item], Coroutine[Any, Any, Result]],
        items: Iterable[Item],
        size: Callable[[Item], int],
    ) -> list[Result]:
        """Return the result of `step` for each item, in order; each step waits for room for its `size`.

        Raises the first failure, after the other steps have ended.
        """
        running = []
        try:
            async with asyncio.TaskGroup() as tasks:
                for item in items:
                    await self.enter(held := size(item))
                    task = tasks.create_task(step(item))
                    # Outside of the task: a task cancelled before its first step runs no `finally`.
                    task.add_done_callback(lambda _, held=held: self.leave(held))  # type: ignore[misc]
                    running.append(task)
        except ExceptionGroup as failures:
            # The first failure is the cause; the others follow from it.
            raise failures.exceptions[0] from None
        return [task.result() for task in running]

    async def enter(self, size: int) -> None:
        """Wait for room for `size` bytes; the caller must call `leave` later."""
        # The lock admits callers in their order.
        async with self._turn:
            while self._in_flight and (self._in_flight >= self.limit or self._held + size > MEMORY):
                self._changed.clear()
                await self._changed.wait()
            self._in_flight += 1
            self._held += size

    def leave(self, size: int) -> None:
        """Release the room."""
        self._in_flight -= 1
        self._held -= size
        self._changed.set()

    async def wait_for_pause(self) -> None:
        """Wait until the pause that a throttling service requested is over."""
        while (rest := self._paused_until - time.monotonic()) > 0:
            await asyncio.sleep(rest)

    def record_throttled(self, seconds: float) -> None:
        """A service throttles: pause all requests for `seconds`, and halve the number in flight."""
        now = time.monotonic()
        self.throttled_responses += 1
        self._paused_until = max(self._paused_until, now + seconds)
        # The responses to one burst count once.
        if now - self._halved_at > 1:
            self._halved_at, self._successes = now, 0
            self.limit = max(1, self.limit // 2)

    def record_success(self) -> None:
        """A request succeeded."""
        self._successes += 1
        if self._successes >= self.limit and self.limit < self._max:
            self.limit, self._successes = self.limit + 1, 0
            self._changed.set()
