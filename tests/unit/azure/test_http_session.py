"""Requests to Azure's control endpoints are repeated while the response is transient."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from acr_transfer import retry
from acr_transfer.azure.http_session import http_session
from acr_transfer.errors import ServiceError
from acr_transfer.http_requests import HttpAnswer
from acr_transfer.retry import TRIES


async def _asked(*responses: web.Response) -> tuple[HttpAnswer, int]:
    """The answer of a server that has these responses, and how often it was asked."""
    left = list(responses)

    async def answer(_: web.Request) -> web.Response:
        return left.pop(0)

    async with _serving(answer) as base, http_session() as http:
        return await http.request("GET", f"{base}/r"), len(responses) - len(left)


@asynccontextmanager
async def _serving(
    answer: Callable[[web.Request], Awaitable[web.Response]], port: int = 0
) -> AsyncIterator[str]:
    """A server with one resource, `/r`."""
    application = web.Application()
    application.router.add_get("/r", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
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


async def _answered_after(resets: int) -> int:
    """The requests of a client to a server that resets the first connections."""
    asked = 0

    async def answer(request: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        if asked <= resets:
            assert request.transport
            request.transport.abort()
        return web.json_response({"name": "r"})

    async with _serving(answer) as base, http_session() as http:
        assert (await http.request("GET", f"{base}/r")).json() == {"name": "r"}
    return asked


def test_a_reset_connection_is_opened_again() -> None:
    assert asyncio.run(_answered_after(2)) == 3


def test_a_server_that_restarts_is_asked_again_and_one_that_does_not_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response({})

    async def run(port: int, seconds: float) -> HttpAnswer:
        async def serve() -> None:
            await asyncio.sleep(seconds)
            async with _serving(answer, port):
                await ended.wait()

        ended = asyncio.Event()
        serving = asyncio.create_task(serve())
        try:
            async with http_session() as http:
                return await http.request("GET", f"http://127.0.0.1:{port}/r")
        finally:
            ended.set()
            await serving

    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    assert asyncio.run(run(port, 0.3)).status == 200
    monkeypatch.setattr(retry, "_LONGEST_BACKOFF", 0.0)
    with pytest.raises(ServiceError, match=rf"127\.0\.0\.1:{port}: no response \(ClientConnectorError\)"):
        asyncio.run(run(port, 1))
