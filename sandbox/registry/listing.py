"""ACR's own calls on repositories, tags and manifests, which azure-containerregistry and the CLI make.

https://learn.microsoft.com/rest/api/containerregistry/
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from aiohttp import web

from sandbox.cloud.store import Json
from sandbox.registry.content import Content, StoredManifest, StoredTag
from sandbox.registry.locks import Locks

MOST = 100
"""Entries of a page where the caller does not say."""


class ContentNotFoundError(LookupError):
    """No such repository, tag or manifest: ACR's code, words and what it is about."""

    def __init__(self, code: str, message: str, **detail: str) -> None:
        super().__init__(message)
        self.body = {"errors": [{"code": code, "message": message, "detail": detail}]}


class ContentListing:
    """The answers for one registry."""

    def __init__(self, login_server: str, content: Content, locks: Locks) -> None:
        self._login_server, self._content, self._locks = login_server, content, locks

    def repositories(self, request: web.Request) -> web.Response:
        """All repositories, by name."""
        found = [name for name in self._content.repositories() if self._locks.listed(name)]
        page, headers = _page(request, found, str)
        return _answer({"repositories": page}, headers)

    def repository(self, request: web.Request, name: str) -> web.Response:
        """One repository: when it came, when it changed, how much is in it."""
        del request
        manifests, tags = self._known(name), self._content.tags(name)
        times = [*(each.arrived for each in manifests), *(each.moved for each in tags)]
        counts = {"manifestCount": len(manifests), "tagCount": len(tags)}
        when = {"createdTime": _time(min(times)), "lastUpdateTime": _time(max(times))}
        return _answer({**self._of(name), **when, **counts, "changeableAttributes": self._locks.of(name)})

    def tags(self, request: web.Request, name: str) -> web.Response:
        """A repository's tags: by name, or by time where `orderby` says so; of one digest alone if named."""
        self._known(name)
        digest = request.query.get("digest", "")
        found = [tag for tag in self._content.tags(name) if digest in ("", tag.digest)]
        found = [tag for tag in found if self._locks.listed(name, tag.name)]
        found = _ordered(request, found, lambda tag: tag.moved)
        page, headers = _page(request, found, lambda tag: tag.name)
        return _answer({**self._of(name), "tags": [self._tag(name, tag) for tag in page]}, headers)

    def tag(self, request: web.Request, name: str, tag: str) -> web.Response:
        """One tag."""
        del request
        self._known(name)
        return _answer({**self._of(name), "tag": self._tag(name, self.stored_tag(name, tag))})

    def manifests(self, request: web.Request, name: str) -> web.Response:
        """A repository's manifests, those without a tag among them."""
        found = [each for each in self._known(name) if self._locks.listed(name, each.digest)]
        found = _ordered(request, found, lambda manifest: manifest.arrived)
        page, headers = _page(request, found, lambda manifest: manifest.digest)
        listed = [self._manifest(name, manifest) for manifest in page]
        return _answer({**self._of(name), "manifests": listed}, headers)

    def manifest(self, request: web.Request, name: str, digest: str) -> web.Response:
        """One manifest; an index with its children."""
        del request
        self._known(name)
        found = self._content.manifest(name, digest)
        if not found:
            words = f"manifest sha256:{digest.removeprefix('sha256:')} is not found"
            raise ContentNotFoundError("MANIFEST_UNKNOWN", words, name=name)
        children = [
            {"digest": entry["digest"], **(entry.get("platform") or {})}
            for entry in found.content.get("manifests", [])
        ]
        related = {"references": children} if children else {}
        return _answer({**self._of(name), "manifest": {**self._manifest(name, found), **related}})

    def stored_tag(self, name: str, tag: str) -> StoredTag:
        """The tag itself, or the refusal that ACR answers."""
        found = next((each for each in self._content.tags(name) if each.name == tag), None)
        if not found:
            raise ContentNotFoundError("TAG_UNKNOWN", "the specified tag does not exist", tag=tag)
        return found

    def _known(self, name: str) -> list[StoredManifest]:
        found = self._content.manifests(name)
        if not found:
            words = "repository name not known to registry"
            raise ContentNotFoundError("NAME_UNKNOWN", words, name=name)
        return found

    def _of(self, name: str) -> Json:
        return {"registry": self._login_server, "imageName": name}

    def _manifest(self, name: str, manifest: StoredManifest) -> Json:
        config = (manifest.content.get("config") or {}).get("mediaType")
        tags = [tag.name for tag in self._content.tags(name) if tag.digest == manifest.digest]
        when = _time(manifest.arrived)
        shown = {
            "digest": manifest.digest,
            "imageSize": manifest.size,
            "createdTime": when,
            "lastUpdateTime": when,
            **self._content.platform(manifest),
            "mediaType": manifest.media_type,
            "configMediaType": config,
            "tags": tags or None,
            "changeableAttributes": self._locks.of(name, manifest.digest),
        }
        return {key: value for key, value in shown.items() if value is not None}

    def _tag(self, name: str, tag: StoredTag) -> Json:
        times = {"createdTime": _time(tag.made), "lastUpdateTime": _time(tag.moved)}
        shown = {"name": tag.name, "digest": tag.digest, **times, "signed": False}
        return {**shown, "changeableAttributes": self._locks.of(name, tag.name)}


def _ordered(request: web.Request, found: Iterable[Any], time: Callable[[Any], datetime]) -> list[Any]:
    order = request.query.get("orderby", "")
    if order not in ("timeasc", "timedesc"):
        return list(found)
    return sorted(found, key=time, reverse=order == "timedesc")


def _page(
    request: web.Request, found: list[Any], name: Callable[[Any], str]
) -> tuple[list[Any], dict[str, str]]:
    """The entries after `last`, at most `n`, and the link to the next ones."""
    last, most = request.query.get("last", ""), int(request.query.get("n") or MOST)
    names = [name(each) for each in found]
    if last in names:
        rest = found[names.index(last) + 1 :]
    else:
        rest = [each for each, called in zip(found, names, strict=True) if called > last]
    page = rest[:most]
    if len(rest) <= most or not page:
        return page, {}
    query = {key: value for key, value in request.query.items() if key not in ("last", "n")}
    following = urlencode({**query, "last": name(page[-1]), "n": most})
    return page, {"Link": f'<{quote(request.path)}?{following}>; rel="next"'}


def _answer(body: Json, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(text=json.dumps(body), content_type="application/json", headers=headers)


def _time(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"
