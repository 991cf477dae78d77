"""Warns of images for platforms that the rules do not request.

An index moves as a whole: removing a platform would change its digest and break its signatures.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from acr_transfer.concurrency import run_concurrently
from acr_transfer.model.proof import ManifestKind
from acr_transfer.registry.client import RegistryClient
from acr_transfer.registry.manifests import Manifest, platform_of
from acr_transfer.registry.resolve import ResolvedArtifacts

_NONE = "unknown/unknown"
"""The platform that build tools write for attestations in an index."""


async def platform_warnings(
    requested: Sequence[str], resolved: ResolvedArtifacts, registry: RegistryClient
) -> list[str]:
    """Return one warning for each artifact that runs on other platforms; none if no platform is requested."""
    keys = sorted({(artifact.repository, artifact.digest) for artifact in resolved.artifacts})
    runnable = [
        key for key in keys if resolved.manifests[key].kind in (ManifestKind.IMAGE, ManifestKind.INDEX)
    ]
    if not requested or not runnable:
        return []

    async def platforms(key: tuple[str, str]) -> list[str]:
        return await _platforms(resolved.manifests[key], key[0], registry)

    warnings, names = [], resolved.names()
    for key, found in zip(runnable, await run_concurrently(platforms, runnable), strict=True):
        if others := [platform for platform in found if not _is_requested(platform, requested)]:
            warnings.append(
                f"{names[key]} runs on {', '.join(others)}, which is not requested; "
                "it moves as a whole, because another index would have another digest"
            )
    return warnings


def _is_requested(platform: str, requested: Sequence[str]) -> bool:
    return any(platform == each or platform.startswith(f"{each}/") for each in requested)


async def _platforms(manifest: Manifest, repository: str, registry: RegistryClient) -> list[str]:
    if manifest.kind is ManifestKind.INDEX:
        return sorted({child.platform for child in manifest.children} - {"", _NONE})
    if manifest.config is None:
        return []
    try:
        config = json.loads(await registry.small_blob(repository, manifest.config.digest))
    except ValueError:
        return []
    platform = platform_of(config)
    return [platform] if platform else []
