"""The rules of ACR Transfer: what an export run and an import run do, no matter how they were asked for.

https://learn.microsoft.com/azure/container-registry/container-registry-transfer-images
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.storage.blob import BlobBlock, ContentSettings
from azure.storage.blob.aio import BlobClient, ContainerClient

from sandbox.archive import Archive, Contents, written
from sandbox.oci import ImageNotFoundError, Registry

CATEGORY = {"category": "acr-transfer-blob"}
"""What the source trigger looks for in a blob's metadata."""

MOST_ARTIFACTS = 50
_BLOCK = 8 << 20
_SIDE_BY_SIDE = 4


class TransferFailedError(Exception):
    """A run failed; the message is what `pipelineRunErrorMessage` says."""


@dataclass(frozen=True)
class Run:
    """One run, as its pipeline and its request ask for it."""

    registry: str
    """The registry's name, for messages."""

    blob: str
    artifacts: tuple[str, ...] = ()
    options: frozenset[str] = frozenset()


@dataclass
class Outcome:
    """What a run did."""

    artifacts: list[str] = field(default_factory=list)
    catalog_digest: str = ""
    warnings: list[str] = field(default_factory=list)


class Storage(Protocol):
    """Opens the pipeline's container with what its vault secret holds, as its identity."""

    async def __call__(self) -> ContainerClient:
        """The container, or TransferFailedError."""


Progress = Callable[[int], None]


async def export(run: Run, registry: Registry, storage: Storage, progress: Progress) -> Outcome:
    """Write the run's artifacts into one blob, which becomes visible when it is whole."""
    contents = await _gathered(run, registry)
    progress(10)
    async with await storage() as container:
        try:
            blob = container.get_blob_client(run.blob)
            await _refuse_existing(run, blob)
            digest = await _upload(blob, written(contents, registry.blob), progress)
        except AzureError as error:
            raise TransferFailedError(storage_words(error)) from error
    return Outcome(sorted(contents.references), digest)


async def import_(run: Run, registry: Registry, storage: Storage, progress: Progress) -> Outcome:
    """Push what the blob holds into the registry; then remove the blob, where the pipeline says so."""
    async with await storage() as container:
        blob = container.get_blob_client(run.blob)
        with tempfile.TemporaryDirectory() as folder:
            try:
                digest = await _download(blob, Path(folder) / "archive.tar")
            except AzureError as error:
                raise TransferFailedError(storage_words(error)) from error
            progress(30)
            done = await _push_all(run, registry, Path(folder) / "archive.tar", progress)
        outcome = Outcome(done, digest)
        if "DeleteSourceBlobOnSuccess" in run.options:
            await _delete(blob, outcome)
    return outcome


async def _gathered(run: Run, registry: Registry) -> Contents:
    """All manifests of the artifacts; one that is not there fails the run before anything is written."""
    contents, missing = Contents(), list[str]()
    gate = asyncio.Semaphore(_SIDE_BY_SIDE)

    async def one(artifact: str) -> None:
        async with gate:
            repository, reference = split(artifact)
            try:
                await _gather(contents, registry, repository, reference, artifact)
            except ImageNotFoundError:
                missing.append(artifact)

    await asyncio.gather(*(one(artifact) for artifact in run.artifacts))
    if missing and ("ContinueOnErrors" not in run.options or len(missing) == len(run.artifacts)):
        listed = ", ".join(f"'{artifact}'" for artifact in sorted(missing))
        raise TransferFailedError(f"Artifacts not found in registry '{run.registry}': {listed}.")
    return contents


async def _gather(
    contents: Contents, registry: Registry, repository: str, reference: str, name: str = ""
) -> None:
    manifest = await registry.manifest(repository, reference)
    contents.manifests[manifest.digest] = manifest
    if name:
        contents.references[name] = manifest.digest
    for digest, size in manifest.blobs.items():
        contents.blobs.setdefault(digest, (repository, size))
    for child in manifest.children:
        await _gather(contents, registry, repository, child)


def split(artifact: str) -> tuple[str, str]:
    """Repository and tag or digest; without either it is `latest`."""
    repository, at, digest = artifact.partition("@")
    if at:
        return repository, digest
    repository, _, tag = artifact.partition(":")
    return repository, tag or "latest"


async def _refuse_existing(run: Run, blob: BlobClient) -> None:
    if "OverwriteBlobs" not in run.options and await blob.exists():
        raise TransferFailedError(
            f"The blob '{run.blob}' already exists. Set the option OverwriteBlobs or use another name."
        )


async def _upload(blob: BlobClient, body: AsyncIterator[bytes], progress: Progress) -> str:
    """Stage blocks as they come and commit them with the marks that the source trigger looks for."""
    md5, sha256, blocks = hashlib.md5(usedforsecurity=False), hashlib.sha256(), list[BlobBlock]()
    async for block in _blocks(body):
        md5.update(block)
        sha256.update(block)
        blocks.append(BlobBlock(base64.b64encode(b"%08d" % len(blocks)).decode()))
        await blob.stage_block(blocks[-1].id, block, validate_content=True)
        progress(min(90, 10 + len(blocks)))
    settings = ContentSettings(content_type="application/x-tar", content_md5=bytearray(md5.digest()))
    await blob.commit_block_list(blocks, content_settings=settings, metadata=CATEGORY)
    return f"sha256:{sha256.hexdigest()}"


async def _blocks(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    held = bytearray()
    async for chunk in body:
        held += chunk
        while len(held) >= _BLOCK:
            yield bytes(held[:_BLOCK])
            del held[:_BLOCK]
    if held:
        yield bytes(held)


async def _download(blob: BlobClient, path: Path) -> str:
    sha256 = hashlib.sha256()
    stream = await blob.download_blob(max_concurrency=2)
    with path.open("wb") as file:
        async for chunk in stream.chunks():
            sha256.update(chunk)
            file.write(chunk)
    return f"sha256:{sha256.hexdigest()}"


async def _push_all(run: Run, registry: Registry, path: Path, progress: Progress) -> list[str]:
    archive = Archive(path)
    try:
        contents, done = archive.contents(), list[str]()
        for reference, digest in sorted(contents.references.items()):
            repository, name = split(reference)
            await _refuse_tag(run, registry, repository, name, digest)
            await _push(contents, archive, registry, repository, digest, name)
            done.append(reference)
            progress(30 + 60 * len(done) // len(contents.references))
        return done
    finally:
        archive.close()


async def _refuse_tag(run: Run, registry: Registry, repository: str, name: str, digest: str) -> None:
    if "OverwriteTags" in run.options or name.startswith("sha256:"):
        return
    try:
        there = await registry.manifest(repository, name)
    except ImageNotFoundError:
        return
    if there.digest != digest:
        raise TransferFailedError(
            f"The tag '{repository}:{name}' already exists in registry '{run.registry}' with another digest. "
            "Set the option OverwriteTags to replace it."
        )


async def _push(
    contents: Contents, archive: Archive, registry: Registry, repository: str, digest: str, name: str
) -> None:
    """Push a manifest after all that it names: blobs first, then the children of an index, then itself."""
    manifest = contents.manifests[digest]
    for blob in manifest.blobs:
        if not await registry.has(repository, "blobs", blob):
            await registry.put_blob(repository, blob, archive.size(blob), archive.blob(blob))
    for child in manifest.children:
        await _push(contents, archive, registry, repository, child, child)
    await registry.put_manifest(repository, name, manifest)


async def _delete(blob: BlobClient, outcome: Outcome) -> None:
    try:
        await blob.delete_blob()
    except AzureError as error:
        outcome.warnings.append(f"The source blob was not deleted. {storage_words(error)}")


def storage_words(error: AzureError) -> str:
    """What a run says of a failure of storage; the request's address, which holds the SAS, is not in it."""
    if isinstance(error, ResourceNotFoundError):
        code = getattr(error, "error_code", None) or "BlobNotFound"
        return f"Failed to access storage.  Service request failed.  Status: 404 ({code})"
    if isinstance(error, HttpResponseError) and error.status_code:
        reason = getattr(error, "error_code", None) or error.reason
        return f"Failed to access storage.  Service request failed.  Status: {error.status_code} ({reason})"
    return f"Failed to access storage.  {type(error).__name__}"
