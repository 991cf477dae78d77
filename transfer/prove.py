"""Prove that what was exported is at the target: every manifest is read there and its digest computed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from transfer.manifests import Kind, Manifest, Manifests, Reference
from transfer.together import together

_AT_A_TIME = 16
"""Manifests that are read at the same time."""

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 15.0
"""Seconds between two looks at the target: soon at first, seldom later; an import on Azure takes minutes."""


class Verdict(StrEnum):
    """What the bytes at the target say about one artifact."""

    PROVED = "proved"
    MISSING = "missing"
    DIFFERENT = "different"
    NOT_PROVABLE = "not provable"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One artifact of the hand-over, and what is known about it at the target."""

    artifact: str
    verdict: Verdict
    digest: str | None = None
    """The digest that is expected; None if nothing tells it any more."""

    got: str | None = None
    """The digest that is there instead."""

    media_type: str | None = None
    kind: Kind | None = None
    children: int = 0
    """Manifests below an index, at any depth."""

    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class Proof:
    """All findings, in the order of the hand-over, and what it took to make them."""

    findings: tuple[Finding, ...]
    manifests_read: int
    """Answers of the target's registry that were read and hashed."""

    seconds: float

    @property
    def proved(self) -> int:
        """How many artifacts are proved."""
        return sum(finding.verdict is Verdict.PROVED for finding in self.findings)

    @property
    def complete(self) -> bool:
        """Whether every artifact is proved."""
        return self.proved == len(self.findings)


Watch = Callable[[int, int, float], None]
"""Told artifacts proved so far, artifacts in all, and seconds until the next look (0: no look follows)."""


async def prove(
    artifacts: Iterable[str],
    source: Manifests,
    target: Manifests,
    *,
    wait: float = 0,
    watch: Watch = lambda *_: None,
) -> Proof:
    """Compare target and source for every artifact; look again for `wait` seconds if not all is proved.

    A tag's digest is the one that it has at the source now. A digest reference tells its digest itself, so it
    can be proved without the source. Only what is not proved yet is read again.
    """
    begun = time.monotonic()
    seen = _Target(target)
    findings = await _expected([Reference.parse(text) for text in dict.fromkeys(artifacts)], source)
    pause = _FIRST_PAUSE
    while True:
        findings = await _looked_at(findings, seen)
        left = begun + wait - time.monotonic()
        rest = min(pause, left) if any(map(_may_come, findings)) and left > 0 else 0.0
        watch(sum(finding.verdict is Verdict.PROVED for finding in findings), len(findings), rest)
        if not rest:
            break
        await asyncio.sleep(rest)
        pause = min(pause * 1.5, _LONGEST_PAUSE)
    return Proof(
        findings=tuple(findings), manifests_read=seen.manifests_read, seconds=time.monotonic() - begun
    )


def _may_come(finding: Finding) -> bool:
    return finding.verdict in (Verdict.MISSING, Verdict.DIFFERENT)


async def _expected(references: Sequence[Reference], source: Manifests) -> list[Finding]:
    """What must be at the target: missing until seen there, or not provable at once."""

    async def resolve(reference: Reference) -> Finding:
        if reference.digest:
            return Finding(artifact=reference.text, verdict=Verdict.MISSING, digest=reference.digest)
        manifest = await source.get(reference.repository, reference.tag_or_digest)
        if manifest is None:
            detail = "the source no longer has it, so nothing tells which digest was exported"
            return Finding(artifact=reference.text, verdict=Verdict.NOT_PROVABLE, detail=detail)
        return _described(
            Finding(artifact=reference.text, verdict=Verdict.MISSING, digest=manifest.digest), manifest
        )

    return await together(resolve, references, _AT_A_TIME)


def _described(finding: Finding, manifest: Manifest) -> Finding:
    return replace(
        finding, media_type=manifest.media_type, kind=manifest.kind, children=len(manifest.children)
    )


async def _looked_at(findings: Sequence[Finding], target: _Target) -> list[Finding]:
    async def look(finding: Finding) -> Finding:
        return await target.look(finding) if _may_come(finding) else finding

    return await together(look, findings, _AT_A_TIME)


@dataclass(frozen=True)
class _Fault:
    verdict: Verdict
    got: str | None
    detail: str


class _Target:
    """The target's registry, with a memory of the content that is proved already."""

    def __init__(self, manifests: Manifests) -> None:
        self._manifests = manifests
        self._lanes = asyncio.Semaphore(_AT_A_TIME)
        self._proved: dict[tuple[str, str], Manifest] = {}
        self.manifests_read = 0

    async def look(self, finding: Finding) -> Finding:
        """The finding as the target shows it now."""
        reference, expected = Reference.parse(finding.artifact), str(finding.digest)
        manifest = await self._get(reference.repository, reference.tag_or_digest)
        fault = _compared(reference.tag_or_digest, expected, manifest)
        below = 0
        if manifest is not None and fault is None:
            finding = _described(finding, manifest)
            below, fault = await self._below(reference.repository, manifest)
        if fault is not None:
            return replace(finding, verdict=fault.verdict, got=fault.got, detail=fault.detail)
        return replace(finding, verdict=Verdict.PROVED, children=below, got=None, detail="")

    async def _below(self, repository: str, manifest: Manifest) -> tuple[int, _Fault | None]:
        """How many manifests hang below this one, and the first fault among them."""

        async def child(digest: str) -> tuple[int, _Fault | None]:
            return await self._child(repository, digest)

        looked = await together(child, manifest.children, _AT_A_TIME)
        return sum(below for below, _ in looked), next((fault for _, fault in looked if fault), None)

    async def _child(self, repository: str, digest: str) -> tuple[int, _Fault | None]:
        manifest = self._proved.get((repository, digest)) or await self._get(repository, digest)
        fault = _compared(f"child {digest}", digest, manifest)
        if manifest is None or fault is not None:
            return 1, fault
        self._proved[repository, digest] = manifest
        below, fault = await self._below(repository, manifest)
        return below + 1, fault

    async def _get(self, repository: str, reference: str) -> Manifest | None:
        async with self._lanes:
            manifest = await self._manifests.get(repository, reference)
        self.manifests_read += manifest is not None
        return manifest


def _compared(what: str, expected: str, manifest: Manifest | None) -> _Fault | None:
    if manifest is None:
        return _Fault(Verdict.MISSING, None, f"{what} is not at the target")
    if manifest.digest != expected:
        return _Fault(
            Verdict.DIFFERENT, manifest.digest, f"{what}: expected {expected}, got {manifest.digest}"
        )
    return None
