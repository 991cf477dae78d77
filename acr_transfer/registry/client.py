"""A client of OCI's distribution API for reading. It never trusts the digests that a registry reports.

Status and media type are checked before a body is believed, and names in lists have the form of names.
https://github.com/opencontainers/distribution-spec/blob/main/spec.md
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote, urlsplit

import aiohttp

from acr_transfer.errors import BrokenAnswerError, InterruptedAnswerError, MissingBlobError
from acr_transfer.model.credentials import quoted
from acr_transfer.model.references import is_digest, is_repository, is_tag
from acr_transfer.registry import limits
from acr_transfer.registry.answers import json_object
from acr_transfer.registry.auth import Authenticator
from acr_transfer.registry.manifests import ACCEPTED, Descriptor, Manifest, digest_of
from acr_transfer.registry.transport import RegistryRequest, RegistryTransport, open_transport

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

        The content of a manifest with another digest than `reference` is not read. Raises
        `BrokenAnswerError` for a body that ends early, is too large, or is not a manifest.
        """
        path = f"/v2/{repository}/manifests/{quote(reference, safe=':')}"
        request = RegistryRequest(path=path, scope=_pull(repository), headers={"Accept": ACCEPTED})
        name = f"{repository}{'@' if is_digest(reference) else ':'}{reference}"
        response, content = await self._transport.read(request, name)
        if response.status == 404:
            return None
        media_type = response.headers.get("Content-Type", "")
        if is_digest(reference) and digest_of(content) != reference:
            return Manifest.unread(content, media_type)
        try:
            return Manifest.parse(content, media_type)
        except BrokenAnswerError as error:
            raise type(error)(self._unexpected(name, str(error))) from None

    async def exists(self, repository: str, reference: str) -> bool:
        """Whether the registry states that a manifest exists."""
        path = f"/v2/{repository}/manifests/{quote(reference, safe=':')}"
        request = RegistryRequest(
            path=path, scope=_pull(repository), headers={"Accept": ACCEPTED}, method="HEAD"
        )
        async with self._transport.request(request) as response:
            return response.status == 200

    async def repositories(self) -> list[str]:
        """Return all repositories. AcrPull includes the permission, unless permissions are per repository."""
        path, scope = f"/v2/_catalog?n={_PAGE}", "registry:catalog:*"
        listed = await self._list(path, scope, "repositories")
        if listed is None:
            raise BrokenAnswerError(self._unexpected("/v2/_catalog", "it has no list of repositories"))
        return [self._name(name, is_repository(name), path) for name in listed]

    async def tags(self, repository: str) -> list[str] | None:
        """Return all tags of a repository, or None if the repository does not exist."""
        path = f"/v2/{repository}/tags/list?n={_PAGE}"
        listed = await self._list(path, _pull(repository), "tags")
        return None if listed is None else [self._name(name, is_tag(name), path) for name in listed]

    async def tag_times(self, repository: str) -> dict[str, str] | None:
        """Return the time at which each tag was last moved (RFC 3339); None if the registry is not Azure's.

        https://learn.microsoft.com/rest/api/containerregistry/tag/get-list
        """
        path, scope = f"/acr/v1/{repository}/_tags?n={_PAGE}", f"repository:{repository}:metadata_read"
        listed = await self._list(path, scope, "tags")
        if listed is None:
            return None
        tags = [tag if isinstance(tag, dict) else {} for tag in listed]
        names = (self._name(tag.get("name"), is_tag(tag.get("name")), path) for tag in tags)
        return {name: str(tag.get("lastUpdateTime") or "") for name, tag in zip(names, tags, strict=True)}

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
        try:
            found = list(map(Descriptor.parse, listed))
        except BrokenAnswerError as error:
            raise BrokenAnswerError(self._unexpected(path, str(error))) from None
        for descriptor in found:
            self._name(descriptor.digest, is_digest(descriptor.digest), path)
        return found

    async def blob(self, repository: str, digest: str, size: int) -> AsyncIterator[bytes]:
        """Stream the bytes of a blob, at most `size`.

        Raises `MissingBlobError` if it does not exist, `BrokenAnswerError` if it does not end after `size`
        bytes, and `InterruptedAnswerError` if it ends early or is too slow.
        """
        name, got = f"{repository}@{digest}", 0
        async with self._transport.request(self._blob(repository, digest, size)) as response:
            if response.status == 404:
                raise MissingBlobError(f"{digest} is not in {repository} at {self.login_server}")
            try:
                async for chunk in response.content.iter_chunked(_CHUNK):
                    got += len(chunk)
                    if got > size:
                        raise BrokenAnswerError(self._unexpected(name, f"more than its {size} bytes"))
                    yield chunk
            except (aiohttp.ClientError, TimeoutError) as error:
                reason = f"{type(error).__name__} after {got} of {size} bytes"
                raise InterruptedAnswerError(self._unexpected(name, reason)) from None

    async def blob_size(self, repository: str, digest: str) -> int | None:
        """Return the size of a blob as the registry states it; None if it does not exist or has none."""
        request = self._blob(repository, digest, 0, "HEAD")
        async with self._transport.request(request) as response:
            return response.content_length if response.status == 200 else None

    async def small_blob(self, repository: str, digest: str) -> bytes:
        """Return the bytes of a blob that fits into memory, such as a config; empty if it does not exist."""
        return (await self._transport.read(self._blob(repository, digest, 0), f"{repository}@{digest}"))[1]

    @staticmethod
    def _blob(repository: str, digest: str, size: int, method: str = "GET") -> RegistryRequest:
        path = f"/v2/{repository}/blobs/{digest}"
        return RegistryRequest(path=path, scope=_pull(repository), method=method, follows=True, bytes_=size)

    async def _list(self, path: str, scope: str, key: str) -> list[Any] | None:
        """The items of all pages; None if the path does not exist."""
        items: list[Any] = []
        first, visited = path.partition("?")[0], set[str]()
        while path:
            visited.add(path)
            response, body = await self._transport.read(RegistryRequest(path=path, scope=scope), first)
            if response.status == 404 and len(visited) == 1:
                return None
            if response.status == 404:
                raise BrokenAnswerError(self._unexpected(first, "its next page does not exist"))
            document = json_object(response.headers, body, self.login_server)
            page = document.get(key, ())
            if key not in document or not isinstance(page or [], list):
                raise BrokenAnswerError(self._unexpected(first, f"it has no list {key!r}"))
            items += page or []
            path = self._next(response, first)
            if path in visited or len(visited) >= limits.LIMITS.pages or len(items) > limits.LIMITS.names:
                raise BrokenAnswerError(self._unexpected(first, "its list does not end"))
        return items

    def _next(self, response: aiohttp.ClientResponse, first: str) -> str:
        """The path of the next page of a list, empty after the last one.

        It is on the same registry and of the same list, whatever host the link names.
        """
        try:
            link = urlsplit(str(response.links["next"]["url"] if "next" in response.links else ""))
        except (ValueError, KeyError):
            raise BrokenAnswerError(self._unexpected(first, "its link to the next page is invalid")) from None
        if not link.path:
            return ""
        if link.path != first or not link.query:
            raise BrokenAnswerError(self._unexpected(first, "its next page belongs to another list"))
        return f"{link.path}?{link.query}"

    def _name(self, name: object, valid: bool, path: str) -> str:
        if not isinstance(name, str) or not valid:
            reason = f"it lists {quoted(str(name))}, which is not a valid name"
            raise BrokenAnswerError(self._unexpected(path, reason))
        return name

    def _unexpected(self, resource: str, reason: str) -> str:
        plain = resource.partition("?")[0]
        return f"{self.login_server} returned an unexpected response for {plain}: {reason}"


def _pull(repository: str) -> str:
    return f"repository:{repository}:pull"
