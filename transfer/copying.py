"""One blob from a container to another: streamed in checked blocks, visible only when whole and equal.

https://learn.microsoft.com/rest/api/storageservices/put-block-list
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.storage.blob import BlobBlock, BlobProperties, ContentSettings
from azure.storage.blob.aio import BlobClient

from transfer.errors import CopyError, error_code, explained, host

CATEGORY = "acr-transfer-blob"
"""Value of the metadata `category` that an export run sets and the import trigger looks for.

https://learn.microsoft.com/azure/container-registry/container-registry-transfer-troubleshooting
"""

BLOCK_SIZE = 8 * 1024 * 1024
_MOST_BLOCKS = 50_000
"""Blocks that one blob may have.

https://learn.microsoft.com/azure/storage/blobs/scalability-targets
"""

Advance = Callable[[str, int], None]
"""Told the blob's name and the bytes that just arrived at the target."""


@dataclass(frozen=True, kw_only=True)
class Exported:
    """A blob as the export run left it: what must be the same at the target, and which version is read."""

    name: str
    size: int
    md5: bytes
    etag: str
    metadata: Mapping[str, str]
    settings: ContentSettings

    @property
    def block_size(self) -> int:
        """Bytes in a block: 8 MiB, or more where that would make too many blocks."""
        return max(BLOCK_SIZE, -(-self.size // _MOST_BLOCKS))

    def blocks(self) -> list[tuple[str, int, int]]:
        """ID, offset and length of every block.

        The IDs hold the hash of the whole: blocks left by the copy of another version are never mixed in.
        """
        starts = range(0, self.size, self.block_size)
        return [
            (f"{self.md5.hex()}-{number:05}", start, min(self.block_size, self.size - start))
            for number, start in enumerate(starts)
        ]


async def copied(
    blob: Exported, source: BlobClient, target: BlobClient, room: asyncio.Semaphore, tell: Advance
) -> bool:
    """Copy one blob; False if an equal one was there already.

    `room` has one place for each block that may be in memory. Nothing is visible at the target before the
    commit, and nothing is committed whose MD5 is not the one that the export run wrote. Raises
    `CopyError` for a source or target that changed meanwhile, and for other bytes than expected.
    """
    there = await _look(target)
    if there is not None and _equal(blob, there):
        return False
    read = await _stage(blob, source, target, room, tell)
    if read != blob.md5:
        raise CopyError(
            f"blob {blob.name}: hash differs: expected MD5 {blob.md5.hex()}, read {read.hex()}. "
            "Nothing was committed. Run again; if it stays so, the source's blob is damaged: export it anew."
        )
    await _commit(blob, target, there)
    await _check(blob, target)
    return True


async def _look(target: BlobClient) -> BlobProperties | None:
    with explained(f"looking for blob {target.blob_name} at the target", host(target.url)):
        try:
            return await target.get_blob_properties()
        except ResourceNotFoundError as error:
            if error_code(error) == "ContainerNotFound":
                raise
            return None


def category(metadata: Mapping[str, str] | None) -> str | None:
    """The metadata `category`, whatever the case of its name: header names have none."""
    return _by_lower_name(metadata or {}).get("category")


def _by_lower_name(metadata: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in metadata.items()}


def _equal(blob: Exported, there: BlobProperties) -> bool:
    md5 = bytes(there.content_settings.content_md5 or b"")
    return (there.size, md5, category(there.metadata)) == (blob.size, blob.md5, CATEGORY)


async def _stage(
    blob: Exported, source: BlobClient, target: BlobClient, room: asyncio.Semaphore, tell: Advance
) -> bytes:
    """Send every block to the target; gives the MD5 of all that was read, in order."""
    whole = hashlib.md5(usedforsecurity=False)

    async def move(block: tuple[str, int, int], before: asyncio.Event | None, hashed: asyncio.Event) -> None:
        identifier, start, length = block
        content = await _read(blob, source, start, length)
        if before is not None:
            await before.wait()
        await asyncio.to_thread(whole.update, content)
        hashed.set()
        await _send(target, identifier, content)
        tell(blob.name, length)

    try:
        async with asyncio.TaskGroup() as tasks:
            before = None
            for block in blob.blocks():
                await room.acquire()
                hashed = asyncio.Event()
                # Given back from outside: a task cancelled before its first step runs no `finally`.
                tasks.create_task(move(block, before, hashed)).add_done_callback(lambda _: room.release())
                before = hashed
    except ExceptionGroup as group:
        # The first failure is the cause; the others are its echo in blocks on their way.
        raise group.exceptions[0] from None
    return whole.digest()


async def _read(blob: Exported, source: BlobClient, start: int, length: int) -> bytes:
    with explained(f"reading blob {blob.name}", host(source.url)):
        try:
            stream = await source.download_blob(
                start, length, etag=blob.etag, match_condition=MatchConditions.IfNotModified
            )
            return await stream.readall()
        except (ResourceModifiedError, ResourceNotFoundError):
            raise CopyError(
                f"blob {blob.name}: source changed or was removed during the copy. "
                "Nothing was committed; run again."
            ) from None


async def _send(target: BlobClient, identifier: str, content: bytes) -> None:
    with explained(f"writing blob {target.blob_name}", host(target.url), needs="to write blobs"):
        # The service compares each block with its hash, so damage on the way is refused there.
        await target.stage_block(identifier, BytesIO(content), len(content), validate_content="md5")


async def _commit(blob: Exported, target: BlobClient, there: BlobProperties | None) -> None:
    condition: dict[str, Any] = {"match_condition": MatchConditions.IfMissing}
    if there is not None:
        condition = {"match_condition": MatchConditions.IfNotModified, "etag": there.etag}
    blocks = [BlobBlock(identifier) for identifier, _, _ in blob.blocks()]
    with explained(f"committing blob {blob.name}", host(target.url), needs="to write blobs"):
        try:
            await target.commit_block_list(
                blocks,
                content_settings=blob.settings,
                metadata=dict(blob.metadata),
                validate_content=True,
                **condition,
            )
        except (ResourceModifiedError, ResourceExistsError):
            raise CopyError(
                f"blob {blob.name}: somebody else wrote it at the target during the copy. "
                "Theirs was kept; run again."
            ) from None


async def _check(blob: Exported, target: BlobClient) -> None:
    with explained(f"checking blob {blob.name}", host(target.url)):
        there = await target.get_blob_properties()
    wrong = [
        what
        for what, same in (
            ("size, MD5 or category", _equal(blob, there)),
            ("metadata", _by_lower_name(there.metadata) == _by_lower_name(blob.metadata)),
            # A blob may have no content type; storage then gives it one of its own.
            ("content type", blob.settings.content_type in (None, there.content_settings.content_type)),
        )
        if not same
    ]
    if wrong:
        raise CopyError(
            f"blob {blob.name}: {', '.join(wrong)} at the target not as at the source, "
            "so the import trigger may not see it. Run again."
        )
