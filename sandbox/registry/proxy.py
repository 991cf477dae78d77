"""A registry's front door, as Azure Container Registry's: TLS, tokens, ACR's own calls; the rest passed on.

Tokens of requests that are passed on are checked by the registry server behind.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

import aiohttp
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy

from sandbox.cloud import request_log
from sandbox.cloud.cloud import Cloud
from sandbox.http.azure_errors import AzureError
from sandbox.registry import referrers, tokens
from sandbox.registry.access_control import AccessControl, error
from sandbox.registry.acr_api import AcrApi, disallowed
from sandbox.registry.content import Content
from sandbox.registry.locks import Locks

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
_MOST_MANIFEST = 4 << 20
_ASKED_FOR = {"GET": "pull", "HEAD": "pull", "DELETE": "delete"}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def open_registry(cloud: Cloud, name: str) -> None:
    """Open the door of a registry whose server runs."""
    session = aiohttp.ClientSession(
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(total=None),
        connector=aiohttp.TCPConnector(limit=64),
    )

    async def close(_: web.Application) -> None:
        await session.close()

    server = cloud.registries[name.lower()]
    content, locks, admission = Content(server.images), Locks(cloud.store, name), AccessControl(cloud, name)
    own = AcrApi(cloud, name, session, server.url, content, locks, admission)
    door = _DistributionApi(session, server.url, content, locks, admission)
    app = web.Application(middlewares=[admission.firewall()])
    app.on_cleanup.append(close)
    app.router.add_post("/oauth2/exchange", _guarded(cloud, name, tokens.exchange))
    app.router.add_route("*", "/oauth2/token", _guarded(cloud, name, tokens.access_token))
    app.router.add_get("/v2/{name:.+}/referrers/{digest}", door.referrers)
    app.router.add_route("*", "/v2/{path:.*}", door.pass_on)
    app.router.add_get("/acr/v1/_catalog", own.repositories)
    app.router.add_route("*", "/acr/v1/{path:.+}", own.serve)
    await cloud.open(f"registry/{name.lower()}", app, int(cloud.login_server(name).rpartition(":")[2]))


def _guarded(
    cloud: Cloud, name: str, work: Callable[[Cloud, str, web.Request], Awaitable[dict[str, str]]]
) -> Handler:
    async def serve(request: web.Request) -> web.StreamResponse:
        try:
            status, body = 200, dict[str, object](await work(cloud, name, request))
        except AzureError as refused:
            status = 401
            body = {"errors": [{"code": "UNAUTHORIZED", "message": refused.message}]}
        text = json.dumps(body)
        exchange = (request.method, f"{request.host}{request.path}", status)
        request_log.record(cloud.store, "token", "", exchange, "", text)
        return web.Response(status=status, text=text, content_type="application/json")

    return serve


@dataclass(frozen=True)
class _DistributionApi:
    """The calls of the distribution specification."""

    session: aiohttp.ClientSession
    server: str
    content: Content
    locks: Locks
    admission: AccessControl

    async def referrers(self, request: web.Request) -> web.StreamResponse:
        """The server behind knows no referrers; ACR does."""
        name, digest = request.match_info["name"], request.match_info["digest"]
        if refused := self.admission.refused(request, f"repository:{name}:pull"):
            return refused
        if not re.fullmatch(r"\w+:[0-9a-f]{32,}", digest):
            return error(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        return referrers.answer(self.content, name, digest, request)

    async def pass_on(self, request: web.Request) -> web.StreamResponse:
        """Hand a request to the registry server and its answer back, byte for byte."""
        headers = _end_to_end(request.headers)
        found = re.fullmatch(r"(.+)/(manifests|blobs|tags)/(.*)", request.match_info["path"])
        name, kind, reference = found.groups() if found else ("", "", "")
        action = _ASKED_FOR.get(request.method, "pull,push")
        scope = f"repository:{name}:{action}" if name else "registry:catalog:*"
        if refused := self.admission.identified(request, headers, scope):
            return refused
        action = action.rpartition(",")[2]
        admitted = name and self.admission.covers(headers, f"repository:{name}:{action}")
        if admitted and not self.locks.permit(action, name, self._held(name, kind, reference, action)):
            return disallowed()
        body: bytes | aiohttp.StreamReader | None = request.content if request.can_read_body else None
        if kind == "manifests" and request.method == "PUT":
            body = await _manifest(request)
        subject = referrers.subject_of(body) if isinstance(body, bytes) else ""
        target = self.server + request.raw_path
        try:
            async with self.session.request(
                request.method, target, headers=headers, data=body, allow_redirects=False
            ) as answer:
                if kind == "manifests" and request.method == "DELETE" and answer.ok:
                    self.locks.forget(name, [reference])
                marks = {"OCI-Subject": subject} if subject and answer.status == 201 else {}
                return await _passed_back(request, answer, marks)
        except aiohttp.ClientConnectorError:
            return error(503, "UNAVAILABLE", "the registry does not answer; see `python -m sandbox status`")

    def _held(self, name: str, kind: str, reference: str, action: str) -> list[str]:
        """What a lock may be on: the manifest or tag itself, what a tag names, what goes with a manifest."""
        if kind != "manifests" or not self.locks.any(name):
            return []
        tags = self.content.tags(name)
        digests = [tag.digest for tag in tags if tag.name == reference] if action == "pull" else []
        going = [tag.name for tag in tags if tag.digest == reference] if action == "delete" else []
        return [reference, *digests, *going]


def _end_to_end(headers: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    """What is meant for the other end; a name may come more than once, as `Accept` does from Go's clients."""
    return CIMultiDict((key, value) for key, value in headers.items() if key.lower() not in _HOP_BY_HOP)


async def _manifest(request: web.Request) -> bytes:
    """A manifest being pushed; one byte more than the most lets the server behind refuse what is too long."""
    whole = b""
    while len(whole) <= _MOST_MANIFEST and (chunk := await request.content.read(_CHUNK)):
        whole += chunk
    return whole


async def _passed_back(
    request: web.Request, answer: aiohttp.ClientResponse, marks: dict[str, str]
) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status, headers=marks)
    response.headers.extend(_end_to_end(answer.headers))
    # A client that goes away in the middle is no fault of ours: aiohttp ends the answer without a word.
    with suppress(aiohttp.ClientConnectionResetError):
        await response.prepare(request)
        if request.method != "HEAD":
            async for chunk in answer.content.iter_chunked(_CHUNK):
                await response.write(chunk)
        await response.write_eof()
    return response
