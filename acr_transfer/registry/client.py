"""A client of OCI's distribution API for reading. It never trusts the digests that a registry reports.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote, urlsplit

import aiohttp

from acr_transfer.errors import BrokenAnswerError, MissingBlobError
from acr_transfer.registry.auth import Authenticator
from acr_transfer.registry.manifests import ACCEPTED, Descriptor, Manifest
from acr_transfer.registry.transport import RegistryTransport, open_transport

_LARGEST_MANIFEST = 4 * 1024 * 1024
"""https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-manifests"""

_CHUNK = 1 << 20
_PAGE = 1000


@asynccontextmanager
async def open_registry(login_server: str, authenticator: Authenticator) -> "AsyncIterator[RegistryClient]":
    """Open a registry by its host, with its port if it has one; by https unless it begins with `http://`."""
    async with open_transport(login_server, authenticator) as transport:
        yield RegistryClient(transport)


class RegistryClient:
    """Reads one registry. Methods raise `AccessError` without permission to pull, and `ServiceError`."""

    def __init__(self, transport: RegistryTransport) -> None:
        self._transport = transport
        self._lists_referrers = True

    @property
    def login_server(self) -> str:
        """Host, and port if it has one."""
        return self._transport.login_server

    async def get(self, repository: str, reference: str) -> Manifest | None:
        """Return the manifest of a tag or digest, or None if it does not exist.

        Raises `BrokenAnswerError` for a body that ends early or is too large for a manifest.
        """
        path = f"/v2/{repository}/manifests/{quote(reference, safe=':')}"
        async with self._transport.request(path, _pull(repository), {"Accept": ACCEPTED}) as response:
            if response.status == 404:
                return None
            content = await self._body(response, f"{repository} {reference}")
            return Manifest.parse(content, str(response.headers.get("Content-Type", "")))

    async def digest(self, repository: str, reference: str) -> str | None:
        """Return the digest that the registry reports for a tag, or None if the tag does not exist."""
        path = f"/v2/{repository}/manifests/{quote(reference, safe=':')}"
        async with self._transport.request(path, _pull(repository), {"Accept": ACCEPTED}, "HEAD") as response:
            return None if response.status == 404 else response.headers.get("Docker-Content-Digest", "")

    async def repositories(self) -> list[str]:
        """Return all repositories. AcrPull includes the permission, unless permissions are per repository."""
        return await self._list(f"/v2/_catalog?n={_PAGE}", "registry:catalog:*", "repositories") or []

    async def tags(self, repository: str) -> list[str] | None:
        """Return all tags of a repository, or None if the repository does not exist."""
        return await self._list(f"/v2/{repository}/tags/list?n={_PAGE}", _pull(repository), "tags")

    async def tag_times(self, repository: str) -> dict[str, str] | None:
        """Return the time at which each tag was last moved (RFC 3339); None if the registry is not Azure's.

        https://learn.microsoft.com/rest/api/containerregistry/tag/get-list
        """
        path, scope = f"/acr/v1/{repository}/_tags?n={_PAGE}", f"repository:{repository}:metadata_read"
        listed = await self._list(path, scope, "tags")
        if listed is None:
            return None
        tags = [tag for tag in listed if isinstance(tag, dict)]
        return {str(tag.get("name")): str(tag.get("lastUpdateTime") or "") for tag in tags}

    async def referrers(self, repository: str, digest: str) -> list[Descriptor] | None:
        """Return the manifests that refer to a digest, or None if the registry does not list referrers.

        https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
        """
        if not self._lists_referrers:
            return None
        path = f"/v2/{repository}/referrers/{digest}"
        listed = await self._list(path, _pull(repository), "manifests")
        if listed is None:
            # The specification forbids 404 for a digest without referrers: this registry lacks the API.
            self._lists_referrers = False
            return None
        return [descriptor for descriptor in map(Descriptor.parse, listed) if descriptor]

    async def blob(self, repository: str, digest: str) -> AsyncIterator[bytes]:
        """Stream the bytes of a blob. Raises `MissingBlobError` if it does not exist."""
        async with self._transport.request(f"/v2/{repository}/blobs/{digest}", _pull(repository)) as response:
            if response.status == 404:
                raise MissingBlobError(f"{digest} is not in {repository} at {self.login_server}")
            try:
                async for chunk in response.content.iter_chunked(_CHUNK):
                    yield chunk
            except (aiohttp.ClientError, TimeoutError) as error:
                raise self._broken(f"{repository} {digest}", type(error).__name__) from None

    async def small_blob(self, repository: str, digest: str) -> bytes:
        """Return the bytes of a blob that fits into memory, such as a config; empty if it does not exist."""
        async with self._transport.request(f"/v2/{repository}/blobs/{digest}", _pull(repository)) as response:
            return b"" if response.status == 404 else await self._body(response, f"{repository} {digest}")

    async def _list(self, path: str, scope: str, key: str) -> list[Any] | None:
        """The items of all pages; None if the path does not exist."""
        items: list[Any] = []
        while path:
            async with self._transport.request(path, scope) as response:
                if response.status == 404:
                    return None
                try:
                    document = json.loads(await self._body(response, path))
                except ValueError:
                    raise self._broken(path, "it is not valid JSON") from None
                if not isinstance(document, dict):
                    raise self._broken(path, "it is not a JSON object")
                page = document.get(key)
                items += page if isinstance(page, list) else []
                # The next page is on the same registry, whatever host the link names.
                link = urlsplit(str(response.links["next"]["url"] if "next" in response.links else ""))
                path = f"{link.path}?{link.query}" if link.query else link.path
        return items

    async def _body(self, response: aiohttp.ClientResponse, resource: str) -> bytes:
        content = bytearray()
        try:
            async for chunk in response.content.iter_chunked(_CHUNK):
                content += chunk
                if len(content) > _LARGEST_MANIFEST:
                    raise self._broken(resource, "more than the 4 MiB of a manifest")
        except (aiohttp.ClientError, TimeoutError) as error:
            raise self._broken(resource, f"{type(error).__name__}: it ended early") from None
        return bytes(content)

    def _broken(self, resource: str, reason: str) -> BrokenAnswerError:
        plain = resource.partition("?")[0]
        return BrokenAnswerError(f"{self.login_server} returned an unexpected response for {plain}: {reason}")


def _pull(repository: str) -> str:
    return f"repository:{repository}:pull"
