"""The HTTPS endpoint of a registry: Azure Container Registry's own APIs in front of an OCI registry server.

The registry server checks the tokens of forwarded requests itself.
"""

import json
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

import aiohttp
from aiohttp import web
from aiohttp.typedefs import Handler
from multidict import CIMultiDict, CIMultiDictProxy

from sandbox.cloud.cloud import Cloud
from sandbox.http.azure_errors import AzureError
from sandbox.registry import referrers, tokens
from sandbox.registry.access_control import AccessControl, error
from sandbox.registry.acr_api import AcrApi
from sandbox.registry.content import Content, subject_of
from sandbox.registry.server import RegistryServer

_HOP_BY_HOP = frozenset(
    [
        "connection",
        "keep-alive",
        "transfer-encoding",
        "te",
        "trailer",
        "upgrade",
        "host",
        "date",
        "server",
        "expect",
    ]
)
_CHUNK = 1 << 20
_MAX_MANIFEST = 4 << 20
_AFTER_NAME = re.compile("/(?:manifests|blobs|tags)/")
_LONGEST_NAME = 255


def application(cloud: Cloud, name: str, server: RegistryServer) -> web.Application:
    """The endpoint of a registry whose server is running."""
    session = aiohttp.ClientSession(
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(total=None),
        connector=aiohttp.TCPConnector(limit=64),
    )

    content, access = Content(server.images), AccessControl(cloud, name)
    distribution = _DistributionApi(session, server.url, content, access)
    app = web.Application(middlewares=[access.firewall()])
    app.on_cleanup.append(lambda _: session.close())
    app.router.add_post("/oauth2/exchange", _token_handler(cloud, name, tokens.exchange))
    app.router.add_route("*", "/oauth2/token", _token_handler(cloud, name, tokens.access_token))
    app.router.add_get("/v2/{name:.+}/referrers/{digest}", distribution.referrers)
    app.router.add_put("/v2/{name:.+}/manifests/{reference}", distribution.push_manifest)
    app.router.add_route("*", "/v2/{path:.*}", distribution.forward)
    AcrApi(cloud.login_server(name), content, access).add_routes(app.router)
    return app


def _token_handler(
    cloud: Cloud, name: str, issue: Callable[[Cloud, str, web.Request], Awaitable[dict[str, str]]]
) -> Handler:
    async def serve(request: web.Request) -> web.StreamResponse:
        try:
            status, body = 200, dict[str, object](await issue(cloud, name, request))
        except AzureError as refused:
            status = 401
            body = {"errors": [{"code": "UNAUTHORIZED", "message": refused.message}]}
        text = json.dumps(body)
        exchange = (request.method, f"{request.host}{request.path}", status)
        cloud.request_log.record("token", "", exchange, "", text)
        return web.Response(status=status, text=text, content_type="application/json")

    return serve


@dataclass(frozen=True)
class _DistributionApi:
    """The API of the OCI distribution specification."""

    session: aiohttp.ClientSession
    server: str
    content: Content
    access: AccessControl

    async def referrers(self, request: web.Request) -> web.StreamResponse:
        """List referrers. ACR supports them; the registry server does not."""
        name, digest = request.match_info["name"], request.match_info["digest"]
        if refused := self.access.refused(request, f"repository:{name}:pull"):
            return refused
        if not re.fullmatch(r"\w+:[0-9a-f]{32,}", digest):
            return error(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        return referrers.index_response(self.content, name, digest, request)

    async def push_manifest(self, request: web.Request) -> web.StreamResponse:
        """Forward a manifest, and report the digest of its subject."""
        body = b"" if "Content-Encoding" in request.headers else await _read_manifest(request)
        subject = subject_of(body)
        return await self._forward(request, body, {"OCI-Subject": subject} if subject else {})

    async def forward(self, request: web.Request) -> web.StreamResponse:
        """Forward a request to the registry server and return its response byte for byte."""
        return await self._forward(request, request.content if request.can_read_body else None, {})

    async def _forward(
        self, request: web.Request, body: bytes | aiohttp.StreamReader | None, added: dict[str, str]
    ) -> web.StreamResponse:
        if len(_AFTER_NAME.split(request.path, maxsplit=1)[0]) > _LONGEST_NAME + len("/v2/"):
            return error(400, "NAME_INVALID", "invalid repository name")  # the server answers 500
        if "Content-Encoding" in request.headers:  # aiohttp has decoded the body, or failed to
            return error(400, "UNSUPPORTED", "the content encoding of requests is not supported")
        try:
            async with self.session.request(
                request.method,
                self.server + request.raw_path,
                headers=_end_to_end(request.headers),
                data=body,
                allow_redirects=False,
            ) as response:
                return await _return(request, response, added if response.status == 201 else {})
        except aiohttp.ClientConnectorError:
            message = "the registry server does not respond; see `python -m sandbox status`"
            return error(503, "UNAVAILABLE", message)


def _end_to_end(headers: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    """The end-to-end headers. A name can occur several times, as `Accept` does in requests of Go clients."""
    return CIMultiDict((key, value) for key, value in headers.items() if key.lower() not in _HOP_BY_HOP)


async def _read_manifest(request: web.Request) -> bytes:
    """The pushed manifest, read just beyond the limit so that the registry server refuses a larger one."""
    body = b""
    while len(body) <= _MAX_MANIFEST and (chunk := await request.content.read(_CHUNK)):
        body += chunk
    return body


async def _return(
    request: web.Request, response: aiohttp.ClientResponse, added: dict[str, str]
) -> web.StreamResponse:
    returned = web.StreamResponse(status=response.status, headers=added)
    returned.headers.extend(_end_to_end(response.headers))
    # A client that disconnects early is not an error here.
    with suppress(aiohttp.ClientConnectionResetError):
        await returned.prepare(request)
        if request.method != "HEAD":
            async for chunk in response.content.iter_chunked(_CHUNK):
                await returned.write(chunk)
        await returned.write_eof()
    return returned
