"""Finds the referrers of a manifest, such as signatures and SBOMs, in every way that clients store them.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from acr_transfer.registry.client import RegistryClient
from acr_transfer.registry.manifest_reader import ManifestKey, ManifestReader

_COSIGN_SUFFIXES = (".sig", ".att", ".sbom")
_REFERRER_TAG = re.compile(r"sha256-[0-9a-f]{64}(\.[a-z]+)?")


def is_referrer_tag(tag: str) -> bool:
    """Whether a tag follows the fallback scheme for referrers, or cosign's scheme.

    Such a tag belongs to another manifest and moves with it, never by a rule of its own.
    https://github.com/opencontainers/distribution-spec/blob/main/spec.md#referrers-tag-schema
    """
    return _REFERRER_TAG.fullmatch(tag) is not None


def fallback_tag(digest: str) -> str:
    """Return the tag of the index that lists a manifest's referrers where the registry does not."""
    return digest.replace(":", "-")


@dataclass(frozen=True)
class Referrers:
    """The referrers of one manifest, as references."""

    referrers: tuple[str, ...]
    tagged: tuple[str, ...]
    """Tags that must move with the manifest: cosign's, and the fallback tag if clients depend on it."""

    @property
    def references(self) -> list[str]:
        """All references to move, each once."""
        return list(dict.fromkeys((*self.referrers, *self.tagged)))


class ReferrerFinder:
    """Finds referrers by the registry's list, by the fallback tag, and by cosign's tags."""

    def __init__(
        self, registry: RegistryClient, reader: ManifestReader, tags: Mapping[str, frozenset[str]]
    ) -> None:
        self._registry, self._reader, self._tags = registry, reader, tags

    async def find(self, key: ManifestKey) -> Referrers:
        """Return the referrers of a manifest."""
        repository, digest = key
        tags, tag = self._tags.get(repository, frozenset()), fallback_tag(digest)
        listed = await self._registry.referrers(repository, digest)
        found = [f"{repository}@{descriptor.digest}" for descriptor in listed or ()]
        tagged = []
        if tag in tags and (index := await self._reader.read(repository, tag)):
            found += [f"{repository}@{child.digest}" for child in index.children]
            # Without a list, the target's clients find the referrers by this tag only.
            if listed is None and index.children:
                tagged.append(f"{repository}:{tag}")
        cosign = [f"{repository}:{tag}{suffix}" for suffix in _COSIGN_SUFFIXES if f"{tag}{suffix}" in tags]
        return Referrers(tuple(dict.fromkeys((*found, *cosign))), (*tagged, *cosign))
