"""The target's content before a plan, from a receipt or from the target's registry."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from acr_transfer.concurrency import run_concurrently
from acr_transfer.model.documents.receipt import Receipt
from acr_transfer.model.references import Artifact
from acr_transfer.registry.client import RegistryClient
from acr_transfer.registry.manifests import is_referrer_tag


@dataclass(frozen=True)
class ReceiptBaseline:
    """The artifacts that a receipt proves at the target."""

    receipt: Receipt

    async def digests(self, references: Sequence[str]) -> Mapping[str, str]:
        """Return the proved digest of each of these references."""
        proved = self.receipt.digests
        return {name: proved[name] for name in references if name in proved}

    async def others(self, references: Sequence[str]) -> list[str]:
        """Return the other proved references, sorted."""
        return sorted(self.receipt.digests.keys() - set(references))


@dataclass(frozen=True)
class RegistryBaseline:
    """The registry of a target that this machine can reach."""

    registry: RegistryClient

    async def digests(self, references: Sequence[str]) -> Mapping[str, str]:
        """Return the digest that the registry reports for each of these references that it has."""

        async def digest(reference: str) -> str | None:
            artifact = Artifact.of(reference)
            return await self.registry.digest(artifact.repository, artifact.tag_or_digest)

        found = await run_concurrently(digest, references)
        return {name: each for name, each in zip(references, found, strict=True) if each}

    async def others(self, references: Sequence[str]) -> list[str]:
        """Return the other tags of the same repositories, sorted; the plan covers no other repositories."""

        async def tags(repository: str) -> list[str]:
            listed = await self.registry.tags(repository) or ()
            return [f"{repository}:{tag}" for tag in listed if not is_referrer_tag(tag)]

        repositories = sorted({Artifact.of(reference).repository for reference in references})
        listed = await run_concurrently(tags, repositories)
        return sorted({name for names in listed for name in names} - set(references))


Baseline = ReceiptBaseline | RegistryBaseline
"""The known content of the target: the digests of references, and the other references."""
