"""Copies every exported blob from the source's container to the target's: streamed or server-side.

In a server-side copy, the target's storage reads each block from the source's storage.
https://learn.microsoft.com/rest/api/storageservices/put-block-from-url
"""

import asyncio
from collections.abc import Sequence

from azure.core.exceptions import AzureError, HttpResponseError
from azure.storage.blob.aio import ContainerClient

from acr_transfer.azure.containers import ReadLink
from acr_transfer.azure.storage_limits import storage_request
from acr_transfer.azure.throttle import Throttle
from acr_transfer.copy.blocks import Block
from acr_transfer.copy.result import CopyMode, CopyProgress, CopyResult, copy_blobs
from acr_transfer.copy.source import SourceContainer
from acr_transfer.copy.stream import stream_blob
from acr_transfer.copy.target_blob import TargetBlob
from acr_transfer.errors import CopyError, error_code

_BLOBS_AT_A_TIME = 8
_SIGNS = "generateUserDelegationKey, which the role Storage Blob Data Reader on the account has"


class Route:
    """The two containers of a copy, and how the content gets from one to the other."""

    def __init__(
        self,
        source: ContainerClient,
        target: ContainerClient,
        throttle: Throttle | None = None,
        link: ReadLink | None = None,
        mode: CopyMode = CopyMode.AUTO,
    ) -> None:
        """Without a `link` to the source's blobs, everything is streamed."""
        self.throttle = throttle or Throttle()
        self.source, self.target = SourceContainer(source, self.throttle), target
        self.mode: CopyMode | None = None
        """The mode that the run uses; None before the first blob that needs a copy."""

        self.reason = ""
        """The reason against a server-side copy; empty if none was found."""

        self._link, self._requested = link, mode
        self._probing = asyncio.Lock()

    async def copy(self, target: TargetBlob) -> CopyMode:
        """Copy a blob; the first one decides whether the target's storage can read the source's."""
        async with self._probing:
            if self.mode is None:
                self.mode = await self._probe(target)
        if self._link and self.mode is CopyMode.SERVER:
            await _fetch_blob(self._link, target)
        else:
            await stream_blob(self.source, target)
        return self.mode

    async def _probe(self, target: TargetBlob) -> CopyMode:
        blob, link = target.blob, self._link
        if self._requested is CopyMode.STREAM or link is None or not blob.size:
            return CopyMode.STREAM
        first = blob.blocks()[0]
        if blob.block_id(first) in await target.staged():
            return CopyMode.SERVER  # An earlier run fetched it.
        with storage_request(f"fetching blob {blob.name}", target.host):
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


async def hop(names: Sequence[str], route: Route, progress: CopyProgress) -> list[CopyResult]:
    """Copy the blobs `names`; return the result of each, in their order, with failures.

    Before the first byte is copied, raises `NothingExportedError` with every fault of the source, or
    `MissingError` if the target's container does not exist. A blob is not visible at the target before all
    of it is staged, and a streamed one not before its MD5 is compared.
    """
    async with route.source as source:
        blobs = await source.find(names)
        return await copy_blobs(blobs, route.target, route.throttle, progress, route.copy, _BLOBS_AT_A_TIME)


async def _fetch_blob(link: ReadLink, target: TargetBlob) -> None:
    """Let the target's storage fetch every missing block of the source's version, then commit.

    Raises `CopyError` if the source has changed.
    """
    blob, staged = target.blob, await target.staged()

    async def fetch(block: Block) -> str:
        block_id = blob.block_id(block)
        if block_id in staged:
            target.count(block.length, sent=False)
        else:
            await _fetch_block(block, link, target)
            target.count(block.length, sent=True)
        return block_id

    # No content is in memory, so only the number of requests is limited.
    await target.commit(await target.throttle.run(fetch, blob.blocks(), lambda _: 0))


async def _fetch_block(block: Block, link: ReadLink, target: TargetBlob) -> None:
    name = target.blob.name
    with storage_request(f"signing a link to blob {name}", "the source's storage", needs=_SIGNS):
        source = await link(name)
    with storage_request(f"fetching blob {name}", target.host, needs="to write blobs"):
        try:
            await target.fetch(block, source)
        except HttpResponseError as error:
            if error.status_code == 412 or error_code(error) in ("BlobNotFound", "CannotVerifyCopySource"):
                raise CopyError(
                    f"blob {name}: source changed, was removed, or the target cannot read it any more "
                    f"({error.status_code} {error_code(error)}). Nothing was committed; run again."
                ) from None
            raise
