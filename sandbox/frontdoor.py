"""A registry's front door, as Azure Container Registry's: TLS, tokens, ACR's own calls; the rest passed on.

Tokens of requests that are passed on are checked by the registry server behind.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import aiohttp
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy

from sandbox import journal
from sandbox.cloud import Cloud
from sandbox.errors import AzureError
from sandbox.registry import referrers, tokens
from sandbox.registry.catalogue import Catalogue, NotThereError
from sandbox.registry.content import Content

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
    door = _Door(cloud, name, session, server.url, Content(server.images))
    app = web.Application()
    app.on_cleanup.append(close)
    app.router.add_post("/oauth2/exchange", _guarded(cloud, name, tokens.exchange))
    app.router.add_route("*", "/oauth2/token", _guarded(cloud, name, tokens.access_token))
    app.router.add_get("/v2/{name:.+}/referrers/{digest}", door.referrers)
    app.router.add_route("*", "/v2/{path:.*}", door.pass_on)
    app.router.add_get("/acr/v1/_catalog", door.catalogue)
    app.router.add_route("*", "/acr/v1/{path:.+}", door.own)
    await cloud.open(f"registry/{name.lower()}", app, int(cloud.login_server(name).rpartition(":")[2]))


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


@dataclass(frozen=True)
class _Door:
    """What the requests of one registry need."""

    cloud: Cloud
    name: str
    session: aiohttp.ClientSession
    server: str
    content: Content

    async def catalogue(self, request: web.Request) -> web.StreamResponse:
        if refused := self._refused(request, "registry:catalog:*"):
            return refused
        return Catalogue(self._login_server, self.content).repositories(request)

    async def own(self, request: web.Request) -> web.StreamResponse:
        """ACR's own calls below a repository; its name may hold slashes."""
        found = re.fullmatch(
            r"(?P<name>.+?)(?:/(?P<kind>_tags|_manifests)(?:/(?P<one>[^/]+))?)?", _path(request)
        )
        name, kind, one = (found["name"], found["kind"], found["one"]) if found else ("", None, None)
        action = {"GET": "metadata_read", "DELETE": "delete"}.get(request.method, "metadata_write")
        if refused := self._refused(request, f"repository:{name}:{action}"):
            return refused
        try:
            if request.method == "GET":
                return self._shown(request, name, kind, one)
            if request.method == "DELETE" and kind != "_manifests":
                return await self._deleted(name, one or "")
        except NotThereError as error:
            return web.json_response(error.body, status=404)
        return _error(405, "UNSUPPORTED", "The operation is unsupported.")

    async def referrers(self, request: web.Request) -> web.StreamResponse:
        name, digest = request.match_info["name"], request.match_info["digest"]
        if refused := self._refused(request, f"repository:{name}:pull"):
            return refused
        if not re.fullmatch(r"\w+:[0-9a-f]{32,}", digest):
            return _error(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        return referrers.answer(self.content, name, digest, request)

    async def pass_on(self, request: web.Request) -> web.StreamResponse:
        """Hand a request to the registry server and its answer back, byte for byte."""
        headers = _end_to_end(request.headers)
        place = re.fullmatch(r"(.+)/(manifests|blobs|tags)/.*", _path(request))
        action = _ASKED_FOR.get(request.method, "pull,push")
        scope = f"repository:{place[1]}:{action}" if place else "registry:catalog:*"
        if refused := self._identified(request, headers, scope):
            return refused
        body: bytes | aiohttp.StreamReader | None = request.content if request.can_read_body else None
        if place and place[2] == "manifests" and request.method == "PUT":
            body = await _manifest(request)
        subject = referrers.subject_of(body) if isinstance(body, bytes) else ""
        target = self.server + request.raw_path
        try:
            async with self.session.request(
                request.method, target, headers=headers, data=body, allow_redirects=False
            ) as answer:
                marks = {"OCI-Subject": subject} if subject and answer.status == 201 else {}
                return await _passed_back(request, answer, marks)
        except aiohttp.ClientConnectorError:
            return _error(503, "UNAVAILABLE", "the registry does not answer; see `python -m sandbox status`")

    @property
    def _login_server(self) -> str:
        return self.cloud.login_server(self.name)

    def _shown(self, request: web.Request, name: str, kind: str | None, one: str | None) -> web.Response:
        catalogue = Catalogue(self._login_server, self.content)
        if kind == "_tags":
            return catalogue.tag(request, name, one) if one else catalogue.tags(request, name)
        if kind == "_manifests":
            return catalogue.manifest(request, name, one) if one else catalogue.manifests(request, name)
        return catalogue.repository(request, name)

    async def _deleted(self, name: str, tag: str) -> web.Response:
        """A tag alone, or a repository with all its manifests and tags."""
        catalogue = Catalogue(self._login_server, self.content)
        if tag:
            catalogue.stored_tag(name, tag)
            await self._delete(name, tag)
            return web.Response(status=202)
        tags = [each.name for each in self.content.tags(name)]
        digests = [each.digest for each in self.content.manifests(name)]
        if not digests:
            words = "repository name not known to registry"
            raise NotThereError("NAME_UNKNOWN", words, name=name)
        for reference in (*tags, *digests):
            await self._delete(name, reference)
        return web.json_response({"manifestsDeleted": digests, "tagsDeleted": tags}, status=202)

    async def _delete(self, name: str, reference: str) -> None:
        access = [{"type": "repository", "name": name, "actions": ["delete"]}]
        token = self.cloud.tokens.issue("acr", self._login_server, seconds=60, access=access)
        url = f"{self.server}/v2/{name}/manifests/{reference}"
        async with self.session.delete(url, headers={"Authorization": f"Bearer {token}"}) as answer:
            answer.raise_for_status()

    def _identified(
        self, request: web.Request, headers: CIMultiDict[str], scope: str
    ) -> web.StreamResponse | None:
        """Put a token in place of a name and password; the answer is the refusal, if they are wrong."""
        try:
            if bearer := tokens.bearer_header(self.cloud, self.name, request, scope):
                headers["Authorization"] = bearer
        except AzureError as error:
            return _error(401, "UNAUTHORIZED", error.message)
        return None

    def _refused(self, request: web.Request, scope: str) -> web.StreamResponse | None:
        """None where the request's token covers the scope; else the challenge that says where to get one."""
        headers = CIMultiDict(request.headers)
        if wrong := self._identified(request, headers, scope):
            return wrong
        if tokens.allowed(self.cloud, self.name, headers.get("Authorization", ""), scope):
            return None
        realm = f'realm="https://{self._login_server}/oauth2/token",service="{self._login_server}"'
        challenge = f'Bearer {realm},scope="{scope}"'
        if request.headers.get("Authorization"):
            challenge += ',error="insufficient_scope"'
        return _error(401, "UNAUTHORIZED", _AUTHENTICATE, {"WWW-Authenticate": challenge})


_AUTHENTICATE = "authentication required, visit https://aka.ms/acr/authorization for more information."


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
    await response.prepare(request)
    if request.method != "HEAD":
        async for chunk in answer.content.iter_chunked(_CHUNK):
            await response.write(chunk)
    await response.write_eof()
    return response


def _path(request: web.Request) -> str:
    return request.match_info["path"]


def _error(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response({"errors": [{"code": code, "message": message}]}, status=status, headers=headers)
