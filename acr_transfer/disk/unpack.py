"""Copies the blobs of a pack to the target's container."""

import asyncio
import hashlib
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pyrage
from azure.storage.blob.aio import ContainerClient

from acr_transfer.azure.throttle import Throttle
from acr_transfer.copy.blocks import Block, SourceBlob
from acr_transfer.copy.result import CopyProgress, CopyResult, copy_blobs
from acr_transfer.copy.target_blob import TargetBlob
from acr_transfer.disk.files import open_on_disk
from acr_transfer.disk.keys import Identity
from acr_transfer.disk.layout import PackOnDisks, source_blob
from acr_transfer.disk.part_file import decrypting, read_range
from acr_transfer.errors import CopyError, InputError
from acr_transfer.model.documents.pack_manifest import PackPart
from acr_transfer.model.references import listed

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
    packed = {blob.name: blob for blob in pack.manifest.blobs}
    if pack.manifest.encrypted and not identities:
        raise InputError(f"the pack in {pack.folders[0]} is encrypted: pass your key with --identity FILE")
    await asyncio.to_thread(pack.check_sizes)

    async def copy(found: TargetBlob) -> None:
        await _copy(packed[found.blob.name].parts, pack, identities, found)

    blobs = [source_blob(blob) for blob in packed.values()]
    return await copy_blobs(blobs, target, throttle, progress, copy, _BLOBS_AT_A_TIME)


class _PackedBlock(NamedTuple):
    """A block of a part, its ID at the target, and the hash of its content."""

    block: Block
    block_id: str
    sha256: str


async def _copy(
    parts: Sequence[PackPart], pack: PackOnDisks, identities: Sequence[Identity], target: TargetBlob
) -> None:
    """Stage every missing block of a blob, then commit. Raises `CopyError` if a part is not available."""
    block_ids, missing = [], []
    staged = set(await target.staged())
    for part in parts:
        blocks = _blocks(target.blob, part)
        block_ids += [each.block_id for each in blocks]
        wanted = [each for each in blocks if each.block_id not in staged]
        target.count(part.length - sum(each.block.length for each in wanted), sent=False)
        disk = pack.find(part)
        if wanted and disk is None:
            missing.append(f"{part.file} of disk {part.disk}")
        elif wanted and disk is not None:
            keys = identities if pack.manifest.encrypted else None
            await _stage(wanted, _PartReader(disk, part, blocks, keys).contents(wanted), target)
    if missing:
        raise CopyError(
            f"blob {target.blob.name} is incomplete; not found: {listed(missing)}. "
            "The available blocks are staged at the target; unpack the missing parts within a week."
        )
    await target.commit(block_ids)


def _blocks(blob: SourceBlob, part: PackPart) -> list[_PackedBlock]:
    blocks = blob.blocks(part.start, part.start + part.length)
    return [
        _PackedBlock(block, blob.block_id(block, sha256), sha256)
        for block, sha256 in zip(blocks, part.blocks, strict=True)
    ]


async def _stage(
    wanted: Sequence[_PackedBlock], contents: Generator[bytes, None, None], target: TargetBlob
) -> None:
    """Send blocks of a part, whose contents one thread reads in their order."""
    read = asyncio.get_running_loop().run_in_executor
    # The thread ends before the generator is closed.
    with closing(contents), ThreadPoolExecutor(1) as thread:

        async def send(packed: _PackedBlock) -> None:
            content = await read(thread, next, contents, b"")
            # After a failure the generator is exhausted: nothing may be staged under the IDs that remain.
            if len(content) != packed.block.length:
                raise CopyError(
                    f"blob {target.blob.name}: the content of a part ends early; nothing was sent"
                )
            await target.stage(packed.block_id, content)

        await target.throttle.run(send, wanted, lambda packed: packed.block.length)
        # An encrypted part is checked to its end.
        await read(thread, next, contents, b"")


class _PartReader:
    """Reads the blocks of a part from its file."""

    def __init__(
        self,
        disk: Path,
        part: PackPart,
        blocks: Sequence[_PackedBlock],
        identities: Sequence[Identity] | None,
    ) -> None:
        """`identities`: the keys of an encrypted part, None for a plain one."""
        self._disk, self._part, self._blocks, self._identities = disk, part, blocks, identities
        self._path = disk / part.file

    def contents(self, wanted: Sequence[_PackedBlock]) -> Generator[bytes, None, None]:
        """The content of each wanted block. Raises `CopyError` for content that differs from its hash."""
        keys = self._identities
        with closing(self._plain(wanted) if keys is None else self._decrypted(keys)) as found:
            for packed, content in found:
                if packed not in wanted:
                    continue
                if hashlib.sha256(content).hexdigest() != packed.sha256:
                    first = packed.block.start - self._part.start
                    raise self._damaged(f"its content from byte {first} to {first + packed.block.length}")
                yield content

    def _plain(self, wanted: Sequence[_PackedBlock]) -> Generator[tuple[_PackedBlock, bytes], None, None]:
        for packed in wanted:
            start = packed.block.start - self._part.start
            yield packed, read_range(self._disk, self._part.file, start, packed.block.length)

    def _decrypted(self, keys: Sequence[Identity]) -> Generator[tuple[_PackedBlock, bytes], None, None]:
        with open_on_disk(self._disk, self._part.file) as file:
            try:
                with decrypting(file, keys) as plain:
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
