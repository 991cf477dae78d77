"""A streamed copy of one blob: a small one as one request, a larger one as blocks."""

import asyncio
import hashlib

from acr_transfer.azure.content.pipe import BUFFER
from acr_transfer.copy.blocks import Block
from acr_transfer.copy.source import SourceContainer
from acr_transfer.copy.target_blob import TargetBlob


async def stream_blob(source: SourceContainer, target: TargetBlob) -> None:
    """Copy a blob. Raises `CopyError` if it changes, or if its content does not have the source's MD5."""
    throttle = target.throttle
    if target.blob.is_piped(throttle.reading.rate):
        await throttle.enter(BUFFER)
        try:
            if await target.pipe(source):
                return
        finally:
            throttle.leave(BUFFER)
    await _stream_blocks(source, target)


async def _stream_blocks(source: SourceContainer, target: TargetBlob) -> None:
    """Copy a blob by blocks: a later run continues with those that are missing.

    Staged blocks are read again too, because the MD5 of the whole covers all bytes.
    """
    blob, whole, last = target.blob, hashlib.md5(usedforsecurity=False), asyncio.Event()
    last.set()

    async def copy(block: Block) -> str:
        nonlocal last
        # Copies start in the order of the blocks; the whole is hashed in that order.
        earlier, last = last, (hashed := asyncio.Event())
        with source.buffers.taken(block.length) as content:
            await source.read_into(blob, block, content)
            checksum = await asyncio.to_thread(target.checksum, content)
            await earlier.wait()
            await asyncio.to_thread(whole.update, content)
            hashed.set()
            block_id = blob.block_id(block, checksum.fingerprint)
            await target.stage(block_id, content, checksum)
        return block_id

    await target.staged()
    block_ids = await target.throttle.run(copy, blob.blocks(), lambda block: block.length)
    blob.check_md5(whole.digest(), "Nothing was committed.")
    await target.commit(block_ids)
