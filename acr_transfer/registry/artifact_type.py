"""The kind of an artifact in words, for tables and pages."""

from __future__ import annotations

from acr_transfer.model.proof import ManifestKind

_NAMES = {
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


def describe_kind(kind: ManifestKind | None, artifact_type: str, children: int) -> str:
    """`index of 2`, `image`, `signature (cosign)`, or the artifact type of another; empty without a kind."""
    if kind is None:
        return ""
    if kind is ManifestKind.INDEX:
        return f"index of {children}"
    if kind is ManifestKind.IMAGE:
        return "image"
    short_type = artifact_type.removeprefix("application/").removeprefix("vnd.")
    return _NAMES.get(artifact_type) or short_type or kind.value
