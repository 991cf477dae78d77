"""From references to digests: every manifest read, children of indexes and whatever refers to them found."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from pydantic import ValidationError

from acr_transfer.concurrency import together
from acr_transfer.errors import PlanError, ServiceError
from acr_transfer.model.documents.faults import faults_of
from acr_transfer.model.documents.lock import LockedArtifact, LockedManifest
from acr_transfer.model.proof import ManifestKind
from acr_transfer.model.references import Artifact
from acr_transfer.registry.manifests import Descriptor, Manifest

_AT_A_TIME = 64

Place = tuple[str, str]
"""A repository and a digest."""

Advance = Callable[[int], None]


class Source(Protocol):
    """A registry, as far as resolving needs it."""

    async def get(self, repository: str, reference: str) -> Manifest | None:
        """A manifest; None if it is not there."""

    async def referrers(self, repository: str, digest: str) -> list[Descriptor] | None:
        """What refers to a digest; None where the registry has no such list."""


@dataclass(frozen=True, kw_only=True)
class Held:
    """One manifest, as far as a plan needs it: its bytes are not kept."""

    digest: str
    media_type: str
    size: int
    kind: ManifestKind
    artifact_type: str
    subject: str
    listed: tuple[Descriptor, ...]
    blobs: tuple[Descriptor, ...]
    config: Descriptor | None
    schema_1: bool

    @classmethod
    def of(cls, manifest: Manifest) -> Held:
        """What a manifest says."""
        return cls(
            digest=manifest.digest,
            media_type=manifest.plain_media_type,
            size=len(manifest.content),
            kind=manifest.kind,
            artifact_type=manifest.artifact_type,
            subject=manifest.subject,
            listed=manifest.listed,
            blobs=manifest.blobs,
            config=manifest.config,
            schema_1=manifest.schema_1,
        )


@dataclass
class Resolved:
    """Everything that was read."""

    entries: list[LockedArtifact] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    """References that are not in the registry."""

    held: dict[Place, Held] = field(default_factory=dict)
    """All manifests, children and referrers among them."""

    lost: list[str] = field(default_factory=list)
    """Children and referrers that are listed but not there, in words."""

    def names(self) -> dict[Place, str]:
        """Every manifest as the person who planned knows it: what was asked for, or what of it this is."""
        found: dict[Place, str] = {}
        for entry in self.entries:
            for child in entry.children:
                found[entry.repository, child.digest] = f"{child.digest} in {entry.reference}"
        return found | {(entry.repository, entry.digest): entry.reference for entry in self.entries}


async def resolve(
    references: Iterable[str],
    tags: Mapping[str, frozenset[str]],
    registry: Source,
    *,
    with_referrers: bool = True,
    advance: Advance = lambda _: None,
) -> Resolved:
    """Read all references, what they are made of and what refers to them, at any depth.

    `tags` has all tags of the repositories: the ones that the fallback scheme uses are looked up in it.
    """
    return await _Reading(tags, registry, advance).all(list(references), with_referrers)


class _Reading:
    def __init__(self, tags: Mapping[str, frozenset[str]], registry: Source, advance: Advance) -> None:
        self._tags, self._registry, self._advance = tags, registry, advance
        self._found = Resolved()
        self._named: dict[str, Place] = {}
        """What every reference stands for."""

        self._about: dict[Place, list[str]] = {}
        """Digests of what refers to a manifest."""

        self._subjects: dict[str, str] = {}
        """What references that have no subject of their own are about."""

    async def all(self, references: list[str], with_referrers: bool) -> Resolved:
        fresh = await self._read(references)
        self._found.absent = sorted(set(references) - self._named.keys())
        while fresh:
            fresh = fresh + await self._children(fresh)
            fresh = await self._referrers(fresh) if with_referrers else []
        self._found.entries = [self._entry(name, place) for name, place in sorted(self._named.items())]
        return self._found

    async def _read(self, references: Iterable[str]) -> list[Place]:
        """Read references that become entries; the places that were not known before."""

        async def one(text: str) -> Place | None:
            reference = Artifact.of(text)
            held = await self._get(reference.repository, reference.tag_or_digest)
            self._advance(1)
            if held is None:
                return None
            place = reference.repository, held.digest
            self._named[text] = place
            new = place not in self._found.held
            self._found.held[place] = held
            return place if new else None

        return [place for place in await together(one, references, _AT_A_TIME) if place]

    async def _get(self, repository: str, reference: str) -> Held | None:
        manifest = await self._registry.get(repository, reference)
        if manifest is None:
            return None
        if reference.startswith("sha256:") and manifest.digest != reference and not manifest.schema_1:
            raise ServiceError(
                f"the registry gives other content for {repository}@{reference}: {manifest.digest}. "
                "Its storage is damaged, or something on the way changes what it sends."
            )
        # A plan is of thousands: let the others have their turn.
        await asyncio.sleep(0)
        return Held.of(manifest)

    async def _children(self, places: Iterable[Place]) -> list[Place]:
        """Read everything below these indexes, at any depth."""
        fresh: list[Place] = []
        below = self._unread(places)
        while below:
            read = [place for place in await together(self._child, below, _AT_A_TIME) if place]
            fresh += read
            below = self._unread(read)
        return fresh

    def _unread(self, places: Iterable[Place]) -> list[Place]:
        listed = {
            (repository, child.digest): None
            for repository, digest in places
            for child in self._found.held[repository, digest].listed
        }
        return [place for place in listed if place not in self._found.held]

    async def _child(self, place: Place) -> Place | None:
        held = await self._get(*place)
        if held is None:
            self._found.lost.append(f"{place[0]}@{place[1]} is listed by an index, but is not there")
            return None
        self._found.held[place] = held
        return place

    async def _referrers(self, places: Iterable[Place]) -> list[Place]:
        """Read what refers to these manifests; the new ones may have children and referrers again."""
        wanted: dict[str, None] = {}
        for listed in await together(self._referring, sorted(set(places)), _AT_A_TIME):
            wanted.update(dict.fromkeys(listed))
        known = {reference for reference in wanted if reference in self._named}
        fresh = await self._read([reference for reference in wanted if reference not in known])
        self._found.lost += [
            f"{name} is listed as a referrer, but is not there" for name in wanted if name not in self._named
        ]
        return fresh

    async def _referring(self, place: Place) -> list[str]:
        repository, digest = place
        listed = await self._registry.referrers(repository, digest)
        names = [f"{repository}@{descriptor.digest}" for descriptor in listed or ()]
        tag = digest.replace(":", "-")
        there = self._tags.get(repository, frozenset())
        if tag in there:
            index = await self._get(repository, tag)
            names += [f"{repository}@{child.digest}" for child in (index.listed if index else ())]
            # Without a list of its own, the target's clients find the referrers by the same tag only.
            if listed is None and index is not None and index.listed:
                names.append(f"{repository}:{tag}")
                self._subjects[f"{repository}:{tag}"] = digest
        for suffix in (".sig", ".att", ".sbom"):
            if f"{tag}{suffix}" in there:
                names.append(f"{repository}:{tag}{suffix}")
                self._subjects[f"{repository}:{tag}{suffix}"] = digest
        names = list(dict.fromkeys(names))
        # The index that only lists referrers is none itself.
        self._about[place] = [name for name in names if name != f"{repository}:{tag}"]
        return names

    def _entry(self, name: str, place: Place) -> LockedArtifact:
        held, below = self._found.held[place], list(self._below(place))
        about = {
            self._named[reference][1]: None
            for found in [place, *((place[0], child.digest) for child in below)]
            for reference in self._about.get(found, ())
            if reference in self._named
        }
        try:
            return LockedArtifact.build(
                reference=name,
                digest=held.digest,
                media_type=held.media_type,
                size=sum(sizes(place, self._found.held).values()),
                artifact_type=held.artifact_type,
                subject=held.subject or self._subjects.get(name, ""),
                children=tuple(map(_manifest, below)),
                referrers=tuple(sorted(about)),
            )
        except ValidationError as error:
            raise PlanError(f"{name} cannot be in a lock: {'; '.join(faults_of(error))}") from None

    def _below(self, place: Place) -> Iterator[Descriptor]:
        """Everything below an index, in its order, each once."""
        seen = set[str]()
        waiting = list(reversed(self._found.held[place].listed))
        while waiting:
            child = waiting.pop()
            if child.digest in seen:
                continue
            seen.add(child.digest)
            yield child
            held = self._found.held.get((place[0], child.digest))
            waiting.extend(reversed(held.listed if held else ()))


def sizes(place: Place, held: Mapping[Place, Held]) -> dict[str, int]:
    """Bytes of a manifest and of all that it needs, by digest, each once; foreign layers not among them."""
    found: dict[str, int] = {}
    waiting = [place]
    while waiting:
        here = waiting.pop()
        manifest = held.get(here)
        if manifest is None or here[1] in found:
            continue
        found[manifest.digest] = manifest.size
        found.update((blob.digest, blob.size) for blob in manifest.blobs if not blob.foreign)
        waiting.extend((here[0], child.digest) for child in manifest.listed)
    return found


def _manifest(child: Descriptor) -> LockedManifest:
    return LockedManifest.build(
        digest=child.digest, media_type=child.media_type, size=child.size, platform=child.platform
    )
