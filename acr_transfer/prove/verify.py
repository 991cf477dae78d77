"""Prove that what was exported is at the target: every manifest is read there and its digest computed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from acr_transfer.concurrency import together
from acr_transfer.errors import TransferError
from acr_transfer.model.documents.lock import LockedArtifact
from acr_transfer.model.proof import LayerMode, Verdict
from acr_transfer.model.references import Artifact
from acr_transfer.prove.layers import LayerProof
from acr_transfer.prove.target import AT_A_TIME, Finding, Target, described
from acr_transfer.registry.manifests import Manifests

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 15.0
"""Seconds between two looks at the target: soon at first, seldom later; an import on Azure takes minutes."""


@dataclass(frozen=True, kw_only=True)
class Proof:
    """All findings, in the order of the hand-over and extra ones last, and what it took to make them."""

    findings: tuple[Finding, ...]
    manifests_read: int
    """Answers of the target's registry that were read and hashed."""

    seconds: float
    layers: LayerProof = field(default_factory=lambda: LayerProof(mode=LayerMode.NONE))

    @property
    def expected(self) -> tuple[Finding, ...]:
        """The findings about what had to arrive."""
        return tuple(finding for finding in self.findings if finding.verdict is not Verdict.EXTRA)

    def count(self, verdict: Verdict) -> int:
        """How many findings are so."""
        return sum(finding.verdict is verdict for finding in self.findings)

    @property
    def proved(self) -> int:
        """How many artifacts are proved."""
        return self.count(Verdict.PROVED)

    @property
    def complete(self) -> bool:
        """Whether every artifact is proved."""
        return self.proved == len(self.expected)


Watch = Callable[[int, int, float], None]
"""Told artifacts proved so far, artifacts in all, and seconds until the next look (0: no look follows)."""


async def prove(
    artifacts: Iterable[str],
    source: Manifests | None,
    target: Manifests | Target,
    *,
    pinned: Mapping[str, LockedArtifact] | None = None,
    wait: float = 0,
    watch: Watch = lambda *_: None,
) -> Proof:
    """Look at the target for every artifact; look again for `wait` seconds if not all is proved.

    The digest that is expected is the one of `pinned` (what the lock said); of a digest reference its own; of
    any other tag the one that it has at the source now. Only what is not proved yet is read again.
    """
    begun = time.monotonic()
    seen = target if isinstance(target, Target) else Target(target)
    references = [Artifact.of(text) for text in dict.fromkeys(artifacts)]
    findings = await _expected(references, source, pinned or {})
    pause = _FIRST_PAUSE
    while True:
        findings = await _looked_at(findings, seen)
        left = begun + wait - time.monotonic()
        rest = min(pause, left) if any(finding.may_come for finding in findings) and left > 0 else 0.0
        watch(sum(finding.verdict is Verdict.PROVED for finding in findings), len(findings), rest)
        if not rest:
            break
        await asyncio.sleep(rest)
        pause = min(pause * 1.5, _LONGEST_PAUSE)
    return Proof(
        findings=tuple(findings), manifests_read=seen.manifests_read, seconds=time.monotonic() - begun
    )


async def _expected(
    references: Sequence[Artifact], source: Manifests | None, pinned: Mapping[str, LockedArtifact]
) -> list[Finding]:
    """What must be at the target: missing until seen there, or not provable at once."""

    async def resolve(reference: Artifact) -> Finding:
        missing = Finding(artifact=reference.reference, verdict=Verdict.MISSING)
        entry = pinned.get(reference.reference)
        if entry is not None:
            return replace(
                missing, digest=entry.digest, subject=entry.subject, artifact_type=entry.artifact_type
            )
        if reference.digest:
            return replace(missing, digest=reference.digest)
        if source is None:
            return _unknown(missing, "the hand-over names no digest for it, and the source is out of reach")
        manifest = await source.get(reference.repository, reference.tag_or_digest)
        if manifest is None:
            return _unknown(
                missing, "the source no longer has it, so nothing tells which digest was exported"
            )
        return described(replace(missing, digest=manifest.digest), manifest)

    return await together(resolve, references, AT_A_TIME)


def _unknown(finding: Finding, detail: str) -> Finding:
    return replace(finding, verdict=Verdict.NOT_PROVABLE, detail=detail)


async def _looked_at(findings: Sequence[Finding], target: Target) -> list[Finding]:
    async def look(finding: Finding) -> Finding:
        return await target.look(finding) if finding.may_come else finding

    return await together(look, findings, AT_A_TIME)


class Tagged(Protocol):
    """A registry that lists tags."""

    async def tags(self, repository: str) -> list[str] | None:
        """All tags; None if there is no such repository."""


async def extras(proof: Proof, known: Iterable[str], registry: Tagged) -> list[Finding] | None:
    """Tags of the hand-over's repositories that neither it nor `known` names; None if none may be listed."""
    named = {finding.artifact for finding in proof.findings} | set(known)
    repositories = sorted({Artifact.of(finding.artifact).repository for finding in proof.findings})

    async def ask(repository: str) -> list[str]:
        return [f"{repository}:{tag}" for tag in sorted(await registry.tags(repository) or ())]

    try:
        listed = await together(ask, repositories, AT_A_TIME)
    except TransferError:
        return None
    return [
        Finding(
            artifact=name, verdict=Verdict.EXTRA, detail="in a repository of the hand-over, but not in it"
        )
        for names in listed
        for name in names
        if name not in named
    ]


def with_layers(proof: Proof, layers: LayerProof, target: Target) -> Proof:
    """The proof after layers were read: an artifact that needs a faulty one is not proved."""
    faults = layers.faults or {}

    def judged(finding: Finding) -> Finding:
        needs = target.below.get(finding.artifact)
        wrong = [digest for digest in (needs.blobs if needs else ()) if digest in faults]
        if finding.verdict is not Verdict.PROVED or not wrong:
            return finding
        detail = faults[wrong[0]]
        absent = detail.endswith("is not at the target")
        return replace(finding, verdict=Verdict.MISSING if absent else Verdict.DIFFERENT, detail=detail)

    return replace(proof, findings=tuple(map(judged, proof.findings)), layers=layers)
