"""Proves artifacts: reads every manifest at the target, computes its digest, and waits if requested."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from acr_transfer.concurrency import run_concurrently
from acr_transfer.model.documents.lock import LockedArtifact
from acr_transfer.model.proof import LayerMode, Verdict
from acr_transfer.model.references import Artifact
from acr_transfer.progress import ProgressReporter
from acr_transfer.prove.expectation import Expectation
from acr_transfer.prove.finding import ArtifactFinding
from acr_transfer.prove.layers import LayerProof
from acr_transfer.prove.target import TargetVerifier
from acr_transfer.registry.client import RegistryClient

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 15.0
"""Seconds between two attempts; they grow, because an import on Azure takes minutes."""


@dataclass(frozen=True, kw_only=True)
class Proof:
    """The findings of all artifacts."""

    findings: tuple[ArtifactFinding, ...]
    """In the order of the expectation; extra tags last."""

    manifests_read: int
    """Manifests of the target that were read and hashed."""

    seconds: float
    layers: LayerProof = field(default_factory=lambda: LayerProof(mode=LayerMode.NONE))

    @property
    def expected(self) -> tuple[ArtifactFinding, ...]:
        """The findings without extra tags."""
        return tuple(finding for finding in self.findings if finding.verdict is not Verdict.EXTRA)

    def count(self, verdict: Verdict) -> int:
        """Return the number of findings with this verdict."""
        return sum(finding.verdict is verdict for finding in self.findings)

    @property
    def proved(self) -> int:
        """The number of proved artifacts."""
        return self.count(Verdict.PROVED)

    @property
    def complete(self) -> bool:
        """Whether every artifact is proved."""
        return self.proved == len(self.expected)


async def verify(
    expectation: Expectation,
    source: RegistryClient | None,
    target: TargetVerifier,
    progress: ProgressReporter,
    *,
    wait: float = 0,
) -> Proof:
    """Verify every artifact at the target, again and again for `wait` seconds until all are proved.

    The expected digest is the lock's, or that of the reference, or the tag's current one at the source.
    Proved artifacts are not read again.
    """
    began, pause = time.monotonic(), _FIRST_PAUSE
    findings = await _expected(expectation, source)
    while True:
        findings = await run_concurrently(target.verify, findings)
        left = began + wait - time.monotonic()
        retry = left > 0 and any(finding.is_open for finding in findings)
        proved = sum(finding.verdict is Verdict.PROVED for finding in findings)
        again = f"; trying again for up to {left:.0f} s" if retry else ""
        progress.show(f"{proved} of {len(findings)} artifacts proved{again}")
        if not retry:
            break
        await asyncio.sleep(min(pause, left))
        pause = min(pause * 1.5, _LONGEST_PAUSE)
    seconds = time.monotonic() - began
    return Proof(findings=tuple(findings), manifests_read=target.manifests_read, seconds=seconds)


async def _expected(expectation: Expectation, source: RegistryClient | None) -> list[ArtifactFinding]:
    """Each artifact with its expected digest: missing so far, or not provable without a digest."""

    async def find_digest(artifact: Artifact) -> ArtifactFinding:
        return await _with_digest(artifact, expectation.entries, source)

    artifacts = [Artifact.of(reference) for reference in expectation.artifacts]
    return await run_concurrently(find_digest, artifacts)


async def _with_digest(
    artifact: Artifact, entries: Mapping[str, LockedArtifact], source: RegistryClient | None
) -> ArtifactFinding:
    finding = ArtifactFinding(artifact=artifact.reference, verdict=Verdict.MISSING)
    if entry := entries.get(artifact.reference):
        return replace(finding, digest=entry.digest, subject=entry.subject, artifact_type=entry.artifact_type)
    if artifact.digest:
        return replace(finding, digest=artifact.digest)
    if source is None:
        return _not_provable(finding, "the hand-over has no digest for it, and the source was not read")
    manifest = await source.get(artifact.repository, artifact.tag_or_digest)
    if manifest is None:
        return _not_provable(finding, "the source no longer has it, so the exported digest is unknown")
    return replace(finding, digest=manifest.digest).with_manifest(manifest)


def _not_provable(finding: ArtifactFinding, detail: str) -> ArtifactFinding:
    return replace(finding, verdict=Verdict.NOT_PROVABLE, detail=detail)
