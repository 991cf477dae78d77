"""One blob from a container to another through this machine: read, hashed, and sent where it is not yet."""

from __future__ import annotations

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import Callable

from azure.core import MatchConditions
from azure.core.exceptions import ResourceModifiedError, ResourceNotFoundError
from azure.storage.blob.aio import BlobClient

from acr_transfer.concurrency import paced
from acr_transfer.copy import target_blob
from acr_transfer.copy.blocks import Block, Exported
from acr_transfer.copy.throttle import Pace
from acr_transfer.errors import CopyError, explained, host

Advance = Callable[[str, int, bool], None]
"""Told the blob's name, bytes that are at the target now, and whether they had to be sent."""


async def streamed(
    blob: Exported,
    source: BlobClient,
    target: BlobClient,
    pace: Pace,
    tell: Advance,
) -> list[str]:
    """Bring every block to the target; gives their IDs, in order, ready to be committed.

    All content is read, also of blocks that are at the target already: only so the MD5 of the whole can be
    compared with the source's. Raises `CopyError` if it differs, or if the source changed meanwhile.
    """
    there = await target_blob.staged(target)
    whole = _Whole()

    async def move(block: Block) -> str:
        content = await read_paced(blob, source, block, pace)
        md5 = await asyncio.to_thread(_md5, content)
        await whole.add(block.number, content)
        identifier = blob.block_id(block, md5.hex())
        if identifier not in there:
            await target_blob.send(target, identifier, content, md5, pace)
        tell(blob.name, block.length, identifier not in there)
        return identifier

    identifiers = await paced(move, blob.blocks(), lambda block: block.length, pace)
    if whole.digest() != blob.md5:
        raise CopyError(
            f"blob {blob.name}: hash differs: expected MD5 {blob.md5.hex()}, read {whole.digest().hex()}. "
            "Nothing was committed. Run again; if it stays so, the source's blob is damaged: export it anew."
        )
    return identifiers


class _Whole:
    """The hash of the whole blob, whose blocks come as they like and are taken in their order."""

    def __init__(self) -> None:
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._turns: defaultdict[int, asyncio.Event] = defaultdict(asyncio.Event)
        self._turns[0].set()

    async def add(self, number: int, content: bytes) -> None:
        await self._turns[number].wait()
        await asyncio.to_thread(self._md5.update, content)
        del self._turns[number]
        self._turns[number + 1].set()

    def digest(self) -> bytes:
        return self._md5.digest()


def _md5(content: bytes) -> bytes:
    return hashlib.md5(content, usedforsecurity=False).digest()


async def read_paced(blob: Exported, source: BlobClient, block: Block, pace: Pace) -> bytes:
    """One block of exactly the version that was found first."""
    if pace.reading is None or pace.cap is None:
        return await read(blob, source, block.start, block.length)
    # A capped line stays usable for others: small pieces instead of one burst.
    piece = max(64 * 1024, int(pace.cap / 4))
    content = b""
    for start in range(block.start, block.start + block.length, piece):
        length = min(piece, block.start + block.length - start)
        await asyncio.sleep(pace.reading.wait(length))
        content += await read(blob, source, start, length)
    return content


async def read(blob: Exported, source: BlobClient, start: int, length: int) -> bytes:
    """Bytes of exactly the version that was found first, or a `CopyError` if there is another one now."""
    with explained(f"reading blob {blob.name}", host(source.url), needs="to read blobs"):
        try:
            stream = await source.download_blob(
                start, length, etag=blob.etag, match_condition=MatchConditions.IfNotModified
            )
            # Not readall(), which holds the content three times.
            chunks = [chunk async for chunk in stream.chunks()]
        except (ResourceModifiedError, ResourceNotFoundError):
            raise CopyError(
                f"blob {blob.name}: source changed or was removed during the copy. "
                "Nothing was committed; run again."
            ) from None
    content = chunks[0] if len(chunks) == 1 else b"".join(chunks)
    if len(content) != length:
        raise CopyError(
            f"blob {blob.name}: sizes differ: asked for {length} bytes at {start}, got {len(content)}. "
            "Nothing was committed; run again."
        )
    return content
