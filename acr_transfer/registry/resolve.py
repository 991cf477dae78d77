"""Resolves references to digests: reads every manifest, the children of indexes, and all referrers."""

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
from acr_transfer.registry.manifests import Descriptor, Manifest, fallback_tag

_COSIGN_SUFFIXES = (".sig", ".att", ".sbom")


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
        self._registry, self._reader = registry, ManifestReader(registry)
        self._tags, self._advance = tags, advance
        self._keys: dict[str, ManifestKey] = {}
        """The manifest of every reference."""

        self._referrers: dict[ManifestKey, list[str]] = {}
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
        wanted = dict[str, None]()
        found = await run_concurrently(self._find_referrers, ordered)
        for key, (referrers, tagged) in zip(ordered, found, strict=True):
            self._referrers[key] = referrers
            self._subjects.update(dict.fromkeys(tagged, key[1]))
            wanted |= dict.fromkeys((*referrers, *tagged))
        new = await self._read([name for name in wanted if name not in self._keys])
        self._missing_referrers += [
            f"{name} is listed as a referrer, but does not exist" for name in wanted if name not in self._keys
        ]
        return new

    async def _find_referrers(self, key: ManifestKey) -> tuple[list[str], list[str]]:
        """The references of a manifest's referrers, and the tags that must move with the manifest.

        Clients store referrers such that the registry lists them, below the fallback tag, or below cosign's
        tags. https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
        """
        repository, digest = key
        tags, tag = self._tags.get(repository, frozenset()), fallback_tag(digest)
        listed = await self._registry.referrers(repository, digest)
        found = [f"{repository}@{descriptor.digest}" for descriptor in listed or ()]
        tagged = [f"{repository}:{tag}{suffix}" for suffix in _COSIGN_SUFFIXES if f"{tag}{suffix}" in tags]
        found += tagged
        if tag in tags and (index := await self._reader.read(repository, tag)):
            found += [f"{repository}@{child.digest}" for child in index.children]
            # Without a list, the target's clients find the referrers by this tag only.
            if listed is None and index.children:
                tagged.append(f"{repository}:{tag}")
        return found, tagged

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
        names = {name for key in keys for name in self._referrers.get(key, ())}
        return tuple(sorted({self._keys[name][1] for name in names if name in self._keys}))


def _locked_manifest(child: Descriptor) -> LockedManifest:
    return LockedManifest.build(
        digest=child.digest, media_type=child.media_type, size=child.size, platform=child.platform
    )
