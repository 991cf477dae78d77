"""Manifests as a registry's bytes describe them; the digest is always computed from the bytes.

https://github.com/opencontainers/image-spec/blob/main/manifest.md
"""

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any, Self

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
"""The `Accept` header for manifests: a registry converts a manifest of any type that is not in it."""

_IMAGE_CONFIGS = (
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
)

_TYPE_NAMES = {
    "application/vnd.dev.cosign.artifact.sig.v1+json": "signature (cosign)",
    "application/vnd.dev.sigstore.bundle.v0.3+json": "signature (sigstore)",
    "application/vnd.cncf.notary.signature": "signature (Notary)",
    "application/spdx+json": "SBOM (SPDX)",
    "application/vnd.cyclonedx+json": "SBOM (CycloneDX)",
    "application/vnd.in-toto+json": "attestation (in-toto)",
    "application/vnd.cncf.helm.config.v1+json": "Helm chart",
}
"""Artifact types and config media types of well-known tools.

https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md
https://github.com/notaryproject/specifications/blob/main/specs/signature-specification.md
https://www.iana.org/assignments/media-types/media-types.xhtml
https://helm.sh/docs/topics/registries/
"""

ManifestKey = tuple[str, str]
"""A repository and a digest."""

_REFERRER_TAG = re.compile(r"sha256-[0-9a-f]{64}(\.[a-z]+)?")


@dataclass(frozen=True, kw_only=True)
class Descriptor:
    """A manifest's description of one blob or manifest.

    https://github.com/opencontainers/image-spec/blob/main/descriptor.md
    """

    digest: str
    media_type: str
    size: int
    platform: str = ""
    """`os/architecture[/variant]`, if the descriptor names it."""

    artifact_type: str = ""
    foreign: bool = False
    """Whether clients download its bytes from outside the registry."""

    @classmethod
    def parse(cls, value: object) -> Self | None:
        """Read a descriptor; None if it has no digest."""
        if not isinstance(value, dict) or not isinstance(value.get("digest"), str):
            return None
        size = value.get("size")
        media_type = str(value.get("mediaType") or "")
        return cls(
            digest=value["digest"],
            media_type=media_type,
            size=size if isinstance(size, int) else 0,
            platform=platform_of(value.get("platform")),
            artifact_type=str(value.get("artifactType") or ""),
            foreign=bool(value.get("urls")) or "foreign" in media_type or "nondistributable" in media_type,
        )


def platform_of(value: object) -> str:
    """Return `os/architecture[/variant]` of a platform object or an image config; empty for anything else."""
    if not isinstance(value, dict):
        return ""
    return "/".join(str(value[key]) for key in ("os", "architecture", "variant") if value.get(key))


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """One manifest without its bytes: a plan reads thousands of them."""

    digest: str
    """`sha256:` and the hash of the bytes."""

    media_type: str
    """The media type without parameters."""

    size: int
    """The manifest's own bytes."""

    kind: ManifestKind
    artifact_type: str
    """The manifest's artifact type; without one, the config's media type unless that is an image's.

    https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
    """

    subject: str
    """The digest of the manifest that this one refers to; empty for most."""

    created: str
    """The annotation `org.opencontainers.image.created` (RFC 3339); empty without one."""

    children: tuple[Descriptor, ...]
    """The manifests of an index, in its order; empty for any other manifest."""

    config: Descriptor | None
    layers: tuple[Descriptor, ...]
    is_schema_1: bool
    """Whether it has Docker's manifest schema 1, which registries no longer accept."""

    @classmethod
    def parse(cls, content: bytes, content_type: str) -> Self:
        """Read the bytes of a manifest. A body that is not a JSON object gives a manifest without content."""
        media_type = content_type.partition(";")[0].strip()
        try:
            document = json.loads(content)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            document = {}
        is_index = media_type in _INDEXES
        config = Descriptor.parse(document.get("config"))
        subject = Descriptor.parse(document.get("subject"))
        return cls(
            digest=f"sha256:{hashlib.sha256(content).hexdigest()}",
            media_type=media_type,
            size=len(content),
            kind=ManifestKind.INDEX if is_index else _kind(document),
            artifact_type=_artifact_type(document, config),
            subject=subject.digest if subject else "",
            created=_created(document),
            children=_descriptors(document, "manifests") if is_index else (),
            config=None if is_index else config,
            layers=() if is_index else _descriptors(document, "layers") + _descriptors(document, "blobs"),
            is_schema_1=media_type in _SCHEMA_1 or document.get("schemaVersion") == 1,
        )

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """The config and the layers; empty for an index."""
        return (self.config, *self.layers) if self.config else self.layers

    @property
    def child_digests(self) -> tuple[str, ...]:
        """The digests of the children, each once."""
        return tuple(dict.fromkeys(child.digest for child in self.children))


def _descriptors(document: dict[str, Any], key: str) -> tuple[Descriptor, ...]:
    listed = document.get(key)
    found = map(Descriptor.parse, listed if isinstance(listed, list) else ())
    return tuple(descriptor for descriptor in found if descriptor)


def _kind(document: dict[str, Any]) -> ManifestKind:
    if "subject" in document:
        return ManifestKind.REFERRER
    config = document.get("config")
    has_image_config = isinstance(config, dict) and config.get("mediaType") in _IMAGE_CONFIGS
    is_image = has_image_config and "artifactType" not in document
    return ManifestKind.IMAGE if is_image else ManifestKind.ARTIFACT


def _artifact_type(document: dict[str, Any], config: Descriptor | None) -> str:
    if (named := document.get("artifactType")) and isinstance(named, str):
        return named
    return config.media_type if config and config.media_type not in _IMAGE_CONFIGS else ""


def _created(document: dict[str, Any]) -> str:
    annotations = document.get("annotations")
    created = annotations.get("org.opencontainers.image.created") if isinstance(annotations, dict) else None
    return created if isinstance(created, str) else ""


def describe_kind(kind: ManifestKind | None, artifact_type: str, children: int) -> str:
    """`index of 2`, `image`, `signature (cosign)`, or the artifact type of another; empty without a kind."""
    if kind is None:
        return ""
    if kind is ManifestKind.INDEX:
        return f"index of {children}"
    if kind is ManifestKind.IMAGE:
        return "image"
    short_type = artifact_type.removeprefix("application/").removeprefix("vnd.")
    return _TYPE_NAMES.get(artifact_type) or short_type or kind.value


def is_referrer_tag(tag: str) -> bool:
    """Whether a tag follows the fallback scheme for referrers, or cosign's scheme.

    Such a tag belongs to another manifest and moves with it, never by its own rule.
    https://github.com/opencontainers/distribution-spec/blob/main/spec.md#referrers-tag-schema
    """
    return _REFERRER_TAG.fullmatch(tag) is not None


def fallback_tag(digest: str) -> str:
    """Return the tag of the index that lists a manifest's referrers where the registry does not."""
    return digest.replace(":", "-")
