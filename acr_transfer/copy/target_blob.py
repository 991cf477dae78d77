"""A blob at the target: what is there of it already, one more block, and the commit that makes it visible.

https://learn.microsoft.com/rest/api/storageservices/put-block-list
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import (
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.storage.blob import BlobBlock, BlobProperties
from azure.storage.blob.aio import BlobClient

from acr_transfer.copy.blocks import CATEGORY, Exported, by_lower_name, category
from acr_transfer.copy.throttle import Meter, Pace
from acr_transfer.errors import CopyError, error_code, explained, host

_PIECE = 64 * 1024
_METERED_PIECE = 16 * 1024
"""Bytes that are written to a connection at once."""


async def look(target: BlobClient) -> BlobProperties | None:
    """The visible blob of that name, if there is one."""
    with explained(f"looking for blob {target.blob_name} at the target", host(target.url)):
        try:
            return await target.get_blob_properties()
        except ResourceNotFoundError as error:
            if error_code(error) == "ContainerNotFound":
                raise
            return None


def equal(blob: Exported, there: BlobProperties) -> bool:
    """Whether the trigger would take what is there for the same blob."""
    md5 = bytes(there.content_settings.content_md5 or b"")
    return (there.size, md5, category(there.metadata)) == (blob.size, blob.md5, CATEGORY)


async def staged(target: BlobClient) -> frozenset[str]:
    """The IDs of the blocks that were sent and not committed: what an earlier run has finished."""
    with explained(f"asking for the blocks of blob {target.blob_name}", host(target.url)):
        try:
            _, waiting = await target.get_block_list("uncommitted")
        except ResourceNotFoundError:
            return frozenset()
    return frozenset(block.id for block in waiting)


async def send(target: BlobClient, identifier: str, content: bytes, md5: bytes, pace: Pace) -> None:
    """Send a block, with its hash: storage compares them, so damage on the way is refused there."""
    body: Any = _Pieces(content, pace.sending)
    with explained(f"writing blob {target.blob_name}", host(target.url), needs="to write blobs"):
        try:
            await target.stage_block(identifier, body, len(content), transactional_content_md5=bytearray(md5))
        except HttpResponseError as error:
            if error_code(error) == "InvalidBlobOrBlock":
                raise CopyError(_FOREIGN_BLOCKS.format(name=target.blob_name)) from None
            raise


_FOREIGN_BLOCKS = (
    "blob {name}: another tool has left blocks of its own copy at the target, and storage mixes no kinds. "
    "They go by themselves a week after the last of them was sent. To go on now, write an empty blob of "
    "that name and delete it (`az storage blob upload --data ''`, `az storage blob delete`), and run again."
)


async def commit(
    blob: Exported, target: BlobClient, there: BlobProperties | None, identifiers: Sequence[str]
) -> None:
    """Make the blob visible with all its properties, unless somebody wrote it since `there` was read."""
    condition: dict[str, Any] = {"match_condition": MatchConditions.IfMissing}
    if there is not None:
        condition = {"match_condition": MatchConditions.IfNotModified, "etag": there.etag}
    with explained(f"committing blob {blob.name}", host(target.url), needs="to write blobs"):
        try:
            await target.commit_block_list(
                [BlobBlock(identifier) for identifier in identifiers],
                content_settings=blob.settings,
                metadata=dict(blob.metadata),
                validate_content=True,
                **condition,
            )
        except (ResourceModifiedError, ResourceExistsError):
            # A request that was made again may have met its own success.
            now = await look(target)
            if now is None or not equal(blob, now):
                raise CopyError(
                    f"blob {blob.name}: somebody else wrote it at the target during the copy. "
                    "Theirs was kept; run again."
                ) from None
    await _check(blob, target)


async def _check(blob: Exported, target: BlobClient) -> None:
    with explained(f"checking blob {blob.name}", host(target.url)):
        there = await target.get_blob_properties()
    wrong = [
        what
        for what, same in (
            ("size, MD5 or category", equal(blob, there)),
            ("metadata", by_lower_name(there.metadata) == by_lower_name(blob.metadata)),
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


class _Pieces:
    """Content that is written in pieces, without a copy of it, and no faster than a meter allows.

    A request that is made again walks through it again.
    """

    def __init__(self, content: bytes, meter: Meter | None) -> None:
        self._content, self._meter = memoryview(content), meter

    async def __aiter__(self) -> AsyncIterator[memoryview]:
        # A capped line stays usable for others: small pieces instead of one burst.
        size = _PIECE if self._meter is None else _METERED_PIECE
        for start in range(0, len(self._content), size):
            piece = self._content[start : start + size]
            if self._meter is not None:
                await asyncio.sleep(self._meter.wait(len(piece)))
            yield piece
