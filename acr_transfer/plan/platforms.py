"""Which platforms images run on, and which of them the target is not meant to have.

An index is moved whole or not at all: taking platforms out would change its digest, and break its signatures.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Protocol

from acr_transfer.concurrency import together
from acr_transfer.model.proof import ManifestKind
from acr_transfer.registry.resolve import Held, Place, Resolved

_AT_A_TIME = 64
_UNKNOWN = "unknown/unknown"
"""What build tools write for attestations inside an index; they run nowhere."""


class Configs(Protocol):
    """A registry, as far as platforms need it."""

    async def small_blob(self, repository: str, digest: str) -> bytes:
        """The bytes of a config; empty if it is not there."""


async def platform_faults(platforms: Sequence[str], found: Resolved, registry: Configs) -> list[str]:
    """What runs on another platform than these, in words; nothing if no platform is named."""
    if not platforms:
        return []

    async def of(place: Place) -> tuple[Place, list[str]]:
        return place, await _platforms(found.held[place], place[0], registry)

    tops = sorted({(entry.repository, entry.digest) for entry in found.entries})
    runnable = [place for place in tops if found.held[place].kind in (ManifestKind.IMAGE, ManifestKind.INDEX)]
    names = found.names()
    faults = []
    for place, runs_on in await together(of, runnable, _AT_A_TIME):
        others = [platform for platform in runs_on if not _fits(platform, platforms)]
        if others:
            faults.append(
                f"{names[place]} runs on {', '.join(others)}, which is not asked for; "
                "it moves whole, because another index would have another digest"
            )
    return faults


def _fits(platform: str, asked: Sequence[str]) -> bool:
    return any(platform == one or platform.startswith(f"{one}/") for one in asked)


async def _platforms(held: Held, repository: str, registry: Configs) -> list[str]:
    if held.kind is ManifestKind.INDEX:
        said = [child.platform for child in held.listed]
        return sorted({platform for platform in said if platform and platform != _UNKNOWN})
    if held.config is None:
        return []
    try:
        config = json.loads(await registry.small_blob(repository, held.config.digest))
    except ValueError:
        return []
    parts = (config.get(key) for key in ("os", "architecture", "variant")) if isinstance(config, dict) else ()
    platform = "/".join(str(part) for part in parts if part)
    return [platform] if platform else []
