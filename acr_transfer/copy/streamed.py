"""A streamed copy: this machine reads each block at the source and sends it to the target."""

import asyncio
import hashlib
from collections import defaultdict

from acr_transfer.copy.blocks import Block, SourceBlob
from acr_transfer.copy.source import SourceContainer
from acr_transfer.copy.target_blob import TargetBlob
from acr_transfer.errors import CopyError


async def stream_blob(source: SourceContainer, target: TargetBlob) -> None:
    """Copy a blob. Raises `CopyError` if it changes, or if its content does not have the source's MD5.

    Staged blocks are read again too, because the MD5 of the whole covers all bytes.
    """
    blob, whole = target.blob, _OrderedMd5()

    async def copy(block: Block) -> str:
        content = await source.read(blob, block)
        md5 = await asyncio.to_thread(_md5, content)
        await whole.add(block.number, content)
        block_id = blob.block_id(block, md5.hex())
        await target.stage(block_id, content, md5)
        return block_id

    await target.staged()
    block_ids = await target.throttle.run(copy, blob.blocks(), lambda block: block.length)
    check_md5(blob, whole.md5.digest(), "Nothing was committed.")
    await target.commit(block_ids)


def check_md5(blob: SourceBlob, md5: bytes, consequence: str) -> None:
    """Raise `CopyError` if the MD5 of the content differs from the blob's Content-MD5."""
    if md5 != blob.md5:
        raise CopyError(
            f"blob {blob.name}: hash differs: expected MD5 {blob.md5.hex()}, read {md5.hex()}. "
            f"{consequence} Run again; if it fails again, the source's blob is damaged: export it again."
        )


class _OrderedMd5:
    """The MD5 of a blob whose blocks arrive in any order."""

    def __init__(self) -> None:
        self.md5 = hashlib.md5(usedforsecurity=False)
        self._turns: defaultdict[int, asyncio.Event] = defaultdict(asyncio.Event)
        self._turns[0].set()

    async def add(self, number: int, content: bytes) -> None:
        """Wait for all earlier blocks, then add this one."""
        await self._turns[number].wait()
        await asyncio.to_thread(self.md5.update, content)
        del self._turns[number]
        self._turns[number + 1].set()


def _md5(content: bytes) -> bytes:
    return hashlib.md5(content, usedforsecurity=False).digest()
