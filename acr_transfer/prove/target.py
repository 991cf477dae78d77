"""Verifies artifacts at the target: reads the manifests of an artifact and compares their digests."""

from dataclasses import dataclass, replace
from typing import Self

from acr_transfer.concurrency import run_concurrently
from acr_transfer.errors import BrokenAnswerError, ContradictoryManifestError
from acr_transfer.model.proof import ManifestKind, Verdict
from acr_transfer.model.references import Artifact
from acr_transfer.registry import limits
from acr_transfer.registry.client import RegistryClient
from acr_transfer.registry.failures import SINGLE_FAILURES, Unreadable, summary
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


class _NotProvedError(Exception):
    """Ends the verification of an artifact at its first fault: the rest cannot prove it any more."""

    def __init__(self, fault: ProofFault) -> None:
        super().__init__(fault.detail)
        self.fault = fault


class TargetVerifier:
    """Verifies artifacts of one registry; a manifest that was right is not read again."""

    def __init__(self, registry: RegistryClient) -> None:
        self._registry = registry
        self._verified: dict[ManifestKey, Manifest] = {}
        self._descriptors = 0
        self.manifests_read = 0
        self.required_blobs: dict[str, Blobs] = {}
        """The configs and layers of every proved artifact, without foreign layers."""

        self.unreadable = Unreadable()
        """Artifacts that the registry did not return in this round."""

    async def verify(self, finding: ArtifactFinding) -> ArtifactFinding:
        """Return the finding according to the target's current content; a proved one stays as it is."""
        if not finding.is_open:
            return finding
        artifact, expected = Artifact.of(finding.artifact), str(finding.digest)
        try:
            reference = artifact.tag_or_digest
            manifest = await self._right(artifact.repository, reference, expected, reference)
            finding = finding.with_manifest(manifest)
            children, blobs = await self._descendants(artifact.repository, manifest)
        except _NotProvedError as error:
            return _not_proved(finding, error.fault)
        except ContradictoryManifestError as error:
            return _not_proved(finding, ProofFault(Verdict.CONTRADICTORY, str(error)))
        except BrokenAnswerError as error:
            return _not_proved(finding, ProofFault(Verdict.NOT_PROVABLE, str(error)))
        except SINGLE_FAILURES as error:
            self.unreadable.add(finding.artifact, error)
            return _not_proved(finding, ProofFault(Verdict.NOT_PROVABLE, summary(error)))
        self.required_blobs[finding.artifact] = blobs
        return replace(finding, verdict=Verdict.PROVED, children=children, got=None, detail="")

    async def _descendants(self, repository: str, root: Manifest) -> tuple[int, Blobs]:
        """The number of manifests below this one, each read once, and the blobs of them all."""
        seen, level = {root.digest}, [root]
        blobs = Blobs()

        async def child(digest: str) -> Manifest:
            return await self._right(repository, digest, digest, f"child {digest}")

        for _ in range(limits.LIMITS.depth + 1):
            for blob in (blob for manifest in level for blob in manifest.blobs if not blob.foreign):
                _add(blobs, blob)
            listed = (digest for manifest in level for digest in manifest.child_digests)
            new = [digest for digest in dict.fromkeys(listed) if digest not in seen]
            seen.update(new)
            if not new:
                return len(seen) - 1, blobs
            if len(seen) > limits.LIMITS.descendants:
                break
            level = await run_concurrently(child, new)
        few = f"{limits.LIMITS.descendants:,} manifests or {limits.LIMITS.depth} levels"
        raise BrokenAnswerError(f"the index has more than {few} below it")

    async def _right(self, repository: str, reference: str, digest: str, name: str) -> Manifest:
        """The manifest of a tag or digest. Raises `_NotProvedError` unless it has this digest."""
        if reference == digest and (verified := self._verified.get((repository, digest))):
            return verified
        manifest = await self._get(repository, reference)
        if fault := _compare(name, digest, manifest):
            raise _NotProvedError(fault)
        assert manifest is not None
        self._keep((repository, digest), manifest)
        return manifest

    def _keep(self, key: ManifestKey, manifest: Manifest) -> None:
        if key in self._verified:
            return
        self._descriptors += 1 + len(manifest.children) + len(manifest.blobs)
        if self._descriptors > limits.LIMITS.descriptors:
            raise BrokenAnswerError(
                f"the manifests that were read list more than {limits.LIMITS.descriptors:,} layers and "
                "manifests: prove fewer artifacts at once"
            )
        self._verified[key] = manifest

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
    if manifest.is_schema_1:
        return ProofFault(
            Verdict.NOT_PROVABLE, f"{name} has Docker's manifest schema 1, whose layers are not proved"
        )
    return None


def _add(blobs: Blobs, blob: Descriptor) -> None:
    """Add a blob; two sizes of one blob cannot both be right."""
    if blobs.setdefault(blob.digest, blob).size != blob.size:
        raise BrokenAnswerError(f"its manifests state different sizes of {blob.digest}")


def _not_proved(finding: ArtifactFinding, fault: ProofFault) -> ArtifactFinding:
    return replace(finding, verdict=fault.verdict, got=fault.got, detail=fault.detail)
