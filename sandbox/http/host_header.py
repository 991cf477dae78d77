"""Refuses requests for another host, so that a web page whose name resolves to this machine reaches nothing.

https://datatracker.ietf.org/doc/html/rfc9110#section-7.4
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from sandbox.http.azure_errors import AzureError

HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
"""The names of the sandbox's certificate."""


def require_own_host(application: web.Application, error_body: Callable[[AzureError], Any]) -> None:
    """Answer 421 with a body in the application's own form unless the `Host` header names this machine.

    The port may differ, as behind a tunnel or a proxy of a test.
    """

    @web.middleware
    async def serve(request: web.Request, handler: Handler) -> web.StreamResponse:
        named = request.headers.getall("Host", [])
        if len(named) == 1 and _name(named[0]) in HOSTS:
            return await handler(request)
        refused = AzureError("MisdirectedRequest")
        return web.json_response(error_body(refused), status=refused.status)

    application.middlewares.insert(0, serve)


def azure_body(error: AzureError) -> Any:
    """The body of management and vaults."""
    return error.body


def registry_body(error: AzureError) -> Any:
    """The body of a registry, which OCI's distribution specification defines."""
    return {"errors": [error.body["error"]]}


def local_body(error: AzureError) -> Any:
    """The body of an endpoint for this machine's programs."""
    return {"statusCode": error.status, "message": error.message}


def _name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
