"""A server-side copy: the target's storage reads each block from the source's storage.

https://learn.microsoft.com/rest/api/storageservices/put-block-from-url
"""

from __future__ import annotations

import asyncio

from azure.core.exceptions import AzureError, HttpResponseError

from acr_transfer.azure.containers import ReadLink
from acr_transfer.copy.blocks import Block
from acr_transfer.copy.result import CopyMode
from acr_transfer.copy.target_blob import TargetBlob
from acr_transfer.errors import CopyError, error_code, explained


class ModeProbe:
    """Chooses the route once for a run: tries whether the target's storage can read the source's."""

    def __init__(self, requested: CopyMode, link: ReadLink | None) -> None:
        self._requested, self._link = requested, link
        self._lock = asyncio.Lock()
        self.mode: CopyMode | None = None
        self.reason = ""
        """The reason against a server-side copy; empty if none was found."""

    async def link_for(self, target: TargetBlob) -> ReadLink | None:
        """Return the link for a server-side copy, or None for a streamed copy."""
        async with self._lock:
            if self.mode is None:
                self.mode = await self._probe(target)
        return self._link if self.mode is CopyMode.SERVER else None

    async def _probe(self, target: TargetBlob) -> CopyMode:
        blob, link = target.blob, self._link
        if self._requested is CopyMode.STREAM or link is None or not blob.size:
            return CopyMode.STREAM
        first = blob.blocks()[0]
        if blob.block_id(first) in await target.staged():
            return CopyMode.SERVER  # An earlier run fetched it.
        try:
            await target.fetch(first, await link(blob.name), retry_total=0)
        except AzureError as error:
            status = getattr(error, "status_code", None) or type(error).__name__
            self.reason = f"{status} {error_code(error)}".strip()
            if self._requested is CopyMode.SERVER:
                raise CopyError(
                    f"the target's storage at {target.host} cannot read the source ({self.reason}). "
                    "`--way stream` sends everything through this machine."
                ) from None
            return CopyMode.STREAM
        return CopyMode.SERVER


async def fetch_blob(link: ReadLink, target: TargetBlob) -> None:
    """Let the target's storage fetch every missing block of the source's version, then commit.

    Raises `CopyError` if the source has changed.
    """
    blob, staged = target.blob, await target.staged()

    async def fetch(block: Block) -> str:
        block_id = blob.block_id(block)
        if block_id in staged:
            target.count_staged(block.length)
        else:
            await _fetch(block, link, target)
            target.count_sent(block.length)
        return block_id

    # No content is in memory, so only the number of requests is limited.
    await target.commit(await target.throttle.run(fetch, blob.blocks(), lambda _: 0))


async def _fetch(block: Block, link: ReadLink, target: TargetBlob) -> None:
    name = target.blob.name
    with explained(f"fetching blob {name}", target.host, needs="to write blobs"):
        try:
            await target.fetch(block, await link(name))
        except HttpResponseError as error:
            if error.status_code == 412 or error_code(error) in ("BlobNotFound", "CannotVerifyCopySource"):
                raise CopyError(
                    f"blob {name}: source changed, was removed, or the target cannot read it any more "
                    f"({error.status_code} {error_code(error)}). Nothing was committed; run again."
                ) from None
            raise
