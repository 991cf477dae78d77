"""Reads configs and layers at the target and hashes them: all of them, or a random sample."""

import hashlib
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from acr_transfer.concurrency import run_concurrently
from acr_transfer.errors import BrokenAnswerError, InterruptedAnswerError, MissingBlobError
from acr_transfer.http_requests import repeat_interrupted
from acr_transfer.model.proof import LayerMode, Verdict
from acr_transfer.model.references import is_digest, split_reference
from acr_transfer.progress import ProgressReporter
from acr_transfer.prove.target import ArtifactFinding, Blobs, ProofFault
from acr_transfer.registry.client import RegistryClient
from acr_transfer.registry.manifests import Descriptor, ManifestKey

_CONCURRENCY = 8


@dataclass(frozen=True, kw_only=True)
class LayerProof:
    """The configs and layers that were read."""

    mode: LayerMode
    of: int = 0
    """Different blobs that the proved artifacts require."""

    read: tuple[str, ...] = ()
    """Digests of the blobs that were read and hashed, sorted."""

    bytes_read: int = 0
    """Bytes of the blobs without a fault."""

    faults: Mapping[ManifestKey, ProofFault] = field(default_factory=dict)
    """By repository and digest."""

    def apply(
        self, findings: Sequence[ArtifactFinding], required: Mapping[str, Blobs]
    ) -> list[ArtifactFinding]:
        """Return the findings; an artifact that requires a faulty blob is not proved."""

        def judged(finding: ArtifactFinding) -> ArtifactFinding:
            repository = split_reference(finding.artifact)[0]
            keys = ((repository, digest) for digest in required.get(finding.artifact, ()))
            faults = [self.faults[key] for key in keys if key in self.faults]
            if finding.verdict is not Verdict.PROVED or not faults:
                return finding
            return replace(finding, verdict=faults[0].verdict, detail=faults[0].detail)

        return [judged(finding) for finding in findings]


async def read_layers(
    required: Mapping[str, Blobs],
    registry: RegistryClient,
    mode: LayerMode,
    sample: int,
    progress: ProgressReporter,
) -> LayerProof:
    """Read the required blobs of these artifacts, each once; its other repositories must have it too.

    `sample` is the size of a sample. The bytes are hashed as they arrive and not kept.
    """
    places = _places(required)
    chosen = sorted(places)
    if mode is LayerMode.SAMPLE:
        chosen = sorted(random.SystemRandom().sample(chosen, min(sample, len(chosen))))
    sizes = {digest: next(iter(places[digest].values())).size for digest in chosen}
    progress.begin("reading layers", sum(sizes.values()), of_bytes=True)

    async def read(digest: str) -> dict[ManifestKey, ProofFault]:
        faults = {}
        for number, (repository, blob) in enumerate(places[digest].items()):
            # A blob belongs to the repositories that it was pushed to.
            if number and await registry.blob_size(repository, digest) == blob.size:
                continue
            if fault := await _fault(repository, blob, registry, progress):
                faults[repository, digest] = fault
        return faults

    found = await run_concurrently(read, chosen, _CONCURRENCY)
    return LayerProof(
        mode=mode,
        of=len(places),
        read=tuple(chosen),
        bytes_read=sum(sizes[digest] for digest, faults in zip(chosen, found, strict=True) if not faults),
        faults={key: fault for faults in found for key, fault in faults.items()},
    )


def _places(required: Mapping[str, Blobs]) -> dict[str, dict[str, Descriptor]]:
    """Each blob by its digest, in each repository that must have it."""
    places: dict[str, dict[str, Descriptor]] = {}
    for artifact, blobs in required.items():
        for blob in blobs.values():
            places.setdefault(blob.digest, {})[split_reference(artifact)[0]] = blob
    return places


async def _fault(
    repository: str, blob: Descriptor, registry: RegistryClient, progress: ProgressReporter
) -> ProofFault | None:
    name = f"layer {blob.digest}"
    if not is_digest(blob.digest):
        return ProofFault(Verdict.NOT_PROVABLE, f"{name}: only sha256 digests are supported")
    try:
        got, size = await repeat_interrupted(lambda: _hashed(repository, blob, registry, progress))
    except MissingBlobError:
        return ProofFault(Verdict.MISSING, f"{name} is not in {repository} at the target")
    except BrokenAnswerError as error:
        return ProofFault(Verdict.NOT_PROVABLE, f"{name}: {error}")
    if (got, size) == (blob.digest, blob.size):
        return None
    return ProofFault(Verdict.DIFFERENT, f"{name}: got {got}, {size} bytes of {blob.size}")


async def _hashed(
    repository: str, blob: Descriptor, registry: RegistryClient, progress: ProgressReporter
) -> tuple[str, int]:
    """The digest and the number of a blob's bytes."""
    content_hash, size = hashlib.sha256(), 0
    try:
        async for chunk in registry.blob(repository, blob.digest, blob.size):
            content_hash.update(chunk)
            size += len(chunk)
            progress.advance(len(chunk))
    except InterruptedAnswerError:
        progress.advance(-size)
        raise
    return f"sha256:{content_hash.hexdigest()}", size
