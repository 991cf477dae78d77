"""Copies the blobs of a pack to the target's container."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Generator, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pyrage
from azure.storage.blob.aio import ContainerClient

from acr_transfer.azure.throttle import Throttle
from acr_transfer.concurrency import run_concurrently
from acr_transfer.copy.blocks import Block, SourceBlob
from acr_transfer.copy.result import CopyProgress, CopyResult, copied
from acr_transfer.copy.target_blob import TargetBlob, require_container
from acr_transfer.disk.encryption import decrypting
from acr_transfer.disk.folder import explained_disk
from acr_transfer.disk.keys import Identity
from acr_transfer.disk.layout import PackOnDisks, source_blob
from acr_transfer.disk.part_file import read_range
from acr_transfer.errors import CopyError, InputError
from acr_transfer.model.documents.pack_manifest import PackedBlob, PackPart

_BLOBS_AT_A_TIME = 2


async def unpack(
    pack: PackOnDisks,
    target: ContainerClient,
    identities: Sequence[Identity],
    throttle: Throttle,
    progress: CopyProgress,
) -> list[CopyResult]:
    """Copy every blob of a pack to the target; return the result of each, with failures.

    Missing folders may follow in a later call: until then, the staged blocks of their blobs stay invisible.
    Raises `InputError` for an encrypted pack without identities, `CopyError` if a part has another size.
    """
    blobs = pack.manifest.blobs
    if pack.manifest.encrypted and not identities:
        raise InputError(f"the pack in {pack.folders[0]} is encrypted: pass your key with --identity FILE")
    await asyncio.to_thread(pack.check_sizes)
    await require_container(target)
    progress.begin(len(blobs), sum(blob.size for blob in blobs))

    async def unpack_one(packed: PackedBlob) -> CopyResult:
        async def copy(found: TargetBlob) -> None:
            await _copy(packed, pack, identities, found)

        return await copied(TargetBlob(source_blob(packed), target, throttle, progress.advance), copy)

    return await run_concurrently(unpack_one, blobs, _BLOBS_AT_A_TIME)


class _PackedBlock(NamedTuple):
    """A block of a part, its ID at the target, and the hash of its content."""

    block: Block
    block_id: str
    sha256: str


async def _copy(
    packed: PackedBlob, pack: PackOnDisks, identities: Sequence[Identity], target: TargetBlob
) -> None:
    """Stage every missing block of a blob, then commit. Raises `CopyError` if a part is not available."""
    block_ids, missing = [], []
    staged = set(await target.staged())
    for part in packed.parts:
        blocks = _blocks(target.blob, part)
        block_ids += [each.block_id for each in blocks]
        wanted = [each for each in blocks if each.block_id not in staged]
        target.count_staged(part.length - sum(each.block.length for each in wanted))
        path = pack.find(part)
        if wanted and path is None:
            missing.append(f"{part.file} of disk {part.disk}")
        elif wanted and path is not None:
            await _stage(wanted, _PartReader(path, part, blocks, identities), target)
    if missing:
        raise CopyError(
            f"blob {packed.name} is incomplete; not found: {', '.join(missing)}. "
            "The available blocks are staged at the target; unpack the missing parts within a week."
        )
    await target.commit(block_ids)


def _blocks(blob: SourceBlob, part: PackPart) -> list[_PackedBlock]:
    return [
        _PackedBlock(block, blob.block_id(block, sha256), sha256)
        for block, sha256 in zip(blob.blocks_of(part.start, part.length), part.blocks, strict=True)
    ]


async def _stage(wanted: Sequence[_PackedBlock], reader: _PartReader, target: TargetBlob) -> None:
    """Send blocks of a part; the content of each is compared with its hash first."""

    async def send(found: tuple[_PackedBlock, bytes]) -> None:
        packed, content = found
        md5 = hashlib.md5(content, usedforsecurity=False).digest()
        await target.stage(packed.block_id, content, md5)

    await target.throttle.run(send, reader.read(wanted), lambda found: found[0].block.length)


class _PartReader:
    """Reads the blocks of a part from its file."""

    def __init__(
        self, path: Path, part: PackPart, blocks: Sequence[_PackedBlock], identities: Sequence[Identity]
    ) -> None:
        self._path, self._part, self._blocks, self._identities = path, part, blocks, identities

    async def read(self, wanted: Sequence[_PackedBlock]) -> AsyncIterator[tuple[_PackedBlock, bytes]]:
        """The wanted blocks with their content. Raises `CopyError` for content that differs from its hash."""
        encrypted = self._part.size > self._part.length
        with closing(self._decrypted() if encrypted else self._plain(wanted)) as contents:
            while (found := await asyncio.to_thread(next, contents, None)) is not None:
                packed, content = found
                if packed in wanted:
                    await asyncio.to_thread(self._check, packed, content)
                    yield found

    def _check(self, packed: _PackedBlock, content: bytes) -> None:
        if hashlib.sha256(content).hexdigest() != packed.sha256:
            first = packed.block.start - self._part.start
            raise self._damaged(f"its content from byte {first} to {first + packed.block.length}")

    def _plain(self, wanted: Sequence[_PackedBlock]) -> Generator[tuple[_PackedBlock, bytes], None, None]:
        for packed in wanted:
            start = packed.block.start - self._part.start
            yield packed, read_range(self._path, start, packed.block.length)

    def _decrypted(self) -> Generator[tuple[_PackedBlock, bytes], None, None]:
        with explained_disk(f"reading {self._path}"), self._path.open("rb") as file:
            try:
                with decrypting(file, self._identities) as plain:
                    for packed in self._blocks:
                        content = plain.read(packed.block.length)
                        if len(content) < packed.block.length:
                            break
                        yield packed, content
                    else:
                        if not plain.read(1):
                            return
            except pyrage.DecryptError as error:
                if "No matching keys" in str(error):
                    raise InputError(f"{self._path} was not encrypted for any key of --identity") from None
                raise self._damaged("its encrypted content") from None
        raise self._damaged("its end")

    def _damaged(self, what: str) -> CopyError:
        return CopyError(
            f"{self._path} is damaged: {what} differs from the packed content. Copy the file from disk "
            f"{self._part.disk} again; if it is damaged there, run `acr-transfer pack` with that disk again, "
            "which rewrites only this part. No wrong content is visible at the target."
        )
