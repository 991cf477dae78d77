"""A registry in memory, for what chooses, plans and proves."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

from acr_transfer.errors import MissingBlobError
from acr_transfer.registry.manifests import Descriptor, Manifest

IMAGE = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def image(text: str, *layers: tuple[str, int], **more: Any) -> Manifest:
    """An image with layers of these names and sizes, and a config of 10 bytes that is its own."""
    said = {
        "schemaVersion": 2,
        "config": {"mediaType": CONFIG, "digest": digest_of(f"config {text}".encode()), "size": 10},
        "layers": [
            {"mediaType": "layer", "digest": digest_of(name.encode()), "size": size} for name, size in layers
        ],
        "note": text,
        **more,
    }
    return Manifest(json.dumps(said).encode(), IMAGE)


def index(*children: Manifest, platforms: tuple[str, ...] = (), media_type: str = INDEX) -> Manifest:
    listed: list[dict[str, Any]] = []
    for number, child in enumerate(children):
        said: dict[str, Any] = {
            "mediaType": child.media_type,
            "digest": child.digest,
            "size": len(child.content),
        }
        if platforms:
            system, architecture = platforms[number].split("/")
            said["platform"] = {"os": system, "architecture": architecture}
        listed.append(said)
    return Manifest(json.dumps({"schemaVersion": 2, "manifests": listed}).encode(), media_type)


def referrer(text: str, subject: Manifest, kind: str = "application/sig") -> Manifest:
    about = {"mediaType": subject.media_type, "digest": subject.digest, "size": len(subject.content)}
    config = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest_of(b"{}"), "size": 2}
    return image(text, subject=about, artifactType=kind, config=config)


class Shelf:
    """A registry in memory that may say anything."""

    login_server = "registry.test"

    def __init__(self, *, lists_referrers: bool = True, keeps_times: bool = False) -> None:
        self.held: dict[tuple[str, str], Manifest] = {}
        self.blobs: dict[tuple[str, str], bytes] = {}
        self.times: dict[tuple[str, str], str] = {}
        self.asked: Counter[str] = Counter()
        self.when_asked: Callable[[], None] = lambda: None
        self._lists_referrers, self._keeps_times = lists_referrers, keeps_times

    def put(self, repository: str, manifest: Manifest, *tags: str) -> str:
        """Hold a manifest under its digest and these tags."""
        for reference in (manifest.digest, *tags):
            self.held[repository, reference] = manifest
        return manifest.digest

    def put_fallback(self, repository: str, subject: Manifest, *referrers: Manifest) -> Manifest:
        """Hold referrers and the index by which they are found where nothing lists them."""
        for one in referrers:
            self.put(repository, one)
        listing = index(*referrers)
        self.put(repository, listing, subject.digest.replace(":", "-"))
        return listing

    async def get(self, repository: str, reference: str) -> Manifest | None:
        self.asked[reference] += 1
        found = self.held.get((repository, reference))
        self.when_asked()
        return found

    async def digest(self, repository: str, reference: str) -> str | None:
        found = self.held.get((repository, reference))
        return found.digest if found else None

    async def repositories(self) -> list[str]:
        self.asked["catalog"] += 1
        return sorted({repository for repository, _ in self.held})

    async def tags(self, repository: str) -> list[str] | None:
        self.asked["tags"] += 1
        found = [name for where, name in self.held if where == repository]
        return [name for name in found if ":" not in name] if found else None

    async def tag_times(self, repository: str) -> dict[str, str] | None:
        return (
            {tag: time for (where, tag), time in self.times.items() if where == repository}
            if self._keeps_times
            else None
        )

    async def referrers(self, repository: str, digest: str) -> list[Descriptor] | None:
        self.asked["referrers"] += 1
        if not self._lists_referrers:
            return None
        return [
            Descriptor(digest=name, media_type=manifest.media_type, size=len(manifest.content))
            for (where, name), manifest in self.held.items()
            if where == repository and ":" in name and manifest.subject == digest
        ]

    async def small_blob(self, repository: str, digest: str) -> bytes:
        return self.blobs.get((repository, digest), b"")

    async def blob(self, repository: str, digest: str) -> AsyncIterator[bytes]:
        if (repository, digest) not in self.blobs:
            raise MissingBlobError(digest)
        for byte in self.blobs[repository, digest]:
            yield bytes([byte])
