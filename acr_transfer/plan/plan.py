"""Plans a transfer: the artifacts to move, their state at the target, their size, and warnings."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import repeat

from acr_transfer.concurrency import run_concurrently
from acr_transfer.errors import PlanError
from acr_transfer.file_reader import DOCUMENT_BYTES
from acr_transfer.model.documents.lock import Lock, LockedArtifact
from acr_transfer.model.errors import ModelError
from acr_transfer.model.limits import ARTIFACTS_PER_RUN
from acr_transfer.model.proof import ManifestKind
from acr_transfer.model.references import Artifact
from acr_transfer.plan.baseline import ArtifactState, Baseline
from acr_transfer.plan.content_warnings import left_behind, platform_warnings, unsupported
from acr_transfer.plan.refusals import refuse, refuse_selection
from acr_transfer.plan.rules import SelectionRules
from acr_transfer.plan.selection import select
from acr_transfer.progress import ProgressReporter
from acr_transfer.registry.client import RegistryClient
from acr_transfer.registry.failures import SINGLE_FAILURES, Unreadable
from acr_transfer.registry.manifests import Manifest, ManifestKey
from acr_transfer.registry.resolve import ResolvedArtifacts, content_sizes, resolve
from acr_transfer.units import human_size

_LEAST_FILL = 30
"""Artifacts that a run of the source stack has at least, on average (60 % of the limit)."""


@dataclass(frozen=True, kw_only=True)
class PlannedArtifact:
    """One artifact and its state at the target."""

    entry: LockedArtifact
    state: ArtifactState
    kind: ManifestKind


# asyncio.run computes the repr of its result: that of 10,000 artifacts would be megabytes.
@dataclass(frozen=True, kw_only=True, repr=False)
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
        return self.of(ArtifactState.NEW, ArtifactState.CHANGED, ArtifactState.INCOMPLETE)

    @property
    def runs(self) -> tuple[int, int]:
        """The least and the largest number of export runs."""
        count = len(self.moving)
        least = math.ceil(count / ARTIFACTS_PER_RUN)
        return least, max(least, math.ceil(count / _LEAST_FILL)) if count > ARTIFACTS_PER_RUN else least

    @cached_property
    def lock(self) -> Lock:
        """The lock of the artifacts to move. Raises `PlanError` for one that no command can read."""
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
    await refuse_selection(rules, selection, resolved, registry)
    warnings = [*selection.without_tags, *resolved.missing, *unsupported(resolved)]
    warnings += left_behind(selection, resolved) if with_referrers else ()
    warnings += await platform_warnings(rules.platforms, resolved, registry)
    refuse([f"{warning} (--strict)" for warning in warnings] if strict else ())
    references = [entry.reference for entry in resolved.artifacts]
    states = await _states(baseline, resolved.artifacts)
    artifacts = tuple(map(_planned, resolved.artifacts, states, repeat(resolved)))
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
    """Whether each of these references exists; one that cannot be read is not known to be gone."""

    async def exists(reference: str) -> bool:
        artifact = Artifact.of(reference)
        try:
            return await registry.exists(artifact.repository, artifact.tag_or_digest)
        except SINGLE_FAILURES:
            return True

    return await run_concurrently(exists, references)


async def _states(baseline: Baseline | None, entries: Sequence[LockedArtifact]) -> list[ArtifactState]:
    """The state of each artifact at the target. Raises one error for those that it does not return."""
    if baseline is None:
        return [ArtifactState.NEW for _ in entries]
    unreadable = Unreadable()

    async def state(entry: LockedArtifact) -> ArtifactState | None:
        return await unreadable.read(f"{entry.reference} at the target", baseline.state(entry))

    found = await run_concurrently(state, entries)
    refuse((), unreadable.errors)
    return [each for each in found if each is not None]


def _planned(entry: LockedArtifact, state: ArtifactState, resolved: ResolvedArtifacts) -> PlannedArtifact:
    manifest = resolved.manifests[entry.repository, entry.digest]
    return PlannedArtifact(entry=entry, state=state, kind=manifest.kind)


def _bytes_to_move(artifacts: Sequence[PlannedArtifact], manifests: Mapping[ManifestKey, Manifest]) -> int:
    sizes: dict[str, int] = {}
    for artifact in artifacts:
        if artifact.state is not ArtifactState.PRESENT:
            sizes |= content_sizes((artifact.entry.repository, artifact.entry.digest), manifests)
    return sum(sizes.values())
