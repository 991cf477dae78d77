"""Runs many small steps at the same time, within a limit; the first failure ends them all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


async def together(
    step: Callable[[Item], Awaitable[Result]], items: Iterable[Item], at_a_time: int
) -> list[Result]:
    """Return the result of `step` for every item, in order. Raises the first failure."""
    places = asyncio.Semaphore(at_a_time)

    async def one(item: Item) -> Result:
        async with places:
            return await step(item)

    try:
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(one(item)) for item in items]
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [task.result() for task in running]
