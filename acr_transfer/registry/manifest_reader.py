"""Reads manifests of one registry, each once, with everything below an index."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping

from acr_transfer.concurrency import run_concurrently
from acr_transfer.errors import ServiceError
from acr_transfer.registry.client import RegistryClient
from acr_transfer.registry.manifests import Descriptor, Manifest

ManifestKey = tuple[str, str]
"""A repository and a digest."""


class ManifestReader:
    """The manifests that were read so far, and the reading of more."""

    def __init__(self, registry: RegistryClient) -> None:
        self._registry = registry
        self.manifests: dict[ManifestKey, Manifest] = {}
        self.missing: list[str] = []
        """Manifests that an index lists but the registry lacks."""

    async def read(self, repository: str, reference: str) -> Manifest | None:
        """Return the manifest of a tag or digest, or None if it does not exist.

        Raises `ServiceError` if the registry returns other content for a digest.
        """
        manifest = await self._registry.get(repository, reference)
        if manifest is None:
            return None
        if reference.startswith("sha256:") and manifest.digest != reference and not manifest.is_schema_1:
            raise ServiceError(
                f"the registry returned other content for {repository}@{reference}: {manifest.digest}. "
                "Its storage is damaged, or a proxy changes its responses."
            )
        # Parsing thousands of manifests would keep the event loop from other tasks.
        await asyncio.sleep(0)
        return manifest

    async def read_children(self, keys: Iterable[ManifestKey]) -> list[ManifestKey]:
        """Read everything below these manifests, at any depth; return the new ones."""
        new: list[ManifestKey] = []
        unread = self._unread(keys)
        while unread:
            read = [key for key in await run_concurrently(self._read_child, unread) if key]
            new += read
            unread = self._unread(read)
        return new

    def _unread(self, keys: Iterable[ManifestKey]) -> list[ManifestKey]:
        children = {(key[0], child.digest): None for key in keys for child in self.manifests[key].children}
        return [child for child in children if child not in self.manifests]

    async def _read_child(self, key: ManifestKey) -> ManifestKey | None:
        manifest = await self.read(*key)
        if manifest is None:
            self.missing.append(f"{key[0]}@{key[1]} is listed by an index, but does not exist")
            return None
        self.manifests[key] = manifest
        return key

    def descendants(self, key: ManifestKey) -> Iterator[Descriptor]:
        """Iterate over everything below an index, in its order, each once."""
        seen = set[str]()
        waiting = list(reversed(self.manifests[key].children))
        while waiting:
            child = waiting.pop()
            if child.digest not in seen:
                seen.add(child.digest)
                yield child
                manifest = self.manifests.get((key[0], child.digest))
                waiting.extend(reversed(manifest.children if manifest else ()))


def content_sizes(key: ManifestKey, manifests: Mapping[ManifestKey, Manifest]) -> dict[str, int]:
    """Return the bytes of a manifest and of everything that it needs, by digest, without foreign layers."""
    sizes: dict[str, int] = {}
    waiting = [key]
    while waiting:
        repository, digest = waiting.pop()
        manifest = manifests.get((repository, digest))
        if manifest is None or digest in sizes:
            continue
        sizes[manifest.digest] = manifest.size
        sizes.update((blob.digest, blob.size) for blob in manifest.blobs if not blob.foreign)
        waiting.extend((repository, child.digest) for child in manifest.children)
    return sizes
