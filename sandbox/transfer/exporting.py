"""Export runs: artifacts of a registry become one blob, which is visible only when it is complete."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from azure.storage.blob import BlobBlock, ContentSettings
from azure.storage.blob.aio import BlobClient, ContainerClient

from sandbox.registry.oci_client import ImageNotFoundError, OciClient, WrongContentError
from sandbox.transfer.archive import ArchiveContents, archive_bytes
from sandbox.transfer.container_access import find_blob
from sandbox.transfer.failures import TransferFailedError, quoted
from sandbox.transfer.rules import CATEGORY, MAX_LAYER_SIZE, OVERWRITE_BLOBS, split_reference
from sandbox.transfer.transfer_run import RunRecord, TransferOutcome, TransferRun

_BLOCK = 4 << 20
_CONCURRENCY = 4


@dataclass
class ExportedArtifacts:
    """The run's artifacts as the registry has them."""

    registry: str
    found: dict[str, ArchiveContents] = field(default_factory=dict)
    """The contents of each artifact that can be exported."""

    missing: list[str] = field(default_factory=list)
    too_large: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def failures(self) -> list[str]:
        """One message per reason for which artifacts cannot be exported."""
        reasons = {
            f"Artifacts not found in registry '{self.registry}'": self.missing,
            "Artifacts with a layer of more than 8 GB cannot be transferred": self.too_large,
            f"The content in registry '{self.registry}' does not match its digest for": self.wrong,
        }
        return [f"{reason}: {quoted(names)}." for reason, names in reasons.items() if names]

    def contents(self) -> ArchiveContents:
        """The contents of the archive."""
        contents = ArchiveContents()
        for name in sorted(self.found):
            contents.add(self.found[name])
        return contents

    def exclude(self, digest: str) -> None:
        """Exclude all artifacts that need a blob whose bytes are wrong."""
        for name in [name for name, contents in self.found.items() if digest in contents.blobs]:
            del self.found[name]
            self.wrong.append(name)


async def export_artifacts(
    run: TransferRun, registry: OciClient, open_container: Callable[[], Awaitable[ContainerClient]]
) -> TransferOutcome:
    """Write the run's artifacts to its blob.

    Raises TransferFailedError, or an error of storage or the registry.
    """
    artifacts = await _find_artifacts(run, registry)
    run.require_complete(artifacts.failures, remaining=len(artifacts.found))
    run.record.report(10)
    async with await open_container() as container:
        if outcome := await _existing(run, container):
            return outcome
        digest = await _write(run, artifacts, registry, container.get_blob_client(run.blob))
    failures = artifacts.failures
    references = sorted(artifacts.contents().references)
    return TransferOutcome(references, digest, failures, partial=bool(failures))


async def _find_artifacts(run: TransferRun, registry: OciClient) -> ExportedArtifacts:
    """Read all manifests before anything is written."""
    artifacts, slots = ExportedArtifacts(run.registry), asyncio.Semaphore(_CONCURRENCY)

    async def find(artifact: str) -> None:
        repository, reference = split_reference(artifact)
        contents, separator = ArchiveContents(), "@" if ":" in reference else ":"
        async with slots:
            try:
                digest = await _gather(contents, registry, repository, reference)
            except ImageNotFoundError:
                artifacts.missing.append(artifact)
                return
            except WrongContentError:
                artifacts.wrong.append(artifact)
                return
        contents.references[f"{repository}{separator}{reference}"] = digest
        if any(size > MAX_LAYER_SIZE for _, size in contents.blobs.values()):
            artifacts.too_large.append(artifact)
        else:
            artifacts.found[artifact] = contents

    await asyncio.gather(*(find(artifact) for artifact in dict.fromkeys(run.artifacts)))
    return artifacts


async def _gather(contents: ArchiveContents, registry: OciClient, repository: str, reference: str) -> str:
    manifest = await registry.manifest(repository, reference)
    digest = manifest.digest_like(reference)
    contents.manifests[digest] = manifest
    for blob, size in manifest.blobs.items():
        contents.blobs.setdefault(blob, (repository, size))
    for child in manifest.children:
        await _gather(contents, registry, repository, child)
    return digest


async def _existing(run: TransferRun, container: ContainerClient) -> TransferOutcome | None:
    """The outcome if the blob exists; None if the run must write it.

    An interrupted run can have committed the blob itself: then the export is complete.
    """
    blob = await find_blob(container, run.blob)
    if blob is None:
        return None
    md5 = bytes(blob.content_settings.content_md5 or b"").hex()
    if md5 and md5 == run.record.checkpoint.get("md5"):
        return run.record.checkpoint_outcome
    if run.has(OVERWRITE_BLOBS):
        return None
    if run.skip_existing:
        return TransferOutcome([], "", [f"The blob '{run.blob}' already exists and was skipped."])
    raise TransferFailedError(
        f"The blob '{run.blob}' already exists. Set the option OverwriteBlobs or use another name."
    )


async def _write(
    run: TransferRun, artifacts: ExportedArtifacts, registry: OciClient, blob: BlobClient
) -> str:
    """Upload the archive; retries without artifacts whose bytes are wrong, if the run can continue."""
    while True:
        try:
            return await _upload(blob, artifacts.contents(), registry, run.record)
        except WrongContentError as error:
            artifacts.exclude(error.digest)
            run.require_complete(artifacts.failures, remaining=len(artifacts.found))


async def _upload(blob: BlobClient, contents: ArchiveContents, registry: OciClient, record: RunRecord) -> str:
    """Stage the blocks, then commit them with the properties that the source trigger requires."""
    md5, sha256, blocks, sent = hashlib.md5(usedforsecurity=False), hashlib.sha256(), list[BlobBlock](), 0
    async for block in _blocks(archive_bytes(contents, registry.blob)):
        md5.update(block)
        sha256.update(block)
        blocks.append(BlobBlock(base64.b64encode(b"%08d" % len(blocks)).decode()))
        await blob.stage_block(blocks[-1].id, block, validate_content=True)
        sent += len(block)
        record.report(10 + min(80, 80 * sent // (contents.size + 1)))
    digest = f"sha256:{sha256.hexdigest()}"
    record.save_checkpoint(TransferOutcome(sorted(contents.references), digest), md5=md5.hexdigest())
    settings = ContentSettings(content_type="application/x-tar", content_md5=bytearray(md5.digest()))
    await blob.commit_block_list(blocks, content_settings=settings, metadata=CATEGORY)
    await blob.get_blob_properties()  # an export needs the read permission
    return digest


async def _blocks(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    buffer = bytearray()
    async for chunk in body:
        buffer += chunk
        while len(buffer) >= _BLOCK:
            yield bytes(memoryview(buffer)[:_BLOCK])
            del buffer[:_BLOCK]
    if buffer:
        yield bytes(buffer)
