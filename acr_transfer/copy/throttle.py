"""How fast a copy goes: blocks under way, bytes in memory, bytes a second."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

MEMORY = 48 * 1024 * 1024
"""Bytes of content in memory at any moment, all blobs together; one larger block goes alone."""

MOST = 16
"""Blocks under way at the same time while nobody complains."""

_LONGEST_PAUSE = 120.0
"""Seconds; a service that asks for more is asked again sooner."""


class Meter:
    """Tells how long to wait so that a rate is kept. Safe to use from several threads."""

    def __init__(self, rate: float) -> None:
        """`rate`: bytes a second."""
        self._rate = rate
        self._free = 0.0
        self._turn = threading.Lock()

    def wait(self, size: int) -> float:
        """Seconds to wait before `size` bytes more may pass."""
        with self._turn:
            now = time.monotonic()
            start = max(self._free, now)
            self._free = start + size / self._rate
            return start - now


class Pace:
    """Room for blocks: bounded in memory, fewer at a time when a service is busy, more when it is not.

    A busy answer (429, 503) halves the number of blocks under way and makes all of them wait as long as the
    service asks; every round that goes well adds one.
    """

    def __init__(self, cap: float | None = None, most: int = MOST) -> None:
        """`cap`: bytes a second in each direction, or None for no limit."""
        self.reading = Meter(cap) if cap else None
        self.sending = Meter(cap) if cap else None
        self.cap = cap
        self.busy_answers = 0
        self._most = self._limit = most
        self._flying = self._held = self._well = 0
        self._calm_from = self._halved = 0.0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @property
    def limit(self) -> int:
        """Blocks that may be under way now."""
        return self._limit

    @asynccontextmanager
    async def room(self, size: int) -> AsyncIterator[None]:
        """Room for a block of `size` bytes, given in the order of asking."""
        await self.enter(size)
        try:
            yield
        finally:
            self.leave(size)

    async def enter(self, size: int) -> None:
        """Wait for room for `size` bytes; whoever enters leaves."""
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
        """Give the room back."""
        self._flying -= 1
        self._held -= size
        self._admit()

    async def calm(self) -> None:
        """Wait until the time is over that a busy service asked for."""
        while (rest := self._calm_from - time.monotonic()) > 0:
            await asyncio.sleep(rest)

    def busy(self, seconds: float) -> None:
        """A service is busy: nothing more for so many seconds, and less at a time from now on."""
        now = time.monotonic()
        self.busy_answers += 1
        self._calm_from = max(self._calm_from, now + min(seconds, _LONGEST_PAUSE))
        # The answers to one burst are one complaint.
        if now - self._halved > 1:
            self._halved, self._well = now, 0
            self._limit = max(1, self._limit // 2)

    def went_well(self) -> None:
        """A request was answered as wished."""
        self._well += 1
        if self._well >= self._limit and self._limit < self._most:
            self._limit, self._well = self._limit + 1, 0
            self._admit()

    def _admit(self) -> None:
        while self._waiting:
            size, turn = self._waiting[0]
            fits = self._flying < self._limit and self._held + size <= MEMORY
            if not turn.cancelled():
                if self._flying and not fits:
                    return
                self._flying += 1
                self._held += size
                turn.set_result(None)
            self._waiting.popleft()
