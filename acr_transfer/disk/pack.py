"""Writes exported blobs to folders, in parts, for transport by hand."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path

from acr_transfer.copy.blocks import Block, SourceBlob
from acr_transfer.copy.result import CopyProgress
from acr_transfer.copy.source import SourceContainer
from acr_transfer.disk import folder
from acr_transfer.disk.files import locked
from acr_transfer.disk.folder import Disk
from acr_transfer.disk.foreign import refuse_foreign_files
from acr_transfer.disk.keys import Recipient, fingerprint
from acr_transfer.disk.layout import HANDOVER, MANIFEST, SUMS, packed_blob, part_name, sums
from acr_transfer.disk.part_file import encrypted_size, in_threads, new_part, read_range
from acr_transfer.errors import CopyError, InputError
from acr_transfer.model.documents.handover import Handover
from acr_transfer.model.documents.pack_manifest import (
    JournalEntry,
    PackedBlob,
    PackManifest,
    PackPart,
)
from acr_transfer.units import plural

_MOST_BLOCKS = 400_000
"""Blocks of a pack, 3 TiB of content: their hashes make a manifest of 31 MB, and readers take 33."""


@dataclass(frozen=True, kw_only=True)
class PackOptions:
    """The options of a pack."""

    part_size: int
    """Maximum bytes of content in a part; a part holds at least one block."""

    recipients: Sequence[Recipient] = ()
    """The public keys of the readers; without any, the pack is not encrypted."""


@dataclass(frozen=True, kw_only=True)
class _PlannedPart:
    """A part of the pack, finished or not."""

    blob: SourceBlob
    file: str
    blocks: Sequence[Block]

    @property
    def key(self) -> tuple[str, str]:
        return self.blob.version, self.file

    @property
    def length(self) -> int:
        return sum(block.length for block in self.blocks)

    def fits(self, entry: JournalEntry, readers: str) -> bool:
        """Whether a finished part is this one, encrypted for these readers."""
        part = entry.part
        found = part.start, part.length, len(part.blocks), entry.readers, part.size > part.length
        return found == (self.blocks[0].start, self.length, len(self.blocks), readers, bool(readers))


class _BlobHashes:
    """The hashes of a blob, over its blocks in order."""

    def __init__(self) -> None:
        self.md5, self.sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()

    def add(self, content: bytes) -> str:
        """Add a block; returns its own SHA-256."""
        self.md5.update(content)
        self.sha256.update(content)
        return hashlib.sha256(content).hexdigest()


async def pack(
    handover: Handover,
    source: SourceContainer,
    folders: Sequence[Path],
    options: PackOptions,
    progress: CopyProgress,
    remark: Callable[[str], None] = lambda _: None,
) -> PackManifest:
    """Pack the blobs of a hand-over into folders; finished parts of an earlier run are kept.

    Before anything is written, raises `InputError` for folders with files that no pack wrote,
    `NothingExportedError` with every fault of the source, or `DiskError` if the disks are too small. Later,
    raises `CopyError` if a source blob changes or does not have its MD5, or `DiskError` if a disk fails; the
    same call continues afterwards.
    """
    await asyncio.to_thread(refuse_foreign_files, folders)
    blobs = await source.find(handover.blob_names)
    if sum(len(blob.blocks()) for blob in blobs) > _MOST_BLOCKS:
        raise InputError("one pack holds at most 3 TiB; export and pack the artifacts in several steps")
    progress.begin(len(blobs), sum(blob.size for blob in blobs))
    with locked(folders):
        disks = [Disk(folder, number) for number, folder in enumerate(folders, start=1)]
        packer = _Packer(source, options, progress, disks, remark)
        manifest = await packer.pack(blobs)
        await asyncio.to_thread(_finish, disks, handover, manifest)
    return manifest


def _planned(blob: SourceBlob, part_size: int) -> Iterator[_PlannedPart]:
    blocks, count = blob.blocks(), max(1, part_size // blob.block_size)
    for number, first in enumerate(range(0, len(blocks), count), start=1):
        yield _PlannedPart(blob=blob, file=part_name(blob.name, number), blocks=blocks[first : first + count])


@dataclass
class _Packer:
    """One run of pack."""

    source: SourceContainer
    options: PackOptions
    progress: CopyProgress
    disks: Sequence[Disk]
    remark: Callable[[str], None]
    finished: dict[tuple[str, str], PackPart] = field(default_factory=dict)
    assigned: Mapping[str, Disk] = field(default_factory=dict)

    async def pack(self, blobs: Sequence[SourceBlob]) -> PackManifest:
        """Write the missing parts of all blobs; return the manifest."""
        plans = {blob.name: list(_planned(blob, self.options.part_size)) for blob in blobs}
        await asyncio.to_thread(self.prepare, [part for parts in plans.values() for part in parts])
        packed = [await self.pack_blob(blob, plans[blob.name]) for blob in blobs]
        return PackManifest.create(
            disks=len(self.disks),
            encryption="age" if self.options.recipients else None,
            readers=fingerprint(self.options.recipients),
            blobs=tuple(packed),
        )

    def prepare(self, planned: Sequence[_PlannedPart]) -> None:
        """Find the finished parts, and assign a disk to each other part; then the pack is incomplete."""
        by_key = {part.key: part for part in planned}
        for disk in self.disks:
            disk.prepare()
            self._find_finished(disk, by_key)
        missing = [part for part in planned if part.key not in self.finished]
        readers = len(self.options.recipients)
        sizes = [encrypted_size(part.length, readers) if readers else part.length for part in missing]
        disks = folder.assign_disks(sizes, self.disks)
        self.assigned = {part.file: disk for part, disk in zip(missing, disks, strict=True)}
        for disk in self.disks if missing else ():
            kept = [item for item in self.finished.items() if item[1].disk == disk.number]
            disk.reopen([self._entry(version, part) for (version, _), part in kept])

    def _entry(self, version: str, part: PackPart) -> JournalEntry:
        return JournalEntry(version=version, readers=fingerprint(self.options.recipients), part=part)

    def _find_finished(self, disk: Disk, planned: Mapping[tuple[str, str], _PlannedPart]) -> None:
        """Keep the planned parts of earlier runs whose files still have their hashes."""
        readers = fingerprint(self.options.recipients)
        for entry in disk.finished():
            plan = planned.get((entry.version, entry.part.file))
            if plan and plan.fits(entry, readers) and disk.has(entry.part):
                self.finished[plan.key] = entry.part.model_copy(update={"disk": disk.number})
        if disk.damaged_entries:
            lines = plural(disk.damaged_entries, "line")
            self.remark(
                f"{disk.folder}: {lines} of the journal cannot be read; their parts are written again"
            )

    async def pack_blob(self, blob: SourceBlob, planned: Sequence[_PlannedPart]) -> PackedBlob:
        """Write the missing parts of a blob. All of it is read, for the hash of the whole."""
        hashes, parts = _BlobHashes(), []
        for plan in planned:
            part = self.finished.get(plan.key)
            if part is None:
                part = await self._write(plan, hashes)
            else:
                await self._hash_finished(plan, part, hashes)
            parts.append(part)
        try:
            blob.check_md5(hashes.md5.digest(), "Its parts were removed.")
        except CopyError:
            for part in parts:
                self._disk(part).remove(part.file)
            raise
        return packed_blob(blob, hashes.sha256.hexdigest(), parts)

    def _disk(self, part: PackPart) -> Disk:
        return self.disks[part.disk - 1]

    async def _write(self, plan: _PlannedPart, hashes: _BlobHashes) -> PackPart:
        disk = self.assigned[plan.file]
        block_hashes: list[str] = []
        async with (
            in_threads(new_part(disk, plan.file, self.options.recipients)) as (part_file, on_disk),
            aclosing(self.source.read_ahead(plan.blob, plan.blocks)) as blocks,
        ):
            async for content in blocks:
                block_hashes.append(await asyncio.to_thread(hashes.add, content))
                await asyncio.to_thread(part_file.write, content)
                self.progress.advance(plan.blob.name, len(content), True)
        part = PackPart(
            file=plan.file,
            disk=disk.number,
            start=plan.blocks[0].start,
            length=plan.length,
            size=on_disk.size,
            sha256=on_disk.sha256,
            blocks=tuple(block_hashes),
        )
        await asyncio.to_thread(disk.record, self._entry(plan.blob.version, part))
        return part

    async def _hash_finished(self, plan: _PlannedPart, part: PackPart, hashes: _BlobHashes) -> None:
        """Hash a finished part, read from the disk, or again from the source if it is encrypted.

        Raises `CopyError` if its blocks are not those of the manifest or journal, which may have been
        changed on the disk.
        """
        encrypted, block_hashes = bool(self.options.recipients), []
        contents = self.source.read_ahead(plan.blob, plan.blocks) if encrypted else self._read(plan, part)
        async with aclosing(contents) as blocks:
            async for content in blocks:
                block_hashes.append(await asyncio.to_thread(hashes.add, content))
                self.progress.advance(plan.blob.name, len(content), False)
        if tuple(block_hashes) != part.blocks:
            self._disk(part).remove(part.file)
            raise CopyError(
                f"{self._disk(part).folder / part.file} does not have the content that the disk's records "
                "state. It was removed; run again, which writes it again."
            )

    async def _read(self, plan: _PlannedPart, part: PackPart) -> AsyncGenerator[bytes, None]:
        disk = self._disk(part).folder
        for block in plan.blocks:
            start = block.start - part.start
            yield await asyncio.to_thread(read_range, disk, part.file, start, block.length)


def _finish(disks: Sequence[Disk], handover: Handover, manifest: PackManifest) -> None:
    """Write the hand-over, the manifest and the checksums to every disk; then the pack is complete."""
    packed = {blob.name: blob for blob in manifest.blobs}
    blobs = tuple(
        blob.model_copy(update=packed[blob.name].model_dump(include={"size", "content_md5", "sha256"}))
        for blob in handover.blobs
    )
    complete = handover.model_copy(update={"blobs": blobs}).with_checksum()
    for disk in disks:
        disk.write_file(HANDOVER, complete.content())
        disk.write_file(MANIFEST, manifest.content())
        parts = [part for blob in manifest.blobs for part in blob.parts if part.disk == disk.number]
        disk.write_file(SUMS, sums(disk.folder, parts))
        disk.finish()
