"""Resolves references to digests: reads every manifest, the children of indexes, and all referrers."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from acr_transfer.concurrency import run_concurrently
from acr_transfer.errors import BrokenAnswerError, PlanError, ServiceError, TransferError
from acr_transfer.model.documents.faults import faults_of
from acr_transfer.model.documents.lock import LockedArtifact, LockedManifest
from acr_transfer.model.references import Artifact
from acr_transfer.registry import limits
from acr_transfer.registry.client import RegistryClient
from acr_transfer.registry.failures import Unreadable
from acr_transfer.registry.manifests import Descriptor, Manifest, ManifestKey, fallback_tag

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

    unreadable: Mapping[str, TransferError]
    """Why artifacts, children and lists of referrers cannot be read, by their references."""

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
    Raises `ServiceError` if the registry itself fails, and `PlanError` for a manifest that a lock cannot
    describe. An artifact that alone cannot be read is in `unreadable`.
    """
    return await _Resolver(tags, registry, advance).resolve(list(references), with_referrers)


class _Resolver:
    """Reads the manifests of one registry, each once."""

    def __init__(
        self, tags: Mapping[str, frozenset[str]], registry: RegistryClient, advance: Callable[[int], None]
    ) -> None:
        self._tags, self._registry, self._advance = tags, registry, advance
        self._manifests: dict[ManifestKey, Manifest] = {}
        self._descriptors = 0
        self._missing: list[str] = []
        self._unreadable = Unreadable()
        self._keys: dict[str, ManifestKey] = {}
        """The manifest of every reference."""

        self._referrers: dict[ManifestKey, list[str]] = {}
        self._subjects: dict[str, str] = {}
        """The digest that a tag such as `sha256-….sig` belongs to, by reference."""

    async def resolve(self, references: list[str], with_referrers: bool) -> ResolvedArtifacts:
        new = await self._read_references(references)
        absent = sorted(set(references) - self._keys.keys() - self._unreadable.errors.keys())
        for _ in range(limits.LIMITS.depth):
            new = new + await self._read_children(new)
            new = await self._read_referrers(new) if with_referrers else []
            if not new:
                break
        else:
            raise BrokenAnswerError(f"{new[0][0]} has referrers of referrers without an end")
        return ResolvedArtifacts(
            artifacts=[self._artifact(reference, key) for reference, key in sorted(self._keys.items())],
            absent=absent,
            manifests=self._manifests,
            missing=sorted(set(self._missing)),
            unreadable=dict(sorted(self._unreadable.errors.items())),
        )

    async def _read(self, repository: str, reference: str) -> Manifest | None:
        """The manifest of a tag or digest, or None if it does not exist or cannot be read."""
        answer = self._registry.get(repository, reference)
        manifest = await self._unreadable.read(_name(repository, reference), answer)
        if manifest is None:
            return None
        if reference.startswith("sha256:") and manifest.digest != reference:
            raise ServiceError(
                f"the registry returned other content for {repository}@{reference}: {manifest.digest}. "
                "Its storage is damaged, or a proxy changes its responses."
            )
        # Parsing thousands of manifests would keep the event loop from other tasks.
        await asyncio.sleep(0)
        return manifest

    def _keep(self, key: ManifestKey, manifest: Manifest) -> None:
        self._manifests[key] = manifest
        self._descriptors += 1 + len(manifest.children) + len(manifest.blobs)
        if self._descriptors > limits.LIMITS.descriptors:
            raise BrokenAnswerError(
                f"the manifests of {key[0]} and of the repositories before it list more than "
                f"{limits.LIMITS.descriptors:,} layers and manifests: plan fewer artifacts at once"
            )

    async def _read_references(self, references: Iterable[str]) -> list[ManifestKey]:
        """Read references that become artifacts; return the manifests that are new."""

        async def read(reference: str) -> ManifestKey | None:
            artifact = Artifact.of(reference)
            manifest = await self._read(artifact.repository, artifact.tag_or_digest)
            self._advance(1)
            if manifest is None:
                return None
            key = self._keys[reference] = artifact.repository, manifest.digest
            if key in self._manifests:
                return None
            self._keep(key, manifest)
            return key

        return [key for key in await run_concurrently(read, references) if key]

    async def _read_children(self, keys: Iterable[ManifestKey], depth: int = 1) -> list[ManifestKey]:
        """Read everything below these manifests, at any depth that is allowed; return the new ones."""

        async def read(key: ManifestKey) -> ManifestKey | None:
            manifest = await self._read(*key)
            if manifest is None:
                self._note_missing("@".join(key), "is listed by an index, but does not exist")
                return None
            self._keep(key, manifest)
            return key

        children = {(key[0], child.digest): None for key in keys for child in self._manifests[key].children}
        unread = [child for child in children if child not in self._manifests]
        if unread and depth > limits.LIMITS.depth:
            raise BrokenAnswerError(f"{unread[0][0]} has indexes of more than {limits.LIMITS.depth} levels")
        new = [key for key in await run_concurrently(read, unread) if key]
        return new + await self._read_children(new, depth + 1) if new else []

    async def _read_referrers(self, keys: Iterable[ManifestKey]) -> list[ManifestKey]:
        """Read the referrers of these manifests; the new ones may have children and referrers again."""
        ordered = sorted(set(keys))
        wanted = dict[str, None]()
        found = await run_concurrently(self._find_referrers, ordered)
        for key, (referrers, tagged) in zip(ordered, found, strict=True):
            self._referrers[key] = referrers
            self._subjects.update(dict.fromkeys(tagged, key[1]))
            wanted |= dict.fromkeys((*referrers, *tagged))
        new = await self._read_references([name for name in wanted if name not in self._keys])
        for name in (name for name in wanted if name not in self._keys):
            self._note_missing(name, "is listed as a referrer, but does not exist")
        return new

    def _note_missing(self, name: str, what: str) -> None:
        if name not in self._unreadable.errors:
            self._missing.append(f"{name} {what}")

    async def _find_referrers(self, key: ManifestKey) -> tuple[list[str], list[str]]:
        """The references of a manifest's referrers, and the tags that must move with the manifest.

        Clients store referrers such that the registry lists them, below the fallback tag, or below cosign's
        tags. https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
        """
        repository, digest = key
        tags, tag = self._tags.get(repository, frozenset()), fallback_tag(digest)
        answer = self._registry.referrers(repository, digest)
        listed = await self._unreadable.read(f"{repository}@{digest} (its referrers)", answer)
        found = [f"{repository}@{descriptor.digest}" for descriptor in listed or ()]
        tagged = [f"{repository}:{tag}{suffix}" for suffix in _COSIGN_SUFFIXES if f"{tag}{suffix}" in tags]
        found += tagged
        if tag in tags and (index := await self._read(repository, tag)):
            found += [f"{repository}@{child.digest}" for child in index.children]
            # Without a list, the target's clients find the referrers by this tag only.
            if listed is None and index.children:
                tagged.append(f"{repository}:{tag}")
        if len(found) > limits.LIMITS.descendants:
            raise BrokenAnswerError(f"{repository}@{digest} has {len(found):,} referrers, too many to read")
        return found, tagged

    def _artifact(self, reference: str, key: ManifestKey) -> LockedArtifact:
        manifest, descendants = self._manifests[key], list(self._descendants(key))
        names = {
            name
            for digest in (key[1], *(child.digest for child in descendants))
            for name in self._referrers.get((key[0], digest), ())
        }
        try:
            return LockedArtifact.build(
                reference=reference,
                digest=manifest.digest,
                media_type=manifest.media_type,
                size=sum(content_sizes(key, self._manifests).values()),
                artifact_type=manifest.artifact_type,
                subject=manifest.subject or self._subjects.get(reference, ""),
                children=tuple(
                    LockedManifest.build(
                        digest=child.digest,
                        media_type=child.media_type,
                        size=child.size,
                        platform=child.platform,
                    )
                    for child in descendants
                ),
                referrers=tuple(sorted({self._keys[name][1] for name in names if name in self._keys})),
            )
        except ValidationError as error:
            raise PlanError(f"{reference} cannot be in a lock: {'; '.join(faults_of(error))}") from None

    def _descendants(self, key: ManifestKey) -> Iterator[Descriptor]:
        """Everything below an index, in its order, each once."""
        seen = set[str]()
        waiting = list(reversed(self._manifests[key].children))
        while waiting:
            child = waiting.pop()
            if child.digest not in seen:
                seen.add(child.digest)
                yield child
                manifest = self._manifests.get((key[0], child.digest))
                waiting.extend(reversed(manifest.children if manifest else ()))


def _name(repository: str, reference: str) -> str:
    return f"{repository}{'@' if ':' in reference else ':'}{reference}"


def content_sizes(key: ManifestKey, manifests: Mapping[ManifestKey, Manifest]) -> dict[str, int]:
    """Return the bytes of a manifest and of everything that it needs, by digest, without foreign layers."""
    sizes: dict[str, int] = {}
    waiting = [key]
    while waiting:
        repository, digest = waiting.pop()
        manifest = manifests.get((repository, digest))
        if manifest is None or digest in sizes:
            continue
        sizes[manifest.digest] = manifest.size
        sizes.update((blob.digest, blob.size) for blob in manifest.blobs if not blob.foreign)
        waiting.extend((repository, child.digest) for child in manifest.children)
    return sizes
