"""The known content of the target: what a receipt proves, or what its registry has now."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from acr_transfer.concurrency import run_concurrently
from acr_transfer.model.documents.lock import LockedArtifact
from acr_transfer.model.documents.receipt import Receipt
from acr_transfer.model.references import Artifact
from acr_transfer.registry.client import RegistryClient
from acr_transfer.registry.manifests import ManifestKey, is_referrer_tag


class ArtifactState(StrEnum):
    """An artifact's state at the target."""

    NEW = "new"
    CHANGED = "changed"
    INCOMPLETE = "incomplete"
    """The target has the artifact, but lacks manifests that it lists."""

    PRESENT = "present"


@dataclass(frozen=True)
class ReceiptBaseline:
    """The artifacts that a receipt proves at the target."""

    receipt: Receipt

    async def state(self, entry: LockedArtifact) -> ArtifactState:
        """Return an artifact's state according to the last proof."""
        return _state(entry, self.receipt.digests.get(entry.reference))

    async def others(self, references: Sequence[str]) -> list[str]:
        """Return the other proved references, sorted."""
        return sorted(self.receipt.digests.keys() - set(references))


@dataclass(frozen=True)
class RegistryBaseline:
    """The registry of a target that this machine can reach."""

    registry: RegistryClient

    _read: dict[ManifestKey, asyncio.Task[bool]] = field(default_factory=dict)
    """Which manifests below indexes the registry has: each is read once."""

    async def state(self, entry: LockedArtifact) -> ArtifactState:
        """Return an artifact's state, by the bytes of its manifest and of all manifests below it.

        Their configs and layers are not requested: a registry accepts a manifest only after them, and deletes
        them only after it.
        """
        artifact = entry.artifact
        manifest = await self.registry.get(artifact.repository, artifact.tag_or_digest)
        found = _state(entry, manifest.digest if manifest else None)
        if found is ArtifactState.PRESENT and not await self._has_all(entry):
            return ArtifactState.INCOMPLETE
        return found

    async def _has_all(self, entry: LockedArtifact) -> bool:
        return all(
            await asyncio.gather(*(self._has(entry.repository, each.digest) for each in entry.children))
        )

    async def _has(self, repository: str, digest: str) -> bool:
        key = (repository, digest)
        if key not in self._read:
            self._read[key] = asyncio.create_task(self._is_right(*key))
        return await self._read[key]

    async def _is_right(self, repository: str, digest: str) -> bool:
        manifest = await self.registry.get(repository, digest)
        return manifest is not None and manifest.digest == digest

    async def others(self, references: Sequence[str]) -> list[str]:
        """Return the other tags of the same repositories, sorted; the plan covers no other repositories."""

        async def tags(repository: str) -> list[str]:
            found = await self.registry.tags(repository) or ()
            return [f"{repository}:{tag}" for tag in found if not is_referrer_tag(tag)]

        repositories = sorted({Artifact.of(reference).repository for reference in references})
        found = await run_concurrently(tags, repositories)
        return sorted({name for names in found for name in names} - set(references))


Baseline = ReceiptBaseline | RegistryBaseline
"""The known content of the target: the states of artifacts, and the other references."""


def _state(entry: LockedArtifact, found: str | None) -> ArtifactState:
    if found is None:
        return ArtifactState.NEW
    return ArtifactState.PRESENT if found == entry.digest else ArtifactState.CHANGED
