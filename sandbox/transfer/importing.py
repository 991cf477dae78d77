"""Import runs: the content of a blob is pushed to a registry and verified on the way."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.storage.blob import BlobProperties
from azure.storage.blob.aio import BlobClient, ContainerClient

from sandbox.registry.oci_client import ImageNotFoundError, OciClient, WrongContentError
from sandbox.transfer.archive import ArchiveContents, ArchiveReader, BadArchiveError, verified
from sandbox.transfer.container_access import find_blob
from sandbox.transfer.failures import TransferFailedError, quoted, storage_message
from sandbox.transfer.rules import DELETE_SOURCE, OVERWRITE_TAGS, split_reference
from sandbox.transfer.transfer_run import TransferOutcome, TransferRun


@dataclass
class ImportedArtifacts:
    """The contents of an archive, and the artifacts that cannot be imported."""

    run: TransferRun
    contents: ArchiveContents
    conflicts: list[str] = field(default_factory=list)
    """References whose tag exists with another digest."""

    corrupt: set[str] = field(default_factory=set)
    """Digests of blobs whose bytes are wrong."""

    missing: set[str] = field(default_factory=set)
    """Digests of required blobs that the archive does not contain."""

    @property
    def incomplete(self) -> list[str]:
        """References with missing or corrupt content."""
        bad, references = self.corrupt | self.missing, self.contents.references
        return [name for name in references if bad & self.contents.required_blobs(references[name]).keys()]

    @property
    def excluded(self) -> set[str]:
        """References that cannot be imported."""
        return {*self.conflicts, *self.incomplete}

    @property
    def failures(self) -> list[str]:
        """One message per reason for which artifacts cannot be imported."""
        found = []
        if self.conflicts and not self.run.skip_existing:
            found.append(
                f"Tags already exist in registry '{self.run.registry}' with another digest: "
                f"{quoted(self.conflicts)}. Set the option OverwriteTags to replace them."
            )
        if incomplete := self.incomplete:
            found.append(
                f"The archive in blob '{self.run.blob}' is corrupt: content is missing or does not match its "
                f"digest, for {quoted(incomplete)}."
            )
        return found

    def require_complete(self) -> None:
        """Fail the run for artifacts that cannot be imported, unless it can continue with the others."""
        remaining = len(self.contents.references) - len(self.excluded)
        self.run.require_complete(self.failures, remaining=remaining)

    def repositories(self) -> dict[str, list[str]]:
        """Digest of each blob to the repositories that need it."""
        found: dict[str, list[str]] = {}
        for reference, digest in self.contents.references.items():
            repository = split_reference(reference)[0]
            for blob in self.contents.required_blobs(digest):
                if repository not in found.setdefault(blob, []):
                    found[blob].append(repository)
        return found


async def import_artifacts(
    run: TransferRun, registry: OciClient, open_container: Callable[[], Awaitable[ContainerClient]]
) -> TransferOutcome:
    """Push the blob's content to the registry, and delete the blob if the pipeline has that option.

    An interrupted run with a saved outcome only has to delete its blob. Raises TransferFailedError, or an
    error of storage or the registry.
    """
    async with await open_container() as container:
        imported = "digest" in run.record.checkpoint
        outcome = run.record.checkpoint_outcome if imported else await _import(run, registry, container)
        if run.has(DELETE_SOURCE) and not outcome.partial:
            run.record.save_checkpoint(outcome)
            await _delete(container.get_blob_client(run.blob), outcome)
    return outcome


async def _import(run: TransferRun, registry: OciClient, container: ContainerClient) -> TransferOutcome:
    if await find_blob(container, run.blob) is None:
        raise ResourceNotFoundError("The specified blob does not exist.")
    stream = await container.get_blob_client(run.blob).download_blob()
    reader = ArchiveReader(stream.chunks())
    try:
        artifacts = ImportedArtifacts(run, await reader.contents())
        artifacts.conflicts = await _conflicts(run, registry, artifacts.contents)
        artifacts.require_complete()
        await _push_blobs(artifacts, registry, reader, stream.properties.size)
        artifacts.require_complete()
        digest = await _verify_archive(run, reader, stream.properties)
    except BadArchiveError as error:
        raise TransferFailedError(f"The archive in blob '{run.blob}' is corrupt: {error}.") from error
    except WrongContentError as error:
        raise TransferFailedError(f"The archive in blob '{run.blob}' is corrupt. {error}") from error
    done = await _push_manifests(artifacts, registry)
    return TransferOutcome(done, digest, artifacts.failures, partial=bool(artifacts.failures))


async def _conflicts(run: TransferRun, registry: OciClient, contents: ArchiveContents) -> list[str]:
    found = []
    for reference, digest in contents.references.items():
        repository, name = split_reference(reference)
        if run.has(OVERWRITE_TAGS) or ":" in name:  # a digest
            continue
        try:
            existing = await registry.manifest(repository, name)
        except ImageNotFoundError:
            continue
        if existing.digest_like(digest) != digest:
            found.append(reference)
    return found


async def _push_blobs(
    artifacts: ImportedArtifacts, registry: OciClient, reader: ArchiveReader, archive_size: int
) -> None:
    """Push every blob to the repositories that need it: once as bytes, then by mounting."""
    wanted = artifacts.repositories()
    artifacts.missing = set(wanted)
    async for digest, size, chunks in reader.blobs():
        artifacts.missing.discard(digest)
        try:
            await _push_blob(registry, wanted.get(digest, []), digest, size, chunks)
        except WrongContentError:
            artifacts.corrupt.add(digest)
        artifacts.run.record.report(5 + 85 * reader.read // (archive_size + 1))


async def _push_blob(
    registry: OciClient, repositories: list[str], digest: str, size: int, chunks: AsyncIterator[bytes]
) -> None:
    body = verified(chunks, digest, size)
    first, accepted = next(iter(repositories), ""), True
    if first and not await registry.has(first, "blobs", digest):
        accepted = await registry.put_blob(first, digest, size, body)
    async for _ in body:  # bytes that are not pushed are verified as well
        pass
    if not accepted:
        raise WrongContentError(digest)
    for repository in repositories[1:]:
        if not await registry.has(repository, "blobs", digest):
            await registry.mount(repository, digest, first)


async def _verify_archive(run: TransferRun, reader: ArchiveReader, blob: BlobProperties) -> str:
    """The archive's digest; raises TransferFailedError if it or the blob's Content-MD5 does not match."""
    digest, md5 = await reader.rest()
    if run.catalog_digest and run.catalog_digest != digest:
        raise TransferFailedError(
            f"The catalog digest of blob '{run.blob}' is {digest}; the run requires {run.catalog_digest}."
        )
    expected = blob.content_settings.content_md5
    if expected and bytes(expected) != md5:
        raise TransferFailedError(
            f"The archive in blob '{run.blob}' is corrupt: its bytes do not match its Content-MD5."
        )
    return digest


async def _push_manifests(artifacts: ImportedArtifacts, registry: OciClient) -> list[str]:
    """Push children by digest before their index, then each artifact by its reference."""
    contents = artifacts.contents
    done = sorted(set(contents.references) - artifacts.excluded)
    for reference in done:
        repository, name = split_reference(reference)
        *descendants, digest = contents.tree(contents.references[reference])
        for child in descendants:
            await registry.put_manifest(repository, child, contents.manifests[child])
        await registry.put_manifest(repository, name, contents.manifests[digest])
    return done


async def _delete(blob: BlobClient, outcome: TransferOutcome) -> None:
    """Delete the blob; a missing blob was deleted by an earlier attempt."""
    try:
        await blob.delete_blob()
    except ResourceNotFoundError:
        pass
    except AzureError as error:
        outcome.warnings.append(f"The source blob was not deleted. {storage_message(error)}")
