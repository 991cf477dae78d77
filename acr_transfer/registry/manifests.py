"""What registries hold, as the bytes of its manifest tell it; a digest is always computed, never believed.

https://github.com/opencontainers/image-spec/blob/main/manifest.md
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, Self

from acr_transfer.model.proof import ManifestKind

_INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_SCHEMA_1 = (
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
    "application/vnd.docker.distribution.manifest.v1+json",
)
ACCEPTED = ", ".join(
    (
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
        *_INDEXES,
        *_SCHEMA_1,
    )
)
"""What a registry is told to send: what it would convert for others comes as it is kept."""

_IMAGE_CONFIGS = (
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
)


@dataclass(frozen=True, kw_only=True)
class Descriptor:
    """What a manifest says of one thing that it names.

    https://github.com/opencontainers/image-spec/blob/main/descriptor.md
    """

    digest: str
    media_type: str
    size: int
    platform: str = ""
    """`os/architecture[/variant]`, where it is said."""

    artifact_type: str = ""
    foreign: bool = False
    """Whether its bytes are fetched from somewhere else than the registry."""

    @classmethod
    def parse(cls, said: object) -> Self | None:
        """Read a descriptor; None if it names no digest."""
        if not isinstance(said, dict) or not isinstance(said.get("digest"), str):
            return None
        size = said.get("size")
        media_type = str(said.get("mediaType") or "")
        return cls(
            digest=said["digest"],
            media_type=media_type,
            size=size if isinstance(size, int) else 0,
            platform=_platform(said.get("platform")),
            artifact_type=str(said.get("artifactType") or ""),
            foreign=bool(said.get("urls")) or "foreign" in media_type or "nondistributable" in media_type,
        )


def _platform(said: object) -> str:
    if not isinstance(said, dict):
        return ""
    parts = (said.get("os"), said.get("architecture"), said.get("variant"))
    return "/".join(str(part) for part in parts if part)


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
        return tuple(dict.fromkeys(listed.digest for listed in self.listed))

    @cached_property
    def listed(self) -> tuple[Descriptor, ...]:
        """What an index lists, in its order; nothing for anything else."""
        return self._descriptors("manifests") if self.kind is ManifestKind.INDEX else ()

    @cached_property
    def blobs(self) -> tuple[Descriptor, ...]:
        """Config and layers; nothing for an index."""
        if self.kind is ManifestKind.INDEX:
            return ()
        config = Descriptor.parse(self._document.get("config"))
        return (*((config,) if config else ()), *self._descriptors("layers"), *self._descriptors("blobs"))

    @cached_property
    def config(self) -> Descriptor | None:
        """Where the config is, if there is one."""
        return Descriptor.parse(self._document.get("config"))

    @property
    def subject(self) -> str:
        """The digest of what this says something about; empty if it stands for itself."""
        found = Descriptor.parse(self._document.get("subject"))
        return found.digest if found else ""

    @property
    def artifact_type(self) -> str:
        """What the manifest calls itself; for an artifact without such a name, the type of its config.

        https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
        """
        named = self._document.get("artifactType")
        if isinstance(named, str) and named:
            return named
        config = self.config
        return config.media_type if config and config.media_type not in _IMAGE_CONFIGS else ""

    @property
    def schema_1(self) -> bool:
        """Whether it is of Docker's first kind, which registries take no more."""
        return self.plain_media_type in _SCHEMA_1 or self._document.get("schemaVersion") == 1

    @property
    def made(self) -> str:
        """When it says that it was made (RFC 3339); empty if it does not."""
        annotations = self._document.get("annotations")
        found = annotations.get("org.opencontainers.image.created") if isinstance(annotations, dict) else None
        return found if isinstance(found, str) else ""

    @property
    def plain_media_type(self) -> str:
        """The media type without parameters."""
        return self.media_type.partition(";")[0].strip()

    def _descriptors(self, key: str) -> tuple[Descriptor, ...]:
        listed = self._document.get(key)
        found = map(Descriptor.parse, listed if isinstance(listed, list) else ())
        return tuple(descriptor for descriptor in found if descriptor)

    @property
    def kind(self) -> ManifestKind:
        """What this manifest describes."""
        if self.plain_media_type in _INDEXES:
            return ManifestKind.INDEX
        if "subject" in self._document:
            return ManifestKind.REFERRER
        config = self._document.get("config")
        image = isinstance(config, dict) and config.get("mediaType") in _IMAGE_CONFIGS
        return ManifestKind.IMAGE if image and "artifactType" not in self._document else ManifestKind.ARTIFACT

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
