"""Many small steps at the same time, not too many; the first failure ends them all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


async def together(
    step: Callable[[Item], Awaitable[Result]], items: Iterable[Item], at_a_time: int
) -> list[Result]:
    """The result of `step` for every item, in the order of the items. Raises the first failure as it is."""
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
