"""ACR's own API under `/acr/v1`: lists of repositories and tags, one tag, one manifest.

https://learn.microsoft.com/rest/api/containerregistry/
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, urlencode

from aiohttp import web
from aiohttp.typedefs import Handler

from sandbox.cloud.database import Json
from sandbox.registry.access_control import AccessControl
from sandbox.registry.content import Content, StoredManifest, StoredTag

_PAGE_SIZE = 100
"""Entries per page unless the request sets `n`."""

_UNLOCKED = {
    "changeableAttributes": dict.fromkeys(
        ("deleteEnabled", "writeEnabled", "readEnabled", "listEnabled"), True
    )
}
"""The sandbox does not implement locks."""


@dataclass(frozen=True)
class AcrApi:
    """The API of one registry."""

    login_server: str
    content: Content
    access: AccessControl

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Serve the API."""
        router.add_get("/acr/v1/_catalog", self._repositories)
        router.add_get("/acr/v1/{name:.+}/_tags", self._handler(self._tags))
        router.add_get("/acr/v1/{name:.+}/_tags/{tag}", self._handler(self._tag))
        router.add_get("/acr/v1/{name:.+}/_manifests/{digest}", self._handler(self._manifest))

    async def _repositories(self, request: web.Request) -> web.StreamResponse:
        if refused := self.access.refused(request, "registry:catalog:*"):
            return refused
        page, headers = _page(request, self.content.repositories())
        return _response({"repositories": page}, headers)

    def _handler(self, show: Callable[[web.Request, str], web.Response]) -> Handler:
        """A handler for requests to an existing repository."""

        async def serve(request: web.Request) -> web.StreamResponse:
            name = request.match_info["name"]
            if refused := self.access.refused(request, f"repository:{name}:metadata_read"):
                return refused
            if not self.content.manifests(name):
                return _not_found("NAME_UNKNOWN", "repository name not known to registry", name=name)
            return show(request, name)

        return serve

    def _tags(self, request: web.Request, name: str) -> web.Response:
        tags = {tag.name: tag for tag in self.content.tags(name)}
        page, headers = _page(request, list(tags))
        return _response({**self._header(name), "tags": [_described(tags[tag]) for tag in page]}, headers)

    def _tag(self, request: web.Request, name: str) -> web.Response:
        wanted = request.match_info["tag"]
        for tag in self.content.tags(name):
            if tag.name == wanted:
                return _response({**self._header(name), "tag": _described(tag)})
        return _not_found("TAG_UNKNOWN", "the specified tag does not exist", tag=wanted)

    def _manifest(self, request: web.Request, name: str) -> web.Response:
        digest = request.match_info["digest"]
        manifest = self.content.manifest(name, digest)
        if not manifest:
            return _not_found("MANIFEST_UNKNOWN", f"manifest {digest} is not found", name=name)
        tags = [tag.name for tag in self.content.tags(name) if tag.digest == digest]
        return _response({**self._header(name), "manifest": _described_manifest(manifest, tags)})

    def _header(self, name: str) -> Json:
        return {"registry": self.login_server, "imageName": name}


def _described(tag: StoredTag) -> Json:
    times = {"createdTime": _time(tag.created), "lastUpdateTime": _time(tag.updated)}
    return {"name": tag.name, "digest": tag.digest, **times, "signed": False, **_UNLOCKED}


def _described_manifest(manifest: StoredManifest, tags: list[str]) -> Json:
    described = {
        "digest": manifest.digest,
        "imageSize": manifest.size,
        "createdTime": _time(manifest.created),
        "lastUpdateTime": _time(manifest.created),
        "mediaType": manifest.media_type,
        "configMediaType": (manifest.content.get("config") or {}).get("mediaType"),
        "tags": tags or None,
        **_UNLOCKED,
    }
    return {key: value for key, value in described.items() if value is not None}


def _page(request: web.Request, names: list[str]) -> tuple[list[str], dict[str, str]]:
    """At most `n` of the sorted names after `last`, and a Link header if more follow."""
    last, limit = request.query.get("last", ""), _page_size(request.query.get("n", ""))
    rest = [name for name in names if name > last]
    page = rest[:limit]
    if len(rest) <= limit or not page:
        return page, {}
    following = urlencode({"last": page[-1], "n": limit})
    return page, {"Link": f'<{quote(request.path)}?{following}>; rel="next"'}


def _page_size(sent: str) -> int:
    """The number `n`; another value gets the error of the distribution API, which has the same parameter.

    https://distribution.github.io/distribution/spec/api/#errors
    """
    if not sent:
        return _PAGE_SIZE
    if not (sent.isascii() and sent.isdigit() and len(sent) < 10):
        body = {"code": "PAGINATION_NUMBER_INVALID", "message": "invalid number of results requested"}
        text = json.dumps({"errors": [{**body, "detail": {"n": sent[:100]}}]})
        raise web.HTTPBadRequest(text=text, content_type="application/json")
    return int(sent)


def _response(body: Json, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(text=json.dumps(body), content_type="application/json", headers=headers)


def _not_found(code: str, message: str, **detail: str) -> web.Response:
    error = {"code": code, "message": message, "detail": detail}
    return web.json_response({"errors": [error]}, status=404)


def _time(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"
