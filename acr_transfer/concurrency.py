"""Many small steps at the same time, not too many; the first failure ends them all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, TypeVar

from acr_transfer.copy.throttle import Pace

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


async def paced(
    step: Callable[[Item], Coroutine[Any, Any, Result]],
    items: Iterable[Item],
    size: Callable[[Item], int],
    pace: Pace,
) -> list[Result]:
    """The same, but each step begins when there is room for the `size` of its item."""
    running = []
    try:
        async with asyncio.TaskGroup() as tasks:
            for item in items:
                await pace.enter(held := size(item))
                task = tasks.create_task(step(item))
                # Given back from outside: a task cancelled before its first step runs no `finally`.
                task.add_done_callback(lambda _, held=held: pace.leave(held))  # type: ignore[misc]
                running.append(task)
    except ExceptionGroup as failures:
        # The first failure is the cause; the others are its echo in steps on their way.
        raise failures.exceptions[0] from None
    return [task.result() for task in running]
