"""Writes exported blobs to folders, in parts, for transport by hand."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path

from acr_transfer.copy.blocks import Block, SourceBlob
from acr_transfer.copy.result import CopyProgress
from acr_transfer.copy.source import SourceContainer
from acr_transfer.disk import folder
from acr_transfer.disk.folder import Disk
from acr_transfer.disk.keys import Recipient
from acr_transfer.disk.layout import HANDOVER, MANIFEST, SUMS, packed_blob, part_name, sums
from acr_transfer.disk.part_file import encrypted_size, in_threads, new_part, read_range
from acr_transfer.errors import CopyError
from acr_transfer.model.documents.handover import Handover
from acr_transfer.model.documents.pack_manifest import PackedBlob, PackManifest, PackPart


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
) -> PackManifest:
    """Pack the blobs of a hand-over into folders; finished parts of an earlier run are kept.

    Before anything is written, raises `NothingExportedError` with every fault of the source, or `DiskError`
    if the disks are too small. Later, raises `CopyError` if a source blob changes or does not have its MD5,
    or `DiskError` if a disk fails; the same call continues afterwards.
    """
    blobs = await source.find(handover.blob_names)
    disks = [Disk(folder, number) for number, folder in enumerate(folders, start=1)]
    progress.begin(len(blobs), sum(blob.size for blob in blobs))
    packer = _Packer(source, options, progress, disks)
    plans = {blob.name: list(_planned(blob, options.part_size)) for blob in blobs}
    await asyncio.to_thread(packer.prepare, [part for parts in plans.values() for part in parts])
    packed = [await packer.pack_blob(blob, plans[blob.name]) for blob in blobs]
    encryption = "age" if options.recipients else None
    manifest = PackManifest.create(disks=len(disks), encryption=encryption, blobs=tuple(packed))
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
    finished: dict[tuple[str, str], PackPart] = field(default_factory=dict)
    assigned: Mapping[str, Disk] = field(default_factory=dict)

    def prepare(self, planned: Sequence[_PlannedPart]) -> None:
        """Find the finished parts, and assign a disk to each other part; then the pack is incomplete."""
        self._find_finished({part.key: part for part in planned})
        missing = [part for part in planned if part.key not in self.finished]
        readers = len(self.options.recipients)
        sizes = [encrypted_size(part.length, readers) if readers else part.length for part in missing]
        disks = folder.assign_disks(sizes, self.disks)
        self.assigned = {part.file: disk for part, disk in zip(missing, disks, strict=True)}
        for disk in self.disks if missing else ():
            disk.reopen(
                [(version, part) for (version, _), part in self.finished.items() if part.disk == disk.number]
            )

    def _find_finished(self, planned: dict[tuple[str, str], _PlannedPart]) -> None:
        """Keep the planned parts of earlier runs whose files still have their hashes."""
        for disk in self.disks:
            disk.prepare()
            for key, part in disk.finished().items():
                found = part.start, part.length, part.size > part.length
                plan = planned.get(key)
                if plan is None or found != (
                    plan.blocks[0].start,
                    plan.length,
                    bool(self.options.recipients),
                ):
                    continue
                if folder.sha256_of(disk.folder / part.file) == part.sha256:
                    self.finished[key] = part.model_copy(update={"disk": disk.number})

    def _path(self, part: PackPart) -> Path:
        return self.disks[part.disk - 1].folder / part.file

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
                self._path(part).unlink(missing_ok=True)
            raise
        return packed_blob(blob, hashes.sha256.hexdigest(), parts)

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
        await asyncio.to_thread(disk.record, plan.blob.version, part)
        return part

    async def _hash_finished(self, plan: _PlannedPart, part: PackPart, hashes: _BlobHashes) -> None:
        """Hash a finished part, read from the disk, or again from the source if it is encrypted."""
        encrypted = bool(self.options.recipients)
        contents = self.source.read_ahead(plan.blob, plan.blocks) if encrypted else self._read(plan, part)
        async with aclosing(contents) as blocks:
            async for content in blocks:
                await asyncio.to_thread(hashes.add, content)
                self.progress.advance(plan.blob.name, len(content), False)

    async def _read(self, plan: _PlannedPart, part: PackPart) -> AsyncGenerator[bytes, None]:
        for block in plan.blocks:
            start = block.start - part.start
            yield await asyncio.to_thread(read_range, self._path(part), start, block.length)


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
