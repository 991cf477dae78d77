"""Write exported blobs to folders, in parts, so that they can be carried by hand."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from azure.storage.blob.aio import ContainerClient

from acr_transfer.copy.blocks import Block, Exported
from acr_transfer.copy.hop import exported_blobs
from acr_transfer.copy.throttle import Pace
from acr_transfer.disk import folder
from acr_transfer.disk.encryption import Recipient, encrypted_size
from acr_transfer.disk.folder import Disk
from acr_transfer.disk.layout import HANDOVER, INDEX, SUMS, packed_blob, part_name, sums
from acr_transfer.disk.part_file import Calls, read_ahead, read_at, write_file
from acr_transfer.errors import CopyError
from acr_transfer.model.documents.handover import Handover
from acr_transfer.model.documents.pack_manifest import PackedBlob, PackManifest, PackPart

Begin = Callable[[int, int], None]
Advance = Callable[[str, int, bool], None]


@dataclass(frozen=True, kw_only=True)
class Wish:
    """How a pack shall be."""

    part_size: int
    """Bytes of content in a part, at most; at least one block."""

    recipients: Sequence[Recipient] = ()
    """Who may read it; none: anybody who has the disk."""

    room: folder.Free = folder.free


@dataclass(frozen=True, kw_only=True)
class _Planned:
    """A part that shall be written, or is there."""

    blob: Exported
    file: str
    blocks: Sequence[Block]

    @property
    def length(self) -> int:
        return sum(block.length for block in self.blocks)


@dataclass
class _Writer:
    """One run of pack."""

    source: ContainerClient
    wish: Wish
    pace: Pace
    tell: Advance
    disks: Sequence[Disk]
    finished: dict[tuple[str, str], tuple[Disk, PackPart]] = field(default_factory=dict)


async def pack(
    handover: Handover,
    source: ContainerClient,
    folders: Sequence[Path],
    wish: Wish,
    pace: Pace,
    begin: Begin,
    tell: Advance,
) -> PackManifest:
    """Pack the blobs of a hand-over into folders; a part that is there and whole is not written again.

    Before anything is written: raises `NothingExportedError` with every fault of the source, `DiskError` if
    the disks are too small. Later: `CopyError` for a source that changed or whose bytes are not what its
    hash says, `DiskError` for a disk that fails; the same again goes on.
    """
    blobs = await exported_blobs(handover.blob_names, source)
    writer = _Writer(
        source, wish, pace, tell, [Disk(folder, number) for number, folder in enumerate(folders, start=1)]
    )
    begin(len(blobs), sum(blob.size for blob in blobs))
    planned = [part for blob in blobs for part in _planned(blob, wish.part_size)]
    await asyncio.to_thread(_look, writer, planned)
    places = await asyncio.to_thread(_place, writer, planned)
    packed = [await _pack_blob(blob, writer, places) for blob in blobs]
    done = PackManifest.create(
        disks=len(folders), encryption="age" if wish.recipients else None, blobs=tuple(packed)
    )
    await asyncio.to_thread(_finish, writer, handover, done)
    return done


def _planned(blob: Exported, part_size: int) -> Iterator[_Planned]:
    blocks, count = blob.blocks(), max(1, part_size // blob.block_size)
    for number, first in enumerate(range(0, len(blocks), count), start=1):
        yield _Planned(blob=blob, file=part_name(blob.name, number), blocks=blocks[first : first + count])


def _look(writer: _Writer, planned: Sequence[_Planned]) -> None:
    """Find the parts that earlier runs finished, and compare each with its hash."""
    wanted = {(part.blob.version, part.file): part for part in planned}
    for disk in writer.disks:
        disk.prepare()
        for key, part in disk.finished().items():
            fits = key in wanted and _fits(part, wanted[key], encrypted=bool(writer.wish.recipients))
            if fits and folder.sha256_of(disk.folder / part.file) == part.sha256:
                moved = part.model_copy(update={"disk": disk.number})
                writer.finished[key] = (disk, moved)


def _fits(part: PackPart, wanted: _Planned, *, encrypted: bool) -> bool:
    same = (part.start, part.length) == (wanted.blocks[0].start, wanted.length)
    return same and (part.size > part.length) == encrypted


def _place(writer: _Writer, planned: Sequence[_Planned]) -> dict[str, Disk]:
    """A disk for each part that is not there; then the index goes, because the pack is not whole."""
    missing = [part for part in planned if (part.blob.version, part.file) not in writer.finished]
    readers = len(writer.wish.recipients)
    sizes = [encrypted_size(part.length, readers) if readers else part.length for part in missing]
    places = folder.placed(sizes, writer.disks, writer.wish.room)
    if missing:
        for disk in writer.disks:
            kept = [
                (version, part)
                for (version, _), (place, part) in writer.finished.items()
                if place.number == disk.number
            ]
            disk.reopen(kept)
    return {part.file: disk for part, disk in zip(missing, places, strict=True)}


async def _pack_blob(blob: Exported, writer: _Writer, places: Mapping[str, Disk]) -> PackedBlob:
    """Write what is missing of a blob; all of it is read, to compare the hash of the whole."""
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    parts = []

    def hashed(content: bytes) -> str:
        md5.update(content)
        sha256.update(content)
        return hashlib.sha256(content).hexdigest()

    for wanted in _planned(blob, writer.wish.part_size):
        finished = writer.finished.get((blob.version, wanted.file))
        if finished is None:
            parts.append(await _write(wanted, writer, places[wanted.file], hashed))
        else:
            parts.append(finished[1])
            await _reread(wanted, writer, *finished, hashed)
    if md5.digest() != blob.md5:
        for part in parts:
            (writer.disks[part.disk - 1].folder / part.file).unlink(missing_ok=True)
        raise CopyError(
            f"blob {blob.name}: hash differs: expected MD5 {blob.md5.hex()}, read {md5.hexdigest()}. "
            "Its parts were removed. Run again; if it stays so, the source's blob is damaged: export it anew."
        )
    return packed_blob(blob, sha256.hexdigest(), parts)


async def _write(wanted: _Planned, writer: _Writer, disk: Disk, hashed: Callable[[bytes], str]) -> PackPart:
    source = writer.source.get_blob_client(wanted.blob.name)
    hashes: list[str] = []

    def take(content: bytes) -> bytes:
        hashes.append(hashed(content))
        writer.tell(wanted.blob.name, len(content), True)
        return content

    async with aclosing(read_ahead(wanted.blob, wanted.blocks, source, writer.pace)) as blocks:
        calls = Calls(blocks)
        size, digest = await asyncio.to_thread(
            write_file, disk, wanted.file, map(take, calls), writer.wish.recipients
        )
    part = PackPart(
        file=wanted.file,
        disk=disk.number,
        start=wanted.blocks[0].start,
        length=wanted.length,
        size=size,
        sha256=digest,
        blocks=tuple(hashes),
    )
    await asyncio.to_thread(disk.note, wanted.blob.version, part)
    return part


async def _reread(
    wanted: _Planned, writer: _Writer, disk: Disk, part: PackPart, hashed: Callable[[bytes], str]
) -> None:
    """Hash the content of a part that is there: from the disk, or, where only others can read that, again
    from the source."""
    if writer.wish.recipients:
        source = writer.source.get_blob_client(wanted.blob.name)
        async with aclosing(read_ahead(wanted.blob, wanted.blocks, source, writer.pace)) as blocks:
            async for content in blocks:
                await asyncio.to_thread(hashed, content)
                writer.tell(wanted.blob.name, len(content), False)
        return
    for block in wanted.blocks:
        content = await asyncio.to_thread(
            read_at, disk.folder / part.file, block.start - part.start, block.length
        )
        await asyncio.to_thread(hashed, content)
        writer.tell(wanted.blob.name, block.length, False)


def _finish(writer: _Writer, handover: Handover, done: PackManifest) -> None:
    """Write the hand-over, the index and the checksums to every disk; then the pack is whole."""
    known = {blob.name: blob for blob in done.blobs}
    blobs = tuple(blob.model_copy(update=_measured(known[blob.name])) for blob in handover.blobs)
    full = handover.model_copy(update={"blobs": blobs}).with_checksum()
    for disk in writer.disks:
        disk.put(HANDOVER, full.content())
        disk.put(INDEX, done.content())
        own = [part for blob in done.blobs for part in blob.parts if part.disk == disk.number]
        disk.put(SUMS, sums(disk.folder, own))
        disk.close()


def _measured(blob: PackedBlob) -> dict[str, Any]:
    return {
        "size": blob.size,
        "content_md5": blob.content_md5,
        "sha256": blob.sha256,
    }
