"""Runs many small steps concurrently, within a limit; the first failure ends them all."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


async def run_concurrently(
    step: Callable[[Item], Awaitable[Result]], items: Iterable[Item], limit: int = 64
) -> list[Result]:
    """Return the result of `step` for every item, in order. Raises the first failure.

    At most `limit` steps run at the same time; the clients limit their requests themselves.
    """
    slots = asyncio.Semaphore(limit)

    async def run(item: Item) -> Result:
        async with slots:
            return await step(item)

    try:
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(run(item)) for item in items]
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [task.result() for task in running]
