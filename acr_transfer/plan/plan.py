"""Plans a transfer: the artifacts to move, their state at the target, their size, and warnings."""

import asyncio
import math
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from difflib import get_close_matches
from enum import StrEnum
from itertools import repeat

from acr_transfer.concurrency import run_concurrently
from acr_transfer.errors import FAILURES, PlanError, RegistryAccessError, ServiceError, TransferError
from acr_transfer.file_reader import DOCUMENT_BYTES
from acr_transfer.model.documents.faults import with_faults
from acr_transfer.model.documents.lock import Lock, LockedArtifact
from acr_transfer.model.documents.receipt import Receipt
from acr_transfer.model.errors import ModelError
from acr_transfer.model.limits import ARTIFACTS_PER_RUN
from acr_transfer.model.proof import ManifestKind
from acr_transfer.model.references import Artifact, listed
from acr_transfer.model.visible_text import visible_line
from acr_transfer.plan.content_warnings import left_behind, platform_warnings, unsupported
from acr_transfer.plan.rules import SelectionRules
from acr_transfer.plan.selection import Selection, select
from acr_transfer.progress import ProgressReporter
from acr_transfer.registry.client import RegistryClient
from acr_transfer.registry.failures import described, is_locked
from acr_transfer.registry.manifests import Manifest, ManifestKey, is_referrer_tag
from acr_transfer.registry.resolve import ResolvedArtifacts, content_sizes, resolve
from acr_transfer.units import human_size

_LEAST_FILL = 30
"""Artifacts that a run of the source stack has at least, on average (60 % of the limit)."""


class ArtifactState(StrEnum):
    """An artifact's state at the target."""

    NEW = "new"
    CHANGED = "changed"
    INCOMPLETE = "incomplete"
    """The target has the artifact, but lacks manifests that it lists."""

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
        return self.of(ArtifactState.NEW, ArtifactState.CHANGED, ArtifactState.INCOMPLETE)

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

    async def state(self, entry: LockedArtifact) -> ArtifactState:
        """Return an artifact's state according to the last proof."""
        return _state(entry, self.receipt.digests.get(entry.reference))

    async def others(self, references: Sequence[str]) -> list[str]:
        """Return the other proved references, sorted."""
        return sorted(self.receipt.digests.keys() - set(references))


@dataclass(frozen=True)
class RegistryBaseline:
    """The registry of a target that this machine can reach."""

    registry: RegistryClient

    _read: dict[ManifestKey, asyncio.Task[bool]] = field(default_factory=dict)
    """Which manifests below indexes the registry has: each is read once."""

    async def state(self, entry: LockedArtifact) -> ArtifactState:
        """Return an artifact's state, by the bytes of its manifest and of all manifests below it.

        Their configs and layers are not requested: a registry accepts a manifest only after them, and deletes
        them only after it.
        """
        artifact = entry.artifact
        manifest = await self.registry.get(artifact.repository, artifact.tag_or_digest)
        found = _state(entry, manifest.digest if manifest else None)
        if found is ArtifactState.PRESENT and not await self._has_all(entry):
            return ArtifactState.INCOMPLETE
        return found

    async def _has_all(self, entry: LockedArtifact) -> bool:
        return all(
            await asyncio.gather(*(self._has(entry.repository, each.digest) for each in entry.children))
        )

    async def _has(self, repository: str, digest: str) -> bool:
        key = (repository, digest)
        if key not in self._read:
            self._read[key] = asyncio.create_task(self._is_right(*key))
        return await self._read[key]

    async def _is_right(self, repository: str, digest: str) -> bool:
        manifest = await self.registry.get(repository, digest)
        return manifest is not None and manifest.digest == digest

    async def others(self, references: Sequence[str]) -> list[str]:
        """Return the other tags of the same repositories, sorted; the plan covers no other repositories."""

        async def tags(repository: str) -> list[str]:
            found = await self.registry.tags(repository) or ()
            return [f"{repository}:{tag}" for tag in found if not is_referrer_tag(tag)]

        repositories = sorted({Artifact.of(reference).repository for reference in references})
        found = await run_concurrently(tags, repositories)
        return sorted({name for names in found for name in names} - set(references))


Baseline = ReceiptBaseline | RegistryBaseline
"""The known content of the target: the states of artifacts, and the other references."""


def _state(entry: LockedArtifact, found: str | None) -> ArtifactState:
    if found is None:
        return ArtifactState.NEW
    return ArtifactState.PRESENT if found == entry.digest else ArtifactState.CHANGED


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
    names = await _similar_names(rules, selection, registry)
    _refuse_selection(rules, selection, resolved, names)
    warnings = [*selection.without_tags, *resolved.missing, *unsupported(resolved)]
    warnings += left_behind(selection, resolved) if with_referrers else ()
    warnings += await platform_warnings(rules.platforms, resolved, registry)
    _refuse([f"{warning} (--strict)" for warning in warnings] if strict else ())
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
    """Whether each of these references exists."""

    async def exists(reference: str) -> bool:
        artifact = Artifact.of(reference)
        return await registry.exists(artifact.repository, artifact.tag_or_digest)

    return await run_concurrently(exists, references)


async def _similar_names(
    rules: SelectionRules, selection: Selection, registry: RegistryClient
) -> Sequence[str]:
    """All repositories, if a named one does not exist and the caller may list them."""
    wanted = {artifact.repository for artifact in rules.named}
    wanted.update(name for rule in rules.rules for name in rule.fixed_repositories() or ())
    if wanted <= selection.tags.keys() | selection.unreadable.keys():
        return ()
    with suppress(*FAILURES):
        return await registry.repositories()
    return ()


def _other_digests(rules: SelectionRules, resolved: ResolvedArtifacts) -> list[str]:
    """Messages about tags that do not have the digest that they must have."""
    found = {entry.reference: entry.digest for entry in resolved.artifacts}
    return [
        f"{one.reference} has the digest {found[one.reference]}, and not {one.pinned}"
        for one in rules.named
        if one.pinned and found.get(one.reference, one.pinned) != one.pinned
    ]


def _refuse_selection(
    rules: SelectionRules, selection: Selection, resolved: ResolvedArtifacts, names: Sequence[str]
) -> None:
    """Raise one error for all artifacts that cannot be planned; `names` are all repositories, if known."""
    others = _other_digests(rules, resolved)
    similar = [] if not selection.without_repositories else list(_similar_to_rules(rules, selection, names))
    absent = [Artifact.of(reference) for reference in resolved.absent]
    unreadable = {**selection.unreadable, **resolved.unreadable}
    faults = [*others, *(_absence(each, selection, names) for each in absent)]
    faults += [*selection.without_repositories, *similar, *_prefix_hints(absent, names)]
    faults += [described(*each) for each in unreadable.items()]
    if len(unreadable) == len(faults):
        # A cause that is the same for all has its own exit code.
        _raise_shared(unreadable)
    _refuse(faults)


def _raise_shared(unreadable: Mapping[str, TransferError]) -> None:
    refused = [error for error in unreadable.values() if isinstance(error, RegistryAccessError)]
    if refused and len(refused) == len(unreadable):
        names = visible_line(listed([*unreadable]))
        what = f"no lock was written: {refused[0].refused} for {names}"
        raise RegistryAccessError(what, refused[0].login_server, lists=refused[0].lists)
    if unreadable and not refused and not any(map(is_locked, unreadable.values())):
        raise ServiceError(_message([described(*each) for each in unreadable.items()]))


def _refuse(faults: Sequence[str]) -> None:
    if faults:
        raise PlanError(_message(faults))


def _message(faults: Sequence[str]) -> str:
    return with_faults("no lock was written:", [*map(visible_line, faults)])


def _similar_to_rules(rules: SelectionRules, selection: Selection, names: Sequence[str]) -> Iterator[str]:
    """Repositories with names similar to those of rules that do not exist."""
    wanted = {name for rule in rules.rules for name in rule.fixed_repositories() or ()}
    for name in sorted(wanted - selection.tags.keys()):
        if similar := get_close_matches(name, names):
            yield f"similar repositories to {name}: {', '.join(similar)}"


def _prefix_hints(absent: Sequence[Artifact], names: Sequence[str]) -> Iterator[str]:
    """Prefixes without which absent repositories exist, such as the host of another registry."""
    found = Counter(
        first
        for first, _, rest in (artifact.repository.partition("/") for artifact in absent)
        if rest in names
    )
    for prefix, count in found.items():
        exist = "1 of them exists" if count == 1 else f"{count:,} of them exist"
        yield f"{exist} without {prefix}/: add the option --strip-prefix {prefix}"


def _absence(artifact: Artifact, selection: Selection, names: Sequence[str]) -> str:
    """A message about an absent artifact, with repositories or tags that have similar names."""
    absence = f"{artifact.reference} is not in the registry"
    tags = selection.tags.get(artifact.repository)
    if tags is None:
        similar = get_close_matches(artifact.repository, names)
        like = f"; similar repositories: {', '.join(similar)}" if similar else ""
        return f"{absence}: the repository {artifact.repository!r} does not exist{like}"
    similar = [] if artifact.digest else get_close_matches(artifact.tag, sorted(tags))
    return f"{absence}; similar tags: {', '.join(similar)}" if similar else absence


async def _states(baseline: Baseline | None, entries: Sequence[LockedArtifact]) -> list[ArtifactState]:
    if baseline is None:
        return [ArtifactState.NEW for _ in entries]
    return await run_concurrently(baseline.state, entries)


def _planned(entry: LockedArtifact, state: ArtifactState, resolved: ResolvedArtifacts) -> PlannedArtifact:
    manifest = resolved.manifests[entry.repository, entry.digest]
    return PlannedArtifact(entry=entry, state=state, kind=manifest.kind)


def _bytes_to_move(artifacts: Sequence[PlannedArtifact], manifests: Mapping[ManifestKey, Manifest]) -> int:
    sizes: dict[str, int] = {}
    for artifact in artifacts:
        if artifact.state is not ArtifactState.PRESENT:
            sizes |= content_sizes((artifact.entry.repository, artifact.entry.digest), manifests)
    return sum(sizes.values())
