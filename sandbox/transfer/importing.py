"""An import run: what one blob holds is pushed into a registry, proved byte for byte on the way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.storage.blob import BlobProperties
from azure.storage.blob.aio import BlobClient, ContainerClient

from sandbox.registry.oci_client import ImageNotFoundError, OciClient, WrongContentError
from sandbox.transfer.archive import ArchiveContents, ArchiveReader, BadArchiveError, Proof
from sandbox.transfer.rules import (
    CONTINUE,
    DELETE_SOURCE,
    OVERWRITE_TAGS,
    Run,
    RunProgress,
    Storage,
    TransferFailedError,
    TransferOutcome,
    is_digest,
    listed,
    registry_failures,
    split,
    storage_failures,
    storage_words,
)


@dataclass
class Incoming:
    """What an archive brings, and what of it cannot be imported."""

    run: Run
    contents: ArchiveContents
    clashes: list[str] = field(default_factory=list)
    """References whose tag is there with another digest."""

    broken: set[str] = field(default_factory=set)
    """Digests of blobs whose bytes are wrong."""

    missing: set[str] = field(default_factory=set)
    """Digests of blobs that no byte of the archive belongs to; at first, all."""

    def failed(self) -> list[str]:
        """References that cannot be imported."""
        return [name for name in self.contents.references if name in self.clashes or self._spoilt(name)]

    def _spoilt(self, name: str) -> bool:
        needed = set(self.contents.needed(self.contents.references[name]))
        return bool(needed & (self.broken | self.missing))

    @property
    def failures(self) -> list[str]:
        """A sentence for each kind of failure."""
        clashes = [] if self.run.skip_existing else self.clashes
        spoilt = [name for name in self.contents.references if self._spoilt(name)]
        found = []
        if clashes:
            found.append(
                f"Tags already exist in registry '{self.run.registry}' with another digest: "
                f"{listed(clashes)}. Set the option OverwriteTags to replace them."
            )
        if spoilt:
            found.append(
                f"The archive in blob '{self.run.blob}' is corrupt: content is missing or does not match its "
                f"digest, for {listed(spoilt)}."
            )
        return found

    def repositories(self) -> dict[str, list[str]]:
        """Digest of each blob to the repositories that need it."""
        found: dict[str, list[str]] = {}
        for reference, digest in self.contents.references.items():
            repository = split(reference)[0]
            for blob in self.contents.needed(digest):
                if repository not in found.setdefault(blob, []):
                    found[blob].append(repository)
        return found


async def import_(run: Run, registry: OciClient, storage: Storage, notes: RunProgress) -> TransferOutcome:
    """Push what the blob holds into the registry; then remove the blob, where the pipeline says so."""
    async with await storage() as container:
        with storage_failures(), registry_failures(run.registry):
            outcome = _done_before(notes) or await _moved(run, registry, container, notes)
        if run.has(DELETE_SOURCE) and not outcome.partial:
            notes.reach({"digest": outcome.catalog_digest, "artifacts": " ".join(outcome.artifacts)})
            await _delete(container.get_blob_client(run.blob), outcome)
    return outcome


def _done_before(notes: RunProgress) -> TransferOutcome | None:
    """What a run had imported that crashed while it removed its blob."""
    if "digest" not in notes.reached:
        return None
    return TransferOutcome(notes.reached["artifacts"].split(), notes.reached["digest"])


async def _moved(
    run: Run, registry: OciClient, container: ContainerClient, notes: RunProgress
) -> TransferOutcome:
    await _find(run, container)
    stream = await container.get_blob_client(run.blob).download_blob()
    there = stream.properties
    reader = ArchiveReader(stream.chunks())
    try:
        incoming = Incoming(run, await reader.contents())
        incoming.clashes = await _clashes(run, registry, incoming.contents)
        _refuse_incomplete(incoming)
        await _push_blobs(incoming, registry, reader, _percent(notes, reader, there.size))
        _refuse_incomplete(incoming)
        digest = await _proved(run, reader, there)
    except BadArchiveError as error:
        raise TransferFailedError(f"The archive in blob '{run.blob}' is corrupt: {error}.") from error
    except WrongContentError as error:
        raise TransferFailedError(f"The archive in blob '{run.blob}' is corrupt. {error}") from error
    done = await _push_manifests(incoming, registry)
    return TransferOutcome(done, digest, incoming.failures, partial=bool(incoming.failures))


async def _find(run: Run, container: ContainerClient) -> None:
    """Look the blob up in a list: an import needs the list right."""
    async for blob in container.list_blobs(run.blob):
        if blob.name == run.blob:
            return
    raise ResourceNotFoundError("The specified blob does not exist.")


def _refuse_incomplete(incoming: Incoming) -> None:
    """What cannot be imported fails the run before a manifest is pushed, unless it goes on with the rest."""
    left = len(incoming.contents.references) - len(incoming.failed())
    if incoming.failures and not (incoming.run.has(CONTINUE) and left):
        raise TransferFailedError(" ".join(incoming.failures))


async def _clashes(run: Run, registry: OciClient, contents: ArchiveContents) -> list[str]:
    found = []
    for reference, digest in contents.references.items():
        repository, name = split(reference)
        if run.has(OVERWRITE_TAGS) or is_digest(name):
            continue
        try:
            there = await registry.manifest(repository, name)
        except ImageNotFoundError:
            continue
        if there.digest_like(digest) != digest:
            found.append(reference)
    return found


async def _push_blobs(
    incoming: Incoming, registry: OciClient, reader: ArchiveReader, told: RunProgress
) -> None:
    """Every blob into every repository that needs it: the bytes once, then from one to the others."""
    wanted = incoming.repositories()
    incoming.missing = set(wanted)
    async for digest, size, chunks in reader.blobs():
        incoming.missing.discard(digest)
        repositories = wanted.get(digest, [])
        try:
            await _push_blob(registry, repositories, digest, size, chunks)
        except WrongContentError:
            incoming.broken.add(digest)
        told.progress(reader.read)


async def _push_blob(
    registry: OciClient, repositories: list[str], digest: str, size: int, chunks: AsyncIterator[bytes]
) -> None:
    proof = Proof(digest)
    body = proof.over(chunks)
    first = next(iter(repositories), "")
    if first and not await registry.has(first, "blobs", digest):
        accepted = await registry.put_blob(first, digest, size, body)
    else:
        accepted = True
    async for _ in body:  # what is there already, or wanted by nobody, is read past and proved all the same
        pass
    if not (accepted and proof.good):
        raise WrongContentError(digest)
    for repository in repositories[1:]:
        if not await registry.has(repository, "blobs", digest):
            await registry.mount(repository, digest, first)


async def _proved(run: Run, reader: ArchiveReader, there: BlobProperties) -> str:
    """The archive's digest, once its end has come and all marks fit."""
    digest, md5 = await reader.rest()
    if run.catalog_digest and run.catalog_digest != digest:
        raise TransferFailedError(
            f"The catalog digest of blob '{run.blob}' is {digest}, not {run.catalog_digest} as the run says."
        )
    expected = there.content_settings.content_md5
    if expected and bytes(expected) != md5:
        raise TransferFailedError(
            f"The archive in blob '{run.blob}' is corrupt: its bytes do not match its Content-MD5."
        )
    return digest


async def _push_manifests(incoming: Incoming, registry: OciClient) -> list[str]:
    """Children before the index that names them, all under their digest, then each under its reference."""
    contents, skipped = incoming.contents, set(incoming.failed())
    done = sorted(set(contents.references) - skipped)
    for reference in done:
        repository, name = split(reference)
        *below, digest = contents.below(contents.references[reference])
        for child in below:
            await registry.put_manifest(repository, child, contents.manifests[child])
        await registry.put_manifest(repository, name, contents.manifests[digest])
    return done


def _percent(notes: RunProgress, reader: ArchiveReader, size: int) -> RunProgress:
    """The same notes, told of bytes read instead of percents."""
    return RunProgress(lambda read: notes.progress(5 + 85 * read // (size + 1)), notes.reached, notes.reach)


async def _delete(blob: BlobClient, outcome: TransferOutcome) -> None:
    """A blob that is gone already, by an answer that was lost or before a crash, is as it should be."""
    try:
        await blob.delete_blob()
    except ResourceNotFoundError:
        pass
    except AzureError as error:
        outcome.warnings.append(f"The source blob was not deleted. {storage_words(error)}")
