"""What is known of the target before a plan: what a receipt has proved, or what its registry says now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from acr_transfer.concurrency import together
from acr_transfer.model.documents.receipt import Receipt
from acr_transfer.model.references import Artifact
from acr_transfer.plan.selection import attached

_AT_A_TIME = 64


class Known(Protocol):
    """What is at the target."""

    async def digests(self, references: Sequence[str]) -> Mapping[str, str]:
        """The digest at the target of each of these that is there."""

    async def others(self, references: Sequence[str]) -> list[str]:
        """References that are known at the target, and are none of these."""


class Shelves(Protocol):
    """A target's registry, as far as a plan asks it."""

    async def digest(self, repository: str, reference: str) -> str | None:
        """What the registry calls a tag's digest; None if the tag is not there."""

    async def tags(self, repository: str) -> list[str] | None:
        """All tags; None if there is no such repository."""


@dataclass(frozen=True)
class ProvedTarget:
    """The artifacts that a receipt proves at the target."""

    receipt: Receipt

    async def digests(self, references: Sequence[str]) -> Mapping[str, str]:
        """The digests that were proved, of these references."""
        proved = self.receipt.digests
        return {name: proved[name] for name in references if name in proved}

    async def others(self, references: Sequence[str]) -> list[str]:
        """The proved references that are none of these."""
        return sorted(self.receipt.digests.keys() - set(references))


@dataclass(frozen=True)
class Target:
    """A target registry that can be reached, as what is known of the target."""

    registry: Shelves

    async def digests(self, references: Sequence[str]) -> Mapping[str, str]:
        """The digests that the target's registry names."""

        async def ask(text: str) -> tuple[str, str | None]:
            reference = Artifact.of(text)
            return text, await self.registry.digest(reference.repository, reference.tag_or_digest)

        return {name: digest for name, digest in await together(ask, references, _AT_A_TIME) if digest}

    async def others(self, references: Sequence[str]) -> list[str]:
        """Further tags of the same repositories. What else a target has is no concern of a plan."""
        planned = set(references)
        repositories = sorted({Artifact.of(text).repository for text in references})

        async def ask(repository: str) -> list[str]:
            tags = await self.registry.tags(repository) or ()
            return [f"{repository}:{tag}" for tag in tags if not attached(tag)]

        listed = await together(ask, repositories, _AT_A_TIME)
        return sorted(name for names in listed for name in names if name not in planned)
