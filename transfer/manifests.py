"""What registries hold, as the bytes of its manifest tell it; a digest is always computed, never believed.

https://github.com/opencontainers/image-spec/blob/main/manifest.md
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, Protocol, Self

_INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_IMAGE_CONFIGS = (
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
)


class Kind(StrEnum):
    """What a manifest describes."""

    IMAGE = "image"
    INDEX = "index"
    REFERRER = "referrer"
    """Something said about another artifact, like a signature: its manifest names a subject."""

    ARTIFACT = "artifact"
    """Anything else, like a Helm chart."""


@dataclass(frozen=True, kw_only=True)
class Reference:
    """One artifact of the hand-over: a repository, and a tag or a digest in it."""

    text: str
    repository: str
    tag_or_digest: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `repo:tag`, `repo@sha256:…` or `repo` (which means its tag `latest`).

        https://learn.microsoft.com/azure/container-registry/container-registry-transfer-cli
        """
        repository, at, digest = text.partition("@")
        if at:
            return cls(text=text, repository=repository, tag_or_digest=digest)
        repository, _, tag = text.partition(":")
        return cls(text=text, repository=repository, tag_or_digest=tag or "latest")

    @property
    def digest(self) -> str | None:
        """The digest, if this names one."""
        return self.tag_or_digest if self.tag_or_digest.startswith("sha256:") else None


@dataclass(frozen=True)
class Manifest:
    """The bytes that a registry gave for a reference."""

    content: bytes
    media_type: str

    @cached_property
    def digest(self) -> str:
        """`sha256:` and the hash of the bytes."""
        return f"sha256:{hashlib.sha256(self.content).hexdigest()}"

    @cached_property
    def children(self) -> tuple[str, ...]:
        """Digests of the manifests that an index lists, in its order; none for anything else."""
        if self.kind is not Kind.INDEX:
            return ()
        listed = self._document.get("manifests")
        found = (
            [entry.get("digest") for entry in listed if isinstance(entry, dict)]
            if isinstance(listed, list)
            else []
        )
        return tuple(dict.fromkeys(digest for digest in found if isinstance(digest, str)))

    @property
    def kind(self) -> Kind:
        """What this manifest describes."""
        if self.media_type.partition(";")[0].strip() in _INDEXES:
            return Kind.INDEX
        if "subject" in self._document:
            return Kind.REFERRER
        config = self._document.get("config")
        image = isinstance(config, dict) and config.get("mediaType") in _IMAGE_CONFIGS
        return Kind.IMAGE if image and "artifactType" not in self._document else Kind.ARTIFACT

    @cached_property
    def _document(self) -> dict[str, Any]:
        try:
            document = json.loads(self.content)
        except ValueError:
            return {}
        return document if isinstance(document, dict) else {}


class Manifests(Protocol):
    """A registry, as far as a proof needs it."""

    async def get(self, repository: str, reference: str) -> Manifest | None:
        """The manifest behind a tag or digest; None if it is not there."""
