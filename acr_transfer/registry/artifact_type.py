"""What an artifact is, in the words that people use for it."""

from __future__ import annotations

from acr_transfer.model.proof import ManifestKind

_KNOWN = {
    "application/vnd.dev.cosign.artifact.sig.v1+json": "signature (cosign)",
    "application/vnd.dev.sigstore.bundle.v0.3+json": "signature (sigstore)",
    "application/vnd.cncf.notary.signature": "signature (Notary)",
    "application/spdx+json": "SBOM (SPDX)",
    "application/vnd.cyclonedx+json": "SBOM (CycloneDX)",
    "application/vnd.in-toto+json": "attestation (in-toto)",
    "application/vnd.cncf.helm.config.v1+json": "Helm chart",
}
"""What makers of artifacts call theirs.

https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md
https://github.com/notaryproject/specifications/blob/main/specs/signature-specification.md
https://www.iana.org/assignments/media-types/media-types.xhtml
https://helm.sh/docs/topics/registries/
"""


def described(kind: ManifestKind, artifact_type: str, children: int) -> str:
    """The kind in words: `index of 2`, `image`, `signature (cosign)`, or what an unknown one calls itself."""
    if kind is ManifestKind.INDEX:
        return f"index of {children}"
    if kind is ManifestKind.IMAGE:
        return "image"
    plain = artifact_type.removeprefix("application/").removeprefix("vnd.")
    return _KNOWN.get(artifact_type) or plain or kind.value
