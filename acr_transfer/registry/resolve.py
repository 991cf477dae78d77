"""Resolves references to digests: reads every manifest, the children of indexes, and all referrers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from acr_transfer.concurrency import run_concurrently
from acr_transfer.errors import PlanError
from acr_transfer.model.documents.faults import faults_of
from acr_transfer.model.documents.lock import LockedArtifact, LockedManifest
from acr_transfer.model.references import Artifact
from acr_transfer.registry.client import RegistryClient
from acr_transfer.registry.manifest_reader import ManifestKey, ManifestReader, content_sizes
from acr_transfer.registry.manifests import Descriptor, Manifest
from acr_transfer.registry.referrers import ReferrerFinder, Referrers


@dataclass(frozen=True, kw_only=True)
class ResolvedArtifacts:
    """The artifacts of a lock, and the manifests that were read for them."""

    artifacts: list[LockedArtifact]
    """Sorted by reference."""

    absent: list[str]
    """References that the registry lacks, sorted."""

    manifests: Mapping[ManifestKey, Manifest]
    """All manifests, children and referrers included."""

    missing: list[str]
    """Children and referrers that are listed but do not exist, in words, sorted."""

    def names(self) -> dict[ManifestKey, str]:
        """Every manifest in terms of the planned references."""
        names: dict[ManifestKey, str] = {}
        for artifact in self.artifacts:
            for child in artifact.children:
                names[artifact.repository, child.digest] = f"{child.digest} in {artifact.reference}"
        return names | {(each.repository, each.digest): each.reference for each in self.artifacts}


async def resolve(
    references: Iterable[str],
    tags: Mapping[str, frozenset[str]],
    registry: RegistryClient,
    *,
    with_referrers: bool = True,
    advance: Callable[[int], None] = lambda _: None,
) -> ResolvedArtifacts:
    """Read all references, their children and their referrers, at any depth.

    `tags` has all tags of the repositories, for the tags that refer to a digest. `advance` counts references.
    Raises `ServiceError`, and `PlanError` for a manifest that a lock cannot describe.
    """
    return await _Resolver(tags, registry, advance).resolve(list(references), with_referrers)


class _Resolver:
    def __init__(
        self, tags: Mapping[str, frozenset[str]], registry: RegistryClient, advance: Callable[[int], None]
    ) -> None:
        self._reader = ManifestReader(registry)
        self._finder = ReferrerFinder(registry, self._reader, tags)
        self._advance = advance
        self._keys: dict[str, ManifestKey] = {}
        """The manifest of every reference."""

        self._referrers: dict[ManifestKey, Referrers] = {}
        self._subjects: dict[str, str] = {}
        """The digest that a tag such as `sha256-….sig` belongs to, by reference."""

        self._missing_referrers: list[str] = []

    async def resolve(self, references: list[str], with_referrers: bool) -> ResolvedArtifacts:
        new = await self._read(references)
        absent = sorted(set(references) - self._keys.keys())
        while new:
            new = new + await self._reader.read_children(new)
            new = await self._read_referrers(new) if with_referrers else []
        return ResolvedArtifacts(
            artifacts=[self._artifact(reference, key) for reference, key in sorted(self._keys.items())],
            absent=absent,
            manifests=self._reader.manifests,
            missing=sorted({*self._reader.missing, *self._missing_referrers}),
        )

    async def _read(self, references: Iterable[str]) -> list[ManifestKey]:
        """Read references that become artifacts; return the manifests that are new."""

        async def read(reference: str) -> ManifestKey | None:
            artifact = Artifact.of(reference)
            manifest = await self._reader.read(artifact.repository, artifact.tag_or_digest)
            self._advance(1)
            if manifest is None:
                return None
            key = self._keys[reference] = artifact.repository, manifest.digest
            is_new = key not in self._reader.manifests
            self._reader.manifests[key] = manifest
            return key if is_new else None

        return [key for key in await run_concurrently(read, references) if key]

    async def _read_referrers(self, keys: Iterable[ManifestKey]) -> list[ManifestKey]:
        """Read the referrers of these manifests; the new ones may have children and referrers again."""
        ordered = sorted(set(keys))
        found = await run_concurrently(self._finder.find, ordered)
        self._referrers.update(zip(ordered, found, strict=True))
        for (_, digest), referrers in zip(ordered, found, strict=True):
            self._subjects.update(dict.fromkeys(referrers.tagged, digest))
        wanted = dict.fromkeys(name for referrers in found for name in referrers.references)
        new = await self._read([name for name in wanted if name not in self._keys])
        self._missing_referrers += [
            f"{name} is listed as a referrer, but does not exist" for name in wanted if name not in self._keys
        ]
        return new

    def _artifact(self, reference: str, key: ManifestKey) -> LockedArtifact:
        manifest, descendants = self._reader.manifests[key], list(self._reader.descendants(key))
        try:
            return LockedArtifact.build(
                reference=reference,
                digest=manifest.digest,
                media_type=manifest.media_type,
                size=sum(content_sizes(key, self._reader.manifests).values()),
                artifact_type=manifest.artifact_type,
                subject=manifest.subject or self._subjects.get(reference, ""),
                children=tuple(map(_locked_manifest, descendants)),
                referrers=self._referrer_digests([key, *((key[0], each.digest) for each in descendants)]),
            )
        except ValidationError as error:
            raise PlanError(f"{reference} cannot be in a lock: {'; '.join(faults_of(error))}") from None

    def _referrer_digests(self, keys: Iterable[ManifestKey]) -> tuple[str, ...]:
        referrers = {
            self._keys[name][1]
            for key in keys
            if key in self._referrers
            for name in self._referrers[key].referrers
            if name in self._keys
        }
        return tuple(sorted(referrers))


def _locked_manifest(child: Descriptor) -> LockedManifest:
    return LockedManifest.build(
        digest=child.digest, media_type=child.media_type, size=child.size, platform=child.platform
    )
