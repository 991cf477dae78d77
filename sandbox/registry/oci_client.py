"""A client of the OCI distribution API, for the transfer service and the sample images."""

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
"""Returns the Authorization header for requests to one or more repositories."""


class ImageNotFoundError(Exception):
    """The registry has no such repository, tag or digest."""


class WrongContentError(Exception):
    """The bytes do not match their digest or size."""

    def __init__(self, digest: str) -> None:
        self.digest = digest
        super().__init__(f"The content of {digest} does not match its digest.")


@dataclass(frozen=True)
class Manifest:
    """A manifest as the registry stores it, byte for byte."""

    media_type: str
    body: bytes

    @property
    def digest(self) -> str:
        """The SHA-256 digest of the bytes."""
        return digest_of(self.body)

    def digest_like(self, reference: str) -> str:
        """The digest by the algorithm of another digest, or by SHA-256 for a tag."""
        algorithm, colon, _ = reference.partition(":")
        return digest_of(self.body, algorithm if colon else "sha256")

    @property
    def content(self) -> dict[str, Any]:
        """The parsed manifest."""
        return parsed(self.body)

    @property
    def children(self) -> list[str]:
        """Digests of the manifests in an index, in order."""
        return [entry["digest"] for entry in self.content.get("manifests") or []]

    @property
    def blobs(self) -> dict[str, int]:
        """Digest and size of an image's configuration and layers, without foreign layers."""
        content = self.content
        parts = [content["config"], *(content.get("layers") or [])] if content.get("config") else []
        return {part["digest"]: part["size"] for part in parts if not part.get("urls")}


def parsed(body: bytes) -> dict[str, Any]:
    """The content of a manifest. Registry servers accept bytes that are not UTF-8 in texts, as Go does."""
    content = json.loads(body.decode(errors="replace"))
    return content if isinstance(content, dict) else {}


def digest_of(body: bytes, algorithm: str = "sha256") -> str:
    """The digest of bytes: the algorithm, a colon and hex digits."""
    return f"{algorithm}:{hashlib.new(algorithm, body).hexdigest()}"


class OciClient:
    """A client of one registry (https://github.com/opencontainers/distribution-spec/blob/main/spec.md)."""

    def __init__(self, session: aiohttp.ClientSession, url: str, authorise: Authorise) -> None:
        self._session, self._url, self._headers = session, url.rstrip("/"), authorise

    async def manifest(self, repository: str, reference: str) -> Manifest:
        """Get a manifest by tag or digest.

        Raises ImageNotFoundError, or WrongContentError if the bytes do not match the digest.
        """
        accept = {**self._headers(repository), "Accept": ", ".join(MANIFEST_TYPES)}
        async with self._session.get(
            self._path(repository, "manifests", reference), headers=accept
        ) as response:
            if response.status in (400, 404):  # 400: the name is not valid
                raise ImageNotFoundError(f"{repository} {reference}")
            response.raise_for_status()
            manifest = Manifest(response.content_type, await response.read())
            named = response.headers.get("Docker-Content-Digest") or manifest.digest
        for digest in (named, reference):
            if ":" in digest and manifest.digest_like(digest) != digest:
                raise WrongContentError(digest)
        return manifest

    async def put_manifest(self, repository: str, reference: str, manifest: Manifest) -> None:
        """Push a manifest by tag or digest; its blobs and children must exist."""
        headers = {**self._headers(repository), "Content-Type": manifest.media_type}
        path = self._path(repository, "manifests", reference)
        async with self._session.put(path, data=manifest.body, headers=headers) as response:
            response.raise_for_status()

    async def has(self, repository: str, kind: str, reference: str) -> bool:
        """Whether a manifest (kind `manifests`) or blob (kind `blobs`) exists."""
        accept = {**self._headers(repository), "Accept": ", ".join(MANIFEST_TYPES)}
        async with self._session.head(self._path(repository, kind, reference), headers=accept) as response:
            if response.status != 404:
                response.raise_for_status()
            return response.status == 200

    async def blob(self, repository: str, digest: str) -> AsyncIterator[bytes]:
        """A blob's bytes, chunk by chunk."""
        async with self._session.get(
            self._path(repository, "blobs", digest), headers=self._headers(repository)
        ) as response:
            response.raise_for_status()
            async for chunk in response.content.iter_chunked(CHUNK):
                yield chunk

    async def mount(self, repository: str, digest: str, origin: str) -> None:
        """Mount a blob from another repository of the registry."""
        query = f"?mount={digest}&from={origin}"
        url = self._path(repository, "blobs", "uploads/") + query
        async with self._session.post(url, headers=self._headers(repository, origin)) as response:
            response.raise_for_status()

    async def put_blob(self, repository: str, digest: str, size: int, body: AsyncIterator[bytes]) -> bool:
        """Push a blob; returns False if the registry finds that the bytes do not match the digest."""
        async with self._session.post(
            self._path(repository, "blobs", "uploads/"), headers=self._headers(repository)
        ) as started:
            started.raise_for_status()
            upload = started.headers["Location"]
        url = upload if upload.startswith("http") else self._url + upload
        url += f"{'&' if '?' in url else '?'}digest={digest}"
        headers = {
            **self._headers(repository),
            "Content-Type": "application/octet-stream",
            "Content-Length": str(size),
        }
        try:
            async with self._session.put(url, data=body, headers=headers) as response:
                if response.status != 400:
                    response.raise_for_status()
                return response.status != 400
        except aiohttp.ClientConnectionError as error:
            cause = error.__cause__  # aiohttp reports an error of the body as a lost connection
            if cause and not isinstance(cause, (OSError, aiohttp.ClientError)):
                raise cause from None
            raise

    def _path(self, repository: str, kind: str, reference: str) -> str:
        return f"{self._url}/v2/{repository}/{kind}/{reference}"
