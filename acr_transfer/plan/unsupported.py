"""What the service cannot carry of the artifacts that shall move."""

from __future__ import annotations

from collections.abc import Iterator

from acr_transfer.registry.resolve import Held, Resolved
from acr_transfer.units import plural

_LARGEST_LAYER = 8 * 10**9
"""https://learn.microsoft.com/azure/container-registry/container-registry-transfer-prerequisites"""


def burdens(found: Resolved) -> list[str]:
    """What the service cannot carry, in words, each with what has it."""
    names = found.names()
    return [
        fault
        for place, held in sorted(found.held.items())
        for fault in _burdens_of(held, names.get(place, "@".join(place)))
    ]


def _burdens_of(held: Held, name: str) -> Iterator[str]:
    for blob in held.blobs:
        if blob.size > _LARGEST_LAYER and not blob.foreign:
            yield (
                f"{name} has a layer of {blob.size / 10**9:.1f} GB, {blob.digest}: "
                "the service carries layers up to 8 GB"
            )
    foreign = sum(blob.foreign for blob in held.blobs)
    if foreign:
        yield (
            f"{name} has {plural(foreign, 'foreign layer')}: their bytes are not in the registry, so "
            "they do not move. Who cannot reach their URL cannot pull it: push it with its layers first"
        )
    if held.schema_1:
        yield f"{name} is of Docker's manifest schema 1, which Azure's registries take no more: push it anew"
