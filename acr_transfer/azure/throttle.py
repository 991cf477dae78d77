"""Limits for a copy: requests in flight, bytes in memory, bytes a second."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

MEMORY = 48 * 1024 * 1024
"""Bytes of content in memory at any moment, for all blobs together; a larger block is copied alone."""

MAX_IN_FLIGHT = 16
"""Blocks in flight while no service throttles."""


class RateLimit:
    """Calculates the waits that keep a rate. Safe to use from several threads."""

    def __init__(self, rate: float) -> None:
        """`rate`: bytes a second."""
        self._rate = rate
        self._free_at = 0.0
        self._lock = threading.Lock()

    def wait(self, size: int) -> float:
        """Seconds to wait before the next `size` bytes."""
        with self._lock:
            now = time.monotonic()
            start = max(self._free_at, now)
            self._free_at = start + size / self._rate
            return start - now


class Throttle:
    """Admits blocks: bounded in memory, and fewer at a time when a service throttles.

    A throttling response (429, 503) halves the number of blocks in flight and pauses all requests for the
    time that the service requests; after each full round without one, the number grows by one.
    """

    def __init__(self, cap: float | None = None, max_in_flight: int = MAX_IN_FLIGHT) -> None:
        """`cap`: bytes a second in each direction, or None for no limit."""
        self.reading = RateLimit(cap) if cap else None
        self.sending = RateLimit(cap) if cap else None
        self.cap = cap
        self.throttled_responses = 0
        self._max = self._limit = max_in_flight
        self._in_flight = self._held = self._successes = 0
        self._paused_until = self._halved_at = 0.0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @property
    def limit(self) -> int:
        """The number of blocks that may be in flight now."""
        return self._limit

    async def run(
        self,
        step: Callable[[Item], Coroutine[Any, Any, Result]],
        items: Iterable[Item] | AsyncIterable[Item],
        size: Callable[[Item], int],
    ) -> list[Result]:
        """Return the result of `step` for each item, in order; each step waits for room for its `size`.

        Raises the first failure, after the other steps have ended.
        """
        running = []
        try:
            async with asyncio.TaskGroup() as tasks:
                async for item in _each(items):
                    await self.enter(held := size(item))
                    task = tasks.create_task(step(item))
                    # Outside of the task: a task cancelled before its first step runs no `finally`.
                    task.add_done_callback(lambda _, held=held: self.leave(held))  # type: ignore[misc]
                    running.append(task)
        except ExceptionGroup as failures:
            # The first failure is the cause; the others follow from it.
            raise failures.exceptions[0] from None
        return [task.result() for task in running]

    @asynccontextmanager
    async def room(self, size: int) -> AsyncIterator[None]:
        """Hold room for a block of `size` bytes; requests are admitted in their order."""
        await self.enter(size)
        try:
            yield
        finally:
            self.leave(size)

    async def enter(self, size: int) -> None:
        """Wait for room for `size` bytes; the caller must call `leave` later."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((size, turn))
        self._admit()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.leave(size)
            raise

    def leave(self, size: int) -> None:
        """Release the room."""
        self._in_flight -= 1
        self._held -= size
        self._admit()

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
            self._limit = max(1, self._limit // 2)

    def record_success(self) -> None:
        """A request succeeded."""
        self._successes += 1
        if self._successes >= self._limit and self._limit < self._max:
            self._limit, self._successes = self._limit + 1, 0
            self._admit()

    def _admit(self) -> None:
        while self._waiting:
            size, turn = self._waiting[0]
            fits = self._in_flight < self._limit and self._held + size <= MEMORY
            if not turn.cancelled():
                if self._in_flight and not fits:
                    return
                self._in_flight += 1
                self._held += size
                turn.set_result(None)
            self._waiting.popleft()


async def _each(items: Iterable[Item] | AsyncIterable[Item]) -> AsyncIterator[Item]:
    if isinstance(items, AsyncIterable):
        async for item in items:
            yield item
    else:
        for item in items:
            yield item
