"""Verifies the artifacts of a hand-over or lock at the target, and waits for them if requested."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from acr_transfer.concurrency import run_concurrently
from acr_transfer.errors import InputError
from acr_transfer.model.documents.handover import Handover
from acr_transfer.model.documents.lock import Lock, LockedArtifact
from acr_transfer.model.documents.receipt import Receipt
from acr_transfer.model.proof import LayerMode, Verdict
from acr_transfer.model.references import Artifact
from acr_transfer.model.visible_text import visible_line
from acr_transfer.prove.layers import LayerProof
from acr_transfer.prove.patience import Patience
from acr_transfer.prove.target import ArtifactFinding, TargetVerifier
from acr_transfer.registry.client import RegistryClient
from acr_transfer.registry.failures import Unreadable


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """The artifacts that were exported, and their digests as far as the document pins them."""

    document: str
    """The document that it was read from, for messages."""

    registry: str
    """The source's login server."""

    artifacts: tuple[str, ...]
    """References, sorted, each once."""

    entries: Mapping[str, LockedArtifact]
    """The lock's entries by reference; empty without a lock."""

    proved: Mapping[str, str] = field(default_factory=dict)
    """The digests of an earlier proof by reference; empty without a receipt."""

    target: str = ""
    """The target's login server, if the document names it."""

    checksum: str
    """The document's checksum."""

    @property
    def is_pinned(self) -> bool:
        """Whether every digest is known; otherwise the digests of tags must be read at the source."""
        known = self.entries.keys() | self.proved.keys()
        return all("@" in name or name in known for name in self.artifacts)

    @classmethod
    def of_handover(cls, handover: Handover, origin: str) -> Self:
        """The artifacts of a hand-over; `origin` is its stack or its file.

        An artifact of its lock that no blob holds was not exported, and is expected all the same.
        """
        entries = {entry.reference: entry for entry in handover.artifacts}
        return cls(
            document=f"hand-over {origin}",
            registry=handover.source.login_server,
            artifacts=tuple(sorted({*handover.references, *entries})),
            entries=entries,
            checksum=handover.checksum,
        )

    @classmethod
    def of_lock_file(cls, path: Path) -> Self:
        """The artifacts of a lock. Raises `ModelError` with every fault."""
        lock = Lock.read(path)
        entries = {entry.reference: entry for entry in lock.artifacts}
        return cls(
            document=f"lock {path}",
            registry=lock.registry,
            artifacts=tuple(entries),
            entries=entries,
            checksum=lock.checksum,
        )

    @classmethod
    def of_receipt(cls, path: Path) -> Self:
        """All artifacts of a receipt. Raises `ModelError` with every fault."""
        receipt = Receipt.read(path)
        return cls(
            document=f"receipt {path}",
            registry="",
            artifacts=tuple(sorted(receipt.digests)),
            entries={},
            proved=receipt.digests,
            target=receipt.registry,
            checksum=receipt.checksum,
        )

    def require_target(self, login_server: str) -> None:
        """Raise `InputError` if the document belongs to another target."""
        if self.target and self.target != login_server:
            other = visible_line(self.target)
            raise InputError(
                f"the {self.document} belongs to the registry {other}, and not to {login_server}: "
                "name its target with --target or --registry"
            )


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
    def complete(self) -> bool:
        """Whether every artifact is proved."""
        return self.count(Verdict.PROVED) == len(self.expected)


async def verify(
    expectation: Expectation, source: RegistryClient | None, target: TargetVerifier, patience: Patience
) -> Proof:
    """Verify every artifact at the target, again and again until all are proved or the patience ends.

    The expected digest is the lock's, or that of the reference, or the tag's current one at the source.
    Proved artifacts are not read again. Raises `ServiceError` if a registry does not respond until the end.
    """
    findings = await patience.read(lambda: _expected(expectation, source))
    while True:
        await patience.read(lambda: _round(target, findings))
        if not patience.left or not any(finding.is_open for finding in findings):
            break
        proved = sum(finding.verdict is Verdict.PROVED for finding in findings)
        await patience.pause(f"{proved} of {len(findings)} artifacts proved")
    return Proof(findings=tuple(findings), manifests_read=target.manifests_read, seconds=patience.seconds)


async def _round(target: TargetVerifier, findings: list[ArtifactFinding]) -> None:
    """Verify every open artifact once; an error of the registry keeps the findings before it.

    Raises the registry's error if it returns none of them.
    """
    target.unreadable = Unreadable()

    async def verified(number: int) -> None:
        findings[number] = await target.verify(findings[number])

    await run_concurrently(verified, range(len(findings)))
    target.unreadable.raise_if_all(finding.artifact for finding in findings)


async def _expected(expectation: Expectation, source: RegistryClient | None) -> list[ArtifactFinding]:
    """Each artifact with its expected digest: missing so far, or not provable without a digest."""

    async def expected(reference: str) -> ArtifactFinding:
        artifact, entry = Artifact.of(reference), expectation.entries.get(reference)
        digest = artifact.digest or expectation.proved.get(reference)
        finding = ArtifactFinding(artifact=reference, verdict=Verdict.MISSING, digest=digest)
        if entry:
            return replace(
                finding, digest=entry.digest, subject=entry.subject, artifact_type=entry.artifact_type
            )
        if finding.digest:
            return finding
        manifest = await source.get(artifact.repository, artifact.tag_or_digest) if source else None
        if manifest:
            return replace(finding, digest=manifest.digest).with_manifest(manifest)
        detail = (
            "the source no longer has it, so the exported digest is unknown"
            if source
            else "the hand-over has no digest for it, and the source was not read"
        )
        return replace(finding, verdict=Verdict.NOT_PROVABLE, detail=detail)

    return await run_concurrently(expected, expectation.artifacts)
