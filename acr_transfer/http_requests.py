"""Repeats HTTP requests after transient failures; a request here changes nothing, or may be repeated."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import aiohttp

from acr_transfer.errors import InterruptedAnswerError
from acr_transfer.model.json_text import JsonError, parse_json
from acr_transfer.retry import TRANSIENT, TRIES, wait_before_retry

Found = TypeVar("Found")

REQUEST_FAILURES = (aiohttp.ClientError, TimeoutError, ValueError)
"""The errors of a request without a response; a URL that cannot be requested is a `ValueError`."""

_REFUSED_TRIES = 3
"""Attempts at a host that never responded: it restarts now, or its name or port is wrong."""

_INTERRUPTED_TRIES = 2
"""Attempts for a request that times out or whose body ends early: a slow server has had minutes already."""


@dataclass(frozen=True)
class HttpAnswer:
    """A response with its body."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""

    def json(self) -> Any:
        """Return the body's JSON value; None if it is not JSON."""
        try:
            return parse_json(self.body.decode())
        except (JsonError, UnicodeDecodeError):
            return None


def tries_after(error: Exception, *, responded: bool = False) -> int:
    """The attempts for a request in total, by its last failure; `responded`: its host did so before."""
    if isinstance(error, (aiohttp.ClientSSLError, ValueError)):
        return 1
    if isinstance(error, (TimeoutError, InterruptedAnswerError)):
        return _INTERRUPTED_TRIES
    return _REFUSED_TRIES if isinstance(error, aiohttp.ClientConnectorError) and not responded else TRIES


async def repeat_request(send: Callable[[], Awaitable[HttpAnswer]], *, responded: bool = False) -> HttpAnswer:
    """Return the response that `send` returns, the last one if all are transient.

    Raises the last error of `send` if there is no response.
    """
    attempt = 0
    while True:
        attempt += 1
        try:
            answer = await send()
        except (*REQUEST_FAILURES, InterruptedAnswerError) as error:
            if attempt >= tries_after(error, responded=responded):
                raise
            wait = wait_before_retry(attempt)
        else:
            if answer.status not in TRANSIENT or attempt == TRIES:
                return answer
            wait = wait_before_retry(attempt, answer.headers.get("Retry-After", ""))
        await asyncio.sleep(wait)


async def repeat_interrupted(read: Callable[[], Awaitable[Found]]) -> Found:
    """Return what `read` returns; it runs again if the body of a response was interrupted."""
    for attempt in range(1, _INTERRUPTED_TRIES):
        try:
            return await read()
        except InterruptedAnswerError:
            await asyncio.sleep(wait_before_retry(attempt))
    return await read()
