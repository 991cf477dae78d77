"""The result of the proof for one artifact."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from acr_transfer.model.proof import ManifestKind, Verdict
from acr_transfer.registry.manifests import Manifest


@dataclass(frozen=True, kw_only=True)
class ArtifactFinding:
    """One artifact and its verdict."""

    artifact: str
    """The reference."""

    verdict: Verdict
    digest: str | None = None
    """The expected digest; None if it is unknown."""

    got: str | None = None
    """The digest at the target, if it is another one."""

    media_type: str | None = None
    kind: ManifestKind | None = None
    children: int = 0
    """Manifests below an index, at any depth."""

    subject: str = ""
    """The digest of the manifest that this one refers to."""

    artifact_type: str = ""
    detail: str = ""
    """The fault in words."""

    @property
    def is_open(self) -> bool:
        """Whether another attempt can prove it."""
        return self.digest is not None and self.verdict in (
            Verdict.MISSING,
            Verdict.DIFFERENT,
            Verdict.NOT_PROVABLE,
        )

    def with_manifest(self, manifest: Manifest) -> Self:
        """Return the finding with the properties of its manifest."""
        return replace(
            self,
            media_type=manifest.media_type,
            kind=manifest.kind,
            children=len(manifest.child_digests),
            subject=manifest.subject or self.subject,
            artifact_type=manifest.artifact_type,
        )
