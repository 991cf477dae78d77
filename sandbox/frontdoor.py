"""A registry's front door, as Azure Container Registry's: TLS, ACR's token endpoints, the rest passed on.

The tokens are checked by the registry server behind it.
https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Awaitable, Callable

import aiohttp
from aiohttp import web

from sandbox import journal
from sandbox.cloud import Cloud
from sandbox.errors import AzureError

NOBODY = "00000000-0000-0000-0000-000000000000"
"""The user name that goes with a refresh token as password."""

_HOP_BY_HOP = {
    "connection",
    "keep-alive",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "host",
    "date",
    "server",
}
_CHUNK = 1 << 20

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def open_registry(cloud: Cloud, name: str) -> None:
    """Open the door of a registry whose server runs."""
    server = cloud.registries[name.lower()]
    session = aiohttp.ClientSession(
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(total=None),
        connector=aiohttp.TCPConnector(limit=64),
    )

    async def close(_: web.Application) -> None:
        await session.close()

    async def pass_on(request: web.Request) -> web.StreamResponse:
        return await _pass_on(session, server.url, request)

    app = web.Application()
    app.on_cleanup.append(close)
    app.router.add_post("/oauth2/exchange", _guarded(cloud, name, _exchange))
    app.router.add_route("*", "/oauth2/token", _guarded(cloud, name, _token))
    app.router.add_route("*", "/v2/{path:.*}", pass_on)
    door = f"registry/{name.lower()}"
    await cloud.open(door, app, int(cloud.login_server(name).rpartition(":")[2]))


def refresh_token(cloud: Cloud, name: str) -> str:
    """What `az acr login` puts into the Docker configuration."""
    return cloud.tokens.issue(
        cloud.facts.operator, f"refresh:{cloud.login_server(name)}", seconds=30 * 86_400
    )


def _guarded(
    cloud: Cloud, name: str, work: Callable[[Cloud, str, web.Request], Awaitable[dict[str, str]]]
) -> Handler:
    async def serve(request: web.Request) -> web.StreamResponse:
        try:
            status, body = 200, dict[str, object](await work(cloud, name, request))
        except AzureError as error:
            status = 401
            body = {"errors": [{"code": "UNAUTHORIZED", "message": error.message}]}
        text = json.dumps(body)
        exchange = (request.method, f"{request.host}{request.path}", status)
        journal.record(cloud.store, "token", "", exchange, "", text)
        return web.Response(status=status, text=text, content_type="application/json")

    return serve


async def _exchange(cloud: Cloud, name: str, request: web.Request) -> dict[str, str]:
    """An Entra token of this cloud becomes a refresh token of this registry."""
    form = await request.post()
    cloud.tokens.check(str(form.get("access_token", "")), cloud.audience)
    return {"refresh_token": refresh_token(cloud, name)}


async def _token(cloud: Cloud, name: str, request: web.Request) -> dict[str, str]:
    """A refresh token becomes an access token for the scopes asked for."""
    form = await request.post() if request.method == "POST" else request.query
    given = str(form.get("refresh_token") or form.get("password") or _basic_password(request))
    server = cloud.login_server(name)
    principal = cloud.tokens.check(given, f"refresh:{server}")["oid"]
    access = [
        _access(scope) for value in form.getall("scope", []) for scope in str(value).split(" ") if scope
    ]
    token = cloud.tokens.issue(principal, server, seconds=75 * 60, access=access)
    return {"access_token": token, "token": token}


def _access(scope: str) -> dict[str, object]:
    kind, _, rest = scope.partition(":")
    name, _, actions = rest.rpartition(":")
    return {"type": kind, "name": name, "actions": actions.split(",")}


def _basic_password(request: web.Request) -> str:
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        raise AzureError("AuthenticationFailed")
    try:
        return base64.b64decode(value).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError) as error:
        raise AzureError("InvalidAuthenticationToken", reason="not base64") from error


async def _pass_on(session: aiohttp.ClientSession, url: str, request: web.Request) -> web.StreamResponse:
    """Hand a request to the registry server and its answer back, byte for byte."""
    headers = {key: value for key, value in request.headers.items() if key.lower() not in _HOP_BY_HOP}
    body = request.content if request.can_read_body else None
    target = url + request.raw_path
    async with session.request(
        request.method, target, headers=headers, data=body, allow_redirects=False
    ) as answer:
        response = web.StreamResponse(status=answer.status)
        for key, value in answer.headers.items():
            if key.lower() not in _HOP_BY_HOP:
                response.headers.add(key, value)
        await response.prepare(request)
        if request.method != "HEAD":
            async for chunk in answer.content.iter_chunked(_CHUNK):
                await response.write(chunk)
        await response.write_eof()
        return response
