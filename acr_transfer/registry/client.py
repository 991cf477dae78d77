"""What a registry holds, asked over OCI's distribution API; nothing that it says of a digest is believed.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote, urlsplit

import aiohttp

from acr_transfer.errors import BrokenAnswerError, MissingBlobError
from acr_transfer.registry import transport
from acr_transfer.registry.auth import SignIn
from acr_transfer.registry.manifests import ACCEPTED, Descriptor, Manifest
from acr_transfer.registry.transport import Wire

_LARGEST_MANIFEST = 4 * 1024 * 1024
"""https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-manifests"""

_CHUNK = 1 << 20
_PAGE = 1000


@asynccontextmanager
async def opened(login_server: str, sign_in: SignIn) -> AsyncIterator[Registry]:
    """The registry at a host (with its port if it has one), over https; `http://` must be said."""
    async with transport.opened(login_server, sign_in) as way:
        yield Registry(way)


class Registry:
    """One registry; a `Manifests`."""

    def __init__(self, way: Wire) -> None:
        self._wire = way
        self._refers = True

    @property
    def login_server(self) -> str:
        """Host, and port if it has one."""
        return self._wire.login_server

    @property
    def requests(self) -> int:
        """Requests sent so far."""
        return self._wire.requests

    async def get(self, repository: str, reference: str) -> Manifest | None:
        """The manifest behind a tag or digest, with the bytes as they came; None if it is not there.

        Raises `AccessError` without the right to pull, `BrokenAnswerError` for a body that ended early
        or is too large for a manifest.
        """
        path = f"/v2/{repository}/manifests/{quote(reference, safe=':')}"
        async with self._wire.ask(path, _pull(repository), {"Accept": ACCEPTED}) as answer:
            if answer.status == 404:
                return None
            content = await self._body(answer, f"{repository} {reference}")
            return Manifest(content, str(answer.headers.get("Content-Type", "")))

    async def digest(self, repository: str, reference: str) -> str | None:
        """What the registry calls a tag's digest, without its content; None if the tag is not there."""
        path = f"/v2/{repository}/manifests/{quote(reference, safe=':')}"
        async with self._wire.ask(path, _pull(repository), {"Accept": ACCEPTED}, "HEAD") as answer:
            return None if answer.status == 404 else answer.headers.get("Docker-Content-Digest", "")

    async def repositories(self) -> list[str]:
        """All repositories; AcrPull lists them, where permissions go by repository a role of its own does."""
        pages = [
            page
            async for page in self._pages(f"/v2/_catalog?n={_PAGE}", "registry:catalog:*", "repositories")
        ]
        return [name for page in pages for name in page or ()]

    async def tags(self, repository: str) -> list[str] | None:
        """All tags of a repository; None if there is no such repository."""
        pages = [
            page
            async for page in self._pages(f"/v2/{repository}/tags/list?n={_PAGE}", _pull(repository), "tags")
        ]
        return None if pages == [None] else [name for page in pages for name in page or ()]

    async def tag_times(self, repository: str) -> dict[str, str] | None:
        """When each tag was last moved (RFC 3339), where the registry is Azure's; None elsewhere.

        https://learn.microsoft.com/rest/api/containerregistry/tag/get-list
        """
        path, scope = f"/acr/v1/{repository}/_tags?n={_PAGE}", f"repository:{repository}:metadata_read"
        pages = [page async for page in self._pages(path, scope, "tags")]
        if pages == [None]:
            return None
        listed = [tag for page in pages for tag in page or () if isinstance(tag, dict)]
        return {str(tag.get("name")): str(tag.get("lastUpdateTime") or "") for tag in listed}

    async def referrers(self, repository: str, digest: str) -> list[Descriptor] | None:
        """What says that it refers to a digest; None where the registry has no such list.

        https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
        """
        if not self._refers:
            return None
        pages = [
            page
            async for page in self._pages(
                f"/v2/{repository}/referrers/{digest}", _pull(repository), "manifests"
            )
        ]
        if pages == [None]:
            # The specification forbids 404 for a digest without referrers: there is no such list here.
            self._refers = False
            return None
        found = (Descriptor.parse(entry) for page in pages for entry in page or ())
        return [descriptor for descriptor in found if descriptor]

    async def blob(self, repository: str, digest: str) -> AsyncIterator[bytes]:
        """A blob's bytes as they come, piece by piece. Raises `MissingBlobError` if it is not there."""
        async with self._wire.ask(f"/v2/{repository}/blobs/{digest}", _pull(repository)) as answer:
            if answer.status == 404:
                raise MissingBlobError(f"{digest} is not in {repository} at {self.login_server}")
            try:
                async for chunk in answer.content.iter_chunked(_CHUNK):
                    yield chunk
            except (aiohttp.ClientError, TimeoutError) as error:
                raise self._broken(f"{repository} {digest}", type(error).__name__) from None

    async def small_blob(self, repository: str, digest: str) -> bytes:
        """The bytes of a blob that fits into memory, like a config; empty if it is not there."""
        async with self._wire.ask(f"/v2/{repository}/blobs/{digest}", _pull(repository)) as answer:
            return b"" if answer.status == 404 else await self._body(answer, f"{repository} {digest}")

    async def _pages(self, path: str, scope: str, key: str) -> AsyncIterator[list[Any] | None]:
        """The lists of all pages; one None if there is nothing at that path."""
        while path:
            async with self._wire.ask(path, scope) as answer:
                if answer.status == 404:
                    yield None
                    return
                said = self._object(await self._body(answer, path.partition("?")[0]), path)
                listed = said.get(key)
                yield listed if isinstance(listed, list) else []
                following = answer.links.get("next")
                path = _path(str(following["url"])) if following else ""

    async def _body(self, answer: aiohttp.ClientResponse, what: str) -> bytes:
        content = bytearray()
        try:
            async for chunk in answer.content.iter_chunked(_CHUNK):
                content += chunk
                if len(content) > _LARGEST_MANIFEST:
                    raise self._broken(what, "more than the 4 MiB of a manifest")
        except (aiohttp.ClientError, TimeoutError) as error:
            raise self._broken(what, f"{type(error).__name__}: it ended early") from None
        return bytes(content)

    def _object(self, content: bytes, path: str) -> dict[str, Any]:
        try:
            said = json.loads(content)
        except ValueError:
            raise self._broken(path.partition("?")[0], "no JSON") from None
        if not isinstance(said, dict):
            raise self._broken(path.partition("?")[0], "no JSON object")
        return said

    def _broken(self, what: str, why: str) -> BrokenAnswerError:
        return BrokenAnswerError(f"{self.login_server} answers for {what} with something unexpected: {why}")


def _pull(repository: str) -> str:
    return f"repository:{repository}:pull"


def _path(url: str) -> str:
    """A link's path and query: the next page is on the same registry, whatever host the link names."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
