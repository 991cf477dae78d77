"""Content that ACR Transfer does not support."""

from __future__ import annotations

from collections.abc import Iterator

from acr_transfer.registry.manifests import Manifest
from acr_transfer.registry.resolve import ResolvedArtifacts
from acr_transfer.units import plural

_LARGEST_LAYER = 8 * 10**9
"""https://learn.microsoft.com/azure/container-registry/container-registry-transfer-prerequisites"""


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
