"""Manifests as a registry's bytes describe them; the digest is always computed from the bytes.

https://github.com/opencontainers/image-spec/blob/main/manifest.md
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Any, Self

from acr_transfer.errors import BrokenAnswerError, ContradictoryManifestError
from acr_transfer.model.credentials import quoted
from acr_transfer.model.proof import ManifestKind
from acr_transfer.model.references import is_digest
from acr_transfer.registry import limits
from acr_transfer.registry.answers import parse_object

_INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_SCHEMA_1 = (
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
    "application/vnd.docker.distribution.manifest.v1+json",
)
_WITH_LAYERS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.artifact.manifest.v1+json",
)
ACCEPTED = ", ".join((*_WITH_LAYERS, *_INDEXES, *_SCHEMA_1))
"""The `Accept` header for manifests: a registry converts a manifest of any type that is not in it."""

_IMAGE_CONFIGS = (
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
)

_EMPTY_CONFIG = "application/vnd.oci.empty.v1+json"
"""The config of a manifest whose type is its `artifactType`; alone it states none.

https://github.com/opencontainers/image-spec/blob/main/manifest.md#guidelines-for-artifact-usage
"""

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

_CONTENT_KEYS = ("config", "layers", "blobs", "fsLayers")
_READ_KEYS = {
    name.lower(): name
    for name in ("schemaVersion", "mediaType", "manifests", "subject", "artifactType", *_CONTENT_KEYS)
}
"""The keys of a manifest by their names in lower case: clients in Go accept any letter case."""

_OTHER_DIGEST = re.compile(r"sha512:[0-9a-f]{128}")
_LARGEST_SIZE = 10**12
"""Bytes. The largest layer of Azure's registries has 200 GiB; a lock's sum of sizes stays below 64 bits."""

_LONGEST_TEXT = 1024

_REFERRER_TAG = re.compile(r"sha256-[0-9a-f]{64}(\.[a-z]+)?")


@dataclass(frozen=True, kw_only=True, slots=True)
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
    def parse(cls, value: object) -> Self:
        """Read a descriptor. Raises `BrokenAnswerError` unless it has a digest, a media type and a size."""
        if not isinstance(value, dict):
            raise BrokenAnswerError("a descriptor is not a JSON object")
        digest, size, media_type = value.get("digest"), value.get("size"), _text(value, "mediaType")
        if not isinstance(digest, str) or not (is_digest(digest) or _OTHER_DIGEST.fullmatch(digest)):
            raise BrokenAnswerError(f"a descriptor has no valid digest, but {quoted(str(digest))}")
        if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size <= _LARGEST_SIZE:
            raise BrokenAnswerError(f"the descriptor of {digest} has no valid size")
        return cls(
            digest=digest,
            media_type=media_type,
            size=size,
            platform=platform_of(value.get("platform")),
            artifact_type=_text(value, "artifactType"),
            foreign=bool(value.get("urls")) or "foreign" in media_type or "nondistributable" in media_type,
        )


def platform_of(value: object) -> str:
    """Return `os/architecture[/variant]` of a platform object or an image config; empty for anything else."""
    if not isinstance(value, dict):
        return ""
    return "/".join(filter(None, (_text(value, key) for key in ("os", "architecture", "variant"))))


@dataclass(frozen=True, kw_only=True, slots=True)
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
        """Read the bytes of a manifest.

        The body decides its kind. Raises `BrokenAnswerError` for a body that is not a manifest, and
        `ContradictoryManifestError` if body and media type describe different kinds.
        """
        media_type = content_type.partition(";")[0].strip()
        document = parse_object(content, "the manifest")
        is_schema_1 = _is_schema_1(document, media_type)
        is_index = not is_schema_1 and _is_index(document, media_type)
        config = Descriptor.parse(document["config"]) if document.get("config") is not None else None
        subject = Descriptor.parse(document["subject"]) if document.get("subject") is not None else None
        return cls(
            digest=digest_of(content),
            media_type=media_type,
            size=len(content),
            kind=ManifestKind.INDEX if is_index else _kind(document),
            artifact_type=_artifact_type(document, config),
            subject=subject.digest if subject else "",
            created=_created(document),
            children=_children(document) if is_index else (),
            config=None if is_index else config,
            layers=() if is_index else _descriptors(document, "layers") + _descriptors(document, "blobs"),
            is_schema_1=is_schema_1,
        )

    @classmethod
    def unread(cls, content: bytes, content_type: str) -> Self:
        """Return the manifest of bytes that have another digest than expected: only their digest counts."""
        return cls(
            digest=digest_of(content),
            media_type=content_type.partition(";")[0].strip(),
            size=len(content),
            kind=ManifestKind.ARTIFACT,
            artifact_type="",
            subject="",
            created="",
            children=(),
            config=None,
            layers=(),
            is_schema_1=False,
        )

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """The config and the layers; empty for an index."""
        return (self.config, *self.layers) if self.config else self.layers

    @property
    def child_digests(self) -> tuple[str, ...]:
        """The digests of the children, each once."""
        return tuple(dict.fromkeys(child.digest for child in self.children))


def digest_of(content: bytes) -> str:
    """Return `sha256:` and the hash of the bytes."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _is_schema_1(document: dict[str, Any], media_type: str) -> bool:
    is_schema_1 = document.get("schemaVersion") == 1
    if is_schema_1 != (media_type in _SCHEMA_1):
        raise _contradiction("of schema 1" if is_schema_1 else "not of schema 1", media_type)
    return is_schema_1


def _is_index(document: dict[str, Any], media_type: str) -> bool:
    """Whether the body lists manifests instead of a config and layers.

    https://github.com/opencontainers/image-spec/security/advisories/GHSA-77vh-xpmg-72qh
    """
    for key in document:
        if key != _READ_KEYS.get(key.lower(), key):
            raise ContradictoryManifestError(f"its key {quoted(key)} is read in different ways by clients")
    is_index, has_content = "manifests" in document, any(key in document for key in _CONTENT_KEYS)
    if is_index and has_content:
        raise ContradictoryManifestError("its body has both manifests and a config or layers")
    stated = _text(document, "mediaType")
    if stated and stated != media_type:
        raise _contradiction(quoted(stated), media_type)
    if media_type not in (*_INDEXES, *_WITH_LAYERS):
        raise ContradictoryManifestError(f"its media type is {quoted(media_type)}, not that of a manifest")
    if not is_index and not has_content and media_type != _WITH_LAYERS[-1]:
        raise BrokenAnswerError("its body has neither manifests nor a config and layers")
    if is_index != (media_type in _INDEXES):
        raise _contradiction("an index" if is_index else "not an index", media_type)
    return is_index


def _contradiction(body: str, media_type: str) -> ContradictoryManifestError:
    return ContradictoryManifestError(f"its body is {body}, but its Content-Type is {quoted(media_type)}")


def _descriptors(document: dict[str, Any], key: str) -> tuple[Descriptor, ...]:
    listed = document.get(key)
    if listed is not None and not isinstance(listed, list):
        raise BrokenAnswerError(f"its {key} is not a list")
    return tuple(map(Descriptor.parse, listed or ()))


def _children(document: dict[str, Any]) -> tuple[Descriptor, ...]:
    listed = document.get("manifests")
    if isinstance(listed, list) and len(listed) > limits.LIMITS.descendants:
        raise BrokenAnswerError(
            f"it lists {len(listed):,} manifests, more than {limits.LIMITS.descendants:,}"
        )
    children = _descriptors(document, "manifests")
    if other := next((child.digest for child in children if not is_digest(child.digest)), None):
        raise BrokenAnswerError(f"it lists {other}, but only sha256 digests are supported")
    return children


def _text(value: dict[str, Any], key: str) -> str:
    """A text that may be absent; nothing in it moves a cursor or breaks a line."""
    found = value.get(key)
    if found is None:
        return ""
    if not isinstance(found, str) or not found.isprintable() or len(found) > _LONGEST_TEXT:
        raise BrokenAnswerError(f"its {key} is not a text of at most {_LONGEST_TEXT} printable characters")
    return found


def _kind(document: dict[str, Any]) -> ManifestKind:
    if "subject" in document:
        return ManifestKind.REFERRER
    config = document.get("config")
    has_image_config = isinstance(config, dict) and config.get("mediaType") in _IMAGE_CONFIGS
    is_image = has_image_config and "artifactType" not in document
    return ManifestKind.IMAGE if is_image else ManifestKind.ARTIFACT


def _artifact_type(document: dict[str, Any], config: Descriptor | None) -> str:
    if named := _text(document, "artifactType"):
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
    if artifact_type == _EMPTY_CONFIG:
        return f"{kind.value} of no stated type"
    short_type = artifact_type.removeprefix("application/").removeprefix("vnd.")
    return _TYPE_NAMES.get(artifact_type) or short_type or kind.value


def is_referrer_tag(tag: str) -> bool:
    """Whether a tag follows the fallback scheme for referrers, or cosign's scheme.

    Such a tag belongs to another manifest and moves with it, never by its own rule.
    https://github.com/opencontainers/distribution-spec/blob/main/spec.md#referrers-tag-schema
    """
    return _REFERRER_TAG.fullmatch(tag) is not None


def referred_digest(tag: str) -> str:
    """Return the digest that a tag of these schemes belongs to."""
    return tag.partition(".")[0].replace("-", ":", 1)


def fallback_tag(digest: str) -> str:
    """Return the tag of the index that lists a manifest's referrers where the registry does not."""
    return digest.replace(":", "-")
