"""Warns of content that ACR Transfer does not support, and of images for platforms that are not requested."""

from collections.abc import Iterable, Iterator, Sequence, Set

from acr_transfer.concurrency import run_concurrently
from acr_transfer.model.proof import ManifestKind
from acr_transfer.model.references import listed
from acr_transfer.plan.selection import Selection
from acr_transfer.registry.answers import parse_object
from acr_transfer.registry.client import RegistryClient
from acr_transfer.registry.failures import SINGLE_FAILURES
from acr_transfer.registry.manifests import (
    Manifest,
    ManifestKey,
    is_referrer_tag,
    platform_of,
    referred_digest,
)
from acr_transfer.registry.resolve import ResolvedArtifacts
from acr_transfer.units import plural

_LARGEST_LAYER = 8 * 10**9
"""https://learn.microsoft.com/azure/container-registry/container-registry-transfer-prerequisites"""

_ATTESTATION_PLATFORM = "unknown/unknown"
"""The platform that build tools write for attestations in an index."""

_UNKNOWN_PLATFORM = "an unknown platform"


def unsupported(resolved: ResolvedArtifacts) -> list[str]:
    """Return one warning for each unsupported property of a manifest, with the artifact's name."""
    names = resolved.names()
    return [
        warning
        for key, manifest in sorted(resolved.manifests.items(), key=lambda item: item[0])
        for warning in _of_manifest(manifest, names.get(key, "@".join(key)))
    ]


def _of_manifest(manifest: Manifest, name: str) -> Iterator[str]:
    for blob in manifest.blobs:
        if blob.size > _LARGEST_LAYER and not blob.foreign:
            yield (
                f"{name} has a layer of {blob.size / 10**9:.1f} GB, {blob.digest}: "
                "ACR Transfer supports layers up to 8 GB"
            )
    if foreign := sum(blob.foreign for blob in manifest.blobs):
        yield (
            f"{name} has {plural(foreign, 'foreign layer')}: the registry does not hold their bytes, so they "
            "do not move, and clients need access to their URL. Push the image with its layers to move them"
        )
    if manifest.is_schema_1:
        yield (
            f"{name} has Docker's manifest schema 1, which Azure's registries no longer accept; "
            "rebuild and push it"
        )


def left_behind(selection: Selection, resolved: ResolvedArtifacts) -> list[str]:
    """Return one warning for each repository with tags such as `sha256-….sig` that belong to nothing planned.

    Only if all other tags of the repository move: otherwise they may belong to those that do not.
    """
    planned = {entry.reference for entry in resolved.artifacts}
    return [
        warning
        for repository, tags in sorted(selection.tags.items())
        if {f"{repository}:{tag}" for tag in tags if not is_referrer_tag(tag)} <= planned
        for warning in _left_behind(repository, tags, planned, resolved)
    ]


def _left_behind(
    repository: str, tags: Iterable[str], planned: Set[str], resolved: ResolvedArtifacts
) -> Iterator[str]:
    left = [
        tag
        for tag in sorted(tags)
        if is_referrer_tag(tag)
        and f"{repository}:{tag}" not in planned
        and (repository, referred_digest(tag)) not in resolved.manifests
    ]
    if left:
        refer = "tag refers" if len(left) == 1 else "tags refer"
        stay = "stays" if len(left) == 1 else "stay"
        yield (
            f"{repository}: {len(left):,} {refer} to no planned artifact and {stay} behind: {listed(left)}. "
            f"To move one, name it: {repository}:{left[0]}"
        )


async def platform_warnings(
    requested: Sequence[str], resolved: ResolvedArtifacts, registry: RegistryClient
) -> list[str]:
    """Return one warning for each artifact that runs on other platforms; none if no platform is requested.

    An index moves as a whole: removing a platform would change its digest and break its signatures.
    """
    if not requested:
        return []
    keys = sorted({(artifact.repository, artifact.digest) for artifact in resolved.artifacts})

    async def other_platforms(key: ManifestKey) -> list[str]:
        found = await _platforms(resolved.manifests[key], key[0], registry)
        return [
            platform
            for platform in found
            if not any(f"{platform}/".startswith(f"{each}/") for each in requested)
        ]

    names, others = resolved.names(), await run_concurrently(other_platforms, keys)
    return [
        f"{names[key]} runs on {', '.join(platforms)}, which is not requested; "
        "it moves as a whole, because another index would have another digest"
        for key, platforms in zip(keys, others, strict=True)
        if platforms
    ]


async def _platforms(manifest: Manifest, repository: str, registry: RegistryClient) -> list[str]:
    if manifest.kind is ManifestKind.INDEX:
        platforms = {child.platform or _UNKNOWN_PLATFORM for child in manifest.children}
        return sorted(platforms - {_ATTESTATION_PLATFORM})
    if manifest.kind is not ManifestKind.IMAGE or manifest.config is None:
        return []
    try:
        content = await registry.small_blob(repository, manifest.config.digest)
    except SINGLE_FAILURES:
        return [_UNKNOWN_PLATFORM]
    platform = platform_of(parse_object(content, manifest.config.digest)) if content else ""
    return [platform or _UNKNOWN_PLATFORM]
