"""Verifies artifacts at the target: reads the manifests of an artifact and compares their digests."""

from dataclasses import dataclass, replace
from typing import Self

from acr_transfer.concurrency import run_concurrently
from acr_transfer.errors import BrokenAnswerError
from acr_transfer.model.proof import ManifestKind, Verdict
from acr_transfer.model.references import Artifact
from acr_transfer.registry.client import RegistryClient
from acr_transfer.registry.manifests import Descriptor, Manifest, ManifestKey

Blobs = dict[str, Descriptor]
"""Blobs by digest."""


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
        return self.digest is not None and self.verdict not in (Verdict.PROVED, Verdict.EXTRA)

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


@dataclass(frozen=True)
class ProofFault:
    """The reason why an artifact is not proved."""

    verdict: Verdict
    detail: str
    got: str | None = None
    """The digest at the target, if it is another one."""


class TargetVerifier:
    """Verifies artifacts of one registry; a manifest that was right is not read again."""

    def __init__(self, registry: RegistryClient) -> None:
        self._registry = registry
        self._verified: dict[ManifestKey, Manifest] = {}
        self.manifests_read = 0
        self.required_blobs: dict[str, Blobs] = {}
        """The configs and layers of every proved artifact, without foreign layers."""

    async def verify(self, finding: ArtifactFinding) -> ArtifactFinding:
        """Return the finding according to the target's current content; a proved one stays as it is."""
        if not finding.is_open:
            return finding
        artifact, expected = Artifact.of(finding.artifact), str(finding.digest)
        blobs, children = Blobs(), 0
        try:
            manifest = await self._get(artifact.repository, artifact.tag_or_digest)
            fault = _compare(artifact.tag_or_digest, expected, manifest)
            if manifest is not None and fault is None:
                finding = finding.with_manifest(manifest)
                children, fault = await self._verify_children(artifact.repository, manifest, blobs)
        except BrokenAnswerError as error:
            return replace(finding, verdict=Verdict.NOT_PROVABLE, got=None, detail=str(error))
        if fault is not None:
            return replace(finding, verdict=fault.verdict, got=fault.got, detail=fault.detail)
        self.required_blobs[finding.artifact] = blobs
        return replace(finding, verdict=Verdict.PROVED, children=children, got=None, detail="")

    async def _verify_children(
        self, repository: str, manifest: Manifest, blobs: Blobs
    ) -> tuple[int, ProofFault | None]:
        """The number of manifests below this one, and the first fault; adds the manifest's blobs."""
        blobs.update((blob.digest, blob) for blob in manifest.blobs if not blob.foreign)

        async def verify(digest: str) -> tuple[int, ProofFault | None]:
            child = self._verified.get((repository, digest)) or await self._get(repository, digest)
            fault = _compare(f"child {digest}", digest, child)
            if child is None or fault is not None:
                return 1, fault
            self._verified[repository, digest] = child
            count, fault = await self._verify_children(repository, child, blobs)
            return count + 1, fault

        results = await run_concurrently(verify, manifest.child_digests)
        return sum(count for count, _ in results), next((fault for _, fault in results if fault), None)

    async def _get(self, repository: str, reference: str) -> Manifest | None:
        manifest = await self._registry.get(repository, reference)
        self.manifests_read += manifest is not None
        return manifest


def _compare(name: str, expected: str, manifest: Manifest | None) -> ProofFault | None:
    if manifest is None:
        return ProofFault(Verdict.MISSING, f"{name} is not at the target")
    if manifest.digest != expected:
        detail = f"{name}: expected {expected}, got {manifest.digest}"
        return ProofFault(Verdict.DIFFERENT, detail, manifest.digest)
    return None
