"""ACR's own API under `/acr/v1`: list, show and delete repositories, tags and manifests.

https://learn.microsoft.com/rest/api/containerregistry/
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import aiohttp
from aiohttp import web

from sandbox.cloud.cloud import Cloud
from sandbox.registry.access_control import AccessControl, error
from sandbox.registry.content import Content
from sandbox.registry.listing import ContentListing, ContentNotFoundError

_PATH = re.compile(r"(?P<name>.+?)(?:/(?P<kind>_tags|_manifests)(?:/(?P<reference>[^/]+))?)?")
_ACTIONS = {"GET": "metadata_read", "DELETE": "delete"}


@dataclass(frozen=True)
class AcrApi:
    """The API of one registry."""

    cloud: Cloud
    registry: str
    session: aiohttp.ClientSession
    server: str
    """The address of the registry server that stores the content."""

    content: Content
    access: AccessControl

    async def repositories(self, request: web.Request) -> web.StreamResponse:
        """List the repositories."""
        if refused := self.access.refused(request, "registry:catalog:*"):
            return refused
        return self._listing.repositories(request)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Serve a request for a repository, its tags or its manifests."""
        path = _PATH.fullmatch(request.match_info["path"])
        name, kind, reference = (part or "" for part in path.groups()) if path else ("", "", "")
        scope = f"repository:{name}:{_ACTIONS.get(request.method, 'metadata_write')}"
        if refused := self.access.refused(request, scope):
            return refused
        try:
            if request.method == "GET":
                return self._show(request, name, kind, reference)
            if request.method == "DELETE" and kind == "_tags" and reference:
                return await self._delete_tag(name, reference)
            if request.method == "DELETE" and not kind:
                return await self._delete_repository(name)
        except ContentNotFoundError as missing:
            return web.json_response(missing.body, status=404)
        return error(405, "UNSUPPORTED", "The operation is unsupported.")

    @property
    def _listing(self) -> ContentListing:
        return ContentListing(self.cloud.login_server(self.registry), self.content)

    def _show(self, request: web.Request, name: str, kind: str, reference: str) -> web.Response:
        listing = self._listing
        if kind == "_tags":
            return listing.tag(name, reference) if reference else listing.tags(request, name)
        if kind == "_manifests":
            return listing.manifest(name, reference) if reference else listing.manifests(request, name)
        return listing.repository(name)

    async def _delete_tag(self, name: str, tag: str) -> web.Response:
        self._listing.stored_tag(name, tag)
        await self._delete(name, [tag])
        return web.Response(status=202)

    async def _delete_repository(self, name: str) -> web.Response:
        digests = [manifest.digest for manifest in self._listing.stored_manifests(name)]
        tags = [tag.name for tag in self.content.tags(name)]
        await self._delete(name, [*tags, *digests])
        return web.json_response({"manifestsDeleted": digests, "tagsDeleted": tags}, status=202)

    async def _delete(self, name: str, references: Iterable[str]) -> None:
        access = [{"type": "repository", "name": name, "actions": ["delete"]}]
        audience = self.cloud.login_server(self.registry)
        token = self.cloud.tokens.issue("acr", audience, seconds=60, access=access)
        for reference in references:
            url = f"{self.server}/v2/{name}/manifests/{reference}"
            async with self.session.delete(url, headers={"Authorization": f"Bearer {token}"}) as response:
                response.raise_for_status()
