"""A registry in memory, for the tests of plan and prove."""

import hashlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

from acr_transfer.errors import MissingBlobError
from acr_transfer.registry.client import RegistryClient
from acr_transfer.registry.manifests import Descriptor, Manifest

IMAGE = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def image(text: str, *layers: tuple[str, int], **more: Any) -> Manifest:
    """An image with layers of these names and sizes, and its own config of 10 bytes."""
    document = {
        "schemaVersion": 2,
        "config": {"mediaType": CONFIG, "digest": digest_of(f"config {text}".encode()), "size": 10},
        "layers": [
            {"mediaType": "layer", "digest": digest_of(name.encode()), "size": size} for name, size in layers
        ],
        "note": text,
        **more,
    }
    return Manifest.parse(json.dumps(document).encode(), IMAGE)


def index(*children: Manifest, platforms: tuple[str, ...] = (), media_type: str = INDEX) -> Manifest:
    listed: list[dict[str, Any]] = []
    for number, child in enumerate(children):
        descriptor: dict[str, Any] = {
            "mediaType": child.media_type,
            "digest": child.digest,
            "size": child.size,
        }
        if platforms:
            system, architecture = platforms[number].split("/")
            descriptor["platform"] = {"os": system, "architecture": architecture}
        listed.append(descriptor)
    return Manifest.parse(json.dumps({"schemaVersion": 2, "manifests": listed}).encode(), media_type)


def referrer(text: str, subject: Manifest, kind: str = "application/sig") -> Manifest:
    about = {"mediaType": subject.media_type, "digest": subject.digest, "size": subject.size}
    config = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest_of(b"{}"), "size": 2}
    return image(text, subject=about, artifactType=kind, config=config)


class MemoryRegistry(RegistryClient):
    """A registry in memory that returns whatever a test puts into it."""

    login_server = "registry.test"

    def __init__(self, *, lists_referrers: bool = True, has_times: bool = False) -> None:
        self.held: dict[tuple[str, str], Manifest] = {}
        self.blobs: dict[tuple[str, str], bytes] = {}
        self.times: dict[tuple[str, str], str] = {}
        self.requests: Counter[str] = Counter()
        self.on_request: Callable[[], None] = lambda: None
        self._lists_referrers, self._has_times = lists_referrers, has_times

    def put(self, repository: str, manifest: Manifest, *tags: str) -> str:
        """Store a manifest under its digest and these tags."""
        for reference in (manifest.digest, *tags):
            self.held[repository, reference] = manifest
        return manifest.digest

    def put_fallback(self, repository: str, subject: Manifest, *referrers: Manifest) -> Manifest:
        """Store referrers and the fallback index that lists them."""
        for one in referrers:
            self.put(repository, one)
        listing = index(*referrers)
        self.put(repository, listing, subject.digest.replace(":", "-"))
        return listing

    async def get(self, repository: str, reference: str) -> Manifest | None:
        self.requests[reference] += 1
        found = self.held.get((repository, reference))
        self.on_request()
        return found

    async def exists(self, repository: str, reference: str) -> bool:
        return (repository, reference) in self.held

    async def repositories(self) -> list[str]:
        self.requests["catalog"] += 1
        return sorted({repository for repository, _ in self.held})

    async def tags(self, repository: str) -> list[str] | None:
        self.requests["tags"] += 1
        found = [name for where, name in self.held if where == repository]
        return [name for name in found if ":" not in name] if found else None

    async def tag_times(self, repository: str) -> dict[str, str] | None:
        return (
            {tag: time for (where, tag), time in self.times.items() if where == repository}
            if self._has_times
            else None
        )

    async def referrers(self, repository: str, digest: str) -> list[Descriptor] | None:
        self.requests["referrers"] += 1
        if not self._lists_referrers:
            return None
        return [
            Descriptor(digest=name, media_type=manifest.media_type, size=manifest.size)
            for (where, name), manifest in self.held.items()
            if where == repository and ":" in name and manifest.subject == digest
        ]

    async def small_blob(self, repository: str, digest: str) -> bytes:
        return self.blobs.get((repository, digest), b"")

    async def blob_size(self, repository: str, digest: str) -> int | None:
        content = self.blobs.get((repository, digest))
        return None if content is None else len(content)

    async def blob(self, repository: str, digest: str, size: int) -> AsyncIterator[bytes]:
        if (repository, digest) not in self.blobs:
            raise MissingBlobError(digest)
        for byte in self.blobs[repository, digest]:
            yield bytes([byte])
