"""Requests to Azure's control endpoints are repeated while the response is transient."""

from __future__ import annotations

import asyncio
import time

from aiohttp import web

from acr_transfer.azure.http_session import HttpAnswer, http_session
from acr_transfer.retry import TRIES


async def _asked(*responses: web.Response) -> tuple[HttpAnswer, int]:
    """The answer of a server that has these responses, and how often it was asked."""
    left = list(responses)

    async def answer(_: web.Request) -> web.Response:
        return left.pop(0)

    application = web.Application()
    application.router.add_get("/r", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        async with http_session() as http:
            found = await http.request("GET", f"http://{host}:{port}/r")
        return found, len(responses) - len(left)
    finally:
        await runner.cleanup()


def test_a_throttled_request_is_repeated_after_the_requested_time() -> None:
    throttled = web.Response(status=429, headers={"Retry-After": "1"})
    started = time.monotonic()
    found, asked = asyncio.run(_asked(throttled, web.json_response({"name": "r"})))
    assert (found.status, found.json(), asked) == (200, {"name": "r"}, 2)
    assert 1 <= time.monotonic() - started < 10


def test_a_final_response_is_not_repeated_and_a_lasting_one_is_returned() -> None:
    found, asked = asyncio.run(_asked(web.Response(status=403), web.Response()))
    assert (found.status, asked) == (403, 1)
    busy = [web.Response(status=503, headers={"Retry-After": "0.01"}) for _ in range(TRIES + 1)]
    found, asked = asyncio.run(_asked(*busy))
    assert (found.status, asked) == (503, TRIES)
