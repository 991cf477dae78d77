"""Plan a transfer: what moves, what is at the target already, how much it is, and what may go wrong."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from enum import StrEnum
from typing import Protocol

from acr_transfer.concurrency import together
from acr_transfer.errors import PlanError
from acr_transfer.model.documents.lock import Lock, LockedArtifact
from acr_transfer.model.limits import ARTIFACTS_PER_RUN
from acr_transfer.model.proof import ManifestKind
from acr_transfer.model.references import Artifact
from acr_transfer.plan.baseline import Known
from acr_transfer.plan.platforms import Configs, platform_faults
from acr_transfer.plan.rules import Rules
from acr_transfer.plan.selection import Chosen, Shelves, choose
from acr_transfer.plan.unsupported import burdens
from acr_transfer.registry.resolve import Advance, Resolved, Source, resolve, sizes

_LEAST_FILL = 30
"""Artifacts that a run of the source stack has at least, on average (60 % of the limit)."""

_AT_A_TIME = 64


class State(StrEnum):
    """What a transfer does about one artifact."""

    NEW = "new"
    CHANGED = "changed"
    PRESENT = "present"


class Registry(Shelves, Source, Configs, Protocol):
    """A source registry, as far as a plan needs it."""

    async def digest(self, repository: str, reference: str) -> str | None:
        """What the registry calls a tag's digest; None if the tag is not there."""


@dataclass(frozen=True, kw_only=True)
class Planned:
    """One artifact, and what is to be done about it."""

    entry: LockedArtifact
    state: State
    kind: ManifestKind


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What was found at one moment."""

    registry: str
    artifacts: tuple[Planned, ...]
    """Sorted by reference."""

    missing: tuple[str, ...]
    """References that the target has and the source has no more: nothing is done about them."""

    bytes_to_move: int
    """Manifests and blobs of what moves; what several of them share counts once."""

    warnings: tuple[str, ...]
    seconds: float

    def of(self, *states: State) -> list[Planned]:
        """The artifacts in these states."""
        return [planned for planned in self.artifacts if planned.state in states]

    @property
    def moving(self) -> list[Planned]:
        """What is not at the target yet."""
        return self.of(State.NEW, State.CHANGED)

    @property
    def batches(self) -> tuple[int, int]:
        """The least and the most runs that the source stack makes of it."""
        count = len(self.moving)
        least = math.ceil(count / ARTIFACTS_PER_RUN)
        return least, max(least, math.ceil(count / _LEAST_FILL)) if count > ARTIFACTS_PER_RUN else least

    def lock(self) -> Lock:
        """The lock of what moves."""
        return Lock.of(self.registry, (planned.entry for planned in self.moving))


async def plan(
    rules: Rules,
    registry: Registry,
    login_server: str,
    now: datetime,
    *,
    known: Known | None = None,
    with_referrers: bool = True,
    strict: bool = False,
    begin: Advance = lambda _: None,
    advance: Advance = lambda _: None,
) -> Plan:
    """Look once at the registry and say what moves.

    Raises one `PlanError` that lists every artifact that is named and not there, and every rule that fits no
    repository; with `strict` also everything that is only warned of otherwise.
    """
    begun = time.monotonic()
    chosen = await choose(rules, registry, now)
    begin(len(chosen.references))
    found = await resolve(
        chosen.references, chosen.tags, registry, with_referrers=with_referrers, advance=advance
    )
    _refuse(_absences(chosen, found))
    warnings = [*chosen.empty, *sorted(set(found.lost)), *burdens(found)]
    warnings += await platform_faults(rules.platforms, found, registry)
    if strict:
        _refuse([f"{warning} (--strict)" for warning in warnings])
    artifacts = await _compared(found, known)
    moving = [(one.entry.repository, one.entry.digest) for one in artifacts if one.state is not State.PRESENT]
    shared: dict[str, int] = {}
    for place in moving:
        shared |= sizes(place, found.held)
    return Plan(
        registry=login_server,
        artifacts=tuple(artifacts),
        missing=tuple(await _missing(artifacts, known, registry)),
        bytes_to_move=sum(shared.values()),
        warnings=tuple(warnings),
        seconds=time.monotonic() - begun,
    )


def _refuse(faults: Sequence[str]) -> None:
    if faults:
        raise PlanError("no lock was written:\n  " + "\n  ".join(faults))


def _absences(chosen: Chosen, found: Resolved) -> list[str]:
    return [*(_absence(Artifact.of(text), chosen) for text in found.absent), *chosen.unfit]


def _absence(reference: Artifact, chosen: Chosen) -> str:
    """That an artifact is not there, and what is there with almost the same name."""
    said = f"{reference.reference} is not in the registry"
    tags = chosen.tags.get(reference.repository)
    if tags is None:
        return f"{said}: there is no repository {reference.repository!r}"
    near = [] if reference.digest else get_close_matches(reference.tag_or_digest, sorted(tags))
    return f"{said}; tags like it: {', '.join(near)}" if near else said


async def _compared(found: Resolved, known: Known | None) -> list[Planned]:
    there = await known.digests([entry.reference for entry in found.entries]) if known else {}
    return [
        Planned(
            entry=entry,
            state=_state(entry, there),
            kind=found.held[entry.repository, entry.digest].kind,
        )
        for entry in found.entries
    ]


def _state(entry: LockedArtifact, there: Mapping[str, str]) -> State:
    if entry.reference not in there:
        return State.NEW
    return State.PRESENT if there[entry.reference] == entry.digest else State.CHANGED


async def _missing(artifacts: Sequence[Planned], known: Known | None, registry: Registry) -> list[str]:
    others = await known.others([planned.entry.reference for planned in artifacts]) if known else []

    async def gone(reference: str) -> str | None:
        there = Artifact.of(reference)
        found = await registry.digest(there.repository, there.tag_or_digest)
        return reference if found is None else None

    return sorted(filter(None, await together(gone, others, _AT_A_TIME)))
