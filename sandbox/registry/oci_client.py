"""The few calls of OCI's distribution specification that the transfer service and the samples need."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

INDEX_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFEST_TYPES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    *INDEX_TYPES,
)
CHUNK = 1 << 20

Authorise = Callable[..., Mapping[str, str]]
"""Headers that let a request on one or more repositories in."""


class ImageNotFoundError(Exception):
    """The registry has no such repository, tag or digest."""


class WrongContentError(Exception):
    """Bytes do not have the digest or the size that they go by."""

    def __init__(self, digest: str) -> None:
        self.digest = digest
        super().__init__(f"The content of {digest} does not match its digest.")


@dataclass(frozen=True)
class Manifest:
    """A manifest as its registry keeps it, byte for byte."""

    media_type: str
    body: bytes

    @property
    def digest(self) -> str:
        """The digest of the bytes themselves."""
        return digest_of(self.body)

    def digest_like(self, reference: str) -> str:
        """The same by the algorithm of another digest; of a tag, by SHA-256."""
        algorithm, colon, _ = reference.partition(":")
        return digest_of(self.body, algorithm if colon else "sha256")

    @property
    def content(self) -> dict[str, Any]:
        """The parsed manifest."""
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed

    @property
    def children(self) -> list[str]:
        """Digests of the manifests that an index lists, in its order."""
        return [entry["digest"] for entry in self.content.get("manifests", [])]

    @property
    def blobs(self) -> dict[str, int]:
        """Digest and size of what an image needs besides its manifest. Foreign layers are not carried."""
        content = self.content
        parts = [content["config"], *content.get("layers", [])] if "config" in content else []
        return {part["digest"]: part["size"] for part in parts if not part.get("urls")}


def digest_of(body: bytes, algorithm: str = "sha256") -> str:
    """The algorithm's name, a colon, and hex digits."""
    return f"{algorithm}:{hashlib.new(algorithm, body).hexdigest()}"


class OciClient:
    """A client of one registry (https://github.com/opencontainers/distribution-spec/blob/main/spec.md)."""

    def __init__(self, session: aiohttp.ClientSession, url: str, authorise: Authorise) -> None:
        self._session, self._url, self._headers = session, url.rstrip("/"), authorise

    async def manifest(self, repository: str, reference: str) -> Manifest:
        """The manifest that a tag or digest names; WrongContentError where its bytes are others."""
        accept = {**self._headers(repository), "Accept": ", ".join(MANIFEST_TYPES)}
        async with self._session.get(
            self._path(repository, "manifests", reference), headers=accept
        ) as answer:
            if answer.status in (400, 404):  # 400: no repository or tag can be called so
                raise ImageNotFoundError(f"{repository} {reference}")
            answer.raise_for_status()
            manifest = Manifest(answer.content_type, await answer.read())
            named = answer.headers.get("Docker-Content-Digest") or manifest.digest
        for digest in (named, reference):
            if ":" in digest and manifest.digest_like(digest) != digest:
                raise WrongContentError(digest)
        return manifest

    async def put_manifest(self, repository: str, reference: str, manifest: Manifest) -> None:
        """Store a manifest under a tag or its digest; all it names must be there."""
        headers = {**self._headers(repository), "Content-Type": manifest.media_type}
        path = self._path(repository, "manifests", reference)
        async with self._session.put(path, data=manifest.body, headers=headers) as answer:
            answer.raise_for_status()

    async def has(self, repository: str, kind: str, reference: str) -> bool:
        """Whether a manifest (kind `manifests`) or a blob (kind `blobs`) is there."""
        accept = {**self._headers(repository), "Accept": ", ".join(MANIFEST_TYPES)}
        async with self._session.head(self._path(repository, kind, reference), headers=accept) as answer:
            if answer.status != 404:
                answer.raise_for_status()
            return answer.status == 200

    async def blob(self, repository: str, digest: str) -> AsyncIterator[bytes]:
        """A blob's bytes, chunk by chunk."""
        async with self._session.get(
            self._path(repository, "blobs", digest), headers=self._headers(repository)
        ) as answer:
            answer.raise_for_status()
            async for chunk in answer.content.iter_chunked(CHUNK):
                yield chunk

    async def mount(self, repository: str, digest: str, origin: str) -> None:
        """Let a repository have a blob that another one of the registry has."""
        query = f"?mount={digest}&from={origin}"
        place = self._path(repository, "blobs", "uploads/") + query
        async with self._session.post(place, headers=self._headers(repository, origin)) as answer:
            answer.raise_for_status()

    async def put_blob(self, repository: str, digest: str, size: int, body: AsyncIterator[bytes]) -> bool:
        """Store a blob; the answer is whether the registry found the bytes to match the digest."""
        async with self._session.post(
            self._path(repository, "blobs", "uploads/"), headers=self._headers(repository)
        ) as begun:
            begun.raise_for_status()
            upload = begun.headers["Location"]
        target = upload if upload.startswith("http") else self._url + upload
        mark = "&" if "?" in target else "?"
        headers = {
            **self._headers(repository),
            "Content-Type": "application/octet-stream",
            "Content-Length": str(size),
        }
        place = f"{target}{mark}digest={digest}"
        try:
            async with self._session.put(place, data=body, headers=headers) as answer:
                if answer.status != 400:
                    answer.raise_for_status()
                return answer.status != 400
        except aiohttp.ClientConnectionError as error:
            cause = error.__cause__  # aiohttp takes it for a lost connection when the body itself fails
            if cause and not isinstance(cause, (OSError, aiohttp.ClientError)):
                raise cause from None
            raise

    def _path(self, repository: str, kind: str, reference: str) -> str:
        return f"{self._url}/v2/{repository}/{kind}/{reference}"
