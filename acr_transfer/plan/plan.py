"""Plans a transfer: the artifacts to move, their state at the target, their size, and warnings."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from enum import StrEnum

from acr_transfer.concurrency import run_concurrently
from acr_transfer.errors import PlanError
from acr_transfer.file_reader import DOCUMENT_BYTES
from acr_transfer.model.documents.faults import with_faults
from acr_transfer.model.documents.lock import Lock, LockedArtifact
from acr_transfer.model.documents.receipt import Receipt
from acr_transfer.model.errors import ModelError
from acr_transfer.model.limits import ARTIFACTS_PER_RUN
from acr_transfer.model.proof import ManifestKind
from acr_transfer.model.references import Artifact
from acr_transfer.model.visible_text import visible_line
from acr_transfer.plan.content_warnings import platform_warnings, unsupported
from acr_transfer.plan.rules import SelectionRules
from acr_transfer.plan.selection import Selection, select
from acr_transfer.progress import ProgressReporter
from acr_transfer.registry.client import RegistryClient
from acr_transfer.registry.manifests import Manifest, ManifestKey, is_referrer_tag
from acr_transfer.registry.resolve import ResolvedArtifacts, content_sizes, resolve
from acr_transfer.units import human_size

_LEAST_FILL = 30
"""Artifacts that a run of the source stack has at least, on average (60 % of the limit)."""


class ArtifactState(StrEnum):
    """An artifact's state at the target."""

    NEW = "new"
    CHANGED = "changed"
    PRESENT = "present"


@dataclass(frozen=True, kw_only=True)
class PlannedArtifact:
    """One artifact and its state at the target."""

    entry: LockedArtifact
    state: ArtifactState
    kind: ManifestKind


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The result of a plan at one moment."""

    registry: str
    """The source's login server."""

    artifacts: tuple[PlannedArtifact, ...]
    """Sorted by reference."""

    missing: tuple[str, ...]
    """References that the target has and the source no longer has; the transfer does not change them."""

    bytes_to_move: int
    """Manifests and blobs of the artifacts to move; shared content counts once."""

    warnings: tuple[str, ...]
    seconds: float

    def of(self, *states: ArtifactState) -> list[PlannedArtifact]:
        """Return the artifacts in these states."""
        return [artifact for artifact in self.artifacts if artifact.state in states]

    @property
    def moving(self) -> list[PlannedArtifact]:
        """The artifacts to move."""
        return self.of(ArtifactState.NEW, ArtifactState.CHANGED)

    @property
    def runs(self) -> tuple[int, int]:
        """The least and the largest number of export runs."""
        count = len(self.moving)
        least = math.ceil(count / ARTIFACTS_PER_RUN)
        return least, max(least, math.ceil(count / _LEAST_FILL)) if count > ARTIFACTS_PER_RUN else least

    def lock(self) -> Lock:
        """Return the lock of the artifacts to move. Raises `PlanError` for one that no command can read."""
        lock = Lock.of(self.registry, (artifact.entry for artifact in self.moving))
        content = lock.content()
        try:
            if len(content) <= DOCUMENT_BYTES and Lock.parse(content.decode()) == lock:
                return lock
        except ModelError as error:
            raise PlanError(f"the lock cannot be read: {error}") from None
        raise PlanError(
            f"the lock would have {human_size(len(content))}, more than {human_size(DOCUMENT_BYTES)}, the "
            "largest that is read: plan fewer artifacts at once, for example one --repository after the other"
        )


@dataclass(frozen=True)
class ReceiptBaseline:
    """The artifacts that a receipt proves at the target."""

    receipt: Receipt

    async def digests(self, references: Sequence[str]) -> Mapping[str, str]:
        """Return the proved digest of each of these references."""
        proved = self.receipt.digests
        return {name: proved[name] for name in references if name in proved}

    async def others(self, references: Sequence[str]) -> list[str]:
        """Return the other proved references, sorted."""
        return sorted(self.receipt.digests.keys() - set(references))


@dataclass(frozen=True)
class RegistryBaseline:
    """The registry of a target that this machine can reach."""

    registry: RegistryClient

    async def digests(self, references: Sequence[str]) -> Mapping[str, str]:
        """Return the digest of each of these references that the registry has, computed from its bytes."""

        async def digest(reference: str) -> str | None:
            artifact = Artifact.of(reference)
            manifest = await self.registry.get(artifact.repository, artifact.tag_or_digest)
            return manifest.digest if manifest else None

        found = await run_concurrently(digest, references)
        return {name: each for name, each in zip(references, found, strict=True) if each is not None}

    async def others(self, references: Sequence[str]) -> list[str]:
        """Return the other tags of the same repositories, sorted; the plan covers no other repositories."""

        async def tags(repository: str) -> list[str]:
            listed = await self.registry.tags(repository) or ()
            return [f"{repository}:{tag}" for tag in listed if not is_referrer_tag(tag)]

        repositories = sorted({Artifact.of(reference).repository for reference in references})
        listed = await run_concurrently(tags, repositories)
        return sorted({name for names in listed for name in names} - set(references))


Baseline = ReceiptBaseline | RegistryBaseline
"""The known content of the target: the digests of references, and the other references."""


async def plan(
    rules: SelectionRules,
    registry: RegistryClient,
    *,
    baseline: Baseline | None = None,
    as_of: datetime | None = None,
    with_referrers: bool = True,
    strict: bool = False,
    progress: ProgressReporter | None = None,
) -> Plan:
    """Read the registry once and plan the transfer.

    The age of a tag is counted from `as_of`, or from now. Raises one `PlanError` for all named artifacts that
    do not exist and all rules that match no repository; with `strict` also for all warnings.
    """
    began, progress = time.monotonic(), progress or ProgressReporter()
    selection = await select(rules, registry, as_of or datetime.now(UTC))
    progress.begin("reading manifests", len(selection.references))
    resolved = await resolve(
        selection.references,
        selection.tags,
        registry,
        with_referrers=with_referrers,
        advance=progress.advance,
    )
    absent = [_absence(Artifact.of(reference), selection) for reference in resolved.absent]
    _refuse([*absent, *selection.without_repositories])
    warnings = [*selection.without_tags, *resolved.missing, *unsupported(resolved)]
    warnings += await platform_warnings(rules.platforms, resolved, registry)
    _refuse([f"{warning} (--strict)" for warning in warnings] if strict else ())
    references = [entry.reference for entry in resolved.artifacts]
    at_target = await baseline.digests(references) if baseline else {}
    artifacts = tuple(_planned(entry, at_target, resolved) for entry in resolved.artifacts)
    others = await baseline.others(references) if baseline else []
    at_source = await _existing(others, registry)
    return Plan(
        registry=registry.login_server,
        artifacts=artifacts,
        missing=tuple(other for other, exists in zip(others, at_source, strict=True) if not exists),
        bytes_to_move=_bytes_to_move(artifacts, resolved.manifests),
        warnings=tuple(warnings),
        seconds=time.monotonic() - began,
    )


async def _existing(references: Sequence[str], registry: RegistryClient) -> list[bool]:
    """Whether each of these references exists."""

    async def exists(reference: str) -> bool:
        artifact = Artifact.of(reference)
        return await registry.exists(artifact.repository, artifact.tag_or_digest)

    return await run_concurrently(exists, references)


def _refuse(faults: Sequence[str]) -> None:
    if faults:
        raise PlanError(with_faults("no lock was written:", [*map(visible_line, faults)]))


def _absence(artifact: Artifact, selection: Selection) -> str:
    """A message about an absent artifact, with tags that have similar names."""
    absence = f"{artifact.reference} is not in the registry"
    tags = selection.tags.get(artifact.repository)
    if tags is None:
        return f"{absence}: the repository {artifact.repository!r} does not exist"
    similar = [] if artifact.digest else get_close_matches(artifact.tag, sorted(tags))
    return f"{absence}; similar tags: {', '.join(similar)}" if similar else absence


def _planned(
    entry: LockedArtifact, at_target: Mapping[str, str], resolved: ResolvedArtifacts
) -> PlannedArtifact:
    state, found = ArtifactState.NEW, at_target.get(entry.reference)
    if found is not None:
        state = ArtifactState.PRESENT if found == entry.digest else ArtifactState.CHANGED
    manifest = resolved.manifests[entry.repository, entry.digest]
    return PlannedArtifact(entry=entry, state=state, kind=manifest.kind)


def _bytes_to_move(artifacts: Sequence[PlannedArtifact], manifests: Mapping[ManifestKey, Manifest]) -> int:
    sizes: dict[str, int] = {}
    for artifact in artifacts:
        if artifact.state is not ArtifactState.PRESENT:
            sizes |= content_sizes((artifact.entry.repository, artifact.entry.digest), manifests)
    return sum(sizes.values())
