"""One blob from a container to another, fetched by the target's storage itself: nothing passes this machine.

https://learn.microsoft.com/rest/api/storageservices/put-block-from-url
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Any

from azure.core.exceptions import AzureError, HttpResponseError
from azure.storage.blob.aio import BlobClient

from acr_transfer.concurrency import paced
from acr_transfer.copy import target_blob
from acr_transfer.copy.blocks import Block, Exported
from acr_transfer.copy.streamed import Advance
from acr_transfer.copy.throttle import Pace
from acr_transfer.errors import CopyError, error_code, explained, host

Link = Callable[[str], Awaitable[str]]
"""Gives a URL that may read the blob of that name for a short time. It is a secret: never shown or stored."""


class Way(StrEnum):
    """How the content gets from one storage to the other."""

    AUTO = "auto"
    SERVER = "server"
    STREAM = "stream"


class Chooser:
    """Finds out once a run whether the target's storage can read the source's, by trying."""

    def __init__(self, wish: Way, link: Link | None) -> None:
        self._wish, self._link = wish, link
        self._turn = asyncio.Lock()
        self.way: Way | None = None
        self.reason = ""
        """Why storage does not fetch by itself; empty if it does, or if nobody asked."""

    async def choose(self, blob: Exported, target: BlobClient) -> Link | None:
        """A link if storage shall fetch by itself; None if the content shall pass this machine."""
        async with self._turn:
            if self.way is None:
                self.way = await self._try(blob, target)
        return self._link if self.way is Way.SERVER else None

    async def _try(self, blob: Exported, target: BlobClient) -> Way:
        if self._wish is Way.STREAM or self._link is None or not blob.size:
            return Way.STREAM
        first = blob.blocks()[0]
        if blob.block_id(first) in await target_blob.staged(target):
            return Way.SERVER  # It worked in an earlier run.
        try:
            await _fetch(blob, first, await self._link(blob.name), target, retry_total=0)
        except AzureError as error:
            status = getattr(error, "status_code", None) or type(error).__name__
            self.reason = f"{status} {error_code(error)}".strip()
            if self._wish is Way.SERVER:
                raise CopyError(
                    f"the target's storage at {host(target.url)} cannot read the source ({self.reason}). "
                    "`--way stream` sends everything through this machine."
                ) from None
            return Way.STREAM
        return Way.SERVER


async def linked(blob: Exported, link: Link, target: BlobClient, pace: Pace, tell: Advance) -> list[str]:
    """Let the target's storage fetch every block that it has not; gives their IDs, ready to be committed.

    Every fetch names the version that was found first. Raises `CopyError` if there is another one now.
    """
    there = await target_blob.staged(target)

    async def fetch(block: Block) -> str:
        identifier = blob.block_id(block)
        if identifier not in there:
            await _fetched(blob, block, link, target)
        tell(blob.name, block.length, identifier not in there)
        return identifier

    # No content is held here, so only the number of requests counts.
    return await paced(fetch, blob.blocks(), lambda _: 0, pace)


async def _fetched(blob: Exported, block: Block, link: Link, target: BlobClient) -> None:
    with explained(f"fetching blob {blob.name}", host(target.url), needs="to write blobs"):
        try:
            await _fetch(blob, block, await link(blob.name), target)
        except HttpResponseError as error:
            if error.status_code == 412 or error_code(error) in ("BlobNotFound", "CannotVerifyCopySource"):
                raise CopyError(
                    f"blob {blob.name}: source changed, was removed, or the target cannot read it any more "
                    f"({error.status_code} {error_code(error)}). Nothing was committed; run again."
                ) from None
            raise


async def _fetch(blob: Exported, block: Block, url: str, target: BlobClient, **options: Any) -> None:
    await target.stage_block_from_url(
        blob.block_id(block),
        url,
        block.start,
        block.length,
        headers={"x-ms-source-if-match": blob.etag},
        **options,
    )
