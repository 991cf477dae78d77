"""Faults at work: before what the sandbox serves, and on the transfer service's own way to registries."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

import aiohttp
from aiohttp import web

from sandbox.cloud import request_log
from sandbox.cloud.store import Store
from sandbox.faults import responses
from sandbox.faults.fault import Fault
from sandbox.faults.state import Faults

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


_CUT = web.RequestKey("cut", bool)


def stand_before(application: web.Application, faults: Faults, store: Store, door: str) -> None:
    """Let the cloud's faults be played to every request before the application sees it."""

    @web.middleware
    async def serve(request: web.Request, handler: Handler) -> web.StreamResponse:
        at = "token" if "/oauth2/" in request.path else door
        return await meet(faults, store, at, request, handler)

    application.middlewares.insert(0, serve)
    cut_answers(application)


def cut_answers(application: web.Application) -> None:
    """Let a fault cut the connection when an answer is about to begin, however the handler sends it."""

    async def cut(request: web.Request, _: web.StreamResponse) -> None:
        if request.get(_CUT) and request.transport:
            request.transport.abort()

    application.on_response_prepare.append(cut)


async def meet(
    faults: Faults, store: Store, door: str, request: web.Request, handler: Handler
) -> web.StreamResponse:
    """Serve a request, unless it meets a fault."""
    fault = faults.meet(door, request.method, request.path_qs)
    return await _played(fault, store, request, handler) if fault else await handler(request)


async def _played(fault: Fault, store: Store, request: web.Request, handler: Handler) -> web.StreamResponse:
    await asyncio.sleep(fault.delay)
    if status := responses.status(fault):
        text = json.dumps(responses.body(fault))
        exchange = (request.method, request.path_qs, status)
        request_log.record(store, fault.door, "", exchange, "", text)
        headers = responses.headers(fault)
        return web.Response(status=status, text=text, content_type="application/json", headers=headers)
    if fault.cut:
        request[_CUT] = True
    return web.Response() if fault.cut == "before" else await handler(request)


def client_middleware(faults: Faults) -> aiohttp.ClientMiddlewareType:
    """The same for the transfer service, which asks registry servers directly: it meets what clients meet."""

    async def ask(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        fault = faults.meet("registry", request.method, request.url.path_qs)
        if not fault:
            return await handler(request)
        await asyncio.sleep(fault.delay)
        if status := responses.status(fault):
            raise aiohttp.ClientResponseError(
                request.request_info, (), status=status, message=responses.words(fault)
            )
        if fault.cut == "before":
            raise aiohttp.ServerDisconnectedError
        answer = await handler(request)
        if fault.cut:
            answer.close()
            raise aiohttp.ServerDisconnectedError
        return answer

    return ask
