"""ACR's own calls below `/acr/v1`: looking, locking and deleting. The answers' form is in catalogue.py."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

import aiohttp
from aiohttp import web

from sandbox.cloud.cloud import Cloud
from sandbox.registry.access_control import AccessControl, error
from sandbox.registry.content import Content
from sandbox.registry.listing import ContentListing, ContentNotFoundError
from sandbox.registry.locks import Locks

_PATH = re.compile(r"(?P<name>.+?)(?:/(?P<kind>_tags|_manifests)(?:/(?P<one>[^/]+))?)?")
_ACTIONS = {"GET": "metadata_read", "DELETE": "delete", "PATCH": "metadata_write"}


@dataclass(frozen=True)
class _Place:
    """What a path below `/acr/v1` names; a repository's name may hold slashes."""

    name: str
    kind: str
    """`_tags`, `_manifests`, or nothing for the repository itself."""

    one: str
    """A tag or a digest, or nothing for all of them."""


@dataclass(frozen=True)
class AcrApi:
    """The calls of one registry."""

    cloud: Cloud
    registry: str
    session: aiohttp.ClientSession
    server: str
    content: Content
    locks: Locks
    admission: AccessControl

    async def repositories(self, request: web.Request) -> web.StreamResponse:
        """The catalogue."""
        if refused := self.admission.refused(request, "registry:catalog:*"):
            return refused
        return self._catalogue.repositories(request)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One call on a repository, its tags or its manifests."""
        found = _PATH.fullmatch(request.match_info["path"])
        place = (
            _Place(found["name"], found["kind"] or "", found["one"] or "") if found else _Place("", "", "")
        )
        scope = f"repository:{place.name}:{_ACTIONS.get(request.method, 'metadata_write')}"
        if refused := self.admission.refused(request, scope):
            return refused
        try:
            if request.method == "GET":
                return self._shown(request, place)
            if request.method == "DELETE" and place.kind != "_manifests":
                return await self._deleted(place)
            if request.method == "PATCH" and bool(place.kind) == bool(place.one):
                return await self._changed(request, place)
        except ContentNotFoundError as missing:
            return web.json_response(missing.body, status=404)
        return error(405, "UNSUPPORTED", "The operation is unsupported.")

    @property
    def _catalogue(self) -> ContentListing:
        return ContentListing(self.cloud.login_server(self.registry), self.content, self.locks)

    def _shown(self, request: web.Request, place: _Place) -> web.Response:
        catalogue, name, one = self._catalogue, place.name, place.one
        if place.kind == "_tags":
            return catalogue.tag(request, name, one) if one else catalogue.tags(request, name)
        if place.kind == "_manifests":
            return catalogue.manifest(request, name, one) if one else catalogue.manifests(request, name)
        return catalogue.repository(request, name)

    async def _changed(self, request: web.Request, place: _Place) -> web.Response:
        """Lock or open what the path names; it must be there."""
        self._shown(request, place)
        try:
            changes = json.loads(await request.text())
        except ValueError:
            changes = None
        if not isinstance(changes, dict):
            return error(400, "BAD_REQUEST", "The body must be a JSON object of changeable attributes.")
        self.locks.change(place.name, place.one, changes)
        return self._shown(request, place)

    async def _deleted(self, place: _Place) -> web.Response:
        """A tag alone, or a repository with all its manifests and tags."""
        if place.one:
            self._catalogue.stored_tag(place.name, place.one)
            if not self.locks.permit("delete", place.name, [place.one]):
                return disallowed()
            await self._delete(place.name, [place.one])
            return web.Response(status=202)
        tags = [each.name for each in self.content.tags(place.name)]
        digests = [each.digest for each in self.content.manifests(place.name)]
        if not digests:
            words = "repository name not known to registry"
            raise ContentNotFoundError("NAME_UNKNOWN", words, name=place.name)
        if not self.locks.permit("delete", place.name, [*tags, *digests]):
            return disallowed()
        await self._delete(place.name, [*tags, *digests])
        self.locks.forget(place.name, [""])
        return web.json_response({"manifestsDeleted": digests, "tagsDeleted": tags}, status=202)

    async def _delete(self, name: str, references: Iterable[str]) -> None:
        access = [{"type": "repository", "name": name, "actions": ["delete"]}]
        audience = self.cloud.login_server(self.registry)
        token = self.cloud.tokens.issue("acr", audience, seconds=60, access=access)
        for reference in references:
            url = f"{self.server}/v2/{name}/manifests/{reference}"
            async with self.session.delete(url, headers={"Authorization": f"Bearer {token}"}) as answer:
                answer.raise_for_status()
            self.locks.forget(name, [reference])


def disallowed() -> web.Response:
    """What is answered to whom a lock stops."""
    words = "The operation is disallowed on this registry, repository or image."
    where = "https://aka.ms/acr/faq/#why-does-my-pull-or-push-request-fail-with-disallowed-operation"
    return error(405, "UNSUPPORTED", f"{words} View troubleshooting steps at {where}")
