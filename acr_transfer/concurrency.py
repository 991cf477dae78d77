"""Runs many small steps concurrently, within a limit; the first failure ends them all."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_AT_A_TIME = 128
"""Steps at a time: more than a client's requests, so that some can wait for the token of their repository."""


async def run_concurrently(
    step: Callable[[Item], Awaitable[Result]], items: Iterable[Item], limit: int = _AT_A_TIME
) -> list[Result]:
    """Return the result of `step` for every item, in order. Raises the first failure.

    At most `limit` steps run at the same time; the clients limit their requests themselves.
    """
    waiting = list(items)
    results: dict[int, Result] = {}
    numbered = iter(enumerate(waiting))

    async def run() -> None:
        for number, item in numbered:
            results[number] = await step(item)

    try:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(min(limit, len(waiting))):
                tasks.create_task(run())
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [results[number] for number in range(len(waiting))]
