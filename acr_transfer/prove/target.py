"""One look at the target: which bytes it gives for an artifact and for everything below it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from acr_transfer.concurrency import together
from acr_transfer.errors import BrokenAnswerError
from acr_transfer.model.proof import ManifestKind, Verdict
from acr_transfer.model.references import Artifact
from acr_transfer.registry.manifests import Descriptor, Manifest, Manifests

AT_A_TIME = 64
"""Artifacts in hand at once; how many requests are under way the registry's client decides."""


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
    kind: ManifestKind | None = None
    children: int = 0
    """Manifests below an index, at any depth."""

    subject: str = ""
    """The digest that this one says something about."""

    artifact_type: str = ""
    detail: str = ""

    @property
    def may_come(self) -> bool:
        """Whether another look can find it proved."""
        return self.digest is not None and self.verdict in (
            Verdict.MISSING,
            Verdict.DIFFERENT,
            Verdict.NOT_PROVABLE,
        )


def described(finding: Finding, manifest: Manifest) -> Finding:
    """The finding with what its manifest says of itself."""
    return replace(
        finding,
        media_type=manifest.media_type,
        kind=manifest.kind,
        children=len(manifest.children),
        subject=manifest.subject or finding.subject,
        artifact_type=manifest.artifact_type,
    )


@dataclass(frozen=True)
class _Fault:
    verdict: Verdict
    got: str | None
    detail: str


@dataclass
class Below:
    """Blobs that an artifact needs, and where one of them is named."""

    blobs: dict[str, Descriptor] = field(default_factory=dict)

    def add(self, manifest: Manifest) -> None:
        """Take in what a manifest names; foreign layers are not in the registry."""
        self.blobs.update((blob.digest, blob) for blob in manifest.blobs if not blob.foreign)


class Target:
    """The target's registry, with a memory of the content that is proved already."""

    def __init__(self, manifests: Manifests) -> None:
        self._manifests = manifests
        self._lanes = asyncio.Semaphore(AT_A_TIME)
        self._proved: dict[tuple[str, str], Manifest] = {}
        self.manifests_read = 0
        self.below: dict[str, Below] = {}
        """By artifact: what its manifests need."""

    async def look(self, finding: Finding) -> Finding:
        """The finding as the target shows it now."""
        reference, expected = Artifact.of(finding.artifact), str(finding.digest)
        try:
            manifest = await self._get(reference.repository, reference.tag_or_digest)
            fault = _compared(reference.tag_or_digest, expected, manifest)
            below, found = 0, Below()
            if manifest is not None and fault is None:
                finding = described(finding, manifest)
                found.add(manifest)
                below, fault = await self._below(reference.repository, manifest, found)
        except BrokenAnswerError as broken:
            return replace(finding, verdict=Verdict.NOT_PROVABLE, got=None, detail=str(broken))
        if fault is not None:
            return replace(finding, verdict=fault.verdict, got=fault.got, detail=fault.detail)
        self.below[finding.artifact] = found
        return replace(finding, verdict=Verdict.PROVED, children=below, got=None, detail="")

    async def _below(self, repository: str, manifest: Manifest, found: Below) -> tuple[int, _Fault | None]:
        """How many manifests hang below this one, and the first fault among them."""
        if not manifest.children:
            return 0, None

        async def child(digest: str) -> tuple[int, _Fault | None]:
            return await self._child(repository, digest, found)

        looked = await together(child, manifest.children, AT_A_TIME)
        return sum(below for below, _ in looked), next((fault for _, fault in looked if fault), None)

    async def _child(self, repository: str, digest: str, found: Below) -> tuple[int, _Fault | None]:
        manifest = self._proved.get((repository, digest)) or await self._get(repository, digest)
        fault = _compared(f"child {digest}", digest, manifest)
        if manifest is None or fault is not None:
            return 1, fault
        self._proved[repository, digest] = manifest
        found.add(manifest)
        below, fault = await self._below(repository, manifest, found)
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


class Listing(Manifests, Protocol):
    """A registry that may list what refers to a digest."""

    async def referrers(self, repository: str, digest: str) -> list[Descriptor] | None:
        """What refers to a digest; None where the registry has no such list."""


async def with_listing(findings: Sequence[Finding], registry: Listing) -> list[Finding]:
    """The findings; a proved referrer that the registry does not list for its subject says so in its detail.

    Clients find a referrer by the registry's list, or by the fallback tag where there is no list.
    https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
    """
    proved = [finding for finding in findings if finding.verdict is Verdict.PROVED]
    wanted = {
        (Artifact.of(finding.artifact).repository, finding.subject): None
        for finding in proved
        if finding.subject and finding.kind is ManifestKind.REFERRER
    }

    async def ask(place: tuple[str, str]) -> tuple[tuple[str, str], set[str]]:
        return place, await _listed(place, registry)

    listed = dict(await together(ask, wanted, AT_A_TIME))

    def said(finding: Finding) -> Finding:
        place = Artifact.of(finding.artifact).repository, finding.subject
        if finding.verdict is not Verdict.PROVED or place not in listed or finding.digest in listed[place]:
            return finding
        detail = f"it is there, but the target does not list it for {finding.subject}: clients cannot find it"
        return replace(finding, detail=detail)

    return [said(finding) for finding in findings]


async def _listed(place: tuple[str, str], registry: Listing) -> set[str]:
    repository, subject = place
    found = await registry.referrers(repository, subject)
    if found is not None:
        return {descriptor.digest for descriptor in found}
    index = await registry.get(repository, subject.replace(":", "-"))
    return set(index.children) if index else set()
