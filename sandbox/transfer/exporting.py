"""An export run: artifacts of a registry become one blob, which is visible only when it is whole."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from azure.storage.blob import BlobBlock, ContentSettings
from azure.storage.blob.aio import BlobClient, ContainerClient

from sandbox.registry.oci_client import ImageNotFoundError, OciClient, WrongContentError
from sandbox.transfer.archive import ArchiveContents, written
from sandbox.transfer.rules import (
    CATEGORY,
    CONTINUE,
    LARGEST_LAYER,
    OVERWRITE_BLOBS,
    Run,
    RunProgress,
    Storage,
    TransferFailedError,
    TransferOutcome,
    listed,
    registry_failures,
    split,
    storage_failures,
)

_BLOCK = 4 << 20
_SIDE_BY_SIDE = 4


@dataclass
class Gathered:
    """What the registry holds of the run's artifacts."""

    registry: str
    parts: dict[str, ArchiveContents] = field(default_factory=dict)
    """What each artifact that can be exported consists of."""

    missing: list[str] = field(default_factory=list)
    too_large: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def failures(self) -> list[str]:
        """A sentence for each kind of artifact that cannot be exported."""
        found = {
            f"Artifacts not found in registry '{self.registry}'": self.missing,
            "Artifacts with a layer of more than 8 GB cannot be transferred": self.too_large,
            f"The content in registry '{self.registry}' does not match its digest for": self.wrong,
        }
        return [f"{words}: {listed(names)}." for words, names in found.items() if names]

    def whole(self) -> ArchiveContents:
        """All that one archive shall carry."""
        contents = ArchiveContents()
        for name in sorted(self.parts):
            contents.add(self.parts[name])
        return contents

    def drop(self, digest: str) -> None:
        """Leave out all artifacts that need one blob, whose bytes are wrong."""
        for name, part in list(self.parts.items()):
            if digest in part.blobs:
                del self.parts[name]
                self.wrong.append(name)


async def export(run: Run, registry: OciClient, storage: Storage, notes: RunProgress) -> TransferOutcome:
    """Write the run's artifacts into one blob."""
    with registry_failures(run.registry):
        gathered = await _gathered(run, registry)
    _refuse_incomplete(run, gathered)
    notes.progress(10)
    async with await storage() as container:
        with storage_failures(), registry_failures(run.registry):
            if done := await _was_there(run, container, notes):
                return done
            digest = await _sent(run, gathered, registry, container.get_blob_client(run.blob), notes)
    failures = gathered.failures
    return TransferOutcome(sorted(gathered.whole().references), digest, failures, partial=bool(failures))


async def _gathered(run: Run, registry: OciClient) -> Gathered:
    """All manifests of the artifacts, before anything is written."""
    found, gate = Gathered(run.registry), asyncio.Semaphore(_SIDE_BY_SIDE)

    async def one(artifact: str) -> None:
        repository, reference = split(artifact)
        part, mark = ArchiveContents(), "@" if ":" in reference else ":"
        async with gate:
            try:
                digest = await _gather(part, registry, repository, reference)
            except ImageNotFoundError:
                found.missing.append(artifact)
                return
            except WrongContentError:
                found.wrong.append(artifact)
                return
        part.references[f"{repository}{mark}{reference}"] = digest
        if any(size > LARGEST_LAYER for _, size in part.blobs.values()):
            found.too_large.append(artifact)
        else:
            found.parts[artifact] = part

    await asyncio.gather(*(one(artifact) for artifact in dict.fromkeys(run.artifacts)))
    return found


async def _gather(part: ArchiveContents, registry: OciClient, repository: str, reference: str) -> str:
    manifest = await registry.manifest(repository, reference)
    digest = manifest.digest_like(reference)
    part.manifests[digest] = manifest
    for blob, size in manifest.blobs.items():
        part.blobs.setdefault(blob, (repository, size))
    for child in manifest.children:
        await _gather(part, registry, repository, child)
    return digest


def _refuse_incomplete(run: Run, gathered: Gathered) -> None:
    """One artifact that cannot be exported fails the run, unless it goes on with the others."""
    if gathered.failures and not (run.has(CONTINUE) and gathered.parts):
        raise TransferFailedError(" ".join(gathered.failures))


async def _was_there(run: Run, container: ContainerClient, notes: RunProgress) -> TransferOutcome | None:
    """Refuse to replace a blob without the option; one that this run itself wrote before a crash is its own.

    The blob is looked up in a list: an export needs the list right.
    """
    found = [blob async for blob in container.list_blobs(run.blob) if blob.name == run.blob]
    if not found:
        return None
    md5 = bytes(found[0].content_settings.content_md5 or b"").hex()
    if md5 and md5 == notes.reached.get("md5"):
        return TransferOutcome(notes.reached["artifacts"].split(), notes.reached["digest"])
    if run.has(OVERWRITE_BLOBS):
        return None
    if run.skip_existing:
        return TransferOutcome([], "", [f"The blob '{run.blob}' already exists and was left alone."])
    raise TransferFailedError(
        f"The blob '{run.blob}' already exists. Set the option OverwriteBlobs or use another name."
    )


async def _sent(
    run: Run, gathered: Gathered, registry: OciClient, blob: BlobClient, notes: RunProgress
) -> str:
    """Upload; artifacts whose bytes turn out wrong are left out by a second try, if the run may go on."""
    while True:
        contents = gathered.whole()
        try:
            return await _upload(blob, contents, registry, notes)
        except WrongContentError as error:
            gathered.drop(error.digest)
            _refuse_incomplete(run, gathered)


async def _upload(
    blob: BlobClient, contents: ArchiveContents, registry: OciClient, notes: RunProgress
) -> str:
    """Stage blocks as they come and commit them with the marks that the source trigger looks for."""
    md5, sha256, blocks, sent = hashlib.md5(usedforsecurity=False), hashlib.sha256(), list[BlobBlock](), 0
    async for block in _blocks(written(contents, registry.blob)):
        md5.update(block)
        sha256.update(block)
        blocks.append(BlobBlock(base64.b64encode(b"%08d" % len(blocks)).decode()))
        await blob.stage_block(blocks[-1].id, block, validate_content=True)
        sent += len(block)
        notes.progress(10 + min(80, 80 * sent // (contents.size + 1)))
    digest = f"sha256:{sha256.hexdigest()}"
    artifacts = " ".join(sorted(contents.references))
    notes.reach({"md5": md5.hexdigest(), "digest": digest, "artifacts": artifacts})
    settings = ContentSettings(content_type="application/x-tar", content_md5=bytearray(md5.digest()))
    await blob.commit_block_list(blocks, content_settings=settings, metadata=CATEGORY)
    await blob.get_blob_properties()  # an export needs the read right
    return digest


async def _blocks(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    held = bytearray()
    async for chunk in body:
        held += chunk
        while len(held) >= _BLOCK:
            yield bytes(memoryview(held)[:_BLOCK])
            del held[:_BLOCK]
    if held:
        yield bytes(held)
