"""Reads configs and layers at the target and hashes them: all of them, or a random sample."""

import hashlib
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from acr_transfer.concurrency import run_concurrently
from acr_transfer.errors import BrokenAnswerError, MissingBlobError
from acr_transfer.model.proof import LayerMode, Verdict
from acr_transfer.model.references import split_reference
from acr_transfer.progress import ProgressReporter
from acr_transfer.prove.target import ArtifactFinding, Blobs, ProofFault
from acr_transfer.registry.client import RegistryClient
from acr_transfer.registry.manifests import Descriptor

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

    faults: Mapping[str, ProofFault] = field(default_factory=dict)
    """By digest."""

    def apply(
        self, findings: Sequence[ArtifactFinding], required: Mapping[str, Blobs]
    ) -> list[ArtifactFinding]:
        """Return the findings; an artifact that requires a faulty blob is not proved."""

        def judged(finding: ArtifactFinding) -> ArtifactFinding:
            faults = [self.faults[blob] for blob in required.get(finding.artifact, ()) if blob in self.faults]
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
    """Read the required blobs of these artifacts, each once, whichever repository names it.

    `sample` is the size of a sample. The bytes are hashed as they arrive and not kept.
    """
    # Each blob, with a repository that has it.
    places = {
        blob.digest: (split_reference(artifact)[0], blob)
        for artifact, blobs in required.items()
        for blob in blobs.values()
    }
    chosen = sorted(places)
    if mode is LayerMode.SAMPLE:
        chosen = sorted(random.SystemRandom().sample(chosen, min(sample, len(chosen))))
    sizes = {digest: places[digest][1].size for digest in chosen}
    progress.begin("reading layers", sum(sizes.values()), of_bytes=True)

    async def read(digest: str) -> ProofFault | None:
        return await _fault(*places[digest], registry, progress)

    found = await run_concurrently(read, chosen, _CONCURRENCY)
    faults = {digest: fault for digest, fault in zip(chosen, found, strict=True) if fault}
    return LayerProof(
        mode=mode,
        of=len(places),
        read=tuple(chosen),
        bytes_read=sum(size for digest, size in sizes.items() if digest not in faults),
        faults=faults,
    )


async def _fault(
    repository: str, blob: Descriptor, registry: RegistryClient, progress: ProgressReporter
) -> ProofFault | None:
    name = f"layer {blob.digest}"
    if not blob.digest.startswith("sha256:"):
        return ProofFault(Verdict.DIFFERENT, f"{name}: only sha256 digests are supported")
    content_hash, size = hashlib.sha256(), 0
    try:
        async for chunk in registry.blob(repository, blob.digest):
            content_hash.update(chunk)
            size += len(chunk)
            progress.advance(len(chunk))
    except MissingBlobError:
        return ProofFault(Verdict.MISSING, f"{name} is not at the target")
    except BrokenAnswerError as error:
        return ProofFault(Verdict.DIFFERENT, f"{name}: {error}")
    got = f"sha256:{content_hash.hexdigest()}"
    if got == blob.digest:
        return None
    return ProofFault(Verdict.DIFFERENT, f"{name}: got {got}, {size} bytes of {blob.size}")
