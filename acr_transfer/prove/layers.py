"""Layers read at the target and hashed: all of them, or some that nobody could know beforehand."""

from __future__ import annotations

import hashlib
import random
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from acr_transfer.concurrency import together
from acr_transfer.errors import BrokenAnswerError, MissingBlobError
from acr_transfer.model.proof import LayerMode
from acr_transfer.model.references import Artifact
from acr_transfer.prove.target import Below

_AT_A_TIME = 8


class Blobs(Protocol):
    """A registry, as far as layers need it."""

    def blob(self, repository: str, digest: str) -> AsyncIterator[bytes]:
        """A blob's bytes, piece by piece; raises `MissingBlobError`."""


@dataclass(frozen=True, kw_only=True)
class LayerProof:
    """What was read of configs and layers."""

    mode: LayerMode
    of: int = 0
    """Different blobs that the proved artifacts need."""

    read: tuple[str, ...] = ()
    """Digests of those that were read whole and hashed, sorted."""

    bytes_read: int = 0
    faults: Mapping[str, str] | None = None
    """By digest: what is wrong with a blob, in words."""


@dataclass(frozen=True)
class _Blob:
    repository: str
    digest: str
    size: int


async def read_layers(
    below: Mapping[str, Below],
    registry: Blobs,
    mode: LayerMode,
    sample: int,
    begin: Callable[[int], None] = lambda _: None,
    advance: Callable[[int], None] = lambda _: None,
) -> LayerProof:
    """Read blobs of these artifacts, each once: registries keep the same content once, whoever names it.

    Nothing is kept: bytes go through the hash and are gone. `begin` is told the bytes to come.
    """
    known = _different(below)
    chosen = known if mode is LayerMode.ALL else random.SystemRandom().sample(known, min(sample, len(known)))
    begin(sum(blob.size for blob in chosen))

    async def read(blob: _Blob) -> tuple[_Blob, str]:
        return blob, await _fault(blob, registry, advance)

    looked = await together(read, chosen, _AT_A_TIME)
    return LayerProof(
        mode=mode,
        of=len(known),
        read=tuple(sorted(blob.digest for blob, _ in looked)),
        bytes_read=sum(blob.size for blob, fault in looked if not fault),
        faults={blob.digest: fault for blob, fault in looked if fault},
    )


def _different(below: Mapping[str, Below]) -> list[_Blob]:
    found: dict[str, _Blob] = {}
    for artifact, needs in below.items():
        repository = Artifact.of(artifact).repository
        for blob in needs.blobs.values():
            found.setdefault(blob.digest, _Blob(repository, blob.digest, blob.size))
    return [found[digest] for digest in sorted(found)]


async def _fault(blob: _Blob, registry: Blobs, advance: Callable[[int], None]) -> str:
    if not blob.digest.startswith("sha256:"):
        return f"layer {blob.digest}: a hash of another kind than sha256, which is not computed here"
    whole, size = hashlib.sha256(), 0
    try:
        async for chunk in registry.blob(blob.repository, blob.digest):
            whole.update(chunk)
            size += len(chunk)
            advance(len(chunk))
    except MissingBlobError:
        return f"layer {blob.digest} is not at the target"
    except BrokenAnswerError as broken:
        return f"layer {blob.digest}: {broken}"
    got = f"sha256:{whole.hexdigest()}"
    return "" if got == blob.digest else f"layer {blob.digest}: got {got}, {size} bytes of {blob.size}"
