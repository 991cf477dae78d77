"""ACR's JSON descriptions of repositories, tags and manifests, in pages."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar
from urllib.parse import quote, urlencode

from aiohttp import web

from sandbox.cloud.database import Json
from sandbox.registry.content import Content, StoredManifest, StoredTag

PAGE_SIZE = 100
"""Entries per page unless the request sets `n`."""

_UNLOCKED = {
    "changeableAttributes": dict.fromkeys(
        ("deleteEnabled", "writeEnabled", "readEnabled", "listEnabled"), True
    )
}
"""The sandbox does not implement locks."""

_Entry = TypeVar("_Entry", str, StoredTag, StoredManifest)


class ContentNotFoundError(LookupError):
    """The repository, tag or manifest does not exist; `body` is ACR's error response."""

    def __init__(self, code: str, message: str, **detail: str) -> None:
        super().__init__(message)
        self.body = {"errors": [{"code": code, "message": message, "detail": detail}]}


class ContentListing:
    """Describes the content of one registry."""

    def __init__(self, login_server: str, content: Content) -> None:
        self._login_server, self._content = login_server, content

    def repositories(self, request: web.Request) -> web.Response:
        """All repositories, by name."""
        page, headers = _page(request, self._content.repositories(), str)
        return _response({"repositories": page}, headers)

    def repository(self, name: str) -> web.Response:
        """One repository with its times and counts."""
        manifests, tags = self.stored_manifests(name), self._content.tags(name)
        times = [*(manifest.created for manifest in manifests), *(tag.updated for tag in tags)]
        described = {
            **self._header(name),
            "createdTime": _time(min(times)),
            "lastUpdateTime": _time(max(times)),
            "manifestCount": len(manifests),
            "tagCount": len(tags),
        }
        return _response({**described, **_UNLOCKED})

    def tags(self, request: web.Request, name: str) -> web.Response:
        """A repository's tags, by name or as `orderby` requests; `digest` filters them."""
        self.stored_manifests(name)
        digest = request.query.get("digest", "")
        tags = [tag for tag in self._content.tags(name) if digest in ("", tag.digest)]
        page, headers = _page(request, _ordered(request, tags, lambda tag: tag.updated), lambda tag: tag.name)
        return _response({**self._header(name), "tags": [_tag(tag) for tag in page]}, headers)

    def tag(self, name: str, tag: str) -> web.Response:
        """One tag."""
        self.stored_manifests(name)
        return _response({**self._header(name), "tag": _tag(self.stored_tag(name, tag))})

    def manifests(self, request: web.Request, name: str) -> web.Response:
        """A repository's manifests, with and without tags."""
        manifests = _ordered(request, self.stored_manifests(name), lambda manifest: manifest.created)
        page, headers = _page(request, manifests, lambda manifest: manifest.digest)
        described = [self._manifest(name, manifest) for manifest in page]
        return _response({**self._header(name), "manifests": described}, headers)

    def manifest(self, name: str, digest: str) -> web.Response:
        """One manifest; an index includes its children."""
        self.stored_manifests(name)
        manifest = self._content.manifest(name, digest)
        if not manifest:
            message = f"manifest sha256:{digest.removeprefix('sha256:')} is not found"
            raise ContentNotFoundError("MANIFEST_UNKNOWN", message, name=name)
        entries = manifest.content.get("manifests", [])
        children = [{"digest": entry["digest"], **(entry.get("platform") or {})} for entry in entries]
        related = {"references": children} if children else {}
        return _response({**self._header(name), "manifest": {**self._manifest(name, manifest), **related}})

    def stored_tag(self, name: str, tag: str) -> StoredTag:
        """The stored tag; raises ContentNotFoundError."""
        found = next((each for each in self._content.tags(name) if each.name == tag), None)
        if not found:
            raise ContentNotFoundError("TAG_UNKNOWN", "the specified tag does not exist", tag=tag)
        return found

    def stored_manifests(self, name: str) -> list[StoredManifest]:
        """The manifests of a repository; raises ContentNotFoundError if there are none."""
        found = self._content.manifests(name)
        if not found:
            raise ContentNotFoundError("NAME_UNKNOWN", "repository name not known to registry", name=name)
        return found

    def _header(self, name: str) -> Json:
        return {"registry": self._login_server, "imageName": name}

    def _manifest(self, name: str, manifest: StoredManifest) -> Json:
        tags = [tag.name for tag in self._content.tags(name) if tag.digest == manifest.digest]
        described = {
            "digest": manifest.digest,
            "imageSize": manifest.size,
            "createdTime": _time(manifest.created),
            "lastUpdateTime": _time(manifest.created),
            **self._content.platform(manifest),
            "mediaType": manifest.media_type,
            "configMediaType": (manifest.content.get("config") or {}).get("mediaType"),
            "tags": tags or None,
            **_UNLOCKED,
        }
        return {key: value for key, value in described.items() if value is not None}


def _tag(tag: StoredTag) -> Json:
    times = {"createdTime": _time(tag.created), "lastUpdateTime": _time(tag.updated)}
    return {"name": tag.name, "digest": tag.digest, **times, "signed": False, **_UNLOCKED}


def _ordered(request: web.Request, entries: list[_Entry], time: Callable[[_Entry], datetime]) -> list[_Entry]:
    order = request.query.get("orderby", "")
    if order not in ("timeasc", "timedesc"):
        return entries
    return sorted(entries, key=time, reverse=order == "timedesc")


def _page(
    request: web.Request, entries: list[_Entry], name: Callable[[_Entry], str]
) -> tuple[list[_Entry], dict[str, str]]:
    """At most `n` entries after `last`, and a Link header if more follow."""
    last, limit = request.query.get("last", ""), int(request.query.get("n") or PAGE_SIZE)
    names = [name(entry) for entry in entries]
    if last in names:
        rest = entries[names.index(last) + 1 :]
    else:
        rest = [entry for entry in entries if name(entry) > last]
    page = rest[:limit]
    if len(rest) <= limit or not page:
        return page, {}
    query = {key: value for key, value in request.query.items() if key not in ("last", "n")}
    following = urlencode({**query, "last": name(page[-1]), "n": limit})
    return page, {"Link": f'<{quote(request.path)}?{following}>; rel="next"'}


def _response(body: Json, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(text=json.dumps(body), content_type="application/json", headers=headers)


def _time(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"
