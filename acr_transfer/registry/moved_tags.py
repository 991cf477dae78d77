"""Compares the digests that a lock pins with those that its registry has now."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from acr_transfer.concurrency import run_concurrently
from acr_transfer.model.documents.lock import LockedArtifact
from acr_transfer.model.references import Artifact
from acr_transfer.registry.client import RegistryClient


@dataclass(frozen=True, kw_only=True)
class MovedTag:
    """A reference of a lock that no longer has its planned digest."""

    reference: str
    planned: str
    now: str
    """The digest that it has now; empty if it does not exist any more."""

    def __str__(self) -> str:
        change = f"it has {self.now} now" if self.now else "it does not exist any more"
        return f"{self.reference} was planned as {self.planned}, but {change}"


def moved_tags(entries: Iterable[LockedArtifact], now: Mapping[str, str]) -> list[MovedTag]:
    """Return the entries that differ from the digests of `now`, in their order.

    A reference that is not in `now` does not exist.
    """
    return [
        MovedTag(reference=entry.reference, planned=entry.digest, now=now.get(entry.reference, ""))
        for entry in entries
        if now.get(entry.reference) != entry.digest
    ]


async def read_digests(references: Iterable[str], registry: RegistryClient) -> dict[str, str]:
    """Return the digest of each of these references that exists, computed from its bytes.

    Raises `AccessError` and `ServiceError`: an artifact that cannot be read may have moved.
    """

    async def digest(reference: str) -> str:
        artifact = Artifact.of(reference)
        manifest = await registry.get(artifact.repository, artifact.tag_or_digest)
        return manifest.digest if manifest else ""

    names = list(references)
    found = await run_concurrently(digest, names)
    return {name: each for name, each in zip(names, found, strict=True) if each}
