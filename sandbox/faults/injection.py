"""Applies injected faults to incoming requests, and to the transfer service's requests to registries."""

import asyncio
import json

import aiohttp
from aiohttp import web
from aiohttp.typedefs import Handler

from sandbox.cloud.request_log import RequestLog
from sandbox.faults.fault import InjectedFault
from sandbox.faults.responses import response_of
from sandbox.faults.state import Faults

_CUT = web.RequestKey("cut", bool)


def install(application: web.Application, faults: Faults, request_log: RequestLog, endpoint: str) -> None:
    """Apply a cloud's faults to every request of an application."""

    @web.middleware
    async def serve(request: web.Request, handler: Handler) -> web.StreamResponse:
        at = "token" if "/oauth2/" in request.path else endpoint
        return await serve_with_fault(faults, request_log, at, request, handler)

    application.middlewares.insert(0, serve)
    allow_cuts(application)


def allow_cuts(application: web.Application) -> None:
    """Let faults close the connection when a response starts, for every kind of handler."""

    async def cut(request: web.Request, _: web.StreamResponse) -> None:
        if request.get(_CUT) and request.transport:
            request.transport.abort()

    application.on_response_prepare.append(cut)


async def serve_with_fault(
    faults: Faults, request_log: RequestLog, endpoint: str, request: web.Request, handler: Handler
) -> web.StreamResponse:
    """Serve a request, and apply its fault if there is one."""
    fault = faults.take(endpoint, request.method, request.path_qs)
    return await _apply(fault, request_log, request, handler) if fault else await handler(request)


async def _apply(
    fault: InjectedFault, request_log: RequestLog, request: web.Request, handler: Handler
) -> web.StreamResponse:
    if fault.endpoint == "arm":
        await request.read()  # What has arrived is served, even if its client ends during the delay.
    await asyncio.sleep(fault.delay)
    if response := response_of(fault):
        text = json.dumps(response.body)
        exchange = (request.method, request.path_qs, response.status)
        request_log.record(fault.endpoint, "", exchange, "", text)
        return web.Response(
            status=response.status, text=text, content_type="application/json", headers=response.headers
        )
    if fault.cut:
        request[_CUT] = True
    return web.Response() if fault.cut == "before" else await handler(request)


def client_middleware(faults: Faults) -> aiohttp.ClientMiddlewareType:
    """Applies registry faults to the transfer service, which connects to registry servers directly."""

    async def send(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        fault = faults.take("registry", request.method, request.url.path_qs)
        if not fault:
            return await handler(request)
        await asyncio.sleep(fault.delay)
        if error := response_of(fault):
            info, status, message = request.request_info, error.status, error.message
            raise aiohttp.ClientResponseError(info, (), status=status, message=message)
        if fault.cut == "before":
            raise aiohttp.ServerDisconnectedError
        response = await handler(request)
        if fault.cut:
            response.close()
            raise aiohttp.ServerDisconnectedError
        return response

    return send
