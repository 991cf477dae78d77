"""Checks that the target's clients can find the proved referrers.

Clients find a referrer by the registry's list, or by the fallback tag if the registry has no list.
https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from acr_transfer.concurrency import run_concurrently
from acr_transfer.model.proof import ManifestKind, Verdict
from acr_transfer.model.references import split_reference
from acr_transfer.prove.finding import ArtifactFinding
from acr_transfer.registry.client import RegistryClient
from acr_transfer.registry.manifest_reader import ManifestKey
from acr_transfer.registry.referrers import fallback_tag


async def note_unlisted_referrers(
    findings: Sequence[ArtifactFinding], registry: RegistryClient
) -> list[ArtifactFinding]:
    """Return the findings; the detail of a proved referrer states if its subject does not list it."""
    subjects = {_subject(finding): None for finding in findings if _is_proved_referrer(finding)}

    async def list_referrers(subject: ManifestKey) -> set[str]:
        return await _listed(subject, registry)

    listed = dict(zip(subjects, await run_concurrently(list_referrers, subjects), strict=True))

    def noted(finding: ArtifactFinding) -> ArtifactFinding:
        if not _is_proved_referrer(finding) or finding.digest in listed[_subject(finding)]:
            return finding
        detail = f"it exists, but the target does not list it for {finding.subject}: clients cannot find it"
        return replace(finding, detail=detail)

    return [noted(finding) for finding in findings]


def _is_proved_referrer(finding: ArtifactFinding) -> bool:
    is_referrer = bool(finding.subject) and finding.kind is ManifestKind.REFERRER
    return is_referrer and finding.verdict is Verdict.PROVED


def _subject(finding: ArtifactFinding) -> ManifestKey:
    return split_reference(finding.artifact)[0], finding.subject


async def _listed(subject: ManifestKey, registry: RegistryClient) -> set[str]:
    repository, digest = subject
    listed = await registry.referrers(repository, digest)
    if listed is not None:
        return {descriptor.digest for descriptor in listed}
    index = await registry.get(repository, fallback_tag(digest))
    return set(index.child_digests) if index else set()
